"""OpenAI's preference lines: a conversation, the answer that is preferred, and one that is not.

{"input": {"messages": [...], "tools"?: [...]}, "preferred_output": [message], "non_preferred_output": [message]}
(OpenAI's guide to direct preference optimization; `PreferenceInput` of its API specification).
"""

from __future__ import annotations

from collections.abc import Mapping

from export.formats.openai_rules import Problem
from export.formats.speaking import bare
from export.formats.target import Body, Target, is_messages, malformed, shape

KEYS = frozenset({"input", "preferred_output", "non_preferred_output"})
INPUT, TOOLS = frozenset({"messages"}), frozenset({"tools", "parallel_tool_calls"})


def line(record: Body) -> Body:
    """Write a pair."""
    tools = {"tools": record["tools"]} if "tools" in record else {}
    return {
        "input": {"messages": [bare(one) for one in record["messages"]], **tools},
        "preferred_output": [record["chosen"]],
        "non_preferred_output": [record["rejected"]],
    }


def read(body: Body) -> Body | Problem:
    """Read a pair back."""
    if problem := shape(body, KEYS):
        return problem
    asked = body["input"]
    if not isinstance(asked, dict) or not is_messages(asked.get("messages")):
        return malformed("input")
    if problem := shape(asked, INPUT, TOOLS):
        return problem
    for key in ("preferred_output", "non_preferred_output"):
        if not is_messages(body[key]) or len(body[key]) != 1:
            return malformed(key)
    return pair(asked, body["preferred_output"][0], body["non_preferred_output"][0])


def pair(asked: Mapping[str, object], chosen: Body, rejected: Body) -> Body:
    """Give the canonical pair."""
    tools = {"tools": asked["tools"]} if asked.get("tools") else {}
    return {"messages": asked["messages"], **tools, "chosen": chosen, "rejected": rejected}


TARGET = Target(
    name="openai-preference",
    help="Pairs of answers for OpenAI's direct preference optimization.",
    source="OpenAI's API specification 2.3.0 and its guide to direct preference optimization",
    kind="preference",
    line=line,
    read=read,
    minimum=10,
    most_bytes=512 * 1024 * 1024,
)

"""What a line of OpenAI chat JSON must be: the rules for messages, weights, tools and contents, as preflight asks them.

Sources: the fine-tuning line schema of OpenAI's API specification, and rejections people met ("Line 1, message 3, key
"content": Input should be a valid string"; 'Example 536 contains an extra "tools"'; weights other than 0 and 1).
Nothing here repeats a file's text: what is named is the place, the key and the kind.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from export.tokens import has_special_token

TOP_LEVEL = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
ROLES = frozenset({"system", "user", "assistant", "tool", "function"})
KEYS = {
    "system": {"role", "content", "name"},
    "user": {"role", "content", "name"},
    "assistant": {"role", "content", "name", "weight", "tool_calls", "function_call", "refusal"},
    "tool": {"role", "content", "tool_call_id"},
    "function": {"role", "content", "name"},
}
MOST_TOOLS = 128
# A function's name in the API: letters, digits, _ and -; a speaker's may hold more, but nothing that marks up a prompt.
TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
SPEAKER_NAME = re.compile(r"[^\s<|\\/>]{1,64}")
_MARKED = "Take the mark out, or put a space in it."


class Problem(NamedTuple):
    """One thing wrong with a line: a stable code, what it is, and what to do."""

    code: str
    message: str
    fix: str


def problems(body: Mapping[str, Any]) -> Iterator[Problem]:
    """Give everything wrong with one parsed line."""
    for key in sorted(set(body) - TOP_LEVEL):
        yield Problem("example.unknown_key", f"The key {key[:40]!r} is not known.", "Leave it out of the file.")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        yield Problem("example.no_messages", 'There is no list "messages", or it is empty.', "Write the messages.")
        return
    spoken = [message if isinstance(message, dict) else {} for message in messages]
    for number, message in enumerate(spoken, start=1):
        yield from _message(number, message)
    yield from _whole(spoken)
    yield from _order(spoken)
    yield from _declared(body, spoken)
    yield from _called(body, spoken)
    yield from _answers(spoken)


def _message(number: int, message: Mapping[str, Any]) -> Iterator[Problem]:
    role, content = message.get("role"), message.get("content")
    if isinstance(content, str) and has_special_token(content):
        yield Problem("message.special_token", f"Message {number} holds a control mark of a model.", _MARKED)
    if not isinstance(role, str) or role not in ROLES:
        known = ", ".join(sorted(ROLES))
        fix = 'Write "system".' if role == "developer" else f"Use one of {known}."
        yield Problem("message.role", f"Message {number} has no known role.", fix)
        return
    for key in sorted(set(message) - KEYS[role]):
        yield Problem("message.key", f"Message {number} ({role}) may not have the key {key[:40]!r}.", "Leave it out.")
    yield from _content(number, role, message)
    weight = message.get("weight", 1)
    if type(weight) is not int or weight not in (0, 1):
        yield Problem("message.weight", f"The weight of message {number} is neither 0 nor 1.", "Write 0 or 1.")
    name = message.get("name", "-")
    if not isinstance(name, str) or not SPEAKER_NAME.fullmatch(name):
        fix = "Leave it out, or write 1 to 64 characters without blanks and < | > / \\."
        yield Problem("message.name", f"The name in message {number} ({role}) is not allowed.", fix)
    if "tool_calls" in message:
        yield from _calls(number, message["tool_calls"])


def _content(number: int, role: str, message: Mapping[str, Any]) -> Iterator[Problem]:
    content = message.get("content")
    acts = bool(message.get("tool_calls") or message.get("function_call"))
    if isinstance(content, str):
        if not content.strip() and not acts:
            yield Problem("message.empty", f"Message {number} ({role}) is empty.", "Leave the message out.")
    elif content is None and acts:
        fix = 'Write "content": "" beside the calls: some trainers fail without it.'
        yield Problem("message.null_content", f"Message {number} ({role}) has no content beside its calls.", fix)
    elif not (isinstance(content, list) and content and role == "user"):
        yield Problem("message.content", f"The content of message {number} ({role}) is no string.", "Write a string.")


def _calls(number: int, calls: Any) -> Iterator[Problem]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(calls, list) or not calls:
        yield Problem("tools.call", f"The tool calls of message {number} are no list.", "Leave the key out.")
        return
    for call in calls:
        if not _well_formed(call):
            fix = 'Write {"id", "type": "function", "function": {"name", "arguments"}}, the arguments as a string.'
            yield Problem("tools.call", f"A tool call of message {number} is malformed.", fix)
            continue
        name, arguments = call["function"]["name"], call["function"]["arguments"]
        if not TOOL_NAME.fullmatch(name):
            fix = "Use 1 to 64 letters, digits, hyphens and underscores."
            yield Problem("tools.name", f"The name of a tool that message {number} calls is not allowed.", fix)
        if has_special_token(arguments):
            marked = f"A tool call of message {number} holds a control mark of a model."
            yield Problem("message.special_token", marked, _MARKED)
        if not _is_json(arguments):
            fix = "A model that learns this calls tools with arguments nobody can read."
            yield Problem("tools.arguments", f"A tool call of message {number} has arguments that are no JSON.", fix)


def _well_formed(call: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    if not isinstance(call, dict) or call.get("type") != "function" or not isinstance(call.get("id"), str):
        return False
    function = call.get("function")
    return isinstance(function, dict) and all(isinstance(function.get(key), str) for key in ("name", "arguments"))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _whole(messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    answers = [message for message in messages if message.get("role") == "assistant"]
    if not answers:
        yield Problem("example.no_assistant", "No message is the assistant's.", "Leave the example out.")
    elif all(message.get("weight") == 0 for message in answers):
        yield Problem("example.no_target", "Every assistant message has weight 0.", "Leave the example out.")
    if messages[-1].get("role") != "assistant":
        fix = "Cut the messages after the last answer."
        yield Problem("example.last", "The last message is not the assistant's, and teaches nothing.", fix)
    if all(message.get("role") != "user" for message in messages):
        yield Problem("example.no_user", "No message is the user's.", "Check that this is a conversation.")


def _order(messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    places = [number for number, message in enumerate(messages, start=1) if message.get("role") == "system"]
    if len(places) > 1:
        yield Problem("example.systems", f"There are {len(places)} system messages.", "Make them one, at the start.")
    elif places and places[0] > 1:
        yield Problem("example.system_late", f"The system message is message {places[0]}.", "Put it first.")


def _declared(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    old = "functions" in body or any("function_call" in message for message in messages)
    new = "tools" in body or any("tool_calls" in message for message in messages)
    if old and new:
        yield Problem("tools.mixed", "Tools and functions are mixed.", "Use tools alone.")
    if "tools" in body and not _tools_fit(body["tools"]):
        fix = f'Write [{{"type": "function", "function": {{"name", ...}}}}], {MOST_TOOLS} at most.'
        yield Problem("tools.declared", "The list of tools is empty, too long or malformed.", fix)
    elif new and "tools" not in body:
        fix = "Give the tools, so that the model learns when to call which."
        yield Problem("tools.undeclared", "Tools are called, but none are declared.", fix)
    if not isinstance(body.get("parallel_tool_calls", True), bool):
        yield Problem("tools.parallel", "parallel_tool_calls is neither true nor false.", "Leave it out.")


def _tools_fit(tools: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    return isinstance(tools, list) and 0 < len(tools) <= MOST_TOOLS and all(map(_tool_fits, tools))


def _tool_fits(tool: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
    name = function.get("name") if isinstance(function, dict) else None
    return isinstance(name, str) and TOOL_NAME.fullmatch(name) is not None


def _called(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Every call needs an id of its own and, where tools are declared, one of them; those hold no control marks."""
    calls = [call for message in messages for call in _formed(message.get("tool_calls"))]
    for call_id, count in Counter(call["id"] for call in calls).items():
        if count > 1 or not call_id:
            yield Problem("tools.id", "Tool calls share an id, or have none.", "Give each call an id of its own.")
            break
    if not _tools_fit(body.get("tools")):
        return
    tools = body["tools"]
    if {call["function"]["name"] for call in calls} - {tool["function"]["name"] for tool in tools}:
        yield Problem("tools.unknown", "A tool is called that is not among those declared.", "Declare it.")
    if has_special_token(orjson.dumps(tools).decode()):
        yield Problem("message.special_token", "The list of tools holds a control mark of a model.", _MARKED)


def _formed(calls: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 - whatever the file holds
    return [call for call in calls if _well_formed(call)] if isinstance(calls, list) else []


def _answers(messages: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    """Every result must follow its call, and every call but the last message's must have its result next."""
    waiting: set[str] = set()
    for number, message in enumerate(messages, start=1):
        if message.get("role") == "tool":
            call_id = message.get("tool_call_id")
            if not isinstance(call_id, str) or call_id not in waiting:
                yield Problem("tools.orphan", f"Message {number} answers no tool call.", "Leave it out.")
            else:
                waiting.discard(call_id)
            continue
        if waiting:
            fix = "Put each result right after its call, or leave the call out."
            yield Problem("tools.unanswered", f"A tool call before message {number} has no result.", fix)
        waiting = _ids(message.get("tool_calls"))


def _ids(calls: Any) -> set[str]:  # noqa: ANN401 - whatever the file holds
    listed = calls if isinstance(calls, list) else []
    return {call["id"] for call in listed if isinstance(call, dict) and isinstance(call.get("id"), str)}

"""Bring a canonical record's messages into the order and the means that a target takes.

Every step gives the very same record where there is nothing to do, and None where nothing to learn would be left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from export.formats.openai_rules import Problem

Body = Mapping[str, Any]
Message = Mapping[str, Any]
Step = Callable[[Body], Body | None]
Finder = Callable[[Body], Iterator[Problem]]

ALTERNATING = "speakers take turns, beginning with the customer"
WITHOUT_UNLEARNT = "answers that must not be learnt are left out, for every answer of a line is learnt"
WITHOUT_TOOLS = "lines with tool calls are left out, for they cannot be said there"


def steps(*chain: Step) -> Step:
    """Take several steps, one after the other."""

    def walk(body: Body) -> Body | None:
        for step in chain:
            done = step(body)
            if done is None:
                return None
            body = done
        return body

    return walk


def every(*finders: Finder) -> Finder:
    """Look with several finders, one after the other."""
    return lambda record: (problem for find in finders for problem in find(record))


def without_unlearnt(body: Body) -> Body | None:
    """Leave out the answers of weight 0, and the results of tools that they called."""
    messages: Sequence[Message] = body["messages"]
    gone = [one for one in messages if one.get("weight") == 0]
    return _with(body, _less(messages, gone)) if gone else body


def without_tools(body: Body) -> Body | None:
    """Leave out the list of tools; a record in which one is called is not for this target."""
    if any("tool_calls" in one or one["role"] == "tool" for one in body["messages"]):
        return None
    return {"messages": body["messages"]} if "tools" in body else body


def alternating(body: Body) -> Body | None:
    """Let the customer begin and speakers take turns.

    What one speaker says in a row becomes one message. Where an answer to learn stands beside one that must not be
    learnt, the latter is left out; so is what is said before the customer's first words.
    """
    messages: Sequence[Message] = body["messages"]
    if not any(True for _ in out_of_turn(messages)):
        return body
    head = [one for one in messages[:1] if one["role"] == "system"]
    told: list[Message] = []
    for message in messages[len(head) :]:
        if not told and message["role"] != "user":
            continue
        told = _joined(told, message)
    while told and (told[-1]["role"] != "assistant" or told[-1].get("weight") == 0):
        told.pop()
    return _with(body, [*head, *told])


def alternating_context(body: Body) -> Body | None:
    """Let speakers take turns in the messages of a pair, up to the answers that are compared."""
    messages: Sequence[Message] = body["messages"]
    if not any(True for _ in out_of_turn([*messages, ANSWER])):
        return body
    context = [{**one, "weight": 0} if one["role"] == "assistant" else one for one in messages]
    whole = alternating({"messages": [*context, ANSWER]})
    return None if whole is None else {**body, "messages": [bare(one) for one in whole["messages"][:-1]]}


def out_of_turn(messages: Sequence[Message]) -> Iterator[int]:
    """Give the places, from 1, of messages that are not the next speaker's; results follow each other after a call."""
    last = "system"
    for number, message in enumerate(messages, start=1):
        role = message["role"]
        if (last, role) not in IN_TURN:
            yield number
        last = role


IN_TURN = {
    ("system", "system"),
    ("system", "user"),
    ("user", "assistant"),
    ("assistant", "user"),
    ("assistant", "tool"),
    ("tool", "tool"),
    ("tool", "assistant"),
}
ANSWER: Message = {"role": "assistant", "content": "-"}  # stands for either answer of a pair


def takes_turns(body: Body) -> Iterator[Problem]:
    """Find the first message that is out of turn."""
    for number in out_of_turn(body["messages"]):
        fix = "Let the customer begin and speakers take turns; chatmill export does."
        yield Problem("example.turns", f"Message {number} is not the next speaker's.", fix)
        break


def no_tools(body: Body) -> Iterator[Problem]:
    """Find tools, which some targets cannot read."""
    if "tools" in body or any("tool_calls" in one or one.get("role") == "tool" for one in body["messages"]):
        yield Problem("tools.not_taken", "Tools are declared or called, which is not taken here.", "Leave it out.")


def no_weights(body: Body) -> Iterator[Problem]:
    """Find answers of weight 0, which would be learnt all the same."""
    for number, message in enumerate(body["messages"], start=1):
        if message.get("weight") == 0:
            yield Problem("message.learnt", f"Message {number} would be learnt despite weight 0.", "Leave it out.")


def bare(message: Message) -> dict[str, Any]:
    """Give a message without its weight."""
    if "weight" not in message:
        return dict(message)
    return {key: value for key, value in message.items() if key != "weight"}


def _joined(told: list[Message], message: Message) -> list[Message]:
    """Add a message, or make one of it and the last where both are the same speaker's."""
    role = message["role"]
    if role == "tool":
        return [*told, message] if _is_called(told, message) else told
    if role == "user" and told and told[-1]["role"] == "tool":
        told = _without_call(told)
    last = told[-1] if told else {}
    if last.get("role") != role:
        return [*told, message]
    if last.get("weight") == message.get("weight") and "tool_calls" not in last:
        return [*told[:-1], _one(last, message)]
    return [*told[:-1], message] if last.get("weight") == 0 else told


def _one(first: Message, second: Message) -> Message:
    content = "\n".join(one["content"] for one in (first, second) if one["content"])
    return {**first, **second, "content": content}


def _is_called(told: Sequence[Message], result: Message) -> bool:
    before = (one for one in reversed(told) if one["role"] != "tool")
    calls: Sequence[Message] = next(before, {}).get("tool_calls", ())
    return any(call["id"] == result["tool_call_id"] for call in calls)


def _without_call(told: Sequence[Message]) -> list[Message]:
    """Take back a call that the agent said nothing of; what was said beside it stays."""
    end = len(told)
    while told[end - 1]["role"] == "tool":
        end -= 1
    said = {key: value for key, value in told[end - 1].items() if key != "tool_calls"}
    return [*told[: end - 1], said] if said["content"] else list(told[: end - 1])


def _less(messages: Sequence[Message], gone: Sequence[Message]) -> list[Message]:
    """Leave messages out, with the results of their calls, and join what one speaker then says in a row."""
    calls = {call["id"] for one in gone for call in one.get("tool_calls", ())}
    left: list[Message] = []
    for message in messages:
        if any(message is one for one in gone) or message.get("tool_call_id") in calls:
            continue
        is_same = bool(left) and left[-1]["role"] == message["role"] != "tool" and "tool_calls" not in left[-1]
        left = [*left[:-1], _one(left[-1], message)] if is_same else [*left, message]
    return left


def _with(body: Body, messages: Sequence[Message]) -> Body | None:
    """Give the record with other messages; None without a question, or without an answer to learn at the end."""
    asks = any(one["role"] == "user" for one in messages)
    learnt = bool(messages) and messages[-1]["role"] == "assistant" and messages[-1].get("weight") != 0
    return {**body, "messages": list(messages)} if asks and learnt else None

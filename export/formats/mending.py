"""Mend an example that preflight finds fault with, step by step; what is left standing is for a person.

Steps take a body whose "messages" are objects and give a new one. None of them invents words: they take out what
nobody may read, put in order what stands in the wrong place, and write as a string what must be one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from export.formats.openai_chat import function_name
from export.formats.openai_rules import KEYS, ROLES, SPEAKER_NAME, TOP_LEVEL
from export.tokens import neutral

Body = Mapping[str, Any]
Messages = Sequence[Body]


def mend(body: Body) -> tuple[Body, list[str]]:
    """Mend an example as far as it goes, and say what was done."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        return body, []
    done: list[str] = []
    for name, step in STEPS:
        mended = step(body)
        if orjson.dumps(mended) != orjson.dumps(body):
            done.append(name)
        body = mended
    return body, done


def _each(change: Callable[[Body], Body]) -> Callable[[Body], Body]:
    return lambda body: {**body, "messages": [change(message) for message in body["messages"]]}


def _whole(change: Callable[[Messages], Messages]) -> Callable[[Body], Body]:
    return lambda body: {**body, "messages": change(body["messages"])}


def _known_keys(body: Body) -> Body:
    return {key: value for key, value in body.items() if key in TOP_LEVEL and value not in ([], None)}


def _as_system(message: Body) -> Body:
    return {**message, "role": "system"} if message.get("role") == "developer" else message


def _known_message_keys(message: Body) -> Body:
    role = message.get("role")
    known = KEYS[role] if isinstance(role, str) and role in ROLES else set(message)
    return {key: value for key, value in message.items() if key in known}


def _string(message: Body) -> Body:
    content = message.get("content")
    if isinstance(content, str):
        return message
    if content is None:
        return {**message, "content": ""}
    if isinstance(content, list) and content and all(_is_text(part) for part in content):
        return {**message, "content": "\n".join(part["text"] for part in content)}
    return {**message, "content": _json(content)} if message.get("role") == "tool" else message


def _is_text(part: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON
    return orjson.dumps(value).decode()


def _unmarked(message: Body) -> Body:
    content = message.get("content")
    told = {**message, "content": neutral(content)} if isinstance(content, str) else message
    return _with_functions(told, lambda function: _with(function, "arguments", neutral))


def _weight(message: Body) -> Body:
    weight = message.get("weight")
    if weight in (0, 1):
        return {**message, "weight": int(weight)}
    return {key: value for key, value in message.items() if key != "weight"}


def _speaker(message: Body) -> Body:
    name = message.get("name")
    if isinstance(name, str) and SPEAKER_NAME.fullmatch(name):
        return message
    return {key: value for key, value in message.items() if key != "name"}


def _arguments(message: Body) -> Body:
    def as_text(function: Body) -> Body:
        arguments = function.get("arguments")
        return {**function, "arguments": _json(arguments)} if isinstance(arguments, dict) else function

    return _with_functions(message, as_text)


def _called_names(message: Body) -> Body:
    return _with_functions(message, lambda function: _with(function, "name", function_name))


def _tool_names(body: Body) -> Body:
    tools: Any = body.get("tools")
    if not isinstance(tools, list):
        return body
    named = [_with_function(tool, lambda function: _with(function, "name", function_name)) for tool in tools]
    return {**body, "tools": orjson.loads(neutral(_json(named)))}


def _with(owner: Body, key: str, change: Callable[[str], str]) -> Body:
    value = owner.get(key)
    return {**owner, key: change(value)} if isinstance(value, str) else owner


def _with_functions(message: Body, change: Callable[[Body], Body]) -> Body:
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_with_function(call, change) for call in calls]}


def _with_function(owner: Any, change: Callable[[Body], Body]) -> Any:  # noqa: ANN401 - whatever the file holds
    if not isinstance(owner, dict) or not isinstance(owner.get("function"), dict):
        return owner
    return {**owner, "function": change(owner["function"])}


def _one_system(messages: Messages) -> Messages:
    systems = [message for message in messages if message.get("role") == "system"]
    if not systems or not all(isinstance(message.get("content"), str) for message in systems):
        return messages
    text = "\n\n".join(content for message in systems if (content := message["content"].strip()))
    return [{**systems[0], "content": text}, *(message for message in messages if message.get("role") != "system")]


def _paired(messages: Messages) -> Messages:
    """Put each result right after its call; leave out results without calls, and calls without results but the last."""
    told = [message for message in messages if message.get("role") == "tool"]
    results = {one["tool_call_id"]: one for one in told if isinstance(one.get("tool_call_id"), str)}
    spoken = [message for message in messages if message.get("role") != "tool"]
    paired: list[Body] = []
    for message in spoken:
        if not isinstance(message.get("tool_calls"), list):
            paired.append(message)
            continue
        ids = [call.get("id") for call in message["tool_calls"] if isinstance(call, dict)]
        answered = [call_id for call_id in ids if isinstance(call_id, str) and call_id in results]
        if message is spoken[-1] and not answered:
            paired.append(message)
            continue
        paired.append(_with_calls(message, answered))
        paired += [results.pop(call_id) for call_id in dict.fromkeys(answered)]
    return paired


def _with_calls(message: Body, ids: Sequence[str]) -> Body:
    calls = [call for call in message["tool_calls"] if isinstance(call, dict) and call.get("id") in ids]
    bare = {key: value for key, value in message.items() if key != "tool_calls"}
    return {**bare, "tool_calls": calls} if calls else bare


def _said(messages: Messages) -> Messages:
    return [message for message in messages if message.get("content") != "" or _acts(message)]


def _acts(message: Body) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call")) or message.get("role") == "tool"


def _blank(message: Body) -> Body:
    content = message.get("content")
    return {**message, "content": ""} if isinstance(content, str) and not content.strip() else message


def _until_last_answer(messages: Messages) -> Messages:
    answers = [number for number, message in enumerate(messages) if message.get("role") == "assistant"]
    return messages[: answers[-1] + 1] if answers else messages


STEPS: Sequence[tuple[str, Callable[[Body], Body]]] = (
    ("took out keys that are not known", _known_keys),
    ("wrote system for developer", _each(_as_system)),
    ("took out keys that messages may not have", _each(_known_message_keys)),
    ("wrote a content as a string", _each(_string)),
    ("broke control marks up", _each(_unmarked)),
    ("mended a weight", _each(_weight)),
    ("took out a name that is not allowed", _each(_speaker)),
    ("wrote a tool call's arguments as a string", _each(_arguments)),
    ("mended the name of a tool", _each(_called_names)),
    ("mended the list of tools", _tool_names),
    ("put tool calls and their results together, or left out what has no partner", _whole(_paired)),
    ("left out empty messages", _whole(lambda messages: _said([_blank(message) for message in messages]))),
    ("made one system message at the start", _whole(_one_system)),
    ("cut what follows the last answer", _whole(_until_last_answer)),
)

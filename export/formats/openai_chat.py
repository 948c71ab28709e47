"""Write conversations as OpenAI chat examples: one JSON object a line, with "messages" and "tools".

The canonical form: every message has a string "content" (trainers fail without one), tool calls carry their arguments
as a string, ids of tool calls count from `call_1` in each example (the source's ids may tell who or where), and
"weight" is written only where it is 0. Agents' turns are the targets; bots' turns are context with weight 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

import orjson

from export.errors import BadPrompt
from export.tokens import has_special_token
from store.errors import unknown_name

FORMAT = "openai-chat"
VERSION = 1
ROLES = {"customer": "user", "agent": "assistant", "bot": "assistant"}
PLACEHOLDERS = ("channel", "language", "company")
# A function's name in the API: letters, digits, _ and -, 64 at most.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
REASONS = {
    "export.no_customer": "The customer says nothing before the agent's last words.",
    "export.no_target": "No human agent speaks, so there is nothing to learn.",
    "export.special_token": "A turn holds a control mark of the model, which trainers refuse.",
    "export.tool_arguments": "The arguments of a tool call are not valid JSON.",
    "export.tools": "The list of tools is not valid JSON, or has a tool without a name.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """One public, redacted turn: `name` is a tool call's function, `call_id` ties a result to its call."""

    kind: str
    role: str
    text: str
    name: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One example: its JSON object, and the line of bytes it is written as, without the newline."""

    body: Mapping[str, Any]
    line: bytes


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why a conversation cannot be an example: a stable code and a sentence for a support lead."""

    code: str
    reason: str


def check_prompt(template: str) -> None:
    """Refuse a system prompt's template that names anything but {channel}, {language} and {company}.

    Raises:
        BadPrompt: an unknown name, or braces that do not close.
    """
    hint = "Set export.system_prompt in chatmill.toml; write {{ and }} for plain braces."
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise BadPrompt(f"The system prompt cannot be read: {error}.", hint=hint) from None
    for name in names:
        if name not in PLACEHOLDERS:
            raise BadPrompt(unknown_name("placeholder", name, PLACEHOLDERS), hint=hint)


def fill_prompt(template: str, values: Mapping[str, str | None]) -> str:
    """Fill a checked template in; what is not known becomes empty."""
    return template.format_map({name: values.get(name) or "" for name in PLACEHOLDERS}).strip()


def example(turns: Sequence[Said], *, system: str = "") -> Example | Excluded:
    """Make one example of a conversation's public turns, in reading order, or say why there is none.

    A tool's result follows right after its call, wherever it stood. A result without a call is left out, and so is a
    call without a result, unless nothing comes after it: then the call itself is what is to be learnt. Whatever
    follows the last target is trimmed.
    """
    spoken = [turn for turn in turns if turn.text.strip()]
    if any(has_special_token(turn.text) for turn in spoken):
        return _excluded("export.special_token")
    tools = _tools(turn.text for turn in spoken if turn.kind == "tools")
    if tools is None:
        return _excluded("export.tools")
    script = _Script()
    if not script.perform([turn for turn in spoken if turn.kind != "tools"]):
        return _excluded("export.tool_arguments")
    messages = _trim(script.messages)
    if not messages:
        return _excluded("export.no_target")
    if all(message["role"] != "user" for message in messages):
        return _excluded("export.no_customer")
    body: dict[str, Any] = {"messages": [_system(system), *messages] if system else messages}
    if tools:
        body["tools"] = tools
    return Example(body, orjson.dumps(body))


def _excluded(code: str) -> Excluded:
    return Excluded(code, REASONS[code])


def _system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


@dataclass(slots=True)
class _Script:
    """The messages as they grow; `waiting` holds the results of the calls of the last message, still to be said."""

    messages: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    waiting: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    calls: int = 0

    def perform(self, turns: Sequence[Said]) -> bool:
        """Say every turn; False when a call's arguments cannot be read."""
        results = _pair(turns)
        closing = _closing(turns)
        for number, turn in enumerate(turns):
            if turn.kind == "message":
                self._say(turn)
            elif turn.kind == "tool_result":
                self._flush()
            elif number in results or number >= closing:
                if _parsed(turn.text) is None:
                    return False
                self._call(turn, results.get(number))
        self._flush()
        return True

    def _say(self, turn: Said) -> None:
        self._flush()
        message = _message(ROLES[turn.role], turn.text.strip(), bot=turn.role == "bot")
        last = self.messages[-1] if self.messages else {}
        if _same_voice(last, message) and "tool_calls" not in last:
            last["content"] += "\n" + message["content"]
        else:
            self.messages.append(message)

    def _call(self, turn: Said, result: Said | None) -> None:
        self.calls += 1
        call_id = f"call_{self.calls}"
        speaker = _message("assistant", "", bot=turn.role == "bot")
        if not (self.messages and _same_voice(self.messages[-1], speaker)):
            self._flush()
            self.messages.append(speaker)
        function = {"name": _function_name(turn.name or "tool"), "arguments": turn.text.strip()}
        call = {"id": call_id, "type": "function", "function": function}
        _add_call(self.messages[-1], call)
        if result is not None:
            self.waiting.append({"role": "tool", "tool_call_id": call_id, "content": result.text.strip()})

    def _flush(self) -> None:
        self.messages.extend(self.waiting)
        self.waiting.clear()


def _message(role: str, content: str, *, bot: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": role, "content": content}
    if bot:
        message["weight"] = 0
    return message


def _same_voice(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.get("role") == other["role"] and one.get("weight") == other.get("weight")


def _add_call(message: dict[str, Any], call: dict[str, Any]) -> None:
    weight = message.pop("weight", None)
    message.setdefault("tool_calls", []).append(call)
    if weight is not None:
        message["weight"] = weight  # stays the last key, as in every other message


def _closing(turns: Sequence[Said]) -> int:
    """Find where the calls begin that end the conversation in one voice; they need no results."""
    first = len(turns)
    while first and turns[first - 1].kind == "tool_call" and turns[first - 1].role == turns[-1].role:
        first -= 1
    return first


def _pair(turns: Sequence[Said]) -> dict[int, Said]:
    """Find the result of each call: by id where the result has one, else the oldest call still open."""
    open_calls: dict[int, str | None] = {}
    pairs: dict[int, Said] = {}
    for number, turn in enumerate(turns):
        if turn.kind == "tool_call":
            open_calls[number] = turn.call_id
        elif turn.kind == "tool_result":
            fitting = (n for n, call_id in open_calls.items() if not turn.call_id or call_id == turn.call_id)
            if (call := next(fitting, None)) is not None:
                pairs[call] = turn
                del open_calls[call]
    return pairs


def _function_name(name: str) -> str:
    return _NOT_IN_NAMES.sub("_", name)[:64]


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _tools(texts: Iterable[str]) -> list[dict[str, Any]] | None:
    """Read the lists of tools into one, each tool once; None when one cannot be read."""
    tools: dict[str, dict[str, Any]] = {}
    for text in texts:
        listed = _parsed(text)
        for tool in listed if isinstance(listed, list) else [None]:
            function: Any = tool.get("function", tool) if isinstance(tool, dict) else None
            if not isinstance(function, dict) or not isinstance(function.get("name"), str):
                return None
            name = _function_name(function["name"])
            tools[name] = {"type": "function", "function": {**function, "name": name}}
    return list(tools.values())


def _trim(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cut what follows the last target: it would cost tokens and teach nothing."""
    targets = [n for n, message in enumerate(messages) if message["role"] == "assistant" and "weight" not in message]
    return messages[: targets[-1] + 1] if targets else []

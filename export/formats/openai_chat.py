"""Write conversations as OpenAI chat messages: the script that examples are cut from (export/formats/examples.py).

The canonical form: every message has a string "content" (trainers fail without one), tool calls carry their arguments
as a string, ids of tool calls count from `call_1` in each conversation (the source's ids may tell who or where), and
"weight" is written only where it is 0. Agents' turns are the targets; bots' turns, and answers that a rule keeps from
being learnt, are context with weight 0. Control marks of models are broken up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import Formatter
from typing import Any

import orjson

from export.errors import BadPrompt
from export.formats.openai_rules import MOST_TOOLS
from export.tokens import has_special_token, neutral
from store.errors import unknown_name

FORMAT = "openai-chat"
VERSION = 2
ROLES = {"customer": "user", "agent": "assistant", "bot": "assistant"}
PLACEHOLDERS = ("channel", "language", "company")
# A function's name in the API: letters, digits, _ and -, 64 at most.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
REASONS = {
    "export.no_customer": "The customer says nothing before the agent's last words.",
    "export.no_pair": "Nothing stands against an answer of it: no rewritten draft, no badly rated twin.",
    "export.no_target": "No human agent speaks, so there is nothing to learn.",
    "export.no_weight": "Every answer of its agents is kept from being learnt by a rule, so nothing is left to learn.",
    "export.not_taken": "The format cannot say it: tools are called in it, or nothing is left to learn in its order.",
    "export.pair_same": "Both answers of the pair say the same.",
    "export.too_long": "It has more tokens than the model reads, even with all old turns cut.",
    "export.tool_arguments": "The arguments of a tool call are not valid JSON.",
    "export.tools": "The list of tools is not valid JSON, is too long, or has a tool without a name.",
}

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One public, redacted turn: `name` is a tool call's function, `call_id` ties a result to its call.

    `is_learnt` is False where a rule keeps an answer from being learnt.
    """

    kind: str
    role: str
    text: str
    name: str | None = None
    call_id: str | None = None
    turn_key: str = ""
    is_learnt: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """A conversation's messages, without what follows the last target; `targets` are those to learn, by index.

    `turns` says for each message which turns it was made of, counted from 0 over all that were said, tools aside;
    `turn_keys` names them; control marks were broken up in those of `repaired`.
    """

    system: str
    messages: Sequence[Message]
    targets: Sequence[int]
    turns: Sequence[Sequence[int]]
    turn_keys: Sequence[str]
    tools: Sequence[Message]
    repaired: frozenset[int]


@dataclass(frozen=True, slots=True)
class Excluded:
    """Why a conversation, or one of its answers, cannot be an example: with a stable code for machines."""

    code: str
    reason: str
    turn_key: str | None = None


def excluded(code: str, turn_key: str | None = None) -> Excluded:
    """Give the reason of a code."""
    return Excluded(code, REASONS[code], turn_key)


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


def read_script(turns: Sequence[Said], *, system: str = "") -> Script | Excluded:
    """Turn a conversation's public turns, in reading order, into messages, or say why nothing can be learnt from it.

    A tool's result follows right after its call, wherever it stood. A result without a call is left out, and so is a
    call without a result, unless nothing comes after it: then the call itself is what is to be learnt.
    """
    spoken = [turn for turn in turns if turn.text.strip()]
    tools = _tools(turn.text for turn in spoken if turn.kind == "tools")
    if tools is None:
        return excluded("export.tools")
    said = [turn for turn in spoken if turn.kind != "tools"]
    marked = frozenset(number for number, turn in enumerate(said) if has_special_token(turn.text))
    if marked:
        said = [replace(turn, text=neutral(turn.text)) for turn in said]
    stage = _Stage()
    if not stage.perform(said):
        return excluded("export.tool_arguments")
    targets = [n for n, one in enumerate(stage.messages) if one["role"] == "assistant" and "weight" not in one]
    if not targets:
        speaks = any(turn.role == "agent" and not turn.is_learnt for turn in said)
        return excluded("export.no_weight" if speaks else "export.no_target")
    end = targets[-1] + 1
    return Script(
        system=neutral(system),
        messages=stage.messages[:end],
        targets=targets,
        turns=stage.turns[:end],
        turn_keys=[turn.turn_key for turn in said],
        tools=tools,
        repaired=marked,
    )


@dataclass(slots=True)
class _Stage:
    """The messages as they grow, and the turns each was made of.

    `waiting` holds the results of the calls of the last message, still to be said.
    """

    messages: list[Message] = field(default_factory=list[Message])
    turns: list[list[int]] = field(default_factory=list[list[int]])
    waiting: list[tuple[Message, int]] = field(default_factory=list[tuple[Message, int]])
    calls: int = 0

    def perform(self, turns: Sequence[Said]) -> bool:
        """Say every turn; False when a call's arguments cannot be read."""
        results = _pair(turns)
        closing = _closing(turns)
        for number, turn in enumerate(turns):
            if turn.kind == "message":
                self._say(number, turn)
            elif turn.kind == "tool_result":
                self._flush()
            elif number in results or number >= closing:
                if _parsed(turn.text) is None:
                    return False
                self._call(number, turn)
                if number in results:
                    self._await(results[number], turns[results[number]])
        self._flush()
        return True

    def _say(self, number: int, turn: Said) -> None:
        self._flush()
        message = _message(turn, turn.text.strip())
        last = self.messages[-1] if self.messages else {}
        if _same_voice(last, message) and "tool_calls" not in last:
            last["content"] += "\n" + message["content"]
            self.turns[-1].append(number)
        else:
            self._add(message, number)

    def _call(self, number: int, turn: Said) -> None:
        self.calls += 1
        speaker = _message(turn, "")
        if self.messages and _same_voice(self.messages[-1], speaker):
            self.turns[-1].append(number)
        else:
            self._flush()
            self._add(speaker, number)
        function = {"name": function_name(turn.name or "tool"), "arguments": turn.text.strip()}
        _add_call(self.messages[-1], {"id": f"call_{self.calls}", "type": "function", "function": function})

    def _await(self, number: int, result: Said) -> None:
        message = {"role": "tool", "tool_call_id": f"call_{self.calls}", "content": result.text.strip()}
        self.waiting.append((message, number))

    def _flush(self) -> None:
        for message, number in self.waiting:
            self._add(message, number)
        self.waiting.clear()

    def _add(self, message: Message, number: int) -> None:
        self.messages.append(message)
        self.turns.append([number])


def _message(turn: Said, content: str) -> Message:
    message: Message = {"role": "assistant" if turn.kind == "tool_call" else ROLES[turn.role], "content": content}
    if message["role"] == "assistant" and (turn.role == "bot" or not turn.is_learnt):
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


def _pair(turns: Sequence[Said]) -> dict[int, int]:
    """Find the result of each call: by id where the result has one, else the oldest call still open."""
    open_calls: dict[int, str | None] = {}
    pairs: dict[int, int] = {}
    for number, turn in enumerate(turns):
        if turn.kind == "tool_call":
            open_calls[number] = turn.call_id
        elif turn.kind == "tool_result":
            fitting = (n for n, call_id in open_calls.items() if not turn.call_id or call_id == turn.call_id)
            if (call := next(fitting, None)) is not None:
                pairs[call] = number
                del open_calls[call]
    return pairs


def function_name(name: str) -> str:
    """Give a tool's name in the characters that the API takes."""
    return _NOT_IN_NAMES.sub("_", name)[:64]


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _tools(texts: Iterable[str]) -> list[Message] | None:
    """Read the lists of tools into one, each tool once; None when one cannot be read, or there are too many."""
    tools: dict[str, Message] = {}
    for text in texts:
        listed = _parsed(text)
        for tool in listed if isinstance(listed, list) else [None]:
            function: Any = tool.get("function", tool) if isinstance(tool, dict) else None
            if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
                return None
            name = function_name(function["name"])
            tools[name] = {"type": "function", "function": {**function, "name": name}}
    return _plain_json(list(tools.values())) if len(tools) <= MOST_TOOLS else None


def _plain_json(tools: list[Message]) -> list[Message]:
    """Break up the control marks that JSON had hidden in its escapes."""
    text = orjson.dumps(tools).decode()
    return orjson.loads(neutral(text)) if has_special_token(text) else tools

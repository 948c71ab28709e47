"""Cut examples out of a conversation's messages: one of the whole conversation, or one for each answer to learn.

An example ends with an answer and never loses it. What is too much goes from its old end: the example then begins with
a customer's message, so that no answer stands without its question and no tool's result without its call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

import orjson

from export.formats.openai_chat import Excluded, Message, Script, excluded
from export.tokens import Cost, TokenCounter, Tokens, total

Examples = Literal["conversation", "turn"]
SPECIAL_TOKEN = "special_token"  # noqa: S105 - what was repaired in a line: a control mark of a model


@dataclass(frozen=True, slots=True)
class Shape:
    """What examples are to be like: one a conversation or one an answer, with so much before the answer.

    `context_turns` are the messages before the answer, tools' results not counted (0: all of them); `limit` is how many
    tokens the model reads.
    """

    examples: Examples
    context_turns: int
    limit: int


@dataclass(frozen=True, slots=True)
class Example:
    """One example: its JSON object, which is the canonical record, and its tokens.

    `turn_key` names the turn that ends its answer where examples are answers; `cut_turns` counts the oldest turns that
    are not in it, whether the limit or the context's length left them out.
    """

    body: Mapping[str, Any]
    tokens: Tokens
    turn_key: str | None
    cut_turns: int
    repairs: tuple[str, ...]

    @property
    def line(self) -> bytes:
        """Give the line that OpenAI reads, without the newline."""
        return orjson.dumps(self.body)


def examples(script: Script, shape: Shape, counter: TokenCounter) -> Iterator[Example | Excluded]:
    """Give a conversation's examples in reading order, and a reason for each that cannot be made."""
    sums = Sums.of(script.messages, fixed_cost(script, counter), counter)
    if shape.examples == "conversation":
        yield _example(script, script.messages, shape, sums, script.targets[-1], turn_key=None)
        return
    before = list(map(_unlearnt, script.messages))  # made once: it is in the examples of all later answers
    for answer in script.targets:
        yield _example(script, before, shape, sums, answer, turn_key=script.turn_keys[script.turns[answer][-1]])


@dataclass(frozen=True, slots=True)
class Sums:
    """The costs of messages, summed up so that those of any stretch are a difference; `fixed` is in every example."""

    words: Sequence[int]
    tools: Sequence[int]
    fixed: Cost

    @classmethod
    def of(cls, messages: Sequence[Mapping[str, Any]], fixed: Cost, counter: TokenCounter) -> Sums:
        """Count each message once."""
        costs = [counter.message(message) for message in messages]
        words = list(accumulate((cost.words for cost in costs), initial=0))
        return cls(words, list(accumulate((cost.tools for cost in costs), initial=0)), fixed)

    def tokens(self, first: int, end: int) -> Tokens:
        """Count the example of the messages from `first` to before `end`."""
        words = self.words[end] - self.words[first] + self.fixed.words
        return total(words, self.tools[end] - self.tools[first] + self.fixed.tools)

    def fits(self, first: int, end: int, limit: int) -> bool:
        """Say whether that example is surely within a limit."""
        tokens = self.tokens(first, end)
        return tokens.total + tokens.margin <= limit


def beginnings(messages: Sequence[Mapping[str, Any]], answer: int, context_turns: int = 0) -> list[int]:
    """Find where an example of an answer may begin, the longest first; none where no customer speaks before it.

    At most `context_turns` messages stand before the answer, but always those back to the customer's last words.
    """
    asked = [number for number in range(answer) if messages[number]["role"] == "user"]
    said = [number for number in range(answer) if messages[number]["role"] != "tool"]
    if not asked or not context_turns or len(said) <= context_turns:
        return [0, *(number for number in asked if number)] if asked else []
    return [number for number in asked if number >= said[-context_turns]] or asked[-1:]


def _example(
    script: Script, before: Sequence[Message], shape: Shape, sums: Sums, answer: int, *, turn_key: str | None
) -> Example | Excluded:
    """Make the example of an answer; `before` are the messages as they stand before it."""
    end = answer + 1
    possible = beginnings(script.messages, answer, shape.context_turns)
    if not possible:
        return excluded("export.no_customer", turn_key)
    first = next((first for first in possible if sums.fits(first, end, shape.limit)), None)
    if first is None:
        return excluded("export.too_long", turn_key)
    body = _body(script, [*before[first:answer], script.messages[answer]])
    cut = script.turns[first][0] if first else 0
    is_repaired = bool(script.repaired) and any(
        not script.repaired.isdisjoint(turns) for turns in script.turns[first:end]
    )
    repairs = (SPECIAL_TOKEN,) if is_repaired else ()
    return Example(body, sums.tokens(first, end), turn_key, cut, repairs)


def fixed_cost(script: Script, counter: TokenCounter) -> Cost:
    """Count what stands in every example of a conversation: what the system says, and the tools."""
    words = counter.message(system_message(script)).words if script.system else 0
    return Cost(words, counter.tools(script.tools))


def system_message(script: Script) -> Message:
    """Give the system's message."""
    return {"role": "system", "content": script.system}


def _body(script: Script, told: list[Message]) -> Message:
    body: Message = {"messages": [system_message(script), *told] if script.system else told}
    if script.tools:
        body["tools"] = list(script.tools)
    return body


def _unlearnt(message: Message) -> Message:
    return {**message, "weight": 0} if message["role"] == "assistant" else message

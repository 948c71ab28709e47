"""Turn conversations into tokens, with labels on what is to be learnt alone.

A label is -100 everywhere but on the tokens of assistant messages with weight 1 and the token that ends each of them.
Any chat template works: where the whole conversation holds each of its beginnings, it is one row; else (templates that
show old answers differently) each answer to be learnt is a row with what came before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from export.tokens import neutral
from export.training.errors import BadTrainingFile
from export.training.examples import Example, Message, Pair

IGNORED = -100
OLD_ROLES = {"function": "tool", "developer": "system"}


class Tokenizer(Protocol):
    """What we need of a transformers tokenizer; it must be a fast one, which knows where its tokens stood."""

    eos_token: str | None

    def __call__(self, text: str, **options: Any) -> Any:  # noqa: ANN401 - its own type of dict
        """Cut a text into tokens."""
        ...

    def apply_chat_template(self, conversation: list[Message], **options: Any) -> Any:  # noqa: ANN401 - text, as asked
        """Write a conversation as the model was taught to read it."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence: tokens, and what is to be learnt of them."""

    input_ids: list[int]
    labels: list[int]

    def last(self, length: int) -> Row:
        """Keep the last tokens alone: the answers stand at the end."""
        return self if len(self.input_ids) <= length else Row(self.input_ids[-length:], self.labels[-length:])

    @property
    def learnt(self) -> int:
        """Count the tokens that are learnt; the first of a row has nothing before it to be told from."""
        return sum(label != IGNORED for label in self.labels[1:])


@dataclass(frozen=True, slots=True)
class Encoder:
    """Encode for one model."""

    tokenizer: Tokenizer

    def example(self, example: Example) -> list[Row]:
        """Give the rows of a conversation.

        Raises:
            BadTrainingFile: the model's template refuses it.
        """
        spoken = [_plain(message) for message in example.messages]
        targets = [
            number
            for number, message in enumerate(example.messages)
            if message["role"] == "assistant" and message.get("weight", 1)
        ]
        try:
            return self._rows(spoken, targets, example.tools)
        except _template_errors() as error:
            raise _refused(example.line, error) from None

    def pair(self, pair: Pair) -> dict[str, str]:
        """Give a pair as TRL takes it: prompt, chosen and rejected as text."""
        spoken = [_plain(message) for message in pair.messages]
        try:
            prompt = self.text(spoken, pair.tools, answer=True)
            chosen, rejected = (
                self._answer(prompt, spoken, one, pair.tools) for one in (pair.preferred, pair.rejected)
            )
        except _template_errors() as error:
            raise _refused(pair.line, error) from None
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}

    def prompt(self, messages: Sequence[Message], tools: list[Message]) -> list[int]:
        """Give the tokens after which the model answers."""
        return self._tokens(self.text([_plain(message) for message in messages], tools, answer=True)).input_ids

    def text(self, messages: list[Message], tools: list[Message], *, answer: bool) -> str:
        """Write messages by the template; `answer` ends it where the assistant begins."""
        return self.tokenizer.apply_chat_template(
            messages, tools=tools or None, tokenize=False, add_generation_prompt=answer
        )

    def _rows(self, spoken: list[Message], targets: list[int], tools: list[Message]) -> list[Row]:
        whole = self.text(spoken, tools, answer=False)
        starts = [self._start(spoken, number, tools) for number in targets]
        ends = [self.text(spoken[: number + 1], tools, answer=False) for number in targets]
        if all(whole.startswith(end) and end.startswith(start) for start, end in zip(starts, ends, strict=True)):
            spans = [self._span(start, end) for start, end in zip(starts, ends, strict=True)]
            return [self._row(whole, spans)]
        return [self._row(end, [self._span(start, end)]) for start, end in zip(starts, ends, strict=True)]

    def _start(self, spoken: list[Message], number: int, tools: list[Message]) -> str:
        """Give what stands before an answer; where it is the first message, what it has in common with another."""
        if number:
            return self.text(spoken[:number], tools, answer=True)
        other = "b" if spoken[0]["content"].startswith("a") else "a"
        first, second = (
            self.text([{**spoken[0], "content": content}], tools, answer=False)
            for content in (spoken[0]["content"], other)
        )
        return first[: _shared(first, second)]

    def _span(self, start: str, end: str) -> tuple[int, int]:
        """Say from where to where the answer stands in `end`, up to the token that ends it."""
        first, last = _shared(start, end), len(end)
        mark = self.tokenizer.eos_token
        found = end.rfind(mark, first) if mark else -1
        return first, found + len(mark) if mark and found >= 0 else last

    def _row(self, text: str, spans: list[tuple[int, int]]) -> Row:
        cut = self._tokens(text)
        labels = [IGNORED] * len(cut.input_ids)
        for number, (first, last) in enumerate(cut.offset_mapping):
            if first < last and any(start <= first and last <= end for start, end in spans):
                labels[number] = cut.input_ids[number]
        return Row(list(cut.input_ids), labels)

    def _answer(self, prompt: str, spoken: list[Message], answer: Message, tools: list[Message]) -> str:
        end = self.text([*spoken, _plain(answer)], tools, answer=False)
        first, last = self._span(prompt, end)
        return end[first:last]

    def _tokens(self, text: str) -> Any:  # noqa: ANN401 - the tokenizer's own type
        return self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)


def _shared(one: str, other: str) -> int:
    """Give how many characters two texts begin with alike."""
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


def _plain(message: Message) -> Message:
    """Give a message as templates know it: no weight, text without control marks, arguments as an object."""
    plain = {key: value for key, value in message.items() if key not in ("weight", "refusal")}
    plain["role"] = OLD_ROLES.get(plain["role"], plain["role"])
    content = plain.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    plain["content"] = neutral(content or "")
    if calls := plain.get("tool_calls"):
        plain["tool_calls"] = [{**call, "function": _arguments(call["function"])} for call in calls]
    return plain


def _arguments(function: dict[str, Any]) -> dict[str, Any]:
    try:
        return {**function, "arguments": orjson.loads(function["arguments"])}
    except (orjson.JSONDecodeError, KeyError):
        return function


def _template_errors() -> type[Exception]:
    from jinja2 import TemplateError

    return TemplateError


def _refused(line: int, error: Exception) -> BadTrainingFile:
    return BadTrainingFile(
        f"Line {line}: the model's chat template refuses the conversation ({type(error).__name__}).",
        hint="Some models take no system message, or want user and assistant in turn: choose another, or mend it.",
    )

"""Count the tokens of exported examples, offline and exactly where a formula is known.

The formula is that of OpenAI's cookbook on chat data: three tokens a message, the tokens of its role and content, and
three an example. For tools and tool calls no public formula exists: their JSON is counted as text, and `margin` says
how far the true figure may lie from it (TOOL_MARGIN is our own cautious choice).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from export.models import encoding_of

if TYPE_CHECKING:
    from bpe_openai import Encoding

PER_MESSAGE = 3
PER_EXAMPLE = 3
TOOL_MARGIN = 0.2
# What tokenizers read as one control token: <|endoftext|>, <|im_start|>, <|eot_id|>, DeepSeek's with full-width bars.
_MARK = re.compile(r"<([|｜][^\s<>|｜]{1,64}[|｜]>)")
_CACHED_STRINGS = 1 << 16
_CACHED_LENGTH = 400  # what repeats is short: prompts, macros, greetings; long texts would only fill the memory


def has_special_token(text: str) -> bool:
    """Say whether a text holds a control mark of a model, which must never come from a conversation."""
    return ("<|" in text or "<｜" in text) and _MARK.search(text) is not None


def neutral(text: str) -> str:
    """Give a text with a space in every control mark, so that no tokenizer takes it for one.

    >>> neutral("the end <|endoftext|>")
    'the end < |endoftext|>'
    """
    return _MARK.sub(r"< \1", text)


@dataclass(frozen=True, slots=True)
class Tokens:
    """How many tokens an example has; the true figure lies within `margin` of `total` (0: the formula is known)."""

    total: int
    margin: int


class Cost(NamedTuple):
    """What one message adds to an example: tokens of its words, and of its tool calls, which are an estimate."""

    words: int
    tools: int


def total(words: int, tools: int) -> Tokens:
    """Sum an example up from the costs of its messages and its list of tools."""
    return Tokens(PER_EXAMPLE + words + tools, ceil(tools * TOOL_MARGIN))


@cache
def _encoding(name: str) -> Encoding:
    with warnings.catch_warnings():
        # bpe-openai 0.1.4 reads its tables with importlib.resources.open_binary, deprecated since Python 3.11.
        warnings.simplefilter("ignore", DeprecationWarning)
        from bpe_openai import get_encoding  # takes a second, so only when something is counted

        return get_encoding(name)


class TokenCounter:
    """Count texts and examples for one model; short strings are counted once, however often they come."""

    def __init__(self, model: str) -> None:
        self._encoding = _encoding(encoding_of(model))
        self._short = lru_cache(maxsize=_CACHED_STRINGS)(self._count)

    def text(self, text: str) -> int:
        """Count the tokens of a text, special tokens taken as the plain characters they are written with."""
        return self._short(text) if len(text) <= _CACHED_LENGTH else self._count(text)

    def example(self, body: Mapping[str, Any]) -> Tokens:
        """Count one example as the trainer would read it: its messages, its tool calls and its tools."""
        costs = [self.message(message) for message in body["messages"]]
        tools = sum(cost.tools for cost in costs) + self.tools(body.get("tools"))
        return total(sum(cost.words for cost in costs), tools)

    def message(self, message: Mapping[str, Any]) -> Cost:
        """Count one message."""
        words = PER_MESSAGE + self.text(message["role"]) + self._content(message.get("content"))
        if message.get("name"):
            words += 1 + self.text(message["name"])
        tools = self.text(message["tool_call_id"]) if message.get("tool_call_id") else 0
        for call in message.get("tool_calls") or ():
            tools += self._call(call)
        return Cost(words, tools)

    def tools(self, tools: Any) -> int:  # noqa: ANN401 - any JSON
        """Count the list of tools that an example declares."""
        return self._json(tools) if tools else 0

    def _content(self, content: Any) -> int:  # noqa: ANN401 - a string, parts or null in files from elsewhere
        if isinstance(content, str):
            return self.text(content)
        return self._json(content) if content else 0

    def _call(self, call: Mapping[str, Any]) -> int:
        function = call["function"]
        return PER_MESSAGE + self.text(function["name"]) + self.text(function["arguments"])

    def _json(self, value: Any) -> int:  # noqa: ANN401 - any JSON
        return self.text(orjson.dumps(value).decode())

    def _count(self, text: str) -> int:
        return len(self._encoding.encode_ordinary(text))

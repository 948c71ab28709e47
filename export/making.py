"""Make the lines of a page of conversations: what worker processes do, redaction included where it needs no key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
import polars as pl

from curate.redact.policy import Policy
from curate.redact.redact import Frames, changed_texts
from export.formats.examples import Example, Shape, examples
from export.formats.openai_chat import Excluded, Said, Script, excluded, read_script
from export.formats.pairs import Other, PairExample, pair_examples
from export.formats.registry import OPENAI_CHAT, find_target
from export.formats.target import Target
from export.tokens import TokenCounter


class Line(NamedTuple):
    """An example as it comes from a worker: the line without its newline, its SHA-256, and what is counted of it.

    `fitted` says whether the format's own order changed it; `other` names the answer that a pair prefers the other to,
    and `pair` where that came from.
    """

    line: bytes
    digest: bytes
    tokens: int
    margin: int
    targets: int
    turn_key: str | None
    cut_turns: int
    repairs: tuple[str, ...]
    fitted: bool
    other: str | None = None
    pair: str | None = None


@dataclass(frozen=True, slots=True)
class Redaction:
    """What a worker needs to redact by itself: what was read, the policy, and the language where none is known."""

    frames: Frames
    policy: Policy
    fallback: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a worker needs to make examples of some conversations.

    `turns` holds conversation_key, kind, role, text, event_type, tool_call_id, turn_key and is_learnt, the texts
    redacted already unless `redaction` comes with them; `others` are answers that pairs compare with, by conversation.
    """

    keys: list[str]
    turns: pl.DataFrame
    prompts: Mapping[str, str]
    shape: Shape
    model: str
    format: str
    redaction: Redaction | None = None
    others: Mapping[str, Sequence[Other]] = field(default_factory=dict[str, Sequence[Other]])


Made = list[tuple[int, Line | Excluded]]


def make_lines(page: Page) -> Made:
    """Make the examples of a page's conversations, in their order; each with the place of its conversation."""
    turns = _said(page)
    target, counter = find_target(page.format), _counter(page.model)
    made: Made = []
    for place, key in enumerate(page.keys):
        script = read_script(turns.get(key, ()), system=page.prompts.get(key, ""))
        found = [script] if isinstance(script, Excluded) else _examples(script, page, target, page.others.get(key, ()))
        for one in found:
            made.append((place, one if isinstance(one, Excluded) else _line(one, target, counter)))
    return made


def _said(page: Page) -> dict[str, list[Said]]:
    turns: dict[str, list[Said]] = {}
    if page.redaction is None:
        for key, *said in page.turns.iter_rows():
            turns.setdefault(key, []).append(Said(*said))
        return turns
    own = page.redaction
    texts = changed_texts(own.frames.page(), own.policy, own.fallback)
    for key, kind, role, text, name, call_id, turn_key, is_learnt in page.turns.iter_rows():
        said = Said(kind, role, str(texts.get(turn_key, text)), name, call_id, turn_key, is_learnt)
        turns.setdefault(key, []).append(said)
    return turns


def _examples(
    script: Script, page: Page, target: Target, others: Sequence[Other]
) -> Iterator[Example | PairExample | Excluded]:
    if target.kind == "preference":
        return pair_examples(script, page.shape, _counter(page.model), others)
    return examples(script, page.shape, _counter(page.model))


@cache
def _counter(model: str) -> TokenCounter:
    return TokenCounter(model)


def _line(made: Example | PairExample, target: Target, counter: TokenCounter) -> Line | Excluded:
    """Write an example in the format's words."""
    body = target.fit(made.body)
    if body is None:
        return excluded("export.not_taken", made.turn_key)
    fitted = body is not made.body
    tokens = counter.example(body) if fitted and target.kind == "chat" else made.tokens
    line = orjson.dumps(body if target is OPENAI_CHAT else target.line(body))
    is_pair = isinstance(made, PairExample)
    return Line(
        line=line,
        digest=sha256(line).digest(),
        tokens=tokens.total,
        margin=tokens.margin,
        targets=1 if is_pair or target.learns == "last" else _targets(body["messages"]),
        turn_key=made.turn_key,
        cut_turns=made.cut_turns,
        repairs=made.repairs,
        fitted=fitted,
        other=made.other.turn_key if is_pair else None,
        pair=made.other.source if is_pair else None,
    )


def _targets(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in messages)

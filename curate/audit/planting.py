"""Plant invented values into copies of real turns, at the places where people write such values."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from random import Random
from typing import Any

from curate.audit.values import Names, Streets, draw

CANARIES = "canaries.toml"
PLACE = "{value}"
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)|\n+(?=\S)")
AS_WRITTEN, LOWER, ANSWER, LOWER_ANSWER = (
    "in a sentence",
    "in lower case",
    "as a bare answer",
    "as a bare answer, lower case",
)
CUSTOMER, AGENT = "customer", "agent"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of value: its entity type, its name in the plural, and the phrases it comes with, by language."""

    entity_type: str
    what: str
    case_matters: bool
    say: dict[str, tuple[str, ...]]
    ask: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn customer's turn with the turns around it, as (role, text); `at` is its place among them."""

    language: str
    turns: tuple[tuple[str, str], ...]
    at: int


@dataclass(frozen=True, slots=True)
class Planted:
    """A copy of some turns with one value in it: where it stands, and in which form."""

    kind: str
    form: str
    turns: tuple[tuple[str, str], ...]
    at: int
    start: int
    end: int


@functools.cache
def kinds() -> tuple[Kind, ...]:
    """Read the kinds that are planted, from rules/audit/canaries.toml."""
    return tuple(
        Kind(name, raw["what"], raw.get("case", False), _phrases(raw["say"]), _phrases(raw.get("ask", {})))
        for name, raw in _packaged()["kind"].items()
    )


@functools.cache
def names() -> Names:
    """Read the invented people's names by locale: given names and family names."""
    return {locale: (tuple(raw["given"]), tuple(raw["family"])) for locale, raw in _packaged()["names"].items()}


@functools.cache
def streets() -> Streets:
    """Read the invented streets by language."""
    return _phrases(_packaged()["streets"])


def plant(kind: Kind, drawn: Drawn, rng: Random) -> Planted:
    """Give a copy of the drawn turns that holds a new value of a kind; the language must have phrases for it."""
    value = draw(kind.entity_type, drawn.language, rng, names(), streets())
    asks = kind.ask.get(drawn.language, ())
    form = rng.choice((AS_WRITTEN, LOWER, ANSWER, LOWER_ANSWER) if asks else (AS_WRITTEN, LOWER))
    if form in (LOWER, LOWER_ANSWER) and not kind.case_matters:
        value = value.lower()
    if form in (ANSWER, LOWER_ANSWER):
        return _answered(kind, form, drawn, value, rng.choice(asks))
    phrase = rng.choice(kind.say[drawn.language])
    return _said(kind, form, drawn, value, phrase.lower() if form == LOWER else phrase, rng)


def _answered(kind: Kind, form: str, drawn: Drawn, value: str, question: str) -> Planted:
    """Put the question and the bare answer after the drawn turn."""
    before, after = drawn.turns[: drawn.at + 1], drawn.turns[drawn.at + 1 :]
    turns = (*before, (AGENT, question), (CUSTOMER, value), *after)
    return Planted(kind.entity_type, form, turns, len(before) + 1, 0, len(value))


def _said(kind: Kind, form: str, drawn: Drawn, value: str, phrase: str, rng: Random) -> Planted:
    """Put the phrase before, behind or between the drawn turn's own sentences."""
    role, text = drawn.turns[drawn.at]
    at = rng.choice((0, len(text), *(found.end() for found in SENTENCE_END.finditer(text))))
    before, after = text[:at].rstrip(), text[at:].lstrip()
    if form == AS_WRITTEN and phrase[0].islower():
        phrase = phrase[0].upper() + phrase[1:]
    lead, tail = phrase.split(PLACE)
    head = f"{_closed(before, form)}{lead}"
    foot = f"{tail}{_opened(after, form)}"
    turns = (*drawn.turns[: drawn.at], (role, f"{head}{value}{foot}"), *drawn.turns[drawn.at + 1 :])
    return Planted(kind.entity_type, form, turns, drawn.at, len(head), len(head) + len(value))


def _closed(before: str, form: str) -> str:
    """End what stands before a phrase, with a point where sentences have one."""
    if not before:
        return ""
    return f"{before} " if form == LOWER or before[-1] in ".!?,:;" else f"{before}. "


def _opened(after: str, form: str) -> str:
    """Begin what stands behind a phrase."""
    stop = "" if form == LOWER else "."
    return f"{stop} {after}" if after else stop


def _phrases(table: dict[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {language: tuple(phrases) for language, phrases in table.items()}


@functools.cache
def _packaged() -> dict[str, Any]:
    return tomllib.loads((files("rules") / "audit" / CANARIES).read_text(encoding="utf-8"))

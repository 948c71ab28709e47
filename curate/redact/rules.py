"""Read recognizer packs (rules/recognizers/*.toml) and the allow and deny lists.

A pattern's group `value` is what gets redacted ("my password is X": X); without one the whole pattern is. `%name%`
stands for an entry of the pack's [parts], so that long patterns stay readable.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import regex

from curate.redact.errors import PolicyError
from store.errors import unknown_name

ANY_LANGUAGE = "*"
VALIDATORS = ("name", "imei", "vin", "iban", "")
RULE_KEYS = {"name", "entity", "languages", "context", "validator", "pattern", "example"}
PATTERN_KEYS = {"name", "regex", "score"}
EXAMPLE_KEYS = {"text", "finds"}
PART = re.compile(r"%(\w+)%")


@dataclass(frozen=True, slots=True)
class PatternRule:
    """One regular expression and how far it is to be believed."""

    name: str
    regex: str
    score: float


@dataclass(frozen=True, slots=True)
class Example:
    """A text and what a recognizer must find in it: exactly these values, in this order."""

    text: str
    finds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecognizerRule:
    """A recognizer of our own, as a pack states it."""

    name: str
    entity: str
    languages: tuple[str, ...]
    context: tuple[str, ...]
    validator: str
    patterns: tuple[PatternRule, ...]
    examples: tuple[Example, ...]

    def speaks(self, language: str) -> bool:
        """Say whether it is meant for a language."""
        return ANY_LANGUAGE in self.languages or language in self.languages


@functools.cache
def packaged_rules() -> tuple[RecognizerRule, ...]:
    """Give the recognizers of every pack that comes with chatmill, by file name and place."""
    folder = files("rules") / "recognizers"
    packs = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    return tuple(rule for pack in packs for rule in _read(pack))


@functools.cache
def word_list(name: str) -> frozenset[str]:
    """Give a list of rules/ (as in "allow/common_words"): one term a line, `#` begins a comment."""
    text = (files("rules") / f"{name}.txt").read_text(encoding="utf-8")
    lines = (line.split("#")[0].strip().casefold() for line in text.splitlines())
    return frozenset(word for line in lines for word in line.split(",") if word)


def parse_pack(raw: dict[str, Any], name: str) -> tuple[RecognizerRule, ...]:
    """Build the recognizers of a parsed pack.

    Raises:
        PolicyError: every mistake in it at once.
    """
    mistakes: list[str] = []
    parts = _expanded(raw.get("parts", {}))
    rules = [_rule(entry, parts, mistakes) for entry in raw.get("recognizer", [])]
    mistakes += [unknown_name("key", key, ("parts", "recognizer")) for key in raw if key not in ("parts", "recognizer")]
    if mistakes:
        raise PolicyError(f"{name}: " + " ".join(mistakes), hint="See docs/reference for the form of a pack.")
    return tuple(rules)


def _read(pack: Traversable) -> Iterator[RecognizerRule]:
    try:
        raw = tomllib.loads(pack.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{pack.name} is not valid TOML: {error}.", hint="Mend that line.") from None
    yield from parse_pack(raw, pack.name)


def _expanded(parts: dict[str, str]) -> dict[str, str]:
    """Put earlier parts into later ones."""
    done: dict[str, str] = {}
    for name, text in parts.items():
        done[name] = _fill(text, done)
    return done


def _fill(text: str, parts: dict[str, str]) -> str:
    return PART.sub(lambda found: parts.get(found[1], found[0]), text)


def _rule(entry: dict[str, Any], parts: dict[str, str], mistakes: list[str]) -> RecognizerRule:
    name = str(entry.get("name", "?"))
    _known(f"key of recognizer {name}", entry, RULE_KEYS, mistakes)
    validator = str(entry.get("validator", ""))
    if validator not in VALIDATORS:
        mistakes.append(unknown_name("validator", validator, VALIDATORS))
    return RecognizerRule(
        name=name,
        entity=str(entry.get("entity", "")),
        languages=tuple(entry.get("languages", (ANY_LANGUAGE,))),
        context=tuple(entry.get("context", ())),
        validator=validator,
        patterns=tuple(_pattern(one, name, parts, mistakes) for one in entry.get("pattern", [])),
        examples=tuple(_example(one, name, mistakes) for one in entry.get("example", [])),
    )


def _pattern(raw: dict[str, Any], rule: str, parts: dict[str, str], mistakes: list[str]) -> PatternRule:
    _known(f"key of a pattern of {rule}", raw, PATTERN_KEYS, mistakes)
    text = _fill(str(raw.get("regex", "")), parts)
    try:
        regex.compile(text)
    except regex.error as error:
        mistakes.append(f"{rule}: the pattern {raw.get('name', '?')} is no regular expression: {error}.")
    score = raw.get("score")
    if not isinstance(score, float) or not 0 < score <= 1:
        mistakes.append(f"{rule}: a pattern's score must be above 0 and at most 1, not {score!r}.")
    return PatternRule(str(raw.get("name", "")), text, float(score or 0))


def _example(raw: dict[str, Any], rule: str, mistakes: list[str]) -> Example:
    _known(f"key of an example of {rule}", raw, EXAMPLE_KEYS, mistakes)
    return Example(str(raw.get("text", "")), tuple(raw.get("finds", ())))


def _known(kind: str, keys: Iterable[str], allowed: set[str], mistakes: list[str]) -> None:
    mistakes += [unknown_name(kind, key, allowed) for key in keys if key not in allowed]

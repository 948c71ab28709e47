"""What values look like: the tests that bear a column's name out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ingest.times import parse
from ingest.words import INTERNAL_WORDS, PUBLIC_WORDS, RATINGS, kind_of

BORNE_OUT = 0.8
"""The share of the sample values that must look like what the name says."""

LONG_TEXT = 25
"""Average characters above which text with spaces is what somebody said."""

LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(?:[-_][A-Za-z-_]{2,8})?")
NUMBER = re.compile(r"-?\d+(?:[.,]\d+)?")
TRUE_WORDS = frozenset({"true", "1", "yes", "y", "t"})
FALSE_WORDS = frozenset({"false", "0", "no", "n", "f"})


def share(values: list[Any], test: Callable[[Any], bool]) -> float:
    """Give the share of values that pass a test."""
    return sum(test(value) for value in values) / len(values) if values else 0.0


def as_word(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value as a word to compare."""
    return str(value).strip().casefold()


def is_short(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell what may be an id or a name."""
    return isinstance(value, str | int) and not isinstance(value, bool) and len(str(value)) <= 100


def is_scalar(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell what is neither list nor object."""
    return isinstance(value, str | int | float)


def is_said(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell what may have been said."""
    return isinstance(value, str) and not value.isdigit()


def is_time(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell what `ingest.times.parse` reads as a time."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and parse(value).at is not None


def is_visibility(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell a word for public or private."""
    return as_word(value) in PUBLIC_WORDS | INTERNAL_WORDS | TRUE_WORDS | FALSE_WORDS


def is_flag(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell a word for true or false."""
    return as_word(value) in TRUE_WORDS | FALSE_WORDS


def is_kind(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell a word for a kind of turn."""
    return isinstance(value, str) and kind_of(value) is not None


def is_language(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell a language code."""
    return isinstance(value, str) and LANGUAGE.fullmatch(value) is not None


def is_email(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell an e-mail address."""
    return isinstance(value, str) and "@" in value and " " not in value.strip()


def is_rating(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell a rating: a number or a word for good or bad."""
    if isinstance(value, str):
        return as_word(value) in RATINGS or NUMBER.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_tags(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Tell tags: text, or a list of it."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def is_long_text(values: list[Any]) -> bool:
    """Tell a column of long text with spaces, or without, as Chinese has it."""
    texts = [value for value in values if isinstance(value, str)]
    if not texts or len(texts) < len(values) * BORNE_OUT:
        return False
    spaced = sum(" " in text or not text.isascii() for text in texts)
    return sum(map(len, texts)) / len(texts) >= LONG_TEXT and spaced >= len(texts) / 2 and not share(texts, is_time) > 0


def are_small(values: list[Any]) -> bool:
    """Tell numbers too small for times."""
    return all(isinstance(value, int | float) and value < 10**9 for value in values)

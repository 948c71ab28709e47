"""Customers' ratings, from whatever scale a tool has, on one from 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.records import CsatLabel

NUMBER = re.compile(r"\s*[+-]?\d{1,9}(?:[.,]\d{1,9})?\s*")
SCALE = re.compile(r"(\d{1,4})-(\d{1,4})")
THUMBS = "good/bad"
"""The scale of tools that ask for no more than a thumb."""

WORDS: dict[CsatLabel, float] = {"good": 1.0, "neutral": 0.5, "bad": 0.0}
USUAL = ((0, 1), (1, 5), (0, 5), (1, 10), (0, 10), (0, 100))
"""Scales that surveys have, the narrow ones first."""


@dataclass(frozen=True, slots=True)
class Rating:
    """A rating: its share of the way from the worst to the best, the scale it was given on, and the value as it was."""

    score: float | None = None
    scale: str | None = None
    label: CsatLabel | None = None
    original: Any = None

    @property
    def custom(self) -> dict[str, Any]:
        """What goes into a conversation's custom fields."""
        return {} if self.original is None else {"csat_original": self.original}


UNRATED = Rating()


def rated(value: Any, worst: float, best: float) -> Rating:  # noqa: ANN401 - any JSON value
    """Place a number between the worst and the best there is; one outside is kept as it was, without a score."""
    number, scale = number_in(value), f"{worst:g}-{best:g}"
    if number is None or not worst <= number <= best:
        return UNRATED if value in (None, "") else Rating(original=value)
    return on_scale((number - worst) / (best - worst), scale, value)


def on_scale(score: float, scale: str, original: Any) -> Rating:  # noqa: ANN401 - any JSON value
    """Give a rating whose place from 0 to 1 is known; above the middle is good, below it bad."""
    return Rating(score, scale, "good" if score > 0.5 else "bad" if score < 0.5 else "neutral", original)


def in_words(label: CsatLabel, original: Any) -> Rating:  # noqa: ANN401 - any JSON value
    """Give a rating that is but a word for good, neutral or bad."""
    return on_scale(WORDS[label], THUMBS, original)


def bounds_of(scale: str) -> tuple[int, int] | None:
    """Read the worst and the best out of a scale like "1-5"; None where it is none."""
    found = SCALE.fullmatch(scale)
    return (int(found[1]), int(found[2])) if found and int(found[1]) < int(found[2]) else None


def usual_scale(values: Iterable[Any]) -> str | None:
    """Give the narrowest usual scale that holds all numbers of a column and fits its ends; None where it is unclear.

    Nothing but ones may be thumbs up or one star of five, so they tell no scale.
    """
    numbers = [number for value in values if (number := number_in(value)) is not None]
    if not numbers or max(numbers) == min(numbers) == 1:
        return None
    fitting = (f"{worst}-{best}" for worst, best in USUAL if worst <= min(numbers) and max(numbers) <= best)
    return next(fitting, None)


def number_in(value: Any) -> float | None:  # noqa: ANN401 - any JSON value
    """Give a number, also from a table's text with a decimal comma."""
    if isinstance(value, str):
        return float(value.replace(",", ".")) if NUMBER.fullmatch(value) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

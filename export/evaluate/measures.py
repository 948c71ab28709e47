"""Compare two models in one figure: each model's, their difference with its interval, and a sentence that says it.

A figure is a ratio of sums over cases: a mean (every case weighs 1), tokens a second, or a perplexity, which is the
exponential of the mean loss of all tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curate.evaluation.intervals import percent
from export.evaluate.statistics import (
    Estimate,
    Numbers,
    difference_of_paired_shares,
    excludes,
    ratio,
    resampled,
    share_of,
)

BETTER, WORSE, OPEN, TOLD = "better", "worse", "no clear difference", ""
TOO_FEW = "too few cases to tell"
FEWEST = 10  # resampling fewer cases says too little of what other cases would bring
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured on one case: a value for each model and, where there is one, for the person; and its weight.

    A weight is 1 but for ratios: seconds under tokens, tokens under losses.
    """

    item_id: str
    base: float
    tuned: float
    people: float | None = None
    base_weight: float = 1.0
    tuned_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class About:
    """What a measure is: its unit decides how it is written, its goal what counts as better."""

    name: str
    title: str
    group: str
    unit: str  # share, score, words, tokens, seconds, tokens_per_second, usd, perplexity
    goal: str = "high"


@dataclass(frozen=True, slots=True)
class Measure:
    """A comparison in one figure. `difference` is tuned less base; where the goal is `like`, of distances from people.

    `examples` are the cases in which the models differ most, the best for the tuned one first.
    """

    about: About
    base: Estimate
    tuned: Estimate
    people: Estimate | None
    difference: Estimate
    verdict: str
    examples: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Say the comparison to somebody who knows no statistics."""
        unit = self.about.unit
        told = f"{self.about.title}: base {written(self.base.value, unit)}, tuned {written(self.tuned.value, unit)}"
        told += f", people {written(self.people.value, unit)}" if self.people else ""
        limits = f"{signed(self.difference.low, unit)} to {signed(self.difference.high, unit)}"
        what = "distance from people changes by" if self.about.goal == "like" else "difference"
        told += f"; {what} {signed(self.difference.value, unit)}, interval {limits}"
        return f"{told}{': ' + self.verdict if self.verdict else ''}."


def measured(about: About, points: Sequence[Point], *, seed: int) -> Measure | None:
    """Compare two models over cases; None where no case could be measured."""
    if not points:
        return None
    columns = np.array(
        [(one.base, one.base_weight, one.tuned, one.tuned_weight, one.people or 0.0) for one in points],
        dtype=np.float64,
    )
    people = all(one.people is not None for one in points)
    curve = np.exp if about.unit == "perplexity" else _same
    base = resampled(columns, lambda sums: curve(ratio(sums[:, 0], sums[:, 1])), seed=seed)
    tuned = resampled(columns, lambda sums: curve(ratio(sums[:, 2], sums[:, 3])), seed=seed)
    theirs = resampled(columns, lambda sums: ratio(sums[:, 4], sums[:, 1]), seed=seed) if people else None
    if about.unit == "share":
        base, tuned = _share(points, "base"), _share(points, "tuned")
        theirs = _share(points, "people") if people else None
    difference = _difference(about, points, columns, people=people, seed=seed)
    return Measure(about, base, tuned, theirs, difference, _verdict(about.goal, difference), _examples(about, points))


def _difference(about: About, points: Sequence[Point], columns: Numbers, *, people: bool, seed: int) -> Estimate:
    if about.goal == "like" and people:
        return resampled(columns, _distance, seed=seed)
    if about.unit == "share":
        return difference_of_paired_shares([one.tuned > 0 for one in points], [one.base > 0 for one in points])
    curve = np.exp if about.unit == "perplexity" else _same
    return resampled(
        columns,
        lambda sums: curve(ratio(sums[:, 2], sums[:, 3])) - curve(ratio(sums[:, 0], sums[:, 1])),
        seed=seed,
    )


def _distance(sums: Numbers) -> Numbers:
    """Give how much farther from people the tuned model is than the base."""
    theirs = ratio(sums[:, 4], sums[:, 1])
    return np.abs(ratio(sums[:, 2], sums[:, 3]) - theirs) - np.abs(ratio(sums[:, 0], sums[:, 1]) - theirs)


def _same(values: Numbers) -> Numbers:
    return values


def _share(points: Sequence[Point], name: str) -> Estimate:
    return share_of(sum(getattr(one, name) > 0 for one in points), len(points))


def _verdict(goal: str, difference: Estimate) -> str:
    if goal == "none":
        return TOLD
    if difference.of < FEWEST:
        return TOO_FEW
    side = excludes(difference, 0.0)
    if not side:
        return OPEN
    return BETTER if (side > 0) == (goal == "high") else WORSE


def _examples(about: About, points: Sequence[Point]) -> tuple[str, ...]:
    """Name the cases that speak most for the tuned model, and those that speak most for the base."""
    sign = {"high": 1.0, "low": -1.0}.get(about.goal, 1.0)

    def gain(one: Point) -> float:
        if about.goal == "like" and one.people is not None:
            return abs(one.base - one.people) - abs(one.tuned - one.people)
        tuned, base = one.tuned / (one.tuned_weight or 1), one.base / (one.base_weight or 1)
        return sign * (tuned - base)

    ordered = sorted(((gain(one), one.item_id) for one in points), key=lambda pair: (-pair[0], pair[1]))
    best = [item for value, item in ordered[:EXAMPLES] if value > 0]
    worst = [item for value, item in ordered[::-1][:EXAMPLES] if value < 0]
    return (*best, *worst)


def written(value: float, unit: str) -> str:
    """Write a figure with its unit."""
    if not math.isfinite(value):
        return "unknown"
    match unit:
        case "share":
            return percent(value) if value >= 0 else f"-{percent(-value)}"
        case "seconds":
            return f"{value:,.2f} s"
        case "usd":
            return f"${value:,.4f}"
        case "tokens_per_second":
            return f"{value:,.1f} tokens/s"
        case "words" | "tokens":
            return f"{value:,.1f} {unit}"
        case "perplexity":
            return f"{value:,.1f}"
        case _:
            return f"{value:.3f}"


def signed(value: float, unit: str) -> str:
    """Write a difference, with its sign; of shares in percentage points."""
    if not math.isfinite(value):
        return "unknown"
    if unit == "share":
        return f"{value * 100:+.0f} points"
    text = written(abs(value), unit)
    return ("+" if value > 0 else "-" if value < 0 else "") + text


def as_json(measure: Measure) -> dict[str, Any]:
    """Give a measure as plain JSON values; what is not known is null."""
    about = measure.about
    told: dict[str, Any] = {
        "name": about.name, "title": about.title, "group": about.group, "unit": about.unit, "goal": about.goal,
        "of": measure.difference.of,
    }  # fmt: skip
    told |= {
        name: estimate_json(estimate)
        for name, estimate in (
            ("base", measure.base),
            ("tuned", measure.tuned),
            ("people", measure.people),
            ("difference", measure.difference),
        )
    }
    return told | {"verdict": measure.verdict, "sentence": measure.sentence, "examples": list(measure.examples)}


def estimate_json(estimate: Estimate | None) -> dict[str, float | None] | None:
    """Give an estimate as value, low and high."""
    if estimate is None:
        return None
    values = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}

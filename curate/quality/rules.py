"""What a quality rule is: a check kind, whose turns it looks at, a threshold, and what is done beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curate.quality.checks import HEADS, KINDS, TURNS, measured

ACTIONS = ("drop", "flag", "off")
VERDICTS = ("drop", "flag", "keep")


@dataclass(frozen=True, slots=True)
class Threshold:
    """The allowed values; below `min` or above `max` the rule matches."""

    min: float | None = None
    max: float | None = None

    def broken_by(self, value: float | None) -> bool:
        """Say whether a measured value is outside; one that could not be measured is not."""
        if value is None:
            return False
        return (self.min is not None and value < self.min) or (self.max is not None and value > self.max)


@dataclass(frozen=True, slots=True)
class Example:
    """An invented conversation and what the rule must say of it."""

    turns: tuple[tuple[str, str, bool], ...]  # role, text, whether it is automated
    expect: str
    csat: str | None = None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack."""

    code: str
    name: str
    kind: str
    roles: tuple[str, ...]
    params: tuple[tuple[str, Any], ...]
    threshold: Threshold
    action: str
    reason: str
    rationale: str
    examples: tuple[Example, ...] = ()

    @property
    def signal(self) -> str:
        """The name under which the measured value is stored: the same for rules that measure the same."""
        parts = [*self.roles, *(f"{name}={value}" for name, value in self.params)]
        return f"{self.kind}({', '.join(parts)})" if parts else self.kind


def measure(rules: Sequence[Rule], turns: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Measure what the rules need: conversation_key, signal, value; each signal once, nulls left out."""
    frames = [
        measured(KINDS[rule.kind], turns, heads, rule.roles, dict(rule.params)).select(
            "conversation_key", pl.lit(signal).alias("signal"), "value"
        )
        for signal, rule in {rule.signal: rule for rule in rules}.items()
    ]
    return pl.concat(frames).drop_nulls("value") if frames else pl.DataFrame()


def judge(rule: Rule, example: Example) -> str:
    """Run a rule on an example: drop, flag or keep."""
    rows = [
        ("example", at, role, automated, "rule" if automated else None, text)
        for at, (role, text, automated) in enumerate(example.turns)
    ]
    turns = pl.DataFrame(rows, schema=TURNS, orient="row")
    heads = pl.DataFrame([("example", example.csat, example.is_test)], schema=HEADS, orient="row")
    found = measure([rule], turns, heads)
    value = found["value"].item() if found.height else None
    return rule.action if rule.threshold.broken_by(value) else "keep"

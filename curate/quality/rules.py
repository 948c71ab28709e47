"""What a quality rule is: a check kind, whose turns it looks at, a threshold, and what is done beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curate.quality.checks import HEADS, KINDS, TURNS, Check, measure_checks, summed_up, widened
from curate.quality.wording import digest

ACTIONS = ("drop", "flag", "weight", "off")
VERDICTS = ("drop", "flag", "weight", "keep")
MEASURED = pl.Schema({"conversation_key": pl.String, "signal": pl.String, "value": pl.Float64})
# A list of many terms is named by its digest; a few can be read in the signal's name.
READABLE = 200


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

    turns: tuple[tuple[str, str, str | None], ...]  # role, text, its automation
    expect: str
    head: tuple[tuple[str, Any], ...] = ()  # what the helpdesk recorded, by the names of HEADS


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
        parts = [*self.roles, *(f"{name}={_short(value)}" for name, value in self.params)]
        return f"{self.kind}({', '.join(parts)})" if parts else self.kind

    @property
    def check(self) -> Check:
        """What it measures."""
        return Check(self.signal, KINDS[self.kind], self.roles, dict(self.params))


def _short(value: object) -> str:
    return str(value) if len(str(value)) <= READABLE else f"#{digest(value)}"


def measure(rules: Sequence[Rule], turns: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Measure what the rules need: conversation_key, signal, value; each signal once, nulls left out."""
    checks = _checks(rules)
    return _long(measure_checks(checks, turns, heads)) if checks else MEASURED.to_frame()


def _checks(rules: Sequence[Rule]) -> list[Check]:
    return [rule.check for rule in {rule.signal: rule for rule in rules}.values()]


def _long(found: pl.DataFrame) -> pl.DataFrame:
    return found.unpivot(index="conversation_key", variable_name="signal").drop_nulls("value")


def measure_turns(rules: Sequence[Rule], wide: pl.DataFrame) -> pl.DataFrame:
    """Measure every turn of a rule's roles as a conversation of its own: turn_key, signal, value.

    `wide` are the turns widened for these rules' checks.
    """
    checks = _checks(rules)
    alone = wide.with_columns(conversation_key="turn_key")
    found = [MEASURED.to_frame()]
    for roles in dict.fromkeys(check.roles for check in checks):
        chosen = alone.filter(pl.col("role").is_in(roles)) if roles else alone
        heads = pl.concat([HEADS.to_frame(), chosen.select("conversation_key")], how="diagonal")
        found.append(_long(summed_up([check for check in checks if check.roles == roles], chosen, heads)))
    return pl.concat(found).rename({"conversation_key": "turn_key"})


def judge(rule: Rule, example: Example) -> str:
    """Run a rule on an example: drop, flag, weight or keep."""
    rows = [
        ("example", at, role, automation is not None, automation, text)
        for at, (role, text, automation) in enumerate(example.turns)
    ]
    turns = pl.DataFrame(rows, schema=TURNS, orient="row")
    if rule.action == "weight":
        keyed = turns.with_columns(turn_key=pl.col("position").cast(pl.String))
        values: list[float] = measure_turns([rule], widened([rule.check], keyed))["value"].to_list()
    else:
        heads = pl.DataFrame([{"conversation_key": "example", "is_test": False, **dict(example.head)}], schema=HEADS)
        values = measure([rule], turns, heads)["value"].to_list()
    return rule.action if any(rule.threshold.broken_by(value) for value in values) else "keep"

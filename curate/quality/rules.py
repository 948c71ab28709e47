"""What a quality rule is: a check kind, whose turns it looks at, a threshold, and what is done beyond it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from curate.quality.checks import HEADS, KINDS, TURNS, Check, measure_checks, summed_up, widened
from curate.quality.wording import digest
from store.database import Store
from store.ledger import last_done

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
    def is_broken_by_zero(self) -> bool:
        """Say whether it matches a conversation in which there is nothing of what it measures."""
        return self.threshold.broken_by(0)

    @property
    def check(self) -> Check:
        """What it measures."""
        return Check(self.signal, KINDS[self.kind], self.roles, dict(self.params))


def _short(value: object) -> str:
    return str(value) if len(str(value)) <= READABLE else f"#{digest(value)}"


def measure(rules: Sequence[Rule], turns: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Measure what the rules need: conversation_key, signal, value; each signal once, nulls left out."""
    checks = checks_of(rules)
    return in_rows(measure_checks(checks, turns, heads)) if checks else MEASURED.to_frame()


def checks_of(rules: Sequence[Rule]) -> list[Check]:
    """Give what the rules measure, each signal once."""
    return [rule.check for rule in {rule.signal: rule for rule in rules}.values()]


def in_rows(found: pl.DataFrame, zeros: Collection[str] | None = None) -> pl.DataFrame:
    """Make rows of a column for every signal: conversation_key, signal, value; nulls are left out.

    Where `zeros` are given, so are the zeros of all other signals. A conversation's rows stand together, which the
    store packs in half the time that columns after one another take.
    """
    values = found.drop("conversation_key")
    numbers = values.to_numpy()
    is_kept = ~np.isnan(numbers)
    if zeros is not None:
        is_kept &= (numbers != 0) | np.array([name in zeros for name in values.columns])
    rows, columns = np.nonzero(is_kept)
    return pl.DataFrame(
        {
            "conversation_key": found["conversation_key"].gather(rows),
            "signal": pl.Series(values.columns, dtype=pl.String).gather(columns),
            "value": numbers[is_kept],
        },
        schema=MEASURED,
    )


def measure_turns(rules: Sequence[Rule], wide: pl.DataFrame) -> pl.DataFrame:
    """Measure every turn of a rule's roles as a conversation of its own: turn_key, signal, value.

    `wide` are the turns widened for these rules' checks.
    """
    checks = checks_of(rules)
    alone = wide.with_columns(conversation_key="turn_key")
    found = [MEASURED.to_frame()]
    for roles in dict.fromkeys(check.roles for check in checks):
        chosen = alone.filter(pl.col("role").is_in(roles)) if roles else alone
        heads = pl.concat([HEADS.to_frame(), chosen.select("conversation_key")], how="diagonal")
        found.append(in_rows(summed_up([check for check in checks if check.roles == roles], chosen, heads)))
    return pl.concat(found).rename({"conversation_key": "turn_key"})


def stored_signals(store: Store) -> dict[str, bool]:
    """Give the signals that the last curation measured, and whether their zeros are stored too."""
    last = last_done(store, "quality")
    position = last["position"] if last else {}
    return {signal: signal in position["zeros"] for signal in position.get("signals", ())}


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

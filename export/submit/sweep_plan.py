"""What a sweep tries: values to choose from, how they are chosen, and how much it may cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from export.submit.checks import HYPERPARAMETER, value_of
from export.submit.errors import SubmitError
from store.errors import unknown_name

GRID, RANDOM, HALVING = "grid", "random", "halving"
WAYS = (GRID, RANDOM, HALVING)
DATASET, EPOCHS = "dataset", "epochs"
MOST_JOBS = 1000


@dataclass(frozen=True, slots=True)
class SweepPlan:
    """A sweep: `choices` holds the values of each name, dataset and epochs among them.

    Grid tries every combination, random draws `trials` of them, halving draws too, begins each with the fewest epochs
    and goes on to `factor` times as many with the better ones. A budget of None has no bound.
    """

    provider: str
    model: str | None
    choices: Mapping[str, tuple[Any, ...]]
    how: str = GRID
    trials: int = 10
    factor: int = 2
    seed: int = 0
    most_usd: float | None = None
    most_minutes: float | None = None

    @property
    def sweep_id(self) -> str:
        """Name the sweep by what it tries; a budget may grow without making another sweep of it."""
        told = [self.provider, self.model, sorted(self.choices.items()), self.how, self.trials, self.factor, self.seed]
        return f"sweep-{sha256(orjson.dumps(told)).hexdigest()[:12]}"

    @property
    def combinations(self) -> int:
        """Count what there is to choose from."""
        return math.prod(len(values) for values in self.choices.values())

    @property
    def rounds(self) -> int:
        """Say how many trials there are."""
        return self.combinations if self.how == GRID else self.trials


def make_plan(
    provider: str,
    *,
    model: str | None,
    datasets: Sequence[str],
    epochs: Sequence[int],
    sets: Sequence[str],
    how: str,
    trials: int,
    seed: int,
    most_usd: float | None,
    most_minutes: float | None,
) -> SweepPlan:
    """Make a plan of what a person asked for; `sets` are like "learning_rate 1e-5,5e-5".

    Raises:
        SubmitError: a value cannot be read, there is nothing to choose from, or there are too many jobs.
    """
    if how not in WAYS:
        raise SubmitError(unknown_name("way to sweep", how, WAYS), hint="Choose one with --how.")
    choices: dict[str, tuple[Any, ...]] = {DATASET: tuple(datasets), EPOCHS: tuple(sorted(set(epochs)))}
    for line in sets:
        match = HYPERPARAMETER.fullmatch(line.strip())
        if match is None:
            hint = 'Write it as --set "learning_rate 1e-5,5e-5", by the name that the provider uses.'
            raise SubmitError(f"{line!r} is no name with values.", hint=hint)
        choices[match[1]] = tuple(dict.fromkeys(value_of(one) for one in match[2].split(",") if one))
    plan = SweepPlan(
        provider, model, choices, how=how, trials=trials, seed=seed, most_usd=most_usd, most_minutes=most_minutes
    )
    if plan.rounds > MOST_JOBS or any(not values for values in choices.values()):
        raise SubmitError(
            f"The sweep would have {plan.rounds:,} trials; 1 to {MOST_JOBS:,} can be had.",
            hint="Name fewer values, or draw some of them: --how random --trials 20.",
        )
    return plan

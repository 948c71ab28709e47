"""How sure a comparison is: intervals of shares, means and their differences, and how far people agree.

All intervals are of 95 %. Resampling is seeded, so that the same answers give the same figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt

from curate.evaluation.intervals import wilson

Numbers = npt.NDArray[np.float64]
Statistic = Callable[[Numbers], Numbers]  # from sums of columns, one row a resample, to one figure a row

RESAMPLES = 2000
PART = 2_000_000  # cells of a matrix of counts that are drawn at once
BOUNDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, between which limits it lies, and on how many cases it was measured."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree: the share of pairs of ratings that are equal, and Krippendorff's alpha (1: all, 0: chance).

    `alpha` is None where there is nothing to tell: no item has two ratings, or all ratings are the same.
    """

    items: int
    pairs: int
    share: Estimate
    alpha: float | None


def share_of(found: int, of: int) -> Estimate:
    """Give a share with its Wilson interval; of nothing it is 0, somewhere from 0 to 1."""
    limits = wilson(found, of)
    return Estimate(found / of if of else 0.0, limits.low, limits.high, of)


def difference_of_shares(first: tuple[int, int], second: tuple[int, int]) -> Estimate:
    """Give first less second, each as (found, of), of samples that have nothing to do with each other.

    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), 873-890, method 10.
    """
    one, other = share_of(*first), share_of(*second)
    return _joined(one, other, phi=0.0, of=min(first[1], second[1]))


def difference_of_paired_shares(first: Sequence[bool], second: Sequence[bool]) -> Estimate:
    """Give first less second, of two shares that were counted on the same cases.

    Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", Statistics in Medicine 17 (1998), 2635-2650, method 10.
    """
    counts = Counter(zip(map(bool, first), map(bool, second), strict=True))
    both, one, other, none = (counts[key] for key in ((True, True), (True, False), (False, True), (False, False)))
    total = both + one + other + none
    if not total:
        return Estimate(0.0, -1.0, 1.0, 0)
    return _joined(
        share_of(both + one, total), share_of(both + other, total), phi=_phi(both, one, other, none), of=total
    )


def _phi(both: int, one: int, other: int, none: int) -> float:
    """Give the correlation of two shares, drawn towards 0 by the paper's correction for continuity."""
    product = (both + one) * (other + none) * (both + other) * (one + none)
    if not product:
        return 0.0
    cross = both * none - one * other
    half = (both + one + other + none) / 2
    corrected = cross if cross < 0 else max(cross - half, 0.0)
    return corrected / sqrt(product)


def _joined(one: Estimate, other: Estimate, *, phi: float, of: int) -> Estimate:
    value = one.value - other.value
    below = _spread(one.value - one.low, other.high - other.value, phi)
    above = _spread(one.high - one.value, other.value - other.low, phi)
    return Estimate(value, max(-1.0, value - below), min(1.0, value + above), of)


def _spread(first: float, second: float, phi: float) -> float:
    return sqrt(max(0.0, first * first - 2 * phi * first * second + second * second))


def resampled(columns: Numbers, statistic: Statistic, *, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """Give a figure made of the sums of columns (a row a case), with its percentile bootstrap interval.

    Whole cases are drawn, so what was measured on one case stays together: differences are paired. Of fewer than two
    cases nothing is known, and the interval is from minus to plus infinity.
    Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    cases = len(columns)
    value = float(statistic(columns.sum(axis=0, keepdims=True))[0]) if cases else float("nan")
    if cases < 2:
        return Estimate(value, float("-inf"), float("inf"), cases)
    generator = np.random.default_rng(seed)
    step = max(1, PART // cases)
    drawn = [
        statistic(generator.multinomial(cases, np.full(cases, 1 / cases), size=min(step, resamples - at)) @ columns)
        for at in range(0, resamples, step)
    ]
    # A resample without any weight below has no figure.
    low, high = np.nanpercentile(np.concatenate(drawn), BOUNDS)
    return Estimate(value, float(min(low, value)), float(max(high, value)), cases)


def mean_of(values: Sequence[float], *, seed: int) -> Estimate:
    """Give a mean with its bootstrap interval."""
    columns = np.column_stack([np.asarray(values, dtype=np.float64), np.ones(len(values))])
    return resampled(columns, lambda sums: ratio(sums[:, 0], sums[:, 1]), seed=seed)


def ratio(above: Numbers, below: Numbers) -> Numbers:
    """Divide figure by figure; nan where there is nothing to divide by."""
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)


def wins(won: int, lost: int) -> Estimate:
    """Give the share of decided pairs that were won; ties say nothing and are told beside it."""
    return share_of(won, won + lost)


def agreement(ratings: Sequence[Sequence[str]]) -> Agreement:
    """Say how far raters agree, from the ratings of each item; not every rater need have rated every item.

    Source: K. Krippendorff, Content Analysis (2004), chapter 11, for nominal data.
    """
    rated = [Counter(item) for item in ratings if len(item) > 1]
    pairs = sum(one.total() * (one.total() - 1) // 2 for one in rated)
    equal = sum(count * (count - 1) // 2 for one in rated for count in one.values())
    return Agreement(len(rated), pairs, share_of(equal, pairs), _alpha(rated))


def _alpha(rated: Sequence[Counter[str]]) -> float | None:
    values = sum(one.total() for one in rated)
    totals = sum(rated, Counter[str]())
    # Ordered pairs of unequal ratings: within items, each weighted by its raters less one, and over all of them.
    observed = sum(2 * _unequal(one) / (one.total() - 1) for one in rated)
    expected = 2 * _unequal(totals) / (values - 1) if values > 1 else 0.0
    return 1 - observed / expected if expected else None


def _unequal(counts: Counter[str]) -> int:
    return sum(one * other for one, other in combinations(counts.values(), 2))


def excludes(estimate: Estimate, value: float) -> int:
    """Say where an interval lies: 1 above a value, -1 below it, 0 around it."""
    return 1 if estimate.low > value else -1 if estimate.high < value else 0

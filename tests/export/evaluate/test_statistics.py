"""Intervals, differences and agreement: known values of the papers, and what must hold whatever the figures are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.evaluate.statistics import (
    Estimate,
    agreement,
    difference_of_paired_shares,
    difference_of_shares,
    excludes,
    mean_of,
    ratio,
    resampled,
    share_of,
    wins,
)

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200)
VALUES = st.lists(st.floats(-1000, 1000), min_size=2, max_size=60)
RATINGS = st.lists(st.lists(st.sampled_from(["base", "tuned", "tie"]), max_size=5), max_size=30)


def holds(estimate: Estimate) -> bool:
    return estimate.low <= estimate.value <= estimate.high


def table(both: int, one: int, other: int, none: int) -> tuple[list[bool], list[bool]]:
    first = [True] * (both + one) + [False] * (other + none)
    return first, [True] * both + [False] * one + [True] * other + [False] * none


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((36, 12, 2, 0), 0.0569, 0.3404), ((0, 0, 0, 30), -0.1135, 0.1135), ((30, 0, 0, 0), -0.1135, 0.1135)],
)
def test_paired_shares_as_newcombe_has_them(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    found = difference_of_paired_shares(*table(*counts))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0)],
)
def test_independent_shares_as_newcombe_has_them(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    found = difference_of_shares(first, second)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(pairs=PAIRS)
def test_a_paired_difference_holds_its_value_and_turns_with_its_sides(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = difference_of_paired_shares(first, second), difference_of_paired_shares(second, first)
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert (there.low, there.high) == (pytest.approx(-back.high, abs=1e-9), pytest.approx(-back.low, abs=1e-9))


@given(pairs=PAIRS)
def test_twice_the_cases_give_a_narrower_difference(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    once, often = difference_of_paired_shares(first, second), difference_of_paired_shares(first * 8, second * 8)
    assert often.high - often.low < once.high - once.low


def test_of_no_cases_any_difference_may_be_true() -> None:
    found = difference_of_paired_shares([], [])
    assert (found.low, found.high) == (-1.0, 1.0)


@given(values=VALUES, seed=st.integers(0, 2**31))
def test_a_mean_lies_in_its_interval_and_that_among_the_values(values: list[float], seed: int) -> None:
    found = mean_of(values, seed=seed)
    assert holds(found)
    assert found.value == pytest.approx(sum(values) / len(values), abs=1e-6)
    assert min(values) - 1e-6 <= found.low
    assert found.high <= max(values) + 1e-6


@given(values=VALUES, seed=st.integers(0, 1000))
def test_the_same_seed_gives_the_same_interval(values: list[float], seed: int) -> None:
    assert mean_of(values, seed=seed) == mean_of(values, seed=seed)


def test_the_bootstrap_comes_near_to_the_interval_of_a_normal_mean() -> None:
    values = np.random.default_rng(7).normal(10, 2, 400)
    found = mean_of(list(values), seed=1)
    spread = 1.96 * values.std(ddof=1) / 20
    assert found.high - found.low == pytest.approx(2 * spread, rel=0.1)


def test_one_case_says_nothing_of_the_others() -> None:
    found = mean_of([3.0], seed=0)
    assert (found.value, found.low, found.high) == (3.0, float("-inf"), float("inf"))


def test_a_ratio_of_sums_weighs_cases_by_what_is_below() -> None:
    columns = np.array([[10.0, 1.0], [10.0, 9.0]])
    found = resampled(columns, lambda sums: ratio(sums[:, 0], sums[:, 1]), seed=0)
    assert found.value == 2.0


def test_what_cannot_be_divided_is_no_number_and_no_warning() -> None:
    assert np.isnan(ratio(np.array([1.0]), np.array([0.0]))[0])


def test_a_winner_is_clear_when_the_interval_leaves_a_half_out() -> None:
    assert excludes(wins(70, 30), 0.5) == 1
    assert excludes(wins(30, 70), 0.5) == -1
    assert excludes(wins(55, 45), 0.5) == 0
    assert excludes(wins(0, 0), 0.5) == 0
    assert share_of(0, 0) == Estimate(0.0, 0.0, 1.0, 0)


# Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), example C: 4 observers, 12 units, nominal.
OBSERVERS = ("12332141 2***", "12332241 25*3", "*3332342 251*", "12332441 251*")


def test_krippendorffs_own_example() -> None:
    rows = [row.replace(" ", "") for row in OBSERVERS]
    units = [[value for value in unit if value != "*"] for unit in zip(*rows, strict=True)]
    assert agreement(units).alpha == pytest.approx(0.743, abs=1e-3)


@given(ratings=RATINGS)
def test_agreement_does_not_depend_on_the_order(ratings: list[list[str]]) -> None:
    there, back = agreement(ratings), agreement([sorted(item, reverse=True) for item in ratings[::-1]])
    assert there.share == back.share
    assert there.alpha == (None if back.alpha is None else pytest.approx(back.alpha, abs=1e-9))


@given(ratings=RATINGS)
def test_alpha_is_one_when_all_agree_and_never_more(ratings: list[list[str]]) -> None:
    found = agreement(ratings)
    assert found.alpha is None or found.alpha <= 1 + 1e-9
    alike = agreement([item[:1] * len(item) for item in ratings])
    assert alike.share.value in (0.0, 1.0)
    assert alike.alpha is None or alike.alpha == pytest.approx(1.0)


def test_chance_is_worth_nothing() -> None:
    draws = np.random.default_rng(3).integers(0, 2, (2000, 2))
    found = agreement([["base" if one else "tuned" for one in item] for item in draws])
    assert found.alpha == pytest.approx(0, abs=0.06)
    assert found.share.value == pytest.approx(0.5, abs=0.04)


def test_ratings_of_one_voter_alone_say_nothing() -> None:
    found: Sequence[object] = [agreement([["base"], ["tuned"]]).alpha, agreement([]).pairs]
    assert found == [None, 0]

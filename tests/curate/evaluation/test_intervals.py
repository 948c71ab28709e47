"""Wilson's interval, and recall estimated from people's misses."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.evaluation.intervals import Stratum, percent, recall_from_misses, share_in_words, wilson


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    of = draw(st.integers(1, 100_000))
    return draw(st.integers(0, of)), of


@given(counts=counts())
def test_the_interval_holds_the_share_and_stays_within_0_and_1(counts: tuple[int, int]) -> None:
    found, of = counts
    limits = wilson(found, of)
    assert 0 <= limits.low <= found / of <= limits.high <= 1
    assert limits.low < limits.high


@given(counts=counts(), times=st.integers(2, 50))
def test_the_interval_of_the_same_share_shrinks_with_the_sample(counts: tuple[int, int], times: int) -> None:
    found, of = counts
    small, large = wilson(found, of), wilson(found * times, of * times)
    assert large.high - large.low < small.high - small.low


@given(counts=counts())
def test_what_was_not_found_has_the_mirrored_interval(counts: tuple[int, int]) -> None:
    found, of = counts
    one, other = wilson(found, of), wilson(of - found, of)
    assert isclose(one.low, 1 - other.high, abs_tol=1e-12)
    assert isclose(one.high, 1 - other.low, abs_tol=1e-12)


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [(98, 100, 0.9300, 0.9945), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_known_intervals(found: int, of: int, low: float, high: float) -> None:
    limits = wilson(found, of)
    assert limits.low == pytest.approx(low, abs=1e-4)
    assert limits.high == pytest.approx(high, abs=1e-4)


def test_of_nothing_anything_may_be_true() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0.0, 1.0)


def test_a_share_in_words() -> None:
    said = share_in_words(98, 100, "phone numbers")
    assert said == "Of 100 planted phone numbers 98 were found; true recall lies between 93 % and 99.4 %."


@pytest.mark.parametrize(
    ("share", "said"), [(1.0, "100 %"), (0.0, "0 %"), (0.9996, "99.9 %"), (0.0004, "0.1 %"), (0.5, "50 %")]
)
def test_nearly_all_is_never_called_all(share: float, said: str) -> None:
    assert percent(share) == said


def test_recall_from_misses_weighs_each_stratum_by_its_turns() -> None:
    strata = [
        Stratum("with findings", turns=1000, found=1500, checked=100, missing=5, missed=10),
        Stratum("without findings", turns=9000, found=0, checked=100, missing=1, missed=1),
    ]
    estimate = recall_from_misses(strata)
    assert estimate is not None
    assert estimate.missed == pytest.approx(1000 * 10 / 100 + 9000 * 1 / 100)
    assert estimate.recall == pytest.approx(1500 / (1500 + 190))
    assert estimate.interval.low < estimate.recall < estimate.interval.high


def test_no_miss_in_the_sample_does_not_prove_that_there_are_none() -> None:
    strata = [Stratum("with findings", 1000, 1500, 50, 0, 0), Stratum("without findings", 1000, 0, 50, 0, 0)]
    estimate = recall_from_misses(strata)
    assert estimate is not None
    assert estimate.recall == 1.0
    assert estimate.interval.low < 0.97


def test_a_stratum_nobody_has_read_gives_no_estimate_but_an_empty_one_does_not_matter() -> None:
    read = Stratum("with findings", 10, 10, 5, 0, 0)
    assert recall_from_misses([read, Stratum("without findings", 10, 0, 0, 0, 0)]) is None
    assert recall_from_misses([read, Stratum("without findings", 0, 0, 0, 0, 0)]) is not None


@given(data=st.data())
def test_the_estimate_lies_within_its_interval(data: st.DataObject) -> None:
    strata = []
    for name in ("with findings", "without findings"):
        turns = data.draw(st.integers(1, 10_000))
        checked = data.draw(st.integers(1, turns))
        missing = data.draw(st.integers(0, checked))
        missed = data.draw(st.integers(missing, 3 * missing))
        strata.append(Stratum(name, turns, data.draw(st.integers(0, 5000)), checked, missing, missed))
    estimate = recall_from_misses(strata)
    assert estimate is not None
    assert 0 <= estimate.interval.low <= estimate.recall <= estimate.interval.high <= 1

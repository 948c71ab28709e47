"""Ratings of any scale lie between 0 and 1, in their order, and keep what they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.ratings import UNRATED, USUAL, bounds_of, in_words, rated, usual_scale


@given(st.sampled_from(USUAL), st.integers(0, 100), st.integers(0, 100))
def test_a_better_rating_never_scores_less_and_good_is_above_the_middle(bounds, one, other) -> None:
    first, second = rated(one, *bounds), rated(other, *bounds)
    if first.score is None or second.score is None:
        return
    assert 0 <= first.score <= 1
    assert (first.score <= second.score) == (one <= other)
    assert (first.label == "good") == (2 * one > sum(bounds))
    assert first.custom == {"csat_original": one}


@pytest.mark.parametrize(("value", "score"), [("4,0", 0.75), (" 5 ", 1.0), (3, 0.5), (9, None), ("great", None),
                                              (True, None), ([5], None)])  # fmt: skip
def test_what_is_no_number_of_the_scale_is_kept_without_a_score(value, score) -> None:
    found = rated(value, 1, 5)
    assert (found.score, found.original) == (score, value)
    assert (found.scale is None) == (score is None)


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_rating_is_none(nothing) -> None:
    assert rated(nothing, 1, 5) == UNRATED


@pytest.mark.parametrize(("values", "scale"), [
    ([1, 5, "3"], "1-5"), ([0, 1], "0-1"), ([0.2], "0-1"), ([1, 1], None), ([0, 5], "0-5"), (["7", 2], "1-10"),
    ([0, 10], "0-10"), ([95], "0-100"), ([250], None), (["good"], None), ([], None), ([-3], None),
])  # fmt: skip
def test_the_narrowest_usual_scale_that_holds_the_numbers_is_guessed(values, scale) -> None:
    assert usual_scale(values) == scale


def test_words_and_scales_are_read() -> None:
    assert [in_words(word, word).score for word in ("good", "neutral", "bad")] == [1.0, 0.5, 0.0]
    assert (bounds_of("1-5"), bounds_of("5-1"), bounds_of("stars")) == ((1, 5), None, None)

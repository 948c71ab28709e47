"""The blind sample read in the browser: redacted text, misses as spans, recall by type with its interval."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.audit.audit import BLIND
from curate.audit.blind import draw_blind_sample
from curate.audit.reading import Mark, Sample, blind_turn, newest_sample, next_turn, rate, reading_of
from curate.errors import CurateError
from curate.evaluation.intervals import Stratum, recall_from_misses
from curate.evaluation.recording import record
from curate.language import curate_language
from curate.outcomes import curate_outcomes
from curate.quality.stage import curate_quality
from curate.redact.policy import load_policy
from curate.redact.stage import curate_redaction
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of

TYPES = ("PERSON", "EMAIL_ADDRESS", "ORDER_ID")
NUMBERS = ["one", "two", "three", "four", "five", "six"]


@pytest.fixture
def sample(workspace: Workspace, store: Store) -> Sample:
    """Six kept conversations, each with an e-mail that is found, and a sample of all twelve turns."""
    for number in NUMBERS:
        ask = f"Hello 😀, my address is {number}@example.com and the {number} kettles that I ordered have not come."
        answer = f"I am sorry that the {number} kettles are late, they were sent on Monday and come by Friday."
        add_conversation(store, number, [("customer", ask), ("agent", answer)])
    curation = curation_of(workspace, store)
    curate_language(curation)
    curate_redaction(curation)
    curate_quality(curation)
    curate_outcomes(curation)
    strata = draw_blind_sample(store, load_policy(), size=12, seed=1, fallback="en")
    from dataclasses import asdict

    record(store, BLIND, "v1", {"seed": 1, "strata": [asdict(one) for one in strata]})
    found = newest_sample(store)
    assert found is not None
    return found


def read_all(workspace: Workspace, store: Store, sample: Sample, marks: dict[str, list[Mark]]) -> None:
    for key in sample.drawn:
        rate(store, workspace.settings, sample, key, marks.get(key, []), types=TYPES, by="Ann")


def place(store: Store, key: str, word: str) -> Mark:
    text = store.value("SELECT text FROM turns WHERE turn_key = ?", [key])
    return Mark(text.index(word), text.index(word) + len(word), "ORDER_ID")


def test_a_turn_is_read_as_it_would_leave_with_places_in_its_own_text(
    workspace: Workspace, store: Store, sample: Sample
) -> None:
    turn = blind_turn(store, workspace.settings, sample, "two-0")
    assert turn is not None
    assert "two@example.com" not in "".join(one.text for one in turn.stretches)
    original = store.value("SELECT text FROM turns WHERE turn_key = 'two-0'")
    for one in turn.stretches:
        if one.start is not None:
            assert original[one.start : one.start + len(one.text)] == one.text
    assert [one.start for one in turn.stretches].count(None) == 1
    answer = blind_turn(store, workspace.settings, sample, "two-1")
    assert answer is not None
    assert answer.before[0][0] == "customer"
    assert "example.com" not in answer.before[0][1]


def test_every_turn_comes_once_and_then_none(workspace: Workspace, store: Store, sample: Sample) -> None:
    seen: list[str] = []
    for _ in range(12):
        turn = next_turn(store, workspace.settings, newest(store), reader="Ann")
        assert turn is not None
        seen.append(turn.turn_key)
        rate(store, workspace.settings, sample, turn.turn_key, [], types=TYPES, by="Ann")
    assert sorted(seen) == sorted(sample.drawn)
    assert next_turn(store, workspace.settings, newest(store), reader="Ann") is None
    assert newest(store).is_read


def newest(store: Store) -> Sample:
    found = newest_sample(store)
    assert found is not None
    return found


def test_recall_by_type_is_that_of_the_strata_with_its_interval(
    workspace: Workspace, store: Store, sample: Sample
) -> None:
    marks = {"two-0": [place(store, "two-0", "kettles")], "three-1": [place(store, "three-1", "Monday")]}
    read_all(workspace, store, sample, marks)
    reading = reading_of(store)
    assert reading is not None
    by_type = {one.entity_type: one for one in reading.types}
    assert (by_type["EMAIL_ADDRESS"].found, by_type["EMAIL_ADDRESS"].missed) == (6, 0)
    assert (by_type["ORDER_ID"].found, by_type["ORDER_ID"].missed) == (0, 2)
    strata = [Stratum("with findings", 6, 0, 6, 1, 1), Stratum("without findings", 6, 0, 6, 1, 1)]
    assert by_type["ORDER_ID"].recall == recall_from_misses(strata)
    assert reading.recall is not None
    assert (reading.checked, reading.missing, reading.recall.recall) == (12, 2, 6 / 8)
    assert "2 misses in 12 turns means that up to about 45 %" in reading.sentence


def test_a_turn_that_is_read_again_counts_as_it_was_read_last(
    workspace: Workspace, store: Store, sample: Sample
) -> None:
    rate(store, workspace.settings, sample, "two-0", [place(store, "two-0", "kettles")], types=TYPES, by="Ann")
    rate(store, workspace.settings, sample, "two-0", [], types=TYPES, by="Ben")
    reading = reading_of(store)
    assert reading is not None
    assert sum(one.missed for one in reading.types) == sum(one.missed for one in reading.strata) == 0
    rows = store.rows("SELECT actor, action, subject, after FROM history ORDER BY happened_at")
    assert [(row[0], row[1], row[2]) for row in rows] == [
        ("Ann", "audit.rate", "two-0"),
        ("Ben", "audit.rate", "two-0"),
    ]
    assert '"missed":{"ORDER_ID":1}' in rows[0][3]


def test_before_any_turn_is_read_nothing_is_claimed(store: Store, sample: Sample) -> None:
    reading = reading_of(store)
    assert reading is not None
    assert reading.recall is None
    assert reading.sentence == "No turn has been read yet."


@pytest.mark.parametrize(
    "marks",
    [
        [Mark(0, 0, "PERSON")],
        [Mark(-1, 4, "PERSON")],
        [Mark(0, 5_000, "PERSON")],
        [Mark(0, 5, "NOTHING")],
        [Mark(0, 5, "PERSON"), Mark(3, 7, "PERSON")],
        [Mark(20, 40, "PERSON")],
    ],
)
def test_marks_that_are_none_are_refused_and_nothing_is_kept(
    workspace: Workspace, store: Store, sample: Sample, marks: Any
) -> None:
    with pytest.raises(CurateError):
        rate(store, workspace.settings, sample, "two-0", marks, types=TYPES, by="Ann")
    assert store.value("SELECT count(*) FROM ratings") == 0


def test_turns_of_other_samples_and_turns_that_are_gone_are_refused(
    workspace: Workspace, store: Store, sample: Sample
) -> None:
    with pytest.raises(CurateError, match="not in the newest sample"):
        rate(store, workspace.settings, sample, "nine-0", [], types=TYPES, by="Ann")
    add_conversation(store, "two", [("customer", "Something else altogether.")])
    with pytest.raises(CurateError, match="gone or changed"):
        rate(store, workspace.settings, sample, "two-1", [], types=TYPES, by="Ann")


@given(checked=st.integers(1, 500), missing=st.integers(0, 500), found=st.integers(0, 2000))
def test_the_share_always_lies_within_its_limits(checked: int, missing: int, found: int) -> None:
    of = min(missing, checked)
    recall = recall_from_misses([Stratum("all", 1000, found, checked, of, of)])
    assert recall is not None
    assert recall.interval.low <= recall.recall <= recall.interval.high

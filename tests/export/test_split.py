"""Splits: whole groups, near the targets, the same whatever the order; the proof counts from the tables."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.customers import components, group
from export.split import divide, groups_of, overlap
from store.database import Store
from tests.export.builders import Case, add_curated, many

SHARES = (0.8, 0.1, 0.1)
TIES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 25)), max_size=120)


def frame_of(ties: list[tuple[int, int]]) -> pl.DataFrame:
    rows = [(f"c{conversation:02d}", f"tie{tie}") for conversation, tie in ties]
    return pl.DataFrame(rows, schema={"conversation_key": pl.String, "tie": pl.String}, orient="row")


def keys(count: int) -> pl.Series:
    return pl.Series("conversation_key", [f"c{n:02d}" for n in range(count)], dtype=pl.String)


@settings(deadline=None)
@given(TIES, st.integers(0, 5))
def test_no_tie_stands_in_two_splits(ties: list[tuple[int, int]], seed: int) -> None:
    rows = divide(group(keys(41), frame_of(ties)), shares=SHARES, seed=seed).rows
    held = frame_of(ties).join(rows, on="conversation_key")
    assert held.group_by("tie").agg(pl.col("split").n_unique())["split"].to_numpy().max(initial=1) == 1


@settings(deadline=None)
@given(TIES)
def test_a_group_is_named_by_its_smallest_key_and_holds_what_is_linked(ties: list[tuple[int, int]]) -> None:
    found = dict(group(keys(41), frame_of(ties)).iter_rows())
    assert found == linked_by_hand(41, ties)


@settings(deadline=None)
@given(TIES, st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_of_rows_changes_nothing(ties: list[tuple[int, int]], random, seed: int) -> None:
    mixed = list(ties)
    random.shuffle(mixed)
    shuffled = keys(41).shuffle(seed=seed)
    one = divide(group(keys(41), frame_of(ties)), shares=SHARES, seed=seed).rows
    other = divide(group(shuffled, frame_of(mixed)), shares=SHARES, seed=seed).rows
    assert one.equals(other)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_come_out_near_the_targets_with_many_small_groups(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = pl.Series("conversation_key", [f"c{n:05d}" for n in range(5000)])
    ties = pl.DataFrame({"conversation_key": names, "tie": rng.integers(0, 2500, 5000).astype(str)})
    rows = divide(group(names, ties), shares=SHARES, seed=seed).rows
    counts = dict(rows.group_by("split").len().iter_rows())
    assert counts["test"] == pytest.approx(500, abs=10)
    assert counts["validation"] == pytest.approx(500, abs=10)
    assert sum(counts.values()) == 5000


def test_another_seed_gives_another_split() -> None:
    groups = group(keys(41), frame_of([]))
    assert not divide(groups, shares=SHARES, seed=1).rows.equals(divide(groups, shares=SHARES, seed=2).rows)


def test_a_group_beyond_a_splits_share_trains() -> None:
    groups = group(keys(41), frame_of([(n, 0) for n in range(41)]))
    found = divide(groups, shares=SHARES, seed=1)
    assert set(found.rows["split"]) == {"train"}
    assert "the largest has 41" in found.note
    assert "hold 41 of the 41 conversations" in found.note
    assert 'caps = ["customer 20"]' in found.note


def test_one_customer_with_half_of_the_conversations_is_no_word_as_long_as_it_is_not_more() -> None:
    assert divide(group(keys(40), frame_of([(n, 0) for n in range(20)])), shares=SHARES, seed=1).note == ""


def test_a_tiny_set_trains_as_a_whole_and_says_so() -> None:
    found = divide(group(keys(9), frame_of([])), shares=SHARES, seed=1)
    assert set(found.rows["split"]) == {"train"}
    assert "fewer than 10 conversations (9)" in found.note


def test_components_follow_long_chains_in_any_direction() -> None:
    order = np.random.default_rng(3).permutation(1000)
    assert set(components(1000, order[:-1], order[1:])) == {0}


def test_customers_are_one_by_mail_phone_or_id_whatever_the_spelling(store: Store) -> None:
    add_curated(
        store,
        [
            Case("a1", email="Ann@Example.com"),
            Case("a2", email=" ann@example.com", phone="+1 (202) 555-0143"),
            Case("a3", phone="12025550143", customer="77"),
            Case("a4", customer="77"),
            Case("b1", phone="555-01"),
            Case("b2", phone="55501"),
            Case("c1", email="", customer=""),
            Case("c2", email="", customer=""),
        ],
    )
    kept = store.frame("SELECT conversation_key FROM conversations")
    groups = dict(groups_of(store, kept).iter_rows())
    assert groups == {"a1": "a1", "a2": "a1", "a3": "a1", "a4": "a1"} | {key: key for key in ("b1", "b2", "c1", "c2")}


def test_the_same_id_at_another_helpdesk_is_another_customer(store: Store) -> None:
    add_curated(store, [Case("a", customer="7"), Case("b", customer="7", columns={"connector": "other"})])
    kept = store.frame("SELECT conversation_key FROM conversations")
    assert groups_of(store, kept)["group_id"].n_unique() == 2


def test_a_dropped_twins_customer_stays_on_the_side_of_its_kept_twin(store: Store) -> None:
    twin = {"verdict": "drop", "code": "duplicate"}
    add_curated(
        store,
        [
            Case("a", email="ann@example.com", cluster="a"),
            Case("b", email="bob@example.com", cluster="a", **twin),
            Case("c", email="bob@example.com"),
            Case("d", email="dan@example.com"),
        ],
    )
    kept = pl.DataFrame({"conversation_key": ["a", "c", "d"]})
    groups = dict(groups_of(store, kept).iter_rows())
    assert groups == {"a": "a", "c": "a", "d": "d"}


def test_the_proof_counts_what_a_wrong_split_would_share(store: Store) -> None:
    add_curated(
        store,
        [Case("a", email="ann@example.com", cluster="a"), Case("b", email="ANN@example.com", cluster="a"), Case("c")],
    )
    wrong = pl.DataFrame({"conversation_key": ["a", "b", "c"], "split": ["train", "test", "validation"]})
    proof = overlap(store, wrong)
    assert proof["customers"] == {"test-train": 1, "test-validation": 0, "train-validation": 0}
    assert proof["clusters"] == {"test-train": 1, "test-validation": 0, "train-validation": 0}


def test_the_proof_of_a_real_split_is_zero(store: Store) -> None:
    cases = many(60)
    for n, case in enumerate(cases):
        case.email, case.cluster = f"customer{n % 25}@example.com", f"c{n % 40:05d}"
    add_curated(store, cases)
    groups = groups_of(store, store.frame("SELECT conversation_key FROM conversations"))
    rows = divide(groups, shares=SHARES, seed=4).rows
    assert {count for pairs in overlap(store, rows).values() for count in pairs.values()} == {0}


def linked_by_hand(count: int, ties: list[tuple[int, int]]) -> dict[str, str]:
    groups = [{n} for n in range(count)]
    for tie in {tie for _, tie in ties}:
        members = {conversation for conversation, own in ties if own == tie}
        joined = set().union(*(one for one in groups if one & members))
        groups = [one for one in groups if not one & members] + [joined]
    return {f"c{n:02d}": f"c{min(one):02d}" for one in groups for n in one}

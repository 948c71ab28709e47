"""Splits by time: nobody on two sides, no training conversation after one that tests, nothing lost without a reason."""

import dataclasses
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from curate.customers import group
from export.dataset import build_dataset
from export.errors import BadPlan
from export.split_time import REASONS, Period, begins_of, divide_by_time, read_split
from store.database import Store
from store.settings import ExportSettings
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns

START = datetime(2026, 1, 1, tzinfo=UTC)
SHARES = (0.8, 0.1, 0.1)
COUNT = 30
TIES = st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, 20)), max_size=40)
HOURS = st.lists(st.one_of(st.none(), st.integers(0, 2000)), min_size=COUNT, max_size=COUNT)


def keys() -> list[str]:
    return [f"c{n:02d}" for n in range(COUNT)]


def groups_by(ties: list[tuple[int, int]]) -> pl.DataFrame:
    rows = [(f"c{conversation:02d}", f"tie{tie}") for conversation, tie in ties]
    schema = {"conversation_key": pl.String, "tie": pl.String}
    return group(pl.Series(keys()), pl.DataFrame(rows, schema=schema, orient="row"))


def begins_at(hours: list[int | None]) -> pl.DataFrame:
    times = [None if hour is None else START + timedelta(hours=hour) for hour in hours]
    return pl.DataFrame({"conversation_key": keys(), "begins": times}, schema_overrides={"begins": BEGINS})


BEGINS = pl.Datetime("us", "UTC")


@settings(deadline=None)
@given(TIES, HOURS, st.one_of(st.none(), st.integers(1, 1999)), st.integers(0, 30), st.integers(0, 3))
def test_nobody_stands_on_two_sides_and_nothing_that_trains_is_newer(
    ties: list[tuple[int, int]], hours: list[int | None], cutoff: int | None, gap: int, seed: int
) -> None:
    groups, begins = groups_by(ties), begins_at(hours)
    period = Period(None if cutoff is None else START + timedelta(hours=cutoff), timedelta(days=gap))
    try:
        found = divide_by_time(groups, begins, period, shares=SHARES, seed=seed)
    except BadPlan:
        reject()
    by_group = found.rows.group_by("group_id").agg(pl.col("split").n_unique())
    assert by_group["split"].to_list() == [1] * by_group.height
    placed = found.rows.join(begins, on="conversation_key")
    held_back = placed.filter(pl.col("split") != "train")["begins"]
    newest = max(placed.filter(split="train")["begins"])
    assert newest + timedelta(days=gap) < min(held_back)
    everyone = sorted([*found.rows["conversation_key"], *found.left_out["conversation_key"]])
    assert everyone == keys()
    assert set(found.left_out["code"]) <= set(REASONS)


@settings(deadline=None)
@given(HOURS)
def test_the_order_of_rows_changes_nothing(hours: list[int | None]) -> None:
    groups, begins = groups_by([(0, 1), (5, 1), (9, 2), (12, 2)]), begins_at(hours)
    period = Period(None, timedelta(0))
    try:
        one = divide_by_time(groups, begins, period, shares=SHARES, seed=1)
    except BadPlan:
        reject()
    other = divide_by_time(groups.reverse(), begins.reverse(), period, shares=SHARES, seed=1)
    assert one.rows.equals(other.rows)
    assert one.period == other.period


def test_each_is_left_out_for_its_own_reason() -> None:
    hours: list[int | None] = [day * 24 for day in range(COUNT)]
    hours[3] = None
    period = Period(START + timedelta(days=20), timedelta(days=2))
    found = divide_by_time(
        groups_by([(0, 1), (25, 1), (1, 2), (19, 2)]), begins_at(hours), period, shares=SHARES, seed=1
    )
    reasons = dict(found.left_out.select("conversation_key", "code").iter_rows())
    assert reasons == {
        "c00": "split.straddles",
        "c03": "split.no_time",
        "c18": "split.gap",
        "c19": "split.gap",
    }
    placed = dict(found.rows.select("conversation_key", "split").iter_rows())
    assert placed["c01"] == "train"
    assert placed["c25"] != "train"
    assert found.period == {"cutoff": "2026-01-21T00:00:00Z", "cutoff_was": "given", "gap_days": 2}


def test_without_a_cutoff_the_shares_are_met() -> None:
    hours: list[int | None] = [day * 24 for day in range(COUNT)]
    found = divide_by_time(groups_by([]), begins_at(hours), Period(None, timedelta(0)), shares=SHARES, seed=1)
    assert dict(found.rows.group_by("split").len().iter_rows()) == {"train": 24, "validation": 3, "test": 3}
    assert found.period is not None
    assert found.period["cutoff"] == "2026-01-25T00:00:00Z"


def test_a_chosen_cutoff_that_is_given_gives_the_same() -> None:
    hours: list[int | None] = [(n * 37) % 1000 for n in range(COUNT)]
    groups, begins = groups_by([(n, n % 11) for n in range(0, COUNT, 3)]), begins_at(hours)
    chosen = divide_by_time(groups, begins, Period(None, timedelta(days=1)), shares=SHARES, seed=5)
    assert chosen.period is not None
    period = read_split(ExportSettings(split_by="time", split_cutoff=chosen.period["cutoff"], split_gap_days=1))
    assert period is not None
    given = divide_by_time(groups, begins, period, shares=SHARES, seed=5)
    assert given.rows.equals(chosen.rows)


@pytest.mark.parametrize("days", [-5, 400])
def test_a_cutoff_that_leaves_a_side_empty_is_refused_with_the_dates_there_are(days: int) -> None:
    hours: list[int | None] = [day * 24 for day in range(COUNT)]
    period = Period(START + timedelta(days=days), timedelta(0))
    with pytest.raises(BadPlan, match="began between 2026-01-01 and 2026-01-30"):
        divide_by_time(groups_by([]), begins_at(hours), period, shares=SHARES, seed=1)


def test_no_times_at_all_are_refused() -> None:
    with pytest.raises(BadPlan, match="None of the 30 conversations says when it began"):
        divide_by_time(groups_by([]), begins_at([None] * COUNT), Period(None, timedelta(0)), shares=SHARES, seed=1)


def test_every_mistake_in_the_settings_is_named_at_once() -> None:
    wrong = ExportSettings(split=(0.9, 0.2), split_by="tme", split_cutoff="1.3.2026", split_gap_days=-1)
    with pytest.raises(BadPlan) as caught:
        read_split(wrong)
    for part in ("export.split is [0.9, 0.2]", "Did you mean time?", "'1.3.2026'", "split_gap_days is -1"):
        assert part in caught.value.message
    with pytest.raises(BadPlan, match='need split_by = "time"'):
        read_split(ExportSettings(split_cutoff="2026-03-01"))
    assert read_split(ExportSettings()) is None


def test_a_conversation_without_a_time_began_with_its_first_turn_that_has_one(store: Store) -> None:
    at = {"created_at": datetime(2026, 3, 1, 12, tzinfo=UTC)}
    add_curated(
        store,
        [
            Case("a", turns=[("customer", "Hello there", at), ("agent", "Hi", {})]),
            Case("b", columns={"created_at": datetime(2026, 2, 1, tzinfo=UTC)}),
            Case("c"),
        ],
    )
    begins = dict(begins_of(store, pl.DataFrame({"conversation_key": ["a", "b", "c"]})).iter_rows())
    assert begins == {"a": at["created_at"], "b": datetime(2026, 2, 1, tzinfo=UTC), "c": None}


def test_a_dataset_split_by_time_proves_it_and_counts_whom_it_leaves_out(workspace: Workspace, store: Store) -> None:
    cases = many(80)
    for n, case in enumerate(cases):
        case.email, case.cluster = f"customer{n * 7 % 60}@example.com", f"c{n * 11 % 70:05d}"
        case.columns = {"created_at": START + timedelta(hours=(n * 29) % 700)} if n % 20 else {}
    add_curated(store, cases)
    export = ExportSettings(split_by="time", split_gap_days=1)
    chosen = dataclasses.replace(workspace, settings=dataclasses.replace(workspace.settings, export=export))
    dataset = build_dataset(chosen, store, redacted=plain_turns)
    told = dataset.manifest
    assert {count for pairs in told["overlap"].values() for count in pairs.values()} == {0}
    assert told["periods"]["train"]["last"] < told["period"]["cutoff"] <= told["periods"]["test"]["first"]
    excluded = {row["code"]: row["conversations"] for row in told["excluded"]}
    assert set(excluded) == {"split.no_time", "split.gap", "split.straddles"}
    assert sum(excluded.values()) + told["conversations"] == 80
    assert "Divided by time: what began before" in dataset.card.read_text()
    assert "It began in the gap before the cut-off." in dataset.card.read_text()

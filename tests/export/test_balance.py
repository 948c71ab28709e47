"""Balance: caps, quotas and shares are kept, the seed decides who stays, and what was given up is said."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.balance.choosing import Chosen, choose, wishes_of
from export.balance.facts import facts_of
from export.balance.raking import mix, take
from export.balance.wishes import read_wishes
from export.catalog import Dataset
from export.cli import export
from export.dataset import build_dataset
from export.errors import BadPlan
from store.database import Store
from store.settings import BalanceSettings
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns

DIMENSIONS = ("topic", "outcome", "length", "channel", "source", "language", "customer", "agent")


def kept(store: Store) -> pl.DataFrame:
    return store.frame("SELECT conversation_key, content_hash FROM conversations ORDER BY conversation_key")


def label(store: Store, name: str, values: dict[str, str]) -> None:
    rows = [{"conversation_key": key, "label": name, "value": value} for key, value in values.items()]
    store.append("labels", pl.DataFrame(rows).with_columns(source=pl.lit("words"), run_id=pl.lit("r1")))


def topics(store: Store, *counts: tuple[str, int]) -> None:
    """Store so many conversations of each topic, every one of its own customer."""
    values = [value for value, count in counts for _ in range(count)]
    cases = many(len(values))
    add_curated(store, cases)
    label(store, "topic", {case.key: value for case, value in zip(cases, values, strict=True)})


def chosen_of(store: Store, *, seed: int = 1, **wishes: Any) -> Chosen:
    return choose(store, kept(store), wishes_of(store, BalanceSettings(**wishes)), seed=seed)


def counted(store: Store, chosen: Chosen, name: str) -> dict[str, int]:
    facts = facts_of(store, chosen.kept, [name])
    return dict(facts.group_by(name).len().iter_rows())


def test_nothing_asked_for_changes_nothing(store: Store) -> None:
    add_curated(store, many(20))
    chosen = chosen_of(store)
    assert chosen.kept.equals(kept(store))
    assert chosen.left_out.is_empty()
    assert chosen.report is None


def test_a_customer_is_capped_however_the_conversations_are_tied(store: Store) -> None:
    tied = [Case(f"a{n}", email="ann@example.com", phone="+1 202 555 0143") for n in range(6)]
    tied += [Case(f"p{n}", phone="12025550143") for n in range(6)]
    add_curated(store, [*tied, *many(10)])
    chosen = chosen_of(store, caps=("customer 5",))
    counts = counted(store, chosen, "customer")
    assert sorted(counts.values()) == [1] * 10 + [5]
    assert chosen.left_out.height == 7
    assert set(chosen.left_out["code"]) == {"balance.cap"}
    assert "more conversations than the 5" in chosen.left_out["reason"][0]
    assert chosen.report is not None
    cap = chosen.report["caps"][0]
    assert (cap["over"], cap["largest_before"], cap["largest_after"]) == (1, 12, 5)


def test_the_agent_who_wrote_most_is_capped_and_nobodys_conversations_are_not(store: Store) -> None:
    def by(*agents: str | None) -> list[tuple[Any, ...]]:
        return [("customer", "Hello"), *(("agent", "Hi", {"participant_key": agent}) for agent in agents)]

    cases = [Case(f"m{n}", turns=by("mia", "mia", "leo"), email=f"m{n}@example.com") for n in range(8)]
    cases += [Case("l0", turns=by("leo", "leo", "mia"), email="l0@example.com")]
    cases += [Case(f"n{n}", turns=by(None), email=f"n{n}@example.com") for n in range(5)]
    add_curated(store, cases)
    chosen = chosen_of(store, caps=("agent 3",))
    assert counted(store, chosen, "agent") == {"mia": 3, "leo": 1, None: 5}
    assert chosen.report is not None
    assert chosen.report["caps"][0]["unnamed"] == 5


def test_conversations_of_macros_alone_are_capped_by_their_rarest_one(store: Store) -> None:
    cases = many(20)
    add_curated(store, cases)
    common = [{"conversation_key": case.key, "cluster": "goodbye"} for case in cases[:15]]
    rare = [{"conversation_key": case.key, "cluster": "hours"} for case in cases[:4]]
    rows = pl.DataFrame([*common, *rare]).with_columns(
        turn_key="conversation_key", kind=pl.lit("macro"), similarity=1.0, run_id=pl.lit("r1")
    )
    store.append("repeats", rows)
    own = [{"conversation_key": case.key, "value": float(n >= 12)} for n, case in enumerate(cases)]
    store.append("signals", pl.DataFrame(own).with_columns(signal=pl.lit("own_answers"), run_id=pl.lit("r1")))
    chosen = chosen_of(store, caps=("macro 3",))
    assert counted(store, chosen, "macro") == {"goodbye": 3, "hours": 3, None: 8}


def test_shares_are_met_by_giving_up_what_is_too_much(store: Store) -> None:
    topics(store, ("returns", 30), ("delivery", 100), ("other", 170))
    chosen = chosen_of(store, targets=("topic: returns 30%, delivery 30%, rest 40%",))
    assert counted(store, chosen, "topic") == {"returns": 30, "delivery": 30, "other": 40}
    assert chosen.report is not None
    assert chosen.report["notes"] == [
        "To meet the shares, 100 of 300 conversations stay: of topic returns there are only 30."
    ]
    assert {row["value"]: row["short"] for row in chosen.report["tables"][0]["rows"]} == {
        "returns": 0, "delivery": 0, "other": 0,
    }  # fmt: skip


def test_values_that_nobody_asked_for_go_where_nothing_is_left_for_them(store: Store) -> None:
    topics(store, ("returns", 30), ("delivery", 30), ("other", 30))
    chosen = chosen_of(store, targets=("topic: returns 50%, delivery 50%",))
    assert counted(store, chosen, "topic") == {"returns": 30, "delivery": 30}
    assert set(chosen.left_out["reason"]) == {"Its topic is none of those asked for."}


def test_what_must_stay_comes_before_shares_and_what_is_short_is_said(store: Store) -> None:
    topics(store, ("returns", 10), ("other", 190))
    chosen = chosen_of(store, targets=("topic: returns 50%, rest 50%",), keep_at_least=0.5)
    assert counted(store, chosen, "topic") == {"returns": 10, "other": 90}
    assert chosen.report is not None
    assert "Short: topic returns has 10 of the 50% of 100 asked for." in chosen.report["notes"]
    assert {row["value"]: row["short"] for row in chosen.report["tables"][0]["rows"]}["returns"] == 40


def test_quotas_are_the_most_of_each_and_what_is_short_is_said(store: Store) -> None:
    topics(store, ("returns", 10), ("delivery", 50), ("other", 40))
    chosen = chosen_of(store, targets=("topic: returns 20, delivery 20, rest 15",))
    assert counted(store, chosen, "topic") == {"returns": 10, "delivery": 20, "other": 15}
    assert chosen.report is not None
    assert chosen.report["notes"] == ["Short: topic returns has 10 of the 20 asked for."]
    assert set(chosen.left_out["code"]) == {"balance.quota"}


def test_shares_of_two_dimensions_hold_at_once(store: Store) -> None:
    cases = many(400)
    for n, case in enumerate(cases):
        case.channel = "email" if n % 5 < 2 else "chat"
    add_curated(store, cases)
    label(store, "topic", {case.key: "returns" if n % 3 else "delivery" for n, case in enumerate(cases)})
    chosen = chosen_of(store, targets=("topic: returns 50%, delivery 50%", "channel: email 50%, chat 50%"))
    total = chosen.kept.height
    assert total > 200
    for name in ("topic", "channel"):
        assert all(abs(count - total / 2) <= 2 for count in counted(store, chosen, name).values())


def test_targets_that_contradict_each_other_are_refused(store: Store) -> None:
    cases = many(40)
    for n, case in enumerate(cases):
        case.channel = "email" if n < 20 else "chat"
    add_curated(store, cases)
    label(store, "topic", {case.key: "returns" if n < 20 else "delivery" for n, case in enumerate(cases)})
    with pytest.raises(BadPlan, match="topic and channel contradict each other"):
        chosen_of(store, targets=("topic: returns 90%, delivery 10%", "channel: email 10%, chat 90%"))


def test_every_mistake_is_named_at_once_with_the_nearest_word() -> None:
    wrong = BalanceSettings(
        caps=("customer 0", "costumer 5", "customer"),
        targets=(
            "topic: returns 70%, delivery 40%",
            "chanel: email 50%",
            "agent: mia 50%",
            "outcome: resolved 10%, x 5",
        ),
        keep_at_least=2.0,
    )
    with pytest.raises(BadPlan) as caught:
        read_wishes(wrong, DIMENSIONS)
    for part in (
        "'customer 0' would leave nothing",
        "'costumer'. Did you mean customer?",
        "'customer' must be written",
        "adds up to 110 %",
        "'chanel'. Did you mean channel?",
        "Persons and macros have caps only",
        "mixes shares (with %) and numbers",
        "keep_at_least is 2",
    ):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("topic: returns 50%, returns 50%", "names a value twice"),
        ("topic: returns 50%, rest 40%", "adds up to 90 %"),
        ("topic: returns 0%, delivery 50%", "asks for 0 % of a value"),
        ("topic: returns 0", "asks for 0 conversations"),
        ("topic: returns 1.5", "parts of conversations"),
        ("topic: rest 100%", "no value beside the rest"),
        ("topic returns 50%", "must be written as"),
        ("topic: 50%", "must be written as"),
    ],
)
def test_a_target_that_cannot_be_is_refused(target: str, message: str) -> None:
    with pytest.raises(BadPlan, match=message):
        read_wishes(BalanceSettings(targets=(target,)), DIMENSIONS)


def test_a_value_that_no_conversation_has_is_refused_with_the_nearest_one(store: Store) -> None:
    topics(store, ("returns", 10), ("delivery", 10))
    with pytest.raises(BadPlan, match=r"called 'return'\. Did you mean returns\? Known: delivery, returns"):
        chosen_of(store, targets=("topic: return 50%, rest 50%",))
    with pytest.raises(BadPlan, match="left for the rest, but no conversation has another topic"):
        chosen_of(store, targets=("topic: returns 50%, delivery 20%, rest 30%",))


def test_without_any_rating_a_target_for_outcomes_says_so(store: Store) -> None:
    add_curated(store, many(12))
    label(store, "outcome", {case.key: "unknown" for case in many(12)})
    with pytest.raises(BadPlan, match=r"outcome of all 12 conversations is unknown: there is no rating"):
        chosen_of(store, targets=("outcome: resolved 80%, unresolved 20%",))


def test_one_customer_with_most_conversations_is_said(store: Store) -> None:
    add_curated(store, [*(Case(f"a{n}", email="ann@example.com") for n in range(30)), *many(10)])
    chosen = chosen_of(store, caps=("customer 20",))
    assert chosen.report is not None
    assert chosen.report["notes"] == ["One customer has 30 of the 40 conversations."]
    assert "ann@example.com" not in json.dumps(chosen.report)


def test_the_seed_decides_and_the_order_of_rows_does_not(store: Store) -> None:
    topics(store, ("returns", 40), ("other", 60))
    wishes = wishes_of(store, BalanceSettings(targets=("topic: returns 20%, rest 80%",)))
    one = choose(store, kept(store), wishes, seed=1)
    assert one.kept.equals(choose(store, kept(store).reverse(), wishes, seed=1).kept.sort("conversation_key"))
    assert not one.kept.equals(choose(store, kept(store), wishes, seed=2).kept)


CELLS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 60)),
    min_size=1,
    max_size=12,
    unique_by=lambda c: c[:2],
)


@settings(deadline=None)
@given(CELLS, st.lists(st.integers(1, 9), min_size=4, max_size=4), st.floats(0, 1))
def test_taking_never_exceeds_what_is_there_and_meets_shares_that_can_be_met(
    cells: list[tuple[int, int, int]], parts: list[int], keep: float
) -> None:
    available = np.array([count for _, _, count in cells])
    values = np.array([value for value, _, _ in cells])
    shares = np.array([part if value in values else 0 for value, part in enumerate(parts)], dtype=float)
    shares /= shares.sum()
    weights = mix(available, [values], [shares])
    assert weights is not None
    at_least = int(keep * available.sum())
    taken = take(available, weights, at_least=at_least)
    assert (taken <= available).all()
    assert taken.sum() >= at_least - 1
    if at_least == 0:
        got = np.bincount(values, weights=taken, minlength=4)
        assert np.abs(got - shares * taken.sum()).max() <= len(cells)


def build(workspace: Workspace, store: Store, **balance: Any) -> Dataset:
    chosen = dataclasses.replace(workspace.settings, balance=BalanceSettings(**balance))
    return build_dataset(dataclasses.replace(workspace, settings=chosen), store, redacted=plain_turns)


def test_manifest_card_picture_and_rows_tell_what_was_given_up(workspace: Workspace, store: Store) -> None:
    topics(store, ("returns", 20), ("other", 80))
    dataset = build(workspace, store, targets=("topic: returns 50%, rest 50%",))
    told = dataset.manifest
    assert told["conversations"] == 40
    excluded = {(row["code"], row["reason"]): row["conversations"] for row in told["excluded"]}
    assert excluded == {
        ("balance.share", "More conversations of its kind (topic rest) would break the shares asked for."): 60
    }
    rows = store.rows("SELECT split, count(*) FROM dataset_items GROUP BY split ORDER BY split")
    assert dict(rows)["excluded"] == 60
    assert sum(count for _, count in rows) == 100
    card = dataset.card.read_text()
    assert "40 of 100 conversations were taken, 60 given up" in card
    assert "| other | 80 (80 %) | 20 (50 %) |" in card
    assert "](balance.svg)" in card
    assert "topic returns" in (dataset.folder / "balance.svg").read_text()


def test_what_balance_leaves_out_still_ties_the_others_together(workspace: Workspace, store: Store) -> None:
    bridges = [
        Case(f"b{n}", email=f"one{n}@example.com", phone=f"+49 30 55500{n:02d}", columns={"channel": "phone"})
        for n in range(20)
    ]
    ends = [Case(f"m{n}", email=f"one{n}@example.com") for n in range(20)]
    ends += [Case(f"p{n}", phone=f"+49 30 55500{n:02d}") for n in range(20)]
    cases = [dataclasses.replace(case, turns=many(60)[n].turns) for n, case in enumerate([*bridges, *ends])]
    add_curated(store, cases)
    dataset = build(workspace, store, targets=("channel: chat 100%",))
    splits = dict(store.rows("SELECT conversation_key, split FROM dataset_items WHERE line IS NOT NULL"))
    assert len(splits) == 40
    assert all(splits[f"m{n}"] == splits[f"p{n}"] for n in range(20))
    assert set(splits.values()) == {"train", "validation", "test"}
    assert {count for pairs in dataset.manifest["overlap"].values() for count in pairs.values()} == {0}


def test_the_command_shows_before_and_after_and_names_all_mistakes(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with workspace.open() as store:
        topics(store, ("returns", 20), ("other", 80))
    exam = tmp_path / "exam.jsonl"
    exam.write_text('{"text": "Where is order number 1? Order 1 leaves on day 2."}\n', encoding="utf-8")
    settings_file = workspace.root / "chatmill.toml"
    plain = settings_file.read_text(encoding="utf-8")
    settings_file.write_text(plain + '\n[balance]\ntargets = ["topic: returns 25%, rest 75%"]\n', encoding="utf-8")
    export(workspace=workspace.root, evaluation=[exam])
    shown = capsys.readouterr()
    assert "Balance: 76 of 99 conversations taken" in shown.out
    assert "exam.jsonl: 1 conversations are nearly the same" in shown.out
    assert "balance.share" in shown.out
    assert "of topic returns there are only 19" in shown.err
    settings_file.write_text(plain + '\n[balance]\ncaps = ["agnt 5"]\ntargets = ["topc: a 5%"]\n', encoding="utf-8")
    with pytest.raises(BadPlan, match=r"Did you mean agent\?.*Did you mean topic\?"):
        export(workspace=workspace.root)


def test_the_same_balance_gives_the_same_dataset_and_another_one_another(workspace: Workspace, store: Store) -> None:
    topics(store, ("returns", 20), ("other", 80))
    first = build(workspace, store, caps=("topic 40",))
    assert build(workspace, store, caps=("topic 40",)).dataset_id == first.dataset_id
    assert build(workspace, store, caps=("topic 30",)).dataset_id != first.dataset_id

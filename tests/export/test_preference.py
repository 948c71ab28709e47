"""Preference pairs: from rewritten drafts and badly rated twins, redacted like all else, never over two splits."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from export.catalog import Dataset
from export.checkup import check_dataset
from export.dataset import build_dataset
from export.errors import NothingToExport
from export.explain import as_text, explain_line
from export.formats.registry import TARGETS, find_target
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns

PAIRS = [target for target in TARGETS.values() if target.kind == "preference"]
DRAFT = {"is_draft": True}
QUESTION = ("customer", "Where is my parcel since Monday?")
SENT = ("agent", "It arrives tomorrow, I am sorry for the wait.")


def drafted(key: str, draft: str, *after: tuple[Any, ...], **columns: Any) -> Case:
    return Case(key, turns=[QUESTION, ("agent", draft, DRAFT), *(after or (SENT,))], **columns)


def add(store: Store, *cases: Case) -> None:
    add_curated(store, cases)
    labels = [{"conversation_key": case.key, "signal": "language", "label": "en", "run_id": "r1"} for case in cases]
    store.append("signals", pl.DataFrame(labels))


def build(workspace: Workspace, store: Store, name: str = "openai-preference") -> Dataset:
    return build_dataset(workspace, store, format=name, redacted=plain_turns)


def pairs(dataset: Dataset, split: str = "train") -> list[dict[str, Any]]:
    target = find_target(dataset.manifest["format"])
    raw = dataset.path(split).read_bytes().splitlines()
    return [target.read(json.loads(line)) for line in raw]  # pyright: ignore[reportReturnType]


def test_a_rewritten_draft_loses_to_what_was_sent(workspace: Workspace, store: Store) -> None:
    add(store, drafted("a", "No idea."))
    dataset = build(workspace, store)
    [line] = map(json.loads, dataset.path("train").read_bytes().splitlines())
    assert line == {
        "input": {"messages": [{"role": "system", "content": "You are a helpful support agent."},
                               {"role": "user", "content": QUESTION[1]}]},
        "preferred_output": [{"role": "assistant", "content": SENT[1]}],
        "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
    }  # fmt: skip
    assert dataset.manifest["pairs"] == {"draft": 1}


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (drafted("a", SENT[1].upper() + "!"), "export.pair_same"),
        (drafted("a", "No idea.", ("customer", "Hello??"), SENT), "export.no_pair"),
        (Case("a", turns=[QUESTION, SENT, ("agent", "Never sent", DRAFT)]), "export.no_pair"),
        (drafted("a", "No idea.", ("bot", "I am a bot."), ("customer", "?"), SENT), "export.no_pair"),
        (Case("a", turns=[("agent", "Hm", DRAFT), ("agent", "Hello."), QUESTION, SENT]), "export.no_customer"),
    ],
)
def test_a_draft_that_nothing_stands_against_is_left_out_with_a_reason(
    workspace: Workspace, store: Store, case: Case, code: str
) -> None:
    add(store, case, drafted("b", "No idea."))
    dataset = build(workspace, store)
    assert [row["code"] for row in dataset.manifest["excluded"]] == [code]
    assert store.rows("SELECT conversation_key FROM dataset_items WHERE line IS NOT NULL") == [("b",)]


def test_nothing_to_pair_says_so(workspace: Workspace, store: Store) -> None:
    add(store, Case("a"))
    with pytest.raises(NothingToExport, match="Nothing stands against an answer"):
        build(workspace, store)


def test_drafts_are_searched_with_what_their_conversation_knows(workspace: Workspace, store: Store) -> None:
    add(store, drafted("a", "Dear Zyxquin, write to zq7@example.com or call Zyxquin."))
    store.execute("UPDATE participants SET display_name = 'Zyxquin Abendroth', email = 'zq7@example.com'")
    [pair] = pairs(build(workspace, store))
    text = pair["rejected"]["content"]
    assert "Zyxquin" not in text
    assert "zq7" not in text
    assert "<PERSON_1>" in text


def test_a_draft_that_cannot_be_redacted_never_leaves(workspace: Workspace, store: Store) -> None:
    add(store, drafted("a", "Eine Antwort."), drafted("b", "No idea."))
    store.execute("UPDATE signals SET label = 'de' WHERE conversation_key = 'a'")  # no model searches it here
    dataset = build(workspace, store)
    assert "Eine Antwort" not in dataset.path("train").read_text()
    assert [row["code"] for row in dataset.manifest["excluded"]] == ["export.no_pair"]


def test_a_value_that_still_stands_in_a_draft_keeps_it_inside(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leak check stands behind the search: what the search would miss is still known."""
    add(store, drafted("a", "Ask Zyxquin please."), drafted("b", "No idea."))
    store.execute("UPDATE participants SET display_name = 'Zyxquin' WHERE conversation_key = 'a'")
    monkeypatch.setattr("export.others.conversation_findings", lambda texts, *_, **__: dict.fromkeys(texts, ()))
    dataset = build(workspace, store)
    assert "Zyxquin" not in dataset.path("train").read_text()
    assert dataset.manifest["pairs"] == {"draft": 1}


def rated(key: str, answer: str, label: str, number: int, **more: Any) -> Case:
    turns = [("customer", f"My lamp of order {number} blinks all night, why?"), ("agent", answer)]
    return Case(key, turns=turns, columns={"csat_label": label}, **more)


def test_a_bad_answer_loses_to_a_good_one_to_the_same_question(workspace: Workspace, store: Store) -> None:
    add(
        store,
        rated("a", "Press the knob for five seconds.", "good", 1),
        rated("b", "Buy a new one.", "bad", 22),
        rated("c", "Whatever.", "bad", 3),
        Case("d", columns={"csat_label": "bad"}),
    )
    dataset = build(workspace, store)
    [pair] = pairs(dataset)
    assert pair["messages"][-1]["content"] == "My lamp of order 1 blinks all night, why?"
    assert pair["chosen"]["content"] == "Press the knob for five seconds."
    assert pair["rejected"]["content"] == "Buy a new one."
    assert dataset.manifest["pairs"] == {"rated": 1}
    told = explain_line(workspace, store, dataset.dataset_id, 1)
    assert told.pair is not None
    assert (told.pair["source"], told.pair["conversation_key"], told.pair["external_id"]) == ("rated", "b", "ext-b")
    assert "rated badly, to nearly the same question; test ext-b" in as_text(told)


def test_twins_of_two_splits_are_no_pair(workspace: Workspace, store: Store) -> None:
    cases = [rated(f"g{n:02}", f"Press the knob, {n}.", "good", n, email=f"g{n}@example.com") for n in range(20)]
    cases += [rated(f"b{n:02}", f"Buy another, {n}.", "bad", n, email=f"b{n}@example.com") for n in range(20)]
    add(store, *cases)
    dataset = build(workspace, store)
    rows = store.rows("SELECT conversation_key, other_key, split FROM dataset_items WHERE line IS NOT NULL")
    assert len(rows) > 10
    chat = build(workspace, store, "openai-chat")
    where = dict(
        store.rows("SELECT conversation_key, split FROM dataset_items WHERE dataset_id = ?", [chat.dataset_id])
    )
    for good, bad, split in rows:
        assert where[good] == where[bad.split("-")[0]] == split
    assert {count for sides in dataset.manifest["overlap"].values() for count in sides.values()} == {0}


def test_the_draft_of_a_line_is_explained(workspace: Workspace, store: Store) -> None:
    add(store, drafted("a", "No idea."))
    told = explain_line(workspace, store, build(workspace, store).dataset_id, 1)
    assert [(turn.use, turn.visibility) for turn in told.turns] == [("", "public"), ("other", "withheld"),
                                                                    ("answer", "public")]  # fmt: skip
    assert "a draft that was rewritten" in as_text(told)


@pytest.mark.parametrize("target", PAIRS, ids=lambda one: one.name)
def test_every_preference_format_is_whole_and_passes_its_preflight(
    workspace: Workspace, store: Store, target: Any, tmp_path: Path
) -> None:
    add(store, *(drafted(f"k{n:02}", f"No idea {n}.", ("agent", f"It comes on day {n}.")) for n in range(24)), *many(3))
    dataset = build_dataset(workspace, store, format=target.name, out=tmp_path, redacted=plain_turns)
    assert check_dataset(dataset).findings == ()
    assert sum(file["lines"] for file in dataset.files.values()) == 24
    for pair in pairs(dataset):
        number = pair["rejected"]["content"].removeprefix("No idea ").removesuffix(".")
        assert pair["chosen"] == {"role": "assistant", "content": f"It comes on day {number}."}
        assert [one["role"] for one in pair["messages"]] == ["system", "user"]

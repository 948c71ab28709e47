"""What is written for each shape of examples: weights from labels, lines of answers, one split a conversation."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.redact.policy import load_policy
from export.catalog import Dataset
from export.dataset import build_dataset
from export.errors import ExportError
from export.preflight import preflight_files
from export.redacting import redacted_turns
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns, with_settings


def build(workspace: Workspace, store: Store, **export: Any) -> Dataset:
    return build_dataset(with_settings(workspace, **export), store, redacted=plain_turns)


def lines(dataset: Dataset, split: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in dataset.path(split).read_bytes().splitlines()]


def label(store: Store, *turn_keys: str, source: str = "Q018") -> None:
    rows = [{"conversation_key": key.split("-")[0], "turn_key": key} for key in turn_keys]
    store.append("labels", pl.DataFrame(rows).with_columns(label=pl.lit("weight"), value=pl.lit("0"),
                 source=pl.lit(source), run_id=pl.lit("r1")))  # fmt: skip


def test_labelled_answers_have_weight_0_however_many_rules_say_so(workspace: Workspace, store: Store) -> None:
    add_curated(store, [Case("a", turns=[("customer", "Hi"), ("agent", "WHAT"), ("customer", "?"), ("agent", "Hm")])])
    label(store, "a-1")
    label(store, "a-1", source="Q020")
    [line] = lines(dataset := build(workspace, store))
    assert [(m["content"], m.get("weight", 1)) for m in line["messages"][1:]] == [
        ("Hi", 1), ("WHAT", 0), ("?", 1), ("Hm", 1)
    ]  # fmt: skip
    assert dataset.files["train.jsonl"]["targets"] == 1


def test_without_an_answer_to_learn_a_conversation_is_left_out(workspace: Workspace, store: Store) -> None:
    add_curated(store, [Case("a"), Case("b", turns=[("customer", "Hi there"), ("agent", "OH NO")])])
    label(store, "b-1")
    dataset = build(workspace, store)
    assert [row["code"] for row in dataset.manifest["excluded"]] == ["export.no_weight"]
    assert store.rows("SELECT conversation_key FROM dataset_items WHERE split = 'excluded'") == [("b",)]


def test_a_line_for_each_answer_names_its_turn(workspace: Workspace, store: Store) -> None:
    turns = [("agent", "Hello"), ("customer", "A"), ("agent", "B"), ("customer", "C"), ("agent", "D")]
    add_curated(store, [Case("a", turns=turns), Case("b", turns=[("customer", "A"), ("agent", "B")])])
    dataset = build(workspace, store, examples="turn", context_turns=1)
    rows = store.rows("SELECT turn_key, line, cut_turns, code FROM dataset_items ORDER BY conversation_key, turn_key")
    places = {key: (line, cut, code) for key, line, cut, code in rows}
    assert sum(line is not None for line, _, _ in places.values()) == dataset.files["train.jsonl"]["lines"] == 2
    assert places["a-0"] == (None, None, "export.no_customer")
    assert places["a-4"][1:] == (3, None)
    assert {places["a-2"][2], places["b-1"][2]} == {None, "export.repeated"}
    assert dataset.manifest["conversations"] == len({key[0] for key, (line, _, _) in places.items() if line})
    cut_lines = sum(bool(cut) for _, cut, _ in places.values())
    assert dataset.files["train.jsonl"]["cut"] == cut_lines > 0
    assert f"Lines without their oldest turns: {cut_lines}." in dataset.card.read_text()


def test_old_turns_go_where_the_model_reads_less_and_the_card_says_so(workspace: Workspace, store: Store) -> None:
    old = [("customer", "word " * 17_000), ("agent", "I see.")]
    add_curated(store, [Case("a", turns=[*old, ("customer", "<|im_end|>"), ("agent", "Done.")])])
    dataset = build(workspace, store, model="gpt-3.5-turbo-0125")
    assert [message["content"] for message in lines(dataset)[0]["messages"][1:]] == ["< |im_end|>", "Done."]
    assert store.rows("SELECT cut_turns, repairs FROM dataset_items") == [(2, ["special_token"])]
    card = dataset.card.read_text()
    assert "Lines without their oldest turns: 1." in card
    assert "was broken up by a space: 1." in card
    assert lines(build(workspace, store, model="gpt-4.1"))[0]["messages"][1]["content"].startswith("word word")


TURNS = st.lists(
    st.tuples(
        st.sampled_from(["customer", "agent", "bot"]),
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=9),
    ),
    max_size=8,
)


@settings(max_examples=6, deadline=None)
@given(st.lists(TURNS, min_size=3, max_size=12), st.integers(0, 3))
def test_answers_of_a_conversation_stay_together_and_preflight_is_content(
    conversations: list[list[tuple[str, str]]], window: int
) -> None:
    with TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "w")
        with workspace.open() as store:
            drawn = [Case(f"d{n}", turns=turns) for n, turns in enumerate(conversations) if turns]
            add_curated(store, [*many(12), *drawn])
            first = build(workspace, store, examples="turn", context_turns=window)
            splits = store.rows("SELECT count(DISTINCT split) FROM dataset_items WHERE line IS NOT NULL "
                                "GROUP BY conversation_key")  # fmt: skip
            assert {count for (count,) in splits} == {1}
            assert {count for pairs in first.manifest["overlap"].values() for count in pairs.values()} == {0}
            paths = {name: first.folder / name for name in first.files}
            assert {one.code for one in preflight_files(paths, "gpt-4.1")} <= {"file.few_examples"}
            written = {name: path.read_bytes() for name, path in paths.items()}
            store.execute("DELETE FROM datasets")
            again = build(workspace, store, examples="turn", context_turns=window)
            assert (again.dataset_id, again.is_new) == (first.dataset_id, True)
            assert {name: path.read_bytes() for name, path in paths.items()} == written


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ({"examples": "turns"}, "turns.*Did you mean turn"),
        ({"context_turns": -1}, "context_turns is -1"),
        ({"persona": "<|x|>"}, "no name"),
        ({"persona": "A" * 41}, "no name"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    workspace: Workspace, store: Store, export: dict[str, Any], message: str
) -> None:
    add_curated(store, many(3))
    with pytest.raises(ExportError, match=message):
        build(workspace, store, **export)
    assert not workspace.datasets.exists()


@pytest.mark.parametrize("operator", ["placeholder", "hash"])
def test_workers_redact_as_this_process_does(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch, operator: str
) -> None:
    (workspace.root / "rules").mkdir()
    (workspace.root / "rules" / "redaction.toml").write_text(f'[entities.ORDER_ID]\noperator = "{operator}"\n')
    monkeypatch.setattr("tests.export.builders.load_policy", lambda: load_policy(workspace.root))
    add_curated(store, many(30))
    found = store.frame("SELECT conversation_key, turn_key, strpos(text, 'rder') - 2 AS start FROM turns")
    store.append("findings", found.with_columns(
        pl.col("turn_key").alias("finding_id"), start_char=pl.col("start"), end_char=pl.col("start") + 7,
        entity_type=pl.lit("ORDER_ID"), score=pl.lit(1.0), recognizer=pl.lit("x"), why=pl.lit("{}"), run_id=pl.lit("r"),
    ).drop("start"))  # fmt: skip
    here = build_dataset(workspace, store, redacted=redacted_turns)
    written = {name: (here.folder / name).read_bytes() for name in here.files}
    assert b"<ORDER_ID_" in written["train.jsonl"]
    assert b"order number" not in written["train.jsonl"]
    for table in ("datasets", "dataset_items", "runs"):
        store.execute(f"DELETE FROM {table}")
    monkeypatch.setattr("export.writing.ALONE", 0)
    monkeypatch.setattr("export.writing.PAGE", 7)
    spread = build_dataset(workspace, store)
    assert (spread.dataset_id, spread.is_new) == (here.dataset_id, True)
    assert {name: (spread.folder / name).read_bytes() for name in spread.files} == written

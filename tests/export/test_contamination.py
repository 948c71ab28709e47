"""Contamination: what an evaluation file holds too is left out and counted; phrases that all agents use are not."""

import dataclasses
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from export.catalog import Dataset
from export.contamination import COMMON
from export.dataset import build_dataset
from export.errors import BadEvaluation, BadPlan
from export.evaluation_file import read_evaluation
from store.database import Store
from store.settings import Settings
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, plain_turns

WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "inlet", "juniper", "kelp", "lagoon")


def story(number: int, length: int = 40) -> str:
    """Words in an order of their own, so that no two stories share a run of them."""
    return " ".join(f"{WORDS[(number * 5 + place * place) % len(WORDS)]}{number}x{place}" for place in range(length))


def cases(count: int) -> list[Case]:
    return [
        Case(f"c{n:03d}", turns=[("customer", story(n)), ("agent", story(n + 1000))], email=f"customer{n}@example.com")
        for n in range(count)
    ]


def write(path: Path, *records: Any) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n", encoding="utf-8")
    return path


def chat(*texts: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    system = {"role": "system", "content": "You are a helpful support agent."}
    return {"messages": [system, *({"role": roles[n % 2], "content": text} for n, text in enumerate(texts))]}


def build(workspace: Workspace, store: Store, *files: Path, redacted=plain_turns) -> Dataset:
    return build_dataset(workspace, store, evaluation=files, redacted=redacted)


def left_out(store: Store) -> dict[str, tuple[str, str]]:
    rows = store.rows("SELECT conversation_key, code, reason FROM dataset_items WHERE split = 'excluded'")
    return {key: (code, reason) for key, code, reason in rows}


def test_a_conversation_of_the_file_leaves_every_split_with_line_and_similarity(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    add_curated(store, cases(30))
    path = write(tmp_path / "exam.jsonl", chat("Something else entirely"), chat(story(7), story(1007)))
    dataset = build(workspace, store, path)
    assert left_out(store) == {
        "c007": ("contamination.near_duplicate", "100 % the same as line 2 of the evaluation file exam.jsonl.")
    }
    assert dataset.manifest["conversations"] == 29
    report = dataset.manifest["contamination"][0]
    assert report["sha256"] == sha256(path.read_bytes()).hexdigest()
    assert (report["file"], report["records"], report["near_duplicates"], report["shared_runs"]) == (
        "exam.jsonl",
        2,
        1,
        0,
    )
    card = dataset.card.read_text()
    assert report["sha256"] in card
    assert "Nearly the same as a conversation of an evaluation file." in card
    word = story(7).split()[0].encode() + b" "
    assert all(word not in dataset.path(split).read_bytes() for split in ("train", "validation", "test"))


def with_overlap(workspace: Workspace, least: float) -> Workspace:
    export = dataclasses.replace(workspace.settings.export, evaluation_overlap=least)
    return dataclasses.replace(workspace, settings=dataclasses.replace(workspace.settings, export=export))


def test_a_run_of_words_is_found_in_a_conversation_that_is_otherwise_another(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    add_curated(store, cases(30))
    run = " ".join(story(9).split()[10:30])
    path = write(tmp_path / "exam.jsonl", chat(f"{story(500)} {run.upper()}, {story(501, 20)}"))
    dataset = build(workspace, store, path)
    reason = "It holds 25 % of the words of line 1 of the evaluation file exam.jsonl, 13 and more in a row."
    assert left_out(store) == {"c009": ("contamination.run", reason)}
    assert dataset.manifest["contamination"][0]["run_words"] == 13
    assert dataset.manifest["excluded"][0]["reason"].startswith("It shares long runs of words")


@pytest.mark.parametrize(("least", "found"), [(0.0, {"c009"}), (0.15, {"c009"}), (0.17, set()), (1.0, set())])
def test_how_much_of_a_record_is_too_much_can_be_set(
    workspace: Workspace, store: Store, tmp_path: Path, least: float, found: set[str]
) -> None:
    add_curated(store, cases(30))
    parts = [" ".join(story(9).split()[first:last]) for first, last in ((0, 13), (20, 35))]
    path = write(tmp_path / "exam.jsonl", chat(parts[0], story(500, 100), parts[1], story(501, 47)))
    build(with_overlap(workspace, least), store, path)
    assert set(left_out(store)) == found


def test_one_word_less_than_a_run_is_no_overlap(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_curated(store, cases(30))
    almost = " ".join(story(9).split()[10:22])
    build(with_overlap(workspace, 0.0), store, write(tmp_path / "exam.jsonl", chat(f"{almost} {story(501)}")))
    assert left_out(store) == {}


def test_an_overlap_that_is_no_share_is_refused(workspace: Workspace, store: Store) -> None:
    add_curated(store, cases(20))
    with pytest.raises(BadPlan, match="evaluation_overlap is 20, but must be between 0 and 1"):
        build(with_overlap(workspace, 20.0), store)


def test_a_phrase_that_stands_in_many_conversations_is_nobodys_exam(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    phrase, rare = story(77, length=15), story(88, length=15)
    stored = cases(30)
    for case in stored[: COMMON + 1]:
        case.turns = [*case.turns, ("agent", phrase)]
    for case in stored[20 : 20 + COMMON]:
        case.turns = [*case.turns, ("agent", rare)]
    add_curated(store, stored)
    path = write(tmp_path / "exam.jsonl", chat(phrase, story(601, 20), rare))
    dataset = build(workspace, store, path)
    assert set(left_out(store)) == {case.key for case in stored[20 : 20 + COMMON]}
    assert dataset.manifest["contamination"][0]["common_runs"] == 3


def test_a_phrase_that_stands_in_many_records_is_nobodys_exam_either(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    add_curated(store, cases(30))
    phrase = " ".join(story(9).split()[:15])
    records = [chat(phrase, story(700 + n, 20)) for n in range(COMMON + 1)]
    dataset = build(workspace, store, write(tmp_path / "exam.jsonl", *records))
    assert left_out(store) == {}
    assert dataset.manifest["contamination"][0]["common_runs"] == 3
    build(workspace, store, write(tmp_path / "shorter.jsonl", *records[1:]))
    assert set(left_out(store)) == {"c009"}


def test_short_questions_are_found_by_shorter_runs(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_curated(store, cases(30))
    short = " ".join(story(4).split()[:9])
    path = write(tmp_path / "exam.jsonl", *({"question": " ".join(story(n).split()[:9])} for n in (4, 900, 901)))
    dataset = build(workspace, store, path)
    assert len(short.split()) == 9
    assert set(left_out(store)) == {"c004"}
    assert dataset.manifest["contamination"][0]["run_words"] == 9


def test_a_file_may_hold_the_texts_raw_or_redacted(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    def hidden(opened: Store, settings: Settings, keys: list[str]) -> pl.DataFrame:
        return plain_turns(opened, settings, keys).with_columns(
            pl.col("text").str.replace_all(r"(\w)x\d*[02468]\b", "<N>")
        )

    add_curated(store, cases(30))
    raw = chat(story(3), story(1003))
    written = plain_turns(store, workspace.settings, ["c005"])
    replaced = hidden(store, workspace.settings, ["c005"])["text"].to_list()
    assert written["text"].to_list() != replaced
    dataset = build(workspace, store, write(tmp_path / "exam.jsonl", raw, chat(*replaced)), redacted=hidden)
    assert {key: code for key, (code, _) in left_out(store).items()} == {
        "c003": "contamination.near_duplicate",
        "c005": "contamination.near_duplicate",
    }
    assert dataset.manifest["conversations"] == 28


def test_an_earlier_test_file_keeps_its_conversations_out(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_curated(store, cases(40))
    first = build(workspace, store)
    exam = first.path("test")
    held_back = {
        key for (key,) in store.rows("SELECT conversation_key FROM dataset_items WHERE split = 'test' AND line > 0")
    }
    second = build(workspace, store, exam)
    rows = store.rows(
        "SELECT conversation_key FROM dataset_items WHERE split = 'excluded' AND dataset_id = ?", [second.dataset_id]
    )
    assert {key for (key,) in rows} == held_back
    assert len(held_back) == 4


def test_files_of_the_settings_are_read_from_the_workspace_and_count_once(workspace: Workspace, store: Store) -> None:
    add_curated(store, cases(20))
    path = write(workspace.root / "exam.jsonl", {"text": f"{story(1)} {story(1001)}"})
    export = dataclasses.replace(workspace.settings.export, evaluation=("exam.jsonl",))
    chosen = dataclasses.replace(workspace, settings=dataclasses.replace(workspace.settings, export=export))
    dataset = build(chosen, store, path)
    assert len(dataset.manifest["contamination"]) == 1
    assert set(left_out(store)) == {"c001"}
    assert build(chosen, store).dataset_id == dataset.dataset_id


def test_another_evaluation_file_gives_another_dataset(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_curated(store, cases(20))
    one = build(workspace, store, write(tmp_path / "one.jsonl", {"text": "nothing that anybody ever said here"}))
    other = build(workspace, store, write(tmp_path / "other.jsonl", {"text": "nothing at all"}))
    assert one.dataset_id != other.dataset_id


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "one"}]}, "one"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}]}]}, "one"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": []}]}, ""),
        ({"turns": [{"role": "customer", "text": "one"}, {"speaker": "agent", "text": "two"}]}, "one\ntwo"),
        ({"id": 4, "text": "one"}, "one"),
        ({"question": "one", "answer": "two"}, "one\ntwo"),
        ({"prompt": [{"role": "user", "content": "one"}], "completion": "two"}, "one\ntwo"),
        ({"instruction": "one", "input": "", "output": "two"}, "one\ntwo"),
    ],
)
def test_the_usual_shapes_are_read(tmp_path: Path, record: dict[str, Any], text: str) -> None:
    assert read_evaluation(write(tmp_path / "exam.jsonl", record)).texts == (text,)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": 1, "dialogue": "Secret words"}', r"exam\.jsonl line 3 is of another shape; its keys: id, dialogue"),
        (b'{"messages": "Secret words"}', "line 3 is of another shape; its keys: messages"),
        (b'{"text": 5}', "line 3 is of another shape; its keys: text"),
        (b'{"messages": [{"role": "user", "value": "Secret words"}]}', "line 3 is of another shape"),
        (b'["Secret words"]', "line 3 holds a list"),
        (b"id,Secret words", "line 3 is not JSON"),
        (b'{"text": "\xff\xfe Secret words"}', "line 3 is not JSON"),
    ],
)
def test_anything_else_is_refused_by_line_and_keys_and_never_by_text(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "exam.jsonl"
    path.write_bytes(b'{"text": "fine"}\n\n' + line + b"\n")
    with pytest.raises(BadEvaluation, match=message) as caught:
        read_evaluation(path)
    assert "Secret" not in caught.value.message + caught.value.hint


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadEvaluation, match="cannot be read: No such file"):
        read_evaluation(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(BadEvaluation, match=r"empty\.jsonl is empty"):
        read_evaluation(tmp_path / "empty.jsonl")

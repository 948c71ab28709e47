"""Every line is followed back to its record; original values are read only on demand, and that is recorded."""

import json
from pathlib import Path

import polars as pl
import pytest

from export.dataset import build_dataset
from export.errors import DamagedDataset, UnknownDataset
from export.explain import Explanation, as_json, as_text, explain_line
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, with_settings

MAIL = "ann@example.com"
TEXT = f"Write to {MAIL} please."
NOTE = ("agent", "Internal: rude customer.", {"kind": "note", "visibility": "internal"})


@pytest.fixture
def line_of_ann(workspace: Workspace, store: Store) -> int:
    add_curated(store, [*many(3), Case("ann", turns=[("customer", TEXT), NOTE, ("agent", "I will.")], cluster="ann")])
    start = TEXT.index(MAIL)
    finding = {"finding_id": "f1", "conversation_key": "ann", "turn_key": "ann-0", "entity_type": "EMAIL_ADDRESS"}
    finding |= {"start_char": start, "end_char": start + len(MAIL), "score": 1.0, "recognizer": "EmailRecognizer"}
    store.append("findings", pl.DataFrame([finding | {"why": '{"pattern": "mail"}', "run_id": "r1"}]))
    store.execute(
        "INSERT INTO batches (batch_id, connector, connector_version, source_uri, file_sha256, file_bytes, options, "
        "status, started_at, run_id) VALUES ('b1', 'test', 1, 'export.jsonl', 'feed', 1, '{}', 'done', now(), 'i1')"
    )
    build_dataset(workspace, store)
    return store.value("SELECT line FROM dataset_items WHERE conversation_key = 'ann'")


@pytest.fixture
def told(workspace: Workspace, store: Store, line_of_ann: int) -> Explanation:
    return explain_line(workspace, store, "latest", line_of_ann)


def test_a_line_leads_back_to_file_record_and_turns(told: Explanation) -> None:
    assert told.is_verified
    assert told.is_current
    source = told.source
    assert (source["external_id"], source["source_uri"], source["place"]) == ("ext-ann", "export.jsonl", "line ann")
    assert source["file_sha256"] == "feed"
    assert [(turn.place, turn.text is None) for turn in told.turns] == [
        ("turn 0", False),
        ("turn 1", True),
        ("turn 2", False),
    ]
    assert [stage["stage"] for stage in told.stages] == ["language", "leaks", "quality", "redaction"]
    assert told.cluster is not None
    assert told.cluster["members"] == 1
    assert told.outcome is not None
    assert told.outcome["flags"] == ["Q900"]


def test_spans_say_what_they_became_and_why(told: Explanation) -> None:
    span = told.turns[0].spans[0]
    assert span.placeholder is not None
    assert told.turns[0].text == f"Write to {span.placeholder} please."
    assert told.turns[0].text == told.message["messages"][1]["content"]
    assert (span.recognizer, span.score, span.why) == ("EmailRecognizer", 1.0, {"pattern": "mail"})


def test_originals_and_notes_stay_inside(told: Explanation) -> None:
    for text in (as_text(told), json.dumps(as_json(told)), repr(told)):
        assert MAIL not in text
        assert "rude" not in text


def test_revealing_shows_the_original_and_is_recorded(workspace: Workspace, store: Store, line_of_ann: int) -> None:
    told = explain_line(workspace, store, "latest", line_of_ann, reveal=True)
    assert told.turns[0].spans[0].original == MAIL
    assert MAIL in as_text(told)
    assert store.rows("SELECT action, subject FROM history") == [("explain.reveal", "ann")]


def test_the_text_names_every_step(told: Explanation) -> None:
    text = as_text(told)
    for part in (told.dataset, told.sha256, "ext-ann", "export.jsonl", "feed", "EmailRecognizer", "leaks: ok", "Q900"):
        assert part in text


def test_a_finding_under_a_stronger_one_became_what_that_became(
    workspace: Workspace, store: Store, line_of_ann: int
) -> None:
    store.execute(
        "INSERT INTO findings SELECT 'f2', conversation_key, turn_key, start_char, start_char + 3, 'PERSON', 0.8, "
        "'names', '{}', 'r1' FROM findings"
    )
    spans = explain_line(workspace, store, "latest", line_of_ann).turns[0].spans
    assert [span.entity_type for span in spans] == ["EMAIL_ADDRESS", "PERSON"]
    assert spans[0].placeholder == spans[1].placeholder


def test_decisions_and_jobs_are_told(workspace: Workspace, store: Store, line_of_ann: int) -> None:
    store.execute("INSERT INTO decisions VALUES ('d', 'finding', 'f1', 'ann', 'reject', '', 'maria', now())")
    store.execute(
        "INSERT INTO jobs BY NAME SELECT 'j1' AS job_id, 'openai' AS provider, dataset_id, 'gpt-4.1' AS model, "
        "'queued' AS status, '{}' AS request, now() AS created_at FROM datasets"
    )
    told = explain_line(workspace, store, "latest", line_of_ann)
    span = told.turns[0].spans[0]
    assert (span.decision, span.decided_by, span.placeholder) == ("reject", "maria", None)
    assert [job["job_id"] for job in told.jobs] == ["j1"]
    assert "reject by maria" in as_text(told)


def test_a_changed_file_or_conversation_is_said(workspace: Workspace, store: Store, line_of_ann: int) -> None:
    path = Path(workspace.datasets / store.value("SELECT dataset_id FROM datasets") / "train.jsonl")
    path.write_bytes(path.read_bytes().replace(b"please", b"plaese"))
    store.execute("UPDATE conversations SET content_hash = 'new' WHERE conversation_key = 'ann'")
    told = explain_line(workspace, store, "latest", line_of_ann)
    assert (told.is_verified, told.is_current) == (False, False)
    assert "CHANGED" in as_text(told)
    path.unlink()
    with pytest.raises(DamagedDataset, match=r"train\.jsonl"):
        explain_line(workspace, store, "latest", line_of_ann)


def test_a_line_of_one_answer_says_which_and_what_is_left_out(workspace: Workspace, store: Store) -> None:
    words = [("customer", "A1"), ("agent", "B1 <|x|>"), ("customer", "A2"), ("agent", "B2"), ("customer", "A3")]
    add_curated(store, [Case("one", turns=[*words, NOTE, ("agent", "B3")])])
    spoken = with_settings(workspace, examples="turn", context_turns=1)
    build_dataset(spoken, store)
    told = explain_line(spoken, store, "latest", 2)
    assert [turn.use for turn in told.turns] == ["cut", "cut", "", "answer", "after", "", "after"]
    assert (told.cut_turns, told.repairs) == (2, ())
    assert [message["content"] for message in told.message["messages"][1:]] == ["A2", "B2"]
    assert "the 2 oldest turns are not in it" in as_text(told)
    assert "(turn 3, repaired: x), the answer of this line" in as_text(told)
    first = explain_line(spoken, store, "latest", 1)
    assert first.repairs == ("special_token",)
    assert "repaired: special_token" in as_text(first)


def test_the_persona_is_told_as_it_was_exported(workspace: Workspace, store: Store) -> None:
    text = "I am Maria from the shop."
    add_curated(store, [Case("one", turns=[("customer", "Hi"), ("agent", text)])])
    finding = {"finding_id": "f1", "conversation_key": "one", "turn_key": "one-1", "entity_type": "PERSON"}
    finding |= {"start_char": 5, "end_char": 10, "score": 1.0, "recognizer": "names", "why": "{}", "run_id": "r1"}
    store.append("findings", pl.DataFrame([finding]))
    spoken = with_settings(workspace, persona="Alex")
    build_dataset(spoken, store)
    told = explain_line(spoken, store, "latest", 1)
    assert told.turns[1].text == told.message["messages"][-1]["content"] == "I am Alex from the shop."
    assert [span.placeholder for span in told.turns[1].spans] == ["Alex"]


def test_a_line_that_is_not_there_is_named(workspace: Workspace, store: Store, line_of_ann: int) -> None:
    with pytest.raises(UnknownDataset, match="no line 5") as caught:
        explain_line(workspace, store, "latest", 5)
    assert caught.value.hint == "It has lines 1 to 4."

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
from tests.export.builders import Case, add_curated, many

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
        "INSERT INTO jobs SELECT 'j1', 'openai', NULL, dataset_id, 'gpt-4.1', 'queued', '{}', NULL, now(), NULL "
        "FROM datasets"
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


def test_a_line_that_is_not_there_is_named(workspace: Workspace, store: Store, line_of_ann: int) -> None:
    with pytest.raises(UnknownDataset, match="no line 5") as caught:
        explain_line(workspace, store, "latest", 5)
    assert caught.value.hint == "It has lines 1 to 4."

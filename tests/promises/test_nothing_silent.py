"""Promise 1: every record is stored or rejected with file, place and code; every conversation left out has a reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.workspace import Workspace

Chatmill = Callable[..., Any]


def test_every_record_of_the_samples_is_stored_or_rejected_and_every_conversation_has_an_outcome(
    chatmill: Chatmill, sample_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = chatmill("run", sample_logs, "-w", tmp_path / "workspace", "--json")
    assert ran.code == 0, ran.err
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)
    with Workspace.find(tmp_path / "workspace").open() as store:
        lost = store.value("SELECT count(*) FROM conversations ANTI JOIN outcomes USING (conversation_key)")
        unreasoned = store.value("SELECT count(*) FROM outcomes WHERE length(reason) < 10 OR code = ''")
        unplaced = store.value("SELECT count(*) FROM rejects WHERE place = '' OR code = '' OR source_uri = ''")
        kept = store.value("SELECT count(*) FROM outcomes WHERE verdict = 'keep'")
        exported = store.value("SELECT count(*) FROM dataset_items")
        balance = store.rows(
            "SELECT source_uri, records - conversations - superseded FROM batches WHERE status = 'done'"
        )
        rejects = store.value("SELECT count(*) FROM rejects")
    assert (lost, unreasoned, unplaced) == (0, 0, 0)
    assert exported == kept
    assert all(rest == 0 for _, rest in balance), balance
    assert rejects >= 5


def test_broken_lines_are_rejected_with_their_place_and_the_rest_is_read(
    chatmill: Chatmill, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = chatmill("ingest", export, "-w", tmp_path / "workspace", "--json", "--strict")
    assert ran.code == 3
    assert ran.document["batches"][0]["conversations"] == 120
    assert ran.document["batches"][0]["rejects"] == 1
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)
    with Workspace.find(tmp_path / "workspace").open() as store:
        ((uri, place, code, raw),) = store.rows("SELECT source_uri, place, code, raw FROM rejects")
    assert uri.endswith("chats.jsonl")
    assert place == "line 61"
    assert code == "bad_json"
    assert raw == '{"id": "broken", "turns": ['


def test_a_file_nobody_recognises_is_named(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    (export / "photo.bin").write_bytes(bytes(range(256)) * 40)
    ran = chatmill("ingest", export, "-w", tmp_path / "workspace", "--json")
    assert ran.code == 0
    assert [Path(file["file"]).name for file in ran.document["unexplained"]] == ["photo.bin"]


def test_nothing_to_export_ends_with_two_and_says_why(chatmill: Chatmill, tmp_path: Path) -> None:
    lines = [
        {"id": str(n), "turns": [{"role": "customer", "text": f"Hello, where is order number {n} please, it is late"}]}
        for n in range(30)
    ]
    (tmp_path / "only.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    ran = chatmill("run", tmp_path / "only.jsonl", "-w", tmp_path / "workspace", "--json")
    assert ran.code == 2
    reasons = {reason["reason"] for step in ran.document["funnel"] for reason in step["reasons"]}
    assert any("agent" in reason for reason in reasons), reasons

"""How records become rows: keys, versions, what repeats, and what may be read as speech."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.errors import IngestError
from ingest.exports import IngestReport, ingest_exports
from ingest.mapping import Mapping
from ingest.saved_mappings import find_mapping, save_mapping
from store.database import Store
from store.workspace import Workspace

TURNS = [{"role": "customer", "text": "My parcel is late"}, {"role": "agent", "text": "It arrives tomorrow"}]


def write(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def ingest(workspace: Workspace, store: Store, *paths: Path, **options: Any) -> IngestReport:
    return ingest_exports(workspace, store, paths, **options)


def record(ident: str, text: str = "My parcel is late", **fields: Any) -> dict[str, Any]:
    return {"id": ident, "turns": [{"role": "customer", "text": text}, TURNS[1]], **fields}


@pytest.mark.parametrize("newest_first", [False, True])
def test_the_newer_version_of_a_conversation_stays_whatever_comes_first(
    workspace: Workspace, store: Store, tmp_path: Path, newest_first: bool
) -> None:
    old = write(tmp_path / "old.jsonl", record("1", "old words", updated_at="2026-01-01T00:00:00Z"))
    new = write(tmp_path / "new.jsonl", record("1", "new words", updated_at="2026-02-01T00:00:00Z"))
    for path in (new, old) if newest_first else (old, new):
        ingest(workspace, store, path)
    assert store.value("SELECT text FROM turns WHERE position = 0") == "new words"
    assert store.value("SELECT count(*) FROM turns") == 2


def test_without_a_time_the_later_export_stays(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    ingest(workspace, store, write(tmp_path / "a.jsonl", record("1", "first words")))
    ingest(workspace, store, write(tmp_path / "b.jsonl", record("1", "second words")))
    assert store.rows("SELECT text FROM turns WHERE role = 'customer'") == [("second words",)]


def test_the_same_content_again_is_not_written_again(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    ingest(workspace, store, write(tmp_path / "a.jsonl", record("1")))
    before = store.rows("SELECT batch_id, place FROM conversations")
    report = ingest(workspace, store, write(tmp_path / "b.jsonl", record("2"), record("1")))
    assert store.rows("SELECT batch_id, place FROM conversations WHERE external_id = '1'") == before
    assert (report.batches[0].conversations, report.batches[0].superseded) == (1, 1)


def test_a_file_under_another_name_is_known_by_its_bytes(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    ingest(workspace, store, write(tmp_path / "a.jsonl", record("1")))
    assert ingest(workspace, store, write(tmp_path / "copy.jsonl", record("1"))).batches[0].status == "again"


def test_two_accounts_may_use_the_same_ids(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", record("1"))
    ingest(workspace, store, path)
    settings = workspace.root / "chatmill.toml"
    settings.write_text(settings.read_text().replace("[workspace]", '[workspace]\naccount = "other"'))
    ingest(Workspace.find(workspace.root), store, path)
    assert store.value("SELECT count(*) FROM conversations WHERE external_id = '1'") == 2


def test_conversations_without_an_id_are_known_by_their_content(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    chats = [
        {"messages": [{"role": "user", "content": f"Hello {n % 2}"}, {"role": "assistant", "content": "Hi"}]}
        for n in range(6)
    ]
    report = ingest(workspace, store, write(tmp_path / "chats.jsonl", *chats))
    assert (report.batches[0].conversations, report.batches[0].superseded) == (2, 4)


def test_a_dry_run_counts_and_stores_nothing(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    report = ingest(workspace, store, write(tmp_path / "a.jsonl", record("1"), "broken"), dry_run=True)
    assert (report.batches[0].status, report.batches[0].conversations, report.batches[0].rejects) == ("dry", 1, 1)
    for table in ("conversations", "turns", "rejects", "batches", "runs"):
        assert store.value(f"SELECT count(*) FROM {table}") == 0, table


def test_notes_drafts_deleted_and_system_turns_are_stored_and_never_public(
    workspace: Workspace, store: Store, sample_logs: Path
) -> None:
    ingest(workspace, store, sample_logs)
    hidden = store.rows("""
        SELECT DISTINCT visibility, kind, role, is_draft, is_deleted FROM turns
        WHERE turn_key NOT IN (SELECT turn_key FROM public_turns) AND text <> ''
    """)
    assert any(kind == "note" and visibility == "internal" for visibility, kind, *_ in hidden)
    assert any(role == "system" for _, _, role, *_ in hidden)
    assert any(is_draft or visibility == "internal" for visibility, _, _, is_draft, _ in hidden)
    shown = store.rows("SELECT DISTINCT visibility, kind, role, is_draft, is_deleted FROM public_turns")
    assert {row[0] for row in shown} == {"public"}
    assert {row[2] for row in shown} <= {"customer", "agent", "bot"}
    assert not any(row[3] or row[4] for row in shown)


def test_keys_are_unique(workspace: Workspace, store: Store, sample_logs: Path) -> None:
    ingest(workspace, store, sample_logs)
    for table, column in (("conversations", "conversation_key"), ("turns", "turn_key"), ("batches", "batch_id")):
        assert store.value(f"SELECT count(*) - count(DISTINCT {column}) FROM {table}") == 0, table
    assert store.value("SELECT count(*) FROM turns ANTI JOIN conversations USING (conversation_key)") == 0
    gaps = store.rows("SELECT max(position) + 1 - count(*) FROM turns GROUP BY conversation_key")
    assert {gap for (gap,) in gaps} == {0}


def test_a_saved_mapping_is_used_for_files_with_the_same_columns(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    table = "case;who;said\n1;Rep 1;How can I help?\n1;Guest;My lamp is broken\n2;Guest;Hello there\n2;Rep 1;Hello\n"
    (tmp_path / "odd.csv").write_text(table, encoding="utf-8")
    report = ingest(workspace, store, tmp_path / "odd.csv")
    assert "a mapping can say" in report.unexplained[0].detail
    assert store.value("SELECT count(*) FROM rejects WHERE code = 'unexplained'") == 1
    mapping = Mapping(
        "turn", conversation_id="case", role="who", text="said", roles={"Rep 1": "agent", "Guest": "customer"}
    )
    save_mapping(workspace, "odd", mapping)
    assert find_mapping(workspace, "odd") == mapping
    again = ingest(workspace, store, tmp_path / "odd.csv")
    assert (again.batches[0].status, again.batches[0].conversations) == ("done", 2)
    assert sorted(store.rows("SELECT DISTINCT role FROM turns")) == [("agent",), ("customer",)]


def test_a_path_that_is_not_there_is_named(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    with pytest.raises(IngestError, match=r"nowhere\.csv"):
        ingest(workspace, store, tmp_path / "nowhere.csv")


def test_a_connector_that_breaks_costs_its_file_only(
    workspace: Workspace, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ingest.connectors import chat

    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("Ottilie Brandauer")

    monkeypatch.setattr(chat, "_read", broken)
    folder = tmp_path / "export"
    folder.mkdir()
    write(folder / "a.jsonl", record("1"))
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]
    write(folder / "chat.jsonl", {"messages": messages})
    report = ingest(workspace, store, folder)
    assert store.value("SELECT count(*) FROM conversations") == 1
    assert store.rows("SELECT code, detail FROM rejects") == [
        ("connector_failed", "the connector failed with KeyError")
    ]
    assert [batch.connector for batch in report.broken] == ["chat"]
    monkeypatch.undo()
    mended = ingest(workspace, store, folder)
    assert {batch.connector: batch.status for batch in mended.batches} == {"jsonlines": "again", "chat": "done"}
    assert store.rows("SELECT code FROM rejects") == []


def test_a_mapping_that_is_needed_names_columns_and_no_values(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    table = "ticket_id,who,message\n1,Rep 1,How can I help you today?\n1,Guest,My new lamp is broken\n" * 4
    (tmp_path / "odd.csv").write_text(table, encoding="utf-8")
    report = ingest(workspace, store, tmp_path / "odd.csv")
    assert report.batches[0].status == "failed"
    assert "who" in report.problems[0].message
    assert "--mapping" in report.problems[0].hint
    assert "Rep 1" not in report.problems[0].message + report.problems[0].hint

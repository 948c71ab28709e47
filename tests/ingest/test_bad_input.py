"""Hostile and broken exports, through the whole of ingest: a clear word or a reject, and the rest is read."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ingest.exports import IngestReport, ingest_exports
from store.database import Store
from store.workspace import Workspace

GOOD = '{"id": "good", "turns": [{"role": "customer", "text": "Hello there"}, {"role": "agent", "text": "Hi"}]}'


@pytest.fixture
def read(workspace: Workspace, store: Store, tmp_path: Path) -> Any:
    def call(name: str, content: bytes) -> IngestReport:
        (tmp_path / name).write_bytes(content)
        return ingest_exports(workspace, store, [tmp_path / name])

    return call


def rejected(store: Store) -> list[tuple[str, str]]:
    return store.rows("SELECT code, place FROM rejects ORDER BY place, code")


def stored(store: Store) -> list[str]:
    return [ident for (ident,) in store.rows("SELECT external_id FROM conversations ORDER BY external_id")]


def test_a_truncated_gzip_keeps_what_came_through(read: Any, store: Store) -> None:
    lines = "\n".join(GOOD.replace("good", f"g{n}") for n in range(2000))
    whole = gzip.compress(lines.encode())
    read("cut.jsonl.gz", whole[: len(whole) // 2])
    assert len(stored(store)) > 100
    assert {code for code, _ in rejected(store)} <= {"truncated", "unreadable", "bad_json"}
    assert rejected(store)


def test_a_binary_file_is_named(read: Any, store: Store) -> None:
    report = read("picture.csv", bytes(range(256)) * 100)
    assert stored(store) == []
    assert [reject.code for reject in report.unexplained] == ["unexplained"]
    assert rejected(store) == [("unexplained", "file")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_encoding_is_read(read: Any, store: Store, encoding: str) -> None:
    rows = ["conversation_id,role,text"]
    for number in range(20):
        rows += [f"{number},customer,Wo ist mein Päckchen für Müller?", f"{number},agent,Es kommt übermorgen – schön!"]
    read("t.csv", "\r\n".join(rows).encode(encoding))
    assert store.rows("SELECT DISTINCT text FROM turns ORDER BY text") == [
        ("Es kommt übermorgen – schön!",), ("Wo ist mein Päckchen für Müller?",),
    ]  # fmt: skip


def test_a_broken_line_costs_that_line_only(read: Any, store: Store) -> None:
    read("a.jsonl", f"{GOOD}\n{{broken\n{GOOD.replace('good', 'other')}\n".encode())
    assert stored(store) == ["good", "other"]
    assert rejected(store) == [("bad_json", "line 2")]


def test_duplicate_headers_and_unknown_columns_are_kept(read: Any, store: Store) -> None:
    table = (
        "conversation_id,role,text,note,note,colour\n1,customer,Hello there friend,a,b,red\n1,agent,Hi you,c,d,blue\n"
    )
    read("t.csv", table.encode())
    custom = " ".join(
        value for (value,) in store.rows("SELECT custom FROM turns UNION ALL SELECT custom FROM conversations")
    )
    assert stored(store) == ["1"]
    for value in ("red", "blue", '"a"', '"b"', '"c"', '"d"'):
        assert value in custom


def test_a_conversation_without_a_customer_is_stored(read: Any, store: Store) -> None:
    read("a.jsonl", (json.dumps({"id": "1", "turns": [{"role": "agent", "text": "Anybody?"}]}) + f"\n{GOOD}").encode())
    assert stored(store) == ["1", "good"]


def test_an_id_of_23_digits_stays_exact(read: Any, store: Store) -> None:
    line = GOOD.replace('"good"', "12345678901234567890123")
    read("a.jsonl", f"{line}\n{line.replace('0123,', '0124,')}\n".encode())
    assert stored(store) == ["12345678901234567890123", "12345678901234567890124"]


def test_lone_surrogates_and_nan_are_mended(read: Any, store: Store) -> None:
    line = GOOD.replace("Hello there", "Hello \\ud83d there").replace('"id"', '"csat": NaN, "id"')
    read("a.jsonl", f"{line}\n".encode())
    assert store.value("SELECT text FROM turns WHERE role = 'customer'") == "Hello \ufffd there"
    assert stored(store) == ["good"]


def test_a_line_of_18_megabytes_is_read(read: Any, store: Store) -> None:
    line = GOOD.replace("Hello there", "Hello there " * 1_500_000)
    # It is not the first, by which the columns are told: of a file a mebibyte at most is read for that.
    read("a.jsonl", f"{GOOD.replace('good', 'before')}\n{line}\n{GOOD.replace('good', 'after')}\n".encode())
    assert stored(store) == ["after", "before", "good"]
    assert store.value("SELECT max(length(text)) FROM turns") > 17_000_000


def test_a_zip_bomb_is_refused_and_the_rest_is_read(read: Any, store: Store) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jsonl", b" " * 150_000_000)
        archive.writestr("good.jsonl", GOOD)
        archive.writestr("../escape.jsonl", GOOD.replace("good", "escaped"))
    report = read("export.zip", buffer.getvalue())
    assert stored(store) == ["good"]
    codes = {code for code, _ in rejected(store)} | {reject.code for reject in report.unexplained}
    assert "bomb" in codes


def test_cyclic_replies_end(read: Any, store: Store) -> None:
    node: dict[str, Any] = {"children": []}
    node |= {"message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hello"]}}}
    nodes = {"a": {"id": "a", "parent": "b", **node}, "b": {"id": "b", "parent": "a", **node}}
    chat = {"title": "t", "conversation_id": "c", "current_node": "a", "mapping": nodes}
    read("conversations.json", json.dumps([chat]).encode())
    assert rejected(store) == [("bad_record", "record 1")]
    assert "circle" in store.value("SELECT detail FROM rejects")


def test_timestamps_in_five_spellings_say_the_same_moment(read: Any, store: Store) -> None:
    spellings = [
        1767261600,
        1767261600000,
        "2026-01-01T10:00:00Z",
        "2026-01-01T11:00:00+01:00",
        "Thu, 01 Jan 2026 10:00:00 +0000",
    ]
    turns = [{"role": "customer", "text": f"turn {n}", "created_at": at} for n, at in enumerate(spellings)]
    read("a.jsonl", json.dumps({"id": "1", "turns": turns}).encode())
    assert store.value("SELECT count(*) FROM turns") == 5
    assert store.rows("SELECT DISTINCT epoch(created_at) FROM turns") == [(1767261600.0,)]
    assert store.value("SELECT count(*) FROM turns WHERE created_at_raw IS NULL") == 0


@pytest.mark.parametrize("name", ["empty.csv", "empty.jsonl", "empty.json", "empty.zip"])
def test_an_empty_file_is_named_and_nothing_else_happens(read: Any, store: Store, name: str) -> None:
    report = read(name, b"")
    assert stored(store) == []
    assert [reject.detail for reject in report.unexplained] == ["the file is empty"]

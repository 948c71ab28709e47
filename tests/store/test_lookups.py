"""Loading does not grow with the indexes: they are dropped before it, made again after it, and never needed."""

from pathlib import Path

from ingest.exports import ingest_exports
from store.database import Store
from store.lookups import LOOKUPS, drop_lookups, make_lookups
from store.workspace import Workspace

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
NAMES = "SELECT index_name FROM duckdb_indexes() WHERE index_name IN ('conversations_by_key', 'turns_by_conversation')"


def lookups(store: Store) -> set[str]:
    return {name for (name,) in store.rows(NAMES)}


def test_they_are_there_again_after_an_ingest_and_find_what_was_read(workspace: Workspace) -> None:
    with workspace.open(memory="96MB", threads=1) as store:
        ingest_exports(workspace, store, [SAMPLES / "gorgias"])
        assert lookups(store) == set(LOOKUPS)
        keys = store.rows("SELECT conversation_key FROM conversations ORDER BY ALL LIMIT 5")
        for (key,) in keys:
            assert store.value("SELECT count(*) FROM turns WHERE conversation_key = ?", [key]) > 0


def test_a_store_that_a_killed_ingest_left_without_them_gets_them_when_it_is_opened(workspace: Workspace) -> None:
    with workspace.open(memory="96MB", threads=1) as store:
        drop_lookups(store)
    with workspace.open(memory="96MB", threads=1) as store:
        assert lookups(store) == set()
    with workspace.open() as store:
        assert lookups(store) == set(LOOKUPS)


def test_without_memory_for_them_a_store_works_without(workspace: Workspace) -> None:
    with workspace.open(memory="40MB", threads=1) as store:
        drop_lookups(store)
        store.execute("""
            INSERT INTO turns BY NAME
            SELECT md5(i::VARCHAR) AS turn_key, md5(i::VARCHAR) AS conversation_key, 0 AS position, 'message' AS kind,
              'public' AS visibility, 'customer' AS role, false AS is_automated, 'none' AS tz_source,
              false AS is_deleted, false AS is_draft, 'hi' AS text, []::VARCHAR[] AS repairs,
              'none' AS source_redaction, '{}' AS custom, '' AS place
            FROM range(600000) AS r(i)
        """)
        make_lookups(store)
        assert "turns_by_conversation" not in lookups(store)
        assert store.value("SELECT count(*) FROM turns WHERE conversation_key = md5('7')") == 1

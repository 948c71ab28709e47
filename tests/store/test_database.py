import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import Store, StoreLocked, WrongKey
from store.workspace import Workspace

SENTINEL = "maria.sentinel@example.com"


def test_the_file_on_disk_holds_no_readable_text(workspace: Workspace) -> None:
    with workspace.open() as store:
        store.execute("CREATE TABLE t AS SELECT ? || i AS text FROM range(10000) AS r(i)", [SENTINEL])
        store.checkpoint()
    raw = b"".join(path.read_bytes() for path in workspace.root.rglob("*") if path.is_file())
    assert SENTINEL.encode() not in raw
    assert len(raw) > 10_000


def test_the_write_ahead_log_holds_no_readable_text(workspace: Workspace, tmp_path: Path) -> None:
    code = f"""
        import os
        from pathlib import Path
        from store.workspace import Workspace
        store = Workspace.find(Path({str(workspace.root)!r})).open()
        store.execute("CREATE TABLE t (text VARCHAR)")
        store.execute("INSERT INTO t SELECT ? FROM range(100)", [{SENTINEL!r}])
        os._exit(9)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False).returncode == 9
    assert list(workspace.root.glob("*.wal")), "the log should still be there after a kill"
    assert all(SENTINEL.encode() not in path.read_bytes() for path in workspace.root.glob("store*"))
    with workspace.open() as store:
        assert store.value("SELECT count(*) FROM t") == 100


def test_what_does_not_fit_in_memory_spills_encrypted_inside_the_workspace(workspace: Workspace) -> None:
    spill = workspace.root / ".spill"
    store = Store(workspace.store_path, key=workspace.derive("store"), spill=spill, memory="60MB", threads=1)
    texts = "SELECT md5(i::VARCHAR) || ? || md5((i + 1)::VARCHAR) AS text FROM range(1000000) AS r(i)"
    with store:
        pages = store.pages(texts, [SENTINEL], size=1000)
        assert SENTINEL in next(pages).item(0, "text")
        seen = [path.read_bytes() for path in spill.glob("*")]
        pages.close()
    assert seen, "nothing was spilled: the test no longer tests"
    assert not any(SENTINEL.encode() in content for content in seen)


def test_no_statement_reaches_files_or_extensions(store: Store, tmp_path: Path) -> None:
    for statement in (
        f"COPY conversations TO '{tmp_path}/out.csv'",
        "INSTALL spatial",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            store.execute(statement)
    assert not (tmp_path / "out.csv").exists()


def test_a_wrong_key_is_refused_and_no_key_is_shown(workspace: Workspace) -> None:
    workspace.open().close()
    with pytest.raises(WrongKey) as raised:
        Store(workspace.store_path, key=b"x" * 32, spill=workspace.root / ".spill")
    assert (b"x" * 32).hex() not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_second_process_is_told_who_holds_the_store(workspace: Workspace) -> None:
    code = f"""
        from pathlib import Path
        from store.workspace import Workspace
        from store.errors import ChatmillError
        try:
            Workspace.find(Path({str(workspace.root)!r})).open()
        except ChatmillError as error:
            print(error.code, error.message)
    """
    with workspace.open():
        told = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True, text=True)
    assert told.stdout.startswith(StoreLocked.code)
    assert "is open in process" in told.stdout


def test_a_failing_transaction_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.execute("INSERT INTO metrics VALUES ('a', 1, 'loss', 0.5)")
            with store.transaction():
                store.execute("INSERT INTO metrics VALUES ('b', 1, 'loss', 0.5)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.value("SELECT count(*) FROM metrics") == 0


def test_replace_replaces_what_has_the_same_keys_only(store: Store) -> None:
    frame = pl.DataFrame({"job_id": ["a", "b"], "step": [1, 1], "name": ["x", "x"], "value": [1.0, 2.0]})
    store.append("metrics", frame)
    store.replace("metrics", frame.head(1).with_columns(value=pl.lit(9.0)), keys=("job_id", "step"))
    assert sorted(store.rows("SELECT job_id, value FROM metrics")) == [("a", 9.0), ("b", 2.0)]


def test_pages_give_everything_once_while_other_statements_run(store: Store) -> None:
    seen: list[int] = []
    for page in store.pages("SELECT i FROM range(?) AS r(i) ORDER BY i DESC", [1001], size=100):
        store.execute("INSERT INTO metrics VALUES ('a', 1, 'n', 1)")
        seen += page["i"].to_list()
    assert seen == list(range(1000, -1, -1))
    assert store.value("SELECT count(*) FROM metrics") == 11


def test_frames_survive_the_round_trip(store: Store) -> None:
    frame = pl.DataFrame(
        {"text": ["a", "émoji 🙂", None], "tags": [["x"], [], ["y", "z"]], "at": [0, 1, None], "n": [1.5, None, 2.0]}
    ).with_columns(pl.col("at").cast(pl.Datetime("us", "UTC")))
    with store.scratch(given=frame):
        assert store.frame("SELECT * FROM given").equals(frame)


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(-(2**40), 2**40)), max_size=60))
def test_a_spool_gives_back_every_value_by_key_in_order(pairs: list[tuple[str, int]]) -> None:
    connection = duckdb.connect(":memory:")
    from store.spool import Spool

    spool = Spool(connection)
    for key, value in pairs:
        spool.put(key, {"value": value})
    groups = list(spool.groups())
    expected: dict[str, list[int]] = {}
    for key, value in pairs:
        expected.setdefault(key, []).append(value)
    assert {key: [item["value"] for item in items] for key, items in groups} == expected
    assert len(groups) == len(expected)
    connection.close()

"""The store itself: one encrypted DuckDB file, opened by one process, written in transactions."""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import duckdb
import polars as pl

from store.errors import InternalError, StoreError
from store.frames import as_arrow, from_relation
from store.imports import spare_duckdb
from store.spool import Spool

# A parameter's place, or a text in quotes, in which a question mark is none.
PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\?")
Params = Sequence[Any] | None


class StoreLocked(StoreError):
    """Say that another process holds the store."""

    code = "STO-120"


class EncryptionMissing(StoreError):
    """Say that DuckDB's encryption is not installed, so nothing may be written."""

    code = "STO-121"


class WrongKey(StoreError):
    """Say that the key does not open this store."""

    code = "STO-122"


class NotWritten(StoreError):
    """Say that the store could not be read or written: the disk is full, or fails."""

    code = "STO-123"


def storage_problem(error: BaseException) -> NotWritten | None:
    """Say what a failure of the disk or of memory means; None for any other error, whose words may hold values."""
    if not isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        return None
    return NotWritten(
        "The store could not be written; what was finished before is kept.",
        hint="See that the disk has room and works, then do it again.",
    )


def extension_path() -> Path:
    """Find the signed extension that DuckDB needs for writing encrypted files; it comes as a wheel, not a download.

    Raises:
        EncryptionMissing: the wheel of the installed DuckDB's version is not there.
    """
    try:
        import duckdb_extension_httpfs
    except ImportError:
        folder = Path()
    else:
        folder = Path(duckdb_extension_httpfs.__file__).parent / "extensions"
    path = folder / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    if not path.is_file():
        raise EncryptionMissing(
            f"The encryption of DuckDB {duckdb.__version__} is not installed; chatmill does not write readable stores.",
            hint=f"Run: pip install duckdb-extension-httpfs=={duckdb.__version__}",
        )
    return path


class Store:
    """Read and write the workspace's tables. Use as a context manager; one at a time for each workspace.

    A store belongs to one thread at a time; `another()` gives one more on the same database for another thread. All of
    them read freely side by side; their changes and transactions come one after the other.
    """

    def __init__(
        self, path: Path, *, key: bytes, spill: Path, threads: int | None = None, memory: str | None = None
    ) -> None:
        """Open the database, encrypted, with its spill files encrypted and everything outside closed to it.

        `memory` bounds what DuckDB takes ("2GB"); by default 80 % of the machine's memory.

        Raises:
            StoreLocked: another process has it open.
            WrongKey: the key does not fit.
        """
        spare_duckdb()
        self.path = path
        self._spill = spill
        self._connection = duckdb.connect(":memory:", config=_config(spill, threads, memory))
        self._connection.execute(f"LOAD {_quoted(str(extension_path()))}")
        self._attach(path, key)
        # From here on no statement can reach a file or the network, whatever it says.
        self._connection.execute(
            "USE store; SET TimeZone = 'UTC'; SET enable_progress_bar = false; SET enable_external_access = false; "
            "SET lock_configuration = true"
        )
        self._writing = threading.RLock()
        self._depth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write everything out and let go of the file."""
        self._connection.close()

    def another(self) -> Store:
        """Open one more store on the same database, for another thread; close it after use, before this one."""
        other = copy(self)
        other._connection = self._connection.cursor()
        other._connection.execute("USE store")
        other._depth = 0
        return other

    def execute(self, sql: str, params: Params = None) -> None:
        """Run a statement for its effect."""
        with self._writing:
            self._connection.execute(sql, params)

    def rows(self, sql: str, params: Params = None) -> list[tuple[Any, ...]]:
        """Run a query and give its rows; for few of them."""
        return self._connection.execute(sql, params).fetchall()

    def value(self, sql: str, params: Params = None) -> Any:  # noqa: ANN401 - whatever the query asks for
        """Run a query and give the first column of its first row, or None."""
        row = self._connection.execute(sql, params).fetchone()
        return None if row is None else row[0]

    def frame(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Run a query and give its result as a frame."""
        return from_relation(self._connection.sql(self._bound(sql, params)))

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Insert a frame's rows, by column name; columns it lacks become null."""
        if frame.height:
            with self.scratch(appending=frame):
                self.execute(f"INSERT INTO {_name(table)} BY NAME SELECT * FROM appending")

    def replace(self, table: str, frame: pl.DataFrame, keys: Sequence[str] = ("conversation_key",)) -> None:
        """Delete the rows that have the frame's keys, then insert the frame's rows, in one transaction."""
        match = " AND ".join(f"old.{_name(key)} = new.{_name(key)}" for key in keys)
        with self.transaction(), self.scratch(replacing=frame.select(keys).unique()):
            self.execute(f"DELETE FROM {_name(table)} AS old USING replacing AS new WHERE {match}")
            self.append(table, frame)

    @contextmanager
    def scratch(self, **frames: pl.DataFrame) -> Generator[None]:
        """Let SQL see frames as tables by these names for as long as the context lasts."""
        for name, frame in frames.items():
            self._connection.register(_name(name), as_arrow(frame))
        try:
            yield
        finally:
            for name in frames:
                self._connection.unregister(name)

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Do everything inside or nothing; an inner transaction joins the outer."""
        with self._writing:
            if self._depth == 0:
                self._connection.execute("BEGIN")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def pages(self, sql: str, params: Params = None, size: int = 5000) -> Generator[pl.DataFrame]:
        """Give a query's result page by page, as it stood when asked; other statements may run in between.

        The result is kept in DuckDB's memory, which spills to encrypted files, so it may be larger than memory.
        """
        table = f"memory.main.pages_{uuid4().hex}"
        # No change of the store: whoever writes need not wait for a long query.
        self._connection.execute(f"CREATE TABLE {table} AS {sql}", params)
        try:
            count = int(self.value(f"SELECT count(*) FROM {table}"))
            for first in range(0, count, size):
                yield self.frame(
                    f"SELECT * FROM {table} WHERE rowid >= ? AND rowid < ? ORDER BY rowid",
                    [first, first + size],
                )
        finally:
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")

    def spool(self) -> Spool:
        """Open a place to sort what does not fit in memory."""
        return Spool(self._spill)

    def checkpoint(self) -> None:
        """Bring the write-ahead log into the file, so that the file alone is the whole store."""
        self._connection.execute("CHECKPOINT store")

    def _bound(self, sql: str, params: Params) -> str:
        """Hand parameters over as variables; a relation made with parameters takes six times as long to read."""
        if not params:
            return sql
        names = iter(range(len(params)))
        for number, value in enumerate(params):
            self._connection.execute(f"SET VARIABLE p{number} = ?", [value])
        return PLACEHOLDER.sub(lambda found: found[0] if found[0] != "?" else f"getvariable('p{next(names)}')", sql)

    def _attach(self, path: Path, key: bytes) -> None:
        try:
            self._connection.execute(f"ATTACH {_quoted(str(path))} AS store (ENCRYPTION_KEY '{key.hex()}')")
        except duckdb.Error as error:
            # The statement holds the key: no message of DuckDB's, and no chained traceback, may leave here.
            problem = _open_problem(path, str(error))
        else:
            return
        self._connection.close()
        raise problem


def _open_problem(path: Path, reason: str) -> StoreError:
    if "lock" in reason.lower():
        holder = re.search(r"PID (\d+)", reason)
        who = f"process {holder[1]}" if holder else "another process"
        return StoreLocked(
            f"The store {path} is open in {who}.",
            hint="Wait until it has finished, or stop it; one process may open a store at a time.",
        )
    if "key" in reason.lower() or "encrypt" in reason.lower():
        return WrongKey(
            f"The key does not open the store {path}.",
            hint="Give the key of this workspace in CHATMILL_KEY or CHATMILL_KEY_FILE.",
        )
    return StoreError(
        f"The store {path} cannot be opened: it is damaged, or no store.", hint="Restore it: chatmill restore."
    )


def _config(spill: Path, threads: int | None, memory: str | None) -> dict[str, Any]:
    config = {
        "temp_directory": str(spill),
        "temp_file_encryption": "true",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_unsigned_extensions": "false",
        "preserve_insertion_order": "true",
        "checkpoint_threshold": "256MB",
    }
    if threads is not None:
        config["threads"] = str(threads)
    if memory is not None:
        config["memory_limit"] = memory
    return config


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _name(identifier: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", identifier):
        raise InternalError(f"{identifier!r} is no table or column name.")
    return identifier

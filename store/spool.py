"""Sort more than fits in memory: JSON values under a key, put in any order, taken back grouped.

The values live in DuckDB's in-memory database, which spills to encrypted files in the workspace (DESIGN.md, promises
3 and 9), so connectors can join a comments file with a tickets file without holding either.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
import polars as pl

from store.frames import as_arrow

if TYPE_CHECKING:
    import duckdb

ROWS_PER_WRITE = 20_000
BYTES_PER_WRITE = 16 * 1024 * 1024
ROWS_PER_READ = 500
"""Values may be whole conversations, so neither side holds many of them at once."""


class Spool:
    """Collect (key, value) pairs and give them back by key, in the order put, keys in text order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection.cursor()
        self._table = f"memory.main.spool_{uuid4().hex}"
        self._connection.execute(f"CREATE TABLE {self._table} (key VARCHAR, n BIGINT, value BLOB)")
        self._rows: list[tuple[str, int, bytes]] = []
        self._count = 0
        self._held = 0

    def another(self) -> Spool:
        """Open an empty one beside it, for a join in two steps."""
        return Spool(self._connection)

    def put(self, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Add one JSON value under a key."""
        written = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        self._rows.append((key, self._count, written))
        self._count += 1
        self._held += len(written)
        if len(self._rows) >= ROWS_PER_WRITE or self._held >= BYTES_PER_WRITE:
            self._write()

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Give each key with its values, in the order they were put; then drop the spool."""
        self._write()
        for key, rows in groupby(self._sorted_rows(), key=itemgetter(0)):
            yield key, [orjson.loads(value) for _, value in rows]
        self.close()

    def close(self) -> None:
        """Forget everything that was put."""
        self._rows.clear()
        self._connection.execute(f"DROP TABLE IF EXISTS {self._table}")

    def _sorted_rows(self) -> Iterator[tuple[str, bytes]]:
        reader = self._connection.cursor()
        reader.execute(f"SELECT key, value FROM {self._table} ORDER BY key, n")
        while rows := reader.fetchmany(ROWS_PER_READ):
            yield from rows

    def _write(self) -> None:
        if not self._rows:
            return
        frame = pl.DataFrame(self._rows, schema={"key": pl.String, "n": pl.Int64, "value": pl.Binary}, orient="row")
        self._rows.clear()
        self._held = 0
        self._connection.register("spooling", as_arrow(frame))
        self._connection.execute(f"INSERT INTO {self._table} SELECT * FROM spooling")
        self._connection.unregister("spooling")

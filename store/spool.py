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
from zlib import crc32

import orjson
import polars as pl

from store.frames import as_arrow

if TYPE_CHECKING:
    import duckdb

ROWS_PER_WRITE = 20_000
BYTES_PER_WRITE = 16 * 1024 * 1024
ROWS_PER_READ = 500  # values may be whole conversations, so neither side holds many of them at once
PARTS = 32  # each is sorted by itself: a sort takes a multiple of what it sorts, and beside the loading little is left
BORDER = "\x1f"  # what stands before it in a key keeps keys together

Row = tuple[int, str, int, bytes]


class Spool:
    """Collect (key, value) pairs and give them back by key, in the order put.

    Keys that are the same up to a unit separator (U+001F) come one after the other, in text order. What fits into
    memory comes in text order altogether, and never reaches the database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection.cursor()
        self._name = f"memory.main.spool_{uuid4().hex}"
        self._tables: set[int] = set()
        self._rows: list[Row] = []
        self._count = 0
        self._held = 0

    def another(self) -> Spool:
        """Open an empty one beside it, for a join in two steps."""
        return Spool(self._connection)

    def put(self, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Add one JSON value under a key."""
        written = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        part = crc32(key.partition(BORDER)[0].encode("utf-8", "surrogatepass")) % PARTS
        self._rows.append((part, key, self._count, written))
        self._count += 1
        self._held += len(written)
        if len(self._rows) >= ROWS_PER_WRITE or self._held >= BYTES_PER_WRITE:
            self._write()

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Give each key with its values, in the order they were put; then drop the spool."""
        if self._tables:
            self._write()
        for key, rows in groupby(self._sorted_rows(), key=itemgetter(0)):
            yield key, [orjson.loads(value) for _, value in rows]
        self.close()

    def close(self) -> None:
        """Forget everything that was put."""
        self._rows.clear()
        for part in sorted(self._tables):
            self._drop(part)

    def _sorted_rows(self) -> Iterator[tuple[str, bytes]]:
        if not self._tables:
            yield from ((key, value) for _, key, _, value in sorted(self._rows, key=itemgetter(1, 2)))
        for part in sorted(self._tables):
            reader = self._connection.cursor()
            reader.execute(f"SELECT key, value FROM {self._name}_{part} ORDER BY key, n")
            while rows := reader.fetchmany(ROWS_PER_READ):
                yield from rows
            self._drop(part)

    def _drop(self, part: int) -> None:
        self._connection.execute(f"DROP TABLE {self._name}_{part}")
        self._tables.discard(part)

    def _write(self) -> None:
        schema = {"part": pl.Int8, "key": pl.String, "n": pl.Int64, "value": pl.Binary}
        frame = pl.DataFrame(self._rows, schema=schema, orient="row")
        self._rows.clear()
        self._held = 0
        for (part,), rows in frame.partition_by("part", as_dict=True, include_key=False).items():
            if part not in self._tables:
                self._connection.execute(f"CREATE TABLE {self._name}_{part} (key VARCHAR, n BIGINT, value BLOB)")
                self._tables.add(int(part))
            self._connection.register("spooling", as_arrow(rows))
            self._connection.execute(f"INSERT INTO {self._name}_{part} SELECT * FROM spooling")
            self._connection.unregister("spooling")

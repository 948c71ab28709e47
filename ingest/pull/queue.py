"""What a pull remembers, in the encrypted store: its position, what is listed, and what is fetched but not read yet.

A page of the list and the position behind it are written in one transaction, and so is each conversation; whenever the
process ends, the next one goes on from there, and nothing is lost or asked for twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from ingest.keys import to_json
from ingest.pull.source import Json, Listed, Page
from ingest.rows import TIME
from ingest.times import parse
from store.database import Store

LINES_PER_READ = 500


@dataclass(frozen=True, slots=True)
class Position:
    """Where the list goes on; `is_complete` tells that what is in the queue needs nothing of the next page."""

    since: datetime | None
    place: Json
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """One account's pull. `account` is the source's, `key_account` the workspace's name for it in keys."""

    store: Store
    source: str
    account: str
    key_account: str

    def position(self) -> Position | None:
        """Give where the last pull got to."""
        rows = self.store.rows(
            "SELECT since, place, is_complete FROM pulls WHERE source = ? AND account = ?", self._whose
        )
        return Position(rows[0][0], orjson.loads(rows[0][1]), rows[0][2]) if rows else None

    def others(self) -> list[str]:
        """Name the source's other accounts that this workspace pulled."""
        rows = self.store.rows("SELECT account FROM pulls WHERE source = ? AND account <> ?", self._whose)
        return sorted(account for (account,) in rows)

    def move(self, position: Position) -> None:
        """Note where the list goes on; what is queued stays."""
        row = {
            "source": [self.source], "account": [self.account], "since": [position.since],
            "place": [to_json(position.place)], "is_complete": [position.is_complete],
        }  # fmt: skip
        self.store.replace("pulls", pl.DataFrame(row, schema_overrides={"since": TIME}), keys=("source", "account"))

    def add(self, page: Page, since: datetime | None) -> int:
        """Queue what a page lists and is not stored in that version, and move behind it; say how many that was."""
        due = self._due(page.items)
        with self.store.transaction():
            if due:
                self.store.replace("pulled", self._rows(due), keys=("source", "account", "item_id"))
            self.move(Position(since, page.position, page.is_complete))
        return len(due)

    def next_to_fetch(self) -> tuple[str, str, Json] | None:
        """Give the item id, part and record of what was listed first and is not fetched."""
        rows = self.store.rows(
            "SELECT item_id, part, record FROM pulled WHERE source = ? AND account = ? AND NOT is_fetched "
            "ORDER BY number LIMIT 1", self._whose,
        )  # fmt: skip
        return (rows[0][0], rows[0][1], orjson.loads(rows[0][2])) if rows else None

    def keep(self, item_id: str, lines: list[Json]) -> None:
        """Note that something is fetched: the lines of its file."""
        text = "".join(to_json(line) + "\n" for line in lines)
        self.store.execute(
            "UPDATE pulled SET is_fetched = true, content = ? WHERE source = ? AND account = ? AND item_id = ?",
            [text, *self._whose, item_id],
        )

    def drop(self, item_id: str) -> None:
        """Forget something that is not there to be fetched."""
        self.store.execute(
            "DELETE FROM pulled WHERE source = ? AND account = ? AND item_id = ?", [*self._whose, item_id]
        )

    def fetched(self) -> int:
        """Say how much is fetched and waits to be read."""
        return self.store.value(
            "SELECT count(*) FROM pulled WHERE source = ? AND account = ? AND is_fetched", self._whose
        )

    def parts(self) -> list[str]:
        """Name the parts of what is fetched."""
        rows = self.store.rows(
            "SELECT part FROM pulled WHERE source = ? AND account = ? AND is_fetched GROUP BY part ORDER BY part",
            self._whose,
        )
        return [part for (part,) in rows]

    def content(self, part: str) -> Iterator[bytes]:
        """Give a part's lines, in the order listed, without holding them all."""
        after = -1
        while rows := self.store.rows(
            "SELECT number, content FROM pulled WHERE source = ? AND account = ? AND is_fetched AND part = ? "
            "AND number > ? ORDER BY number LIMIT ?", [*self._whose, part, after, LINES_PER_READ],
        ):  # fmt: skip
            yield "".join(content for _, content in rows).encode()
            after = rows[-1][0]

    def clear(self) -> None:
        """Forget what was fetched, once it is read into the store's own tables."""
        self.store.execute("DELETE FROM pulled WHERE source = ? AND account = ? AND is_fetched", self._whose)

    @property
    def _whose(self) -> list[Any]:
        return [self.source, self.account]

    def _due(self, items: tuple[Listed, ...]) -> list[Listed]:
        """Leave out what is stored, or queued, in the version listed or a later one."""
        latest: dict[str, tuple[Listed, datetime | None]] = {}
        for item in items:
            at, before = parse(item.version).at, latest.get(item.item_id)
            if before is None or before[1] is None or (at is not None and at > before[1]):
                latest[item.item_id] = (item, at)
        listed = {"item_id": list(latest), "changed": [at for _, at in latest.values()]}
        with self.store.scratch(listed=pl.DataFrame(listed, schema={"item_id": pl.String, "changed": TIME})):
            known = self.store.rows(
                "SELECT item_id FROM listed JOIN conversations AS c ON c.external_id = item_id "
                "WHERE c.connector = ? AND c.account = ? AND c.completeness = 'complete' AND c.updated_at >= changed "
                "UNION ALL SELECT item_id FROM listed JOIN pulled USING (item_id) "
                "WHERE source = ? AND pulled.account = ? AND version >= changed",
                [self.source, self.key_account, *self._whose],
            )
        stored = {item_id for (item_id,) in known}
        return [item for item_id, (item, _) in latest.items() if item_id not in stored]

    def _rows(self, due: list[Listed]) -> pl.DataFrame:
        first = self.store.value("SELECT coalesce(max(number) + 1, 0) FROM pulled")
        return pl.DataFrame(
            {
                "source": self.source, "account": self.account, "number": range(first, first + len(due)),
                "item_id": [item.item_id for item in due], "part": [item.part for item in due],
                "version": [parse(item.version).at for item in due],
                "record": [to_json(item.record) for item in due], "is_fetched": [item.is_whole for item in due],
                "content": [to_json(item.record) + "\n" if item.is_whole else None for item in due],
            },
            schema_overrides={"version": TIME, "number": pl.Int64, "content": pl.String},
        )  # fmt: skip

"""Where things stand: every batch, and what comes next on the way from an export to a job."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from curate.audit.summary import audit_figures
from curate.review.queue import OPEN, counts
from store.database import Store

BATCHES_SHOWN = 20
COUNTED_EVERY = 10.0
"""Seconds between two counts while something goes on."""

BATCHES = """
SELECT b.batch_id, b.source_uri, b.connector, b.status, b.started_at, b.conversations, b.turns, b.rejects,
       count(c.conversation_key) AS stored, count(*) FILTER (o.verdict = 'keep') AS kept,
       count(*) FILTER (o.verdict = 'drop') AS dropped, count(*) FILTER (o.verdict = 'quarantine') AS held,
       count(c.conversation_key) FILTER (o.verdict IS NULL) AS new
FROM (SELECT * FROM batches ORDER BY started_at DESC, batch_id LIMIT ?) AS b
LEFT JOIN conversations AS c USING (batch_id)
LEFT JOIN outcomes AS o USING (conversation_key)
GROUP BY ALL ORDER BY b.started_at DESC, b.batch_id
"""
TOTALS = """
SELECT count(*), count(*) FILTER (o.verdict = 'keep'), count(*) FILTER (o.verdict IS NULL)
FROM conversations LEFT JOIN outcomes AS o USING (conversation_key)
"""
# What the figures depend on: every stage's run ends with a row here, and a load with a row in batches.
STATE = """
SELECT (SELECT max(coalesce(finished_at, started_at)) FROM runs), (SELECT count(*) FROM runs),
       (SELECT max(coalesce(finished_at, started_at)) FROM batches)
"""


@dataclass(frozen=True, slots=True)
class BatchStanding:
    """One batch, how far it came, and what it needs next."""

    batch_id: str
    name: str
    connector: str
    status: str
    started_at: datetime
    read: int
    turns: int
    rejects: int
    stored: int
    kept: int
    dropped: int
    held: int
    new: int

    @property
    def next(self) -> str:
        """Say what it needs: read, curate, review or nothing."""
        if self.status == "running":
            return "read"
        if self.status == "failed" or not self.stored:
            return "nothing"
        return "curate" if self.new else "review"


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything the home page shows of the store."""

    conversations: int
    kept: int
    new: int
    batches: tuple[BatchStanding, ...]
    undecided: int
    audited: str | None
    dataset: tuple[str, datetime] | None
    job: tuple[str, str, datetime] | None


@dataclass(frozen=True, slots=True)
class _Counted:
    state: tuple[Any, ...]
    totals: tuple[int, int, int]
    batches: tuple[BatchStanding, ...]


@dataclass(slots=True)
class Standings:
    """Give the standing without counting a million outcomes for every page.

    They are counted when a task ends (`count`). Where something else changed them, the page shows the old figures and
    they are counted beside it.
    """

    _counting: threading.Lock = field(default_factory=threading.Lock)
    _counted: _Counted | None = None
    _at: float = 0.0

    def count(self, store: Store) -> _Counted:
        """Count anew, one after the other."""
        with self._counting:
            state = store.rows(STATE)[0]
            if self._counted is None or state != self._counted.state:
                batches = tuple(_batch(row) for row in store.rows(BATCHES, [BATCHES_SHOWN]))
                read, kept, new = store.rows(TOTALS)[0]
                self._counted = _Counted(state, (read, kept, new), batches)
            self._at = time.monotonic()
            return self._counted

    def now(self, store: Store) -> Standing:
        """Say where things stand."""
        counted = self._counted or self.count(store)
        if time.monotonic() - self._at > COUNTED_EVERY and counted.state != store.rows(STATE)[0]:
            self._at = time.monotonic()
            threading.Thread(target=self._count_beside, args=(store.another(),), daemon=True).start()
        audit = audit_figures(store)
        return Standing(
            *counted.totals,
            batches=counted.batches,
            undecided=counts(store).get(OPEN, 0),
            audited=None if audit is None else str(audit["made_at"]),
            dataset=_first(store, "SELECT dataset_id, created_at FROM datasets ORDER BY created_at DESC LIMIT 1"),
            job=_first(store, "SELECT model, status, created_at FROM jobs ORDER BY created_at DESC LIMIT 1"),
        )

    def _count_beside(self, store: Store) -> None:
        with store:
            self.count(store)


def _batch(row: tuple[Any, ...]) -> BatchStanding:
    batch_id, uri, *rest = row
    return BatchStanding(batch_id, short_name(uri), *rest)


def short_name(uri: str) -> str:
    """Name a file or archive member without the folders above it, or the drop that it came in."""
    outer, _, member = uri.partition("!")
    name = outer.rstrip("/").rpartition("/")[2]
    return f"{name}: {member}" if member else name


def _first(store: Store, sql: str) -> Any:  # noqa: ANN401 - a row as the query has it, or None
    rows = store.rows(sql)
    return rows[0] if rows else None

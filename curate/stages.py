"""How every stage of curation goes: find what is due, work through it page by page, commit each page as a whole.

A conversation is due for a stage when no row of `processed` has its content hash and the stage's version. A page's
results and its `processed` rows are one transaction, so a kill at any moment loses a page's work and nothing else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import polars as pl

from store.database import Store
from store.ledger import Run, run
from store.progress import Progress, Task, silent
from store.settings import Settings
from store.workers import Workers
from store.workspace import Workspace

QUARANTINED = pl.Schema({"conversation_key": pl.String, "code": pl.String, "detail": pl.String})
PAGE = 2000

DUE = """
SELECT c.conversation_key, c.content_hash
FROM conversations AS c
ANTI JOIN (SELECT * FROM processed WHERE stage = ? AND version = ?) AS p
  ON p.conversation_key = c.conversation_key AND p.content_hash = c.content_hash
"""
# What was stored together is worked on together, for its turns stand between two rows that are not far apart.
PAGES = f"""
SELECT due.conversation_key, due.content_hash, stored.first_row, stored.last_row
FROM ({DUE}) AS due
LEFT JOIN (
    SELECT conversation_key, min(rowid) AS first_row, max(rowid) AS last_row FROM turns GROUP BY conversation_key
) AS stored USING (conversation_key)
ORDER BY stored.first_row, due.conversation_key
"""


@dataclass(frozen=True, slots=True)
class Curation:
    """What every stage is given."""

    store: Store
    workspace: Workspace
    workers: Workers
    progress: Progress = silent

    @property
    def settings(self) -> Settings:
        """The workspace's settings."""
        return self.workspace.settings


@dataclass(frozen=True, slots=True)
class PageResult:
    """What a stage found out about a page of conversations: rows by table, and who must not go on."""

    frames: dict[str, pl.DataFrame]
    quarantined: pl.DataFrame = field(default_factory=QUARANTINED.to_frame)


def run_stage(
    curation: Curation,
    *,
    name: str,
    version: str,
    work: Callable[[pl.DataFrame], PageResult],
    tables: tuple[str, ...] = (),
    signals: tuple[str, ...] = (),
    page: int = PAGE,
) -> Counter[str]:
    """Work through what is due for a stage and give the run's counts; no run is recorded where nothing is due.

    `work` takes a page (conversation_key, content_hash, first_row, last_row) and gives its rows, without run_id. Rows
    that these conversations already have in `tables`, or in the signals table under `signals`, are replaced.
    """
    return run_spread(
        curation,
        name=name,
        version=version,
        spread=lambda pages: map(work, pages),
        tables=tables,
        signals=signals,
        page=page,
    )


def run_spread(
    curation: Curation,
    *,
    name: str,
    version: str,
    spread: Callable[[Iterator[pl.DataFrame]], Iterator[PageResult]],
    tables: tuple[str, ...] = (),
    signals: tuple[str, ...] = (),
    page: int = PAGE,
    position: Mapping[str, Any] = MappingProxyType({}),
) -> Counter[str]:
    """Work as `run_stage`, where `spread` takes the pages and gives their results in the same order.

    It may take some pages before it gives the first result, so that workers compute while this process reads. What
    `position` says is kept with the run.
    """
    store = curation.store
    due = store.value(f"SELECT count(*) FROM ({DUE})", [name, version])
    if not due:
        return Counter()
    label = f"curate: {name}"
    with (
        run(store, name, inputs={"due": due}, versions={name: version}) as this,
        curation.progress.task(label, due) as task,
    ):
        this.position.update(position)
        outdated = _outdated(store, name, version, tables, signals)
        waiting: deque[pl.DataFrame] = deque()
        for result in spread(_noted(store.pages(PAGES, [name, version], size=page), waiting)):
            keys = waiting.popleft()
            _finish_page(store, this, version, keys, result, outdated)
            _count(this, keys, task)
    return this.counts


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a table that a stage has written, told by a condition."""

    table: str
    condition: str
    params: tuple[object, ...] = ()

    def are_of_any(self, store: Store, conversations: str, params: Sequence[object]) -> bool:
        """Say whether one of the conversations that a query gives has such rows."""
        found = f"SELECT 1 FROM {self.table} AS old SEMI JOIN ({conversations}) USING (conversation_key)"
        return bool(store.rows(f"{found} WHERE {self.condition} LIMIT 1", [*params, *self.params]))

    def delete(self, store: Store) -> None:
        """Delete those of the conversations in `finished`."""
        store.execute(
            f"DELETE FROM {self.table} AS old USING finished AS f "
            f"WHERE old.conversation_key = f.conversation_key AND {self.condition}",
            list(self.params),
        )


def _outdated(store: Store, name: str, version: str, tables: tuple[str, ...], signals: tuple[str, ...]) -> list[_Rows]:
    """Give what earlier runs have written of what is due: mostly nothing, and looking for it takes a pass a page."""
    written = [
        *(_Rows(table, "true") for table in tables),
        _Rows("signals", "list_contains(?, old.signal)", (list(signals),)),
        _Rows("processed", "old.stage = ?", (name,)),
    ]
    return [rows for rows in written if rows.are_of_any(store, DUE, [name, version])]


def turn_rows(page: pl.DataFrame) -> list[int]:
    """Give the first and the last row of `turns` between which a page's turns stand; of any page, where it says it."""
    if "first_row" not in page.columns or page["first_row"].null_count() == page.height:
        return [0, 2**62]
    return [int(page["first_row"].min()), int(page["last_row"].max())]  # pyright: ignore[reportArgumentType]


def _noted(pages: Iterator[pl.DataFrame], waiting: deque[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    for page in pages:
        waiting.append(page)
        yield page


def _finish_page(
    store: Store, this: Run, version: str, keys: pl.DataFrame, result: PageResult, outdated: list[_Rows]
) -> None:
    this.count("quarantined", result.quarantined.height)
    done = keys.join(result.quarantined, on="conversation_key", how="left").select(
        pl.lit(this.stage).alias("stage"),
        "conversation_key",
        "content_hash",
        pl.lit(version).alias("version"),
        pl.when(pl.col("code").is_null()).then(pl.lit("ok")).otherwise(pl.lit("quarantine")).alias("status"),
        "code",
        "detail",
        pl.lit(this.run_id).alias("run_id"),
    )
    with store.transaction(), store.scratch(finished=keys):
        for rows in outdated:
            rows.delete(store)
        for table, frame in result.frames.items():
            this.count(table, frame.height)
            store.append(table, frame.with_columns(pl.lit(this.run_id).alias("run_id")))
        store.append("processed", done)


def _count(this: Run, keys: pl.DataFrame, task: Task) -> None:
    this.count("conversations", keys.height)
    task.advance(keys.height)

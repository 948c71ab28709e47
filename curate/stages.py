"""How every stage of curation goes: find what is due, work through it page by page, commit each page as a whole.

A conversation is due for a stage when no row of `processed` has its content hash and the stage's version. A page's
results and its `processed` rows are one transaction, so a kill at any moment loses a page's work and nothing else.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

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
ORDER BY c.conversation_key
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
    threads: int = 1,
) -> Counter[str]:
    """Work through what is due for a stage and give the run's counts; no run is recorded where nothing is due.

    `work` takes a page (conversation_key, content_hash) and gives its rows, without run_id. Rows that these
    conversations already have in `tables`, or in the signals table under `signals`, are replaced. With several
    `threads`, which serves work that is done outside of Python, `work` runs in them and reads a store of its own.
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
        size = min(page, -(-due // threads))
        for keys, result in _worked(work, store.pages(DUE, [name, version], size=size), threads):
            _finish_page(store, this, version, keys, result, tables, signals)
            _count(this, keys, task)
    return this.counts


def _worked(
    work: Callable[[pl.DataFrame], PageResult], pages: Iterator[pl.DataFrame], threads: int
) -> Iterator[tuple[pl.DataFrame, PageResult]]:
    """Work on pages, in their order; in threads, one page more than there are threads is under way."""
    if threads == 1:
        yield from ((keys, work(keys)) for keys in pages)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[tuple[pl.DataFrame, Future[PageResult]]] = deque()
        for keys in pages:
            waiting.append((keys, pool.submit(work, keys)))
            if len(waiting) > threads:
                first, result = waiting.popleft()
                yield first, result.result()
        for keys, result in waiting:
            yield keys, result.result()


def _finish_page(
    store: Store,
    this: Run,
    version: str,
    keys: pl.DataFrame,
    result: PageResult,
    tables: tuple[str, ...],
    signals: tuple[str, ...],
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
        for table in tables:
            store.execute(
                f"DELETE FROM {table} AS old USING finished AS f WHERE old.conversation_key = f.conversation_key"
            )
        if signals:
            store.execute(
                "DELETE FROM signals AS old USING finished AS f "
                "WHERE old.conversation_key = f.conversation_key AND list_contains(?, old.signal)",
                [list(signals)],
            )
        for table, frame in result.frames.items():
            this.count(table, frame.height)
            store.append(table, frame.with_columns(pl.lit(this.run_id).alias("run_id")))
        store.replace("processed", done, keys=("stage", "conversation_key"))


def _count(this: Run, keys: pl.DataFrame, task: Task) -> None:
    this.count("conversations", keys.height)
    task.advance(keys.height)

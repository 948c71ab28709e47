"""Texts to compare, held in the database's memory, which spills to encrypted files: read in pages, and by place."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl

from curate.dedup.signing import Indexes, Scheme, Signed, sign
from store.database import Store
from store.progress import Progress
from store.workers import Workers

PAGE = 2000
FETCHED = 16_000
TABLE = "memory.main.compared"

# Give the texts of some rows, whose column `owner` rises from text to text; stands at the top of a module, as worker
# processes call it.
Render = Callable[[pl.DataFrame], list[str]]


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows of which `render` makes texts, one of each row or group of rows; a text's place, from 0, is its index."""

    store: Store
    columns: tuple[str, ...]
    render: Render
    limits: Indexes  # the first row of each text, and the end

    @property
    def count(self) -> int:
        """How many texts there are."""
        return self.limits.size - 1

    def pages(self) -> Iterator[pl.DataFrame]:
        """Give all rows, those of some texts at a time, with their text's place in the page as `owner`."""
        for first in range(0, self.count, PAGE):
            limits = self.limits[first : first + PAGE + 1]
            rows = self.store.frame(
                f"SELECT {', '.join(self.columns)} FROM {TABLE} WHERE rowid >= ? AND rowid < ? ORDER BY rowid",
                [int(limits[0]), int(limits[-1])],
            )
            yield rows.with_columns(owner=np.repeat(np.arange(limits.size - 1), np.diff(limits)))

    def fetch(self, indexes: Indexes) -> Iterator[list[str]]:
        """Give the texts at these indexes, which rise, some at a time."""
        for first in range(0, len(indexes), FETCHED):
            some = indexes[first : first + FETCHED]
            counts = self.limits[some + 1] - self.limits[some]
            rows = np.repeat(self.limits[some] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            found = self._rows(rows, *self.columns)
            yield self.render(found.with_columns(owner=np.repeat(np.arange(some.size), counts)))

    def firsts(self, indexes: Indexes, *columns: str) -> pl.DataFrame:
        """Give columns of the first row of each of these texts, whose indexes rise, with their index."""
        return self._rows(self.limits[indexes], *columns).with_columns(index=indexes)

    def _rows(self, rows: Indexes, *columns: str) -> pl.DataFrame:
        # The bounds let the database pass over all that lies before and behind, which a join alone does not.
        with self.store.scratch(wanted=pl.DataFrame({"row": rows})):
            return self.store.frame(
                f"SELECT {', '.join(columns)} FROM {TABLE} AS c JOIN wanted AS w ON c.rowid = w.row "
                "WHERE c.rowid >= ? AND c.rowid <= ? ORDER BY w.row",
                [int(rows[0]), int(rows[-1])] if rows.size else [0, -1],
            )


@contextmanager
def compared(
    store: Store, sql: str, *, columns: tuple[str, ...], render: Render, group: str | None = None
) -> Generator[Texts]:
    """Keep a query's rows for as long as the context lasts; rows of one `group` stand together and are one text."""
    store.execute(f"CREATE TABLE {TABLE} AS {sql}")
    try:
        count = store.value(f"SELECT count(*) FROM {TABLE}")
        limits = np.arange(count + 1)
        if group is not None:
            starts = store.frame(f"SELECT min(rowid) AS start FROM {TABLE} GROUP BY {group} ORDER BY start")["start"]
            limits = np.append(starts.to_numpy(), count)
        yield Texts(store, columns, render, limits)
    finally:
        store.execute(f"DROP TABLE {TABLE}")


def signed_texts(texts: Texts, scheme: Scheme, *, workers: Workers, progress: Progress, label: str) -> Signed:
    """Sign all texts, in worker processes."""
    signed = Signed.empty(texts.count, scheme)
    done = 0
    with progress.task(label, texts.count) as task:
        for part in workers.map(_sign_page, ((page, texts.render, scheme) for page in texts.pages())):
            signed.put(done, part)
            done += len(part.sizes)
            task.advance(len(part.sizes))
    return signed


def _sign_page(item: tuple[pl.DataFrame, Render, Scheme]) -> Signed:
    rows, render, scheme = item
    return sign(render(rows), scheme)

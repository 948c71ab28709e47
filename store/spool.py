"""Sort more than fits in memory: JSON values under a key, put in any order, taken back grouped.

What does not fit is written to a file of the workspace that has no name, sealed with a key that is never written
(DESIGN.md, promises 3 and 9), so connectors can join a comments file with a tickets file without holding either. It is
a merge of sorted runs, as in Knuth, The Art of Computer Programming, volume 3, section 5.4.1.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ROWS_PER_RUN = 50_000
BYTES_PER_RUN = 16 * 1024 * 1024
BYTES_PER_PAGE = 64 * 1024
"""One page of every run is held while they are merged: 8 MB for two gigabytes."""

NONCE_BYTES = 12

Row = tuple[str, bytes]
Page = tuple[int, int, int]
"""Its number, where it starts in the file, and how long it is."""


class Spool:
    """Collect (key, value) pairs and give them back by key in text order, a key's values in the order put."""

    def __init__(self, folder: Path) -> None:
        """Write to the folder what does not fit in memory; it is made when it is needed."""
        self._folder = folder
        self._rows: list[Row] = []
        self._held = 0
        self._runs: list[list[Page]] = []
        self._file: _SealedFile | None = None

    def another(self) -> Spool:
        """Open an empty one beside it, for a join in two steps."""
        return Spool(self._folder)

    def put(self, key: str, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Add one JSON value under a key."""
        # orjson leaves its buffer of kilobytes behind what it writes; a copy is as long as it is.
        written = memoryview(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)).tobytes()
        self._rows.append((key, written))
        self._held += len(written)
        if len(self._rows) >= ROWS_PER_RUN or self._held >= BYTES_PER_RUN:
            self._write()

    def groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Give each key with its values, in the order they were put; then forget everything."""
        # Of equal keys both sort and merge give the earlier first.
        last = sorted(self._rows, key=itemgetter(0))
        self._rows.clear()
        rows = merge(*map(self._read, self._runs), last, key=itemgetter(0)) if self._runs else iter(last)
        for key, group in groupby(rows, key=itemgetter(0)):
            yield key, [orjson.loads(value) for _, value in group]
        self.close()

    def close(self) -> None:
        """Forget everything that was put."""
        self._rows.clear()
        self._runs.clear()
        self._held = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self) -> None:
        """Write what is held as a sorted run."""
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = _SealedFile(self._folder)
        self._rows.sort(key=itemgetter(0))
        self._runs.append([self._file.write(rows) for rows in _pages(self._rows)])
        self._rows.clear()
        self._held = 0

    def _read(self, run: list[Page]) -> Iterator[Row]:
        for page in run:
            if self._file is not None:
                yield from self._file.read(page)


class _SealedFile:
    """A file without a name, so that a kill leaves nothing, whose pages are sealed with AES-GCM (NIST SP 800-38D)."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the spool
        self._cipher = AESGCM(os.urandom(32))
        self._count = 0
        self._end = 0

    def write(self, rows: list[Row]) -> Page:
        sealed = self._cipher.encrypt(_nonce(self._count), pickle.dumps(rows), None)
        page = (self._count, self._end, len(sealed))
        self._file.seek(self._end)
        self._file.write(sealed)
        self._count += 1
        self._end += len(sealed)
        return page

    def read(self, page: Page) -> list[Row]:
        number, start, length = page
        self._file.seek(start)
        plain = self._cipher.decrypt(_nonce(number), self._file.read(length), None)
        return pickle.loads(plain)  # noqa: S301 - the seal proves that this process wrote it

    def close(self) -> None:
        self._file.close()


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")


def _pages(rows: Iterable[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    size = 0
    for row in rows:
        page.append(row)
        size += len(row[0]) + len(row[1])
        if size >= BYTES_PER_PAGE:
            yield page
            page, size = [], 0
    if page:
        yield page

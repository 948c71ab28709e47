"""Spread work over processes: the parent reads and writes the store, workers only compute.

Results come back in the order of the items, so that nothing depends on the number of workers (promise 5).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from types import TracebackType
from typing import Self, TypeVar

from store.errors import ChatmillError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD_PER_WORKER = 3


class WorkerDied(ChatmillError):
    """Say that a worker process ended before its work was done: killed, or broken by what it read."""

    code = "CM-130"


class Workers:
    """A pool that starts at its first use; with one worker everything runs in this process."""

    def __init__(self, count: int = 0) -> None:
        """Take `count` processes; 0 takes one for each core."""
        self.count = count or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Give `function(item)` for every item, in order, with only a few items in flight at a time.

        The function must stand at the top of a module; what it needs loaded, it loads once for each process.

        Raises:
            WorkerDied: a worker was killed; what it had begun is lost, what was given is not.
        """
        if self.count == 1:
            yield from map(function, items)
            return
        try:
            yield from self._spread(function, items)
        except BrokenProcessPool as error:
            raise WorkerDied(
                "A worker process ended before its work was done; memory may have run out.",
                hint="Run the same command again; with fewer workers (workers in chatmill.toml) it takes less memory.",
            ) from error

    def _spread(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        pool = self._started()
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD_PER_WORKER * self.count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # spawn, not fork: a forked child would inherit the open store and DuckDB's threads.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.count, mp_context=context, initializer=_start_worker)
        return self._pool


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it: a worker whose parent was killed would wait for work for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # there is a process for each core
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)

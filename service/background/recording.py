"""Progress that the pages can read, and that stops the work when somebody cancels it."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from service.background.errors import Cancelled
from store.progress import Task


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the present piece of a task is; `rate` is in units a second, `left` in seconds, None where unknown."""

    label: str
    done: int
    total: int | None
    rate: float | None
    left: float | None


@dataclass(slots=True)
class Recorder:
    """Record how far the work is; every step of it is a place where it can be cancelled.

    Rooms commit in whole steps before they say that they advanced, so what is cancelled goes on from there.
    """

    cancelled: threading.Event = field(default_factory=threading.Event)
    _label: str = ""
    _total: int | None = None
    _done: int = 0
    _since: float = field(default_factory=time.monotonic)

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Generator[Task]:
        """Start a piece of work; one within another takes its place until the next begins."""
        self.check()
        self._label, self._total, self._done, self._since = label, total, 0, time.monotonic()
        yield self

    def advance(self, amount: int = 1) -> None:
        """Count units of the piece at hand.

        Raises:
            Cancelled: somebody asked for it.
        """
        self._done += amount
        self.check()

    def check(self) -> None:
        """Stop the work if somebody asked for it."""
        if self.cancelled.is_set():
            raise Cancelled("Stopped, as asked.", hint="Resume it: it goes on where it was.")

    def standing(self) -> Standing:
        """Say how far the work is."""
        seconds = time.monotonic() - self._since
        rate = self._done / seconds if self._done and seconds > 0 else None
        left = (self._total - self._done) / rate if rate and self._total and self._total >= self._done else None
        return Standing(self._label, self._done, self._total, rate, left)

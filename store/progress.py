"""How long work says how far it is, without any room knowing about terminals."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work."""

    def advance(self, amount: int = 1) -> None:
        """Say that so many more units are done."""
        ...


class Progress(Protocol):
    """Somebody who shows progress: the terminal, the web page, or nobody."""

    def task(self, label: str, total: int | None = None) -> AbstractContextManager[Task]:
        """Start a piece of work of `total` units (None: unknown), for as long as the context lasts."""
        ...


class _SilentTask:
    def advance(self, amount: int = 1) -> None:
        del amount


class _Silent:
    @contextmanager
    def task(self, label: str, total: int | None = None) -> Generator[Task]:
        del label, total
        yield _SilentTask()


silent: Progress = _Silent()

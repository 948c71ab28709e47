"""Speak to the terminal: results on stdout, everything else on stderr, colour and moving bars on terminals only."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.progress import Task as RichTask
from rich.table import Table
from rich.text import Text

from store.errors import ChatmillError
from store.progress import Progress, Task

WIDTH_OF_FILES = 160
"""How wide tables are where no terminal says how much room there is."""


def _rich(*, stderr: bool) -> RichConsole:
    console = RichConsole(stderr=stderr, soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = WIDTH_OF_FILES
    return console


@dataclass(slots=True)
class Console:
    """Where a command writes: with `json` one object on stdout, else words and tables."""

    json: bool = False
    out: RichConsole = field(default_factory=lambda: _rich(stderr=False))
    err: RichConsole = field(default_factory=lambda: _rich(stderr=True))

    def result(self, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Write the command's one JSON object, where JSON was asked for."""
        if self.json:
            sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")

    def say(self, text: str, *, style: str = "") -> None:
        """Write a line of the result for people."""
        if not self.json:
            self.out.print(Text(text, style=style))

    def note(self, text: str, *, style: str = "") -> None:
        """Write a line beside the result, on stderr."""
        self.err.print(Text(text, style=style))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table; columns whose name ends in # are numbers and stand to the right."""
        if self.json:
            return
        table = Table(title=title or None, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for column in columns:
            table.add_column(column.removesuffix("#"), justify="right" if column.endswith("#") else "left")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        self.out.print(table)

    def error(self, error: ChatmillError) -> None:
        """Say what went wrong and what to do next."""
        self.err.print(Text.assemble(("error ", "bold red"), (error.code, "red"), f"  {error.message}"))
        if error.hint:
            self.err.print(Text.assemble(("next  ", "bold"), error.hint))
        self.result({"error": {"code": error.code, "message": error.message, "hint": error.hint}})

    def progress(self) -> Progress:
        """Show progress on stderr: bars on a terminal, a line when a task ends elsewhere."""
        return _Bars(self.err) if self.err.is_terminal else _Lines(self.err)


class _Rate(ProgressColumn):
    """How many units a second."""

    def render(self, task: RichTask) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="progress.data.speed")


@dataclass(frozen=True, slots=True)
class _BarTask:
    bars: RichProgress
    task: TaskID

    def advance(self, amount: int = 1) -> None:
        self.bars.advance(self.task, amount)


@dataclass(frozen=True, slots=True)
class _Bars:
    console: RichConsole

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Generator[Task]:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn(),
            TimeRemainingColumn(),
        )  # fmt: skip
        with RichProgress(*columns, console=self.console) as bars:
            yield _BarTask(bars, bars.add_task(label, total=total))


@dataclass(slots=True)
class _LineTask:
    done: int = 0

    def advance(self, amount: int = 1) -> None:
        self.done += amount


WORTH_A_LINE = 0.2  # seconds; a folder of many small exports would otherwise fill the screen with what nobody waits for


@dataclass(frozen=True, slots=True)
class _Lines:
    console: RichConsole

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Generator[Task]:
        del total
        task, start = _LineTask(), time.perf_counter()
        yield task
        seconds = time.perf_counter() - start
        if seconds >= WORTH_A_LINE:
            self.console.print(Text(f"{label}: {task.done:,} in {seconds:.1f} s"))


def _cell(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)

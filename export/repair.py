"""Write a repaired copy of a training file beside it: each line as it is, mended, or left out, and all of it told.

A line that nothing is wrong with is copied byte for byte. A line that is still refused after mending is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import orjson

from export.errors import ExportError
from export.formats.examples import Sums, beginnings
from export.formats.lines import read_leniently, read_line
from export.formats.mending import mend
from export.formats.openai_rules import Problem, problems
from export.models import find
from export.preflight import BOM, WARNINGS
from export.tokens import Cost, TokenCounter
from store.progress import Task

TOO_LONG = "line.too_long"
READ = {
    "line.nan": "wrote null for NaN or Infinity",
    "line.surrogate": "wrote U+FFFD for half a character",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to a line of the file, counted from 1; what is left out is not in the repaired file."""

    line: int
    action: Literal["mended", "left out"]
    what: str


@dataclass(frozen=True, slots=True)
class Repaired:
    """The repaired file: how many lines were read and written, and what was done to which."""

    path: Path
    lines_read: int
    lines_written: int
    repairs: tuple[Repair, ...]


def repair_file(path: Path, out: Path, model: str, *, task: Task | None = None) -> Repaired:
    """Write a repaired copy of a file; the file itself is never touched.

    Raises:
        ExportError: there is something under the new name already.
    """
    if out.exists():
        raise ExportError(f"{out} is there already.", hint="A repair writes a new file: give another name.")
    desk = _Desk(TokenCounter(model), find(model).max_example_tokens)
    partial = out.with_name(f"{out.name}.partial")
    read = written = 0
    try:
        with path.open("rb") as source, partial.open("wb") as target:
            for read, raw in enumerate(source, start=1):
                line = desk.line(read, raw.removesuffix(b"\n").removesuffix(b"\r"))
                if line is not None:
                    target.write(line + b"\n")
                    written += 1
                if task is not None:
                    task.advance()
        partial.rename(out)
    finally:
        partial.unlink(missing_ok=True)
    return Repaired(out, read, written, tuple(desk.repairs))


@dataclass(slots=True)
class _Desk:
    """What one pass over a file remembers: the lines that are out, by hash, and what was done."""

    counter: TokenCounter
    limit: int
    seen: dict[bytes, int] = field(default_factory=dict[bytes, int])
    repairs: list[Repair] = field(default_factory=list[Repair])

    def line(self, number: int, line: bytes) -> bytes | None:
        """Give a line as it is to be written, or None where it is left out."""
        if number == 1 and line.startswith(BOM):
            line = line.removeprefix(BOM)
            self.repairs.append(Repair(number, "mended", "took out the byte order mark"))
        if not line.strip():
            return self._leave_out(number, "it is empty")
        mended, done = self._mended(line)
        if isinstance(mended, Problem):
            return self._leave_out(number, f"it cannot be mended: {mended.message}")
        self.repairs += [Repair(number, "mended", what) for what in done]
        first = self.seen.setdefault(blake2b(mended, digest_size=12).digest(), number)
        return mended if first == number else self._leave_out(number, f"it repeats line {first}")

    def _leave_out(self, number: int, why: str) -> None:
        self.repairs.append(Repair(number, "left out", why))

    def _mended(self, line: bytes) -> tuple[bytes | Problem, list[str]]:
        body, done = read_line(line), list[str]()
        if isinstance(body, Problem):
            body, problem = read_leniently(line)
            if not body:
                return problem, done
            done.append(READ[problem.code])
        if not done and not any(problems(body)) and self._fits(line, body):
            return line, done
        mended, steps = mend(body)
        if refused := next(_refused(mended), None):
            return refused, done
        if not (done or steps) and self._fits(line, body):
            return line, done  # what is wrong with it is only unwise
        fitted = self._fitted(mended)
        if fitted is None:
            return Problem(TOO_LONG, "Its last question and answer alone have too many tokens.", ""), done
        if len(fitted["messages"]) < len(mended["messages"]):
            steps.append("cut the oldest turns")
        return orjson.dumps(fitted), [*done, *steps]

    def _fits(self, line: bytes, body: Mapping[str, Any]) -> bool:
        # A token is a byte or more, so only long lines need counting.
        return len(line) <= self.limit or self.counter.example(body).total <= self.limit

    def _fitted(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Cut the oldest turns until the example fits, never its answer; None where it never does."""
        if self.counter.example(body).total <= self.limit:
            return body
        told: list[Mapping[str, Any]] = body["messages"]
        head = told[:1] if told[0]["role"] == "system" else []
        rest = told[len(head) :]
        fixed = Cost(sum(self.counter.message(one).words for one in head), self.counter.tools(body.get("tools")))
        sums, end = Sums.of(rest, fixed, self.counter), len(rest)
        for first in beginnings(rest, end - 1):
            if sums.fits(first, end, self.limit):
                return {**body, "messages": [*head, *rest[first:]]}
        return None


def _refused(body: Mapping[str, Any]) -> Iterator[Problem]:
    return (problem for problem in problems(body) if problem.code not in WARNINGS)

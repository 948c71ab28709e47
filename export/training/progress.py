"""How a training process tells how it goes: lines of JSON in a file, read by whoever started it, over restarts.

Kinds: note (words for people), plan (what will be done), metrics (figures of a step), checkpoint, end. No line holds
conversation text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

NAME = "progress.jsonl"


@dataclass(frozen=True, slots=True)
class Reports:
    """Append what happens to the file of a job's folder."""

    path: Path

    def tell(self, kind: str, **values: Any) -> None:  # noqa: ANN401 - any JSON value
        """Add a line; it is on the disk when this returns."""
        line = orjson.dumps({"kind": kind, **values}) + b"\n"
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)

    def mend(self) -> None:
        """End the half of a line that a kill may have left, so that the next stands alone."""
        raw = self.path.read_bytes()[-1:] if self.path.exists() else b""
        if raw not in (b"", b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")


def read_from(path: Path, offset: int) -> tuple[list[Mapping[str, Any]], int]:
    """Give the whole lines after an offset, and the offset behind them.

    Half a line waits for its end; one that never got it, because of a kill, is left out.
    """
    if not path.exists():
        return [], offset
    with path.open("rb") as file:
        file.seek(offset)
        raw = file.read()
    whole = raw[: raw.rfind(b"\n") + 1]
    lines: list[Mapping[str, Any]] = []
    for line in whole.splitlines():
        with suppress(orjson.JSONDecodeError):
            lines.append(orjson.loads(line))
    return lines, offset + len(whole)

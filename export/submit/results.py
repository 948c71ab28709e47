"""Read the figures of a training: from metrics events as they come, and from the result file at the end."""

from __future__ import annotations

import base64
import binascii
import csv
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import StringIO
from typing import Any

import orjson

from export.submit.provider import RemoteEvent

# OpenAI's result file and Azure's call the same figures differently; these are the names that events use.
ALIASES = {
    "train_accuracy": "train_mean_token_accuracy",
    "valid_accuracy": "valid_mean_token_accuracy",
    "validation_mean_token_accuracy": "valid_mean_token_accuracy",
    "validation_loss": "valid_loss",
}
NOT_FIGURES = frozenset({"step", "total_steps"})
Figure = tuple[int, str, float]  # step, name, value


def decode_result(raw: bytes) -> str:
    """Give a result file's CSV: OpenAI sends it as base64, Azure and older jobs as it is."""
    try:
        text = base64.b64decode(b"".join(raw.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return raw.decode("utf-8-sig", errors="replace")
    return text if text.lstrip("\ufeff").startswith("step") else raw.decode("utf-8-sig", errors="replace")


def figures_of_file(text: str) -> list[Figure]:
    """Read a result file's figures, CSV or JSON lines; blank cells and what is no number are left out."""
    told = text.lstrip("\ufeff")
    rows = _json_lines(told) if told.lstrip().startswith("{") else csv.DictReader(StringIO(told))
    return [figure for row in rows for figure in _figures(row)]


def figures_of_event(event: RemoteEvent) -> list[Figure]:
    """Read an event's figures; events of any other kind have none."""
    return list(_figures(event.data))


def _json_lines(text: str) -> Iterator[Mapping[str, Any]]:
    """Read JSON lines as Fireworks writes metrics; a line that is none is left out."""
    for line in text.splitlines():
        with suppress(orjson.JSONDecodeError):
            row = orjson.loads(line)
            if isinstance(row, dict):
                yield row


def _figures(row: Mapping[str, Any]) -> Iterator[Figure]:
    step = _number(row.get("step"))
    if step is None:
        return
    for name, given in row.items():
        value = _number(given)
        if value is not None and name not in NOT_FIGURES:
            yield int(step), ALIASES.get(name, name), value


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

"""Read the JSON lines that chatmill's filters take: {"id"?, "text"} or {"id"?, "turns": [{"role", "text"}]}."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from curate.errors import CurateError


@dataclass(frozen=True, slots=True)
class FilterLine:
    """One line: its id (else its number, from 1) and its turns as (role, text); a bare text has the role customer."""

    id: Any
    turns: tuple[tuple[str, str], ...]


def read_lines(lines: Iterable[str | bytes]) -> Iterator[FilterLine]:
    """Parse lines one by one; empty ones are passed over.

    Raises:
        CurateError: a line is no JSON object of either shape; its number is named, its text is not.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
            yield FilterLine(value.get("id", number), tuple(_turns(value)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CurateError(
                f"Line {number} is not of a shape that this filter reads.",
                hint='Give one JSON object a line: {"id", "text"} or {"id", "turns": [{"role", "text"}]}.',
            ) from None


def _turns(value: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "turns" not in value:
        yield "customer", _text(value["text"])
        return
    for turn in value["turns"]:
        yield str(turn.get("role") or turn.get("speaker") or "customer"), _text(turn["text"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value

"""Drop what overlapping pages and webhooks that were sent again say twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson

from ingest.records import Turn


def without_repeats(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Give each turn once; one that shares its id with an earlier one but says something else stands without the id."""
    seen: dict[str, str] = {}
    for turn in turns:
        if turn.external_id is None or turn.external_id not in seen:
            yield turn
        elif seen[turn.external_id] != turn.text:
            yield replace(turn, external_id=None)
        if turn.external_id is not None:
            seen.setdefault(turn.external_id, turn.text)


def distinct(rows: list[list[Any]]) -> list[list[Any]]:
    """Give each record of the spool once: a page that was saved twice repeats its records to the letter.

    Rows end in place, file and value, as `Found.row` writes them; what may stand before these belongs to the record.
    """
    if len(rows) < 2:
        return rows
    return list({_mark(row): row for row in reversed(rows)}.values())[::-1]


def _mark(row: list[Any]) -> bytes:
    return orjson.dumps([*row[:-3], row[-1]], option=orjson.OPT_NON_STR_KEYS)

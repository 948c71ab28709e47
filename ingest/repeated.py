"""Drop what overlapping pages and webhooks that were sent again say twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingest.records import Turn


def without_repeats(turns: Iterable[Turn]) -> Iterator[Turn]:
    """Give each turn once; one that shares its id with an earlier one but says something else stands without the id."""
    seen: dict[str, tuple[str, str | float | None]] = {}
    for turn in turns:
        said = (turn.text, turn.created_at)
        if turn.external_id is None or turn.external_id not in seen:
            yield turn
        elif seen[turn.external_id] != said:
            yield replace(turn, external_id=None)
        if turn.external_id is not None:
            seen.setdefault(turn.external_id, said)

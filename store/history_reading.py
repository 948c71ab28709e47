"""Read the history, the newest first, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from store.database import Store


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history; `number` tells lines of the same moment apart, in the order they were written."""

    number: int
    happened_at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any


def entries(
    store: Store, *, after: Sequence[Any] | None = None, limit: int = 100, actor: str = "", words: str = ""
) -> list[Entry]:
    """Give lines that come after a place (happened_at, number).

    `actor` is a whole name; `words` stand in the action or the subject, whatever the case of their letters.
    """
    tests, params = ["true"], list[Any]()
    if after is not None:
        tests.append("(happened_at, rowid) < (?, ?)")
        params += after
    if actor:
        tests.append("actor = ?")
        params.append(actor)
    if words:
        tests.append("(contains(lower(action), lower(?)) OR contains(lower(subject), lower(?)))")
        params += [words, words]
    rows = store.rows(
        "SELECT rowid, happened_at, actor, action, subject, before, after FROM history "
        f"WHERE {' AND '.join(tests)} ORDER BY happened_at DESC, rowid DESC LIMIT ?",
        [*params, limit],
    )
    return [Entry(*row[:5], *(None if one is None else orjson.loads(one) for one in row[5:])) for row in rows]


def actors(store: Store, limit: int = 200) -> list[str]:
    """Give who stands in the history, by name."""
    return [name for (name,) in store.rows("SELECT DISTINCT actor FROM history ORDER BY actor LIMIT ?", [limit])]

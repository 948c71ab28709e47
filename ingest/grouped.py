"""Bring together what several files, pages or webhooks say of one conversation, on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.found import Found
from ingest.records import Reject
from ingest.repeated import distinct
from store.spool import Spool


@dataclass(slots=True)
class Belonging:
    """A record, the key of the conversation it belongs to, and which part of it this is ("message", "rating").

    As with `Found`, being frozen would cost more than being made.
    """

    key: str
    part: str
    found: Found


def sort_in(
    records: Iterable[Found | Reject], spool: Spool, belonging: Callable[[Found], Iterable[Belonging | Reject]]
) -> Iterator[Reject]:
    """Put records where they belong, and give those that belong nowhere; one record may hold several."""
    for record in records:
        for one in [record] if isinstance(record, Reject) else belonging(record):
            if isinstance(one, Reject):
                yield one
            else:
                spool.put(one.key, [one.part, *one.found.row()])


def groups(spool: Spool) -> Iterator[tuple[str, list[tuple[Any, Found]]]]:
    """Give the keys with all that belongs to each, as (part, record); what a file says twice to the letter, once."""
    for key, rows in spool.groups():
        yield key, [(part, Found(*row)) for part, *row in distinct(rows)]

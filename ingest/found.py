"""A record as it stands in a file: its place, its file and its value, with what a reject of it has to say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ingest.json_stream import read_json
from ingest.keys import to_json
from ingest.records import Reject, RejectCode
from ingest.source import SourceFile

FIELD_NAME = re.compile(r"[A-Za-z_$][\w.$-]{0,39}")
"""A name that a format gives a field; anything else among the keys may be somebody's data."""

MOST_NAMES = 20


@dataclass(slots=True)
class Found:
    """One JSON value and where it stands; nobody changes one that is made.

    It is not frozen, because a frozen one takes three times as long to make, and every record and message has one.
    """

    place: str
    uri: str
    value: Any

    def reject(self, code: RejectCode, detail: str) -> Reject:
        """Say why it is left out; the value itself goes into the encrypted store only."""
        return Reject(self.place, code, detail, raw=to_json(self.value), source_uri=self.uri)

    def unknown(self, what: str) -> Reject:
        """Say that it is not what was expected, with its shape, so that a user can report it."""
        return self.reject("bad_record", f"{what}; it is {shape_of(self.value)}")

    def inner(self, place: str, value: Any) -> Found:  # noqa: ANN401 - any JSON value
        """Give something that stands within it."""
        return Found(f"{self.place} {place}", self.uri, value)

    def row(self) -> list[Any]:
        """Write it for the spool; `Found(*row)` reads it back."""
        return [self.place, self.uri, self.value]


def records_of(file: SourceFile, fields: Iterable[str] = ()) -> Iterator[Found | Reject]:
    """Give each JSON record of a file, as `ingest.json_stream.read_json` finds it."""
    uri = file.uri
    for placed in read_json(file, fields):
        yield placed if isinstance(placed, Reject) else Found(placed[0], uri, placed[1])


def shape_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Describe a value by its keys, never by what stands under them."""
    if not isinstance(value, dict):
        return {list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}.get(
            type(value), "null"
        )
    names = [name if FIELD_NAME.fullmatch(name) else "?" for name in sorted(value)]
    return f"an object with {', '.join(names[:MOST_NAMES]) or 'nothing'}{', ...' if names[MOST_NAMES:] else ''}"

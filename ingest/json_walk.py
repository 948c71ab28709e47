"""Read one huge JSON object as a stream: the items of lists deep within it, each with the path that leads there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ingest.json_cursor import BrokenError, Cursor, Decoded
from ingest.records import Reject
from ingest.source import SourceFile

Path = tuple[str | int, ...]
Inner = tuple[Path, str, Any]
"""The path to a value, its place, and the value."""


def walk_json(file: SourceFile, doors: Iterable[str], lists: Iterable[str]) -> Iterator[Inner | Reject]:
    """Give the items of lists deep within the file's objects, and the values beside them.

    `doors` names the objects and lists that are gone into, `lists` those whose items are given one by one; what stands
    under any other name is given whole. What is broken comes as a reject.
    """
    with file.open_utf8() as stream:
        yield from _Walker(Decoded(stream), file.uri).walk(frozenset(doors), frozenset(lists))


class _Walker(Cursor):
    """Go into the objects that are asked for."""

    def walk(self, doors: frozenset[str], lists: frozenset[str]) -> Iterator[Inner | Reject]:
        """Give what stands within every top-level value."""
        while opener := self._peek():
            if opener in "{[":
                yield from self._within(doors, lists, ())
            else:
                yield from (found if isinstance(found, Reject) else ((), *found) for found in self._record())
        yield from self._failed()

    def _within(self, doors: frozenset[str], lists: frozenset[str], path: Path) -> Iterator[Inner | Reject]:
        is_list, index = self._peek() == "[", 0
        self._position += 1
        while (following := self._peek()) not in ("}", "]", ""):
            if following == ",":
                self._position += 1
                continue
            try:
                name = index if is_list else self._name()
                index += 1
                opener = self._peek()
                if name in lists and opener == "[":
                    self._position += 1
                    for item in self._items():
                        yield item if isinstance(item, Reject) else ((*path, name), *item)
                elif opener in ("{", "[") and (is_list or name in doors):
                    yield from self._within(doors, lists, (*path, name))
                else:
                    yield (*path, name), f"record {self._count}", self._value()
            except BrokenError as broken:
                yield from self._skipped(broken)
                return
        if following == "":
            yield from self._cut_off("the file ends within an object")
        self._position += 1

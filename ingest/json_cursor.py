"""Read JSON values one after another from text that comes in chunks."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, Protocol

from ingest.encoding import is_damaged
from ingest.json_text import DECODER, parse_several, repaired
from ingest.records import Reject, RejectCode
from ingest.source import LINE_BYTES, RAW_CHARACTERS, Unreadable

Placed = tuple[str, Any]
"""A place ("line 12", "record 7") and the JSON value that stands there."""

CHUNK_CHARACTERS = 1024 * 1024

NEAR_END = 16
"""An error this close to the end of what has been read may be a cut-off number or escape: read more first."""

OWN_ID = "id"

SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
WHITE = " \t\r\n"
SPACE = re.compile(r"[ \t\r\n]*")
NEXT_OBJECT = re.compile(r"[}\],\n][ \t\r]*\{(?=[ \t\r\n]*\")")

MOST_TRIES = 5_000
"""How many objects are tried behind a broken record before what lies between is given up: hostile text is slow."""

SHARED_KEYS = 0.5
"""After a broken record, reading goes on at the next object that has half of the last good record's keys: one that
is nested in the broken record will not."""


def why_broken(error: ValueError | RecursionError) -> str:
    """Word a parser's complaint without the text it complains about."""
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({error.msg}), character {error.colno}"
    return "no JSON (nested too deeply, or a number too long)"


SCALAR = r"""(?:"(?:[^"\\]|\\.)*"|[^\s",{}\[\]]*)"""
TRIED_ENDS = 2
"""How many places, from the last one held, are tried as the end of several records."""

ENDS_WITHIN = 64 * 1024
"""Characters in which such places are looked for, before all that is held is searched."""


class BrokenError(Exception):
    """Say that no value could be read: why, and from where on the next one may be looked for."""

    def __init__(self, why: str, *, code: RejectCode, position: int) -> None:
        super().__init__(why)
        self.why = why
        self.code: RejectCode = code
        self.position = position


class _Readable(Protocol):
    def read(self, size: int, /) -> str: ...


class Decoded:
    """Read text piecewise, so that what stands before a damaged spot is not lost with it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream: Any = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def read(self, size: int) -> str:
        """Give some text, at most so many bytes of it; nothing at the end."""
        text = ""
        while not text:
            chunk = self._stream.read1(size)
            text = self._decoder.decode(chunk, final=not chunk)
            if not chunk:
                break
        return text


class Cursor:
    """Read values one after another from text that comes in chunks; what has been read is forgotten."""

    def __init__(self, stream: _Readable, uri: str) -> None:
        self._stream = stream
        self._uri = uri
        self._buffer = ""
        self._position = 0
        self._is_over = False
        self._failure: Unreadable | None = None
        self._is_cut_off = False
        self._count = 0
        self._keys: frozenset[str] = frozenset()
        self._opening: re.Pattern[str] | None = None
        self._slow_until = 0
        """Up to here the buffer holds what several records at once could not be read from."""

    def records(self, fields: tuple[str, ...]) -> Iterator[Placed | Reject]:
        """Give the records of every top-level value."""
        while self._peek():
            opener = self._peek()
            if opener == "[":
                self._position += 1
                yield from self._items()
            elif opener == "{" and fields:
                yield from self._members(fields)
            else:
                yield from self._record()
        yield from self._failed()

    def _failed(self) -> Iterator[Reject]:
        """Say why the stream could not be read to its end, unless a reject has said so."""
        if self._failure is not None and not (self._is_cut_off and self._failure.reject == "truncated"):
            yield self._reject(self._failure.reject, self._failure.message)

    def _items(self) -> Iterator[Placed | Reject]:
        """Give the items of an array, up to its end."""
        while (following := self._peek()) not in ("]", ""):
            if following == ",":
                self._position += 1
                continue
            if self._opening is not None and self._position >= self._slow_until:
                yield from self._several(self._opening)
            yield from self._record()
        if following == "":
            yield from self._cut_off("the file ends within a list")
        self._position += 1

    def _members(self, fields: tuple[str, ...]) -> Iterator[Placed | Reject]:
        """Give the items of the wanted lists of an object; an object that has none is a record itself."""
        opened, others = False, dict[str, Any]()
        self._position += 1
        while (following := self._peek()) not in ("}", ""):
            if following == ",":
                self._position += 1
                continue
            try:
                name = self._name()
                if name in fields and OWN_ID not in others and self._peek() == "[":
                    opened = True
                    self._position += 1
                    yield from self._items()
                else:
                    others[name] = self._value()
            except BrokenError as broken:
                yield from self._skipped(broken)
                return
        if following == "":
            yield from self._cut_off("the file ends within an object")
        elif not opened:
            self._count += 1
            yield f"record {self._count}", others
        self._position += 1

    def _record(self) -> Iterator[Placed | Reject]:
        try:
            value = self._value()
        except BrokenError as broken:
            yield from self._skipped(broken)
            return
        self._count += 1
        if isinstance(value, dict):
            self._keys = frozenset(value)
            self._opening = _opening(value)
        yield f"record {self._count}", value

    def _several(self, opening: re.Pattern[str]) -> Iterator[Placed]:
        """Give what stands before the last record that is held, parsed at once, which takes half the time.

        Where several values come out, they are what they would be one by one: text that ends within a value is none.
        """
        if len(self._buffer) - self._position < CHUNK_CHARACTERS // 2:
            self._more()
        for border in self._borders(opening):
            values = parse_several(self._buffer[self._position : border.start()])
            if values:
                self._position = border.end()
                for value in values:
                    self._count += 1
                    yield f"record {self._count}", value
                return
        self._slow_until = len(self._buffer)

    def _borders(self, opening: re.Pattern[str]) -> list[re.Match[str]]:
        """Find the last places that look like the start of a record behind others."""
        for start in (len(self._buffer) - ENDS_WITHIN, 0):
            found = list(opening.finditer(self._buffer, max(start, self._position)))
            if found:
                return found[: -1 - TRIED_ENDS : -1]
        return []

    def _name(self) -> str:
        name = self._value()
        if not isinstance(name, str) or self._peek() != ":":
            raise BrokenError("no JSON (a name and a colon were expected)", code="bad_json", position=self._position)
        self._position += 1
        return name

    def _peek(self) -> str:
        """Give the next character that is no space, or nothing at the end."""
        following = self._buffer[self._position : self._position + 1]
        if following and following not in WHITE:
            return following
        while True:
            self._position = _after_space(self._buffer, self._position)
            if self._position < len(self._buffer) or not self._more():
                return self._buffer[self._position : self._position + 1]

    def _value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Read the value that stands at the position, and go behind it."""
        self._peek()
        while True:
            try:
                value, end = DECODER.raw_decode(self._buffer, self._position)
            except (ValueError, RecursionError) as error:
                self._wait_or_raise(error)
                continue
            if end == len(self._buffer) and isinstance(value, int | float) and self._more():
                continue  # a number may go on
            return self._checked(value, end)

    def _wait_or_raise(self, error: ValueError | RecursionError) -> None:
        """Read more where the value may only be cut off by the chunk; else say what is wrong."""
        position = error.pos if isinstance(error, json.JSONDecodeError) else self._position
        unfinished = "Unterminated" in str(error) or position >= len(self._buffer) - NEAR_END
        if unfinished and len(self._buffer) - self._position > LINE_BYTES:
            why = f"the record is longer than {LINE_BYTES:,} characters"
            raise BrokenError(why, code="too_large", position=position)
        if unfinished and not isinstance(error, RecursionError):
            if self._more():
                return
            if self._buffer.rstrip()[-1:] not in ("}", "]"):
                why = "the file ends in the middle of a record"
                raise BrokenError(why, code="truncated", position=position)
        raise BrokenError(why_broken(error), code="bad_json", position=position)

    def _checked(self, value: Any, end: int) -> Any:  # noqa: ANN401 - any JSON value
        text = self._buffer[self._position : end]
        if is_damaged(text):
            raise BrokenError("bytes that are no text in the file's encoding", code="encoding", position=end)
        if SURROGATE_ESCAPE.search(text):
            try:
                value = repaired(value)
            except RecursionError as error:
                raise BrokenError(why_broken(error), code="bad_json", position=end) from error
        self._position = end
        return value

    def _skipped(self, broken: BrokenError) -> Iterator[Reject]:
        """Reject a record that cannot be read, and go to where the next one starts."""
        self._count += 1
        end = broken.position if broken.code == "encoding" else self._next_record(broken.position)
        is_last = end >= len(self._buffer)
        code = "bad_json" if broken.code == "truncated" and not is_last else broken.code
        raw = self._buffer[self._position : end]
        self._position = end
        yield self._reject(code, broken.why, raw)

    def _next_record(self, position: int) -> int:
        """Find the next object that looks like the records before it; else the end of what there is."""
        while True:
            for tries, found in enumerate(NEXT_OBJECT.finditer(self._buffer, position)):
                if self._looks_alike(found.end() - 1):
                    return found.end() - 1
                if tries == MOST_TRIES:
                    return found.end()
            held = self._position
            if not self._more():
                return len(self._buffer)
            position = max(0, position - held)
            if len(self._buffer) > LINE_BYTES:
                self._position = position = len(self._buffer) - CHUNK_CHARACTERS

    def _looks_alike(self, position: int) -> bool:
        try:
            value, _ = DECODER.raw_decode(self._buffer, position)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) and len(self._keys & value.keys()) > len(self._keys) * SHARED_KEYS

    def _more(self) -> bool:
        """Read another chunk, as long again as what is held, and forget what was read."""
        if self._is_over:
            return False
        held = self._buffer[self._position :]
        chunk = self._read(max(CHUNK_CHARACTERS, len(held)))
        self._is_over = not chunk
        if chunk:
            self._slow_until -= self._position
            self._buffer, self._position = held + chunk, 0
        return bool(chunk)

    def _read(self, size: int) -> str:
        try:
            return self._stream.read(size)
        except Unreadable as error:
            self._failure = error
            return ""

    def _cut_off(self, detail: str) -> Iterator[Reject]:
        """Say that the end is missing, unless a reject has said so."""
        if not self._is_cut_off:
            yield self._reject("truncated", detail)

    def _reject(self, code: RejectCode, detail: str, raw: str = "") -> Reject:
        self._is_cut_off |= code == "truncated"
        place = f"record {self._count}" if self._count else "record 1"
        return Reject(place, code, detail, raw=raw[:RAW_CHARACTERS], source_uri=self._uri)


def _opening(record: dict[str, Any]) -> re.Pattern[str] | None:
    """Give what a record like this one begins with behind another: a comma and, not taken, its first names."""
    names = tuple(record)[:2]
    if not names:
        return None
    is_deep = isinstance(record[names[0]], dict | list)
    return _names(names[:1] if is_deep else names)


@lru_cache(maxsize=8)
def _names(names: tuple[str, ...]) -> re.Pattern[str]:
    first, *others = (rf"{re.escape(json.dumps(name, ensure_ascii=False))}\s*:" for name in names)
    following = "".join(rf"\s*{SCALAR}\s*,\s*{other}" for other in others)
    return re.compile(rf",\s*(?=\{{\s*{first}{following})")


def _after_space(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    return found.end() if found else position

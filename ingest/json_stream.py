"""Read JSON as a stream of records, however it is arranged: in lines, in one big array, in an object around a list.

Exports break in known ways, and each is met here once for all connectors: numbers too long for 64 bits come as text,
so that ids stay exact; NaN and Infinity come as None; half a surrogate pair comes as U+FFFD; a broken line is a reject
and reading goes on; a cut-off end leaves what was complete.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from typing import Any, BinaryIO, Protocol

import orjson

from ingest.encoding import is_damaged
from ingest.records import Reject, RejectCode
from ingest.source import LINE_BYTES, RAW_CHARACTERS, Lines, Sample, SourceFile, Unreadable, as_raw, encoding_reject

Placed = tuple[str, Any]
"""A place ("line 12", "record 7") and the JSON value that stands there."""

CHUNK_CHARACTERS = 1024 * 1024
SAMPLE_RECORDS = 100
SAMPLES_KEPT = 2
"""Every connector looks at the same sample, one after the other; nobody changes what is found in it."""

NEAR_END = 16
"""An error this close to the end of what has been read may be a cut-off number or escape: read more first."""

DIGITS = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
LONG_NUMBER = b"0" * 19
"""As long as the largest integers of 64 bits; orjson makes floats of longer ones, so these lines go to json."""

OWN_ID = "id"

INT64 = range(-(2**63), 2**64)

SURROGATE = re.compile("[\ud800-\udfff]")
SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
SPACE = re.compile(r"[ \t\r\n]*")
NEXT_OBJECT = re.compile(r"[}\],\n][ \t\r]*\{(?=[ \t\r\n]*\")")

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{},]', re.DOTALL)
"""A string, also one that is cut off, or a bracket, or a comma."""

MOST_TRIES = 5_000
"""How many objects are tried behind a broken record before what lies between is given up: hostile text is slow."""

SHARED_KEYS = 0.5
"""After a broken record, reading goes on at the next object that has half of the last good record's keys: one that
is nested in the broken record will not."""


def read_json(file: SourceFile, fields: Iterable[str] = ()) -> Iterator[Placed | Reject]:
    """Give each record of a file with its place; what is broken comes as a reject.

    `fields` names lists that may stand in an object around the records (`{"tickets": [...]}`): their items are given
    instead of the object. An object with an id is no such page but a record, whatever lists it holds.
    """
    wanted = tuple(fields)
    if arrangement(file.sample) == "lines" and not (wanted and "\n" not in (file.sample.text or "")):
        yield from read_lines(file, wanted)
        return
    with file.open_utf8() as stream:
        yield from Cursor(Decoded(stream), file.uri).records(wanted)


def sample_json(sample: Sample, fields: Iterable[str] = ()) -> list[Any]:
    """Give the complete records at the start of a file, up to SAMPLE_RECORDS; of a huge first one, what is there."""
    if sample.text is None or not sample.text.lstrip().startswith(("{", "[")):
        return []
    if arrangement(sample) == "lines":
        lines = _sample_lines(sample) or _mended(sample.text)
        return [item for line in lines for _, item in _opened("", line, tuple(fields))]
    cursor = Cursor(io.StringIO(sample.text), sample.name)
    found = [record[1] for record in _up_to(SAMPLE_RECORDS, cursor.records(tuple(fields))) if is_placed(record)]
    return found or list(_mended(sample.text))


def is_placed(record: Placed | Reject) -> bool:
    """Tell a record from a reject."""
    return not isinstance(record, Reject)


@lru_cache(maxsize=SAMPLES_KEPT)
def arrangement(sample: Sample) -> str:
    """Tell "lines" (one record a line) from "values" (arrays, or objects over several lines)."""
    text = (sample.text or "").lstrip()
    if not text.startswith("{"):
        return "values"
    lines = text.split("\n")
    if len(lines) == 1 and not sample.is_whole:
        return "lines"
    complete = [line for line in (lines if sample.is_whole else lines[:-1])[:SAMPLE_RECORDS] if line.strip()]
    objects = [_is_object(line) for line in complete]
    return "lines" if objects[0] or sum(objects) * 2 >= len(objects) else "values"


def parse_line(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse one JSON text exactly.

    Raises:
        ValueError: it is not JSON, or (UnicodeDecodeError) no text.
    """
    if LONG_NUMBER not in line.translate(DIGITS):
        try:
            return orjson.loads(line)
        except ValueError:
            pass
    try:
        return _repaired(_DECODER.decode(line.decode("utf-8")))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_lines(file: SourceFile | Lines, fields: tuple[str, ...] = ()) -> Iterator[Placed | Reject]:
    """Give the record of each line, as `read_json` does."""
    last: tuple[int, bytes, str] | None = None
    for number, line in file.raw_lines():
        if last is not None:
            yield _bad_line(file, *last)
            last = None
        if isinstance(line, Reject):
            yield line
            continue
        if not line or line.isspace():
            continue
        try:
            value = parse_line(line)
        except UnicodeDecodeError as error:
            yield encoding_reject(file, line, number=number, position=error.start)
        except ValueError as error:
            last = (number, line, _why(error))
        else:
            yield from _opened(f"line {number}", value, fields)
    if last is not None:
        yield _bad_line(file, *last, code="truncated" if _is_cut_off(last[1]) else "bad_json")


def _bad_line(file: SourceFile | Lines, number: int, line: bytes, why: str, code: RejectCode = "bad_json") -> Reject:
    detail = why if code == "bad_json" else f"the file ends in the middle of a record: {why}"
    return Reject(f"line {number}", code, detail, raw=as_raw(line), source_uri=file.uri)


def _is_cut_off(line: bytes) -> bool:
    """Tell whether the last line of a file stops short: an object or array that is never closed."""
    return line.lstrip()[:1] in b"{[" and line.rstrip()[-1:] not in b"}]"


def _opened(place: str, value: Any, fields: tuple[str, ...]) -> Iterator[Placed]:  # noqa: ANN401 - any JSON value
    """Give the items of the wanted lists in the value, or the value itself."""
    is_page = isinstance(value, dict) and OWN_ID not in value
    lists = [value[name] for name in fields if is_page and isinstance(value.get(name), list)]
    if not lists:
        yield place, value
        return
    for index, item in enumerate(chain.from_iterable(lists), start=1):
        yield f"{place} record {index}", item


@lru_cache(maxsize=SAMPLES_KEPT)
def _sample_lines(sample: Sample) -> tuple[Any, ...]:
    lines = (sample.text or "").split("\n")
    found: list[Any] = []
    for line in (lines if sample.is_whole else lines[:-1])[:SAMPLE_RECORDS]:
        if line.strip() and not is_damaged(line):
            with suppress(ValueError):
                found.append(parse_line(line.encode()))
    return tuple(found)


def _is_object(line: str) -> bool:
    if not line.startswith("{") or is_damaged(line):
        return False
    try:
        return isinstance(parse_line(line.encode()), dict)
    except ValueError:
        return False


def _up_to(count: int, records: Iterator[Placed | Reject]) -> Iterator[Any]:
    for _, record in zip(range(count), records, strict=False):
        yield record


def _exact_integer(digits: str) -> int | str:
    """Keep integers beyond 64 bits as text: they are ids, and the store's JSON cannot hold them as numbers."""
    if len(digits) < len(LONG_NUMBER):
        return int(digits)
    number = int(digits) if len(digits) <= 2 * len(LONG_NUMBER) else None
    return number if number is not None and number in INT64 else digits


def _no_constant(_name: str) -> None:
    return None


_DECODER = json.JSONDecoder(parse_int=_exact_integer, parse_constant=_no_constant, strict=False)


def _repaired(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Put U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value if value.isascii() else SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_repaired(item) for item in value]
    if isinstance(value, dict):
        return {_repaired(key): _repaired(item) for key, item in value.items()}
    return value


def _why(error: ValueError | RecursionError) -> str:
    """Word a parser's complaint without the text it complains about."""
    if isinstance(error, json.JSONDecodeError):
        return f"no JSON ({error.msg}), character {error.colno}"
    return "no JSON (nested too deeply, or a number too long)"


@lru_cache(maxsize=SAMPLES_KEPT)
def _mended(text: str) -> tuple[Any, ...]:
    """Close a cut-off first record behind its last complete part, so that its shape can be seen."""
    closers: list[str] = []
    end, closing = 0, ""
    for token in TOKEN.finditer(text):
        character = token.group()
        if character in "{[":
            closers.append("}" if character == "{" else "]")
        elif character in "]}" and closers:
            closers.pop()
            end, closing = token.end(), "".join(reversed(closers))
        elif character == ",":
            end, closing = token.start(), "".join(reversed(closers))
    try:
        value = _repaired(_DECODER.decode(text[:end] + closing))
    except (ValueError, RecursionError):
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


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
        yield f"record {self._count}", value

    def _name(self) -> str:
        name = self._value()
        if not isinstance(name, str) or self._peek() != ":":
            raise BrokenError("no JSON (a name and a colon were expected)", code="bad_json", position=self._position)
        self._position += 1
        return name

    def _peek(self) -> str:
        """Give the next character that is no space, or nothing at the end."""
        while True:
            self._position = _after_space(self._buffer, self._position)
            if self._position < len(self._buffer) or not self._more():
                return self._buffer[self._position : self._position + 1]

    def _value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Read the value that stands at the position, and go behind it."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._position)
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
        raise BrokenError(_why(error), code="bad_json", position=position)

    def _checked(self, value: Any, end: int) -> Any:  # noqa: ANN401 - any JSON value
        text = self._buffer[self._position : end]
        if is_damaged(text):
            raise BrokenError("bytes that are no text in the file's encoding", code="encoding", position=end)
        if SURROGATE_ESCAPE.search(text):
            try:
                value = _repaired(value)
            except RecursionError as error:
                raise BrokenError(_why(error), code="bad_json", position=end) from error
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
            value, _ = _DECODER.raw_decode(self._buffer, position)
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


def _after_space(text: str, position: int) -> int:
    found = SPACE.match(text, position)
    return found.end() if found else position

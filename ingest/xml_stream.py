"""Read the records of an XML export one by one, as JSON would have them; what a record holds is freed behind it.

Entities that a file declares are refused: they serve attacks only (billion laughs), and no export has any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from ingest.json_cursor import Placed
from ingest.records import Reject
from ingest.source import LINE_BYTES, Sample, SourceFile, Unreadable

CHUNK_BYTES = 256 * 1024
MOST_DEPTH = 100
_OPENING = re.compile(r"\s*<[?!A-Za-z]")
_NAME = re.compile(r"<([A-Za-z][\w.:-]*)")


@dataclass(slots=True)
class _Element:
    """An open element: its text, and its children as (name, value)."""

    name: str
    is_list: bool
    is_nil: bool
    text: list[str] = field(default_factory=list[str])
    children: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])

    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """Give an object of the children; a list where they are items (`type="array"`, or one name again and again)."""
        names = {name for name, _ in self.children}
        if self.is_list or (len(names) == 1 and (len(self.children) > 1 or f"{next(iter(names))}s" == self.name)):
            return [value for _, value in self.children]
        if self.children:
            return dict(self.children)
        return None if self.is_nil else "".join(self.text)


class _RefusedError(Exception):
    """Say that the file holds what is not read."""


def xml_names(sample: Sample) -> list[str]:
    """Give the names of the elements at the start of a file, as records have them; none for what is no XML."""
    text = (sample.text or "").removeprefix("\ufeff")
    return [_plain(name) for name in _NAME.findall(text)] if _OPENING.match(text) else []


def read_xml(file: SourceFile, records: frozenset[str]) -> Iterator[Placed | Reject]:
    """Give each element of these names with its place, names in lower case and with "_" for "-".

    A file that breaks off, or is no XML, ends in a reject.
    """
    reader = _Reader(records)
    try:
        with file.open_bytes() as stream:
            while chunk := stream.read(CHUNK_BYTES):
                reader.feed(chunk)
                yield from reader.taken()
            reader.feed(b"", is_end=True)
        yield from reader.taken()
    except Unreadable as error:
        yield from reader.taken()
        yield Reject(reader.place, error.reject, error.message, source_uri=file.uri)
    except _RefusedError as error:
        yield from reader.taken()
        yield Reject(reader.place, "bad_record", f"no XML that is read: {error}", source_uri=file.uri)
    except expat.ExpatError as error:
        yield from reader.taken()
        is_end = error.code in CUT_OFF
        why = "the file ends in the middle" if is_end else f"no XML ({expat.ErrorString(error.code)})"
        detail = f"{why}, line {error.lineno}"
        yield Reject(reader.place, "truncated" if is_end else "bad_record", detail, source_uri=file.uri)


CUT_OFF = frozenset({
    expat.errors.codes[expat.errors.XML_ERROR_NO_ELEMENTS], expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_TOKEN],
    expat.errors.codes[expat.errors.XML_ERROR_PARTIAL_CHAR],
    expat.errors.codes[expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION],
})  # fmt: skip


class _Reader:
    """Build records while the parser goes through the file."""

    def __init__(self, records: frozenset[str]) -> None:
        self._records = records
        self._open: list[_Element] = []
        self._depth = 0
        self._count = 0
        self._found: list[Placed] = []
        self._held = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._refuse

    @property
    def place(self) -> str:
        """Say where reading stands."""
        return f"record {self._count + 1}"

    def feed(self, chunk: bytes, *, is_end: bool = False) -> None:
        self._parser.Parse(chunk, is_end)

    def taken(self) -> list[Placed]:
        found, self._found = self._found, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _RefusedError("it is nested too deeply")
        plain = _plain(name)
        if self._open or plain in self._records:
            is_nil = attributes.get("nil") == "true" or attributes.get("xsi:nil") == "true"
            self._open.append(_Element(plain, attributes.get("type") == "array", is_nil))

    def _end(self, _name: str) -> None:
        self._depth -= 1
        if not self._open:
            return
        element = self._open.pop()
        value = element.value()
        if self._open:
            self._open[-1].children.append((element.name, value))
            return
        self._count += 1
        self._held = 0
        self._found.append((f"record {self._count}", {element.name: value}))

    def _text(self, text: str) -> None:
        if self._open:
            self._held += len(text)
            if self._held > LINE_BYTES:
                raise _RefusedError(f"a record is longer than {LINE_BYTES:,} characters")
            self._open[-1].text.append(text)

    def _refuse(self, *_declaration: Any) -> None:  # noqa: ANN401 - as expat calls it
        raise _RefusedError("it declares entities")


def _plain(name: str) -> str:
    return name.rpartition(":")[2].replace("-", "_").lower()

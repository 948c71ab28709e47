"""Read JSON as a stream of records, however it is arranged: in lines, in one big array, in an object around a list.

Values are exact, as `ingest.json_text` parses them. A broken line or record is a reject and reading goes on; a cut-off
end leaves what was complete.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from ingest.encoding import is_damaged
from ingest.json_cursor import OWN_ID, Cursor, Decoded, Placed, why_broken
from ingest.json_text import parse_line
from ingest.records import Reject, RejectCode
from ingest.source import Lines, Sample, SourceFile, as_raw, encoding_reject

SAMPLE_RECORDS = 100
SAMPLES_KEPT = 2
"""Every connector looks at the same sample, one after the other; nobody changes what is found in it."""

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|[\[\]{},]', re.DOTALL)
"""A string, also one that is cut off, or a bracket, or a comma."""


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
    if not sample.text.lstrip().startswith("{"):
        return list(_sample_values(sample, ()))
    page = _page(sample)
    if page is None:
        return list(_sample_values(sample, tuple(fields)))
    return [item for _, item in islice(_opened("", page, tuple(fields)), SAMPLE_RECORDS)]


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
            last = (number, line, why_broken(error))
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
def _page(sample: Sample) -> dict[str, Any] | None:
    """Give the one object that a sample is, or the start of; None where there are several, or a broken one."""
    found = _mended(sample.text or "")
    return found[0] if len(found) == 1 and isinstance(found[0], dict) else None


@lru_cache(maxsize=SAMPLES_KEPT)
def _sample_values(sample: Sample, fields: tuple[str, ...]) -> tuple[Any, ...]:
    cursor = Cursor(io.StringIO(sample.text), sample.name)
    values = (record[1] for record in cursor.records(fields) if not isinstance(record, Reject))
    found = tuple(islice(values, SAMPLE_RECORDS))
    return found or _mended(sample.text or "")


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


@lru_cache(maxsize=SAMPLES_KEPT)
def _mended(text: str) -> tuple[Any, ...]:
    """Close a cut-off first record behind its last complete part, so that its shape can be seen."""
    closers: list[str] = []
    end = depth = 0
    for token in TOKEN.finditer(text):
        character = token.group()
        if character in "{[":
            closers.append("}" if character == "{" else "]")
        elif character in "]}" and closers:
            closers.pop()
            end, depth = token.end(), len(closers)
        elif character == ",":
            end, depth = token.start(), len(closers)
    try:
        # What has been opened behind that part is left out, so that what was open there is closed.
        value = parse_line((text[:end] + "".join(reversed(closers[:depth]))).encode("utf-8", "replace"))
    except ValueError:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)

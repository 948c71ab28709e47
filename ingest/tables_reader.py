"""Read tables row by row, whatever their file format: separated text, Excel workbooks, Parquet.

Values come as JSON has them: text stays text (ids keep their zeros and all their digits), dates become ISO strings.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any, BinaryIO

from ingest.encoding import ESCAPED, is_damaged
from ingest.files import DISK
from ingest.records import Reject, RejectCode
from ingest.source import LINE_BYTES, RAW_CHARACTERS, Sample, SourceFile, Unreadable
from ingest.words import COLUMN_RANKS, plain_name

DELIMITERS = (",", "\t", ";", "|")
SNIFFED_ROWS = 200
ROWS_PER_READ = 20_000

CONSISTENT = 0.8
"""The share of rows that must be as wide as the header before text passes for a table; prose with commas does not."""

CONSISTENT_IF_KNOWN = 0.5
"""The same where the header has a column that exports have: then the other rows are broken ones."""

TOLD_DELIMITER = re.compile(r'"?sep=(.)"?\r?\n')
"""Excel's own first line that names the separator."""

PARQUET_MAGIC = b"PAR1"
EXCEL_MAGIC = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""A zip archive (.xlsx), and the older compound file (.xls)."""

FEWEST_COLUMNS = 2
KNOWN_COLUMNS = frozenset(name for ranks in COLUMN_RANKS.values() for name in ranks)

MARKUP = ("{", "[", "<", "%PDF")

csv.field_size_limit(LINE_BYTES)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: where it stands, and its values by column."""

    place: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table's columns, its rows as a stream, and what was odd about its header."""

    columns: tuple[str, ...]
    rows: Iterator[Row | Reject]
    notes: tuple[str, ...] = ()


def kind_of_table(sample: Sample) -> str | None:
    """Tell "excel", "parquet" or "separated" text; None for what is no table."""
    if sample.head.startswith(PARQUET_MAGIC):
        return "parquet"
    if sample.head.startswith(EXCEL_MAGIC):
        return "excel" if _is_excel(sample) else None
    return "separated" if delimiter_of(sample) else None


def delimiter_of(sample: Sample) -> str | None:
    """Find the separator: the one that cuts the most rows into as many parts as the header."""
    text = sample.text
    if text is None or text.lstrip().startswith(MARKUP):
        return None
    told = TOLD_DELIMITER.match(text)
    if told:
        return told.group(1)
    scores = [(score, mark) for mark in DELIMITERS if (score := _consistency(text, mark, is_whole=sample.is_whole))]
    return max(scores, key=lambda pair: pair[0])[1] if scores else None


def read_table(file: SourceFile) -> Table | None:
    """Open a file as a table; None where it is none, or has no header."""
    kind = kind_of_table(file.sample)
    if kind == "parquet":
        return _parquet(file)
    if kind == "excel":
        return _excel(file)
    mark = delimiter_of(file.sample)
    return _separated(file, mark) if mark else None


def sample_table(sample: Sample) -> Table | None:
    """Read the table at the start of a file, as far as the sample reaches; of Parquet files only whole ones."""
    if sample.is_whole and sample.head.startswith(PARQUET_MAGIC):
        return _whole_parquet(sample)
    mark = delimiter_of(sample)
    if mark is None or sample.text is None:
        return None
    text = sample.text if sample.is_whole else sample.text[: sample.text.rfind("\n") + 1]
    feed = _Feed(iter(StringIO(text, newline="")))
    header = _header(feed, mark)
    return Table(header[0], _separated_rows(feed, mark, header[0], sample.name), header[1]) if header else None


def _is_excel(sample: Sample) -> bool:
    return sample.name.lower().endswith((".xlsx", ".xlsm", ".xls", ".xlsb")) or b"xl/work" in sample.head


def _consistency(text: str, mark: str, *, is_whole: bool) -> tuple[float, int] | None:
    if mark not in text:
        return None
    complete = text if is_whole else text[: text.rfind("\n") + 1]
    try:
        reader = csv.reader(StringIO(complete, newline=""), delimiter=mark)
        rows = [row for _, row in zip(range(SNIFFED_ROWS), reader, strict=False) if row]
    except csv.Error:
        return None
    if not rows or len(rows[0]) < FEWEST_COLUMNS:
        return None
    share = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
    is_known = any(plain_name(name) in KNOWN_COLUMNS for name in rows[0])
    return (share, len(rows[0])) if share >= (CONSISTENT_IF_KNOWN if is_known else CONSISTENT) else None


# separated text -----------------------------------------------------------------------------------------------------


def _separated(file: SourceFile, mark: str) -> Table | None:
    """Read the header; the rows open the file anew when they are asked for, and close it."""
    with file.open_text() as stream:
        header = _header(_Feed(iter(stream)), mark)
    return Table(header[0], _rows_of(file, mark), header[1]) if header else None


def _rows_of(file: SourceFile, mark: str) -> Iterator[Row | Reject]:
    with file.open_text() as stream:
        feed = _Feed(iter(stream))
        header = _header(feed, mark)
        yield from _separated_rows(feed, mark, header[0] if header else (), file.uri)


def _header(feed: _Feed, mark: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    feed.skip(TOLD_DELIMITER)
    names, _ = _next_row(feed, mark)
    return _unique([name.strip() for name in names]) if names else None


class _Feed:
    """Hand lines to the csv module, remembering those of the row at hand, so that they can be read anew."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.line = 1
        """The number of the line that the row at hand starts with."""
        self.length = 0
        self.failure: Unreadable | None = None

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._next()
        self.taken.append(line)
        self.length += len(line)
        if self.length > LINE_BYTES:
            raise csv.Error("the row is too long")
        return line

    def _next(self) -> str:
        try:
            return next(self._lines)
        except Unreadable as error:
            self.failure = error
            raise StopIteration from error

    def skip(self, pattern: re.Pattern[str]) -> None:
        """Leave the first line out if it is like the pattern."""
        first = next(self._lines, None)
        if first is None:
            return
        if pattern.fullmatch(first):
            self.line += 1
        else:
            self._again.append(first)

    def next_row(self) -> list[str]:
        """Forget the row at hand; give the lines it had."""
        lines, self.taken, self.length = self.taken, [], 0
        self.line += len(lines)
        return lines

    def retry(self, lines: Sequence[str]) -> None:
        """Read these lines once more."""
        self._again.extendleft(reversed(lines))
        self.line -= len(lines)


def _separated_rows(feed: _Feed, mark: str, columns: tuple[str, ...], uri: str) -> Iterator[Row | Reject]:
    """Give the rows behind the header; what does not fit is a reject, and the lines it swallowed are read anew."""
    while True:
        place = f"line {feed.line}"
        row, lines = _next_row(feed, mark)
        if row is None and not lines:
            break
        code, detail = _fault(row, lines, columns)
        if code is None:
            if any(row or ()):
                yield Row(place, dict(zip(columns, row or (), strict=False)))
            continue
        if len(lines) > 1 and _is_table_again(lines[1:], mark, len(columns)):
            feed.retry(lines[1:])
            lines, code, detail = lines[:1], "bad_row", "a quote is opened and never closed"
        raw = "".join(lines)[:RAW_CHARACTERS].encode("utf-8", "backslashreplace").decode()
        yield Reject(place, code, detail, raw=raw, source_uri=uri)
    if feed.failure is not None:
        yield Reject(f"line {feed.line}", feed.failure.reject, feed.failure.message, source_uri=uri)


def _next_row(feed: _Feed, mark: str) -> tuple[list[str] | None, list[str]]:
    """Read one row, and the lines that it takes; no row where the csv module cannot."""
    try:
        row = next(csv.reader(feed, delimiter=mark), None)
    except csv.Error:
        row = None
    return row, feed.next_row()


def _fault(row: list[str] | None, lines: list[str], columns: tuple[str, ...]) -> tuple[RejectCode | None, str]:
    if row is None:
        return "too_large", f"the row is longer than {LINE_BYTES:,} characters"
    if any(is_damaged(line) for line in lines):
        return "encoding", "bytes that are no text in the file's encoding"
    if _is_open(lines):
        return "truncated", "the file ends within a quoted value"
    if not row or len(row) == len(columns) or (len(row) > len(columns) and not any(row[len(columns) :])):
        return None, ""
    return "bad_row", f"{len(row)} values where the header has {len(columns)} columns"


def _is_open(lines: list[str]) -> bool:
    """Tell whether a quote is opened and not closed, which the csv module forgives at the end of a file."""
    if sum(line.count('"') for line in lines) % 2 == 0:
        return False
    try:
        list(csv.reader(lines, strict=True))
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _is_table_again(lines: list[str], mark: str, width: int) -> bool:
    """Tell whether lines that a row swallowed are rows themselves, most of them."""
    rows = [row for row in csv.reader(lines[:SNIFFED_ROWS], delimiter=mark) if row]
    return sum(len(row) == width for row in rows) > len(rows) * CONSISTENT


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name the columns without a name, number those that share one, and put U+FFFD for bytes that are no text."""
    columns: dict[str, None] = {}
    notes: list[str] = []
    for position, given in enumerate(names, start=1):
        base = name = ESCAPED.sub("\ufffd", given) or f"column_{position}"
        number = 2
        while name in columns:
            name = f"{base}_{number}"
            number += 1
        if number > 2:
            notes.append(f"column {position} is called {base!r} like another; it is read as {name!r}")
        columns[name] = None
    return tuple(columns), tuple(notes)


# Excel and Parquet --------------------------------------------------------------------------------------------------


def _excel(file: SourceFile) -> Table:
    from python_calamine import CalamineError, CalamineWorkbook  # slow to import, and seldom needed

    try:
        with file.open_bytes() as stream:
            workbook = CalamineWorkbook.from_filelike(stream)  # pyright: ignore[reportArgumentType] - it reads and seeks
        name, grid = _widest_sheet(workbook)
    except CalamineError as error:
        raise Unreadable(f"{file.uri} is no workbook that can be read.", reject="unreadable") from error
    rows = iter(enumerate(grid, start=1))
    header: Sequence[Any] = next((row for _, row in rows if any(cell != "" for cell in row)), ())
    columns, notes = _unique([str(cell).strip() for cell in header])
    return Table(columns, _excel_rows(rows, name, columns), notes)


def _widest_sheet(workbook: Any) -> tuple[str, Iterable[Sequence[Any]]]:  # noqa: ANN401 - calamine has few types
    """Take the sheet with the most cells; cover sheets and legends are small."""
    sheets = [(name, workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]
    if not sheets:
        return "", ()
    name, sheet = max(sheets, key=lambda pair: pair[1].height * pair[1].width)
    return name, sheet.iter_rows()


def _excel_rows(rows: Iterator[tuple[int, Sequence[Any]]], sheet: str, columns: tuple[str, ...]) -> Iterator[Row]:
    for number, cells in rows:
        if any(cell != "" for cell in cells):
            values = {name: _plain(cell) for name, cell in zip(columns, cells, strict=False)}
            yield Row(f"sheet {sheet} row {number}", values)


def _parquet(file: SourceFile) -> Table:
    import polars as pl  # slow to import

    try:
        if file.files is DISK and file.member is None and file.path.suffix != ".gz":
            frame = pl.scan_parquet(file.path)
        else:
            with file.open_bytes() as stream:
                frame = pl.read_parquet(_seekable(stream)).lazy()
        names = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unreadable(f"{file.uri} is no Parquet file that can be read.", reject="unreadable") from error
    return Table(tuple(names), _parquet_rows(frame))


def sample_with_columns(file: SourceFile) -> Sample:
    """Give a file's sample; of a large Parquet file, which names its columns at its end, one of these columns alone."""
    sample = file.sample
    if sample.is_whole or file.member is not None or not sample.head.startswith(PARQUET_MAGIC):
        return sample
    import polars as pl  # slow to import

    written = BytesIO()
    try:
        pl.DataFrame(schema=pl.scan_parquet(file.path).collect_schema()).write_parquet(written)
    except (pl.exceptions.PolarsError, OSError):
        return sample
    return Sample(sample.name, written.getvalue(), None, is_whole=True)


def _whole_parquet(sample: Sample) -> Table | None:
    import polars as pl  # slow to import

    try:
        frame = pl.read_parquet(BytesIO(sample.head)).lazy()
    except (pl.exceptions.PolarsError, OSError):
        return None
    return Table(tuple(frame.collect_schema().names()), _parquet_rows(frame))


def _seekable(stream: BinaryIO) -> bytes:
    return stream.read()


def _parquet_rows(frame: Any) -> Iterator[Row | Reject]:  # noqa: ANN401 - polars is imported late
    from polars.exceptions import PolarsError  # slow to import

    start = 0
    while True:
        try:
            rows = frame.slice(start, ROWS_PER_READ).collect().to_dicts()
        except PolarsError:  # the end of the file, which says what the rows are, may be sound where the rows are not
            yield Reject(f"row {start + 1}", "unreadable", "from here on the rows cannot be read")
            return
        if not rows:
            return
        for number, row in enumerate(rows, start=start + 1):
            yield Row(f"row {number}", {name: _plain(value) for name, value in row.items()})
        start += len(rows)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    """Give a cell's value as JSON has it; whole numbers without the .0 that Excel adds."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value) if isinstance(value, Decimal | timedelta) else value

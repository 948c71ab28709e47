"""What a generic file looks like: its columns or paths, and its first records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import methodcaller
from typing import Any

from ingest.json_stream import sample_json
from ingest.source import Sample, SourceFile
from ingest.tables_reader import Row, Table, kind_of_table, read_table, sample_table

SHAPE_RECORDS = 100
DEPTH = 5
ITEMS = 50
"""How many items of a list are looked at."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns or dotted paths of a file (within lists as `turns[].text`), some records, and oddities."""

    columns: tuple[str, ...]
    records: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


def shape_of_json(sample: Sample) -> Shape | None:
    """Look at the JSON records at the start of a file; None where there are none."""
    records = tuple(record for record in sample_json(sample) if isinstance(record, dict))
    return Shape(tuple(_columns(records)), records[:SHAPE_RECORDS]) if records else None


def shape_of_table(table: Table | None) -> Shape | None:
    """Look at a table's first rows; this uses them up."""
    if table is None:
        return None
    rows = (row.values for row in table.rows if isinstance(row, Row))
    records = tuple(islice(rows, SHAPE_RECORDS))
    nested = tuple(path for path in _columns(records) if path not in table.columns)
    return Shape(table.columns + nested, records, table.notes)


def shape_of_sample(sample: Sample) -> Shape | None:
    """Look at the start of a file, as far as that is possible without the rest of it."""
    return shape_of_table(sample_table(sample)) or shape_of_json(sample)


def shape(file: SourceFile) -> Shape | None:
    """Look at a file; None where it is neither table nor JSON.

    Raises:
        Unreadable: a workbook or Parquet file is damaged.
    """
    if kind_of_table(file.sample) in ("excel", "parquet"):
        return shape_of_table(read_table(file))
    return shape_of_sample(file.sample)


def look_up(record: Any, path: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """Give what stands under a column or dotted path, or None; a column whose own name has a dot comes first."""
    if path is None or not isinstance(record, dict):
        return None
    if path in record or "." not in path:
        return record.get(path)
    value: Any = record
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def reader(path: str | None) -> Callable[[dict[str, Any]], Any]:
    """Give what looks up one path in many records, faster than `look_up` where the path is a plain name."""
    if path is None:
        return _nothing
    return partial(look_up, path=path) if "." in path else methodcaller("get", path)


def _nothing(record: dict[str, Any]) -> None:
    del record


def flat(record: dict[str, Any], prefix: str = "", depth: int = DEPTH) -> Iterator[tuple[str, Any]]:
    """Give each path of a record with its value; objects are opened, lists are not."""
    for name, value in record.items():
        if isinstance(value, dict) and value and depth > 1:
            yield from flat(value, f"{prefix}{name}.", depth - 1)
        else:
            yield f"{prefix}{name}", value


def _columns(records: tuple[dict[str, Any], ...]) -> dict[str, None]:
    found: dict[str, None] = {}
    for record in records:
        for path, value in flat(record):
            found[path] = None
            if isinstance(value, list):
                items = (item for item in value[:ITEMS] if isinstance(item, dict))
                found.update((f"{path}[].{inner}", None) for item in items for inner, _ in flat(item))
    return found

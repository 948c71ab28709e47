"""Rows of warehouse tables, as Fivetran and Airbyte lay them out, as the records of the API that they were made of.

Fivetran writes a table for each kind of thing, with what was nested in columns of their own, and keeps every version of
a row (`_fivetran_active` marks the one that counts). Airbyte writes a table for each stream: either the fields as
columns, with objects and lists as JSON text, or the whole record as JSON in `_airbyte_data`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import PurePath
from typing import Any

from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_flag, as_json
from ingest.records import Reject
from ingest.source import Sample, SourceFile
from ingest.tables_reader import PARQUET_MAGIC, Row, kind_of_table, read_table, sample_table

Json = dict[str, Any]

SYNCED = "_fivetran_synced"
WRAPPED = "_airbyte_data"
AIRBYTE_MARK = b"_airbyte_"
ROWS_LOOKED_AT = 20


def is_warehouse(names: Iterable[str]) -> bool:
    """Tell rows of a warehouse by the columns that its loader adds."""
    return _is_warehouse(tuple(names))


@lru_cache(maxsize=1_000)
def _is_warehouse(names: tuple[str, ...]) -> bool:
    """Look at each set of columns once: all records of a file have the same few."""
    return any(name.startswith(("_fivetran_", "_airbyte_")) for name in names)


def sample_records(sample: Sample, lists: Iterable[str] = (), nested: Collection[str] = ()) -> list[Any]:
    """Give the first rows of a table, or the first records of JSON; of a table without rows its columns."""
    table = sample_table(sample)
    if table is None:
        return [_unwrapped(record) for record in sample_json(sample, lists)]
    rows = [row.values for row in islice(table.rows, ROWS_LOOKED_AT) if isinstance(row, Row)]
    return [_opened(dict.fromkeys(table.columns) | row, nested) for row in rows or [{}]]


def is_of_airbyte(sample: Sample) -> bool:
    """Tell Airbyte's files, which it writes into a folder for each stream."""
    return AIRBYTE_MARK in sample.head


def named_parquet(sample: Sample) -> str | None:
    """Give the name of a Parquet file in an archive that is too large to look into: its columns stand at its end."""
    is_large = sample.head.startswith(PARQUET_MAGIC) and not sample.is_whole
    return PurePath(sample.name).stem.lower() if is_large else None


def records_in(file: SourceFile, lists: Iterable[str] = (), nested: Collection[str] = ()) -> Iterator[Found | Reject]:
    """Give a table's rows or a JSON file's records; `nested` names columns that hold JSON as text.

    Versions of a row that are no longer active are history, not records, and are passed over.

    Raises:
        Unreadable: a workbook or Parquet file is damaged.
    """
    table = read_table(file) if kind_of_table(file.sample) else None
    if table is None:
        for found in records_of(file, lists):
            if isinstance(found, Found) and isinstance(found.value, dict) and WRAPPED in found.value:
                yield Found(found.place, found.uri, _unwrapped(found.value))
            else:
                yield found
        return
    for row in table.rows:
        if isinstance(row, Reject):
            yield row
        elif as_flag(row.values.get("_fivetran_active")) is not False:
            yield Found(row.place, file.uri, _opened(row.values, nested))


def _unwrapped(record: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Take a record out of what Airbyte writes around it."""
    held = as_json(record.get(WRAPPED)) if isinstance(record, dict) and WRAPPED in record else None
    return held if isinstance(held, dict) else record


def _opened(row: Json, nested: Collection[str]) -> Any:  # noqa: ANN401 - any JSON value
    """Open the JSON that a row keeps as text; empty cells are none."""
    if WRAPPED in row:
        return _unwrapped(row)
    return {name: _cell(value) if name in nested else None if value == "" else value for name, value in row.items()}


def _cell(value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    is_json = isinstance(value, str) and value.lstrip().startswith(("{", "["))
    held = as_json(value) if is_json else None
    return (value or None) if held is None else held

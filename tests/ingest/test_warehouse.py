"""Warehouse rows: versions that count, JSON kept as text, records that Airbyte wraps, Parquet's columns at its end."""

import json

import polars as pl
import pytest

from ingest.found import Found
from ingest.source import SourceFile
from ingest.tables_reader import sample_table, sample_with_columns
from ingest.warehouse import is_of_airbyte, records_in, sample_records


def values(path, *nested):
    return [found.value for found in records_in(SourceFile(path), ("rows",), nested) if isinstance(found, Found)]


def test_versions_that_are_no_longer_active_are_history(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,body,_fivetran_active\n1,old,false\n1,new,true\n2,,TRUE\n3,no mark,\n")
    assert [(row["id"], row["body"]) for row in values(path)] == [("1", "new"), ("2", None), ("3", "no mark")]


@pytest.mark.parametrize(("text", "value"), [
    ('{"a": [1]}', {"a": [1]}), ("[]", []), ("{broken", "{broken"), ("word", "word"), ("", None),
])  # fmt: skip
def test_json_is_opened_in_the_columns_that_hold_it_and_nowhere_else(tmp_path, text, value) -> None:
    path = tmp_path / "a.csv"
    pl.DataFrame([{"id": "1", "author": text, "body": text}] * 2).write_csv(path)
    (row, _) = values(path, "author")
    assert (row["author"], row["body"]) == (value, text or None)


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl", "parquet"])
def test_records_are_taken_out_of_airbytes_wrapper(tmp_path, kind) -> None:
    path, record = tmp_path / f"a.{kind}", {"id": "1", "author": {"type": "user"}}
    rows = [{"_airbyte_ab_id": "x", "_airbyte_emitted_at": 1, "_airbyte_data": record}] * 2
    texts = [row | {"_airbyte_data": json.dumps(record)} for row in rows]
    if kind == "csv":
        pl.DataFrame(texts).write_csv(path)
    elif kind == "parquet":
        pl.DataFrame(texts).write_parquet(path)
    else:
        path.write_text(
            json.dumps({"rows": rows}) if kind == "json" else "".join(f"{json.dumps(row)}\n" for row in rows)
        )
    assert values(path) == [record, record]
    sample = SourceFile(path).sample
    assert (sample_records(sample, ("rows",))[0], is_of_airbyte(sample)) == (record, True)


def test_a_table_without_rows_shows_its_columns(tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,body\n")
    assert sample_records(SourceFile(path).sample) == [{"id": None, "body": None}]


def test_a_large_parquet_file_is_looked_at_by_its_columns(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": range(60_000), "body": [f"{at * 7919:x}" for at in range(60_000)]}).write_parquet(
        path, compression="uncompressed"
    )
    file = SourceFile(path)
    assert sample_table(file.sample) is None
    table = sample_table(sample_with_columns(file))
    assert table is not None
    assert (table.columns, list(table.rows)) == (("id", "body"), [])


def test_a_parquet_file_that_breaks_off_is_looked_at_as_it_is(tmp_path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + bytes(300_000))
    file = SourceFile(path)
    assert sample_with_columns(file) == file.sample

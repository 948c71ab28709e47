"""Tables of any columns, read through a mapping: separated text, Excel, Parquet; a row a turn or a conversation.

To get them: export a table from whatever holds the conversations: a database, a warehouse, a spreadsheet, a tool that
no other connector knows, as CSV, TSV, XLSX or Parquet.

A mapping says which column is the conversation, the speaker, the role, the text and the time; one is suggested from the
columns' names and some values, and used where it is certain. Encoding, separator and quotes are found out.

Not read: columns that the mapping does not name, other sheets than the first with a table, formulas, old .xls files.

Unconfirmed: nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.connector import Connector, Evidence, Reading
from ingest.mapped import Placed, assemble
from ingest.records import Record, Reject
from ingest.shape import shape_of_table
from ingest.source import Sample, SourceFile
from ingest.suggest import SURE, confidence, mapping_for, suggest
from ingest.tables_reader import kind_of_table, read_table, sample_table

BINARY_TABLES = {"excel": "an Excel workbook", "parquet": "a Parquet file"}


class Tables:
    """Read CSV, TSV, XLSX and Parquet whose columns a mapping names, suggested or given."""

    name = "tables"
    title = "CSV, TSV, XLSX or Parquet, through a mapping"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Believe in a table in which something is said; a connector that knows the format is surer."""
        kind = kind_of_table(sample)
        if kind in BINARY_TABLES:
            return Evidence(SURE, (BINARY_TABLES[kind],))
        shape = shape_of_table(sample_table(sample))
        suggestion = suggest(shape) if shape else None
        if suggestion is None:
            return None
        return Evidence(confidence(suggestion), ("a table", *suggestion.reasons, *suggestion.questions))

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give every conversation of the tables, and each row that fits in none as a reject.

        Raises:
            MappingNeeded: there is no mapping, and the columns do not tell with certainty what they hold.
        """
        for recognised in reading.files:
            file = recognised.file
            mapping = mapping_for(shape_of_table(read_table(file)), reading.mapping, file.name)
            yield from assemble(_rows(file), mapping, spool=reading.spool, uri=file.uri)


def _rows(file: SourceFile) -> Iterator[Placed | Reject]:
    table = read_table(file)
    if table is None:
        return
    for row in table.rows:
        yield row if isinstance(row, Reject) else Placed(row.place, row.values)


CONNECTOR: Connector = Tables()

"""JSON of any nesting, read through a mapping: a record a conversation, or a record a turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.json_stream import read_json
from ingest.mapped import Placed, assemble
from ingest.records import Record, Reject
from ingest.shape import shape_of_json
from ingest.source import Sample, SourceFile
from ingest.suggest import confidence, mapping_for, suggest


class JsonLines:
    """Read JSON lines, arrays and single objects whose fields a mapping names, suggested or given."""

    name = "jsonlines"
    title = "JSON lines or JSON of any nesting, through a mapping"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Believe in JSON records in which something is said; a connector that knows the format is surer."""
        shape = shape_of_json(sample)
        suggestion = suggest(shape) if shape else None
        if suggestion is None:
            return None
        return Evidence(confidence(suggestion), ("JSON records", *suggestion.reasons, *suggestion.questions))

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give every record as a conversation or a reject.

        Raises:
            MappingNeeded: there is no mapping, and the fields do not tell with certainty what they hold.
        """
        for recognised in reading.files:
            file = recognised.file
            mapping = mapping_for(shape_of_json(file.sample), reading.mapping, file.name)
            yield from assemble(_records(file), mapping, spool=reading.spool, uri=file.uri)


def _records(file: SourceFile) -> Iterator[Placed | Reject]:
    for record in read_json(file):
        if isinstance(record, Reject):
            yield record
            continue
        place, value = record
        values: Any = value
        if isinstance(values, dict):
            yield Placed(place, values)
        else:
            yield Reject(place, "bad_record", f"a {type(value).__name__}, not an object", source_uri=file.uri)


CONNECTOR: Connector = JsonLines()

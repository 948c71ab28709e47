"""JSON of any nesting, read through a mapping: a record a conversation, or a record a turn.

To get them: save what a tool's API gives, or what your own application logs, as JSON or as JSON lines.

A mapping says where the conversation, the speaker, the role, the text and the time stand; one is suggested from the
fields' names and some values, and used where it is certain.

Not read: fields that the mapping does not name.

Unconfirmed: nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.json_stream import arrangement, read_json, read_lines
from ingest.mapped import Placed, assemble, each
from ingest.mapping import Mapping
from ingest.records import Record, Reject
from ingest.shape import shape_of_json
from ingest.source import Lines, Sample
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
            yield from assemble(_records(read_json(file), file.uri), mapping, spool=reading.spool, uri=file.uri)

    def by_line(self, reading: Reading) -> Callable[[Lines], Iterator[Record]] | None:
        """Let lines be read one without the other where each holds a whole conversation.

        Raises:
            MappingNeeded: as `read` does.
        """
        (recognised,) = reading.files
        file = recognised.file
        mapping = mapping_for(shape_of_json(file.sample), reading.mapping, file.name)
        is_each = mapping.layout == "conversation" and arrangement(file.sample) == "lines"
        return partial(_each, mapping=mapping) if is_each else None


def _each(lines: Lines, mapping: Mapping) -> Iterator[Record]:
    return each(_records(read_lines(lines), lines.uri), mapping, uri=lines.uri)


def _records(found: Iterable[tuple[str, Any] | Reject], uri: str) -> Iterator[Placed | Reject]:
    for record in found:
        if isinstance(record, Reject):
            yield record
            continue
        place, values = record
        if isinstance(values, dict):
            yield Placed(place, values)
        else:
            yield Reject(place, "bad_record", f"a {type(values).__name__}, not an object", source_uri=uri)


CONNECTOR: Connector = JsonLines()

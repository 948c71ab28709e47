"""Find the connector that a file belongs to, by the file's content."""

from __future__ import annotations

from ingest.connector import Connector, Evidence
from ingest.json_stream import sample_json
from ingest.registry import available, find
from ingest.source import SourceFile
from ingest.tables_reader import kind_of_table, sample_with_columns


def recognise(file: SourceFile) -> tuple[Connector, Evidence] | None:
    """Give the connector that is surest of a file (of equals the first by name), or None where nobody knows it."""
    found = explain(file)
    return found[0] if found else None


def explain(file: SourceFile) -> list[tuple[Connector, Evidence]]:
    """Give every connector that believes in a file, the surest first, with its reasons."""
    sample = sample_with_columns(file)
    found = [(connector, connector.detect(sample)) for connector in available()]
    believed = [(connector, evidence) for connector, evidence in found if evidence is not None]
    return sorted(believed, key=lambda pair: (-pair[1].confidence, pair[0].name))


def generic(file: SourceFile) -> tuple[Connector, Evidence] | None:
    """Give the connector that reads a file through a mapping, whatever the file itself says; None for other files."""
    sample = file.sample
    if sample_json(sample):
        name = "jsonlines"
    elif kind_of_table(sample):
        name = "tables"
    else:
        return None
    return find(name), Evidence(1.0, ("read through a mapping",))

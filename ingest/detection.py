"""Find the connector that a file belongs to, by the file's content."""

from __future__ import annotations

from ingest.connector import Connector, Evidence
from ingest.registry import available
from ingest.source import SourceFile


def recognise(file: SourceFile) -> tuple[Connector, Evidence] | None:
    """Give the connector that is surest of a file (of equals the first by name), or None where nobody knows it."""
    found = explain(file)
    return found[0] if found else None


def explain(file: SourceFile) -> list[tuple[Connector, Evidence]]:
    """Give every connector that believes in a file, the surest first, with its reasons."""
    sample = file.sample
    found = [(connector, connector.detect(sample)) for connector in available()]
    believed = [(connector, evidence) for connector, evidence in found if evidence is not None]
    return sorted(believed, key=lambda pair: (-pair[1].confidence, pair[0].name))

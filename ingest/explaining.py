"""Say what files look like without reading them through: whose they are and why, and how they would be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.detection import explain, generic
from ingest.records import Reject
from ingest.shape import shape as shape_of_file
from ingest.source import SourceFile, walk
from ingest.suggest import suggest, template


@dataclass(frozen=True, slots=True)
class Explained:
    """A file, and lines on what it looks like. The lines may hold words from role columns, but no other value."""

    file: str
    lines: tuple[str, ...]


def explain_files(paths: Iterable[Path]) -> list[Explained]:
    """Explain every file under the paths."""
    return [_explain(file) for file in walk(paths)]


def _explain(file: SourceFile | Reject) -> Explained:
    if isinstance(file, Reject):
        return Explained(file.source_uri, (f"cannot be read: {file.detail}",))
    return Explained(file.uri, tuple(_lines(file)))


def _lines(file: SourceFile) -> Iterator[str]:
    found = explain(file)
    if not found:
        yield "no connector recognises it"
    for place, (connector, evidence) in enumerate(found):
        part = f", part {evidence.part}" if evidence.part else ""
        verb = "read as" if place == 0 else "could be"
        yield f"{verb} {connector.name}{part} ({evidence.confidence:.0%}): {'; '.join(evidence.reasons)}"
    through_mapping = generic(file)
    if found and through_mapping and found[0][0] is through_mapping[0]:
        yield from _columns(file)


def _columns(file: SourceFile) -> Iterator[str]:
    shape = shape_of_file(file)
    suggestion = suggest(shape) if shape is not None else None
    if shape is None or suggestion is None:
        return
    yield f"columns: {', '.join(shape.columns)}"
    yield from shape.notes
    yield from suggestion.reasons
    yield from suggestion.questions
    yield (
        "certain: read without asking"
        if suggestion.certain
        else "not certain: save this, mend it, and give it with --mapping"
    )
    yield from template(suggestion).splitlines()

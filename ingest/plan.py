"""Decide what to read: which files there are, whose they are, and which belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.connector import Connector, Evidence, Recognised
from ingest.detection import generic, recognise
from ingest.records import Reject
from ingest.registry import find
from ingest.source import SourceFile, walk

UNKNOWN = "no connector recognises it; of a table or JSON, a mapping can say where things are"


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """The files that are read together, the connector that reads them, and why."""

    connector: Connector
    evidence: Evidence
    files: tuple[Recognised, ...]
    hashes: tuple[str, ...]

    @property
    def uri(self) -> str:
        """Name the batch: its one file, or the folder of its files."""
        return self.files[0].file.uri if len(self.files) == 1 else self.files[0].file.group

    @property
    def name(self) -> str:
        """Name the batch in short."""
        return self.files[0].file.name if len(self.files) == 1 else Path(self.uri).name

    @property
    def size(self) -> int:
        """The size of its files on disk, in bytes."""
        return sum(recognised.file.path.stat().st_size for recognised in self.files)

    @property
    def encoding(self) -> str:
        """The encodings of its files."""
        return ", ".join(sorted({recognised.file.encoding for recognised in self.files}))


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be read, and what nobody knows how to read."""

    batches: tuple[PlannedBatch, ...]
    rejects: tuple[Reject, ...]


def plan(
    paths: Iterable[Path], *, connector: str | None = None, is_mapped: Callable[[SourceFile], bool] = lambda _: False
) -> Plan:
    """Look at every file under the paths and sort them into batches, in the order found.

    `is_mapped` tells whether there is a mapping for a file that says nothing of itself.

    Raises:
        UnknownConnector: there is no connector of that name.
    """
    forced = find(connector) if connector else None
    groups: dict[tuple[str, str], list[tuple[Connector, Evidence, SourceFile]]] = defaultdict(list)
    rejects: list[Reject] = []
    for file in walk(paths):
        if isinstance(file, Reject):
            rejects.append(file)
            continue
        found = (forced, forced.detect(file.sample) or _as_told(forced)) if forced else recognise(file)
        if found is None and is_mapped(file):
            found = generic(file)
        if found is None:
            rejects.append(Reject("file", "unexplained", UNKNOWN, source_uri=file.uri))
            continue
        owner, evidence = found
        groups[owner.name, file.group if owner.grouped else file.uri].append((owner, evidence, file))
    return Plan(tuple(_batch(members) for members in groups.values()), tuple(rejects))


def _as_told(connector: Connector) -> Evidence:
    return Evidence(1.0, (f"read as {connector.name}, as told",))


def _batch(members: list[tuple[Connector, Evidence, SourceFile]]) -> PlannedBatch:
    owner, evidence, _ = members[0]
    files = tuple(Recognised(file, found.part) for _, found, file in members)
    return PlannedBatch(owner, evidence, files, tuple(file.sha256() for _, _, file in members))

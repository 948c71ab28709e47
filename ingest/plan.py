"""Decide what to read: which files there are, whose they are, and which belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

from ingest.connector import Connector, Evidence, Recognised
from ingest.detection import generic, recognise
from ingest.files import DISK, Files
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
        """Name the batch: its one file, or the folder or archive of its files."""
        if len(self.files) == 1:
            return self.files[0].file.uri
        groups = {recognised.file.group for recognised in self.files}
        return groups.pop() if len(groups) == 1 else commonpath([group.partition("!")[0] for group in groups])

    @property
    def name(self) -> str:
        """Name the batch in short."""
        return self.files[0].file.name if len(self.files) == 1 else Path(self.uri).name

    @property
    def size(self) -> int:
        """The size of its files on disk, in bytes."""
        return sum(recognised.file.size for recognised in self.files)

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
    paths: Iterable[Path],
    *,
    connector: str | None = None,
    is_mapped: Callable[[SourceFile], bool] = lambda _: False,
    files: Files = DISK,
) -> Plan:
    """Look at every file under the paths and sort them into batches, in the order found.

    `is_mapped` tells whether there is a mapping for a file that says nothing of itself.

    Raises:
        UnknownConnector: there is no connector of that name.
    """
    forced = find(connector) if connector else None
    groups: dict[tuple[str, str], list[tuple[Connector, Evidence, SourceFile]]] = defaultdict(list)
    rejects: list[Reject] = []
    for path, file in ((top, file) for top in paths for file in walk([top], files)):
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
        groups[owner.name, _group(path, owner, evidence, file)].append((owner, evidence, file))
    return Plan(tuple(_batch(members) for members in groups.values()), tuple(rejects))


def _group(path: Path, owner: Connector, evidence: Evidence, file: SourceFile) -> str:
    """Name what a file is read together with: all of its kind under the path, or in its export's folder, or nothing."""
    if not owner.grouped:
        return file.uri
    is_below = file.files.is_folder(path) or file.member is not None
    return str(path) if evidence.spans_folders and is_below else file.above(evidence.above)


def _as_told(connector: Connector) -> Evidence:
    return Evidence(1.0, (f"read as {connector.name}, as told",))


def _batch(members: list[tuple[Connector, Evidence, SourceFile]]) -> PlannedBatch:
    owner, evidence, _ = members[0]
    files = tuple(Recognised(file, found.part) for _, found, file in members)
    return PlannedBatch(owner, evidence, files, tuple(file.sha256() for _, _, file in members))

"""What a connector is: it recognises files by their content and reads them as a stream of records."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ingest.mapping import Mapping
from ingest.records import Record
from ingest.source import Lines, Sample, SourceFile
from store.spool import Spool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a connector believes that a file is its own.

    `confidence` runs from 0 to 1: .9 and more means that nothing else looks like this, .5 that the shape fits many
    things. `reasons` are shown to people, so they name fields, never values. `part` says which of the connector's
    files this is ("tickets", "users"), for connectors that read several together. `spans_folders`: they also belong
    together where they lie in several folders of what is ingested (a mailbox's Inbox and Sent). `above`: they belong
    to one export whose top lies so many folders above this file.
    """

    confidence: float
    reasons: tuple[str, ...]
    part: str = ""
    spans_folders: bool = False
    above: int = 0


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file, and which of the connector's parts it is."""

    file: SourceFile
    part: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a connector is given to read: one file, or all the files of one folder where `grouped` is set.

    `spool` sorts what does not fit in memory: put (key, JSON value) pairs in any order, take them back grouped by key.
    """

    files: tuple[Recognised, ...]
    spool: Spool
    mapping: Mapping | None = None


class Connector(Protocol):
    """Read one export format. Instances hold no state; everything about a file travels in `Reading`."""

    name: str
    title: str
    version: int
    grouped: bool
    """Files of one folder or archive belong together (tickets, comments, users)."""
    mapped: bool
    """Files are read through a column mapping."""

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at the start of a file and say whether, and why, it is this connector's."""
        ...

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give every record as a conversation or a reject, in a stable order, never holding the whole file."""
        ...


@runtime_checkable
class ByLine(Protocol):
    """What a connector offers beside, whose records stand alone: lines are then read in several processes."""

    def by_line(self, reading: Reading) -> Callable[[Lines], Iterator[Record]] | None:
        """Give what reads lines of the one file, or None where its records are no lines, or belong together.

        It travels to other processes, so it stands at the top of a module.
        """
        ...

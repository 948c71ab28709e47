"""Turn what connectors read into chunks of rows: here, or piece by piece in processes beside this one.

A file whose lines can be read one without the other is cut into pieces, alike whatever the number of workers; a piece
makes a chunk, and chunks come in the file's order. So what is stored does not depend on how many there are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from ingest.connector import ByLine, Connector, Reading
from ingest.keys import to_json
from ingest.records import Conversation, Record, Reject
from ingest.rows import Rows, to_rows
from ingest.source import Lines, SourceFile
from store.errors import ChatmillError
from store.workers import Workers

logger = logging.getLogger(__name__)

TURNS_PER_CHUNK = 20_000
CHARACTERS_PER_CHUNK = 8_000_000

PIECE_BYTES = 2 * 1024 * 1024
"""About as many turns as a chunk has."""

SHARED_FROM = 8 * 1024 * 1024
"""A smaller file is read before workers have started: each takes half a second of a core to do so."""

TURN_BYTES = 20 * 1024 * 1024
"""Nobody says so much at once, and a longer one would not fit beside its copies in the loading database's memory."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """What is stored in one transaction."""

    rows: Rows
    rejects: list[Reject]
    records: int
    """The conversations read; of versions of one conversation `rows` hold the newest."""


@dataclass(frozen=True, slots=True)
class PackedChunk:
    """A chunk on its way between processes."""

    rows: tuple[bytes, ...]
    rejects: list[Reject]
    records: int


@dataclass(frozen=True, slots=True)
class Reader:
    """What makes rows of a batch's records; it travels to workers."""

    connector: Connector
    uri: str
    account: str
    version: int

    def chunks(self, reading: Reading, workers: Workers) -> Iterator[Chunk]:
        """Read a batch into chunks, in its own order.

        Raises:
            WorkerDied: a worker was killed.
        """
        read_lines = self.connector.by_line(reading) if isinstance(self.connector, ByLine) else None
        if read_lines is None:
            yield from map(self._chunk, _chunks(self.records(partial(self.connector.read, reading))))
            return
        (recognised,) = reading.files
        pieces = _pieces(recognised.file)
        if recognised.file.size < SHARED_FROM or workers.count == 1:
            yield from map(partial(self.piece, read_lines), pieces)
            return
        # What waits for the store, which is slower at times, waits packed.
        for packed in workers.map(partial(self.packed_piece, read_lines), pieces):
            yield Chunk(Rows.unpacked(packed.rows), packed.rejects, packed.records)

    def packed_piece(self, read_lines: Callable[[Lines], Iterator[Record]], lines: Lines) -> PackedChunk:
        """Read some lines of a file into a chunk for another process."""
        chunk = self.piece(read_lines, lines)
        return PackedChunk(chunk.rows.packed(), chunk.rejects, chunk.records)

    def piece(self, read_lines: Callable[[Lines], Iterator[Record]], lines: Lines) -> Chunk:
        """Read some lines of a file into a chunk."""
        first, last = (lines.numbered[place][0] if lines.numbered else 0 for place in (0, -1))
        return self._chunk(list(self.records(partial(read_lines, lines), of=f"lines {first} to {last}")))

    def records(self, read: Callable[[], Iterable[Record]], of: str = "the file") -> Iterator[Record]:
        """Read records; what cannot be stored, because nothing or far too much is said in it, becomes a reject."""
        for record in self._guarded(read, of):
            placed = record if record.source_uri else replace(record, source_uri=self.uri)
            yield _unfit(placed) or placed if isinstance(placed, Conversation) else placed

    def _guarded(self, read: Callable[[], Iterable[Record]], of: str) -> Iterator[Record]:
        """Read on in the face of a connector's own failure: what it gave is kept, and the failure is a reject."""
        try:
            yield from read()
        except ChatmillError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a hostile file brings about must not cost the other files
            name = type(error).__name__
            logger.warning("connector %s failed with %s", self.connector.name, name)
            yield Reject(
                f"the rest of {of}", "connector_failed", f"the connector failed with {name}", source_uri=self.uri
            )

    def _chunk(self, records: list[Record]) -> Chunk:
        conversations = [record for record in records if isinstance(record, Conversation)]
        rejects = [record for record in records if isinstance(record, Reject)]
        rows = to_rows(conversations, connector=self.connector.name, account=self.account, version=self.version)
        return Chunk(rows, rejects, len(conversations))


def _chunks(records: Iterable[Record]) -> Iterator[list[Record]]:
    held: list[Record] = []
    turns = characters = 0
    for record in records:
        held.append(record)
        turns += len(record.turns) if isinstance(record, Conversation) else 1
        characters += _characters(record)
        if turns >= TURNS_PER_CHUNK or characters >= CHARACTERS_PER_CHUNK:
            yield held
            held, turns, characters = [], 0, 0
    yield held


def _characters(record: Record) -> int:
    return sum([len(turn.text) for turn in record.turns]) if isinstance(record, Conversation) else len(record.raw)


def _unfit(conversation: Conversation) -> Reject | None:
    place, uri = conversation.place, conversation.source_uri
    if not conversation.turns:
        return Reject(place, "no_turns", "the conversation has no turns", raw=to_json(conversation), source_uri=uri)
    for number, turn in enumerate(conversation.turns, start=1):
        if 4 * len(turn.text) > TURN_BYTES and len(turn.text.encode("utf-8", "surrogatepass")) > TURN_BYTES:
            detail = f"turn {number} is longer than {TURN_BYTES:,} bytes"
            return Reject(place, "too_large", detail, raw=to_json(conversation), source_uri=uri)
    return None


def _pieces(file: SourceFile) -> Iterator[Lines]:
    """Cut a file between its lines."""
    held: list[tuple[int, bytes | Reject]] = []
    size = 0
    for number, line in file.raw_lines():
        if size >= PIECE_BYTES:
            # The empty line says that the file goes on, so that a broken line before it is not taken for a cut-off end.
            yield Lines(file.uri, file.encoding, (*held, (number, b"")))
            held, size = [], 0
        held.append((number, line))
        size += len(line.raw if isinstance(line, Reject) else line)
    yield Lines(file.uri, file.encoding, tuple(held))

"""Look at a drop before it is imported: whose files these are and why, the first conversations, what does not fit.

Nothing is stored. What this gives holds conversation text: for the page of who dropped it, or may see originals.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from ingest.columns import samples, words_of
from ingest.connector import Reading
from ingest.loading import LOADER_VERSION
from ingest.mapping import Mapping
from ingest.plan import PlannedBatch, plan
from ingest.records import REJECT_REASONS, Conversation, Record, Reject
from ingest.rows import to_rows
from ingest.saved_mappings import fitting
from ingest.shape import Shape
from ingest.shape import shape as shape_of_file
from ingest.source import SourceFile
from ingest.suggest import Suggestion, suggest
from ingest.words import role_of
from service.drops.drops import Drop, path_of
from service.drops.sealed_files import files_of
from store.database import Store
from store.errors import UsageError
from store.workspace import Workspace

CONVERSATIONS_SHOWN, TURNS_SHOWN, TEXT_SHOWN, ROW_ERRORS_SHOWN = 10, 30, 1200, 20
SECONDS = 8.0
"""A look ends after this, with what it has: joining a large export takes longer, and the import does that anyway."""
BATCHES_SHOWN = 25
VALUE_SHOWN = 80


@dataclass(frozen=True, slots=True)
class SeenTurn:
    """One turn as the page shows it."""

    role: str
    kind: str
    is_internal: bool
    text: str


@dataclass(frozen=True, slots=True)
class SeenConversation:
    """One conversation, its first turns, and how many more there are."""

    place: str
    subject: str | None
    turns: tuple[SeenTurn, ...]
    more: int


@dataclass(frozen=True, slots=True)
class RowError:
    """A record that would be rejected: where it stands, why, and what exactly."""

    place: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table or JSON file is, or would be, read: its columns with samples, and what is open.

    `name` is that of the saved mapping, `words` what stands in the role column with the role that each means ("" where
    nobody knows).
    """

    mapping: Mapping | None
    name: str | None
    columns: dict[str, tuple[str, ...]]
    words: dict[str, str]
    reasons: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def is_certain(self) -> bool:
        """Tell whether it can be read without asking."""
        return self.name is not None or (self.mapping is not None and not self.questions)


@dataclass(frozen=True, slots=True)
class SeenBatch:
    """Files that are read together, and what a look at them gave."""

    uri: str
    name: str
    files: int
    bytes: int
    encoding: str
    connector: str
    title: str
    confidence: float
    reasons: tuple[str, ...]
    is_again: bool
    columns: Columns | None
    conversations: tuple[SeenConversation, ...]
    errors: tuple[RowError, ...]
    problem: UsageError | None
    is_cut_short: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What a drop holds. `more` batches are not shown, but are imported like the others."""

    batches: tuple[SeenBatch, ...]
    unread: tuple[RowError, ...]
    more: int

    @property
    def open_questions(self) -> int:
        """How many batches cannot be read before somebody says which column is what."""
        return sum(1 for batch in self.batches if batch.columns is not None and not batch.columns.is_certain)


def look_at(workspace: Workspace, store: Store, drop: Drop) -> Look:
    """Look at every batch of a drop, up to a few conversations and seconds each."""
    # Tables and JSON that nobody recognises are shown too, so that people can say which column is what.
    planned = plan(
        [path_of(drop.drop_id)], connector=drop.connector, is_mapped=lambda _: True, files=files_of(workspace, drop)
    )
    unread = tuple(
        RowError(_short(reject.source_uri, drop), REJECT_REASONS[reject.code], reject.detail)
        for reject in planned.rejects
    )
    shown = planned.batches[:BATCHES_SHOWN]
    batches = tuple(_look(workspace, store, drop, batch) for batch in shown)
    return Look(batches, unread, len(planned.batches) - len(shown))


def columns_of(workspace: Workspace, file: SourceFile, given: Mapping | None = None) -> Columns | None:
    """Say how a file with columns would be read, by the mapping given or else saved or suggested; None without any."""
    shape = shape_of_file(file)
    if shape is None:
        return None
    name, saved = fitting(workspace, file) or (None, None)
    suggestion = suggest(shape)
    mapping = given or saved or (suggestion.mapping if suggestion else None)
    is_suggested = given is None and saved is None
    return Columns(
        mapping=mapping,
        name=name,
        columns={name: tuple(value[:VALUE_SHOWN] for value in values) for name, values in samples(shape).items()},
        words=_words(shape, mapping),
        reasons=suggestion.reasons if suggestion and is_suggested else (),
        questions=_questions(suggestion) if is_suggested else (),
    )


def find_batch(workspace: Workspace, drop: Drop, uri: str) -> SourceFile | None:
    """Give the first file of the batch of that name; None where the drop has no such batch."""
    planned = plan(
        [path_of(drop.drop_id)], connector=drop.connector, files=files_of(workspace, drop), is_mapped=lambda _: True
    )
    found = next((batch for batch in planned.batches if batch.uri == uri), None)
    return found.files[0].file if found else None


def _questions(suggestion: Suggestion | None) -> tuple[str, ...]:
    return suggestion.questions if suggestion else ("Which column holds what was said (text)?",)


def _words(shape: Shape, mapping: Mapping | None) -> dict[str, str]:
    if mapping is None or mapping.role is None:
        return {}
    return {word: mapping.roles.get(word) or role_of(word) or "" for word in words_of(shape, mapping)}


def _look(workspace: Workspace, store: Store, drop: Drop, batch: PlannedBatch) -> SeenBatch:
    first = batch.files[0].file
    columns, problem = None, None
    records: list[Record] = []
    is_cut_short = False
    try:
        if batch.connector.mapped:
            columns = columns_of(workspace, first)
        if columns is None or columns.is_certain:
            mapping = columns.mapping if columns else None
            records, is_cut_short = _first_records(store, batch, mapping)
    except UsageError as error:
        problem = error
    conversations = [record for record in records if isinstance(record, Conversation) and record.turns]
    rejects = [record for record in records if isinstance(record, Reject)]
    return SeenBatch(
        uri=batch.uri,
        name=_short(batch.uri, drop),
        files=len(batch.files),
        bytes=batch.size,
        encoding=batch.encoding,
        connector=batch.connector.name,
        title=batch.connector.title,
        confidence=batch.evidence.confidence,
        reasons=batch.evidence.reasons,
        is_again=_is_again(store, batch),
        columns=columns,
        conversations=tuple(_seen(conversations[:CONVERSATIONS_SHOWN], batch)),
        errors=tuple(RowError(one.place, REJECT_REASONS[one.code], one.detail) for one in rejects),
        problem=problem,
        is_cut_short=is_cut_short,
    )


def _first_records(store: Store, batch: PlannedBatch, mapping: Mapping | None) -> tuple[list[Record], bool]:
    """Read until there are enough conversations or errors, or it takes too long."""
    spool = store.spool()
    until = time.monotonic() + SECONDS
    records: list[Record] = []
    found = errors = 0
    reading = batch.connector.read(Reading(batch.files, spool=spool, mapping=mapping))
    try:
        for record in reading:
            is_conversation = isinstance(record, Conversation)
            found, errors = found + is_conversation, errors + (not is_conversation)
            if is_conversation or errors <= ROW_ERRORS_SHOWN:
                records.append(record)
            if found >= CONVERSATIONS_SHOWN or time.monotonic() > until:
                return records, True
    finally:
        close: Any = getattr(reading, "close", None)
        if close is not None:
            close()
        spool.close()
    return records, False


def _seen(conversations: list[Conversation], batch: PlannedBatch) -> Iterator[SeenConversation]:
    """Show conversations as they would be stored: cleaned, in reading order."""
    for conversation in conversations:
        rows = to_rows([conversation], connector=batch.connector.name, account="", version=LOADER_VERSION)
        turns = rows.turns.sort("position").to_dicts()
        yield SeenConversation(
            place=conversation.place,
            subject=conversation.subject,
            turns=tuple(_turn(turn) for turn in islice(turns, TURNS_SHOWN)),
            more=max(0, len(turns) - TURNS_SHOWN),
        )


def _turn(turn: dict[str, Any]) -> SeenTurn:
    text = str(turn["text"])
    shown = text if len(text) <= TEXT_SHOWN else text[:TEXT_SHOWN] + " …"
    return SeenTurn(turn["role"], turn["kind"], turn["visibility"] != "public", shown)


def _is_again(store: Store, batch: PlannedBatch) -> bool:
    """Tell whether a batch of exactly these files was read to its end before."""
    hashes = " ".join(batch.hashes)
    return bool(store.value("SELECT count(*) FROM batches WHERE file_sha256 = ? AND status = 'done'", [hashes]))


def _short(uri: str, drop: Drop) -> str:
    """Name a file without the drop's own folder."""
    return uri.removeprefix(str(path_of(drop.drop_id))).lstrip("/!") or PurePosixPath(drop.title).name

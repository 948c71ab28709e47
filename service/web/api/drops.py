"""Adding transcripts, for scripts: open a drop, send its files, import it; and the batches that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Header, Path, Request
from pydantic import BaseModel, Field

from ingest.mapping import from_values, paths
from ingest.records import REJECT_REASONS
from ingest.saved_mappings import save_mapping
from service.drops import drops
from service.drops.looking import SeenBatch, look_at
from service.web.api.tasks import Task, describe
from service.web.dependencies import Reader, Service, Writer, needs
from service.web.errors import NotThere
from service.web.paging import After, Limit, decode, encode
from service.web.streaming import body_of, length_of
from store import history

router = APIRouter(tags=["transcripts"])

DropId = Annotated[str, Path(description="The drop's id.")]
BATCH_COLUMNS = "batch_id, connector, source_uri, status, started_at, finished_at, conversations, turns, rejects"
FILE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The file's bytes, as they are.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class File(BaseModel):
    """One file of a drop."""

    file_name: str
    bytes: int
    sha256: str


class Drop(BaseModel):
    """Files that are imported together; they lie sealed until then."""

    drop_id: str
    status: str = Field(description="open, importing or imported.")
    connector: str | None = Field(description="As chosen; null: each file as recognised.")
    dropped_by: str
    dropped_at: datetime
    files: list[File]


class Reject(BaseModel):
    """A record that could not become a conversation; what it holds is not shown."""

    source_uri: str
    place: str
    code: str
    reason: str
    detail: str


class SeenError(BaseModel):
    """A record that would be rejected, or a file that cannot be read."""

    place: str
    reason: str
    detail: str


class Seen(BaseModel):
    """Files that would be read together, as far as a look tells."""

    uri: str
    connector: str
    confidence: float
    reasons: list[str]
    is_again: bool = Field(description="Exactly these files were read before.")
    columns: list[str] = Field(description="Of tables and JSON.")
    questions: list[str] = Field(description="What a mapping has to say; until then they are set aside.")
    conversations: int = Field(description="Found so far: a look ends after ten.")
    errors: list[SeenError]


class Look(BaseModel):
    """What a drop holds; no text of a conversation."""

    batches: list[Seen]
    unread: list[SeenError]
    more: int = Field(description="So many batches are not shown; they are imported too.")


class NewMapping(BaseModel):
    """Which column holds what, as in docs/tasks/map_columns.md."""

    layout: Literal["turn", "conversation"]
    body_format: Literal["text", "html", "mail", "html_mail"] = "text"
    fields: dict[str, str] = Field(default={}, description="Columns or paths by field, as text, role, conversation_id.")
    roles: dict[str, str] = Field(default={}, description="customer, agent, bot or system by the file's own word.")
    visibilities: dict[str, str] = Field(default={}, description="public or internal by the file's own word.")


class SavedMapping(BaseModel):
    """A mapping that was kept."""

    name: str


class Choice(BaseModel):
    """How to read a drop."""

    connector: str | None = Field(default=None, description="Null: each file as recognised.")


class Batch(BaseModel):
    """Files that were read together."""

    batch_id: str
    connector: str
    source_uri: str
    status: str = Field(description="running, done or failed.")
    started_at: datetime
    finished_at: datetime | None
    conversations: int
    turns: int
    rejects: int


class Batches(BaseModel):
    """A page of batches, the newest first."""

    batches: list[Batch]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


class Rejects(BaseModel):
    """The first rejects of a batch."""

    rejects: list[Reject]


@router.post("/drops", status_code=201, dependencies=[needs("lead")])
def open_drop(writer: Writer) -> Drop:
    """Open a drop."""
    return _drop(drops.new_drop(writer))


@router.get("/drops/{drop_id}", dependencies=[needs("lead")])
def get_drop(reader: Reader, drop_id: DropId) -> Drop:
    """Give a drop and its files."""
    return _drop(drops.find_drop(reader, drop_id))


@router.post("/drops/{drop_id}/files", status_code=201, dependencies=[needs("lead")], openapi_extra=FILE_BODY)
def add_file(
    request: Request,
    writer: Writer,
    service: Service,
    drop_id: DropId,
    file_name: Annotated[str, Header(description="Its name, percent-encoded; folders stand before it.")],
) -> File:
    """Send a file, of any size, as the body."""
    received = drops.receive(
        service.workspace,
        writer,
        drops.find_drop(writer, drop_id),
        name=unquote(file_name),
        length=length_of(request),
        chunks=body_of(request),
    )
    return File.model_validate(received, from_attributes=True)


@router.put("/drops/{drop_id}/connector", dependencies=[needs("lead")])
def choose_connector(writer: Writer, drop_id: DropId, choice: Choice) -> Drop:
    """Say how to read a drop."""
    drops.choose_connector(writer, drop_id, choice.connector)
    return _drop(drops.find_drop(writer, drop_id))


@router.get("/drops/{drop_id}/look", dependencies=[needs("lead")])
def look(writer: Writer, service: Service, drop_id: DropId) -> Look:
    """Say whose files a drop holds, what would be rejected, and what a mapping has to say."""
    seen = look_at(service.workspace, writer, drops.find_drop(writer, drop_id))
    return Look(
        batches=[_seen(batch) for batch in seen.batches],
        unread=[SeenError.model_validate(one, from_attributes=True) for one in seen.unread],
        more=seen.more,
    )


@router.put("/mappings/{name}", dependencies=[needs("lead")])
def keep_mapping(
    writer: Writer, service: Service, name: Annotated[str, Path(description="Its name.")], mapping: NewMapping
) -> SavedMapping:
    """Keep which column is what; files with these columns are read by it from now on."""
    values = mapping.fields | mapping.model_dump(exclude={"fields"})
    kept = from_values(values, source="the mapping")
    save_mapping(service.workspace, name, kept)
    history.record(writer, "save mapping", subject=name, after={"columns": len(paths(kept))})
    return SavedMapping(name=name)


@router.post("/drops/{drop_id}/import", status_code=202, dependencies=[needs("lead")])
def import_drop(writer: Writer, service: Service, drop_id: DropId) -> Task:
    """Import a drop in the background."""
    with writer.transaction():
        drops.find_drop(writer, drop_id)
        task = service.tasks.ask(writer, "ingest", {"drop": drop_id})
        drops.give(writer, drop_id, task.task_id)
    return describe(service, task)


@router.delete("/drops/{drop_id}", status_code=204, dependencies=[needs("lead")])
def discard(writer: Writer, service: Service, drop_id: DropId) -> None:
    """Throw a drop away, unread."""
    drops.discard(service.workspace, writer, drop_id)


@router.get("/batches")
def list_batches(reader: Reader, after: After = None, limit: Limit = 50) -> Batches:
    """List batches, the newest first."""
    place = decode(after, (datetime, str))
    where, params = ("", []) if place is None else ("WHERE (started_at, batch_id) < (?, ?)", place)
    rows = reader.rows(
        f"SELECT {BATCH_COLUMNS} FROM batches {where} ORDER BY started_at DESC, batch_id DESC LIMIT ?",
        [*params, limit + 1],
    )
    found = [Batch(**dict(zip(Batch.model_fields, row, strict=True))) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    return Batches(batches=found[:limit], next=encode(last.started_at, last.batch_id) if last else None)


@router.get("/batches/{batch_id}/rejects")
def list_rejects(
    reader: Reader, batch_id: Annotated[str, Path(description="The batch's id.")], limit: Limit = 50
) -> Rejects:
    """List the first rejects of a batch: where they stand and why."""
    if not reader.value("SELECT count(*) FROM batches WHERE batch_id = ?", [batch_id]):
        raise NotThere("There is no such batch.", hint="GET /api/v1/batches lists them.")
    rows = reader.rows(
        "SELECT source_uri, place, code, detail FROM rejects WHERE batch_id = ? ORDER BY source_uri, place LIMIT ?",
        [batch_id, limit],
    )
    return Rejects(
        rejects=[
            Reject(source_uri=uri, place=place, code=code, reason=REJECT_REASONS.get(code, ""), detail=detail)
            for uri, place, code, detail in rows
        ]
    )


def _seen(batch: SeenBatch) -> Seen:
    problem = [] if batch.problem is None else [batch.problem.message]
    return Seen(
        uri=batch.uri,
        connector=batch.connector,
        confidence=batch.confidence,
        reasons=list(batch.reasons),
        is_again=batch.is_again,
        columns=list(batch.columns.columns) if batch.columns else [],
        questions=[*(batch.columns.questions if batch.columns else ()), *problem],
        conversations=len(batch.conversations),
        errors=[SeenError.model_validate(one, from_attributes=True) for one in batch.errors],
    )


def _drop(drop: drops.Drop) -> Drop:
    return Drop.model_validate(drop, from_attributes=True)

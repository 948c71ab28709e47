"""Add transcripts: drop files in, see whose they are and how they read, say which column is what, import."""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from ingest.mapping import BODY_FORMATS, LAYOUTS, TURN_FIELDS, TURN_ROLES, Mapping, from_values, paths
from ingest.records import REJECT_REASONS
from ingest.registry import available
from ingest.saved_mappings import fitting, save_mapping, saved_mappings
from service.drops import drops
from service.drops.drops import Drop
from service.drops.looking import columns_of, find_batch, look_at
from service.web.dependencies import Posted, Reader, Service, Signed, Writer, needs
from service.web.errors import Conflict, NotThere
from service.web.people import Person
from service.web.rendering import page
from service.web.server import Server
from service.web.streaming import body_of, length_of
from store import history
from store.database import Store

router = APIRouter(dependencies=[needs("lead")])

MAIN_FIELDS = {
    "conversation_id": "Conversation",
    "turns": "Turns",
    "text": "What was said",
    "role": "Who speaks",
    "created_at": "When it was said",
    "visibility": "Public or internal",
    "author": "Name of who speaks",
}
MORE_FIELDS = {
    "author_email": "E-mail of who speaks",
    "turn_id": "Turn's own id",
    "kind": "Kind of turn",
    "turn_language": "Language of the turn",
    "subject": "Subject",
    "channel": "Channel",
    "status": "Status",
    "priority": "Priority",
    "tags": "Tags",
    "language": "Language",
    "csat": "Rating",
    "customer_id": "Customer's id",
    "customer_name": "Customer's name",
    "customer_email": "Customer's e-mail",
    "customer_phone": "Customer's phone",
    "agent_name": "Agent's name",
    "agent_email": "Agent's e-mail",
    "conversation_created_at": "Conversation began",
    "conversation_updated_at": "Conversation changed",
}
"""The fields of a mapping in the words of the page."""

CHOICES: dict[str, Any] = {
    "turn_fields": TURN_FIELDS,
    "layouts": LAYOUTS,
    "body_formats": BODY_FORMATS,
    "roles": TURN_ROLES,
    "main": MAIN_FIELDS,
    "more": MORE_FIELDS,
}


@router.get("/add")
def show_add(request: Request, reader: Reader) -> Response:
    """Ask for files."""
    return page(request, "add.html", open=drops.open_drops(reader), connectors=available())


@router.post("/add")
def open_drop(writer: Writer) -> Response:
    """Open a drop, for the files that follow."""
    drop = drops.new_drop(writer)
    return JSONResponse({"drop": drop.drop_id}, HTTPStatus.CREATED)


@router.post("/add/{drop_id}/files")
def add_file(request: Request, writer: Writer, service: Service, drop_id: str) -> Response:
    """Take one file, as the body; its name stands in a header, percent-encoded, so that no address holds it."""
    name = unquote(request.headers.get("file-name", ""))
    drop = drops.find_drop(writer, drop_id)
    received = drops.receive(
        service.workspace, writer, drop, name=name, length=length_of(request), chunks=body_of(request)
    )
    return JSONResponse({"name": received.file_name, "bytes": received.bytes}, HTTPStatus.CREATED)


@router.get("/add/{drop_id}")
def show_drop(request: Request, reader: Reader, drop_id: str) -> Response:
    """Show a drop's files; what is in them follows in a piece of its own, as it takes a while."""
    drop = drops.find_drop(reader, drop_id)
    return page(
        request, "drop.html", drop=drop, before=drops.imported_before(reader, drop), connectors=available(),
        imported=_imported(reader, drop),
    )  # fmt: skip


@router.get("/add/{drop_id}/look")
def look(request: Request, writer: Writer, service: Service, person: Signed, drop_id: str) -> Response:
    """Show whose files these are, how they read, and the first conversations."""
    return _look(request, writer, service, person, drops.find_drop(writer, drop_id))


@router.post("/add/{drop_id}/connector")
def choose_connector(writer: Writer, drop_id: str, connector: Annotated[str, Form()] = "") -> Response:
    """Read the whole drop with one connector, or as recognised."""
    drops.choose_connector(writer, drop_id, connector or None)
    return RedirectResponse(f"/add/{drop_id}", HTTPStatus.SEE_OTHER)


@router.post("/add/{drop_id}/mapping")
def keep_mapping(
    request: Request, writer: Writer, service: Service, person: Signed, form: Posted, drop_id: str
) -> Response:
    """Keep which column is what under a name and look again; or, while it is being filled in, show it anew."""
    drop = drops.find_drop(writer, drop_id)
    uri = str(form.get("uri", ""))
    file = find_batch(service.workspace, drop, uri)
    if file is None:
        raise NotThere("These files are not in the drop any more.", hint="Load the page again.")
    mapping = _posted_mapping(form)
    if form.get("do") != "keep":
        columns = columns_of(service.workspace, file, mapping)
        name = str(form.get("name", ""))
        return page(request, "_mapping.html", drop=drop, uri=uri, columns=columns, name=name, choices=CHOICES)
    name = str(form.get("name", "")).strip()
    present = fitting(service.workspace, file)
    taken = {path.stem for path in saved_mappings(service.workspace)} - {present[0] if present else None}
    if name in taken:
        raise Conflict(f"There is a mapping called {name} for other columns.", hint="Choose another name.")
    save_mapping(service.workspace, name, mapping)
    history.record(writer, "save mapping", subject=name, after={"columns": len(paths(mapping))})
    return _look(request, writer, service, person, drop)


@router.post("/add/{drop_id}/import")
def import_drop(writer: Writer, service: Service, drop_id: str, curate: Annotated[str, Form()] = "") -> Response:
    """Import in the background, and curate afterwards where asked."""
    with writer.transaction():
        task = service.tasks.ask(writer, "ingest", {"drop": drop_id})
        drops.give(writer, drop_id, task.task_id)
        if curate:
            service.tasks.ask(writer, "curate")
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


@router.post("/add/{drop_id}/discard")
def discard(writer: Writer, service: Service, drop_id: str) -> Response:
    """Throw the files away, unread."""
    drops.discard(service.workspace, writer, drop_id)
    return RedirectResponse("/add", HTTPStatus.SEE_OTHER)


def suggested_name(drop: Drop, uri: str) -> str:
    """Suggest a name for a mapping: that of the file, of letters, digits, - and _."""
    stem = PurePosixPath(uri.rpartition("!")[2]).name.partition(".")[0] or drop.drop_id
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:40] or "columns"


def _look(request: Request, store: Store, service: Server, person: Person, drop: Drop) -> Response:
    """Show the look; the texts in it are for who dropped the files, and who may see originals."""
    may_see = person.may_reveal or drop.dropped_by == person.name
    seen = look_at(service.workspace, store, drop)
    if may_see and any(batch.conversations for batch in seen.batches):
        history.record(store, "preview", subject=drop.drop_id)
    return page(
        request, "_look.html", drop=drop, look=seen, may_see=may_see, choices=CHOICES, suggested_name=suggested_name
    )


def _posted_mapping(form: FormData) -> Mapping:
    """Read a mapping from the page's form: `field.NAME` a column, `word` and `means` in pairs."""
    values: dict[str, Any] = {name: str(form[name]) for name in ("layout", "body_format") if form.get(name)}
    for field in (*MAIN_FIELDS, *MORE_FIELDS):
        if column := str(form.get(f"field.{field}", "")):
            values[field] = column
    if values.get("layout") != "conversation":
        values.pop("turns", None)
    pairs = zip(form.getlist("word"), form.getlist("means"), strict=False)
    values["roles"] = {str(word): str(means) for word, means in pairs if means}
    visible = zip(form.getlist("visible_word"), form.getlist("visible_means"), strict=False)
    values["visibilities"] = {str(word): str(means) for word, means in visible if means}
    return from_values(values, source="the form")


def _imported(store: Store, drop: Drop) -> list[tuple[Any, ...]]:
    """Give the batches that came of a drop, and of each the first rejects: place, reason, detail."""
    prefix = str(drops.path_of(drop.drop_id))
    rows = store.rows(
        "SELECT batch_id, connector, source_uri, status, conversations, turns, rejects, superseded FROM batches "
        "WHERE starts_with(source_uri, ?) ORDER BY started_at, batch_id LIMIT 100",
        [prefix],
    )
    return [(*row[1:], row[2].removeprefix(prefix).lstrip("/"), _rejects(store, row[0])) for row in rows]


def _rejects(store: Store, batch_id: str) -> list[tuple[str, str, str]]:
    rows = store.rows(
        "SELECT place, code, detail FROM rejects WHERE batch_id = ? ORDER BY source_uri, place LIMIT 50", [batch_id]
    )
    return [(place, REJECT_REASONS.get(code) or code, detail) for place, code, detail in rows]

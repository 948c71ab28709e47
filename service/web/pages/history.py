"""History: who did what, when, what was before and after. Never a value of a conversation."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from service.web.dependencies import Reader, Service
from service.web.paging import After, decode, encode
from service.web.rendering import page
from service.web.server import Server
from store.history_reading import Entry, actors, entries

router = APIRouter()

SHOWN = 50
WRITTEN_AT_ONCE = 5000
FORMULAS = ("=", "+", "-", "@", "\t", "\r")

Actor = Annotated[str, Query(max_length=200)]
Words = Annotated[str, Query(max_length=200)]


@router.get("/history")
def show_history(
    request: Request, reader: Reader, after: After = None, actor: Actor = "", words: Words = ""
) -> Response:
    """Show what happened, the newest first."""
    found = entries(reader, after=decode(after, (datetime, int)), limit=SHOWN + 1, actor=actor, words=words)
    last = found[SHOWN - 1] if len(found) > SHOWN else None
    return page(
        request, "history.html", entries=found[:SHOWN], actors=actors(reader), actor=actor, words=words, after=after,
        next=encode(last.happened_at, last.number) if last else None, change=describe_change,
    )  # fmt: skip


@router.get("/history.csv")
def download_history(service: Service, actor: Actor = "", words: Words = "") -> Response:
    """Give everything that the filter lets through, as CSV."""
    name = {"Content-Disposition": 'attachment; filename="history.csv"'}
    return StreamingResponse(_as_csv(service, actor, words), media_type="text/csv; charset=utf-8", headers=name)


def describe_change(entry: Entry) -> str:
    """Say what was before and is now, field by field where both have fields."""
    before, after = entry.before, entry.after
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        return "; ".join(f"{name}: {_word(before.get(name))} → {_word(after.get(name))}" for name in names)
    if before is None:
        return _fields(after)
    return f"{_fields(before)} → {_fields(after)}" if after is not None else f"was {_fields(before)}"


def _fields(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    return (
        "; ".join(f"{name}: {_word(one)}" for name, one in value.items()) if isinstance(value, dict) else _word(value)
    )


def _word(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _as_csv(service: Server, actor: str, words: str) -> Iterator[str]:
    """Write page by page, so that memory does not grow with the history."""
    yield "when,who,what,on,before,after\r\n"
    after: list[Any] | None = None
    with service.store.another() as store:
        while found := entries(store, after=after, limit=WRITTEN_AT_ONCE, actor=actor, words=words):
            out = io.StringIO()
            writer = csv.writer(out)
            for entry in found:
                cells = [entry.happened_at.isoformat(), entry.actor, entry.action, entry.subject]
                writer.writerow(_plain(cell) for cell in (*cells, _fields(entry.before), _fields(entry.after)))
            yield out.getvalue()
            after = [found[-1].happened_at, found[-1].number]


def _plain(cell: str) -> str:
    """Keep spreadsheets from taking a cell for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell

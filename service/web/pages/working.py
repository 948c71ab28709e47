"""The piece of a page that waits for work in the background, and loads the page anew once it is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from service.background.tasks import TaskRow, newest_of, open_tasks
from service.web.dependencies import Reader, Service
from service.web.rendering import page
from store.database import Store

router = APIRouter()

Kinds = Annotated[list[str], Query(max_length=20)]


@router.get("/working")
def show_working(request: Request, reader: Reader, service: Service, kind: Kinds) -> Response:
    """Show what of these kinds runs; the page that asks is loaded anew when nothing does any more."""
    open_now = working(reader, kind)
    answer = page(request, "_working.html", working=open_now, tasks=service.tasks)
    if not open_now:
        answer.headers["HX-Refresh"] = "true"
    return answer


def working(store: Store, kinds: Sequence[str]) -> list[TaskRow]:
    """Give the open tasks of some kinds."""
    return [task for task in open_tasks(store) if task.kind in kinds]


def failed(store: Store, kinds: Sequence[str]) -> TaskRow | None:
    """Give the newest task of some kinds where it failed."""
    newest = newest_of(store, kinds)
    return newest if newest is not None and newest.status == "failed" else None

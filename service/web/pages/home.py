"""The home page: what each batch needs next, and what runs in the background."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from service.background.tasks import ended_tasks, open_tasks
from service.web.dependencies import Reader, Service, Writer, needs
from service.web.rendering import page

router = APIRouter()


@router.get("/")
def show_home(request: Request, reader: Reader, service: Service) -> Response:
    """Show where things stand."""
    return page(request, "home.html", tasks=service.tasks, open=open_tasks(reader), ended=ended_tasks(reader))


@router.get("/tasks")
def show_tasks(request: Request, reader: Reader, service: Service) -> Response:
    """Show what runs; the page asks for this piece again while something does."""
    return page(request, "_tasks.html", tasks=service.tasks, open=open_tasks(reader), ended=ended_tasks(reader))


@router.post("/tasks/{task_id}/cancel", dependencies=[needs("lead")])
def cancel_task(request: Request, writer: Writer, service: Service, task_id: str) -> Response:
    """Stop a task."""
    service.tasks.cancel(writer, task_id)
    return show_tasks(request, writer, service)


@router.post("/tasks/{task_id}/resume", dependencies=[needs("lead")])
def resume_task(request: Request, writer: Writer, service: Service, task_id: str) -> Response:
    """Let a task go on."""
    service.tasks.resume(writer, task_id)
    return show_tasks(request, writer, service)

"""Work in the background, for scripts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from service.background.kinds import find_kind
from service.background.tasks import TaskRow, find_task, tasks_page
from service.web.dependencies import Reader, Service, Signed, Writer, needs
from service.web.paging import After, Limit, decode, encode
from service.web.people import require
from service.web.server import Server

router = APIRouter(tags=["tasks"])

TaskId = Annotated[str, Path(description="The task's id.")]


class Standing(BaseModel):
    """How far a running task is."""

    label: str = Field(description="The piece of work at hand.")
    done: int = Field(description="Units that are done.")
    total: int | None = Field(description="Units there are; null where unknown.")
    rate: float | None = Field(description="Units a second.")
    seconds_left: float | None = Field(description="At this rate.")


class Task(BaseModel):
    """A piece of work in the background."""

    task_id: str
    kind: str = Field(description="ingest, curate, export, audit, ...")
    status: str = Field(description="waiting, running, done, failed, cancelled or interrupted.")
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    progress: Standing | None = Field(description="While it runs.")
    result: dict[str, Any] | None = Field(description="Figures, once it is done.")
    problem: dict[str, str] | None = Field(description="Why it failed: code, message and hint.")


class Tasks(BaseModel):
    """A page of tasks, the last asked first."""

    tasks: list[Task]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


class NewTask(BaseModel):
    """Work to be done."""

    kind: str = Field(description="ingest, curate, export, audit, ...")
    arguments: dict[str, Any] = Field(default={}, description="What the kind of work takes.")


@router.get("/tasks")
def list_tasks(reader: Reader, service: Service, after: After = None, limit: Limit = 50) -> Tasks:
    """List tasks, the last asked first."""
    found = tasks_page(reader, after=decode(after, (datetime, str)), limit=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Tasks(
        tasks=[describe(service, task) for task in found[:limit]],
        next=None if last is None else encode(last.asked_at, last.task_id),
    )


@router.post("/tasks", status_code=202)
def start_task(writer: Writer, service: Service, person: Signed, asked: NewTask) -> Task:
    """Start work in the background; follow it with `GET /tasks/{task_id}`."""
    require(person, find_kind(asked.kind).role)
    return describe(service, service.tasks.ask(writer, asked.kind, asked.arguments))


@router.get("/tasks/{task_id}")
def get_task(reader: Reader, service: Service, task_id: TaskId) -> Task:
    """Give one task, with its progress while it runs."""
    return describe(service, find_task(reader, task_id))


@router.post("/tasks/{task_id}/cancel", dependencies=[needs("lead")])
def cancel_task(writer: Writer, service: Service, task_id: TaskId) -> Task:
    """Stop a task; it can be resumed from where it was."""
    return describe(service, service.tasks.cancel(writer, task_id))


@router.post("/tasks/{task_id}/resume", dependencies=[needs("lead")])
def resume_task(writer: Writer, service: Service, task_id: TaskId) -> Task:
    """Let a task go on that failed, was cancelled or interrupted."""
    return describe(service, service.tasks.resume(writer, task_id))


def describe(service: Server, task: TaskRow) -> Task:
    """Give a task as the API shows it."""
    now = service.tasks.standing(task.task_id)
    return Task(
        task_id=task.task_id, kind=task.kind, status=task.status, asked_by=task.asked_by, asked_at=task.asked_at,
        started_at=task.started_at, finished_at=task.finished_at,
        progress=None if now is None else Standing(
            label=now.label, done=now.done, total=now.total, rate=now.rate, seconds_left=now.left
        ),
        result=None if task.result is None else dict(task.result),
        problem=None if task.problem is None else dict(task.problem),
    )  # fmt: skip

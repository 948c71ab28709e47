"""The home page: what each batch needs next, and what runs in the background."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.background.tasks import ended_tasks, open_tasks
from service.drops.drops import open_drops
from service.standing import Standing
from service.web.dependencies import Reader, Service, Writer, needs
from service.web.rendering import page

router = APIRouter()

DONE, NEXT, LATER = "done", "next", "later"


@dataclass(frozen=True, slots=True)
class Step:
    """One step from an export to a job: whether it is done, next or later, and what is to be said of it."""

    title: str
    state: str
    said: str
    path: str
    act: str


def _steps(now: Standing) -> list[Step]:
    """Give the steps in order; the first that is not done is the next."""
    undecided = f"{now.undecided:,} conversations wait for somebody to look at what was found in them."
    steps = [
        (bool(now.conversations), "Add transcripts", f"{now.conversations:,} conversations are read.",
         "Drop in the export of your helpdesk.", "/add", "Add transcripts"),
        (bool(now.conversations) and not now.new, "Curate", f"{now.kept:,} of {now.conversations:,} are kept.",
         f"{now.new:,} conversations have not been curated.", "", "Curate now"),
        (not now.undecided, "Review redactions", "Nothing waits for a decision.", undecided, "/review", "Review"),
        (now.audited is not None, "Audit the recall", f"Last audited {now.audited}.",
         "How much redaction finds has not been measured.", "/audit", "Audit"),
        (now.dataset is not None, "Build a dataset", f"The newest is {now.dataset[0]}." if now.dataset else "",
         "There is none yet.", "/datasets", "Build"),
        (now.job is not None, "Submit a job", f"The newest trains {now.job[0]}: {now.job[1]}." if now.job else "",
         "Sign the dataset off first, then rehearse the job: nothing is sent before the price is agreed to.", "/jobs",
         "Jobs"),
    ]  # fmt: skip
    first = next((place for place, step in enumerate(steps) if not step[0]), len(steps))
    return [
        Step(title, DONE if is_done else NEXT if place == first else LATER, done if is_done else open_, path, act)
        for place, (is_done, title, done, open_, path, act) in enumerate(steps)
    ]


@router.get("/")
def show_home(request: Request, reader: Reader, service: Service) -> Response:
    """Show where things stand, and what comes next."""
    standing = service.standings.now(reader)
    return page(
        request, "home.html", standing=standing, steps=_steps(standing), tasks=service.tasks, open=open_tasks(reader),
        ended=ended_tasks(reader), drops=open_drops(reader, limit=5),
    )  # fmt: skip


@router.post("/tasks/curate", dependencies=[needs("lead")])
def start_curation(writer: Writer, service: Service) -> Response:
    """Curate what is new."""
    service.tasks.ask(writer, "curate")
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


@router.get("/tasks")
def show_tasks(
    request: Request, reader: Reader, service: Service, was: Annotated[int, Query(ge=0, le=1000)] = 0
) -> Response:
    """Show what runs; the page asks for this piece again, and is loaded anew when less runs than `was` open."""
    open_now = open_tasks(reader)
    answer = page(request, "_tasks.html", tasks=service.tasks, open=open_now, ended=ended_tasks(reader))
    if len(open_now) < was:
        answer.headers["HX-Refresh"] = "true"
    return answer


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

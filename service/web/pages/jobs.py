"""Jobs: a dry run first, the price agreed to, then one job; its events, losses and result, and stopping it."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from curate.report.lines import lines
from export.models import KNOWN
from export.overview import versions
from export.sign_off import sign_off_of
from export.submit import following, jobs
from export.submit.errors import SubmitError, Unavailable
from export.submit.jobs import Job
from export.submit.moderation import check_choice
from export.submit.patience import Patience
from export.submit.providers import endpoint_of, open_provider
from service.background.tasks import find_task, last_done
from service.web.dependencies import Here, Reader, Service, Writer, needs
from service.web.errors import Conflict, NotThere
from service.web.pages.working import failed, working
from service.web.rendering import page
from service.web.server import Server
from store.database import Store

router = APIRouter()

EVENTS_SHOWN = 100
LOSSES = ("train_loss", "valid_loss", "full_valid_loss")
STEPS_SHOWN = 20
SECONDS = 15.0
"""How long a page waits for a provider that does not answer."""


@router.get("/jobs")
def show_jobs(
    request: Request,
    reader: Reader,
    service: Service,
    here: Here,
    dataset: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """List the jobs, and start one: a dry run comes first."""
    at_work = working(reader, ["rehearse", "submit", "export"])  # first: what ends meanwhile shows its result
    rehearsed = last_done(reader, "rehearse")
    known = versions(reader)
    return page(
        request,
        "jobs.html",
        jobs=list(reversed(jobs.list_jobs(reader))),
        versions=known,
        chosen=dataset,
        models=list(KNOWN),
        rehearsed=rehearsed,
        run=rehearsed.result if rehearsed else None,
        signed=sign_off_of(reader, rehearsed.result["dataset_id"]) if rehearsed and rehearsed.result else None,
        needs_signature=here.settings.sign_off.required,
        provider=here.settings.submit.provider,
        flagged=here.settings.submit.flagged,
        endpoint=endpoint_of(here.settings.submit),
        model=here.settings.export.model,
        working=at_work,
        failed=failed(reader, ["rehearse", "submit"]),
        tasks=service.tasks,
    )


@router.post("/jobs/dry-run", dependencies=[needs("lead")])
def rehearse(
    writer: Writer,
    service: Service,
    dataset: Annotated[str, Form(max_length=100)],
    model: Annotated[str, Form(max_length=100)] = "",
    epochs: Annotated[int, Form(ge=0, le=50)] = 0,
) -> Response:
    """Check and price a dataset in the background; nothing leaves the machine."""
    service.tasks.ask(writer, "rehearse", {"dataset": dataset, "model": model, "epochs": epochs})
    return RedirectResponse("/jobs", status_code=303)


@router.post("/jobs", dependencies=[needs("lead")])
def submit(
    writer: Writer,
    service: Service,
    rehearsal: Annotated[str, Form(max_length=100)],
    agreed: Annotated[bool, Form()] = False,
    again: Annotated[bool, Form()] = False,
    flagged: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Hand over what a dry run showed, once its price is agreed to."""
    submit_rehearsed(service, writer, rehearsal, agreed=agreed, again=again, flagged=flagged)
    return RedirectResponse("/jobs", status_code=303)


@router.get("/jobs/{job_id}")
def show_job(request: Request, reader: Reader, job_id: str) -> Response:
    """Show how a job stands; while it is not over the page looks again by itself."""
    return page(request, "job.html", **_context(reader, job_of(reader, job_id)))


@router.post("/jobs/{job_id}/look", dependencies=[needs("reviewer")])
def look(request: Request, reader: Reader, service: Service, job_id: str) -> Response:
    """Ask the provider how the job stands."""
    job_of(reader, job_id)
    problem = look_at(service, job_id)
    return page(request, "_job.html", **_context(reader, job_of(reader, job_id), problem=problem))


@router.post("/jobs/{job_id}/cancel", dependencies=[needs("lead")])
def cancel(reader: Reader, service: Service, job_id: str) -> Response:
    """Ask the provider to stop the job."""
    cancel_job(service, job_of(reader, job_id))
    return RedirectResponse(f"/jobs/{job_id}", status_code=303)


def job_of(store: Store, job_id: str) -> Job:
    """Find a job by its whole id.

    Raises:
        NotThere: there is none.
    """
    found = next((job for job in jobs.list_jobs(store) if job.job_id == job_id), None)
    if found is None:
        raise NotThere("There is no such job.", hint="The page Jobs has them all.")
    return found


def submit_rehearsed(
    service: Server, store: Store, task_id: str, *, agreed: bool, again: bool, flagged: str = ""
) -> str:
    """Start handing over what a dry run showed, and give the task's id; `flagged` as `submit.flagged`, if not that.

    Raises:
        Conflict: it was no dry run, or one that is not done, or nobody agreed to the price.
        SubmitError: there is no such choice for flagged lines.
    """
    if flagged:
        check_choice(flagged)
    task = find_task(store, task_id)
    if task.kind != "rehearse" or task.result is None:
        raise Conflict("That is no finished dry run.", hint="Make a dry run first, and agree to its price.")
    if not agreed:
        raise Conflict("Nothing was sent: the price must be agreed to.", hint="Tick that you agree, then submit.")
    told = task.result
    arguments = {**task.arguments, "dataset": told["dataset_id"], "agreed_usd": told["cost"]["usd"], "again": again}
    arguments |= {"flagged": flagged} if flagged else {}
    return service.tasks.ask(store, "submit", arguments).task_id


def look_at(service: Server, job_id: str) -> str:
    """Ask the provider once how a job stands; gives what went wrong, in words."""
    with service.store.another() as store:
        job = jobs.find_job(store, job_id)
    if job.is_over or not job.provider_job_id:
        return ""
    patience = Patience(seconds=0)
    try:
        with closing(open_provider(job.provider, job.endpoint, patience, workspace=service.workspace)) as provider:
            following.look(service.store.another, provider, job_id, patience=patience)
    except Unavailable as error:
        return error.message
    except SubmitError as error:
        return f"{error.message} {error.hint}"
    return ""


def cancel_job(service: Server, job: Job) -> Job:
    """Ask the provider to stop a job.

    Raises:
        SubmitError: the provider could not be asked.
    """
    patience = Patience(seconds=SECONDS)
    with closing(open_provider(job.provider, job.endpoint, patience, workspace=service.workspace)) as provider:
        return following.cancel(service.store.another, provider, job.job_id, patience=patience)


def _context(store: Store, job: Job, *, problem: str = "") -> dict[str, Any]:
    metrics = jobs.metrics_of(store, job)
    losses = {name: metrics[name] for name in LOSSES if name in metrics}
    steps = sorted({step for points in losses.values() for step, _ in points})
    every = -(-len(steps) // STEPS_SHOWN) or 1
    shown = [*steps[::every], *([steps[-1]] if (len(steps) - 1) % every else [])] if steps else []
    values = {name: dict(points) for name, points in losses.items()}
    return {
        "job": job,
        "events": jobs.events_of(store, job, most=EVENTS_SHOWN),
        # lines escapes every name itself, so its SVG may stand in the page as it is.
        "chart": Markup(lines("Loss by step", losses)),  # noqa: S704
        "losses": list(losses),
        "rows": [(step, [values[name].get(step) for name in losses]) for step in shown],
        "others": {name: points[-1][1] for name, points in metrics.items() if name not in LOSSES},
        "problem": problem,
    }

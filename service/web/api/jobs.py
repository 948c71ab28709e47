"""Fine-tuning jobs, for scripts. `POST /tasks` with kind rehearse makes the dry run that a job needs first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from export.submit.jobs import Event, events_of, list_jobs, metrics_of
from export.submit.jobs import Job as Known
from service.background.tasks import find_task
from service.web.api.tasks import Task
from service.web.api.tasks import describe as describe_task
from service.web.dependencies import Reader, Service, Writer, needs
from service.web.pages.jobs import EVENTS_SHOWN, cancel_job, job_of, look_at, submit_rehearsed
from store.database import Store

router = APIRouter(tags=["jobs"])

JobId = Annotated[str, Path(description="The job's id.", max_length=100)]


class Job(BaseModel):
    """A fine-tuning job as it was last seen."""

    id: str
    provider: str
    provider_job_id: str | None
    dataset: str
    model: str
    status: str
    created_at: datetime
    finished_at: datetime | None
    fine_tuned_model: str | None
    trained_tokens: int | None
    problem: str | None


class Jobs(BaseModel):
    """Every job, the oldest first."""

    jobs: list[Job]


class Followed(BaseModel):
    """A job with its last events and its figures."""

    job: Job
    events: list[Event]
    metrics: dict[str, list[tuple[int, float]]] = Field(description="By name: step and value.")
    trouble: str = Field(default="", description="Why the provider could not be asked, where it could not.")


class NewJob(BaseModel):
    """What a dry run showed, and that its price is agreed to."""

    rehearsal: str = Field(description="The id of a task of kind rehearse that is done.", max_length=100)
    agreed: bool = Field(description="Whether its price is agreed to; nothing is sent otherwise.")
    again: bool = Field(default=False, description="Start one more job where the last one is over.")
    flagged: str = Field(
        default="",
        max_length=20,
        description="Lines that moderation flags: refuse, leave-out, send; by submit.flagged.",
    )


@router.get("/jobs")
def get_jobs(reader: Reader) -> Jobs:
    """List the jobs."""
    return Jobs(jobs=[describe(job) for job in list_jobs(reader)])


@router.post("/jobs", status_code=202, dependencies=[needs("lead")])
def start_job(writer: Writer, service: Service, asked: NewJob) -> Task:
    """Hand over what a dry run showed, in the background."""
    task = submit_rehearsed(
        service, writer, asked.rehearsal, agreed=asked.agreed, again=asked.again, flagged=asked.flagged
    )
    return describe_task(service, find_task(writer, task))


@router.get("/jobs/{job_id}")
def get_job(reader: Reader, job_id: JobId) -> Followed:
    """Give a job as it was last seen."""
    return _followed(reader, job_of(reader, job_id))


@router.post("/jobs/{job_id}/look", dependencies=[needs("reviewer")])
def look(reader: Reader, service: Service, job_id: JobId) -> Followed:
    """Ask the provider how a job stands."""
    job_of(reader, job_id)
    trouble = look_at(service, job_id)
    return _followed(reader, job_of(reader, job_id)).model_copy(update={"trouble": trouble})


@router.post("/jobs/{job_id}/cancel", dependencies=[needs("lead")])
def cancel(reader: Reader, service: Service, job_id: JobId) -> Job:
    """Ask the provider to stop a job."""
    return describe(cancel_job(service, job_of(reader, job_id)))


def describe(job: Known) -> Job:
    """Give a job as the API shows it."""
    return Job(
        id=job.job_id,
        provider=job.provider,
        provider_job_id=job.provider_job_id,
        dataset=job.dataset_id,
        model=job.model,
        status=job.status,
        created_at=job.created_at,
        finished_at=job.finished_at,
        fine_tuned_model=job.result.get("fine_tuned_model"),
        trained_tokens=job.result.get("trained_tokens"),
        problem=job.result.get("problem") or None,
    )


def _followed(store: Store, job: Known) -> Followed:
    return Followed(job=describe(job), events=events_of(store, job, most=EVENTS_SHOWN), metrics=metrics_of(store, job))

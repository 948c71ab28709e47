"""The calls about jobs: make one, look at it, stop it, let it go on; its events and checkpoints."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from export.training.errors import BadRecipe
from export.training.libraries import check_libraries
from export.training.recipe import METHODS, read_recipe
from service.trainer.errors import Refused
from service.trainer.paging import page
from service.trainer.running import go_on
from service.trainer.shelf import ACTIVE, OVER, Job, Thing, new_id, now
from service.trainer.trainer import Trainer, trainer_of

router = APIRouter(prefix="/v1/fine_tuning/jobs")
Here = Annotated[Trainer, Depends(trainer_of)]
Limit = Annotated[int, Query(ge=1, le=1000)]
PURPOSE = "fine-tune"
CLOSED = (
    "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new "
    "fine-tuning training jobs."
)


class Wish(BaseModel):
    """The body of a new job; `hyperparameters` is the old place for them, where some providers still look."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(min_length=1, max_length=4096)
    training_file: str
    validation_file: str | None = None
    method: dict[str, Any] | None = None
    hyperparameters: dict[str, Any] | None = None
    seed: int | None = Field(None, ge=0, le=2147483647)
    suffix: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")
    metadata: dict[str, str] | None = Field(None, max_length=16)
    integrations: list[Any] | None = Field(None, max_length=0)


@router.post("")
def create(wish: Wish, here: Here) -> Thing:
    """Make a job; it begins by itself when those before it are over."""
    if here.rehearsal.strikes("not-available"):
        raise Refused(403, CLOSED, reason="training_not_available")
    check_libraries()
    method, asked = _method(wish)
    seed = wish.seed or 0
    try:
        read_recipe(asked, seed=seed)
    except BadRecipe as error:
        raise Refused(400, error.message, param=error.param, reason="invalid_value") from None
    _check_metadata(wish.metadata or {})
    with here.shelf.lock:
        here.models.find(wish.model)
        for key, file_id in (("training_file", wish.training_file), ("validation_file", wish.validation_file)):
            if file_id is not None:
                _check_file(here, key, file_id)
        job = Job(_new(wish, method, asked, seed))
        here.shelf.save_job(job)
        here.shelf.add_event(job, f"Created fine-tuning job: {job.job_id}", mark="new")
        here.shelf.add_event(job, f"Validating training file: {wish.training_file}", mark="validating")
    here.runner.wake.set()
    return job_json(here, job)


@router.get("")
def list_jobs(request: Request, here: Here, after: str | None = None, limit: Limit = 20) -> Thing:
    """List the jobs, the newest first; `metadata[key]=value` chooses."""
    wanted = {key[9:-1]: value for key, value in request.query_params.items() if key.startswith("metadata[")}
    with here.shelf.lock:
        jobs = [
            job_json(here, job)
            for job in reversed(here.shelf.jobs.values())
            if wanted.items() <= (job.told["metadata"] or {}).items()
        ]
    return page(jobs, after=after, limit=limit)


@router.get("/{job_id}")
def retrieve(job_id: str, here: Here) -> Thing:
    """Give a job as it stands."""
    with here.shelf.lock:
        job = here.shelf.job(job_id)
        go_on(here.runner, job)
        return job_json(here, job)


@router.get("/{job_id}/events")
def events(job_id: str, here: Here, after: str | None = None, limit: Limit = 20) -> Thing:
    """List what happened to a job, the newest first."""
    with here.shelf.lock:
        here.shelf.job(job_id)
        return page(here.shelf.events[job_id][::-1], after=after, limit=limit)


@router.get("/{job_id}/checkpoints")
def checkpoints(job_id: str, here: Here, after: str | None = None, limit: Limit = 10) -> Thing:
    """List the checkpoints that are kept, the newest first."""
    with here.shelf.lock:
        job = here.shelf.job(job_id)
        points = [
            {
                "id": point["id"], "object": "fine_tuning.job.checkpoint", "created_at": point["created_at"],
                "fine_tuned_model_checkpoint": point["name"], "fine_tuning_job_id": job_id,
                "step_number": point["step"], "metrics": point["metrics"],
            }
            for point in reversed(here.models.checkpoints(job))
        ]  # fmt: skip
    return page(points, after=after, limit=limit)


@router.post("/{job_id}/cancel")
def cancel(job_id: str, here: Here) -> Thing:
    """Stop a job for good; its checkpoints stay."""
    with here.shelf.lock:
        job = here.shelf.job(job_id)
        if job.status in OVER:
            raise Refused(400, f"The job is {job.status} and cannot be cancelled.", reason="invalid_status")
        return _turn(here, job, "cancelled", "The job was cancelled")


@router.post("/{job_id}/pause")
def pause(job_id: str, here: Here) -> Thing:
    """Stop a job after the step under way, with a checkpoint; it can go on."""
    with here.shelf.lock:
        job = here.shelf.job(job_id)
        if job.status not in ACTIVE:
            raise Refused(400, f"The job is {job.status} and cannot be paused.", reason="invalid_status")
        return _turn(here, job, "paused", "The job was paused")


@router.post("/{job_id}/resume")
def resume(job_id: str, here: Here) -> Thing:
    """Let a paused job go on."""
    with here.shelf.lock:
        job = here.shelf.job(job_id)
        if job.status != "paused":
            raise Refused(400, f"The job is {job.status}, not paused.", reason="invalid_status")
        # Its files may not have been checked when it was paused; checking them again costs little.
        return _turn(here, job, "queued" if job.step >= 0 else "validating_files", "The job was resumed")


def job_json(here: Trainer, job: Job) -> Thing:
    """Give a job as the API tells it."""
    told = {key: value for key, value in job.told.items() if key != "asked"}
    if told["error"] is None and here.rehearsal.has("empty-error"):
        told["error"] = {}
    return told


def _turn(here: Trainer, job: Job, status: str, words: str) -> Thing:
    job.told["status"] = status
    if status in OVER:
        job.told |= {"finished_at": now(), "estimated_finish": None}
    here.shelf.save_job(job)
    here.shelf.add_event(job, words)
    here.runner.wake.set()
    return job_json(here, job)


def _method(wish: Wish) -> tuple[str, Thing]:
    """Give the method's name and what was asked of it, in either place."""
    given = wish.method or {"type": "supervised"}
    name = given.get("type")
    if name not in METHODS:
        raise Refused(400, f"The method must be one of {', '.join(METHODS)}.", param="method", reason="invalid_value")
    inner: Any = given.get(name) or {}
    if set(given) - {"type", name} or not isinstance(inner, dict):
        raise Refused(400, f"A method has a type and an object {name!r}.", param="method", reason="invalid_value")
    return str(name), {**(wish.hyperparameters or {}), **(inner.get("hyperparameters") or {})}


def _check_file(here: Trainer, key: str, file_id: str) -> None:
    try:
        file = here.shelf.file(file_id)
    except Refused:
        raise Refused(400, f"File '{file_id[:200]}' does not exist.", param=key, reason="invalid_value") from None
    if file["purpose"] != PURPOSE:
        raise Refused(400, f"File '{file_id}' has not the purpose {PURPOSE}.", param=key, reason="invalid_value")
    if here.rehearsal.still("not-ready", file_id):
        raise Refused(400, f"File '{file_id}' is still being processed and is not ready to be used.", param=key)


def _check_metadata(given: dict[str, str]) -> None:
    if any(len(key) > 64 or len(value) > 512 for key, value in given.items()):
        raise Refused(400, "Metadata has keys of at most 64 and values of at most 512 characters.", param="metadata")


def _new(wish: Wish, method: str, asked: Thing, seed: int) -> Thing:
    usual: Thing = {"n_epochs": "auto", "batch_size": "auto", "learning_rate_multiplier": "auto"}
    return {
        "id": new_id("ftjob-"), "object": "fine_tuning.job", "created_at": now(), "finished_at": None,
        "estimated_finish": None, "model": wish.model, "fine_tuned_model": None, "organization_id": "org-local",
        "status": "validating_files", "trained_tokens": None, "training_file": wish.training_file,
        "validation_file": wish.validation_file, "result_files": [], "hyperparameters": usual,
        "method": {"type": method, method: {"hyperparameters": usual | asked}}, "seed": seed, "integrations": [],
        "metadata": wish.metadata, "error": None, "user_provided_suffix": wish.suffix, "asked": asked,
    }  # fmt: skip

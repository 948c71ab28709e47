"""Follow a job to its end over restarts: its state, events, figures and results, as the provider tells them.

The store is opened for each look alone: training takes hours, and other commands need it meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from export.submit import jobs
from export.submit.errors import CannotDo, NotThere, RequestRefused, UnknownJob
from export.submit.jobs import Job
from export.submit.patience import Patience
from export.submit.provider import Provider, RemoteEvent, RemoteJob
from export.submit.results import Figure, decode_result, figures_of_event, figures_of_file
from export.submit.submitting import find
from store.database import Store, StoreLocked
from store.history import record

Opener = Callable[[], AbstractContextManager[Store]]

LOOK_EVERY = 10.0  # seconds, for who follows many jobs at once
NEW_FOR = timedelta(minutes=10)
GONE_AFTER = 3
"""How often a job must be missing in a row before it counts as deleted: one just made may not be everywhere yet."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the provider brought; no `state` is a job that is gone."""

    state: RemoteJob | None
    events: list[RemoteEvent]
    figures: list[Figure]
    files: dict[str, str]
    checkpoints: list[dict[str, Any]]


@dataclass(slots=True)
class _Following:
    """What following remembers between two looks."""

    provider: Provider
    job: Job
    patience: Patience
    told: set[str]
    missing: int = 0


def follow(open_store: Opener, provider: Provider, name: str, *, patience: Patience | None = None) -> Job:
    """Follow a job until it is over, or deleted at the provider, and give it as it then is.

    Raises:
        UnknownJob: there is no such job, or the provider was never asked for it.
        SubmitError: the provider could not be asked in time, or refuses the key; the job goes on without us.
    """
    with open_store() as store:
        job = jobs.find_job(store, name)
        told = jobs.known_events(store, job)
    if job.is_over:
        return job
    if not job.provider_job_id:
        raise UnknownJob(
            f"{job.job_id} has not been made at the provider (it is {job.status}).",
            hint="Run the same `chatmill submit` again: it goes on where it was.",
        )
    following = _Following(provider, job, patience or Patience(), told)
    _step(open_store, following)
    while not following.job.is_over:
        following.patience.sleep(following.provider.capabilities.look_every)
        _step(open_store, following)
    return following.job


def look(open_store: Opener, provider: Provider, name: str, *, patience: Patience | None = None) -> Job:
    """Look at a job once, keep what is new, and give it as it then is; for who comes back to look again.

    Raises:
        UnknownJob: there is no such job.
        SubmitError: the provider could not be asked.
    """
    patience = patience or Patience()
    with open_store() as store:
        job = jobs.find_job(store, name)
        told = jobs.known_events(store, job)
    if job.is_over or not job.provider_job_id:
        return job
    # Single looks remember nothing of each other: one that is missing is gone only where it is not new.
    is_old = datetime.now(UTC) - job.created_at > NEW_FOR
    following = _Following(provider, job, patience, told, missing=GONE_AFTER - 1 if is_old else 0)
    _step(open_store, following)
    return following.job


def cancel(open_store: Opener, provider: Provider, name: str, *, patience: Patience | None = None) -> Job:
    """Ask for a job to be stopped, and give it as the provider then tells it; one never made is closed here alone.

    Raises:
        UnknownJob: there is no such job.
        SubmitError: the provider could not be asked.
    """
    patience = patience or Patience()
    with open_store() as store:
        job = jobs.find_job(store, name)
        if job.is_over:
            return job
        record(store, "job.cancel", subject=job.job_id, before={"status": job.status})
        job = _connected(store, provider, job, patience)
        told = jobs.known_events(store, job)
        if not job.provider_job_id:
            jobs.update(store, job, status="cancelled", result=job.result, finished_at=datetime.now(UTC))
            return jobs.find_job(store, job.job_id)
    with suppress(RequestRefused):  # what is over already cannot be stopped; the look tells what it came to
        provider.cancel(job.provider_job_id)
    following = _Following(provider, job, patience, told, missing=GONE_AFTER - 1)
    _step(open_store, following)
    return following.job


def pause(open_store: Opener, provider: Provider, name: str, *, patience: Patience | None = None) -> Job:
    """Ask for a job to wait, and give it as the provider then tells it.

    Raises:
        CannotDo: the provider pauses no jobs.
        SubmitError: there is no such job, it is over, or the provider could not be asked.
    """
    return _ask(open_store, provider, name, "pause", patience or Patience())


def resume(open_store: Opener, provider: Provider, name: str, *, patience: Patience | None = None) -> Job:
    """Ask for a job that waits to go on, and give it as the provider then tells it.

    Raises:
        CannotDo: the provider resumes no jobs.
        SubmitError: there is no such job, it is over, or the provider could not be asked.
    """
    return _ask(open_store, provider, name, "resume", patience or Patience())


def checkpoints(open_store: Opener, provider: Provider, name: str) -> list[dict[str, Any]]:
    """Ask which models a job has left behind so far, and keep the answer.

    Raises:
        SubmitError: there is no such job, or the provider could not be asked.
    """
    with open_store() as store:
        job = jobs.find_job(store, name)
    if not job.provider_job_id:
        return []
    found = provider.checkpoints(job.provider_job_id)
    with open_store() as store:
        now = jobs.find_job(store, job.job_id)
        result = {**now.result, "checkpoints": found}
        jobs.update(store, now, status=now.status, result=result, finished_at=now.finished_at)
    return found


def _ask(open_store: Opener, provider: Provider, name: str, what: str, patience: Patience) -> Job:
    """Ask for a job to be paused or resumed; asking twice does no harm, and what was done already is no error."""
    with open_store() as store:
        job = jobs.find_job(store, name)
        if job.is_over or not job.provider_job_id:
            raise UnknownJob(f"{job.job_id} is {job.status}; it cannot be {what}d.", hint="chatmill jobs lists them.")
        if not getattr(provider.capabilities, what):
            raise CannotDo(f"{provider.capabilities.title} cannot {what} a job.", hint="chatmill jobs cancel stops it.")
        record(store, f"job.{what}", subject=job.job_id, before={"status": job.status})
        told = jobs.known_events(store, job)
    if what == "pause":
        provider.pause(job.provider_job_id)
    else:
        provider.resume(job.provider_job_id)
    following = _Following(provider, job, patience, told, missing=GONE_AFTER - 1)
    _step(open_store, following)
    return following.job


def _connected(store: Store, provider: Provider, job: Job, patience: Patience) -> Job:
    """Find out whether the provider has a job that we asked for without hearing the answer."""
    if job.provider_job_id:
        return job
    remote = patience.look(lambda: find(store, provider, job), unclear=job.status != jobs.PREPARING)
    if remote is None:
        return job
    jobs.connect(store, job, remote)
    return jobs.find_job(store, job.job_id)


def _step(open_store: Opener, following: _Following) -> None:
    """Look once, and store what was seen; where another command has the store, the next look brings it again."""
    seen = _look(following)
    if seen is None:
        return
    try:
        with open_store() as store:
            _keep(store, following.job, seen)
            now = jobs.find_job(store, following.job.job_id)
    except StoreLocked as error:
        following.patience.tell(f"{error.message} What was seen is asked for again.")
        return
    _tell(following, seen, now)
    following.job = now


def _look(following: _Following) -> _Look | None:
    """Ask for the state first, so that an end that is seen has all its events behind it."""
    provider, job = following.provider, following.job
    remote_id = str(job.provider_job_id)
    try:
        state = provider.retrieve(remote_id)
        events = _new_events(provider, remote_id, following.told, to_the_end=state.is_over)
    except NotThere:
        following.missing += 1
        return _Look(None, [], [], {}, []) if following.missing >= GONE_AFTER else None
    following.missing = 0
    figures = [figure for event in events for figure in figures_of_event(event)]
    if not state.is_over:
        return _Look(state, events, figures, {}, [])
    files = _files(following, state)
    figures += [figure for text in files.values() for figure in figures_of_file(text)]
    return _Look(state, events, figures, files, provider.checkpoints(remote_id))


def _new_events(provider: Provider, job_id: str, known: set[str], *, to_the_end: bool) -> list[RemoteEvent]:
    """Give the events that are not known, the oldest first; a listing that begins with the newest is left early.

    OpenAI begins with the newest; of events of one second the listing's order tells which came first.
    """
    new: list[RemoteEvent] = []
    for page in provider.events(job_id):
        fresh = [event for event in page if event.event_id not in known]
        new += fresh
        if not fresh and not to_the_end and page[0].happened_at > page[-1].happened_at:
            break
    if new and not new[0].happened_at < new[-1].happened_at:
        new.reverse()
    return sorted(new, key=lambda event: event.happened_at)


def _files(following: _Following, state: RemoteJob) -> dict[str, str]:
    """Fetch the result files; one that the provider no longer has is told of, and no reason to stop."""
    texts: dict[str, str] = {}
    for file_id in state.result_files:
        try:
            texts[file_id] = decode_result(following.provider.content(file_id))
        except RequestRefused as error:
            following.patience.tell(f"The result file {file_id} cannot be had: {error.message}")
    return texts


def _keep(store: Store, job: Job, seen: _Look) -> None:
    state = seen.state
    with store.transaction():
        jobs.add_events(store, job, seen.events)
        jobs.add_metrics(store, job, seen.figures)
        if state is None:
            problem = {"problem": "The provider has this job no more: it was deleted there."}
            jobs.update(
                store, job, status=jobs.DELETED, result={**job.result, **problem}, finished_at=datetime.now(UTC)
            )
        else:
            jobs.update(store, job, status=state.status, result=_result(state, seen), finished_at=_end(state))


def _result(state: RemoteJob, seen: _Look) -> dict[str, Any]:
    return {
        "fine_tuned_model": state.fine_tuned_model,
        "trained_tokens": state.trained_tokens,
        "problem": state.problem,
        "files": seen.files,
        "checkpoints": seen.checkpoints,
        "fields": dict(state.fields),
    }


def _end(state: RemoteJob) -> datetime | None:
    """Give when a job ended; the provider's time, where it tells one."""
    return (state.finished_at or datetime.now(UTC)) if state.is_over else None


def _tell(following: _Following, seen: _Look, now: Job) -> None:
    for event in seen.events:
        following.told.add(event.event_id)
        if event.message:
            following.patience.tell(f"{event.happened_at:%H:%M:%S} {event.message}")
    if now.status != following.job.status:
        following.patience.tell(f"{now.job_id} is {now.status}.{_advice(now)}")


def _advice(job: Job) -> str:
    if job.status == "paused":
        return " It waits until somebody resumes it (chatmill jobs resume) or cancels it (chatmill jobs cancel)."
    return ""

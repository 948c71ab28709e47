"""The jobs a workspace knows: recorded before they are asked for, found again by their key, and kept up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson
import polars as pl

from export.submit.dry_run import DryRun
from export.submit.errors import UnknownJob
from export.submit.openai_dialects import TRAINING_TYPE
from export.submit.provider import SUBMISSION_KEY, RemoteEvent, RemoteJob
from store.database import Store
from store.errors import unknown_name
from store.history import record

PREPARING = "preparing"  # no job was asked for yet
SUBMITTING = "submitting"  # it was asked for, and the answer is not known
REFUSED = "refused"  # the provider would not make it; the next try looks for it all the same
DELETED = "deleted"  # the provider has it no more
LATEST = "latest"

_FIELDS = (
    "job_id", "provider", "endpoint", "provider_job_id", "dataset_id", "model", "status", "request", "result",
    "submission_key", "content", "repeat", "created_at", "finished_at",
)  # fmt: skip
# Jobs that somebody else than `prepare` recorded lack what only submitting needs.
_READ = (
    "job_id, provider, coalesce(endpoint, ''), provider_job_id, dataset_id, model, status, request, "
    "coalesce(result, '{}'), coalesce(submission_key, ''), coalesce(content, ''), coalesce(repeat, 1), "
    "epoch(created_at), epoch(finished_at)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One job as the store has it: `request` holds the body sent and the estimate, `result` what came of it."""

    job_id: str
    provider: str
    endpoint: str
    provider_job_id: str | None
    dataset_id: str
    model: str
    status: str
    request: Mapping[str, Any]
    result: Mapping[str, Any]
    submission_key: str
    content: str
    repeat: int
    created_at: datetime
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will happen."""
        return self.finished_at is not None

    def brief(self) -> dict[str, Any]:
        """Give the job in the shape that DESIGN.md fixes for `jobs --json`."""
        return {"id": self.job_id, "provider": self.provider, "status": self.status, "model": self.model}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job, as the provider told it."""

    happened_at: str
    level: str
    message: str


def content_of(rehearsal: DryRun, provider: str, endpoint: str) -> str:
    """Hash what decides a job, and nothing that changes from run to run."""
    asked = {key: rehearsal.request.get(key) for key in ("model", "method", "seed", "suffix")}
    if TRAINING_TYPE in rehearsal.request:
        asked[TRAINING_TYPE] = rehearsal.request[TRAINING_TYPE]
    files = [file.sha256 for file in rehearsal.files]
    return sha256(
        orjson.dumps([provider, endpoint, rehearsal.dataset_id, files, asked], option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def prepare(store: Store, rehearsal: DryRun, *, provider: str, endpoint: str, again: bool) -> Job:
    """Give the job that a rehearsal stands for: the one that is there, or with `again`, once that is over, a new one.

    It is in the store before anything is sent, so that a kill at any moment finds it again.
    """
    content = content_of(rehearsal, provider, endpoint)
    last = _last(store, content)
    if last and not (again and last.is_over):
        return last
    repeat = last.repeat + 1 if last else 1
    key = sha256(f"{content}:{repeat}".encode()).hexdigest()
    asked = {
        "estimate": {"tokens": rehearsal.tokens, "epochs": rehearsal.epochs, "usd": rehearsal.cost.usd},
        "body": {**rehearsal.request, "metadata": {**rehearsal.request["metadata"], SUBMISSION_KEY: key}},
    }
    store.execute(
        f"INSERT INTO jobs ({', '.join(_FIELDS)}) VALUES (?, ?, ?, NULL, ?, ?, ?, ?, NULL, ?, ?, ?, now(), NULL)",
        [
            f"job-{key[:12]}", provider, endpoint, rehearsal.dataset_id, rehearsal.model, PREPARING, _json(asked), key,
            content, repeat,
        ],
    )  # fmt: skip
    return find_job(store, f"job-{key[:12]}")


def is_asked_for(store: Store, rehearsal: DryRun, *, provider: str, endpoint: str, again: bool) -> bool:
    """Say whether submitting would only come back to a job that the provider was asked for already."""
    last = _last(store, content_of(rehearsal, provider, endpoint))
    return last is not None and last.provider_job_id is not None and not (again and last.is_over)


def list_jobs(store: Store) -> list[Job]:
    """Give all jobs, the oldest first."""
    return _select(store, "true ORDER BY created_at, job_id")


def find_job(store: Store, name: str = LATEST) -> Job:
    """Find a job by its id, the start of it, its id at the provider, or "latest".

    Raises:
        UnknownJob: none answers to the name, or several do.
    """
    jobs = list_jobs(store)
    if not jobs:
        raise UnknownJob("There is no job yet.", hint="Start one: chatmill submit.")
    if name == LATEST:
        return jobs[-1]
    found = [job for job in jobs if name and (job.job_id.startswith(name) or job.provider_job_id == name)]
    if len(found) != 1:
        known = unknown_name("job", name, [LATEST, *(job.job_id for job in jobs)])
        several = f"{name!r} begins the names of several jobs: {', '.join(job.job_id for job in found)}."
        raise UnknownJob(several if found else known, hint="chatmill jobs lists them.")
    return found[0]


def set_status(store: Store, job: Job, status: str) -> None:
    """Record how far a job is that the provider may not know yet."""
    store.execute("UPDATE jobs SET status = ? WHERE job_id = ?", [status, job.job_id])


def set_body(store: Store, job: Job, body: Mapping[str, Any]) -> None:
    """Record what is about to be asked for; from here on a job may exist at the provider."""
    store.execute(
        "UPDATE jobs SET status = ?, request = ? WHERE job_id = ?",
        [SUBMITTING, _json({**job.request, "body": body}), job.job_id],
    )


def set_quote(store: Store, job: Job, usd: float) -> None:
    """Record what the provider reckons a job will cost."""
    request = find_job(store, job.job_id).request
    told = {**request, "estimate": {**request["estimate"], "quoted_usd": usd}}
    store.execute("UPDATE jobs SET request = ? WHERE job_id = ?", [_json(told), job.job_id])


def list_running(store: Store) -> list[Job]:
    """Give the jobs that a provider works on, the oldest first."""
    return _select(store, "finished_at IS NULL AND provider_job_id IS NOT NULL ORDER BY created_at, job_id")


def connect(store: Store, job: Job, remote: RemoteJob) -> None:
    """Record which of the provider's jobs this is, with a line in the history."""
    after = {"dataset": job.dataset_id, "provider": job.provider, "endpoint": job.endpoint, "model": job.model}
    after |= {"provider_job_id": remote.job_id, "estimate": job.request["estimate"]}
    with store.transaction():
        # The end is cleared because a job that was cancelled here before it was made may be made after all.
        store.execute(
            "UPDATE jobs SET provider_job_id = ?, status = ?, finished_at = NULL WHERE job_id = ?",
            [remote.job_id, remote.status, job.job_id],
        )
        record(store, "job.submit", subject=job.job_id, after=after)


def tuned_by(store: Store, name: str) -> str:
    """Give the model that a job became.

    Raises:
        UnknownJob: there is no such job, or it became no model (yet).
    """
    job = find_job(store, name)
    tuned = job.result.get("fine_tuned_model")
    if not tuned:
        raise UnknownJob(f"{job.job_id} is {job.status}; it has become no model.", hint="chatmill jobs follow")
    return str(tuned)


def known_ids(store: Store) -> set[str]:
    """Give the ids of the provider's jobs that are ours already."""
    return {name for (name,) in store.rows("SELECT provider_job_id FROM jobs WHERE provider_job_id IS NOT NULL")}


def known_events(store: Store, job: Job) -> set[str]:
    """Give the ids of the events that are stored."""
    return {name for (name,) in store.rows("SELECT event_id FROM job_events WHERE job_id = ?", [job.job_id])}


def events_of(store: Store, job: Job, *, most: int) -> list[Event]:
    """Give a job's last events, the newest first."""
    rows = store.rows(
        "SELECT strftime(happened_at, '%Y-%m-%d %H:%M:%S'), level, message FROM job_events WHERE job_id = ? "
        "ORDER BY happened_at DESC, rowid DESC LIMIT ?",
        [job.job_id, most],
    )
    return [Event(*row) for row in rows]


def metrics_of(store: Store, job: Job) -> dict[str, list[tuple[int, float]]]:
    """Give a job's figures by name, each as (step, value) in the order of the steps."""
    found: dict[str, list[tuple[int, float]]] = {}
    for name, step, value in store.rows(
        "SELECT name, step, value FROM metrics WHERE job_id = ? ORDER BY name, step", [job.job_id]
    ):
        found.setdefault(name, []).append((step, value))
    return found


def add_events(store: Store, job: Job, events: Sequence[RemoteEvent]) -> None:
    """Store events that are not there yet."""
    there = known_events(store, job)
    fresh = {event.event_id: event for event in events if event.event_id not in there}
    for event in fresh.values():
        store.execute(
            "INSERT INTO job_events VALUES (?, ?, ?, ?, ?, ?)",
            [job.job_id, event.event_id, event.happened_at, event.level, event.message, _json(event.data)],
        )


def add_metrics(store: Store, job: Job, rows: Sequence[tuple[int, str, float]]) -> None:
    """Store figures as (step, name, value); what stands there already is replaced."""
    latest = {(step, name): value for step, name, value in rows}
    frame = pl.DataFrame(
        [(job.job_id, step, name, value) for (step, name), value in latest.items()],
        schema={"job_id": pl.String, "step": pl.Int64, "name": pl.String, "value": pl.Float64},
        orient="row",
    )
    store.replace("metrics", frame, keys=("job_id", "step", "name"))


def update(store: Store, job: Job, *, status: str, result: Mapping[str, Any], finished_at: datetime | None) -> None:
    """Record how a job stands."""
    store.execute(
        "UPDATE jobs SET status = ?, result = ?, finished_at = ? WHERE job_id = ?",
        [status, _json(result), finished_at, job.job_id],
    )


def _last(store: Store, content: str) -> Job | None:
    found = _select(store, "content = ? ORDER BY repeat DESC LIMIT 1", [content])
    return found[0] if found else None


def _select(store: Store, where: str, params: Sequence[Any] = ()) -> list[Job]:
    rows = store.rows(f"SELECT {_READ} FROM jobs WHERE {where}", list(params))
    return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_FIELDS, row, strict=True))
    values |= {name: orjson.loads(values[name]) for name in ("request", "result")}
    for name in ("created_at", "finished_at"):
        values[name] = None if values[name] is None else datetime.fromtimestamp(values[name], UTC)
    return Job(**values)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()

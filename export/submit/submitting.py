"""Turn a dataset into exactly one job: recorded first, looked for before every try, found again after a kill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from export.submit import jobs
from export.submit.dry_run import DryRun, placeholder
from export.submit.errors import KeyRefused, SubmitError, Unavailable
from export.submit.jobs import Job
from export.submit.moderation import LEAVE_OUT, REFUSE, SEND, check_choice, judge_for, moderate, refusal
from export.submit.patience import Patience
from export.submit.provider import SUBMISSION_KEY, Provider, RemoteJob
from export.submit.setting_aside import set_aside
from export.submit.uploading import Uploading
from store.database import Store
from store.history import record
from store.ledger import run
from store.progress import Progress, silent

STAGE = "submit"


@dataclass(frozen=True, slots=True)
class Submission:
    """What submitting came to: the job, and whether the provider has only now been asked for it."""

    job: Job
    is_new: bool


def submit(
    store: Store,
    provider: Provider,
    rehearsal: DryRun,
    *,
    again: bool = False,
    flagged: str = REFUSE,
    patience: Patience | None = None,
    progress: Progress = silent,
) -> Submission:
    """Upload a dataset's files and make its job, or give the job that was made of them before.

    Whatever interrupts this, the same call goes on where it was. `again` asks for one more job of the same content,
    once the last one is over. `flagged` says what becomes of lines that moderation flags.

    Raises:
        Flagged: moderation flagged lines, and they are not to be sent.
        SubmitError: what the provider refuses, or could not do in time; the hint says what to do.
    """
    patience = patience or Patience()
    job = jobs.prepare(store, rehearsal, provider=provider.name, endpoint=provider.endpoint, again=again)
    if job.provider_job_id:
        return Submission(job, is_new=False)
    with run(store, STAGE, inputs={"dataset": job.dataset_id, "job": job.job_id}) as this:
        # Looked for before anything is sent: a key that is refused, or a job that is there, needs no upload.
        remote = find(store, provider, job)
        is_new = remote is None
        if remote is None:
            _tell_end(provider, rehearsal, patience)
            _moderate(store, provider, rehearsal, job, flagged, patience, progress)
            body = _with_files(store, provider, rehearsal, job, patience, progress)
            remote = _create(store, provider, job, body, patience)
        jobs.connect(store, job, remote)
        this.position["provider_job_id"] = remote.job_id
    return Submission(jobs.find_job(store, job.job_id), is_new=is_new)


def find(store: Store, provider: Provider, job: Job) -> RemoteJob | None:
    """Look for a job at the provider, by its key.

    A provider that keeps no metadata can only be asked for a job on the same file that we do not know yet.
    """
    known = jobs.known_ids(store)
    file, model = job.request["body"].get("training_file"), job.model
    for remote in provider.jobs(job.submission_key):
        if remote.metadata.get(SUBMISSION_KEY) == job.submission_key:
            return remote
        nameless = not remote.metadata and job.status != jobs.PREPARING and remote.job_id not in known
        if nameless and (remote.training_file, remote.model) == (file, model):
            return remote
    return None


def _tell_end(provider: Provider, rehearsal: DryRun, patience: Patience) -> None:
    """Check the model while nothing is sent yet, and say when it ends; whether it has is the provider's to say."""
    end = provider.probe(rehearsal.model)
    if end is not None and not any(str(end) in warning for warning in rehearsal.warnings):
        patience.tell(f"{provider.endpoint} ends {rehearsal.model}, and every fine-tune of it, on {end}.")


def _moderate(
    store: Store, provider: Provider, rehearsal: DryRun, job: Job, flagged: str, patience: Patience, progress: Progress
) -> None:
    """Look through the lines before they leave the machine; what trains on this machine is sent to nobody.

    Raises:
        Flagged: something stands out, and it is not to be sent.
    """
    choice = check_choice(flagged)
    if provider.capabilities.is_free:
        return
    judge = judge_for(provider, store.path.parent)
    found = moderate(store, rehearsal.files, judge, progress=progress)
    after = {"judge": found.judge, "messages": found.messages, "flagged": len(found.flags), "choice": choice}
    record(store, "job.moderate", subject=job.job_id, after=after)
    if not found.flags:
        patience.tell(f"Moderation ({found.judge}): none of {found.messages:,} messages stands out.")
    elif choice == SEND:
        patience.tell(f"Moderation ({found.judge}) flags {len(found.flags):,} messages; they are sent as asked for.")
    else:
        aside = set_aside(store, rehearsal.dataset_id, found.flags) if choice == LEAVE_OUT else None
        raise refusal(found, left_out=aside)


def _with_files(
    store: Store, provider: Provider, rehearsal: DryRun, job: Job, patience: Patience, progress: Progress
) -> dict[str, Any]:
    """Bring the files to the provider, and put their ids into the request."""
    ids = {
        placeholder(file.name): Uploading(store, provider, file, patience, progress).bring() for file in rehearsal.files
    }
    planned = dict(rehearsal.request) | {"metadata": job.request["body"]["metadata"]}
    return {key: ids.get(value, value) if isinstance(value, str) else value for key, value in planned.items()}


def _tell_quote(store: Store, provider: Provider, job: Job, body: Mapping[str, Any], patience: Patience) -> None:
    """Say what the provider itself reckons, where it tells that before the job is made."""
    quoted = provider.quote(body)
    if quoted is not None:
        patience.tell(f"{provider.endpoint} reckons with ${quoted:,.2f}.")
        jobs.set_quote(store, job, quoted)


def _create(store: Store, provider: Provider, job: Job, body: Mapping[str, Any], patience: Patience) -> RemoteJob:
    jobs.set_body(store, job, body)
    _tell_quote(store, provider, job, body, patience)
    asked = jobs.find_job(store, job.job_id)
    try:
        return patience.once(
            lambda: find(store, provider, asked),
            lambda: provider.create(body),
            unclear=job.status != jobs.PREPARING,
        )
    except (Unavailable, KeyRefused):
        raise
    except SubmitError:
        jobs.set_status(store, job, jobs.REFUSED)
        raise

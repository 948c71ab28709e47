"""Read and write what Fireworks' API speaks: datasets, supervised fine-tuning jobs, their states and figures.

Source: the types of the SDK fireworks-ai 1.2.30. What the metrics file holds is not documented.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from export.submit.openai_answers import one_line
from export.submit.provider import KEY_DIGITS, SUBMISSION_KEY, RemoteEvent, RemoteFile, RemoteJob, kept_fields
from export.submit.together_answers import moment

STATES = {
    "CREATING": "queued",
    "PENDING": "queued",
    "RE_QUEUEING": "queued",
    "VALIDATING": "validating_files",
    "CREATING_INPUT_DATASET": "validating_files",
    "WRITING_RESULTS": "running",
    "COMPLETED": "succeeded",
    "EARLY_STOPPED": "succeeded",
    "EXPIRED": "failed",
}
OVER = frozenset({"succeeded", "failed", "cancelled"})
DATASET_DIGITS = 40  # ids hold at most 63 characters
JOB_DIGITS = 2 * KEY_DIGITS


def dataset_id(name: str) -> str:
    """Give the dataset's id for a file's name, which holds its hash."""
    return f"chatmill-{name.removeprefix('chatmill-')[:DATASET_DIGITS]}"


def job_id_of(key: str) -> str:
    """Give the job's id for a submission key: a second job of the same key is refused by the service itself."""
    return f"chatmill-{key[:JOB_DIGITS]}"


def full_model(name: str) -> str:
    """Give a model's whole name; one without a slash is Fireworks' own."""
    return name if "/" in name else f"accounts/fireworks/models/{name}"


def read_file(answer: Mapping[str, Any]) -> RemoteFile:
    """Read a dataset; until it is ready it is being read."""
    status = answer.get("status") or {}
    if status.get("code") not in (None, "OK"):
        return RemoteFile(_last(answer["name"]), "failed", one_line(status.get("message")))
    state = str(answer.get("state") or "READY")
    return RemoteFile(_last(answer["name"]), "processed" if state == "READY" else "pending")


def read_job(answer: Mapping[str, Any], *, key: str = "") -> RemoteJob:
    """Read a job; its id tells whether it is the one of a submission key."""
    job_id = _last(answer["name"])
    state = str(answer.get("state") or "unknown").removeprefix("JOB_STATE_")
    status = STATES.get(state, state.lower())
    is_over = status in OVER
    message = one_line((answer.get("status") or {}).get("message"))
    return RemoteJob(
        fields=kept_fields(answer),
        job_id=job_id,
        status=status,
        model=str(answer.get("baseModel") or ""),
        training_file=_last(str(answer.get("dataset") or "")),
        metadata={SUBMISSION_KEY: key} if key and job_id == job_id_of(key) else {},
        fine_tuned_model=(answer.get("outputModel") or job_id) if status == "succeeded" else None,
        finished_at=(moment(answer.get("completedTime")) or moment(answer.get("updateTime"))) if is_over else None,
        result_files=(job_id,) if is_over and answer.get("metricsFileSignedUrl") else (),
        problem=(message or "The provider gave no reason.") if status == "failed" else "",
    )


def read_progress(answer: Mapping[str, Any]) -> list[RemoteEvent]:
    """Make events of a job's state and progress: Fireworks lists none."""
    when = moment(answer.get("updateTime")) or moment(answer.get("createTime")) or datetime.fromtimestamp(0, UTC)
    state = str(answer.get("state") or "unknown").removeprefix("JOB_STATE_").lower()
    events = [RemoteEvent(f"state-{state}", when, "info", f"The job is {state}.", {"state": state})]
    progress = answer.get("jobProgress") or {}
    if "percent" in progress:
        epoch, percent = progress.get("epoch", 0), progress["percent"]
        words = f"Epoch {epoch}: {percent} % done."
        events.append(RemoteEvent(f"progress-{epoch}-{percent}", when, "info", words, dict(progress)))
    return events


def job_body(request: Mapping[str, Any], account: str) -> dict[str, Any]:
    """Turn our request, which is OpenAI's, into the body of POST supervisedFineTuningJobs."""
    more = dict(request["method"]["supervised"]["hyperparameters"])
    key = request["metadata"][SUBMISSION_KEY]
    body: dict[str, Any] = {
        "dataset": f"accounts/{account}/datasets/{request['training_file']}",
        "baseModel": full_model(request["model"]),
        "epochs": more.pop("n_epochs"),
        "displayName": request.get("suffix", "") or job_id_of(key),
    }
    if "validation_file" in request:
        body["evaluationDataset"] = f"accounts/{account}/datasets/{request['validation_file']}"
    return body | more


def read_end(answer: Mapping[str, Any]) -> date | None:
    """Read the day a model's deployment ends: {"year", "month", "day"}."""
    given = answer.get("deprecationDate") or {}
    try:
        return date(given["year"], given["month"], given["day"])
    except (KeyError, TypeError, ValueError):
        return None


def _last(name: str) -> str:
    return name.rsplit("/", 1)[-1]

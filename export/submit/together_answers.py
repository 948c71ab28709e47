"""Read and write what Together's API speaks: its statuses, events, figures and the flat request of a job.

Source: the types of the SDK together 3.1.1. Names of figures ("train/global_step", "train/loss") as its own plots
read them; which others come is not documented, so every figure is kept under its own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from export.submit.openai_answers import one_line
from export.submit.provider import SUBMISSION_KEY, RemoteEvent, RemoteFile, RemoteJob, has_key, kept_fields, with_key
from export.submit.wire import digest

SUFFIX_MOST = 40
STATUSES = {
    "pending": "queued",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "cancelling",
    "completed": "succeeded",
    "error": "failed",
}
FILES = {
    "COMPLETED": "processed",
    "FAILED": "failed",
    "INVALID_FORMAT": "failed",
    "PENDING": "pending",
    "QUEUED": "pending",
    "RUNNING": "pending",
}
OVER = frozenset({"succeeded", "failed", "cancelled"})
NEVER = datetime.fromtimestamp(0, UTC)
STEPS = ("train/global_step", "global_step", "step")
FIGURES = {"train/loss": "train_loss", "eval/loss": "valid_loss"}


def read_file(answer: Mapping[str, Any]) -> RemoteFile:
    """Read a file; one whose state is not told counts as ready."""
    report = answer.get("validation_report") or {}
    status = FILES.get(str(answer.get("processing_status") or ""), "processed")
    if report.get("valid") is False:
        status = "failed"
    return RemoteFile(answer["id"], status, one_line(report.get("error")))


def read_job(answer: Mapping[str, Any], *, key: str = "") -> RemoteJob:
    """Read a job; one whose suffix, or whose tuned model's name, holds the key counts as having it."""
    status = STATUSES.get(str(answer.get("status")), str(answer.get("status") or "unknown"))
    names = (answer.get("suffix"), answer.get("model_output_name"))
    tokens = answer.get("token_count")
    is_over = status in OVER
    return RemoteJob(
        fields=kept_fields(answer),
        job_id=answer["id"],
        status=status,
        model=str(answer.get("model") or ""),
        training_file=str(answer.get("training_file") or ""),
        metadata={SUBMISSION_KEY: key} if key and any(has_key(name, key) for name in names) else {},
        fine_tuned_model=(answer.get("model_output_name") or None) if status == "succeeded" else None,
        trained_tokens=tokens if isinstance(tokens, int) and is_over else None,
        finished_at=moment(answer.get("updated_at")) if is_over else None,
        problem=_problem(answer) if status == "failed" else "",
    )


def read_event(answer: Mapping[str, Any]) -> RemoteEvent:
    """Read an event; its id is made of what it says, because Together gives none."""
    said = [answer.get(name) for name in ("created_at", "type", "message", "step", "checkpoint_path")]
    level = str(answer.get("level") or "info").removeprefix("legacy_").replace("iwarning", "warning")
    data = {name: value for name, value in answer.items() if value is not None and name not in ("message", "object")}
    return RemoteEvent(
        event_id=f"together-{digest(*said)}",
        happened_at=moment(answer.get("created_at")) or NEVER,
        level=level,
        message=one_line(answer.get("message")),
        data={name: value for name, value in data.items() if name != "step"},
    )


def read_metrics(answer: Mapping[str, Any], *, otherwise: datetime) -> list[RemoteEvent]:
    """Give each row of figures as an event without words, known by its step and its content.

    One that does not say when it was logged happened at `otherwise`.
    """
    events: list[RemoteEvent] = []
    for row in answer.get("metrics") or []:
        step = next((row[name] for name in STEPS if name in row), None)
        if step is None:
            continue
        stamp = row.get("timestamp")
        when = datetime.fromtimestamp(stamp, UTC) if _is_stamp(stamp) else otherwise
        figures: dict[str, Any] = {
            FIGURES.get(str(name), str(name)): value for name, value in row.items() if name not in (*STEPS, "timestamp")
        }
        name = f"together-{digest('metrics', step, *sorted(figures.items()))}"
        events.append(RemoteEvent(name, when, "info", "", {"step": int(step), **figures}))
    return events


def job_body(request: Mapping[str, Any]) -> dict[str, Any]:
    """Turn our request, which is OpenAI's, into the flat body of POST /fine-tunes."""
    method = request["method"]
    more = dict(method[method["type"]]["hyperparameters"])
    body: dict[str, Any] = {
        "model": request["model"],
        "training_file": request["training_file"],
        "n_epochs": more.pop("n_epochs"),
        "random_seed": request["seed"],
        "suffix": with_key(request.get("suffix", ""), request["metadata"][SUBMISSION_KEY], SUFFIX_MOST),
        "training_method": _method(method, more),
    }
    if "validation_file" in request:
        body |= {"validation_file": request["validation_file"], "n_evals": body["n_epochs"]}
    lora = {name: more.pop(name) for name in list(more) if name.startswith("lora_")}
    if more.pop("lora", None) is False:
        body["training_type"] = {"type": "Full"}
    elif lora:
        body["training_type"] = {"type": "Lora", **lora}
    return body | more


def estimate_body(request: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a job's body that POST /fine-tunes/estimate-price takes."""
    wanted = ("model", "training_file", "validation_file", "n_epochs", "n_evals", "training_method", "training_type")
    body = job_body(request)
    return {name: body[name] for name in wanted if name in body}


def moment(text: object) -> datetime | None:
    """Read a time as ISO 8601; what is none is None."""
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _method(method: Mapping[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    if method["type"] == "dpo":
        beta = more.pop("beta", None)
        return {"method": "dpo"} | ({"dpo_beta": beta} if isinstance(beta, int | float) else {})
    return {"method": "sft", "train_on_inputs": "auto"}


def _problem(answer: Mapping[str, Any]) -> str:
    """Find why a job failed: its last event that is an error."""
    errors = [
        event
        for event in answer.get("events") or []
        if event.get("type") == "job_error" or event.get("level") == "error"
    ]
    return one_line(errors[-1].get("message")) if errors else "The provider gave no reason."


def _is_stamp(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11

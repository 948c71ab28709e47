"""Tell what a training process reported as OpenAI would: events, checkpoints, a result file."""

from __future__ import annotations

import csv
import time
from io import StringIO

from service.trainer.models import CHECKPOINT, tuned_name
from service.trainer.shelf import Job, Shelf, Thing, now

COLUMNS = ("step", "train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")
CHECKPOINT_METRICS = (*COLUMNS, "full_valid_loss", "full_valid_mean_token_accuracy")


def tell(shelf: Shelf, job: Job, line: Thing, mark: str) -> None:
    """Tell one line of a training's reports; `mark` names the line, so that it is told once."""
    told = {"note": _note, "plan": _plan, "metrics": _metrics, "checkpoint": _checkpoint}.get(line["kind"])
    if told is not None:
        told(shelf, job, line, mark)


def result_csv(told: list[Thing]) -> str:
    """Write the figures of all steps, in the columns of OpenAI's result file; blank where nothing was measured."""
    rows: dict[int, Thing] = {line["step"]: line for line in told if line["kind"] == "metrics"}
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for _, row in sorted(rows.items()):
        writer.writerow([row.get(name, "") for name in COLUMNS])
    return text.getvalue()


def _note(shelf: Shelf, job: Job, line: Thing, mark: str) -> None:
    shelf.add_event(job, line["message"], level=line.get("level", "info"), mark=mark)


def _plan(shelf: Shelf, job: Job, line: Thing, mark: str) -> None:
    method = job.told["method"]["type"]
    told = line["hyperparameters"]
    job.told["method"][method]["hyperparameters"] = told
    job.told["hyperparameters"] = {name: told[name] for name in ("n_epochs", "batch_size", "learning_rate_multiplier")}
    job.steps, job.started_at = line["steps"], time.time()
    words = (
        f"Training {line['trained']:,} of {line['parameters']:,} parameters on {line['device']}: "
        f"{line['examples']:,} examples, {line['tokens']:,} tokens a pass, {line['steps']:,} steps."
    )
    shelf.add_event(job, words, mark=mark)


def _metrics(shelf: Shelf, job: Job, line: Thing, mark: str) -> None:
    if line["step"] <= job.step:
        return  # told before the training was stopped, and trained again since the last checkpoint
    figures = {key: value for key, value in line.items() if key != "kind"} | {"total_steps": job.steps}
    for name in ("valid_loss", "valid_mean_token_accuracy"):
        if name in figures:
            figures[f"full_{name}"] = figures[name]
    words = [
        f"{name} loss={figures[key]:.2f}"
        for name, key in (("training", "train_loss"), ("validation", "valid_loss"))
        if key in figures
    ]
    shelf.add_event(
        job, f"Step {line['step']}/{job.steps}: {', '.join(words)}", kind="metrics", data=figures, mark=mark
    )
    job.step = line["step"]
    if job.step > 0:
        pace = (time.time() - job.started_at) / job.step
        job.told["estimated_finish"] = int(time.time() + pace * (job.steps - job.step))


def _checkpoint(shelf: Shelf, job: Job, line: Thing, mark: str) -> None:
    step = line["step"]
    if any(point["step"] == step for point in job.checkpoints):
        return
    seen = [event["data"] for event in shelf.events[job.job_id] if event["type"] == "metrics"]
    figures = next((one for one in reversed(seen) if one["step"] == step), {"step": step})
    metrics = {key: figures[key] for key in CHECKPOINT_METRICS if key in figures}
    name = f"{tuned_name(job)}{CHECKPOINT}{step}"
    point = {"id": f"ftckpt_{job.job_id[-8:]}_{step}", "step": step, "name": name, "created_at": now()}
    job.checkpoints.append(point | {"metrics": metrics})
    shelf.add_event(job, f"Checkpoint created at step {step}", mark=mark)

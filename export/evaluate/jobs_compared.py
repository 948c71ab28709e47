"""Lay jobs side by side: what each was made of, how its losses ran, what it cost, and how its model was judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from curate.report.lines import Points, lines
from export.catalog import find_dataset
from export.errors import UnknownDataset
from export.evaluate.scoring import LOSSES
from export.submit.jobs import Job, find_job, list_jobs, metrics_of
from store.database import Store
from store.workspace import Workspace

COLUMNS = (
    "job", "status", "dataset", "lines", "model", "epochs", "seed", "settings", "lowest validation loss", "at step",
    "last training loss", "trained tokens", "about USD", "minutes", "judged",
)  # fmt: skip
MOST_CURVES = 4  # more of them nobody could tell apart
EVALUATED = """
SELECT result FROM evaluations
WHERE kind = 'models' AND json_extract_string(result, '$.tuned.model') = ? ORDER BY created_at DESC LIMIT 1
"""
SETTINGS_APART = frozenset({"n_epochs"})  # has a column of its own


@dataclass(frozen=True, slots=True)
class Compared:
    """One job as a row of plain values under COLUMNS, and its losses."""

    job: Job
    row: tuple[Any, ...]
    losses: Mapping[str, Points]

    @property
    def lowest(self) -> float:
        """Give the lowest validation loss; infinite where there is none."""
        return min((value for name in LOSSES for _, value in self.losses.get(name, ())), default=float("inf"))


def compare_jobs(workspace: Workspace, store: Store, names: Sequence[str]) -> list[Compared]:
    """Give the jobs of these names, or all of them, those with the lowest validation loss first.

    Losses of jobs on different dataset versions are of different validation splits, and compare only roughly.

    Raises:
        UnknownJob: no job answers to a name.
    """
    jobs = [find_job(store, name) for name in names] if names else list_jobs(store)
    compared = [_compared(workspace, store, job) for job in {job.job_id: job for job in jobs}.values()]
    return sorted(compared, key=lambda one: (one.lowest, one.job.created_at))


def as_json(compared: Sequence[Compared]) -> list[dict[str, Any]]:
    """Give rows as objects, with every loss as [step, value]."""
    return [
        dict(zip((name.replace(" ", "_") for name in COLUMNS), one.row, strict=True))
        | {"losses": {name: [list(point) for point in points] for name, points in one.losses.items()}}
        for one in compared
    ]


def write_page(path: Path, compared: Sequence[Compared]) -> None:
    """Write the comparison as a page of its own, so that it is there whole or not at all."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((files("export.evaluate") / "jobs.html").read_text(encoding="utf-8"))
    style = Markup((files("curate.report") / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    plots = [(title, Markup(plot)) for title, plot in _plots(compared)]  # noqa: S704 - lines() escapes
    rows = [tuple(_written(value) for value in one.row) for one in compared]
    partial = path.with_name(path.name + ".partial")
    page = template.render(columns=COLUMNS, rows=rows, plots=plots, style=style, version=version("chatmill"))
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)


def cells(one: Compared) -> tuple[str, ...]:
    """Write a row for people."""
    return tuple(_written(value) for value in one.row)


def _plots(compared: Sequence[Compared]) -> Iterator[tuple[str, str]]:
    for name in ("valid_loss", "full_valid_loss", "train_loss"):
        found = [(one.job.job_id, one.losses[name]) for one in compared if one.losses.get(name)]
        series = dict(found[:MOST_CURVES])
        if series:
            best = f" of the best {MOST_CURVES}" if len(found) > MOST_CURVES else ""
            title = f"{name.replace('_', ' ').capitalize()} by step{best}"
            yield title, lines(title, series)


def _compared(workspace: Workspace, store: Store, job: Job) -> Compared:
    metrics = metrics_of(store, job)
    losses = {name: metrics[name] for name in ("train_loss", *LOSSES) if name in metrics}
    validated = next((losses[name] for name in LOSSES if losses.get(name)), [])
    step, lowest = min(validated, key=lambda point: point[1]) if validated else (None, None)
    trained = losses.get("train_loss")
    body: Mapping[str, Any] = job.request.get("body") or {}
    estimate: Mapping[str, Any] = job.request.get("estimate") or {}
    minutes = (job.finished_at - job.created_at).total_seconds() / 60 if job.finished_at else None
    row = (
        job.job_id, job.status, job.dataset_id, _lines(workspace, store, job), job.model, estimate.get("epochs"),
        body.get("seed"), _settings(body), lowest, step, trained[-1][1] if trained else None,
        job.result.get("trained_tokens"), estimate.get("usd"), minutes, _judged(store, job),
    )  # fmt: skip
    return Compared(job, row, losses)


def _lines(workspace: Workspace, store: Store, job: Job) -> int | None:
    """Count the lines that a job trains on; None where its dataset is gone."""
    try:
        files = find_dataset(workspace, store, job.dataset_id).files
    except UnknownDataset:
        return None
    return sum(file["lines"] for file in files.values() if file["split"] == "train")


def _settings(body: Mapping[str, Any]) -> str:
    """Name the hyperparameters that a job was asked for, wherever its provider wants them."""
    method: Mapping[str, Any] = body.get("method") or {}
    asked: Mapping[str, Any] = (method.get(str(method.get("type"))) or {}).get("hyperparameters") or {}
    asked = asked or body.get("hyperparameters") or {}
    return ", ".join(f"{name} {value}" for name, value in sorted(asked.items()) if name not in SETTINGS_APART)


def _judged(store: Store, job: Job) -> str:
    """Say what the newest comparison found of the model that a job became."""
    raw = store.value(EVALUATED, [job.result.get("fine_tuned_model") or ""])
    if not raw:
        return ""
    document: dict[str, Any] = orjson.loads(raw)
    verdicts = [one["verdict"] for one in document["measures"]]
    rated = document["votes"] or document["judge"]
    wins = f"wins {rated['rate']['value']:.0%}; " if rated else ""
    return f"{wins}{verdicts.count('better')} better, {verdicts.count('worse')} worse"


def _written(value: Any) -> str:  # noqa: ANN401 - a cell's value
    if value is None:
        return ""
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)

"""Rehearse a fine-tuning job: check every file, show what would be sent, and price it. Nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson

from export.catalog import LATEST, Dataset, find_dataset
from export.errors import ExportError
from export.models import Cost, cost, default_epochs, encoding_of, price_table, shutdown_warnings
from export.preflight import PreflightFinding, check_suffix, preflight_files
from export.tokens import TokenCounter
from store.database import Store
from store.workspace import Workspace

MAX_EPOCHS = 50  # n_epochs in OpenAI's API specification
SENT = ("train", "validation")  # the test split stays here: it is for judging what comes back


@dataclass(frozen=True, slots=True)
class SentFile:
    """One file that would be uploaded."""

    name: str
    path: Path
    bytes: int
    sha256: str
    lines: int
    tokens: int


@dataclass(frozen=True, slots=True)
class DryRun:
    """What submitting a dataset would do: files, the job's request, checks, price and warnings."""

    dataset_id: str
    model: str
    files: tuple[SentFile, ...]
    request: Mapping[str, Any]
    epochs: int
    epochs_are_default: bool
    tokens: int
    tokens_margin: int
    cost: Cost
    prices: tuple[Cost, ...]
    findings: tuple[PreflightFinding, ...]
    warnings: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Say whether a trainer would take the files: no finding is an error."""
        return all(finding.severity == "warning" for finding in self.findings)


def dry_run(
    workspace: Workspace,
    store: Store,
    dataset: Dataset | str = LATEST,
    *,
    model: str | None = None,
    epochs: int | None = None,
    suffix: str | None = None,
    today: date | None = None,
) -> DryRun:
    """Check a dataset for a model and say what would be sent and what it would cost.

    `epochs` None takes submit.epochs, and where that is 0 the provider's rule; `suffix` None takes submit.suffix.

    Raises:
        UnknownDataset: there is no such dataset.
        DamagedDataset: its files are not what was written.
        ExportError: epochs outside 1 to 50.
    """
    found = dataset if isinstance(dataset, Dataset) else find_dataset(workspace, store, dataset)
    found.verify()
    name = model or str(found.manifest["model"])
    suffix = suffix if suffix is not None else workspace.settings.submit.suffix or None
    files = _files(found, name)
    paths = {file.name: file.path for file in files}
    train = files[0]
    asked = _asked_epochs(epochs if epochs is not None else workspace.settings.submit.epochs)
    passes = asked or default_epochs(train.lines)
    return DryRun(
        dataset_id=found.dataset_id,
        model=name,
        files=files,
        request=_request(found, files, model=name, epochs=asked, suffix=suffix),
        epochs=passes,
        epochs_are_default=not asked,
        tokens=train.tokens,
        tokens_margin=found.files[train.name]["tokens_margin"],
        cost=cost(name, tokens=train.tokens, epochs=passes),
        prices=tuple(price_table(tokens=train.tokens, epochs=passes)),
        findings=(*preflight_files(paths, name), *check_suffix(suffix)),
        warnings=tuple(shutdown_warnings(name, today=today or datetime.now(UTC).date())),
    )


def as_json(rehearsal: DryRun) -> dict[str, Any]:
    """Give a dry run as plain JSON values."""
    document = asdict(rehearsal)
    document["findings"] = [{**asdict(one), "severity": one.severity} for one in rehearsal.findings]
    document["is_clean"] = rehearsal.is_clean
    return document


def placeholder(name: str) -> str:
    """Stand for the id that a file gets when it is uploaded."""
    return f"<id of {name}>"


def _asked_epochs(epochs: int) -> int:
    if not 0 <= epochs <= MAX_EPOCHS:
        raise ExportError(f"{epochs} epochs cannot be asked for; 1 to {MAX_EPOCHS} can.", hint="Leave it to the rule.")
    return epochs


def _files(dataset: Dataset, model: str) -> tuple[SentFile, ...]:
    """List what would be uploaded; an empty validation file would be refused, so it is not sent."""
    recount = encoding_of(model) != dataset.manifest["encoding"]
    told = [(name, file) for name, file in dataset.files.items() if file["split"] in SENT]
    sent = [(name, file) for name, file in told if file["lines"] or file["split"] == "train"]
    return tuple(
        SentFile(
            name,
            dataset.folder / name,
            file["bytes"],
            file["sha256"],
            file["lines"],
            _count(dataset.folder / name, model) if recount else file["tokens"],
        )
        for name, file in sent
    )


def _count(path: Path, model: str) -> int:
    """Count a dataset's file for a model whose encoding is not the one it was counted with."""
    counter = TokenCounter(model)
    with path.open("rb") as file:
        return sum(counter.example(orjson.loads(line)).total for line in file)


def _request(
    dataset: Dataset, files: tuple[SentFile, ...], *, model: str, epochs: int, suffix: str | None
) -> dict[str, Any]:
    """Write the job's request (POST /fine_tuning/jobs); the ids of the files are known once they are uploaded."""
    ids = {dataset.files[file.name]["split"]: placeholder(file.name) for file in files}
    request: dict[str, Any] = {"model": model, "training_file": ids["train"]}
    if "validation" in ids:
        request["validation_file"] = ids["validation"]
    hyperparameters: dict[str, Any] = {"n_epochs": epochs or "auto"}
    request["method"] = {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}
    request["seed"] = dataset.manifest["seed"] % (1 << 31)
    if suffix:
        request["suffix"] = suffix
    request["metadata"] = {"dataset": dataset.dataset_id, "train_sha256": files[0].sha256}
    return request

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
from export.models import Cost, default_epochs, encoding_of, price_table, shutdown_warnings
from export.preflight import MAX_FILE_BYTES, MIN_EXAMPLES, PreflightFinding, check_suffix, preflight_files
from export.submit.capabilities import Capabilities, capabilities_of
from export.submit.checks import hyperparameters, limits
from export.submit.openai_dialects import TRAINING_TYPE
from export.submit.pricing import price
from export.tokens import TokenCounter
from store.database import Store
from store.workspace import Workspace

MAX_EPOCHS = 50  # n_epochs in OpenAI's API specification
AZURE_ENDS = (
    "Azure tunes gpt-4.1 and gpt-4o for who did so before, until April 2027 at least, and hosts what was tuned until "
    "October 2027 (its retirement page of 2026-07-07)."
)
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
    provider: str
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
    provider: str | None = None,
    model: str | None = None,
    epochs: int | None = None,
    suffix: str | None = None,
    more: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> DryRun:
    """Check a dataset for a provider and a model; say what would be sent and what it would cost.

    `provider` None takes submit.provider; `model` None the provider's usual one, or the dataset's; `epochs` None takes
    submit.epochs, and where that is 0 the provider's rule; `suffix` None takes submit.suffix.

    Raises:
        SubmitError: there is no such provider, or submit.hyperparameters cannot be read.
        UnknownDataset: there is no such dataset.
        DamagedDataset: its files are not what was written.
        ExportError: epochs outside 1 to 50.
    """
    settings = workspace.settings.submit
    known = capabilities_of(provider or settings.provider)
    found = dataset if isinstance(dataset, Dataset) else find_dataset(workspace, store, dataset)
    found.verify()
    name = model or known.model or str(found.manifest["model"])
    suffix = suffix if suffix is not None else settings.suffix or None
    files = _files(found, name)
    paths = {file.name: file.path for file in files}
    train = files[0]
    asked = _asked_epochs(epochs if epochs is not None else settings.epochs)
    passes = asked or default_epochs(train.lines)
    told = {"n_epochs": asked or ("auto" if known.auto_epochs else passes), **hyperparameters(settings.hyperparameters)}
    told |= more or {}
    request = _request(found, files, model=name, hyperparameters=told, suffix=suffix)
    if known.name == "azure" and settings.training_type:
        request[TRAINING_TYPE] = settings.training_type
    return DryRun(
        dataset_id=found.dataset_id,
        provider=known.name,
        model=name,
        files=files,
        request=request,
        epochs=passes,
        epochs_are_default=not asked,
        tokens=train.tokens,
        tokens_margin=found.files[train.name]["tokens_margin"],
        cost=price(known.name, name, tokens=train.tokens, epochs=passes),
        prices=tuple(price_table(tokens=train.tokens, epochs=passes)),
        findings=(
            *(one for one in preflight_files(paths, name) if not _is_lifted(one, known)),
            *check_suffix(suffix),
            *limits(known, files, suffix),
        ),
        warnings=_warnings(known, name, today or datetime.now(UTC).date()),
    )


def as_json(rehearsal: DryRun) -> dict[str, Any]:
    """Give a dry run as plain JSON values."""
    document = asdict(rehearsal)
    document["findings"] = [{**asdict(one), "severity": one.severity} for one in rehearsal.findings]
    document["is_clean"] = rehearsal.is_clean
    return document


def _is_lifted(finding: PreflightFinding, provider: Capabilities) -> bool:
    """Say whether a finding is about a limit of OpenAI's that this provider does not have; its own are checked too."""
    if finding.code == "file.few_examples":
        return provider.least_examples < MIN_EXAMPLES
    if finding.code == "file.too_large":
        return provider.most_bytes > MAX_FILE_BYTES
    return finding.code == "job.suffix_azure" and provider.name != "openai"


def _warnings(provider: Capabilities, model: str, today: date) -> tuple[str, ...]:
    if provider.name == "azure":
        return (AZURE_ENDS,)
    return tuple(shutdown_warnings(model, today=today)) if provider.name == "openai" else ()


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
    dataset: Dataset, files: tuple[SentFile, ...], *, model: str, hyperparameters: Mapping[str, Any], suffix: str | None
) -> dict[str, Any]:
    """Write the job's request (POST /fine_tuning/jobs); the ids of the files are known once they are uploaded."""
    ids = {dataset.files[file.name]["split"]: placeholder(file.name) for file in files}
    request: dict[str, Any] = {"model": model, "training_file": ids["train"]}
    if "validation" in ids:
        request["validation_file"] = ids["validation"]
    request["method"] = {"type": "supervised", "supervised": {"hyperparameters": dict(hyperparameters)}}
    request["seed"] = dataset.manifest["seed"] % (1 << 31)
    if suffix:
        request["suffix"] = suffix
    request["metadata"] = {"dataset": dataset.dataset_id, "train_sha256": files[0].sha256}
    return request

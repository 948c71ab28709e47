"""The main job in one go: exports in, a training set out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.pipeline import curate_workspace
from curate.report.data import gather
from curate.report.page import write_page
from export.dataset import Dataset, build_dataset
from export.errors import NothingToExport
from export.submit.dry_run import DryRun, dry_run
from ingest.exports import IngestReport, ingest_exports
from ingest.loading import LOADING_MEMORY, LOADING_THREADS
from ingest.saved_mappings import find_mapping
from store.database import Store
from store.progress import Progress, silent
from store.workspace import Workspace

REPORT = "report.html"


@dataclass(frozen=True, slots=True)
class RunResult:
    """What came of the whole job; without a dataset, `nothing` says why there is none."""

    ingested: IngestReport
    report: Path
    dataset: Dataset | None = None
    rehearsal: DryRun | None = None
    nothing: NothingToExport | None = None


def load_all(
    workspace: Workspace,
    paths: Sequence[Path],
    *,
    connector: str | None = None,
    mapping: str | None = None,
    progress: Progress = silent,
) -> IngestReport:
    """Ingest, with the store opened for this alone: loading needs little memory, and would fill what it is allowed."""
    given = find_mapping(workspace, mapping) if mapping else None
    with workspace.open(memory=LOADING_MEMORY, threads=LOADING_THREADS) as store:
        return ingest_exports(workspace, store, paths, connector=connector, mapping=given, progress=progress)


def run_all(
    workspace: Workspace,
    store: Store,
    ingested: IngestReport,
    *,
    workers: int | None = None,
    provider: str | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Curate, export, and rehearse the submission; the report is written in any case."""
    curate_workspace(workspace, store, workers=workers, progress=progress)
    page = workspace.root / REPORT
    try:
        dataset = build_dataset(workspace, store, progress=progress)
    except NothingToExport as nothing:
        write_page(page, gather(store, workspace))
        return RunResult(ingested, page, nothing=nothing)
    write_page(page, gather(store, workspace))
    return RunResult(ingested, page, dataset, dry_run(workspace, store, dataset.dataset_id, provider=provider))

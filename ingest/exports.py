"""Ingest whole exports: files, folders and archives, each file by the connector that recognises it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.errors import IngestError, NothingRead
from ingest.files import DISK, Files
from ingest.loading import BatchReport, load_batch, load_problem
from ingest.mapping import Mapping
from ingest.plan import Plan, PlannedBatch, plan
from ingest.records import Reject
from ingest.saved_mappings import fitting_mapping
from ingest.source import SourceFile
from ingest.unknown_roles import unknown_roles
from store.database import Store
from store.errors import UsageError
from store.history import record
from store.lookups import make_lookups
from store.progress import Progress, silent
from store.workers import Workers
from store.workspace import Workspace

ASK = "See what each file looks like with `chatmill ingest PATH --explain`; `chatmill report` lists the rejects."


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came of every file."""

    batches: tuple[BatchReport, ...]
    unexplained: tuple[Reject, ...]
    unknown_roles: dict[str, int] = field(default_factory=dict[str, int])
    """By file: turns of people of whom nobody knows whether they are customers or agents."""

    @property
    def rejects(self) -> int:
        """How many records and files were rejected."""
        return sum(batch.rejects for batch in self.batches) + len(self.unexplained)

    @property
    def problems(self) -> tuple[UsageError, ...]:
        """What kept whole files from being read, and what to do about each; or that nothing came of anything."""
        found = tuple(batch.problem for batch in self.batches if batch.problem is not None)
        if not found and self.rejects and not any(batch.conversations or batch.superseded for batch in self.batches):
            return (
                NothingRead(
                    f"No conversation was read, and {self.rejects:,} records or files were rejected.", hint=ASK
                ),
            )
        return found

    @property
    def broken(self) -> tuple[BatchReport, ...]:
        """The batches whose connector failed on the way; what it gave before is kept."""
        return tuple(batch for batch in self.batches if batch.status == "failed" and batch.problem is None)


def ingest_exports(
    workspace: Workspace,
    store: Store,
    paths: Sequence[Path],
    *,
    connector: str | None = None,
    mapping: Mapping | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
    files: Files = DISK,
) -> IngestReport:
    """Read every file under the paths into the store; what cannot be read does not keep the rest from it.

    Raises:
        IngestError: a path does not exist, or there is no file at all.
        UnknownConnector: there is no connector of that name.
        WorkerDied: a worker was killed; the same command again goes on.
    """

    def is_mapped(file: SourceFile) -> bool:
        return mapping is not None or fitting_mapping(workspace, file) is not None

    planned = plan(_existing(paths, files), connector=connector, is_mapped=is_mapped, files=files)
    if not planned.batches and not planned.rejects:
        raise IngestError(
            f"There is no file in {', '.join(map(str, paths))}.", hint="Name the export's file, folder or archive."
        )
    with Workers(workspace.settings.workspace.workers) as workers:
        reports = tuple(
            _load(workspace, store, batch, mapping, dry_run=dry_run, workers=workers, progress=progress)
            for batch in planned.batches
        )
    if not dry_run:
        make_lookups(store)
        _keep_unexplained(store, planned)
        done = [report.file for report in reports if report.status == "done"]
        if done:
            record(store, "ingest", subject=", ".join(done))
    strangers = {} if dry_run else unknown_roles(store, [report.file for report in reports])
    return IngestReport(reports, planned.rejects, strangers)


def _load(
    workspace: Workspace,
    store: Store,
    batch: PlannedBatch,
    mapping: Mapping | None,
    *,
    dry_run: bool,
    workers: Workers,
    progress: Progress,
) -> BatchReport:
    account = workspace.settings.workspace.account
    try:
        if batch.connector.mapped and mapping is None:
            mapping = fitting_mapping(workspace, batch.files[0].file)
        given = mapping if batch.connector.mapped else None
        return load_batch(
            store, batch, account=account, mapping=given, dry_run=dry_run, workers=workers, progress=progress
        )
    except UsageError as problem:
        if not dry_run:
            load_problem(store, batch, problem)
        return BatchReport(batch.connector.name, batch.uri, "failed", 0, 0, 1, 0, problem)


def _keep_unexplained(store: Store, planned: Plan) -> None:
    for reject in planned.rejects:
        load_problem(store, reject)


def _existing(paths: Sequence[Path], files: Files) -> Sequence[Path]:
    missing = [str(path) for path in paths if not files.exists(path)]
    if missing:
        raise IngestError(f"There is no file or folder {', '.join(missing)}.", hint="Check the path and its spelling.")
    return [files.real(path) for path in paths]

"""The kinds of work that the server does in the background.

Each is a function that takes `Work` and gives figures for people and scripts: a JSON object, no text of a conversation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.background.errors import UnknownWork
from service.background.recording import Recorder
from store import history
from store.database import Store
from store.errors import unknown_name
from store.workspace import Workspace

if TYPE_CHECKING:
    from export.submit.dry_run import DryRun

FINDINGS_KEPT = 50
NUMBERS_MOST = 100_000
PATIENCE = 120.0
"""Seconds to keep trying a provider that does not answer: other work waits behind this."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a piece of work is given."""

    workspace: Workspace
    store: Store
    arguments: Mapping[str, Any]
    progress: Recorder


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work. `role` is who may start it; `outcome` words its result, whose keys stand in braces.

    `resumes`: after a restart it goes on unasked.
    """

    title: str
    role: str
    work: Callable[[Work], dict[str, Any]]
    outcome: str
    resumes: bool = True


def ingest(work: Work) -> dict[str, Any]:
    """Read the files of a drop into the store; they are gone from the disk then."""
    from ingest.exports import ingest_exports
    from service.drops.drops import IMPORTED, finish, path_of, start
    from service.drops.sealed_files import files_of

    drop = start(work.store, str(work.arguments["drop"]))
    if drop.status == IMPORTED:
        return {"conversations": 0, "turns": 0, "rejects": 0, "again": len(drop.files), "failed": 0}
    report = ingest_exports(
        work.workspace,
        work.store,
        [path_of(drop.drop_id)],
        connector=drop.connector,
        progress=work.progress,
        files=files_of(work.workspace, drop),
    )
    finish(work.workspace, work.store, drop.drop_id)
    done = [batch for batch in report.batches if batch.status == "done"]
    return {
        "conversations": sum(batch.conversations for batch in done),
        "turns": sum(batch.turns for batch in done),
        "rejects": report.rejects,
        "again": sum(1 for batch in report.batches if batch.status == "again"),
        "failed": sum(1 for batch in report.batches if batch.status == "failed"),
    }


def curate(work: Work) -> dict[str, Any]:
    """Bring every conversation's outcome up to date."""
    from curate.outcomes import funnel
    from curate.pipeline import curate_workspace

    curate_workspace(work.workspace, work.store, progress=work.progress)
    steps = funnel(work.store)
    return {"read": steps[0].left, "kept": steps[-1].left}


def export(work: Work) -> dict[str, Any]:
    """Build a dataset version of what is kept."""
    from export.dataset import build_dataset

    dataset = build_dataset(work.workspace, work.store, progress=work.progress)
    return {"dataset": dataset.dataset_id}


def audit(work: Work) -> dict[str, Any]:
    """Plant canaries, and draw the blind sample that people read."""
    from curate.audit.audit import run_audit

    result = run_audit(
        work.workspace,
        work.store,
        sample=_number(work, "sample", 500),
        of_each=_number(work, "canaries", 100),
        blind=_number(work, "blind", 200),
        workers=work.workspace.settings.workspace.workers,
        progress=work.progress,
    )
    return result.figures()


def preview(work: Work) -> dict[str, Any]:
    """Plan a dataset without writing it."""
    from export.preview import preview as planned

    return planned(work.workspace, work.store, progress=work.progress)


def sign(work: Work) -> dict[str, Any]:
    """Sign a dataset version in the name of who asked."""
    from export.sign_off import sign as sign_version

    done = sign_version(
        work.workspace,
        work.store,
        _text(work, "dataset"),
        note=_text(work, "note"),
        by=history.actor(),
        progress=work.progress,
    )
    return {"dataset": done.dataset_id, "by": done.signed_by}


def rehearse(work: Work) -> dict[str, Any]:
    """Check what submitting a dataset would send, and price it; nothing leaves the machine."""
    from export.submit.dry_run import as_json

    document = as_json(_rehearsal(work))
    # A task's result is read at once; of many findings the first ones tell what is wrong.
    return document | {"findings": document["findings"][:FINDINGS_KEPT], "files": [
        {key: value for key, value in file.items() if key != "path"} for file in document["files"]
    ]}  # fmt: skip


def submit(work: Work) -> dict[str, Any]:
    """Hand a dataset to the provider, once its price is agreed to; coming back to it makes no second job."""
    from export.sign_off import check_signed
    from export.submit.errors import NotConfirmed, SubmitError
    from export.submit.patience import Patience
    from export.submit.providers import endpoint_of, open_provider
    from export.submit.submitting import submit as hand_over

    rehearsal, settings = _rehearsal(work), work.workspace.settings.submit
    if not rehearsal.is_clean:
        raise SubmitError("Nothing was sent: the files would be refused.", hint="The dry run names what is wrong.")
    if work.arguments.get("agreed_usd", "") != rehearsal.cost.usd:
        raise NotConfirmed("Nothing was sent: nobody agreed to this price.", hint="Make a dry run, and agree to it.")
    check_signed(work.workspace, work.store, rehearsal.dataset_id)
    again, patience = work.arguments.get("again") is True, Patience(seconds=PATIENCE)
    endpoint, model = endpoint_of(settings), rehearsal.model
    with closing(
        open_provider(settings.provider, endpoint, patience, workspace=work.workspace, model=model)
    ) as provider:
        done = hand_over(
            work.store,
            provider,
            rehearsal,
            again=again,
            flagged=work.arguments.get("flagged") or settings.flagged,
            patience=patience,
            progress=work.progress,
        )
    return {"job": done.job.job_id, "dataset": rehearsal.dataset_id, "status": done.job.status}


def _rehearsal(work: Work) -> DryRun:
    from export.submit.dry_run import dry_run

    epochs = work.arguments.get("epochs")
    return dry_run(
        work.workspace,
        work.store,
        _text(work, "dataset") or "latest",
        model=_text(work, "model") or None,
        epochs=epochs if isinstance(epochs, int) else None,
    )


def _number(work: Work, name: str, default: int) -> int:
    """Give an argument that is a number.

    Raises:
        UnknownWork: it is none, or out of range.
    """
    value = work.arguments.get(name, default)
    if not isinstance(value, int) or not 1 <= value <= NUMBERS_MOST:
        raise UnknownWork(f"{name} is no whole number from 1 to {NUMBERS_MOST:,}.", hint="Ask again with another.")
    return value


def _text(work: Work, name: str) -> str:
    value = work.arguments.get(name, "")
    return value if isinstance(value, str) else ""


IMPORT_OUTCOME = "{conversations:,} conversations with {turns:,} turns; {rejects:,} records or files were rejected."

KINDS: dict[str, Kind] = {
    "ingest": Kind("Import", "lead", ingest, IMPORT_OUTCOME),
    "curate": Kind("Curate", "lead", curate, "{kept:,} of {read:,} conversations are kept."),
    "export": Kind("Build a dataset", "lead", export, "Dataset {dataset}."),
    "preview": Kind("Preview a dataset", "lead", preview, "{after:,} of {before:,} conversations would be in it."),
    "sign": Kind("Sign off", "lead", sign, "{by} signed {dataset}."),
    "rehearse": Kind("Dry run", "lead", rehearse, "The dry run of {dataset_id} is on the page Jobs."),
    "submit": Kind("Submit", "lead", submit, "Job {job} is {status}.", resumes=False),
    "audit": Kind("Audit redaction", "lead", audit, "The recall is on the page Recall audit."),
}


def find_kind(name: str) -> Kind:
    """Give a kind of work by name.

    Raises:
        UnknownWork: there is none of that name.
    """
    if name not in KINDS:
        raise UnknownWork(unknown_name("kind of work", name, KINDS), hint="Choose one of these.")
    return KINDS[name]

"""Build a dataset version: a folder with the split files, the manifest and the card, and its rows in the store.

Everything is written beside and renamed into place, then recorded in one transaction: a kill leaves a `.partial-`
folder that the next export removes, or a whole folder that the next export finds again under the same name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from curate.audit.summary import audit_figures
from export import manifest as manifests
from export.card_files import card_files, write_card
from export.catalog import Dataset, find_dataset
from export.errors import NothingToExport
from export.formats import openai_chat
from export.formats.registry import bundle_of, find_target
from export.formats.target import Target
from export.plan import Plan, make_plan
from export.redacting import Redacted, redacted_turns
from export.sign_off import check_unfrozen, is_frozen
from export.writing import Written, shape_of, write_splits
from store.database import Store
from store.errors import InternalError
from store.ledger import Run, run
from store.progress import Progress, silent
from store.workspace import Workspace

PARTIAL = ".partial-"
STAGE = "export"
MANIFEST_FILE = "manifest.json"

# The dataset that an export of the same inputs gave.
GIVEN = """
SELECT json_extract_string(position, '$.dataset') FROM runs
WHERE stage = ? AND status = 'done' AND json_extract_string(inputs, '$.fingerprint') = ?
ORDER BY finished_at DESC LIMIT 1
"""


def build_dataset(
    workspace: Workspace,
    store: Store,
    *,
    format: str = openai_chat.FORMAT,  # noqa: A002 - the word of the command line
    out: Path | None = None,
    model: str | None = None,
    evaluation: Sequence[Path] = (),
    progress: Progress = silent,
    redacted: Redacted | None = None,
) -> Dataset:
    """Write a dataset version of what curation kept, or give the one that holds exactly that already.

    `out` is a folder that gets a copy of its files too. What is like a record of the `evaluation` files, or of those in
    the settings, is left out. `redacted` gives the redacted public turns of conversations: conversation_key, turn_key,
    position, kind, role, text; None asks curate, from the worker processes where that needs no key.

    Raises:
        NothingToExport: no conversation can become an example.
        ExportError: an unknown format, a setting that says what cannot be done, an evaluation file of no known shape.
        InternalError: a promise broke: a leak was about to be written, or two splits share somebody.
        FrozenDataset: it is a version that was signed, and its files were changed since.
    """
    target = find_target(format)
    shape_of(workspace.settings, model or workspace.settings.export.model, target)
    workspace.datasets.mkdir(exist_ok=True)
    _sweep(workspace.datasets)
    plan = make_plan(
        workspace, store, model=model, evaluation=evaluation, redacted=redacted or redacted_turns, progress=progress
    )
    if plan.rows.is_empty() and plan.left_out.is_empty():
        raise _nothing(store, plan.stale)
    mark = manifests.fingerprint(store, plan, target)
    dataset = _given(workspace, store, plan, mark)
    if dataset is None:
        with run(store, STAGE, inputs={"fingerprint": mark}, versions=_versions(target)) as this:
            dataset = _write(workspace, store, plan, target, this, redacted=redacted, progress=progress)
            this.position["dataset"] = dataset.dataset_id
    if out is not None:
        _copy(dataset, out)
    return dataset


def _versions(target: Target) -> dict[str, Any]:
    return {"format": target.version, "manifest": manifests.MANIFEST_VERSION}


def _given(workspace: Workspace, store: Store, plan: Plan, mark: str) -> Dataset | None:
    """Find the dataset that these very inputs gave, as long as its files are what they were; its card is told anew."""
    name = store.value(GIVEN, [STAGE, mark])
    if not name or not _row(store, name):
        return None
    dataset = find_dataset(workspace, store, name)
    return None if dataset.damage() else _retold(store, plan, dataset)


def _retold(store: Store, plan: Plan, dataset: Dataset) -> Dataset:
    """Bring a dataset's card up to date with what people filled in and with the last audit; its lines stay."""
    about, audit = manifests.about(plan), audit_figures(store)
    told = dict(dataset.manifest)
    if (told["about"], told["run"]["audit"]) == (about, audit) or is_frozen(store, dataset.dataset_id):
        return dataset
    told |= {"about": about, "run": {**told["run"], "audit": audit}}
    partial = dataset.folder / f"{MANIFEST_FILE}.partial"
    partial.write_bytes(manifests.as_bytes(told))
    partial.replace(dataset.folder / MANIFEST_FILE)
    write_card(dataset.folder, told)
    store.execute(
        "UPDATE datasets SET manifest = ? WHERE dataset_id = ?",
        [manifests.as_bytes(told).decode(), dataset.dataset_id],
    )
    return replace(dataset, manifest=told)


def _write(
    workspace: Workspace,
    store: Store,
    plan: Plan,
    target: Target,
    this: Run,
    *,
    redacted: Redacted | None,
    progress: Progress,
) -> Dataset:
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=workspace.datasets))
    try:
        written = write_splits(
            store,
            plan.settings,
            rows=plan.rows,
            folder=partial,
            target=target,
            model=plan.model,
            seed=plan.seed,
            redacted=redacted,
            progress=progress,
        )
        items = pl.concat([written.items, plan.left_out.with_columns(split=pl.lit("excluded"))], how="diagonal")
        return _settle(workspace, store, plan, target, replace(written, items=items), partial, this)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _settle(
    workspace: Workspace, store: Store, plan: Plan, target: Target, written: Written, partial: Path, this: Run
) -> Dataset:
    """Put the finished files in their place, unless the very same dataset stands there already."""
    made = manifests.manifest(store, plan, target, written, run_id=this.run_id)
    if not made["conversations"]:
        raise _nothing(store, plan.stale, made)
    _check_promises(made)
    for file in made["files"].values():
        this.count(file["split"], file["lines"])
    name = made["dataset"]
    folder = workspace.datasets / name
    known = _row(store, name)
    if known and orjson.loads(known[0])["manifest_version"] != manifests.MANIFEST_VERSION:
        check_unfrozen(store, name)
        _forget(store, name)  # an older chatmill described these lines with less
        known = None
    dataset = Dataset(name, folder, orjson.loads(known[0]) if known else made, is_new=not known)
    if known and not dataset.damage():
        return dataset
    if known:
        check_unfrozen(store, name)
    (partial / MANIFEST_FILE).write_bytes(manifests.as_bytes(dict(dataset.manifest)))
    for file, text in bundle_of(dataset.manifest).items():
        (partial / file).write_text(text, encoding="utf-8")
    write_card(partial, dataset.manifest)
    shutil.rmtree(folder, ignore_errors=True)
    partial.chmod(0o755)
    partial.rename(folder)
    if not known:
        _record(workspace, store, dataset, written.items)
    return dataset


def _check_promises(made: Mapping[str, Any]) -> None:
    if any(count for pairs in made["overlap"].values() for count in pairs.values()):
        raise InternalError("Two splits share a customer or a near-duplicate cluster; nothing was written.")
    periods = made["periods"] or {}
    if "train" in periods and any(periods["train"]["last"] > period["first"] for period in _later(periods)):
        raise InternalError("A training conversation began after one that tests; nothing was written.")


def _later(periods: Mapping[str, Any]) -> list[Mapping[str, str]]:
    return [period for split, period in periods.items() if split != "train"]


def _row(store: Store, name: str) -> tuple[Any, ...] | None:
    rows = store.rows("SELECT manifest FROM datasets WHERE dataset_id = ?", [name])
    return rows[0] if rows else None


def _record(workspace: Workspace, store: Store, dataset: Dataset, items: pl.DataFrame) -> None:
    told = dataset.manifest
    row = [
        dataset.dataset_id,
        dataset.folder.relative_to(workspace.root).as_posix(),
        told["format"],
        told["model"],
        told["seed"],
        manifests.as_bytes(dict(told)).decode(),
        told["run"]["run_id"],
    ]
    with store.transaction():
        store.execute(
            "INSERT INTO datasets (dataset_id, folder, format, model, seed, manifest, created_at, run_id) "
            "VALUES (?, ?, ?, ?, ?, ?, now(), ?)",
            row,
        )
        store.append("dataset_items", items.with_columns(dataset_id=pl.lit(dataset.dataset_id)))


def _forget(store: Store, name: str) -> None:
    with store.transaction():
        for table in ("datasets", "dataset_items"):
            store.execute(f"DELETE FROM {table} WHERE dataset_id = ?", [name])


def _sweep(folder: Path) -> None:
    """Remove what killed exports left; whoever holds the store is the only one exporting."""
    for partial in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(partial, ignore_errors=True)


def _copy(dataset: Dataset, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in (*dataset.files, *dataset.bundle, MANIFEST_FILE, *card_files(dataset.manifest)):
        partial = out / f"{name}.partial"
        shutil.copyfile(dataset.folder / name, partial)
        partial.replace(out / name)


def _nothing(store: Store, stale: int, made: Mapping[str, Any] | None = None) -> NothingToExport:
    """Word why no conversation can become an example, the commonest reason first."""
    total = store.value("SELECT count(*) FROM conversations")
    if not total:
        return NothingToExport("The workspace holds no conversations.", hint="Bring some in: chatmill ingest PATH.")
    rows = [why for stage in manifests.funnel(store) for why in stage["reasons"]]
    rows += made["excluded"] if made else []
    rows.sort(key=lambda why: -why["conversations"])
    reasons = "; ".join(f"{row['conversations']:,} × {row['reason'].rstrip('.')} ({row['code']})" for row in rows)
    if not reasons:
        waiting = f"{stale:,} changed since they were curated" if stale else "none of them has been curated"
        return NothingToExport(
            f"None of the {total:,} conversations can be exported: {waiting}.", hint="Run: chatmill curate."
        )
    return NothingToExport(
        f"None of the {total:,} conversations can become an example: {reasons}.",
        hint="chatmill report shows the funnel; rules/ and chatmill.toml decide what is kept.",
    )

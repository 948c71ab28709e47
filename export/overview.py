"""List the dataset versions of a workspace, and what a person should see to before one is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from export.sign_off import Check, review_checks
from store.database import Store
from store.workspace import Workspace

LISTED = """
WITH last AS (
    SELECT dataset_id, arg_max(verdict, (signed_at, sign_off_id)) AS verdict,
           arg_max(signed_by, (signed_at, sign_off_id)) AS signed_by
    FROM sign_offs GROUP BY dataset_id
)
SELECT d.dataset_id, d.manifest, strftime(d.created_at, '%Y-%m-%d %H:%M'), last.signed_by,
       (SELECT count(*) FROM jobs AS j WHERE j.dataset_id = d.dataset_id)
FROM datasets AS d LEFT JOIN last ON last.dataset_id = d.dataset_id AND last.verdict = 'signed'
ORDER BY d.created_at DESC, d.dataset_id LIMIT ?
"""
STANDING = """
SELECT count(*), count(*) FILTER (verdict = 'keep'), count(*) FILTER (verdict = 'quarantine') FROM outcomes
"""
SIZE = 50


@dataclass(frozen=True, slots=True)
class Version:
    """One dataset version in the list."""

    dataset_id: str
    created_at: str
    model: str
    conversations: int
    lines: int
    tokens: int
    signed_by: str | None
    jobs: int


def versions(store: Store, *, size: int = SIZE) -> list[Version]:
    """Give the dataset versions, the newest first."""
    return [_version(*row) for row in store.rows(LISTED, [size])]


def blockers(workspace: Workspace, store: Store) -> list[Check]:
    """Check what a person should see to before a dataset is built, and what stops it."""
    read = store.value("SELECT count(*) FROM conversations")
    known, kept, quarantined = store.rows(STANDING)[0]
    return [
        *_kept(read, known, kept), *_quarantined(quarantined), *review_checks(workspace, store), _card(workspace)
    ]  # fmt: skip


def _version(dataset_id: str, manifest: str, created_at: str, signed_by: str | None, jobs: int) -> Version:
    told: Mapping[str, Any] = orjson.loads(manifest)
    files = told["files"].values()
    return Version(
        dataset_id=dataset_id,
        created_at=created_at,
        model=told["model"],
        conversations=told["conversations"],
        lines=sum(file["lines"] for file in files),
        tokens=sum(file["tokens"] for file in files),
        signed_by=signed_by,
        jobs=jobs,
    )


def _kept(read: int, known: int, kept: int) -> list[Check]:
    if not read:
        return [Check("Conversations", "stop", "There are none yet.", "Add transcripts.")]
    if not kept:
        return [Check("Conversations", "stop", f"None of {read:,} is kept.", "Curate, or see why on Dropped and kept.")]
    if read > known:
        said = f"{read - known:,} of {read:,} are not curated yet."
        return [Check("Conversations", "look", said, "Curate them.")]
    return [Check("Conversations", "ok", f"{kept:,} of {read:,} are kept.")]


def _quarantined(quarantined: int) -> list[Check]:
    if not quarantined:
        return []
    said = f"{quarantined:,} are set aside: they cannot be redacted safely, or are in other languages."
    return [Check("Set aside", "look", said, "See why on Dropped and kept.")]


def _card(workspace: Workspace) -> Check:
    """Name what only people know of a dataset, and nobody has filled in."""
    missing = [name for name, said in asdict(workspace.settings.card).items() if not said]
    if missing:
        said = f"Nobody has filled in {', '.join(missing)}."
        return Check("Data card", "look", said, "Fill them in under [card] of chatmill.toml; no line changes.")
    return Check("Data card", "ok", "Everything that only people know is filled in.")

"""Stores with findings to review: small conversations, curated for real, with patterns alone so that it is quick."""

from datetime import UTC, datetime

import polars as pl

from curate.outcomes import curate_outcomes
from curate.redact.policy import load_policy
from curate.redact.stage import curate_redaction
from curate.review.decisions import Desk
from curate.review.reading import Case, read_case
from curate.review.stage import curate_review
from curate.stages import Curation
from store.database import Store
from store.settings import load
from store.workers import Workers
from store.workspace import Workspace
from tests.curate.builders import Turns, add_conversations

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PATTERNS_ALONE = '\n[redaction]\nnames = "none"\n'


def patterns_alone(workspace: Workspace) -> Workspace:
    """Give the workspace without the name model, which takes seconds to start."""
    path = workspace.root / "chatmill.toml"
    path.write_text(path.read_text(encoding="utf-8") + PATTERNS_ALONE, encoding="utf-8")
    return Workspace(workspace.root, load(path))


def put(store: Store, conversations: dict[str, Turns], **columns: object) -> None:
    """Store conversations of (role, text), all English and passed by every stage but redaction."""
    add_conversations(store, [(key, turns, dict(columns)) for key, turns in conversations.items()])
    keys = pl.DataFrame({"conversation_key": list(conversations), "run_id": "r"})
    store.append("signals", keys.with_columns(signal=pl.lit("language"), label=pl.lit("en")))
    hashes = store.frame("SELECT conversation_key, content_hash FROM conversations")
    for stage in ("language", "quality"):
        passed = keys.join(hashes, on="conversation_key").with_columns(
            stage=pl.lit(stage), version=pl.lit("1"), status=pl.lit("ok")
        )
        store.append("processed", passed)


def curate(workspace: Workspace, store: Store) -> None:
    """Run what review rests on."""
    with Workers(1) as workers:
        curation = Curation(store, workspace, workers)
        curate_redaction(curation)
        curate_outcomes(curation)
        curate_review(curation)


def desk(store: Store, by: str = "ann", now: datetime = NOON) -> Desk:
    return Desk(store, load_policy(store.path.parent), by, now)


def case(store: Store, key: str) -> Case:
    return read_case(store, load_policy(store.path.parent), key)


def find(store: Store, key: str, value: str, entity_type: str = "") -> str:
    """Give the id of the first finding of a value."""
    read = case(store, key)
    return next(
        one.finding_id for one in read.all_items if read.value(one) == value and entity_type in ("", one.entity_type)
    )


def outcome(store: Store, key: str) -> str:
    return store.value("SELECT code FROM outcomes WHERE conversation_key = ?", [key])


def runs(store: Store, stage: str) -> list[int]:
    """Give how many conversations each run of a stage looked at, in order."""
    rows = store.rows(
        "SELECT json_extract(counts, '$.conversations')::INTEGER FROM runs WHERE stage = ? ORDER BY started_at", [stage]
    )
    return [count for (count,) in rows]

"""Keep the conversations of flagged lines out of the next export: a person's decision, as if made in review."""

from __future__ import annotations

from collections.abc import Sequence

from curate.restoring import decide
from export.submit.moderation import Flag
from store.database import Store
from store.history import actor

DROP = "drop"
NOTE = "Flagged by moderation before submission"


def set_aside(store: Store, dataset_id: str, flags: Sequence[Flag]) -> int:
    """Decide to leave the conversations of flagged lines out, and say how many that are."""
    flagged = {(flag.file.removesuffix(".jsonl"), flag.line): ", ".join(flag.categories) for flag in flags}
    rows = store.rows(
        "SELECT DISTINCT split, line, conversation_key FROM dataset_items WHERE dataset_id = ? AND line IS NOT NULL",
        [dataset_id],
    )
    found = {key: flagged[split, line] for split, line, key in sorted(rows) if (split, line) in flagged}
    for key, categories in found.items():
        decide(store, key, DROP, note=f"{NOTE}: {categories}", by=actor())
    return len(found)

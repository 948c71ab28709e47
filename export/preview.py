"""Show what a dataset would hold before a line of it is written: who stays, who goes, and about what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from export.balance.facts import counts_of, facts_of
from export.models import default_epochs, price_table
from export.plan import Plan, make_plan
from export.redacting import Redacted, redacted_turns
from export.split import SPLITS
from store.database import Store
from store.progress import Progress, silent
from store.workspace import Workspace

DIMENSIONS = ("topic", "outcome", "language", "source", "channel", "length")
VALUES_SHOWN = 12
CHARACTERS_A_TOKEN = 4  # OpenAI's rule of thumb for English (help center, "What are tokens"); exact once built
SPOKEN = """
SELECT coalesce(sum(length(text)), 0)::BIGINT FROM public_turns SEMI JOIN training USING (conversation_key)
"""


def preview(
    workspace: Workspace, store: Store, *, progress: Progress = silent, redacted: Redacted = redacted_turns
) -> dict[str, Any]:
    """Plan a dataset and tell what it would be, as plain JSON values without any text; nothing is written.

    Raises:
        BadPlan: the settings of splits or balance cannot be followed.
        BadEvaluation: an evaluation file cannot be read.
    """
    plan = make_plan(workspace, store, model=None, evaluation=(), redacted=redacted, progress=progress)
    before = pl.concat([frame.select("conversation_key") for frame in (plan.rows, plan.left_out)])
    splits = dict(plan.rows.group_by("split").len().iter_rows())
    return {
        "model": plan.model,
        "before": before.height,
        "after": plan.rows.height,
        "waiting": plan.stale,
        "splits": [{"split": split, "conversations": splits.get(split, 0)} for split in SPLITS],
        "split_note": plan.assignment.note,
        "tables": _tables(store, before, plan.rows),
        "balance": plan.balance,
        "left_out": plan.left_out.group_by("code", "reason").len("conversations").sort(
            "conversations", "code", "reason", descending=[True, False, False]
        ).to_dicts(),
        **_cost(store, plan),
    }  # fmt: skip


def _tables(store: Store, before: pl.DataFrame, after: pl.DataFrame) -> list[Mapping[str, Any]]:
    """Count each value of each dimension before and after, the commonest first."""
    facts = facts_of(store, before, DIMENSIONS)
    left = facts.join(after, on="conversation_key", how="semi")
    tables: list[Mapping[str, Any]] = []
    for name in DIMENSIONS:
        counts, stays = counts_of(facts, name), counts_of(left, name)
        rows = [{"value": value, "before": count, "after": stays.get(value, 0)} for value, count in counts.items()]
        if len(rows) > 1:
            tables.append({"dimension": name, "rows": rows[:VALUES_SHOWN], "more": max(0, len(rows) - VALUES_SHOWN)})
    return tables


def _cost(store: Store, plan: Plan) -> dict[str, Any]:
    training = plan.rows.filter(split="train").select("conversation_key")
    with store.scratch(training=training):
        tokens = store.value(SPOKEN) // CHARACTERS_A_TOKEN
    epochs = default_epochs(training.height)
    prices = [asdict(one) for one in price_table(tokens=tokens, epochs=epochs)]
    return {"tokens": tokens, "epochs": epochs, "prices": prices}

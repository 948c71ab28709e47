"""What a dataset is made of, counted for its manifest: kinds of conversations, how long they are, tokens of lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from export.balance.facts import counts_of, dimensions_of, facts_of
from export.balance.wishes import CAPS_ONLY
from store.database import Store

TURNS = """
SELECT count(*) AS size FROM public_turns SEMI JOIN written USING (conversation_key)
WHERE kind = 'message' GROUP BY conversation_key
"""
# Each bucket begins here and ends where the next begins; doubling shows both the many short ones and the long tail.
TURNS_FROM = (1, 2, 3, 5, 9, 17, 33, 65)
TOKENS_FROM = (0, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)
MOST_VALUES = 20


def composition(store: Store, exported: pl.DataFrame) -> dict[str, Any]:
    """Count the exported conversations by every dimension but persons, and bucket their turns and their lines' tokens.

    `exported` has a row for each line: conversation_key, tokens.
    """
    conversations = exported.select("conversation_key").unique(maintain_order=True)
    names = [name for name in dimensions_of(store) if name not in (*CAPS_ONLY, "source", "language")]
    facts = facts_of(store, conversations, names)
    with store.scratch(written=conversations):
        turns = store.frame(TURNS)["size"]
    return {
        "composition": [{"dimension": name, "rows": _rows(counts_of(facts, name))} for name in names],
        "turns_in_a_conversation": spread(turns, TURNS_FROM),
        "tokens_in_a_line": spread(exported["tokens"], TOKENS_FROM),
    }


def _rows(counts: dict[str, int]) -> list[dict[str, Any]]:
    shown = dict(list(counts.items())[:MOST_VALUES])
    if rest := sum(counts.values()) - sum(shown.values()):
        shown["all others"] = rest
    return [{"name": name, "conversations": count} for name, count in shown.items()]


def spread(sizes: pl.Series, starts: Sequence[int]) -> dict[str, Any]:
    """Give how many sizes fall from each start up to the next, empty ends left out, with the median and the like."""
    if sizes.is_empty():
        return {"buckets": []}
    # Each size's bucket: how many starts it has reached.
    reached = np.searchsorted(np.asarray(starts), sizes.to_numpy(), side="right") - 1
    counts: list[int] = np.bincount(reached, minlength=len(starts)).tolist()
    filled = [at for at, count in enumerate(counts) if count]
    shown = range(filled[0], filled[-1] + 1)
    ends = [*(start - 1 for start in starts[1:]), None]
    return {
        "buckets": [{"from": starts[at], "to": ends[at], "count": counts[at]} for at in shown],
        "least": _whole(sizes.min()),
        "median": _whole(sizes.quantile(0.5, "nearest")),
        "p95": _whole(sizes.quantile(0.95, "nearest")),
        "most": _whole(sizes.max()),
    }


def _whole(value: Any) -> int:  # noqa: ANN401 - polars gives any of its values
    return int(value)

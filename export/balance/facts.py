"""What conversations are told apart by: their labels, channel, language, source, customer, main agent and macro."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curate.customers import tied_customers
from curate.dedup.repeats import OWN
from export.balance.wishes import CAPS_ONLY
from store.database import Store

UNKNOWN = "unknown"
LABELS = ("topic", "outcome", "length")  # known by name even where nothing is labelled yet

HEADS = """
SELECT c.conversation_key, coalesce(c.channel, ?) AS channel, c.connector AS source,
       coalesce(any_value(s.label), any_value(c.language), ?) AS language
FROM conversations AS c SEMI JOIN kept USING (conversation_key)
LEFT JOIN (SELECT * FROM signals WHERE signal = 'language') AS s USING (conversation_key)
GROUP BY ALL
"""
LABELLED = """
SELECT conversation_key, any_value(value) AS value FROM labels SEMI JOIN kept USING (conversation_key)
WHERE turn_key IS NULL AND label = ? GROUP BY conversation_key
"""
# Whoever wrote most of the agents' turns; of equals the one with the smallest key.
AGENTS = """
WITH counted AS (
    SELECT conversation_key, participant_key, count(*) AS said
    FROM public_turns SEMI JOIN kept USING (conversation_key)
    WHERE role = 'agent' AND kind = 'message' AND participant_key IS NOT NULL GROUP BY ALL
)
SELECT conversation_key, participant_key AS value FROM counted
QUALIFY row_number() OVER (PARTITION BY conversation_key ORDER BY said DESC, participant_key) = 1
"""
# Of a conversation whose answers are all macros, the rarest of them.
MACROS = """
WITH counted AS (
    SELECT cluster, count(DISTINCT conversation_key) AS conversations
    FROM repeats SEMI JOIN kept USING (conversation_key) WHERE kind = 'macro' GROUP BY cluster
)
SELECT r.conversation_key, arg_min(r.cluster, (c.conversations, r.cluster)) AS value
FROM repeats AS r JOIN counted AS c USING (cluster) JOIN signals AS s USING (conversation_key)
SEMI JOIN kept USING (conversation_key)
WHERE r.kind = 'macro' AND s.signal = ? AND s.value = 0 GROUP BY r.conversation_key
"""
COLUMNS = ("channel", "source", "language")


def dimensions_of(store: Store) -> tuple[str, ...]:
    """Name everything that may be balanced over, the workspace's own labels included."""
    rows = store.rows("SELECT DISTINCT label FROM labels WHERE turn_key IS NULL ORDER BY label")
    return tuple(dict.fromkeys((*LABELS, *(label for (label,) in rows), *COLUMNS, *CAPS_ONLY)))


def facts_of(store: Store, kept: pl.DataFrame, dimensions: Sequence[str]) -> pl.DataFrame:
    """Give conversation_key and a column for each dimension; an agent that nobody names, or no macro, is null."""
    with store.scratch(kept=kept.select("conversation_key")):
        facts = store.frame(HEADS, [UNKNOWN, UNKNOWN])
        facts = kept.select("conversation_key").join(facts, on="conversation_key", how="left", maintain_order="left")
        for name in dimensions:
            if name not in COLUMNS:
                found = _values(store, name).rename({"value": name})
                facts = facts.join(found, on="conversation_key", how="left", maintain_order="left")
    told = [pl.col(name) if name in CAPS_ONLY else pl.col(name).fill_null(UNKNOWN) for name in dimensions]
    return facts.select("conversation_key", *told)


def counts_of(facts: pl.DataFrame, name: str) -> dict[str, int]:
    """Count the conversations of each value of a dimension, the commonest first."""
    counted = facts.drop_nulls(name).group_by(name).len()
    return dict(counted.sort(pl.col("len"), name, descending=[True, False]).iter_rows())


def _values(store: Store, name: str) -> pl.DataFrame:
    if name == "customer":
        return tied_customers(store).select("conversation_key", value="group_id").unique()
    if name == "agent":
        return store.frame(AGENTS)
    if name == "macro":
        return store.frame(MACROS, [OWN["macro"]])
    return store.frame(LABELLED, [name])

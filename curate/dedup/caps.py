"""Choose which conversations go because all they hold recurs elsewhere, in enough conversations that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import polars as pl

from curate.dedup.keepers import preferred
from curate.dedup.repeats import OWN
from curate.dedup.stage import MEMBERS
from store.database import Store
from store.settings import DuplicatesSettings

# Conversations of which every answer recurs, with what recurs.
ONLY = """
SELECT conversation_key, list(DISTINCT r.cluster ORDER BY r.cluster) AS clusters
FROM wanted JOIN repeats AS r USING (conversation_key) JOIN signals AS s USING (conversation_key)
WHERE r.kind = ? AND s.signal = ? AND s.value = 0
GROUP BY conversation_key
"""
CAPPED = pl.Schema({"conversation_key": pl.String, "over_cap": pl.String})


def over_caps(store: Store, keys: pl.Series, settings: DuplicatesSettings) -> pl.DataFrame:
    """Say which of these conversations are over a cap, and over which: macro, then exchange.

    The best conversations are asked first (curate.dedup.keepers). One stays as long as one of its macros, or exchanges,
    has fewer than the cap among those that stayed before it: so every macro is kept, and what is rare does not go with
    what is common.
    """
    capped = CAPPED.to_frame()
    for kind, cap in (("macro", settings.macro_cap), ("exchange", settings.exchange_cap)):
        left = pl.DataFrame({"conversation_key": keys}).join(capped, on="conversation_key", how="anti")
        over = _over_cap(store, left, kind, cap) if cap > 0 else []
        capped = pl.concat([capped, pl.DataFrame([(key, kind) for key in over], schema=CAPPED, orient="row")])
    return capped


def _over_cap(store: Store, keys: pl.DataFrame, kind: str, cap: int) -> list[str]:
    with store.scratch(wanted=keys):
        only = store.frame(ONLY, [kind, OWN[kind]])
    if only.height <= cap:
        return []
    with store.scratch(wanted=only.select("conversation_key").with_row_index("index")):
        ranked = (
            preferred(store.frame(MEMBERS))
            .select("conversation_key")
            .join(only, on="conversation_key", how="left", maintain_order="left")
        )
    return list(in_turn(ranked.rows(), cap))


def in_turn(ranked: Iterable[tuple[str, list[str]]], cap: int) -> Iterable[str]:
    """Give those that come when everything in them has been kept often enough."""
    kept: Counter[str] = Counter()
    for key, clusters in ranked:
        if all(kept[cluster] >= cap for cluster in clusters):
            yield key
        else:
            kept.update(clusters)

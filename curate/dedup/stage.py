"""The duplicates stage: all conversations against each other, whenever one of them changed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import polars as pl

from curate.dedup.clusters import clusters
from curate.dedup.copies import join_copies
from curate.dedup.keepers import DUPLICATES, duplicate_rows
from curate.dedup.signing import Scheme
from curate.dedup.similarity import Similarity
from curate.dedup.texts import Texts, compared, signed_texts
from curate.stages import Curation
from store.database import Store
from store.ledger import last_done, run

CODE_VERSION = "3"

# Sorted, which spills to disk, and joined page by page: an ordered string_agg would have to fit in memory.
TURNS = """
SELECT conversation_key, text FROM public_turns WHERE kind = 'message' ORDER BY conversation_key, position
"""
# Of two rated conversations the better one is kept; one that nobody rated stands between neutral and bad.
MEMBERS = """
SELECT w."index", w.conversation_key, sum(length(t.text))::BIGINT AS length,
       CASE any_value(c.csat_label) WHEN 'good' THEN 3 WHEN 'neutral' THEN 2 WHEN 'bad' THEN 0 ELSE 1 END AS rating,
       any_value(c.csat_score) AS score, any_value(c.created_at) AS created_at
FROM wanted AS w
JOIN conversations AS c USING (conversation_key)
JOIN public_turns AS t USING (conversation_key)
WHERE t.kind = 'message'
GROUP BY ALL
"""
# Order does not matter to the exclusive or, and 128 bits of MD5 are enough to tell two states of a store apart.
STATE = "SELECT count(*), bit_xor(md5_number(conversation_key || ' ' || content_hash))::VARCHAR FROM conversations"


def curate_duplicates(curation: Curation) -> None:
    """Find the clusters of equal and nearly equal conversations, all anew if any conversation or setting changed.

    The run's position holds a fingerprint of what was compared; if it is the last run's, nothing is done.
    """
    fingerprint = _fingerprint(curation)
    last = last_done(curation.store, "duplicates")
    if last is not None and last["position"].get("fingerprint") == fingerprint:
        return
    with run(curation.store, "duplicates", versions={"duplicates": CODE_VERSION}) as this:
        found = _find(curation)
        with curation.store.transaction():
            curation.store.execute("DELETE FROM duplicates")
            curation.store.append("duplicates", found.with_columns(pl.lit(this.run_id).alias("run_id")))
        this.count("clusters", found["cluster"].n_unique())
        this.count("members", found.height)
        this.position["fingerprint"] = fingerprint


def compared_conversations(store: Store) -> AbstractContextManager[Texts]:
    """Give all that was said in public in each conversation."""
    return compared(store, TURNS, columns=("text",), render=joined, group="conversation_key")


def joined(rows: pl.DataFrame) -> list[str]:
    """Give one text for the rows of each conversation."""
    return rows.group_by("owner", maintain_order=True).agg(pl.col("text").str.join("\n"))["text"].to_list()


def _fingerprint(curation: Curation) -> list[Any]:
    chosen = curation.settings.duplicates
    settings = [CODE_VERSION, chosen.threshold, chosen.shingle, chosen.permutations]
    return [*settings, *curation.store.rows(STATE)[0]]


def _find(curation: Curation) -> pl.DataFrame:
    scheme = Scheme.of(curation.settings.duplicates)
    with compared_conversations(curation.store) as texts:
        signed = signed_texts(
            texts, scheme, workers=curation.workers, progress=curation.progress, label="curate: duplicates"
        )
        similarity = Similarity(texts.fetch, scheme.width, signed.sizes)
        with curation.progress.task("curate: comparing") as task:
            found = clusters(signed, similarity, threshold=scheme.threshold)
            join_copies(curation.store, texts, found)
            several = np.flatnonzero(np.bincount(found.roots, minlength=texts.count)[found.roots] > 1)
            task.advance(several.size)
            if not several.size:
                return DUPLICATES.to_frame()
            with curation.store.scratch(wanted=texts.firsts(several, "conversation_key")):
                members = curation.store.frame(MEMBERS)
            return duplicate_rows(members, found, signed.digests, similarity)

"""The duplicates stage: all conversations against each other, whenever one of them changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from curate.dedup.clusters import Indexes, Shingles, clusters
from curate.dedup.keepers import duplicate_rows
from curate.dedup.signing import Signed, shingles, sign
from curate.stages import Curation
from store.database import Store
from store.ledger import last_done, run
from store.settings import DuplicatesSettings

CODE_VERSION = "1"
PAGE = 2000

TEXTS = """
SELECT t.conversation_key, string_agg(t.text, chr(10) ORDER BY t.position) AS text
FROM public_turns AS t {join}
WHERE t.kind = 'message'
GROUP BY t.conversation_key
ORDER BY t.conversation_key
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


@dataclass(slots=True)
class Collection:
    """All conversations that say something, in the order of their keys, signed."""

    store: Store
    width: int
    keys: list[pl.Series] = field(default_factory=list[pl.Series])
    parts: list[Signed] = field(default_factory=list[Signed])

    def all_keys(self) -> pl.Series:
        """Give the keys; a conversation's place among them is its index."""
        return pl.concat(self.keys) if self.keys else pl.Series("conversation_key", [], dtype=pl.String)

    def signed(self) -> Signed:
        """Give the signed texts of all of them."""
        return Signed(
            np.concatenate([part.digests for part in self.parts]),
            np.concatenate([part.sizes for part in self.parts]),
            np.concatenate([part.signatures for part in self.parts]),
        )

    def fetch(self, indexes: Indexes) -> Iterator[Any]:
        """Read the texts at these indexes, which rise, and give their shingles."""
        wanted = pl.DataFrame({"conversation_key": self.all_keys().gather(indexes)})
        for first in range(0, wanted.height, PAGE):
            with self.store.scratch(wanted=wanted[first : first + PAGE]):
                texts = self.store.frame(TEXTS.format(join="JOIN wanted AS w USING (conversation_key)"))
            yield from shingles(texts["text"].to_list(), self.width)


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


def sign_batch(item: tuple[list[str], int, int]) -> Signed:
    """Sign one batch of texts; runs in a worker process."""
    texts, width, permutations = item
    return sign(texts, width=width, permutations=permutations)


def _fingerprint(curation: Curation) -> list[Any]:
    chosen = curation.settings.duplicates
    settings = [CODE_VERSION, chosen.threshold, chosen.shingle, chosen.permutations]
    return [*settings, *curation.store.rows(STATE)[0]]


def _find(curation: Curation) -> pl.DataFrame:
    chosen = curation.settings.duplicates
    collection = _collect(curation, chosen)
    keys = collection.all_keys()
    kept = Shingles(collection.fetch)
    if not len(keys):
        return duplicate_rows(pl.DataFrame(), np.empty(0, np.int64), np.empty((0, 2), np.uint64), kept)
    signed = collection.signed()
    cluster_of = clusters(signed, kept, threshold=chosen.threshold)
    several = np.flatnonzero(np.bincount(cluster_of, minlength=len(keys))[cluster_of] > 1)
    wanted = pl.DataFrame({"index": several, "conversation_key": keys.gather(several)})
    with curation.store.scratch(wanted=wanted):
        members = curation.store.frame(MEMBERS)
    return duplicate_rows(members, cluster_of, signed.digests, kept)


def _collect(curation: Curation, chosen: DuplicatesSettings) -> Collection:
    collection = Collection(curation.store, chosen.shingle)
    total = curation.store.value("SELECT count(*) FROM conversations")

    def batches() -> Iterator[tuple[list[str], int, int]]:
        for page in curation.store.pages(TEXTS.format(join=""), size=PAGE):
            collection.keys.append(page["conversation_key"])
            yield page["text"].to_list(), chosen.shingle, chosen.permutations

    with curation.progress.task("curate: duplicates", total) as task:
        for part in curation.workers.map(sign_batch, batches()):
            collection.parts.append(part)
            task.advance(len(part.sizes))
    return collection

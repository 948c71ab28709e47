"""Choose which member of a cluster is kept, and word the rows of the duplicates table."""

from __future__ import annotations

import numpy as np
import polars as pl

from curate.dedup.clusters import Clusters
from curate.dedup.signing import Hashes
from curate.dedup.similarity import Similarity

# The keeper is the longest, then the best rated, then the oldest, then the one with the smallest key.
PREFERENCE = ("length", "rating", "score", "created_at", "conversation_key")
DESCENDING = (True, True, True, False, False)

MEMBERS = pl.Schema(
    {
        "index": pl.Int64,
        "conversation_key": pl.String,
        "length": pl.Int64,
        "rating": pl.Int32,
        "score": pl.Float64,
        "created_at": pl.Datetime("us", "UTC"),
    }
)
DUPLICATES = pl.Schema(
    {
        "conversation_key": pl.String,
        "cluster": pl.String,
        "kind": pl.String,
        "keeper": pl.String,
        "similarity": pl.Float64,
    }
)


def preferred(members: pl.DataFrame, *first: str) -> pl.DataFrame:
    """Sort members so that the one to keep stands first within each value of the columns `first`."""
    return members.sort([*first, *PREFERENCE], descending=[*(False for _ in first), *DESCENDING], nulls_last=True)


def duplicate_rows(members: pl.DataFrame, found: Clusters, digests: Hashes, similarity: Similarity) -> pl.DataFrame:
    """Give one row for each member of each cluster: its keeper, how alike they are, and whether exactly.

    A keeper's own row says exact where its whole cluster is.
    """
    placed = preferred(members.with_columns(pl.Series("root", found.roots[members["index"].to_numpy()])), "root")
    placed = placed.with_columns(
        pl.col("index").first().over("root").alias("keeper_index"),
        pl.col("conversation_key").first().over("root").alias("keeper"),
        pl.col("conversation_key").min().over("root").alias("cluster"),
    )
    one, other = placed["index"].to_numpy(), placed["keeper_index"].to_numpy()
    exact = (digests[one] == digests[other]).all(axis=1)
    similarities = np.ones(one.size)
    similarities[~exact] = found.between(one[~exact], other[~exact], similarity)
    placed = placed.with_columns(exact=exact, similarity=similarities.round(4))
    is_keeper = pl.col("index") == pl.col("keeper_index")
    exactly = pl.when(is_keeper).then(pl.col("exact").all().over("root")).otherwise(pl.col("exact"))
    kind = pl.when(exactly).then(pl.lit("exact")).otherwise(pl.lit("near")).alias("kind")
    return placed.with_columns(kind).sort("cluster", "conversation_key").select(DUPLICATES.names())

"""Choose which member of a cluster is kept, and word the rows of the duplicates table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curate.dedup.clusters import Indexes, Shingles

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


def duplicate_rows(
    members: pl.DataFrame, cluster_of: Indexes, digests: NDArray[np.uint64], shingles: Shingles
) -> pl.DataFrame:
    """Give one row for each member of each cluster: its keeper, how alike they are, and whether exactly.

    A keeper's own row says exact where its whole cluster is.
    """
    if members.is_empty():
        return DUPLICATES.to_frame()
    placed = preferred(members.with_columns(pl.Series("root", cluster_of[members["index"].to_numpy()])), "root")
    placed = placed.with_columns(
        pl.col("index").first().over("root").alias("keeper_index"),
        pl.col("conversation_key").first().over("root").alias("keeper"),
        pl.col("conversation_key").min().over("root").alias("cluster"),
    )
    pairs = placed.select("index", "keeper_index").rows()
    exact = pl.Series("exact", [bool((digests[one] == digests[other]).all()) for one, other in pairs])
    placed = placed.with_columns(exact, _similarities(pairs, exact, shingles))
    is_keeper = pl.col("index") == pl.col("keeper_index")
    exactly = pl.when(is_keeper).then(pl.col("exact").all().over("root")).otherwise(pl.col("exact"))
    kind = pl.when(exactly).then(pl.lit("exact")).otherwise(pl.lit("near")).alias("kind")
    return placed.with_columns(kind).sort("cluster", "conversation_key").select(DUPLICATES.names())


def _similarities(pairs: Sequence[tuple[int, int]], exact: pl.Series, shingles: Shingles) -> pl.Series:
    near = [pair for pair, same in zip(pairs, exact, strict=True) if not same]
    shingles.need(np.array(near, dtype=np.int64).ravel())
    values = [1.0 if same else round(shingles.similarity(*pair), 4) for pair, same in zip(pairs, exact, strict=True)]
    return pl.Series("similarity", values, dtype=pl.Float64)

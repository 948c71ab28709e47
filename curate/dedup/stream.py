"""The duplicates filter: JSON lines in, the cluster of each out, without a workspace."""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from curate.dedup.clusters import clusters
from curate.dedup.keepers import MEMBERS, duplicate_rows
from curate.dedup.signing import Indexes, Scheme, sign
from curate.dedup.similarity import Similarity
from curate.filters import read_lines
from store.settings import DuplicatesSettings


def duplicates_stream(
    lines: Iterable[str | bytes], settings: DuplicatesSettings | None = None
) -> Iterator[dict[str, Any]]:
    """Give {"id", "cluster", "keeper", "similarity"} for every line, in order, once all lines are read.

    A cluster is named by the id of its first line; a line that is like no other is its own cluster and keeper. The
    keeper is the longest, then the first.

    Raises:
        CurateError: a line cannot be read.
    """
    chosen = settings or DuplicatesSettings()
    ids: list[Any] = []
    texts: list[str] = []
    for line in read_lines(lines):
        ids.append(line.id)
        texts.append("\n".join(text for role, text in line.turns if role != "system"))
    if texts:
        yield from _clustered(ids, texts, chosen)


def _clustered(ids: list[Any], texts: list[str], chosen: DuplicatesSettings) -> Iterator[dict[str, Any]]:
    def fetch(indexes: Indexes) -> Iterator[list[str]]:
        yield [texts[index] for index in indexes.tolist()]

    scheme = Scheme.of(chosen)
    signed = sign(texts, scheme)
    similarity = Similarity(fetch, scheme.width, signed.sizes)
    found = clusters(signed, similarity, threshold=scheme.threshold)
    members = pl.DataFrame(
        {
            "index": range(len(texts)),
            # Padded, so that the smallest key is the first line's.
            "conversation_key": [f"{index:012}" for index in range(len(texts))],
            "length": list(map(len, texts)),
        },
        schema_overrides={"index": pl.Int64},
    )
    rows = duplicate_rows(_complete(members), found, signed.digests, similarity).sort("conversation_key")
    for key, cluster, keeper, similarity in rows.select(
        "conversation_key", "cluster", "keeper", "similarity"
    ).iter_rows():
        yield {
            "id": ids[int(key)],
            "cluster": ids[int(cluster)],
            "keeper": ids[int(keeper)],
            "similarity": similarity,
        }


def _complete(members: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, kind).alias(name) for name, kind in MEMBERS.items() if name not in members.columns]
    return members.with_columns(missing)

"""Divide conversations into train, validation and test so that no customer and no near-duplicate stands on two sides.

Conversations that share a customer or a near-duplicate cluster form a group, and a group goes to one split as a whole.
Members of a cluster that curation dropped still join: their customers must not meet their kept twin in another split.
`split_time` divides by the day instead, by the same groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import combinations
from typing import Any

import polars as pl

from curate.customers import IDENTITIES, group
from store.database import Store

SPLITS = ("train", "validation", "test")
FILL_ORDER = ("test", "validation")  # what is left over is for training
TINY = 10  # with fewer, a tenth is nobody

CLUSTERS = "SELECT DISTINCT conversation_key, 'cluster:' || cluster AS tie FROM duplicates"

# The kept conversations, and whoever shares a cluster with one of them.
MEMBERS = """
SELECT conversation_key FROM kept
UNION
SELECT other.conversation_key FROM kept
JOIN duplicates AS own USING (conversation_key) JOIN duplicates AS other USING (cluster)
"""
TIES = f"""
WITH members AS ({MEMBERS})
SELECT conversation_key, tie FROM ({IDENTITIES} UNION ALL {CLUSTERS}) SEMI JOIN members USING (conversation_key)
"""

SHARED = """
WITH held AS (SELECT DISTINCT a.split, t.tie FROM assignment AS a JOIN ({ties}) AS t USING (conversation_key))
SELECT one.split, other.split, count(*)
FROM held AS one JOIN held AS other ON one.tie = other.tie AND one.split < other.split
GROUP BY ALL
"""
LEFT_OUT = pl.Schema({"conversation_key": pl.String, "code": pl.String, "reason": pl.String})
_TEXT = {"group_id": pl.String, "split": pl.String}


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who goes where: `rows` holds conversation_key, group_id, split; `note` says what a person should know of it.

    `left_out` holds conversation_key, code, reason of those that no split may have; `period` tells a split by time's
    cut-off and gap.
    """

    rows: pl.DataFrame
    note: str
    left_out: pl.DataFrame = field(default_factory=LEFT_OUT.to_frame)
    period: Mapping[str, Any] | None = None


def groups_of(store: Store, kept: pl.DataFrame) -> pl.DataFrame:
    """Put each kept conversation (column conversation_key) into a group: conversation_key, group_id, in key order."""
    with store.scratch(kept=kept.select("conversation_key")):
        ties = store.frame(TIES)
    return group(kept["conversation_key"], ties)


def divide(groups: pl.DataFrame, *, shares: Sequence[float], seed: int) -> Assignment:
    """Fill test, then validation, up to their shares with whole groups in the seed's order; the rest trains."""
    total = groups.height
    if total < TINY:
        note = f"With fewer than {TINY} conversations ({total}) there is nothing to hold back: all of them train."
        return Assignment(groups.with_columns(split=pl.lit("train")), note)
    quota = {name: round(total * shares[SPLITS.index(name)]) for name in FILL_ORDER}
    rows = fill(groups, quota, rest="train", seed=seed)
    return Assignment(rows, _note(rows, quota))


def fill(groups: pl.DataFrame, quota: Mapping[str, int], *, rest: str, seed: int) -> pl.DataFrame:
    """Add a column split: whole groups, in the seed's order, into the first split that has room; else the rest."""
    sizes = groups.group_by("group_id").len()
    room = dict(quota)
    splits: dict[str, str] = {}
    for name, size in sorted(sizes.iter_rows(), key=lambda row: digest(seed, row[0])):
        splits[name] = next((split for split in room if size <= room[split]), rest)
        if splits[name] in room:
            room[splits[name]] -= size
    placed = pl.DataFrame({"group_id": list(splits), "split": list(splits.values())}, schema_overrides=_TEXT)
    return groups.join(placed, on="group_id", maintain_order="left")


def digest(seed: int, name: str) -> bytes:
    """Give the place of a group or conversation in the seed's order: any order, but always the same."""
    return sha256(f"{seed}|{name}".encode()).digest()


def overlap(store: Store, assignment: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Count the customers and clusters that stand in two splits, from the tables alone; the proof is that all are 0.

    `assignment` holds conversation_key and split, as written. Customers are counted by e-mail, phone and id.
    """
    proof: dict[str, dict[str, int]] = {}
    pairs = [tuple(sorted(pair)) for pair in combinations(SPLITS, 2)]
    for name, ties in (("customers", IDENTITIES), ("clusters", CLUSTERS)):
        with store.scratch(assignment=assignment.select("conversation_key", "split")):
            found = {(one, other): count for one, other, count in store.rows(SHARED.format(ties=ties))}
        proof[name] = {f"{one}-{other}": found.get((one, other), 0) for one, other in sorted(pairs)}
    return proof


def _note(rows: pl.DataFrame, quota: Mapping[str, int]) -> str:
    counts = dict(rows.group_by("split").len().iter_rows())
    largest = int(rows.group_by("group_id").len()["len"].to_numpy().max(initial=0))
    said: list[str] = []
    short = [name for name in FILL_ORDER if quota[name] and counts.get(name, 0) < quota[name] / 2]
    if short:
        said.append(
            f"Less than half of what {' and '.join(short)} should hold could be filled: groups of customers stay "
            f"together, and the largest has {largest} conversations."
        )
    if largest > rows.height / 2:
        said.append(
            f"One customer, or customers with the same texts, hold {largest:,} of the {rows.height:,} conversations, "
            'and all of them stand in one split. A cap takes less of them: [balance] caps = ["customer 20"].'
        )
    return " ".join(said)

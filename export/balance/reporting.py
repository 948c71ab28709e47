"""Report what balance did: counts before and after, what was short, and why so many had to go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from export.balance.facts import counts_of
from export.balance.wishes import CAPS_ONLY, Cap, Wishes

MANY = 0.5  # one customer with more of the conversations than this is worth a word
NOTABLE = 0.005  # a share that is missed by less is met

Report = Mapping[str, Any]


def report(wishes: Wishes, before: pl.DataFrame, capped: pl.DataFrame, after: pl.DataFrame, *, scarce: str) -> Report:
    """Tell what balance did to the conversations before it, after the caps and quotas, and after the shares.

    `scarce` names what there was too little of to take more. Gives before, after, caps, tables (each value of each
    dimension, before and after) and notes, which are sentences.
    """
    tables = [_table(name, wishes, before, after) for name in wishes.dimensions if name not in CAPS_ONLY]
    return {
        "before": before.height,
        "after": after.height,
        "caps": [_cap_row(cap, before, after) for cap in wishes.caps],
        "tables": tables,
        "notes": [
            *_customer_notes(wishes, before),
            *_given_up(capped.height, after.height, scarce),
            *_short(tables, after.height),
        ],
    }


def _cap_row(cap: Cap, before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    sizes, left = counts_of(before, cap.dimension), counts_of(after, cap.dimension)
    return {
        "dimension": cap.dimension,
        "most": cap.most,
        "kinds": len(sizes),
        "over": sum(size > cap.most for size in sizes.values()),
        "largest_before": max(sizes.values(), default=0),
        "largest_after": max(left.values(), default=0),
        "unnamed": before[cap.dimension].null_count(),
    }


def _table(name: str, wishes: Wishes, before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    """Count each value before and after; `wanted` is a share, a number, or null, `short` how many are missing to it."""
    counts, left = counts_of(before, name), counts_of(after, name)
    shares = next((wish for wish in wishes.shares if wish.dimension == name), None)
    quota = next((wish for wish in wishes.quotas if wish.dimension == name), None)
    rows: list[dict[str, Any]] = []
    for value, count in counts.items():
        wanted = shares.values.get(value) if shares else quota.values.get(value) if quota else None
        number = 0 if wanted is None else wanted * after.height if shares else wanted
        missing = max(0, round(number - left.get(value, 0)))
        is_short = missing > (NOTABLE * after.height if shares else 0)
        rows.append(
            {"value": value, "before": count, "after": left.get(value, 0), "wanted": wanted,
             "short": missing if is_short else 0}
        )  # fmt: skip
    return {"dimension": name, "rows": rows}


def _customer_notes(wishes: Wishes, before: pl.DataFrame) -> Iterator[str]:
    if "customer" not in wishes.dimensions:
        return
    largest = max(counts_of(before, "customer").values())
    if largest > MANY * before.height:
        yield f"One customer has {largest:,} of the {before.height:,} conversations."


def _given_up(capped: int, after: int, scarce: str) -> Iterator[str]:
    """Say what it was that made the others go."""
    if after < capped:
        why = f": of {scarce}" if scarce else ""
        yield f"To meet the shares, {after:,} of {capped:,} conversations stay{why}."


def _short(tables: Sequence[Mapping[str, Any]], total: int) -> Iterator[str]:
    for table in tables:
        for row in table["rows"]:
            if row["short"]:
                wanted = row["wanted"]
                asked = f"{wanted:,}" if isinstance(wanted, int) else f"{wanted:.0%} of {total:,}"
                yield f"Short: {table['dimension']} {row['value']} has {row['after']:,} of the {asked} asked for."

"""Divide conversations by time: what began before a cut-off trains, what came after validates and tests.

A group (a customer, a near-duplicate cluster) with anything after the cut-off does not train: its earlier conversations
are left out, its later ones validate or test. So nobody stands on two sides, and no training conversation begins after
one that tests. Between validation and test whole groups are dealt out in the seed's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from export.errors import BadPlan
from export.split import SPLITS, Assignment, fill
from store.database import Store
from store.errors import unknown_name
from store.settings import ExportSettings

WAYS = ("random", "time")
SUM_TOLERANCE = 0.001
# When a conversation began: as the helpdesk says, else its first turn that has a time.
BEGINS = """
SELECT c.conversation_key, coalesce(any_value(c.created_at), min(t.created_at)) AS begins
FROM conversations AS c SEMI JOIN kept USING (conversation_key) LEFT JOIN turns AS t USING (conversation_key)
GROUP BY c.conversation_key
"""
PERIODS = """
SELECT split, strftime(min(begins), '%Y-%m-%dT%H:%M:%SZ'), strftime(max(begins), '%Y-%m-%dT%H:%M:%SZ')
FROM kept JOIN begins USING (conversation_key) GROUP BY split
"""
REASONS = {
    "split.no_time": "Nobody knows when it began, so it can stand on no side of the cut-off.",
    "split.gap": "It began in the gap before the cut-off.",
    "split.straddles": "Its customer, or a conversation nearly the same, comes up again after the cut-off.",
}


@dataclass(frozen=True, slots=True)
class Period:
    """How to divide by time; without a cut-off it is chosen to meet the shares."""

    cutoff: datetime | None
    gap: timedelta


def read_split(settings: ExportSettings) -> Period | None:
    """Check what the settings say of splits; None where they are not by time.

    Raises:
        BadPlan: with every mistake in them.
    """
    mistakes = list(_share_mistakes(settings.split))
    if settings.split_by not in WAYS:
        mistakes.append("export.split_by: " + unknown_name("way", settings.split_by, WAYS))
    elif settings.split_by != "time" and (settings.split_cutoff or settings.split_gap_days):
        mistakes.append('export.split_cutoff and split_gap_days need split_by = "time".')
    elif settings.split_by == "time" and not mistakes and not 0 < settings.split[0] < 1:
        mistakes.append("export.split must give train a share between 0 and 1 to be divided by time.")
    cutoff = _moment(settings.split_cutoff)
    if settings.split_cutoff and cutoff is None:
        mistakes.append(f"export.split_cutoff is {settings.split_cutoff!r}, but must be a date such as 2026-03-01.")
    if settings.split_gap_days < 0:
        mistakes.append(f"export.split_gap_days is {settings.split_gap_days}, but must be 0 or more.")
    if mistakes:
        raise BadPlan(" ".join(mistakes), hint="Mend [export] in chatmill.toml.")
    return Period(cutoff, timedelta(days=settings.split_gap_days)) if settings.split_by == "time" else None


def _share_mistakes(shares: tuple[float, ...]) -> list[str]:
    if len(shares) != len(SPLITS) or any(share < 0 for share in shares) or abs(sum(shares) - 1) > SUM_TOLERANCE:
        told = ", ".join(f"{share:g}" for share in shares)
        return [f"export.split is [{told}], but must be three shares, of {', '.join(SPLITS)}, that add up to 1."]
    return []


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def begins_of(store: Store, kept: pl.DataFrame) -> pl.DataFrame:
    """Give when each kept conversation began: conversation_key, begins (null where nothing tells)."""
    with store.scratch(kept=kept.select("conversation_key")):
        return store.frame(BEGINS)


def divide_by_time(
    groups: pl.DataFrame, begins: pl.DataFrame, period: Period, *, shares: tuple[float, ...], seed: int
) -> Assignment:
    """Divide groups (conversation_key, group_id) by when their conversations began.

    Raises:
        BadPlan: no conversation says when it began, or the cut-off leaves one side empty.
    """
    rows = groups.join(begins, on="conversation_key", how="left", maintain_order="left")
    timed = rows.drop_nulls("begins").with_columns(last=pl.col("begins").max().over("group_id"))
    if timed.is_empty():
        raise BadPlan(
            f"None of the {rows.height:,} conversations says when it began, so they cannot be divided by time.",
            hint='Set export.split_by = "random", or map the column that holds the time.',
        )
    cutoff = period.cutoff or _best_cutoff(timed, period.gap, shares[0])
    after = pl.col("begins") >= cutoff
    code = (
        pl.when(after | (pl.max_horizontal("last", pl.col("begins") + period.gap) < cutoff))
        .then(pl.lit(None, pl.String))
        .when(pl.col("begins") + period.gap >= cutoff)
        .then(pl.lit("split.gap"))
        .otherwise(pl.lit("split.straddles"))
    )
    judged = timed.with_columns(code=code, is_after=after)
    placed = judged.filter(pl.col("code").is_null())
    _check_sides(timed, placed, cutoff)
    named = groups.columns
    train = placed.filter(~pl.col("is_after")).select(*named, split=pl.lit("train"))
    later = _held_back(placed.filter("is_after").select(named), shares, seed)
    timeless = rows.filter(pl.col("begins").is_null()).with_columns(code=pl.lit("split.no_time"))
    left_out = pl.concat([judged.drop_nulls("code").select(*named, "code"), timeless.select(*named, "code")])
    return Assignment(
        pl.concat([train, later]).sort("conversation_key"),
        _note(rows.height, left_out),
        left_out.select("conversation_key", "code", reason=pl.col("code").replace_strict(REASONS)),
        _told(cutoff, period),
    )


def periods_of(store: Store, exported: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Tell from the tables when the first and the last conversation of each split (column split) began."""
    begins = begins_of(store, exported)
    with store.scratch(kept=exported.select("conversation_key", "split"), begins=begins):
        return {split: {"first": first, "last": last} for split, first, last in sorted(store.rows(PERIODS))}


def _best_cutoff(timed: pl.DataFrame, gap: timedelta, share: float) -> datetime:
    """Choose the moment at which the share that trains, of all that is not left out, comes nearest to `share`.

    A conversation trains from the moment on that both its group's last one and its own gap lie behind.
    """
    times = timed["begins"].sort()
    from_when = timed.select(pl.max_horizontal("last", pl.col("begins") + gap))["last"].sort()
    moments = times.dt.truncate("1s").unique().sort()
    trains = from_when.search_sorted(moments, side="left").to_numpy()
    later = len(times) - times.search_sorted(moments, side="left").to_numpy()
    shares = trains / (trains + later)
    return moments[int(np.argmin(np.abs(shares - share)))]


def _held_back(later: pl.DataFrame, shares: tuple[float, ...], seed: int) -> pl.DataFrame:
    _, validation, test = shares
    quota = round(later.height * validation / (validation + test))
    return fill(later, {"validation": quota}, rest="test" if test else "validation", seed=seed)


def _check_sides(timed: pl.DataFrame, placed: pl.DataFrame, cutoff: datetime) -> None:
    sides = set(placed["is_after"])
    if len(sides) == 2:
        return
    first, last = timed.select(first=pl.col("begins").min(), last=pl.col("begins").max()).row(0)
    what = "validate or test" if sides == {False} else "train"
    raise BadPlan(
        f"With the cut-off {cutoff:%Y-%m-%d %H:%M} UTC nothing is left to {what}: the conversations began between "
        f"{first:%Y-%m-%d} and {last:%Y-%m-%d}, and customers who come up on both sides do not train.",
        hint='Choose another export.split_cutoff or a smaller split_gap_days, or split_by = "random".',
    )


def _note(total: int, left_out: pl.DataFrame) -> str:
    if left_out.height <= total / 2:
        return ""
    return f"The split by time leaves {left_out.height:,} of {total:,} conversations out; the table below says why."


def _told(cutoff: datetime, period: Period) -> dict[str, Any]:
    return {
        "cutoff": f"{cutoff:%Y-%m-%dT%H:%M:%SZ}",
        "cutoff_was": "given" if period.cutoff else "chosen to meet the shares",
        "gap_days": period.gap.days,
    }

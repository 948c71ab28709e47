"""Choose by caps, quotas and shares, in this order; within each kind the seed's order decides who stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from export.balance.facts import counts_of, dimensions_of, facts_of
from export.balance.raking import mix, take
from export.balance.reporting import Report, report
from export.balance.wishes import REST, Cap, Quota, Shares, Wishes, check_values, complain, read_wishes
from export.split import LEFT_OUT, digest
from store.database import Store
from store.settings import BalanceSettings


@dataclass(frozen=True, slots=True)
class Chosen:
    """What stays (the columns of what was given), who is left out (conversation_key, code, reason), and the report.

    `report` is None where nothing was asked for.
    """

    kept: pl.DataFrame
    left_out: pl.DataFrame = field(default_factory=LEFT_OUT.to_frame)
    report: Report | None = None


def wishes_of(store: Store, settings: BalanceSettings) -> Wishes | None:
    """Read what [balance] asks for; None where that is nothing.

    Raises:
        BadPlan: it cannot be read; every mistake is named.
    """
    return read_wishes(settings, dimensions_of(store)) if settings.caps or settings.targets else None


def choose(store: Store, kept: pl.DataFrame, wishes: Wishes | None, *, seed: int) -> Chosen:
    """Take of the kept conversations (column conversation_key) what is asked for.

    Raises:
        BadPlan: these conversations cannot give it; every mistake is named.
    """
    if wishes is None or kept.is_empty():
        return Chosen(kept)
    facts = _in_order(facts_of(store, kept, wishes.dimensions), seed)
    check_values(wishes, {name: counts_of(facts, name) for name in wishes.dimensions})
    balancing = _Balancing(facts)
    for cap in wishes.caps:
        balancing.cap(cap)
    for quota in wishes.quotas:
        balancing.quota(quota)
    capped = balancing.left
    if wishes.shares:
        balancing.share(wishes)
    left_out = pl.concat([LEFT_OUT.to_frame(), *balancing.left_out])
    chosen = kept.join(left_out, on="conversation_key", how="anti", maintain_order="left")
    return Chosen(chosen, left_out, report(wishes, facts, capped, balancing.left, scarce=balancing.scarce))


@dataclass(slots=True)
class _Balancing:
    """The conversations still in, in the seed's order, and those left out so far."""

    left: pl.DataFrame
    left_out: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    scarce: str = ""  # what there is too little of to take more

    def cap(self, cap: Cap) -> None:
        rank = pl.int_range(pl.len()).over(cap.dimension)
        over = (rank >= cap.most) & pl.col(cap.dimension).is_not_null()
        reason = f"Its {cap.dimension} has more conversations than the {cap.most:,} that are taken of each."
        self._leave(over, "balance.cap", pl.lit(reason))

    def quota(self, quota: Quota) -> None:
        name = quota.dimension
        most = dict(quota.values)
        group = pl.when(pl.col(name).is_in(list(most))).then(pl.col(name)).otherwise(pl.lit(REST))
        allowed = group.replace_strict(most | {REST: quota.rest}, return_dtype=pl.Int64)
        over = (pl.int_range(pl.len()).over(group) >= allowed).fill_null(value=False)
        told = pl.format(f"There are more conversations with {name} {{}} than are asked for.", pl.col(name))
        self._leave(over, "balance.quota", told)

    def share(self, wishes: Wishes) -> None:
        groups = [_grouped(shares) for shares in wishes.shares]
        cells = self.left.with_columns(groups).group_by([shares.dimension for shares in wishes.shares]).len()
        cells = cells.sort(cells.columns[:-1])
        counts = _allotted(cells, wishes)
        self.scarce = _scarcest(cells, counts)
        told = cells.drop("len").with_columns(quota=pl.Series(counts), reason=_why(wishes.shares))
        names = told.columns[:-2]
        marked = self.left.with_columns(groups).join(told, on=names, how="left", maintain_order="left")
        over = marked.select(over=pl.int_range(pl.len()).over(names) >= pl.col("quota"))["over"]
        self._leave(over, "balance.share", marked["reason"])

    def _leave(self, over: pl.Expr | pl.Series, code: str, reason: pl.Expr | pl.Series) -> None:
        gone = self.left.with_columns(over=over, code=pl.lit(code), reason=reason)
        self.left_out.append(gone.filter("over").select(LEFT_OUT.names()))
        self.left = gone.filter(~pl.col("over")).select(self.left.columns)


def _in_order(facts: pl.DataFrame, seed: int) -> pl.DataFrame:
    places = pl.Series([digest(seed, key) for key in facts["conversation_key"]], dtype=pl.Binary)
    return facts.with_columns(place=places).sort("place").drop("place")


def _grouped(shares: Shares) -> pl.Expr:
    """Tell the named values, and all others as the rest."""
    name = pl.col(shares.dimension)
    return pl.when(name.is_in(list(shares.values))).then(name).otherwise(pl.lit(REST)).alias(shares.dimension)


def _allotted(cells: pl.DataFrame, wishes: Wishes) -> list[int]:
    """Give how many conversations of each cell (a row; column len holds how many there are) to take."""
    members: list[Any] = []
    wanted: list[Any] = []
    for shares in wishes.shares:
        values = cells[shares.dimension].unique().sort().to_list()
        members.append(np.array([values.index(value) for value in cells[shares.dimension]], dtype=np.int64))
        wanted.append(np.array([shares.wanted(value) for value in values]))
        asked = [*shares.values, REST] if shares.rest else list(shares.values)
        missing = [value for value in asked if value not in values]
        complain([f"After the caps no conversation has {shares.dimension} {value} any more." for value in missing])
    available = cells["len"].cast(pl.Int64).to_numpy()
    weights = mix(available, members, wanted)
    if weights is None:
        names = " and ".join(shares.dimension for shares in wishes.shares)
        complain([f"The targets for {names} contradict each other: no choice of these conversations meets them all."])
        return []
    return take(available, weights, at_least=int(np.ceil(wishes.keep_at_least * available.sum()))).tolist()


def _scarcest(cells: pl.DataFrame, counts: Sequence[int]) -> str:
    """Name the smallest cell of which all are taken."""
    whole = (
        cells.with_columns(taken=pl.Series(counts)).filter(pl.col("taken") == pl.col("len")).sort("len", *cells.columns)
    )
    names = cells.columns[:-1]
    return next((f"{_kind(names, row)} there are only {row[-2]:,}" for row in whole.iter_rows()), "")


def _kind(names: Sequence[str], values: Sequence[object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=False))


def _why(wanted: Sequence[Shares]) -> pl.Expr:
    """Word for each cell why some of it is left out."""
    unasked = [
        (pl.col(shares.dimension) == REST, f"Its {shares.dimension} is none of those asked for.")
        for shares in wanted
        if not shares.rest
    ]
    kinds = pl.concat_str([pl.lit(f"{one.dimension} ") + pl.col(one.dimension) for one in wanted], separator=", ")
    why = pl.format("More conversations of its kind ({}) would break the shares asked for.", kinds)
    for when, reason in reversed(unasked):
        why = pl.when(when).then(pl.lit(reason)).otherwise(why)
    return why

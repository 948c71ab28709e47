"""The check kinds, a closed set, and how they measure a page of conversations in polars.

Rules only name a kind, say whose turns it looks at, and fill in its parameters. A kind gives null where it has nothing
to measure, and no rule matches a null. What many checks need of a turn's text is worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from curate.quality.course import COURSE, RECORD
from curate.quality.kind import HEADS, ROLES, TURNS, Kind, Param, Params
from curate.quality.texts import Wanted, worked_out
from curate.quality.wording import WORDING

__all__ = [
    "HEADS",
    "KINDS",
    "ROLES",
    "TURNS",
    "Check",
    "Kind",
    "Param",
    "measure_checks",
    "measured",
    "summed_up",
    "widened",
]

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*COURSE, *RECORD, *WORDING)}


@dataclass(frozen=True, slots=True)
class Check:
    """A kind with everything filled in, and the name of the signal that it measures."""

    signal: str
    kind: Kind
    roles: tuple[str, ...]
    params: Params


def measured(
    kind: Kind, turns: pl.DataFrame, heads: pl.DataFrame, roles: tuple[str, ...], params: Params
) -> pl.DataFrame:
    """Measure one kind: conversation_key and value, null where a conversation has nothing to measure."""
    given = {name: params.get(name, param.default) for name, param in kind.params.items()}
    return measure_checks([Check("value", kind, roles, given)], turns, heads)


def measure_checks(checks: Sequence[Check], turns: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Measure a page: conversation_key, and a column for every check's signal, in the order of `heads`.

    Turns are to be in the order of conversations and positions.
    """
    return summed_up(checks, widened(checks, turns), heads)


def widened(checks: Sequence[Check], turns: pl.DataFrame, **more: pl.Expr) -> pl.DataFrame:
    """Give the turns with what the checks, and `more`, want of their texts; the texts themselves are gone."""
    wanted = Wanted(more, {}, {})
    for check in checks:
        kind, params = check.kind, check.params
        wanted = Wanted(
            {**wanted.columns, **kind.columns(params)},
            {**wanted.counts, **kind.counts(params)},
            {**wanted.terms, **kind.terms(params)},
        )
    texts = worked_out(turns["text"], wanted)
    return turns.join(texts, on="text", how="left", maintain_order="left").drop("text")


def summed_up(checks: Sequence[Check], wide: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Measure a page whose turns were widened for these checks: what `measure_checks` gives."""
    of_turns: dict[str, pl.Expr] = {}
    for check in checks:
        of_turns |= check.kind.of_turns(check.params)
    wide = wide.with_columns(**of_turns)
    of_heads = [check for check in checks if check.kind.of_heads]
    found = heads.select("conversation_key", *(_value(check) for check in of_heads))
    for roles in dict.fromkeys(check.roles for check in checks if not check.kind.of_heads):
        values = [check for check in checks if check.roles == roles and not check.kind.of_heads]
        chosen = wide.filter(pl.col("role").is_in(roles)) if roles else wide
        each = chosen.group_by("conversation_key", maintain_order=True).agg(_value(check) for check in values)
        found = found.join(each, on="conversation_key", how="left")
    found = found.with_columns(heads.select(pl.col("*").exclude("conversation_key").name.prefix("head ")))
    return found.select("conversation_key", *(_finished(check) for check in checks))


def _value(check: Check) -> pl.Expr:
    return check.kind.value(check.params).cast(pl.Float64).alias(check.signal)


def _finished(check: Check) -> pl.Expr:
    value = pl.col(check.signal)
    value = value.fill_nan(None) if check.kind.absent is None else value.fill_null(check.kind.absent)
    if check.kind.also:
        value = pl.max_horizontal(value, pl.col(f"head {check.kind.also}").cast(pl.Float64))
    return value.alias(check.signal)

"""What a check kind is made of, and the tables that kinds measure: the turns and the heads of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

ROLES = ("customer", "agent", "bot")
TURNS = pl.Schema(
    {
        "conversation_key": pl.String,
        "position": pl.Int32,
        "role": pl.String,
        "is_automated": pl.Boolean,
        "automation": pl.String,
        "text": pl.String,
    }
)
# What a kind may know of a conversation besides its turns; a column that is missing counts as null.
HEADS = pl.Schema(
    {
        "conversation_key": pl.String,
        "csat_label": pl.String,
        "csat_score": pl.Float64,
        "is_test": pl.Boolean,
        "status": pl.String,
        "is_merged": pl.Boolean,
        "completeness": pl.String,
        "tags": pl.List(pl.String),
        "reopens": pl.Int64,
        "bare_attachments": pl.Int64,
        "redacted_share": pl.Float64,
        "other_language_share": pl.Float64,
    }
)

Params = Mapping[str, Any]
Columns = Callable[[Params], Mapping[str, pl.Expr]]
Value = Callable[[Params], pl.Expr]


def fixed(value: pl.Expr) -> Value:
    """Give a value that no parameter changes."""

    def value_of(params: Params) -> pl.Expr:
        del params
        return value

    return value_of


def fixed_columns(**columns: pl.Expr) -> Columns:
    """Give columns that no parameter changes."""

    def columns_of(params: Params) -> Mapping[str, pl.Expr]:
        del params
        return columns

    return columns_of


NOTHING_MORE = fixed_columns()


def no_terms(params: Params) -> Mapping[str, Sequence[str]]:
    """Look for no terms."""
    del params
    return {}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a kind."""

    type: type
    default: Any
    help: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of check: what it measures, for whom, and with which parameters.

    `columns`, `counts` and `terms` are worked out once for every distinct text of a page, each name once however many
    rules need it (`curate.quality.texts`); `of_turns` then makes columns of these and of the turn. `value` makes one
    value of all of them: an aggregation over a conversation's turns in their order, or, where `of_heads`, an expression
    over the page's heads. `absent` is the value of a conversation that has no turns of the roles asked for, and `also`
    names a column of the heads that makes the value 1.
    """

    name: str
    help: str
    value: Value
    columns: Columns = NOTHING_MORE
    counts: Columns = NOTHING_MORE
    terms: Callable[[Params], Mapping[str, Sequence[str]]] = no_terms
    of_turns: Columns = NOTHING_MORE
    absent: float | None = None
    also: str | None = None
    takes_roles: bool = True
    of_heads: bool = False
    params: Mapping[str, Param] = field(default_factory=dict[str, Param])

"""The check kinds: each measures one value for every conversation of a page, in polars.

The set is closed; rules only name a kind, say whose turns it looks at, and fill in its parameters. A kind gives null
where it has nothing to measure, and no rule matches a null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
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
HEADS = pl.Schema({"conversation_key": pl.String, "csat_label": pl.String, "is_test": pl.Boolean})

RATINGS = {"bad": 0.0, "neutral": 0.5, "good": 1.0}
# Chinese and Japanese write no spaces: a letter counts as a word.
WORDS = r"[\p{Han}\p{Hiragana}\p{Katakana}]|[\w&&[^\p{Han}\p{Hiragana}\p{Katakana}]]+"
MARKUP = r"</?[A-Za-z][^<>\n]{0,200}>|&(?:[a-z]{2,8}|#\d{2,5});|\[/?(?:b|i|u|url|img|quote|code|color)(?:=[^\]\n]*)?\]"

ONLY_TEST = r"(?i)^(?:[\W\d]*(?:testing|tests|test|this|is|an|a|just|only|please|ignore|hello|hi))+[\W\d]*$"

Params = Mapping[str, Any]
# (turns of the roles asked for, all heads of the page, parameters) -> one value for each row of heads, or fewer rows
Measure = Callable[[pl.DataFrame, pl.DataFrame, Params], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a kind."""

    type: type
    default: Any
    help: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of check: what it measures, for whom, and with which parameters."""

    name: str
    help: str
    measure: Measure
    takes_roles: bool = True
    params: Mapping[str, Param] = field(default_factory=dict[str, Param])


def measured(
    kind: Kind, turns: pl.DataFrame, heads: pl.DataFrame, roles: tuple[str, ...], params: Params
) -> pl.DataFrame:
    """Measure a page: conversation_key and value, null where a conversation has nothing to measure."""
    chosen = turns.filter(pl.col("role").is_in(roles)) if roles else turns
    found = kind.measure(chosen, heads, {n: params.get(n, p.default) for n, p in kind.params.items()})
    return heads.select("conversation_key").join(
        found.select("conversation_key", pl.col("value").cast(pl.Float64)), on="conversation_key", how="left"
    )


def _each(turns: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    return turns.group_by("conversation_key").agg(value.alias("value"))


def _counted(turns: pl.DataFrame, heads: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    """Sum up over turns; a conversation without any has zero."""
    found = heads.select("conversation_key").join(_each(turns, value), on="conversation_key", how="left")
    return found.with_columns(pl.col("value").fill_null(0))


def _turns(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del params
    return _counted(turns, heads, pl.len())


def _words(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del params
    return _counted(turns, heads, pl.col("text").str.count_matches(WORDS).sum())


def _markup(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del params
    # Few texts hold any of the three characters, and looking for them is much faster than the pattern.
    likely = turns.filter(pl.col("text").str.contains_any(["<", "&", "["]))
    return _counted(likely, heads, pl.col("text").str.count_matches(MARKUP).sum())


def _terms(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    words = "|".join(re.escape(term) for term in params["terms"])
    found = pl.col("text").str.contains(rf"(?i)(?:^|\W)(?:{words})(?:$|\W)")
    return _counted(turns, heads, found.sum())


def _letter_share(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del heads, params
    # Counting what is no letter takes a third of the time, as most characters are letters.
    visible = (pl.col("text").str.len_chars() - pl.col("text").str.count_matches(r"\s")).sum()
    others = pl.col("text").str.count_matches(r"[^\p{L}\p{M}\s]").sum()
    return _each(turns, (visible - others) / visible)


def _repeated_share(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del heads
    said = turns.select(
        "conversation_key",
        pl.col("text").str.strip_chars().str.to_lowercase().alias("said"),
        pl.col("text").str.len_chars().alias("length"),
    )
    long = pl.col("said").str.len_chars() >= params["min_characters"]
    again = ~pl.struct("conversation_key", "said").is_first_distinct() & long
    said = said.with_columns(again.alias("again"))
    return _each(said, pl.col("length").filter(pl.col("again")).sum() / pl.col("length").sum())


def _automated_share(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del heads, params
    answers = turns.filter(pl.col("role") != "customer")
    # A macro is sent by a person, and what a language model wrote is an answer as good as any: logs of assistants
    # hold nothing else.
    scripted = (pl.col("is_automated") | (pl.col("role") == "bot")) & ~pl.col("automation").is_in(["macro", "ai"])
    return _each(answers, scripted.fill_null(value=True).mean())


def _unanswered(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del heads, params
    last = pl.all().sort_by("position").last()
    ends = turns.group_by("conversation_key").agg(last)
    asks = (pl.col("role") == "customer") & pl.col("text").str.contains(r"[?？؟]")
    return ends.select("conversation_key", asks.alias("value"))


def _rating(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del turns, params
    value = pl.col("csat_label").replace_strict(RATINGS, default=None, return_dtype=pl.Float64)
    return heads.select("conversation_key", value.alias("value"))


def _is_test(turns: pl.DataFrame, heads: pl.DataFrame, params: Params) -> pl.DataFrame:
    del params
    says_so = pl.col("text").str.contains(ONLY_TEST).all() & pl.col("text").str.contains(r"(?i)\btest").any()
    both = heads.join(_each(turns.filter(pl.col("role") == "customer"), says_so), on="conversation_key", how="left")
    is_test = pl.col("is_test") | pl.col("value").fill_null(value=False)
    return both.select("conversation_key", is_test.alias("value"))


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("turns", "How many turns there are.", _turns),
        Kind("words", "How many words there are; Chinese and Japanese letters count as words.", _words),
        Kind("markup", "How many HTML tags, entities and BBCode tags are left.", _markup),
        Kind(
            "terms",
            "In how many turns one of the terms stands, as a whole word, in any case.",
            _terms,
            params={"terms": Param(list, [], "Words or phrases.")},
        ),
        Kind("letter_share", "Which share of the visible characters are letters, from 0 to 1.", _letter_share),
        Kind(
            "repeated_share",
            "Which share of the text stands in turns that repeat an earlier one, from 0 to 1.",
            _repeated_share,
            params={"min_characters": Param(int, 15, "Turns shorter than this may be repeated, as yes and thanks.")},
        ),
        Kind("automated_share", "Which share of the answers a bot's script or a rule wrote.", _automated_share),
        Kind("unanswered", "1 where the last turn is a customer's question, else 0.", _unanswered, takes_roles=False),
        Kind("rating", "The customer's rating: 0 bad, 0.5 neutral, 1 good.", _rating, takes_roles=False),
        Kind(
            "is_test",
            "1 where the source or the customer's own words call it a test, else 0.",
            _is_test,
            takes_roles=False,
        ),
    )
}

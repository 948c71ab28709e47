"""Check kinds that look at how a conversation went: who spoke, how it ended, and what the helpdesk recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import polars as pl

from curate.quality.kind import Kind, Param, Params, Value, fixed, fixed_columns

RATINGS = {"bad": 0.0, "neutral": 0.5, "good": 1.0}
# Where only a word was stored, and in the examples of rules.
RATED = pl.col("csat_label").replace_strict(RATINGS, default=None, return_dtype=pl.Float64)
ONLY_TEST = r"(?i)^(?:[\W\d]*(?:testing|tests|test|this|is|an|a|just|only|please|ignore|hello|hi))+[\W\d]*$"
# Statuses, as ingest names them, of a conversation that somebody still has to work on.
UNFINISHED = ("new", "open", "pending", "hold", "on_hold", "waiting")
NONE: Mapping[str, Param] = MappingProxyType({})

ASKS = pl.col("text").str.contains_any(["?", "？", "؟"])
IS_CUSTOMER = pl.col("role") == "customer"
ROW = pl.int_range(pl.len())
# A macro is sent by a person, and what a language model wrote is an answer as good as any: logs of assistants hold
# nothing else.
SCRIPTED = (
    (pl.col("is_automated") | (pl.col("role") == "bot"))
    & ~pl.col("automation").is_in(["macro", "ai"]).fill_null(value=False)
).fill_null(value=True)


def _tagged(params: Params) -> pl.Expr:
    wanted = [tag.lower() for tag in params["tags"]]
    return pl.col("tags").list.eval(pl.element().str.to_lowercase().is_in(wanted)).list.any()


def _recorded(name: str, text: str, value: Value, params: Mapping[str, Param] = NONE) -> Kind:
    return Kind(name, text, value, of_heads=True, takes_roles=False, params=params)


COURSE = (
    Kind("turns", "How many turns there are.", fixed(pl.len()), absent=0),
    Kind(
        "automated_share",
        "Which share of the answers a bot's script or a rule wrote.",
        fixed(SCRIPTED.filter(~IS_CUSTOMER).mean()),
    ),
    Kind(
        "bot_share",
        "Which share of the answers a bot wrote, by a script or by a language model.",
        fixed((pl.col("role") == "bot").filter(~IS_CUSTOMER).mean()),
    ),
    Kind(
        "macro_share",
        "Which share of the answers are macros, by the helpdesk's own mark.",
        fixed((pl.col("automation") == "macro").fill_null(value=False).filter(~IS_CUSTOMER).mean()),
    ),
    Kind(
        "unanswered",
        "1 where the last turn is a customer's question, else 0.",
        fixed(IS_CUSTOMER.last() & pl.col("asks").last()),
        fixed_columns(asks=ASKS),
        takes_roles=False,
    ),
    Kind(
        "waiting",
        "How many turns of the customer follow the last answer.",
        fixed(pl.col("row").max() - pl.coalesce(pl.col("answered").max(), pl.col("row").min() - 1)),
        of_turns=fixed_columns(row=ROW, answered=pl.when(~IS_CUSTOMER).then(ROW)),
        takes_roles=False,
    ),
    Kind(
        "is_test",
        "1 where the source or the customer's own words call it a test, else 0.",
        fixed(pl.col("only_test").filter(IS_CUSTOMER).all() & pl.col("says_test").filter(IS_CUSTOMER).any()),
        fixed_columns(
            only_test=pl.col("text").str.contains(ONLY_TEST), says_test=pl.col("text").str.contains(r"(?i)\btest")
        ),
        absent=0,
        also="is_test",
        takes_roles=False,
    ),
)

RECORD = (
    _recorded(
        "rating",
        "The customer's rating, from 0 for the worst over 0.5 for neutral to 1 for the best.",
        fixed(pl.coalesce("csat_score", RATED)),
    ),
    _recorded(
        "neutral",
        "1 where the customer rated it neither good nor bad, else 0.",
        fixed(pl.col("csat_label") == "neutral"),
    ),
    _recorded("merged", "1 where it was merged into another conversation, else 0.", fixed(pl.col("is_merged"))),
    _recorded(
        "incomplete",
        "1 where the export holds only a part of it, else 0.",
        fixed(pl.col("completeness") != "complete"),
    ),
    _recorded("unfinished", "1 where it is still open or pending, else 0.", fixed(pl.col("status").is_in(UNFINISHED))),
    _recorded("reopens", "How often it was reopened, where the helpdesk says so.", fixed(pl.col("reopens"))),
    _recorded(
        "bare_attachments",
        "How many turns of the customer are a file and at most three words.",
        fixed(pl.col("bare_attachments")),
    ),
    _recorded(
        "redacted_share",
        "Which share of what is said is personal data, from 0 to 1.",
        fixed(pl.col("redacted_share")),
    ),
    _recorded(
        "other_language",
        "How much of the answers is in another language than the customer's, from 0 to 1.",
        fixed(pl.col("other_language_share").clip(0, 1)),
    ),
    _recorded(
        "tagged",
        "1 where one of the tags stands on it, in any case, else 0.",
        _tagged,
        {"tags": Param(list, [], "Tags of the helpdesk.")},
    ),
)

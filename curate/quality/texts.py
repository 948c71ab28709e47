"""What is worked out once for each distinct text of a page, and for each distinct piece between its spaces.

Support says the same words over and over: in star, 108,000 turns are 51,000 texts, and the 600,000 pieces between
their spaces are 22,000. What adds up over pieces is counted once for each of them, and a list of terms is looked for
only in the texts that hold a word of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

TEXT = pl.col("text")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of texts, by the names of the columns that come out."""

    columns: Mapping[str, pl.Expr]  # of `text`
    counts: Mapping[str, pl.Expr]  # of `text`, which stands for a piece of one; they add up over its pieces
    terms: Mapping[str, Sequence[str]]  # 1 where one of the terms stands in the text as whole words, else 0


def worked_out(texts: pl.Series, wanted: Wanted) -> pl.DataFrame:
    """Give the distinct texts, in the column `text`, with everything that is wanted of them."""
    distinct = texts.unique(maintain_order=True).alias("text")
    found = distinct.to_frame().with_columns(**wanted.columns)
    if not (wanted.counts or wanted.terms):
        return found
    pieces = _Pieces.of(distinct)
    return found.with_columns(*pieces.counted(wanted.counts), *_terms(distinct, pieces, wanted.terms))


@dataclass(frozen=True, slots=True)
class _Pieces:
    """The distinct pieces between the spaces of texts, and which of them each text is made of."""

    distinct: pl.DataFrame  # piece: its number; text
    numbers: pl.Series  # the pieces of each text, one text after the other
    sizes: pl.Series  # how many pieces each text has, at least one

    @classmethod
    def of(cls, texts: pl.Series) -> _Pieces:
        split = texts.str.split(" ")
        pieces = split.explode().to_frame("text")
        distinct = pieces.unique().with_row_index("piece")
        numbers = pieces.join(distinct, on="text", how="left", maintain_order="left")["piece"]
        return cls(distinct, numbers, split.list.len())

    def counted(self, counts: Mapping[str, pl.Expr]) -> list[pl.Series]:
        """Add up over each text what is counted in its pieces."""
        values = self.distinct.select(expression.cast(pl.Int64).alias(name) for name, expression in counts.items())
        if self.sizes.is_empty():
            return values.get_columns()
        starts = (self.sizes.cum_sum() - self.sizes).to_numpy()
        numbers = self.numbers.to_numpy()
        return [pl.Series(value.name, np.add.reduceat(value.to_numpy()[numbers], starts)) for value in values]

    def with_words(self, words: pl.DataFrame) -> dict[str, pl.Series]:
        """Give the places of the texts that hold a word of `words` (word, column), for each column."""
        said = self.distinct.select("piece", word=_words(TEXT)).explode("word")
        hits = said.join(words, on="word").select("piece", "column").unique()
        at = np.repeat(np.arange(len(self.sizes), dtype=np.uint32), self.sizes.to_numpy())
        found = pl.DataFrame({"at": at, "piece": self.numbers}).join(hits, on="piece").select("column", "at").unique()
        return {name: found.filter(pl.col("column") == name)["at"].sort() for name in words["column"].unique()}


def _terms(texts: pl.Series, pieces: _Pieces, lists: Mapping[str, Sequence[str]]) -> list[pl.Series]:
    """Look for each list of terms in the texts that hold the longest word of one of its terms."""
    terms = pl.DataFrame(
        [(column, term) for column, terms in lists.items() for term in terms],
        schema={"column": pl.String, "term": pl.String},
        orient="row",
    )
    anchors = terms.with_columns(word=_words(pl.col("term")).list.eval(_longest_first(pl.element())).list.first())
    places = pieces.with_words(anchors.drop_nulls("word").select("word", "column").unique())
    everywhere = pl.Series(range(len(texts)), dtype=pl.UInt32)
    for column in anchors.filter(pl.col("word").is_null())["column"].unique():
        places[column] = everywhere  # a term of signs alone has no word to look for
    return [_standing(texts, places[column], terms).alias(column) for column, terms in lists.items()]


def _longest_first(word: pl.Expr) -> pl.Expr:
    return word.sort_by(word.str.len_chars(), descending=True)


def _standing(texts: pl.Series, places: pl.Series, terms: Sequence[str]) -> pl.Series:
    words = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in terms)
    found = texts.gather(places).str.contains(rf"(?i)(?:^|\W)(?:{words})(?:$|\W)")
    return pl.zeros(len(texts), pl.Float64, eager=True).scatter(places, found.cast(pl.Float64))


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.extract_all(r"\w+")

"""What is worked out once for each distinct text of a page, and for each distinct piece between its spaces.

Support says the same words over and over: in star, 108,000 turns are 51,000 texts, and the 600,000 pieces between
their spaces are 22,000. What adds up over pieces is counted once for each of them, and a list of terms is looked for
only in the texts that hold a word of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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

    distinct: pl.Series
    numbers: npt.NDArray[np.uint32]  # the place in `distinct` of each text's pieces, one text after the other
    sizes: npt.NDArray[np.int64]  # how many pieces each text has, at least one

    @classmethod
    def of(cls, texts: pl.Series) -> _Pieces:
        split = texts.str.split(" ")
        pieces = split.explode()
        # A categorical of its own numbers the pieces while it reads them, twice as fast as a join.
        codes = pieces.cast(pl.Categorical(pl.Categories.random())).to_physical()
        firsts, by_code = codes.arg_unique(), codes.to_numpy()
        places = np.zeros(by_code.max(initial=0) + 1, dtype=np.uint32)
        places[by_code[firsts.to_numpy()]] = np.arange(len(firsts), dtype=np.uint32)
        return cls(pieces.gather(firsts).alias("text"), places[by_code], split.list.len().cast(pl.Int64).to_numpy())

    def counted(self, counts: Mapping[str, pl.Expr]) -> list[pl.Series]:
        """Add up over each text what is counted in its pieces."""
        values = self.distinct.to_frame().select(
            expression.cast(pl.Int64).alias(name) for name, expression in counts.items()
        )
        if not len(self.sizes):
            return values.get_columns()
        starts = np.cumsum(self.sizes) - self.sizes
        return [pl.Series(value.name, np.add.reduceat(value.to_numpy()[self.numbers], starts)) for value in values]

    def with_words(self, words: pl.DataFrame) -> pl.DataFrame:
        """Give for each row of `words` (word and anything else) the texts that hold it: `at`, and the other columns."""
        pieces = self.distinct.to_frame().with_row_index("piece").select("piece", word=_words(TEXT)).explode("word")
        hits = pieces.join(words, on="word").drop("word").unique()
        wanted = np.zeros(len(self.distinct), dtype=np.bool_)
        wanted[hits["piece"].to_numpy()] = True
        (places,) = np.nonzero(wanted[self.numbers])
        texts = np.repeat(np.arange(len(self.sizes), dtype=np.uint32), self.sizes)
        held = pl.DataFrame({"at": texts[places], "piece": self.numbers[places]}).unique()
        return held.join(hits, on="piece").drop("piece").unique()


def _terms(texts: pl.Series, pieces: _Pieces, lists: Mapping[str, Sequence[str]]) -> list[pl.Series]:
    """Look for lists of terms; only texts that hold the longest word of a term are looked through for it."""
    terms = pl.DataFrame(
        [(column, term) for column, terms in lists.items() for term in terms],
        schema={"column": pl.String, "term": pl.String},
        orient="row",
    ).with_columns(word=_words(pl.col("term")).list.eval(_longest_first(pl.element())).list.first())
    terms = terms.with_columns(single=pl.col("word").eq_missing(pl.col("term").str.to_lowercase()))
    held = pieces.with_words(terms.drop_nulls("word").select("word", "column", "single").unique())
    by_column = held.partition_by("column", as_dict=True)
    return [
        _standing(texts, by_column.get((column,), held.clear()), terms.filter(pl.col("column") == column)).alias(column)
        for column in lists
    ]


def _standing(texts: pl.Series, held: pl.DataFrame, terms: pl.DataFrame) -> pl.Series:
    """Say of each text whether one of the terms stands in it, 1 or 0, given which texts hold their words."""
    told = np.zeros(len(texts))
    told[held.filter("single")["at"].to_numpy()] = 1  # the word is the whole term
    phrases = terms.filter(~pl.col("single"))
    if phrases.height:
        # A term of signs alone has no word to look for.
        everywhere = phrases["word"].null_count() > 0
        likely = np.arange(len(texts)) if everywhere else held.filter(~pl.col("single"))["at"].to_numpy()
        untold = likely[told[likely] == 0]
        told[untold] = texts.gather(untold).str.contains(_pattern(phrases["term"])).to_numpy()
    return pl.Series(told)


def _pattern(terms: Iterable[str]) -> str:
    words = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in terms)
    return rf"(?i)(?:^|\W)(?:{words})(?:$|\W)"


def _longest_first(word: pl.Expr) -> pl.Expr:
    return word.sort_by(word.str.len_chars(), descending=True)


def _words(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.extract_all(r"\w+")

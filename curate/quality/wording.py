"""Check kinds that look at how a text is written: words, letters, casing, markup, repetition, listed terms."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial

import polars as pl

from curate.quality.kind import Columns, Kind, Param, Params, fixed, fixed_columns

TEXT = pl.col("text")
# Chinese and Japanese write no spaces: a letter counts as a word.
DENSE = r"[\p{Han}\p{Hiragana}\p{Katakana}]"
WORDS = rf"{DENSE}|[\w&&[^\p{{Han}}\p{{Hiragana}}\p{{Katakana}}]]+"
MARKUP = r"</?[A-Za-z][^<>\n]{0,200}>|&(?:[a-z]{2,8}|#\d{2,5});|\[/?(?:b|i|u|url|img|quote|code|color)(?:=[^\]\n]*)?\]"
# Six Latin letters without a vowel, eight consonants in a row (German has seven, in "Rechtsschutz"), a letter five
# times over, or a row of the keyboard.
NOISE = (
    r"(?i)\b[b-df-hj-np-tv-xz]{6,}\b|[b-df-hj-np-tv-xz]{8,}|"
    + "|".join(f"{letter}{{5,}}" for letter in "abcdefghijklmnopqrstuvwxyz")
    + r"|\b(?:asdf|qwert|sdfg|dfgh|fghj|ghjk|hjkl|zxcv|yxcv|xcvb|lkjh|poiu|uiop)\w*"
)
# A line of code, of a log, or of a stack trace; a sentence ends otherwise.
CODE_LINE = (
    r"(?m)^\s*(?:\S.*[;{]\s*|[{}\[\]();,]+\s*|at [\w$.]+\([^)]*\)\s*|File \"[^\"]+\", line \d+.*|Traceback .*"
    r"|(?:import|from|def|class|function|public|private|#include|SELECT|INSERT) .*[:;({*].*"
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S*\s+\S.*|.*\b(?:ERROR|WARN|INFO|DEBUG|FATAL)\b[\s:\]]\S.*)$"
)
CODE_SIGNS = [
    ";\n",
    "{",
    "}",
    "Traceback",
    "ERROR",
    "WARN",
    "INFO",
    "DEBUG",
    "FATAL",
    "\tat ",
    " at ",
    "\n20",
    "import ",
]
CASED_LETTERS = 20
# Bytes, about thirty words: what is shorter has too few word sequences to say that it repeats itself.
LONG = 150


# Of a piece between spaces. Counting the rarer kind of characters is much faster than counting what most are.
COUNTED = {
    "words": TEXT.str.count_matches(WORDS),
    "visible": TEXT.str.len_chars() - TEXT.str.count_matches(r"\s"),
    "others": TEXT.str.count_matches(r"[^\p{L}\p{M}\s]"),
    "digits": TEXT.str.count_matches(r"\p{Nd}"),
    "capitals": TEXT.str.count_matches(r"\p{Lu}"),
    "noise": TEXT.str.count_matches(NOISE),
}
VISIBLE = pl.col("visible").sum()
LETTERS = VISIBLE - pl.col("others").sum()


def _counts(*names: str) -> Columns:
    return fixed_columns(**{name: COUNTED[name] for name in names})


def only_likely(signs: list[str], value: pl.Expr) -> pl.Expr:
    """Work a slow value out for the few texts that hold one of the signs; it is 0 for the others."""
    return TEXT.map_batches(partial(_on_likely, signs, value), return_dtype=pl.Float64)


def _on_likely(signs: list[str], value: pl.Expr, texts: pl.Series) -> pl.Series:
    likely = texts.to_frame("text").with_row_index().filter(TEXT.str.contains_any(signs, ascii_case_insensitive=True))
    found = likely.select("index", value.cast(pl.Float64).alias("value"))
    return pl.zeros(len(texts), pl.Float64, eager=True).scatter(found["index"], found["value"])


def digest(value: object) -> str:
    """Name a parameter's value shortly."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


def _listed(params: Params) -> Mapping[str, tuple[str, ...]]:
    return {_term_column(params): tuple(params["terms"])}


def _term_column(params: Params) -> str:
    return f"terms {digest(tuple(params['terms']))}"


def _terms_value(params: Params) -> pl.Expr:
    return pl.col(_term_column(params)).sum()


def _terms_share(params: Params) -> pl.Expr:
    return (pl.col(_term_column(params)) * pl.col("words")).sum() / pl.col("words").sum()


def _has_pattern(params: Params) -> Mapping[str, pl.Expr]:
    found, signs = TEXT.str.contains(params["pattern"]), list(params["signs"])
    return {_pattern_column(params): only_likely(signs, found) if signs else found.cast(pl.Float64)}


def _pattern_column(params: Params) -> str:
    return f"pattern {digest((params['pattern'], params['signs']))}"


def _pattern_value(params: Params) -> pl.Expr:
    return pl.col(_pattern_column(params)).sum()


def _pattern_share(params: Params) -> pl.Expr:
    return pl.col(_pattern_column(params)).mean()


def _said(params: Params) -> Mapping[str, pl.Expr]:
    said, least = TEXT.str.strip_chars().str.to_lowercase(), params["min_characters"]
    # Hashes are told apart much faster than pairs of texts.
    return {"said": said.hash(), f"long {least}": TEXT.str.len_chars() >= least, "chars": TEXT.str.len_chars()}


def _said_again(params: Params) -> Mapping[str, pl.Expr]:
    least = params["min_characters"]
    what = pl.col("said") ^ pl.col("conversation_key").hash(1)
    by_role = what ^ pl.col("role").hash(2)
    return {
        f"again {least}": ~what.is_first_distinct() & pl.col(f"long {least}"),
        f"again by role {least}": ~by_role.is_first_distinct() & pl.col(f"long {least}"),
    }


def _repeated_share(params: Params) -> pl.Expr:
    again = pl.col(f"again {params['min_characters']}")
    return pl.col("chars").filter(again).sum() / pl.col("chars").sum()


def _repeats(params: Params) -> pl.Expr:
    return pl.col(f"again by role {params['min_characters']}").sum()


def _ngram_columns(params: Params) -> Mapping[str, pl.Expr]:
    count = partial(_repeated_ngrams, params["words"])
    return {f"ngrams {params['words']}": TEXT.map_batches(count, return_dtype=pl.Float64)}


def _repeated_ngrams(size: int, texts: pl.Series) -> pl.Series:
    """Give the share of a text's word sequences that stand in it before; 0 for short texts."""
    turns = texts.to_frame("text").with_row_index()
    long = turns.filter(TEXT.str.len_bytes() > LONG)
    words = long.select("index", word=TEXT.str.to_lowercase().str.extract_all(WORDS)).filter(
        pl.col("word").list.len() >= size + 9
    )
    grams = words.explode("word").select(
        "index", gram=pl.concat_str([pl.col("word").shift(-at).over("index") for at in range(size)], separator=" ")
    )
    shares = grams.drop_nulls("gram").group_by("index").agg(share=1 - pl.col("gram").n_unique() / pl.len())
    return pl.zeros(len(texts), pl.Float64, eager=True).scatter(shares["index"], shares["share"])


def _ngram_value(params: Params) -> pl.Expr:
    return pl.col(f"ngrams {params['words']}").max()


TERMS = Param(list, [], "Words or phrases; `list` names a file of them in rules/deny instead.")
PATTERN = {
    "pattern": Param(str, "", "What to look for."),
    "signs": Param(tuple, (), "Texts of which a turn with the pattern holds at least one: a faster first look."),
}

WORDING = (
    Kind(
        "words",
        "How many words there are; Chinese and Japanese letters count as words.",
        fixed(pl.col("words").sum()),
        counts=_counts("words"),
        absent=0,
    ),
    Kind(
        "longest_turn",
        "How many words the longest turn has.",
        fixed(pl.col("words").max()),
        counts=_counts("words"),
        absent=0,
    ),
    Kind(
        "word_length",
        "How many characters a word has on average, where there are at least ten words.",
        fixed(pl.when(pl.col("words").sum() >= 10).then(VISIBLE / pl.col("words").sum())),
        counts=_counts("words", "visible"),
    ),
    Kind(
        "markup",
        "How many HTML tags, entities and BBCode tags are left.",
        fixed(pl.col("markup").sum()),
        fixed_columns(markup=only_likely(["<", "&", "["], TEXT.str.count_matches(MARKUP))),
        absent=0,
    ),
    Kind(
        "code_lines",
        "Which share of the lines are code, a log or a stack trace, from 0 to 1.",
        fixed(pl.col("code").sum() / pl.col("lines").sum()),
        fixed_columns(
            code=only_likely(CODE_SIGNS, TEXT.str.count_matches(CODE_LINE)),
            lines=TEXT.str.count_matches("\n", literal=True) + 1,
        ),
    ),
    Kind(
        "terms",
        "In how many turns one of the terms stands, as a whole word, in any case.",
        _terms_value,
        terms=_listed,
        absent=0,
        params={"terms": TERMS},
    ),
    Kind(
        "terms_share",
        "Which share of the words stands in turns that hold one of the terms, from 0 to 1.",
        _terms_share,
        counts=_counts("words"),
        terms=_listed,
        params={"terms": TERMS},
    ),
    Kind(
        "pattern",
        "In how many turns a regular expression is found (the syntax of Rust's regex, whose time grows evenly).",
        _pattern_value,
        _has_pattern,
        absent=0,
        params={
            "pattern": Param(str, "", "What to look for."),
            "signs": Param(
                tuple, (), "Texts of which a turn with the pattern holds at least one: a faster first look."
            ),
        },
    ),
    Kind(
        "pattern_share",
        "In which share of the turns a regular expression is found, from 0 to 1.",
        _pattern_share,
        _has_pattern,
        params=PATTERN,
    ),
    Kind(
        "letter_share",
        "Which share of the visible characters are letters, from 0 to 1.",
        fixed((VISIBLE - pl.col("others").sum()) / VISIBLE),
        counts=_counts("visible", "others"),
    ),
    Kind(
        "digit_share",
        "Which share of the visible characters are digits, from 0 to 1.",
        fixed(pl.col("digits").sum() / VISIBLE),
        counts=_counts("visible", "digits"),
    ),
    Kind(
        "symbol_share",
        "Which share of the visible characters are neither letters nor digits, from 0 to 1.",
        fixed((pl.col("others").sum() - pl.col("digits").sum()) / VISIBLE),
        counts=_counts("visible", "others", "digits"),
    ),
    Kind(
        "capital_share",
        "Which share of the letters are capitals, from 0 to 1, where there are at least twenty letters.",
        fixed(pl.when(LETTERS >= CASED_LETTERS).then(pl.col("capitals").sum() / LETTERS)),
        counts=_counts("visible", "others", "capitals"),
    ),
    Kind(
        "gibberish",
        "Which share of the words are keyboard noise: no vowels, a letter five times, a row of keys; from 0 to 1.",
        fixed(pl.col("noise").sum() / pl.col("words").sum()),
        counts=_counts("noise", "words"),
    ),
    Kind(
        "repeated_share",
        "Which share of the text stands in turns that repeat an earlier one, from 0 to 1.",
        _repeated_share,
        _said,
        of_turns=_said_again,
        params={"min_characters": Param(int, 15, "Turns shorter than this may be repeated, as yes and thanks.")},
    ),
    Kind(
        "repeats",
        "How many turns say again, word for word, what the same side has said before.",
        _repeats,
        _said,
        of_turns=_said_again,
        absent=0,
        params={"min_characters": Param(int, 40, "Turns shorter than this may be repeated.")},
    ),
    Kind(
        "repeated_ngrams",
        "The largest share of word sequences within one turn that stand in it before; of long turns.",
        _ngram_value,
        _ngram_columns,
        params={"words": Param(int, 3, "How many words a sequence has.")},
    ),
)

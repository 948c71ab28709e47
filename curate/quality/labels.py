"""Label conversations and turns: topic, outcome, length, kinds of turns, and answers that are not to be learnt.

A label's words and tags stand in rules/labels/*.toml, ours and the workspace's. Everything is worked out anew where the
packs or a rule of weights change, for it costs less than to store what it rests on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path

import polars as pl

from curate.errors import RulesError
from curate.quality.checks import KINDS, TURNS, Check, widened
from curate.quality.course import ASKS
from curate.quality.packs import packs_in
from curate.quality.reading import Problem, Table
from curate.quality.rules import Rule, measure_turns

ROWS = pl.Schema(
    {
        "conversation_key": pl.String,
        "turn_key": pl.String,
        "label": pl.String,
        "value": pl.String,
        "source": pl.String,
    }
)
OUTCOMES = ("resolved", "unresolved")
LAST_TURNS = 2
# Turns up to which a conversation is short, or medium: mails mostly have two to four, half of star's twelve to twenty.
SHORT, MEDIUM = 4, 16
# A thank-you with more words than this says something else too.
THANKS_WORDS = 12
# What the form of a turn tells, besides the terms in it.
FORM = {"asks": ASKS}
SETTLED = ("solved", "closed", "resolved", "done")
OPEN = ("new", "open", "pending", "hold")


@dataclass(frozen=True, slots=True)
class LabelRule:
    """A label's value, and the words and tags that tell it."""

    label: str
    value: str
    words: tuple[str, ...]
    tags: tuple[str, ...]


def load_labels(root: Path | None = None) -> tuple[LabelRule, ...]:
    """Read the workspace's label packs and then ours; the first that fits decides between equals.

    Raises:
        RulesError: there are mistakes; all of them are named.
    """
    rules, problems = read_labels(root)
    if problems:
        raise RulesError(
            f"{len(problems)} mistakes in the label rules.\n" + "\n".join(map(str, problems)),
            hint="Mend them and run: chatmill rules check",
        )
    return rules


def read_labels(root: Path | None = None) -> tuple[tuple[LabelRule, ...], list[Problem]]:
    """Read all label packs, with every mistake in them."""
    problems: list[Problem] = []
    ours = packs_in("labels")
    theirs = packs_in("labels", root)[len(ours) :]
    rules = tuple(rule for path in (*theirs, *ours) for rule in _read_pack(path, problems))
    return rules, problems


def _read_pack(path: Traversable, problems: list[Problem]) -> Iterator[LabelRule]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(Problem(path.name, "the file", f"is not valid TOML: {error}."))
        return
    table = Table(raw, path.name, "the pack", problems)
    table.only(("pack", "version", "label"))
    table.text("pack")
    table.value("version", int, 1)
    for entry in table.tables("label"):
        yield _label(entry)


def _label(table: Table) -> LabelRule:
    table.only(("label", "value", "words", "tags"))
    label, value = table.text("label"), table.text("value")
    words = tuple(dict.fromkeys(word.strip() for word in table.texts("words") if word.strip()))
    tags = tuple(tag.lower() for tag in table.texts("tags"))
    if label in ("length", "turn", "weight"):
        table.complain("label", f"is {label!r}, which chatmill tells by itself.")
    if label == "outcome" and value:
        table.known("value", value, OUTCOMES, "outcome")
    if not words and not tags:
        table.complain("words", "and tags are both missing: nothing would ever be labelled.")
    return LabelRule(label, value, words, tags)


@dataclass(frozen=True, slots=True)
class Labelling:
    """What tells labels: the packs' rules, and the quality rules that keep an answer from being learnt."""

    rules: tuple[LabelRule, ...]
    weights: tuple[Rule, ...]

    @property
    def names(self) -> list[str]:
        """The labels of the packs but for `outcome`, which is told by more than words."""
        return list(dict.fromkeys(rule.label for rule in self.rules if rule.label != "outcome"))

    @property
    def checks(self) -> list[Check]:
        """What must be measured of the turns, besides `FORM`."""
        words = chain.from_iterable(_checks(self.of(name)) for name in (*self.names, "outcome"))
        size = Check("words", KINDS["words"], (), {})
        return [*words, size, _thanks(self.of("outcome")), *(rule.check for rule in self.weights)]

    @property
    def state(self) -> object:
        """What labels depend on: other rules give others."""
        return self.rules, [(rule.code, rule.signal, rule.threshold) for rule in self.weights]

    def of(self, name: str) -> list[LabelRule]:
        """Give the rules of one label."""
        return [rule for rule in self.rules if rule.label == name]


def labels_of(labelling: Labelling, wide: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Label a page, whose turns were widened for the labelling's checks and `FORM`: rows without run_id.

    Of a conversation: each label of the packs (topic; value `other` where nothing tells it), `outcome` (resolved,
    unresolved, unknown) and `length` (short, medium, long); `source` says by what. Of a turn: `turn`, where it is a
    question or says thanks (all others are a customer's statement or an answer), and `weight` 0 with the rule's code
    as source where a quality rule keeps an answer from being learnt.
    """
    endings = labelling.of("outcome")
    frames = [
        *(_told(name, labelling.of(name), wide, heads) for name in labelling.names),
        _outcomes(endings, wide, heads),
        _lengths(wide),
        _turns(endings, wide),
        _weights(labelling.weights, wide),
    ]
    return pl.concat(pl.concat([ROWS.to_frame(), frame], how="diagonal") for frame in frames)


def _told(name: str, rules: Sequence[LabelRule], wide: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Label by tags, else by the subject, else by what most of the customer's turns speak of."""
    values = {rule.value: position for position, rule in reversed(list(enumerate(rules)))}
    said = _counted(rules, wide.filter(pl.col("role") == "customer")).with_columns(source=pl.lit("words"))
    titles = widened(_checks(rules), _as_turns(heads.drop_nulls("subject")))
    titled = _counted(rules, titles).with_columns(source=pl.lit("subject"))
    tags = pl.DataFrame(
        [(tag, rule.value) for rule in rules for tag in rule.tags],
        schema={"tag": pl.String, "value": pl.String},
        orient="row",
    )
    tagged = (
        heads.select("conversation_key", tag=pl.col("tags"))
        .explode("tag")
        .with_columns(pl.col("tag").str.to_lowercase())
        .join(tags, on="tag")
        .select("conversation_key", "value", count=pl.lit(1.0), source=pl.lit("tags"))
    )
    rank = pl.col("source").replace_strict({"tags": 0, "subject": 1, "words": 2}, return_dtype=pl.Int64)
    best = (
        pl.concat([tagged, titled, said])
        .sort(rank, -pl.col("count"), pl.col("value").replace_strict(values, return_dtype=pl.Int64))
        .unique("conversation_key", keep="first", maintain_order=True)
    )
    found = heads.select("conversation_key").join(best, on="conversation_key", how="left")
    return found.select(
        "conversation_key",
        pl.lit(name).alias("label"),
        pl.col("value").fill_null("other"),
        pl.col("source").fill_null("none"),
    )


def _as_turns(subjects: pl.DataFrame) -> pl.DataFrame:
    titles = subjects.select("conversation_key", text="subject", role=pl.lit("customer"))
    return pl.concat([TURNS.to_frame(), titles], how="diagonal")


def _checks(rules: Sequence[LabelRule]) -> list[Check]:
    """Give a check for each value of one label, by the value's name."""
    words: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        words[rule.value] = tuple(dict.fromkeys((*words.get(rule.value, ()), *rule.words)))
    return [Check(value, KINDS["terms"], (), {"terms": terms}) for value, terms in words.items() if terms]


def _thanks(endings: Sequence[LabelRule]) -> Check:
    words = tuple(word for rule in endings if rule.value == "resolved" for word in rule.words)
    return Check("thanks", KINDS["terms"], (), {"terms": words or ("thanks",)})


def _counted(rules: Sequence[LabelRule], wide: pl.DataFrame) -> pl.DataFrame:
    """Count the turns that speak of each value: conversation_key, value, count, without zeros."""
    terms = {check.signal: next(iter(check.kind.terms(check.params))) for check in _checks(rules)}
    if not terms:
        return pl.DataFrame(schema={"conversation_key": pl.String, "value": pl.String, "count": pl.Float64})
    # Few turns hold one of the words, so the others are left out before anything is counted.
    spoken = wide.filter(pl.any_horizontal(pl.col(column) > 0 for column in terms.values()))
    found = spoken.group_by("conversation_key", maintain_order=True).agg(
        pl.col(column).sum().cast(pl.Float64).alias(value) for value, column in terms.items()
    )
    return found.unpivot(index="conversation_key", variable_name="value", value_name="count").filter(
        pl.col("count") > 0
    )


def _outcomes(endings: Sequence[LabelRule], wide: pl.DataFrame, heads: pl.DataFrame) -> pl.DataFrame:
    """Tell how it ended, by the rating, else the customer's last turns, else the helpdesk's status."""
    last = wide.filter(pl.col("role") == "customer").group_by("conversation_key", maintain_order=True).tail(LAST_TURNS)
    words = _counted(endings, last).group_by("conversation_key").agg(pl.col("value"))
    both = heads.join(words, on="conversation_key", how="left")
    said, status = pl.col("value"), pl.col("status")
    reopened = pl.col("reopens").fill_null(0) > 0
    unresolved = said.list.contains("unresolved")
    steps = (
        (pl.col("csat_label") == "bad", "unresolved", "rating"),
        (pl.col("csat_label") == "good", "resolved", "rating"),
        (unresolved, "unresolved", "last turns"),
        (status.is_in(OPEN), "unresolved", "status"),
        (said.list.contains("resolved"), "resolved", "last turns"),
        (status.is_in(SETTLED) & ~reopened, "resolved", "status"),
    )
    value, source = pl.lit("unknown"), pl.lit("none")
    for when, is_value, is_source in reversed(steps):
        value = pl.when(when).then(pl.lit(is_value)).otherwise(value)
        source = pl.when(when).then(pl.lit(is_source)).otherwise(source)
    return both.select("conversation_key", label=pl.lit("outcome"), value=value, source=source)


def _lengths(turns: pl.DataFrame) -> pl.DataFrame:
    size = pl.col("len")
    value = (
        pl.when(size <= SHORT)
        .then(pl.lit("short"))
        .when(size <= MEDIUM)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("long"))
    )
    counted = turns.group_by("conversation_key", maintain_order=True).len()
    return counted.select("conversation_key", label=pl.lit("length"), value=value, source=pl.lit("turns"))


def _turns(endings: Sequence[LabelRule], wide: pl.DataFrame) -> pl.DataFrame:
    """Say which turns are a question, or say thanks."""
    thanks = _thanks(endings)
    says_thanks = pl.col(next(iter(thanks.kind.terms(thanks.params)))) > 0
    value = (
        pl.when(pl.col("asks"))
        .then(pl.lit("question"))
        .when(says_thanks & (pl.col("words") <= THANKS_WORDS))
        .then(pl.lit("thanks"))
    )
    told = wide.select("conversation_key", "turn_key", label=pl.lit("turn"), value=value, source=pl.lit("form"))
    return told.drop_nulls("value")


def _weights(weights: Sequence[Rule], wide: pl.DataFrame) -> pl.DataFrame:
    """Give weight 0 to every turn that a rule of weights matches, once for each rule."""
    found = measure_turns(weights, wide)
    limits = pl.DataFrame(
        [(rule.signal, rule.code, rule.threshold.min, rule.threshold.max) for rule in weights],
        schema={"signal": pl.String, "source": pl.String, "least": pl.Float64, "most": pl.Float64},
        orient="row",
    )
    broken = (pl.col("value") < pl.col("least")).fill_null(value=False) | (pl.col("value") > pl.col("most")).fill_null(
        value=False
    )
    matched = found.join(limits, on="signal").filter(broken)
    return (
        wide.select("conversation_key", "turn_key")
        .join(matched.select("turn_key", "source"), on="turn_key", how="inner")
        .select("conversation_key", "turn_key", "source", label=pl.lit("weight"), value=pl.lit("0"))
    )

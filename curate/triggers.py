"""Show why a rule dropped a conversation: what was measured, what is allowed, and the words that did it.

Texts are given as redaction leaves them. What redaction has not passed shows no word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from curate.dedup.listing import differing_from_keeper
from curate.outcomes import GENERAL
from curate.quality.checks import KINDS, widened
from curate.quality.packs import allowed, workspace_rules
from curate.quality.rules import Rule, measure_turns
from curate.quality.stage import turns_of
from store.database import Store
from store.settings import Settings

WORDED = ("terms", "terms_share", "pattern", "pattern_share")  # kinds that look for words
TURNS_SHOWN = 60
MEASURED = "SELECT value FROM signals WHERE conversation_key = ? AND signal = ?"
CLUSTER = "SELECT cluster, keeper FROM duplicates WHERE conversation_key = ?"
# What redaction and the leak check passed in its present form may be shown, redacted.
SHOWN = """
SELECT count(DISTINCT p.stage) = 2 FROM processed AS p JOIN conversations AS c USING (conversation_key, content_hash)
WHERE p.conversation_key = ? AND p.stage IN ('redaction', 'leaks') AND p.status = 'ok'
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a turn; `is_cause` where it is what the rule looks for."""

    text: str
    is_cause: bool


@dataclass(frozen=True, slots=True)
class ShownTurn:
    """One redacted turn; `is_cause` where the rule matches this turn by itself."""

    role: str
    pieces: tuple[Piece, ...]
    is_cause: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """Why a conversation has its outcome, as far as it can be shown."""

    rule: Rule | None
    measured: float | None
    allowed: str
    also: tuple[tuple[str, str], ...]  # other rules that match: code, reason
    turns: tuple[ShownTurn, ...]
    more_turns: int
    is_shown: bool
    keeper: str | None  # the key of the conversation that stands for it
    differs: str | None  # the words it has otherwise than that


def trigger_of(store: Store, settings: Settings, root: Path, *, key: str, code: str) -> Trigger:
    """Gather what shows why a conversation has the outcome with this code.

    Raises:
        RulesError: a rule pack has mistakes.
    """
    rules = {rule.code: rule for rule in workspace_rules(root)}
    rule = rules.get(code)
    flags = store.value("SELECT flags FROM outcomes WHERE conversation_key = ?", [key]) or []
    is_shown = bool(store.value(SHOWN, [key]))
    turns = list(_turns(store, settings, rule, key)) if is_shown else []
    cluster = store.rows(CLUSTER, [key])
    keeper = cluster[0][1] if cluster and cluster[0][1] != key else None
    return Trigger(
        rule=rule,
        measured=store.value(MEASURED, [key, rule.signal]) if rule else None,
        allowed=allowed(rule.threshold) if rule else "",
        also=tuple((flag, rules[flag].reason) for flag in flags if flag != code and flag in rules),
        turns=tuple(turns[:TURNS_SHOWN]),
        more_turns=max(0, len(turns) - TURNS_SHOWN),
        is_shown=is_shown,
        keeper=keeper,
        differs=differing_from_keeper(store, key, keeper) if keeper else None,
    )


def rationale_of(code: str, reason: str, rules: dict[str, Rule]) -> str:
    """Give the longer why of a drop reason, for rules and for everything else."""
    rule = rules.get(code)
    return rule.rationale if rule else GENERAL.get(code, reason)


def _turns(store: Store, settings: Settings, rule: Rule | None, key: str) -> Iterator[ShownTurn]:
    from curate.redact.redact import redacted_turns  # loads rules that a list of outcomes does not need

    spoken = redacted_turns(store, settings, [key]).filter(pl.col("kind") == "message")
    causes = _causes(store, rule, key)
    for row in spoken.iter_rows(named=True):
        is_cause = row["turn_key"] in causes
        words = _words(rule, row["text"]) if rule and is_cause else []
        yield ShownTurn(row["role"], tuple(_pieces(row["text"], words)), is_cause)


def _causes(store: Store, rule: Rule | None, key: str) -> set[str]:
    """Give the turns that hold what the rule looks for, or that break its threshold by themselves.

    A threshold that is a least value is about what is missing, which no single turn shows.
    """
    if rule is None or not KINDS[rule.kind].takes_roles or rule.threshold.max is None:
        return set()
    turns = turns_of(store, pl.DataFrame({"conversation_key": [key]}))
    if turns.is_empty():
        return set()
    found = measure_turns([rule], widened([rule.check], turns))
    least = 0.0 if rule.kind in WORDED else rule.threshold.max
    return set(found.filter(pl.col("value") > least)["turn_key"])


def _words(rule: Rule, text: str) -> list[str]:
    """Give the stretches of a text that a rule of words looks for."""
    params = dict(rule.params)
    if rule.kind in ("terms", "terms_share"):
        terms = "|".join(re.escape(term).replace(r"\ ", r"\s+") for term in _longest_first(params["terms"]))
        return re.findall(rf"(?i)(?<!\w)(?:{terms})(?!\w)", text)
    if rule.kind in ("pattern", "pattern_share"):
        # Found by the engine that measures: its syntax is not Python's.
        matches: Any = pl.Series([text]).str.extract_all(params["pattern"])[0]
        return [match for match in matches if match]
    return []


def _longest_first(terms: tuple[str, ...]) -> list[str]:
    return sorted(terms, key=len, reverse=True)


def _pieces(text: str, words: list[str]) -> Iterator[Piece]:
    """Cut a text at the words, which stand in it in this order."""
    done = 0
    for word in words:
        start = text.find(word, done)
        if start < 0:
            continue
        if start > done:
            yield Piece(text[done:start], is_cause=False)
        yield Piece(word, is_cause=True)
        done = start + len(word)
    if done < len(text):
        yield Piece(text[done:], is_cause=False)

"""The quality stage: measure every new or changed conversation for the rules, and label it, in one look at its turns.

Judging is left to the outcomes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl

from curate.quality.checks import summed_up, widened
from curate.quality.labels import FORM, Labelling, labels_of, load_labels
from curate.quality.packs import workspace_rules
from curate.quality.rules import Rule, checks_of, in_rows
from curate.quality.texts import TEXT
from curate.stages import Curation, PageResult, run_spread, turn_rows
from store.database import Store

CODE_VERSION = "4"
# Large enough that what a page costs by itself is little, small enough that workers share a small store too.
PAGE = 8_000
# A turn with a file and no more words than this says nothing but that there is a file.
BRIEF_WORDS = 3

TURNS = """
SELECT page.place, t.turn_key, t.position, t.role, t.is_automated, t.automation, t.text
FROM public_turns AS t JOIN page USING (conversation_key)
WHERE t.kind = 'message' AND t.turn_row >= ? AND t.turn_row <= ?
"""
# Helpdesks keep the number of reopens in a field of their own.
REOPENS = """try_cast(regexp_extract(c.custom, '"reopens"\\s*:\\s*"?(\\d+)', 1) AS BIGINT)"""
# `told` are the page's turns. Findings may overlap, so each counts from where the ones before it end. Where a second
# language is said, the shares of languages are over all letters; the answers' share of the letters tells how much of
# them that can be.
HEADS = f"""
WITH said AS (
    SELECT conversation_key, sum(characters) AS characters,
           coalesce(sum(characters) FILTER (role <> 'customer'), 0) AS answered
    FROM told GROUP BY conversation_key
),
spans AS (
    SELECT f.conversation_key, f.end_char - greatest(f.start_char, coalesce(max(f.end_char) OVER before, 0)) AS covered
    FROM findings AS f JOIN told USING (turn_key)
    WHERE f.score >= 0.5
    WINDOW before AS (
        PARTITION BY f.turn_key ORDER BY f.start_char, f.end_char DESC, f.finding_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),
redacted AS (SELECT conversation_key, sum(greatest(covered, 0)) AS characters FROM spans GROUP BY conversation_key),
foreign_share AS (
    SELECT s.conversation_key, sum(s.value) FILTER (s.label <> l.label) AS share
    FROM signals AS s JOIN page USING (conversation_key)
    JOIN signals AS l ON l.conversation_key = s.conversation_key AND l.signal = 'language'
    WHERE s.signal = 'language_share'
    GROUP BY s.conversation_key
),
bare AS (
    SELECT told.conversation_key, count(DISTINCT turn_key) AS turns FROM attachments AS a JOIN told USING (turn_key)
    WHERE told.role = 'customer' AND told.is_brief AND NOT a.is_inline
    GROUP BY told.conversation_key
)
SELECT c.conversation_key, c.csat_label, c.csat_score, c.is_test, c.status, c.merged_into IS NOT NULL AS is_merged,
       c.completeness, c.tags, c.subject, {REOPENS} AS reopens,
       coalesce(bare.turns, 0) AS bare_attachments,
       coalesce(redacted.characters, 0) / said.characters AS redacted_share,
       foreign_share.share * said.characters / nullif(said.answered, 0) AS other_language_share
FROM conversations AS c JOIN page USING (conversation_key)
LEFT JOIN said USING (conversation_key)
LEFT JOIN redacted USING (conversation_key)
LEFT JOIN foreign_share USING (conversation_key)
LEFT JOIN bare USING (conversation_key)
"""
# What other stages found is measured too, so their versions are part of ours.
BEFORE = """
SELECT DISTINCT stage, version FROM processed WHERE stage IN ('language', 'redaction') ORDER BY ALL
"""


def curate_quality(curation: Curation) -> None:
    """Store the signals that the quality rules need, and the labels, for conversations that do not have them yet.

    Most signals are 0 most of the time, and a missing one counts as 0: zeros are stored only where a rule matches them.
    The version is made of what is measured: a rule's new threshold, action or reason measures nothing again, but that
    of a rule of weights, which is judged turn by turn, with the labels.

    Raises:
        RulesError: a pack has mistakes.
    """
    root = curation.workspace.root
    every = workspace_rules(root)
    rules = tuple(rule for rule in every if rule.action != "weight")
    labelling = Labelling(load_labels(root), tuple(rule for rule in every if rule.action == "weight"))
    names = tuple(dict.fromkeys(rule.signal for rule in rules))
    zeros = tuple(sorted({rule.signal for rule in rules if rule.is_broken_by_zero}))
    state = (CODE_VERSION, sorted(names), zeros, labelling.state, curation.store.rows(BEFORE))
    run_spread(
        curation,
        name="quality",
        version=hashlib.sha256(repr(state).encode()).hexdigest()[:16],
        spread=lambda pages: curation.workers.map(
            look_at, (_task(curation.store, rules, zeros, labelling, page) for page in pages)
        ),
        tables=("labels",),
        signals=names,
        page=PAGE,
        position={"signals": names, "zeros": zeros},
    )


@dataclass(frozen=True, slots=True)
class Task:
    """A page for a worker: what is said in its conversations, what is known of them, and what to find out."""

    turns: pl.DataFrame
    heads: pl.DataFrame
    rules: tuple[Rule, ...]
    zeros: tuple[str, ...]
    labelling: Labelling


def _task(
    store: Store, rules: tuple[Rule, ...], zeros: tuple[str, ...], labelling: Labelling, page: pl.DataFrame
) -> Task:
    turns = turns_of(store, page)
    brief = TEXT.str.strip_chars().str.count_matches(" ", literal=True) < BRIEF_WORDS
    told = turns.select("conversation_key", "turn_key", "role", characters=TEXT.str.len_chars(), is_brief=brief)
    with store.scratch(page=page, told=told):
        return Task(turns, store.frame(HEADS), rules, zeros, labelling)


def look_at(task: Task) -> PageResult:
    """Measure and label a page: rows of `signals` and `labels`."""
    checks = checks_of(task.rules)
    wide = widened([*checks, *task.labelling.checks], task.turns, **FORM)
    signals = in_rows(summed_up(checks, wide, task.heads), task.zeros)
    return PageResult({"signals": signals, "labels": labels_of(task.labelling, wide, task.heads)})


def turns_of(store: Store, page: pl.DataFrame) -> pl.DataFrame:
    """Give what is said in public in a page's conversations, in their order and that of the turns."""
    # Places instead of keys: short columns are faster to read and to sort than keys of 32 letters.
    with store.scratch(page=page.select("conversation_key").with_row_index("place")):
        turns = store.frame(TURNS, turn_rows(page)).sort("place", "position")
    return turns.with_columns(conversation_key=page["conversation_key"].gather(turns["place"])).drop("place")

"""The quality stage: measure every new or changed conversation for the rules; judging is left to the outcomes."""

from __future__ import annotations

import hashlib

import polars as pl

from curate.quality.packs import workspace_rules
from curate.quality.rules import Rule, measure
from curate.stages import Curation, PageResult, run_stage
from store.database import Store

CODE_VERSION = "3"
# Measuring is a few passes over columns, so pages are large; meanwhile polars and DuckDB leave Python to other threads.
PAGE = 20_000
THREADS = 2

TURNS = """
SELECT page.place, t.turn_key, t.position, t.role, t.is_automated, t.automation, t.text
FROM public_turns AS t JOIN page USING (conversation_key)
WHERE t.kind = 'message'
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
    SELECT t.conversation_key, count(DISTINCT t.turn_key) AS turns
    FROM attachments AS a JOIN page USING (conversation_key) JOIN turns AS t USING (turn_key)
    WHERE t.role = 'customer' AND t.visibility = 'public' AND t.kind = 'message' AND NOT a.is_inline
      AND len(string_split(trim(t.text), ' ')) <= 3
    GROUP BY t.conversation_key
)
SELECT c.conversation_key, c.csat_label, c.csat_score, c.is_test, c.status, c.merged_into IS NOT NULL AS is_merged,
       c.completeness, c.tags, {REOPENS} AS reopens,
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
    """Store the signals that the quality rules need, for conversations that do not have them yet.

    The version is made of what is measured: a new threshold, action or reason measures nothing again.

    Raises:
        RulesError: a rule pack has mistakes.
    """
    rules = workspace_rules(curation.workspace.root)
    # A rule of weights is judged turn by turn, with the labels.
    rules = tuple(rule for rule in rules if rule.action != "weight")
    names = tuple(dict.fromkeys(rule.signal for rule in rules))
    state = (CODE_VERSION, sorted(names), curation.store.rows(BEFORE))
    run_stage(
        curation,
        name="quality",
        version=hashlib.sha256(repr(state).encode()).hexdigest()[:16],
        work=lambda page: PageResult({"signals": _signals(curation, rules, page)}),
        signals=names,
        page=PAGE,
        threads=THREADS,
    )


def _signals(curation: Curation, rules: tuple[Rule, ...], page: pl.DataFrame) -> pl.DataFrame:
    with curation.store.another() as store:
        turns = turns_of(store, page)
        told = turns.select("conversation_key", "turn_key", "role", characters=pl.col("text").str.len_chars())
        with store.scratch(page=page, told=told):
            heads = store.frame(HEADS)
    return measure(rules, turns, heads)


def turns_of(store: Store, page: pl.DataFrame) -> pl.DataFrame:
    """Give what is said in public in a page's conversations, in their order and that of the turns."""
    # Places instead of keys: short columns are faster to read and to sort than keys of 32 letters.
    with store.scratch(page=page.select("conversation_key").with_row_index("place")):
        turns = store.frame(TURNS).sort("place", "position")
    return turns.with_columns(conversation_key=page["conversation_key"].gather(turns["place"])).drop("place")

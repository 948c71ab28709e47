"""Decide on all findings of one text or one shape: count first, then one act over what nobody has decided on yet."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from curate.review.acts import Act, Deed, write
from curate.review.decisions import Desk
from curate.review.queue import refresh
from curate.review.reading import REJECT
from store.database import Store

VALUE, SHAPE = "value", "shape"
# The findings asked for, and what lies inside one of them: a part of what is no personal data is none either.
MATCHING = """
WITH chosen AS (
    SELECT v.finding_id, v.conversation_key FROM finding_values AS v
    WHERE v.{column} = ? AND (? = '' OR v.entity_type = ?)
      AND (? = '' OR v.conversation_key IN (SELECT conversation_key FROM conversations WHERE batch_id = ?))
),
concerned AS (
    SELECT f.finding_id, f.conversation_key, f.turn_key, f.start_char, f.end_char, c.finding_id IS NOT NULL AS is_chosen
    FROM findings AS f SEMI JOIN chosen USING (conversation_key) LEFT JOIN chosen AS c USING (finding_id)
),
matching AS (
    SELECT DISTINCT i.finding_id, i.conversation_key, i.is_chosen FROM concerned AS i
    JOIN concerned AS o ON o.is_chosen AND o.turn_key = i.turn_key
                       AND o.start_char <= i.start_char AND i.end_char <= o.end_char
),
verdicts AS (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN chosen USING (conversation_key) WHERE subject = 'finding' GROUP BY subject_id
)
SELECT m.finding_id, m.conversation_key, m.is_chosen, coalesce(d.verdict, 'undecided') AS verdict
FROM matching AS m LEFT JOIN verdicts AS d ON d.subject_id = m.finding_id
ORDER BY m.conversation_key, m.finding_id
"""

# The findings asked for alone: enough to count them. The values are looked up by themselves, so that an index serves.
COUNTED = """
WITH chosen AS MATERIALIZED (SELECT finding_id, conversation_key, entity_type FROM finding_values WHERE {column} = ?),
verdicts AS (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN chosen ON chosen.finding_id = decisions.subject_id
    WHERE subject = 'finding' GROUP BY subject_id
)
SELECT c.conversation_key, c.entity_type, coalesce(d.verdict, 'undecided') = 'undecided' AS is_open
FROM chosen AS c LEFT JOIN verdicts AS d ON d.subject_id = c.finding_id
WHERE ? = '' OR c.conversation_key IN (SELECT conversation_key FROM conversations WHERE batch_id = ?)
"""


@dataclass(frozen=True, slots=True)
class Group:
    """Findings of one value or shape; an empty type or batch takes all."""

    kind: str
    pattern: str
    entity_type: str = ""
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What an act would be about: findings that nobody has decided on, and those that stay as they were decided."""

    findings: int
    conversations: int
    decided: int


def matching(store: Store, group: Group) -> pl.DataFrame:
    """Give a group's findings and what lies inside them: finding_id, conversation_key, is_chosen, verdict."""
    column = {VALUE: "normal", SHAPE: "shape"}[group.kind]
    kind, batch = group.entity_type, group.batch
    return store.frame(MATCHING.format(column=column), [group.pattern, kind, kind, batch, batch])


def chosen(store: Store, group: Group) -> pl.DataFrame:
    """Give a group's findings of every type, whatever that of the group: conversation_key, entity_type, is_open."""
    column = {VALUE: "normal", SHAPE: "shape"}[group.kind]
    return store.frame(COUNTED.format(column=column), [group.pattern, group.batch, group.batch])


def count(found: pl.DataFrame, entity_type: str = "") -> Counted:
    """Count what an act over these findings, those of a type alone where it is named, would be about."""
    mine = found.filter(pl.col("entity_type") == entity_type) if entity_type else found
    undecided = mine.filter("is_open")
    return Counted(undecided.height, undecided["conversation_key"].n_unique(), mine.height - undecided.height)


def decide_all(desk: Desk, group: Group, verdict: str, deed: Deed) -> Act:
    """Accept or reject every finding of a group that nobody has decided on, as one act.

    With an accepted finding, what of another type lies inside it counts as covered.
    """
    with desk.store.transaction():
        rows = undecided_rows(matching(desk.store, group), verdict)
        act = write(desk.store, deed, rows=rows)
        refresh(desk.store, desk.policy, rows.select("conversation_key").unique())
    return act


def undecided_rows(found: pl.DataFrame, verdict: str) -> pl.DataFrame:
    """Give the rows of decisions for the findings that nobody has decided on."""
    inner = verdict if verdict == REJECT else "covered"
    said = pl.when("is_chosen").then(pl.lit(verdict)).otherwise(pl.lit(inner))
    undecided = found.filter(pl.col("verdict") == "undecided")
    return undecided.select(pl.col("finding_id").alias("subject_id"), "conversation_key", said.alias("verdict"))

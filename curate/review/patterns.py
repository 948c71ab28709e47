"""Findings grouped by value or by shape, so that one decision answers for many; the stage counts, not the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from curate.review.acts import Act, Deed
from curate.review.bulk import SHAPE, VALUE, Group, decide_all
from curate.review.decisions import VERDICTS, Desk
from curate.review.errors import ReviewError, UnknownItem
from curate.review.reopening import AROUND
from store.database import Store
from store.errors import unknown_name

KINDS = (VALUE, SHAPE)
LEAST = 2  # findings below which there is no pattern
MOST = 10_000  # patterns of each kind
EXAMPLES = 3
SAMPLE = 20
PAGE = 25
FIRST = "1"

VERDICTS_OF = """
SELECT subject_id AS finding_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
FROM decisions WHERE subject = 'finding' GROUP BY subject_id
"""
# The secret makes the ids ones that nobody can guess values from.
ROWS = f"""
WITH verdicts AS ({VERDICTS_OF}),
grouped AS (
    SELECT v.entity_type, v.{{column}} AS pattern, count(*) AS findings,
           count(DISTINCT v.conversation_key) AS conversations,
           count(*) FILTER (coalesce(d.verdict, 'undecided') = 'undecided') AS undecided,
           count(*) FILTER (d.verdict = 'accept') AS accepted, count(*) FILTER (d.verdict = 'reject') AS rejected,
           min(v.score) AS lowest, max(v.score) AS highest
    FROM finding_values AS v LEFT JOIN verdicts AS d USING (finding_id)
    WHERE v.{{column}} <> '' AND v.entity_type NOT IN (SELECT entity_type FROM limits WHERE is_kept)
    GROUP BY v.entity_type, v.{{column}} HAVING count(*) >= {LEAST}
    ORDER BY findings DESC, v.entity_type, v.{{column}} LIMIT {MOST}
)
SELECT left(sha256(? || ' ' || '{{kind}}' || ' ' || entity_type || ' ' || pattern), 32) AS pattern_id,
       '{{kind}}' AS kind, * FROM grouped
"""
# One kind after the other: a join needs a column of each side.
DRAWN = f"""
SELECT p.pattern_id, row_number() OVER (PARTITION BY p.pattern_id ORDER BY md5(v.finding_id))::INTEGER AS place,
       v.finding_id, v.conversation_key
FROM finding_values AS v JOIN fresh AS p ON v.entity_type = p.entity_type AND v.{{column}} = p.pattern
WHERE p.kind = '{{kind}}' QUALIFY place <= {SAMPLE}
"""
# What a finding looks like in its sentence; `drawn` names findings with their conversations.
SENTENCE = f"""
t.role, f.score, substring(t.text, greatest(1, f.start_char - {AROUND} + 1), least({AROUND}, f.start_char)) AS before,
substring(t.text, f.start_char + 1, f.end_char - f.start_char) AS value,
substring(t.text, f.end_char + 1, {AROUND}) AS after
"""
FOUND = """
(SELECT f.* FROM findings AS f SEMI JOIN drawn USING (conversation_key)) AS f JOIN drawn USING (finding_id)
JOIN turns AS t ON t.turn_key = f.turn_key AND t.conversation_key = f.conversation_key
"""
EXAMPLES_OF = f"SELECT drawn.pattern_id, drawn.place, f.finding_id, f.conversation_key, {SENTENCE} FROM {FOUND}"
STORED = """
SELECT pattern_id, finding_id, conversation_key, role, score, before, value, after FROM pattern_examples
WHERE pattern_id IN (SELECT unnest(?)) AND place <= ? ORDER BY pattern_id, place
"""
SAID = """
SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) FROM decisions
WHERE subject = 'finding' AND subject_id IN (SELECT unnest(?)) GROUP BY subject_id
"""
LISTED = """
SELECT * FROM patterns
WHERE kind = ? AND (? = '' OR entity_type = ?) AND (NOT ? OR undecided > 0)
  AND (undecided < ? OR (undecided = ? AND pattern_id > ?))
ORDER BY undecided DESC, pattern_id LIMIT ?
"""
SAMPLED = """
SELECT finding_id, conversation_key FROM finding_values
WHERE {column} = ? AND entity_type = ? ORDER BY hash(finding_id, ?) LIMIT ?
"""
# Few findings: each, and its conversation's turns, are looked up by their keys, which an index serves.
IN_CONTEXT = f"""
WITH f AS MATERIALIZED (SELECT * FROM findings WHERE finding_id IN ({{marks}})),
t AS MATERIALIZED (SELECT * FROM turns WHERE conversation_key IN ({{marks}}))
SELECT f.finding_id, f.conversation_key, {SENTENCE}
FROM f JOIN t ON t.turn_key = f.turn_key AND t.conversation_key = f.conversation_key
"""
RECOUNT = f"""
UPDATE patterns SET undecided = n.undecided, accepted = n.accepted, rejected = n.rejected
FROM (
    SELECT p.pattern_id, count(*) FILTER (coalesce(d.verdict, 'undecided') = 'undecided') AS undecided,
           count(*) FILTER (d.verdict = 'accept') AS accepted, count(*) FILTER (d.verdict = 'reject') AS rejected
    FROM patterns AS p JOIN finding_values AS v
      ON v.entity_type = p.entity_type AND p.pattern = if(p.kind = '{VALUE}', v.normal, v.shape)
    LEFT JOIN ({VERDICTS_OF}) AS d ON d.finding_id = v.finding_id
    WHERE p.pattern_id = ? GROUP BY p.pattern_id
) AS n WHERE n.pattern_id = patterns.pattern_id
"""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Findings of one type with the same value, or with values of the same shape."""

    pattern_id: str
    kind: str
    entity_type: str
    pattern: str
    findings: int
    conversations: int
    undecided: int
    accepted: int
    rejected: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Example:
    """One finding with the words around it."""

    finding_id: str
    conversation_key: str
    role: str
    score: float
    before: str
    value: str
    after: str
    verdict: str


def pattern_rows(store: Store, limits: pl.DataFrame, secret: str) -> pl.DataFrame:
    """Work out the most frequent patterns of both kinds."""
    with store.scratch(limits=limits):
        return pl.concat(store.frame(ROWS.format(kind=kind, column=_column(kind)), [secret]) for kind in KINDS)


def example_rows(store: Store, patterns: pl.DataFrame) -> pl.DataFrame:
    """Draw a sample of each pattern's findings, with the words around them; always the same one."""
    with store.scratch(fresh=patterns.select("pattern_id", "kind", "entity_type", "pattern")):
        drawn = pl.concat(store.frame(DRAWN.format(kind=kind, column=_column(kind))) for kind in KINDS)
    with store.scratch(drawn=drawn):
        return store.frame(EXAMPLES_OF)


def page_of(
    store: Store, kind: str, *, entity_type: str = "", is_open: bool = True, after: tuple[int, str] | None = None
) -> list[Pattern]:
    """Give a page of patterns, those with the most undecided findings first, behind `after` (undecided, id)."""
    left, key = after or (2**62, "")
    params = [kind, entity_type, entity_type, is_open, left, left, key, PAGE]
    return [Pattern(*row) for row in store.rows(LISTED, params)]


def pattern_of(store: Store, pattern_id: str) -> Pattern:
    """Give a pattern.

    Raises:
        UnknownItem: there is none under this id.
    """
    rows = store.rows("SELECT * FROM patterns WHERE pattern_id = ? LIMIT 1", [pattern_id])
    if not rows:
        raise UnknownItem(f"There is no pattern {pattern_id[:40]!r}.", hint="Load the list of patterns again.")
    return Pattern(*rows[0])


def examples_of(store: Store, patterns: list[Pattern], most: int = EXAMPLES) -> dict[str, list[Example]]:
    """Give some of each pattern's findings in their sentences, as the last curation left them."""
    ids = [one.pattern_id for one in patterns]
    rows = store.rows(STORED, [ids, most])
    verdicts = _verdicts(store, [row[1] for row in rows])
    found: dict[str, list[Example]] = {identity: [] for identity in ids}
    for pattern_id, *told in rows:
        found[pattern_id].append(Example(*told, verdict=verdicts.get(told[0], "")))
    return found


def sample_of(store: Store, pattern: Pattern, seed: str = FIRST) -> list[Example]:
    """Draw a pattern's findings to look at before deciding on all; the same seed gives the same ones.

    The first sample is stored; further ones are searched for.
    """
    if seed == FIRST:
        return examples_of(store, [pattern], SAMPLE)[pattern.pattern_id]
    sql = SAMPLED.format(column=_column(pattern.kind))
    return _in_context(store, store.rows(sql, [pattern.pattern, pattern.entity_type, seed, SAMPLE]))


def decide_pattern(desk: Desk, pattern_id: str, verdict: str) -> Act:
    """Accept or reject all findings of a pattern that nobody has decided on, as one act.

    Raises:
        ReviewError: no such verdict.
        UnknownItem: there is no such pattern.
    """
    if verdict not in VERDICTS:
        raise ReviewError(unknown_name("verdict", verdict, VERDICTS), hint="Accept them or reject them.")
    pattern = pattern_of(desk.store, pattern_id)
    group = Group(pattern.kind, pattern.pattern, pattern.entity_type)
    told = {"pattern": pattern_id, "kind": pattern.kind}
    deed = Deed("pattern", desk.by, pattern_id, None, verdict, pattern.entity_type, filter=told)
    with desk.store.transaction():
        act = decide_all(desk, group, verdict, deed)
        recount(desk.store, pattern_id)
    return act


def recount(store: Store, pattern_id: str) -> None:
    """Bring a pattern's numbers up to date; of a pattern that is not there, nothing."""
    store.execute(RECOUNT, [pattern_id])


def refresh_patterns(store: Store, decision_id: str) -> None:
    """Bring the numbers of the pattern that an act was about up to date."""
    rows = store.rows("SELECT filter FROM acts WHERE decision_id = ?", [decision_id])
    for (document,) in rows:
        told: dict[str, Any] = orjson.loads(document)
        if "pattern" in told:
            recount(store, told["pattern"])


def _in_context(store: Store, findings: list[tuple[str, str]]) -> list[Example]:
    if not findings:
        return []
    ids, keys = (list(column) for column in zip(*findings, strict=True))
    verdicts = _verdicts(store, ids)
    rows = store.rows(IN_CONTEXT.format(marks=", ".join("?" * len(ids))), [*ids, *keys])
    found = {row[0]: Example(*row, verdict=verdicts.get(row[0], "")) for row in rows}
    return [found[one] for one in ids if one in found]


def _verdicts(store: Store, findings: list[str]) -> dict[str, str]:
    said = dict(store.rows(SAID, [findings]))
    return {finding_id: verdict for finding_id, verdict in said.items() if verdict != "undecided"}


def _column(kind: str) -> str:
    if kind not in KINDS:
        raise ReviewError(unknown_name("kind of pattern", kind, KINDS), hint="Group by value or by shape.")
    return "normal" if kind == VALUE else "shape"

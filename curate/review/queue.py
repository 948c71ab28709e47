"""The queue: conversations with findings, the one that may still hold the most mistakes first.

The risk of a conversation is the number of mistakes to expect among its undecided texts, with a leak counted as three
needless redactions: a text that is redacted with score s adds 1 - s, one that is left in adds 3 s. One that is held
back because a value was still in it comes before all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from curate.redact.errors import LEAK
from curate.redact.policy import Policy
from curate.review.reading import KEPT
from store.database import Store

OPEN, DONE, FLAGGED = "open", "done", "flagged"
STATES = (OPEN, FLAGGED, DONE)
PAGE = 50
LEAK_WEIGHT = 3.0
HELD_BACK = 1000.0
RISKS = ((HELD_BACK, "held back"), (2.0, "high"), (0.5, "medium"), (0.0, "low"))

# What lies inside another finding is no place of its own, as redaction sees it (curate.redact.spans.resolve).
OUTERMOST = """coalesce(m.end_char > max(m.end_char) OVER (
    PARTITION BY m.turn_key ORDER BY m.start_char, m.end_char DESC, m.score DESC, m.finding_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), TRUE)"""
# Bounds that the scans can use: with one conversation hardly a block of the big tables is read.
WITHIN = "conversation_key BETWEEN ? AND ?"
REVIEWED = ("kept or held back for a leak", f"o.verdict = 'keep' OR o.code = '{LEAK}'")
# Findings of types that the policy keeps are nobody's business; the risk of a text counts once for all its places.
ROWS = f"""
WITH mine AS (
    SELECT f.conversation_key, f.finding_id, f.turn_key, f.start_char, f.end_char, f.entity_type, f.score, v.normal
    FROM (SELECT * FROM findings SEMI JOIN wanted USING (conversation_key) WHERE {WITHIN}) AS f
    JOIN (SELECT * FROM finding_values SEMI JOIN wanted USING (conversation_key) WHERE {WITHIN}) AS v USING (finding_id)
),
verdicts AS (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN wanted USING (conversation_key) WHERE {WITHIN} AND subject = 'finding' GROUP BY subject_id
),
flags AS (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN wanted USING (conversation_key) WHERE {WITHIN} AND subject = 'review' GROUP BY subject_id
),
languages AS (
    SELECT conversation_key, any_value(label) AS language FROM signals SEMI JOIN wanted USING (conversation_key)
    WHERE {WITHIN} AND signal = 'language' GROUP BY conversation_key
),
judged AS (
    SELECT m.conversation_key, m.normal, m.entity_type, {OUTERMOST} AS is_outer,
           coalesce(d.verdict, 'undecided') = 'undecided' AS is_open,
           if(m.score >= coalesce(own.threshold, general.threshold), 1 - m.score, {LEAK_WEIGHT} * m.score) AS risk
    FROM mine AS m LEFT JOIN verdicts AS d ON d.subject_id = m.finding_id
    LEFT JOIN languages AS l USING (conversation_key)
    JOIN limits AS general ON general.entity_type = m.entity_type AND general.language = 'default'
    LEFT JOIN limits AS own ON own.entity_type = m.entity_type AND own.language = l.language
    WHERE NOT general.is_kept
),
texts AS (
    SELECT conversation_key, normal, max(risk) FILTER (is_open) AS risk, count(*) FILTER (is_outer) AS findings,
           count(*) FILTER (is_outer AND is_open) AS undecided, bool_or(is_open) AS is_open
    FROM judged GROUP BY conversation_key, normal
),
counted AS (
    SELECT conversation_key, sum(coalesce(risk, 0)) FILTER (findings > 0) AS risk, sum(findings) AS findings,
           greatest(sum(undecided), bool_or(is_open)::INTEGER) AS undecided
    FROM texts GROUP BY conversation_key
),
kinds AS (
    SELECT conversation_key, list_sort(list(DISTINCT entity_type)) AS entity_types FROM judged GROUP BY ALL
)
SELECT c.conversation_key, h.external_id, h.connector, h.batch_id,
       round(c.risk, 3) + if(o.code = '{LEAK}', {HELD_BACK}, 0) AS risk,
       c.findings::INTEGER AS findings, c.undecided::INTEGER AS undecided, k.entity_types,
       CASE WHEN f.verdict = 'flag' THEN '{FLAGGED}' WHEN c.undecided = 0 AND o.code <> '{LEAK}' THEN '{DONE}'
            ELSE '{OPEN}' END AS state
FROM counted AS c JOIN kinds AS k USING (conversation_key)
JOIN (SELECT * FROM conversations WHERE {WITHIN}) AS h USING (conversation_key)
JOIN (SELECT * FROM outcomes WHERE {WITHIN}) AS o USING (conversation_key)
LEFT JOIN flags AS f ON f.subject_id = c.conversation_key
WHERE {REVIEWED[1]}
ORDER BY c.conversation_key
"""
KINDS = f"SELECT DISTINCT entity_type FROM findings WHERE {WITHIN} ORDER BY 1"
ELIGIBLE = f"SELECT o.conversation_key FROM outcomes AS o WHERE {REVIEWED[1]}"
WANTED = """
state = ? AND (? = '' OR batch_id = ?) AND (? = '' OR list_contains(entity_types, ?))
AND (risk < ? OR (risk = ? AND conversation_key > ?))
"""
# The lowest risk of the page is looked for first: keys and lists are then read of what lies above it alone.
LOWEST = f"SELECT min(risk) FROM (SELECT risk FROM review_queue WHERE {WANTED} ORDER BY risk DESC LIMIT ?)"
LISTED = f"""
SELECT q.conversation_key, q.external_id, q.connector, q.batch_id, q.risk, q.findings, q.undecided, q.entity_types,
       q.state, r.person
FROM (
    SELECT * FROM review_queue WHERE {WANTED} AND risk >= ? ORDER BY risk DESC, conversation_key LIMIT ?
) AS q LEFT JOIN reservations AS r ON r.conversation_key = q.conversation_key AND r.until > ?
ORDER BY q.risk DESC, q.conversation_key
"""
COUNTS = "SELECT state, count(*) FROM review_queue WHERE ? = '' OR batch_id = ? GROUP BY state"
PLACE = "SELECT risk FROM review_queue WHERE conversation_key = ?"


@dataclass(frozen=True, slots=True)
class Queued:
    """One conversation in the queue."""

    conversation_key: str
    external_id: str
    connector: str
    batch_id: str
    risk: float
    findings: int
    undecided: int
    entity_types: tuple[str, ...]
    state: str
    held_by: str | None

    @property
    def risk_word(self) -> str:
        """Give the word for its risk."""
        return next(word for least, word in RISKS if self.risk >= least)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which part of the queue is asked for; empty means all."""

    state: str = OPEN
    batch: str = ""
    entity_type: str = ""


ALL = Wanted()


def limits(store: Store, policy: Policy, bounds: Sequence[str] = ("", "~")) -> pl.DataFrame:
    """Give what the policy says of every type that was found: entity_type, language, threshold, is_kept.

    `bounds` are the first and the last conversation to look at.
    """
    rows: list[tuple[Any, ...]] = []
    for (kind,) in store.rows(KINDS, bounds):
        entity = policy.of(kind)
        rows += [(kind, language, float(score), entity.operator == KEPT) for language, score in entity.thresholds]
    schema = {"entity_type": pl.String, "language": pl.String, "threshold": pl.Float64, "is_kept": pl.Boolean}
    return pl.DataFrame(rows, schema=schema, orient="row")


def queue_rows(store: Store, policy: Policy, keys: pl.DataFrame) -> pl.DataFrame:
    """Work out the queue's rows of some conversations; those that nobody has to look at have none."""
    wanted = keys["conversation_key"]
    bounds = [str(wanted.min() or ""), str(wanted.max() or "")]
    with store.scratch(wanted=wanted.to_frame(), limits=limits(store, policy, bounds)):
        return store.frame(ROWS, bounds * ROWS.count(WITHIN))


def refresh(store: Store, policy: Policy, keys: Sequence[str] | pl.DataFrame) -> None:
    """Bring the queue's rows of some conversations up to date."""
    wanted = keys if isinstance(keys, pl.DataFrame) else pl.DataFrame({"conversation_key": list(keys)})
    rows = queue_rows(store, policy, wanted.cast({"conversation_key": pl.String}))
    with store.transaction(), store.scratch(stale=wanted.select("conversation_key")):
        store.execute(
            "DELETE FROM review_queue USING stale WHERE review_queue.conversation_key = stale.conversation_key"
        )
        store.append("review_queue", rows)


def page_of(
    store: Store,
    now: datetime,
    wanted: Wanted = ALL,
    *,
    after: tuple[float, str] | None = None,
    size: int = PAGE,
) -> list[Queued]:
    """Give a page of the queue behind `after` (risk, key); `now` is the time by which reservations have ended."""
    risk, key = after or (float("inf"), "")
    batch, kind = wanted.batch, wanted.entity_type
    params = [wanted.state, batch, batch, kind, kind, risk, risk, key]
    lowest = store.value(LOWEST, [*params, size])
    rows = [] if lowest is None else store.rows(LISTED, [*params, lowest, size, now])
    return [Queued(*head, entity_types=tuple(kinds), state=state, held_by=held) for *head, kinds, state, held in rows]


def counts(store: Store, batch: str = "") -> dict[str, int]:
    """Count the conversations in each state."""
    return dict.fromkeys(STATES, 0) | dict(store.rows(COUNTS, [batch, batch]))


def place_of(store: Store, key: str) -> tuple[float, str] | None:
    """Give where a conversation stands in the queue; None where it is not in it."""
    risk = store.value(PLACE, [key])
    return None if risk is None else (risk, key)

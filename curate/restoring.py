"""What was dropped, why, and what a person says to it: keep it all the same, leave it out, or withdraw what was said.

A decision is a row of `decisions`; the newest one on a conversation holds, over every later curation, until another
follows. Outcomes take it up when they are worked out anew (curate.outcomes).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from curate.errors import CurateError
from store.database import Store
from store.errors import unknown_name
from store.history import record

KEEP, DROP, WITHDRAWN = "keep", "drop", "withdrawn"
PAGE = 25
NOTE_LENGTH = 500
# A person cannot overrule what keeps personal data in, what nobody can read, or what stands in the data already.
BY_PERSON = "decision.drop"
RESTORABLE_STAGE = "quality"
RESTORABLE = ("duplicates.near", "duplicates.macro", "duplicates.exchange")

PAGE_OF = """
WITH page AS (
    SELECT conversation_key, verdict, stage, code, reason FROM outcomes
    WHERE {where} AND conversation_key > ? ORDER BY conversation_key LIMIT ?
),
decided AS (
    SELECT subject_id AS conversation_key, arg_max(d, (d.decided_at, d.decision_id)) AS last
    FROM decisions AS d SEMI JOIN page ON page.conversation_key = d.subject_id
    WHERE subject = 'conversation' GROUP BY subject_id
)
SELECT page.conversation_key, c.external_id, c.connector, page.verdict, page.stage, page.code, page.reason,
       decided.last.verdict, decided.last.decided_by, decided.last.note,
       strftime(decided.last.decided_at, '%Y-%m-%d %H:%M')
FROM page LEFT JOIN conversations AS c USING (conversation_key) LEFT JOIN decided USING (conversation_key)
ORDER BY page.conversation_key
"""
LATEST = """
SELECT arg_max(verdict, (decided_at, decision_id)) FROM decisions
WHERE subject = 'conversation' AND subject_id = ?
"""
DECIDED = """
SELECT verdict, note, decided_by, strftime(decided_at, '%Y-%m-%d %H:%M') FROM decisions
WHERE subject = 'conversation' AND subject_id = ? ORDER BY decided_at, decision_id
"""
# Conversations that a person's decision holds in or out, whatever their outcome is by now.
DECISIONS = """
SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict FROM decisions
WHERE subject = 'conversation' GROUP BY subject_id HAVING verdict <> 'withdrawn'
"""


class CannotRestore(CurateError):
    """Say that a person may not overrule why this conversation is out."""

    code = "CUR-150"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person said of a conversation: keep, drop or withdrawn."""

    verdict: str
    note: str
    decided_by: str
    decided_at: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation with its outcome, and the newest decision on it."""

    conversation_key: str
    external_id: str
    connector: str
    verdict: str
    stage: str
    code: str
    reason: str
    decision: Decision | None

    @property
    def can_restore(self) -> bool:
        """Say whether a person may keep it all the same."""
        return may_restore(self.verdict, self.stage, self.code)

    @property
    def is_waiting(self) -> bool:
        """Say whether its outcome does not show the newest decision yet."""
        said = self.decision.verdict if self.decision else ""
        return (said == KEEP and self.can_restore) or (said == WITHDRAWN and self.code == BY_PERSON)


def may_restore(verdict: str, stage: str, code: str) -> bool:
    """Say whether a decision to keep overrules an outcome."""
    return verdict == "drop" and (stage == RESTORABLE_STAGE or code in RESTORABLE)


def outcomes_of(store: Store, code: str, *, reason: str = "", after: str = "", size: int = PAGE) -> list[Outcome]:
    """Give a page of the conversations whose outcome has a code, by key, behind `after`; `kept` gives the kept ones.

    `reason` asks for one sentence alone, where a code has several.
    """
    if reason:
        return _page(store, "code = ? AND reason = ?", [code, reason, after, size])
    return _page(store, "code = ?", [code, after, size])


def decided_outcomes(store: Store, *, after: str = "", size: int = PAGE) -> list[Outcome]:
    """Give a page of the conversations that a person's decision holds in or out."""
    return _page(store, f"conversation_key IN (SELECT subject_id FROM ({DECISIONS}))", [after, size])


def outcome_of(store: Store, key: str) -> Outcome:
    """Give one conversation's outcome.

    Raises:
        CurateError: there is no such conversation, or no outcome of it yet.
    """
    found = _page(store, "conversation_key = ?", [key, "", 1])
    if not found:
        raise CurateError(
            f"There is no outcome of a conversation {key!r}.", hint="Run curation first, or go back to the list."
        )
    return found[0]


def decisions_of(store: Store, key: str) -> list[Decision]:
    """Give everything people decided on a conversation as a whole, the oldest first."""
    return [Decision(*row) for row in store.rows(DECIDED, [key])]


def count_decided(store: Store) -> int:
    """Count the conversations that a person's decision holds in or out."""
    return store.value(f"SELECT count(*) FROM ({DECISIONS})")


def decide(store: Store, key: str, verdict: str, *, note: str, by: str) -> None:
    """Add a decision on a conversation, with its line in the history; the note says why and is asked for.

    Raises:
        CannotRestore: what keeps it out is not for a person to overrule.
        CurateError: no such conversation or verdict, no note, or there is nothing to withdraw.
    """
    with store.transaction():
        outcome = outcome_of(store, key)
        before = store.value(LATEST, [key])
        _check(outcome, verdict, note, before)
        store.execute(
            "INSERT INTO decisions VALUES (?, 'conversation', ?, ?, ?, ?, ?, now())",
            [secrets.token_hex(16), key, key, verdict, note.strip(), by],
        )
        record(
            store,
            f"conversation.{verdict}",
            subject=key,
            before={"outcome": outcome.code, "decision": before},
            after={"decision": verdict, "note": note.strip()},
            by=by,
        )


def _check(outcome: Outcome, verdict: str, note: str, before: str | None) -> None:
    if verdict not in (KEEP, DROP, WITHDRAWN):
        raise CurateError(unknown_name("verdict", verdict, (KEEP, DROP, WITHDRAWN)), hint="Choose one of them.")
    if not note.strip() or len(note) > NOTE_LENGTH:
        raise CurateError(
            f"The note must have 1 to {NOTE_LENGTH} characters; it has {len(note.strip())}.",
            hint="Say in a few words why, without names of customers.",
        )
    if verdict == KEEP and outcome.verdict != "keep" and not outcome.can_restore:
        raise CannotRestore(
            f"It is out for a reason that nobody may overrule here ({outcome.code}).",
            hint="Only quality rules, near-duplicates and caps can be overruled. Mend the cause and curate again.",
        )
    if verdict == WITHDRAWN and before in (None, WITHDRAWN):
        raise CurateError("There is no decision on it to withdraw.", hint="Load the page again.")


def _page(store: Store, where: str, params: list[object]) -> list[Outcome]:
    rows = store.rows(PAGE_OF.format(where=where), params)
    return [_outcome(*row) for row in rows]


def _outcome(
    key: str,
    external_id: str | None,
    connector: str | None,
    verdict: str,
    stage: str,
    code: str,
    reason: str,
    said: str | None,
    by: str | None,
    note: str | None,
    at: str | None,
) -> Outcome:
    decision = Decision(said, note or "", by or "", at or "") if said else None
    return Outcome(key, external_id or "", connector or "", verdict, stage, code, reason, decision)

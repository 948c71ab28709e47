"""Write down what a person decided: one act, its rows of decisions, its line in the history; nothing is overwritten."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from curate.redact.lists import PERSON, read_marks, text_digest
from curate.redact.spans import Finding
from curate.redact.stage import FINDINGS, VALUES, finding_id, finding_rows, value_rows
from curate.review.errors import UnknownItem
from store.database import Store
from store.history import record

LAST = 10
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
KINDS = {
    "accept": "Accepted", "reject": "Rejected", "retype": "Changed the type", "add": "Added a span",
    "rest": "Accepted the rest", "everywhere": "The same text everywhere", "pattern": "A whole pattern",
    "never": "Never redact", "always": "Always redact", "unlist": "Taken off a list", "flag": "Flagged",
    "unflag": "Flag taken away", "undo": "Undone",
}  # fmt: skip
DECISIONS = pl.Schema({"subject_id": pl.String, "conversation_key": pl.String, "verdict": pl.String})
INSERT = """
INSERT INTO decisions
SELECT ?, ?, subject_id, conversation_key, verdict, ?, ?, now() FROM deciding
"""
INSERT_ACT = """
INSERT INTO acts VALUES (
    ?, ?, ?, ?, coalesce((SELECT external_id FROM conversations WHERE conversation_key = ? LIMIT 1), ''),
    ?, ?, ?, ?, ?, ?, now()
)
"""
LATEST_ACTS = """
SELECT a.decision_id, a.kind, a.verdict, a.conversation_key, a.subject_id, a.entity_type, a.findings, a.conversations,
       a.decided_by, strftime(a.decided_at, '%Y-%m-%d %H:%M'), a.external_id,
       EXISTS (SELECT 1 FROM acts AS u WHERE u.kind = 'undo' AND u.subject_id = a.decision_id),
       a.decided_at
FROM (
    SELECT * FROM acts WHERE (? = '' OR decided_by = ?) AND (? = '' OR decision_id = ?)
      AND (decided_at < ? OR (decided_at = ? AND decision_id < ?))
    ORDER BY decided_at DESC, decision_id DESC LIMIT ?
) AS a
ORDER BY a.decided_at DESC, a.decision_id DESC
"""
TEXTS = "SELECT turn_key, text FROM public_turns_of(?)"


@dataclass(frozen=True, slots=True)
class Act:
    """One decision of a person, however many findings it is about."""

    decision_id: str
    kind: str
    verdict: str
    conversation_key: str | None
    subject_id: str
    entity_type: str
    findings: int
    conversations: int
    decided_by: str
    decided_at: str
    external_id: str = ""
    is_undone: bool = False
    at: datetime = NEVER

    @property
    def words(self) -> str:
        """Say what was done, without any of the text."""
        said = KINDS.get(self.kind, self.kind)
        if self.kind in ("everywhere", "pattern"):
            said += ": accepted" if self.verdict == "accept" else ": rejected"
        return f"{said} ({self.findings:,})" if self.findings > 1 else said


@dataclass(frozen=True, slots=True)
class Deed:
    """What is to be written down: `rows` are (subject, conversation, verdict)."""

    kind: str
    by: str
    subject_id: str
    conversation_key: str | None = None
    verdict: str = ""
    entity_type: str = ""
    subject: str = "finding"
    note: str = ""
    filter: dict[str, Any] = field(default_factory=dict[str, Any])
    rows: Sequence[tuple[str, str, str]] = ()


def new_id() -> str:
    """Give a new decision's id."""
    return secrets.token_hex(16)


def write(store: Store, deed: Deed, decision_id: str | None = None, *, rows: pl.DataFrame | None = None) -> Act:
    """Append an act with its decisions and its line in the history, as one transaction, and give the act.

    `rows` (subject_id, conversation_key, verdict) stand for the deed's own where there are many.
    """
    decision_id = decision_id or new_id()
    if rows is None:
        rows = pl.DataFrame(list(deed.rows), schema=DECISIONS, orient="row")
    with store.transaction(), store.scratch(deciding=rows):
        store.execute(INSERT, [decision_id, deed.subject, deed.note, deed.by])
        return write_act(store, deed, decision_id, rows.height, rows["conversation_key"].n_unique())


def write_act(store: Store, deed: Deed, decision_id: str, findings: int, conversations: int) -> Act:
    """Append an act whose decisions stand already, and its line in the history."""
    told = {
        "verdict": deed.verdict, "entity_type": deed.entity_type, "findings": findings, "conversations": conversations,
        **deed.filter,
    }  # fmt: skip
    document = orjson.dumps(deed.filter, option=orjson.OPT_SORT_KEYS).decode()
    row = [decision_id, deed.kind, deed.verdict, deed.conversation_key, deed.conversation_key, deed.subject_id]
    store.execute(INSERT_ACT, [*row, deed.entity_type, document, findings, conversations, deed.by])
    after = {name: value for name, value in told.items() if value not in ("", 0)} | {"decision": decision_id}
    record(store, f"review.{deed.kind}", subject=deed.conversation_key or deed.subject_id, after=after, by=deed.by)
    return act_of(store, decision_id)


def act_of(store: Store, decision_id: str) -> Act:
    """Give an act.

    Raises:
        UnknownItem: there is none under this id.
    """
    rows = store.rows(LATEST_ACTS, ["", "", decision_id, decision_id, NEVER, NEVER, "", 1])
    if not rows:
        raise UnknownItem(f"There is no decision {decision_id[:40]!r}.", hint="Load the page again.")
    return Act(*rows[0])


def acts_page(store: Store, *, after: tuple[datetime, str] | None, size: int) -> list[Act]:
    """Give a page of acts, the newest first, behind `after` (time, id)."""
    at, key = after or (NEVER, "")
    return [Act(*row) for row in store.rows(LATEST_ACTS, ["", "", "", "", at, at, key, size])]


def last_acts(store: Store, by: str = "", size: int = LAST) -> list[Act]:
    """Give the newest acts, of one person or of all."""
    return [Act(*row) for row in store.rows(LATEST_ACTS, [by, by, "", "", NEVER, NEVER, "", size])]


def write_marks(
    store: Store, decision_id: str, key: str, marks: Iterable[tuple[str, Finding]], *, is_added: bool = True
) -> list[str]:
    """Append marks (turn, finding) on a conversation, put them among its findings, and give their ids."""
    texts: dict[str, str] = dict(store.rows(TEXTS, [key]))
    ids: list[str] = []
    with store.transaction():
        for turn_key, one in marks:
            ids.append(finding_id(turn_key, one))
            store.execute(
                "INSERT INTO marks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, now())",
                [decision_id, ids[-1], key, turn_key, one.start, one.end, one.entity_type,
                 text_digest(texts[turn_key]), is_added],
            )  # fmt: skip
        sync_marks(store, key, texts)
    return ids


def sync_marks(store: Store, key: str, texts: dict[str, str]) -> None:
    """Bring the findings that people marked in a conversation in line with the marks that hold."""
    marks = read_marks(store, pl.DataFrame({"conversation_key": [key]}), texts)
    findings = pl.DataFrame(list(finding_rows(key, marks)), schema=FINDINGS, orient="row")
    values = pl.DataFrame(list(value_rows(key, marks, texts)), schema=VALUES, orient="row")
    store.execute(
        "DELETE FROM finding_values WHERE conversation_key = ? AND finding_id IN "
        "(SELECT finding_id FROM findings WHERE conversation_key = ? AND recognizer = ?)",
        [key, key, PERSON],
    )
    store.execute("DELETE FROM findings WHERE conversation_key = ? AND recognizer = ?", [key, PERSON])
    store.append("findings", findings.with_columns(run_id=pl.lit(PERSON)))
    store.append("finding_values", values.with_columns(run_id=pl.lit(PERSON)))


def newest_of(store: Store, key: str) -> tuple[str, datetime] | None:
    """Give the id and time of the newest decision on a conversation's findings."""
    rows = store.rows(
        "SELECT decision_id, decided_at FROM decisions WHERE conversation_key = ? AND subject = 'finding' "
        "ORDER BY decided_at DESC, decision_id DESC LIMIT 1",
        [key],
    )
    return rows[0] if rows else None

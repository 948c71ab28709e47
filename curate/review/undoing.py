"""Undo an act: every finding, mark and list entry gets what held before it, unless somebody decided on it since."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from curate.review.acts import TEXTS, Act, Deed, act_of, new_id, sync_marks, write_act
from curate.review.decisions import Desk, check_undoable
from curate.review.patterns import refresh_patterns
from curate.review.queue import refresh
from curate.review.reopening import reopen, touched_by_terms
from curate.review.reservations import check_free
from store.database import Store

# Rows of this act that are still the newest on their subject, with what held before.
BEFORE = """
WITH own AS (SELECT DISTINCT subject, subject_id FROM decisions WHERE decision_id = ?)
SELECT d.subject, d.subject_id, d.conversation_key,
       coalesce(arg_max(d.verdict, (d.decided_at, d.decision_id)) FILTER (d.decision_id <> ?),
                if(d.subject = 'review', 'unflag', 'undecided')) AS verdict
FROM decisions AS d SEMI JOIN own ON own.subject = d.subject AND own.subject_id = d.subject_id
GROUP BY d.subject, d.subject_id, d.conversation_key
HAVING arg_max(d.decision_id, (d.decided_at, d.decision_id)) = ?
"""
INSERT = "INSERT INTO decisions SELECT ?, subject, subject_id, conversation_key, verdict, '', ?, now() FROM restored"
MARKS = """
INSERT INTO marks
SELECT ?, m.finding_id, m.conversation_key, m.turn_key, m.start_char, m.end_char, m.entity_type, m.text_sha256,
       coalesce(b.is_added, FALSE), now()
FROM (
    SELECT * FROM marks
    QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY decided_at DESC, decision_id DESC) = 1
) AS m LEFT JOIN (
    SELECT finding_id, arg_max(is_added, (decided_at, decision_id)) AS is_added FROM marks
    WHERE decision_id <> ? GROUP BY finding_id
) AS b USING (finding_id)
WHERE m.decision_id = ?
"""
TERMS = """
INSERT INTO terms
SELECT ?, t.normal, t.value, coalesce(b.last.list, 'none'), coalesce(b.last.entity_type, t.entity_type), t.batch_id, ?,
       now()
FROM (
    SELECT * FROM terms
    QUALIFY row_number() OVER (PARTITION BY normal, batch_id ORDER BY decided_at DESC, decision_id DESC) = 1
) AS t LEFT JOIN (
    SELECT normal, batch_id, arg_max(terms, (decided_at, decision_id)) AS last FROM terms
    WHERE decision_id <> ? GROUP BY normal, batch_id
) AS b ON b.normal = t.normal AND b.batch_id = t.batch_id
WHERE t.decision_id = ?
"""


@dataclass(frozen=True, slots=True)
class Undone:
    """What came of it: the new act, how many findings it gave back, and how many conversations have to run again."""

    act: Act
    findings: int
    to_run: int


def undo(desk: Desk, decision_id: str) -> Undone:
    """Undo an act of anybody's; what was decided after it stays.

    Raises:
        ReviewError: it was undone already.
        Reserved: it is about one conversation, and somebody else has that.
        UnknownItem: there is no such act.
    """
    act = act_of(desk.store, decision_id)
    check_undoable(act)
    if act.conversation_key:
        check_free(desk.store, act.conversation_key, desk.by, desk.now)
    touched = touched_by_terms(desk.store, decision_id)
    with desk.store.transaction():
        restored = desk.store.frame(BEFORE, [decision_id] * 3)
        undoing = new_id()
        with desk.store.scratch(restored=restored):
            desk.store.execute(INSERT, [undoing, desk.by])
        keys = restored.select("conversation_key").unique()
        deed = Deed("undo", desk.by, decision_id, act.conversation_key, filter={"undone": act.kind})
        written = write_act(desk.store, deed, undoing, restored.height, keys.height)
        _restore_marks(desk.store, undoing, decision_id)
        desk.store.execute(TERMS, [undoing, desk.by, decision_id, decision_id])
        reopen(desk.store, touched)
        refresh(desk.store, desk.policy, pl.concat([keys, touched]).unique())
        refresh_patterns(desk.store, decision_id)
    return Undone(written, restored.height, touched.height)


def _restore_marks(store: Store, undoing: str, decision_id: str) -> None:
    store.execute(MARKS, [undoing, decision_id, decision_id])
    keys = store.rows("SELECT DISTINCT conversation_key FROM marks WHERE decision_id = ? ORDER BY 1", [undoing])
    for (key,) in keys:
        sync_marks(store, key, dict(store.rows(TEXTS, [key])))

"""Prepare review after each curation: the queue and the patterns, counted once so that pages need not count.

Both are made of other tables. They are worked out beside the store's tables and put in their place in one short
transaction; what people decided meanwhile is then counted anew.
"""

from __future__ import annotations

import hashlib
from typing import Any

import polars as pl

from curate.outcomes import GENERAL
from curate.quality.counted import count_signals
from curate.quality.packs import workspace_rules
from curate.redact.policy import load_policy
from curate.redact.stage import VALUES
from curate.redact.values import forms_of
from curate.review.patterns import example_rows, pattern_rows
from curate.review.queue import ELIGIBLE, limits, queue_rows, refresh
from curate.stages import Curation
from store.database import Store
from store.ledger import last_done, run

STAGE = "review"
VERSION = 1
SECRET = "review patterns"  # noqa: S105 - the purpose of a derived key

STATE = """
SELECT 'findings', count(*), bit_xor(md5_number(finding_id))::VARCHAR FROM findings
UNION ALL SELECT 'values', count(*), '' FROM finding_values
UNION ALL SELECT 'decisions', count(*), max(decided_at)::VARCHAR FROM decisions
UNION ALL SELECT 'outcomes', count(*), bit_xor(md5_number(conversation_key || ' ' || code))::VARCHAR FROM outcomes
"""
# Findings of a store that an older chatmill wrote, and of conversations that were read again.
MISSING = """
SELECT f.finding_id, f.conversation_key, f.entity_type, f.score, f.run_id,
       substring(t.text, f.start_char + 1, f.end_char - f.start_char) AS value
FROM findings AS f ANTI JOIN finding_values AS v USING (finding_id)
JOIN turns AS t ON t.turn_key = f.turn_key AND t.conversation_key = f.conversation_key
"""
GONE = "DELETE FROM finding_values WHERE finding_id NOT IN (SELECT finding_id FROM findings)"
SINCE = "SELECT DISTINCT conversation_key FROM decisions WHERE decided_at >= ?"
PATTERNS = (
    "pattern_id", "kind", "entity_type", "pattern", "findings", "conversations", "undecided", "accepted", "rejected",
    "lowest", "highest",
)  # fmt: skip


def curate_review(curation: Curation) -> None:
    """Bring the queue and the patterns up to date; nothing is done where nothing they rest on has changed."""
    store = curation.store
    count_signals(store, workspace_rules(curation.workspace.root), GENERAL["decision.keep"])
    fill_values(store)
    fingerprint = _fingerprint(store, curation)
    last = last_done(store, STAGE)
    if last is not None and last["position"].get("fingerprint") == fingerprint:
        return
    with run(store, STAGE, versions={STAGE: VERSION}) as this:
        this.count("conversations", rebuild(store, curation.workspace.derive(SECRET).hex()))
        this.position["fingerprint"] = fingerprint


def rebuild(store: Store, secret: str) -> int:
    """Work out the queue and the patterns anew, and give how many conversations stand in the queue."""
    policy = load_policy(store.path.parent)
    began = store.value("SELECT now()")
    queue = queue_rows(store, policy, store.frame(ELIGIBLE))
    patterns = pattern_rows(store, limits(store, policy), secret)
    examples = example_rows(store, patterns)
    with store.transaction():
        _replace(store, "review_queue", queue)
        _replace(store, "patterns", patterns.select(PATTERNS))
        _replace(store, "pattern_examples", examples)
        refresh(store, policy, store.frame(SINCE, [began]))
    return queue.height


def fill_values(store: Store) -> None:
    """Work out the forms of values that are missing, and drop those of findings that are gone."""
    for page in store.pages(MISSING):
        rows: list[tuple[Any, ...]] = [(*row[:4], *forms_of(row[5], row[2]), row[4]) for row in page.iter_rows()]
        store.append("finding_values", pl.DataFrame(rows, schema={**VALUES, "run_id": pl.String}, orient="row"))
    if store.value("SELECT (SELECT count(*) FROM finding_values) > (SELECT count(*) FROM findings)"):
        store.execute(GONE)


def _replace(store: Store, table: str, frame: pl.DataFrame) -> None:
    store.execute(f"DELETE FROM {table}")
    store.append(table, frame)


def _fingerprint(store: Store, curation: Curation) -> str:
    policy = load_policy(curation.workspace.root)
    return hashlib.sha256(repr((VERSION, policy.fingerprint, store.rows(STATE))).encode()).hexdigest()

"""Where one conversation stands in the queue, worked out of what was read of it: after a decision, without the tables.

The rules are those of `curate.review.queue`, which works out the whole queue by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from curate.redact.errors import LEAK
from curate.redact.known import normal_value
from curate.redact.policy import Policy
from curate.review.queue import DONE, FLAGGED, HELD_BACK, LEAK_WEIGHT, OPEN
from curate.review.reading import Case
from curate.review.segments import Item
from store.database import Store

DELETE = "DELETE FROM review_queue WHERE conversation_key = ?"
INSERT = "INSERT INTO review_queue VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
FLAG = """
SELECT arg_max(verdict, (decided_at, decision_id)) FROM decisions WHERE conversation_key = ? AND subject = 'review'
"""


@dataclass(slots=True)
class _Text:
    """One text of a conversation in all its places."""

    risk: float = 0.0
    findings: int = 0
    undecided: int = 0
    is_open: bool = False


def refresh_one(store: Store, policy: Policy, case: Case) -> None:
    """Bring one conversation's row of the queue up to date; one that nobody has to look at has none."""
    key = case.head.conversation_key
    with store.transaction():
        store.execute(DELETE, [key])
        if case.all_items and (case.head.verdict == "keep" or case.head.code == LEAK):
            store.execute(INSERT, _row(case, policy, is_flagged=store.value(FLAG, [key]) == "flag"))


def _row(case: Case, policy: Policy, *, is_flagged: bool) -> list[object]:
    head, texts = case.head, list(_texts(case, policy).values())
    is_leak = head.code == LEAK
    undecided = max(sum(one.undecided for one in texts), int(any(one.is_open for one in texts)))
    risk = round(sum(one.risk for one in texts if one.findings), 3) + (HELD_BACK if is_leak else 0)
    kinds = sorted({one.entity_type for one in case.all_items})
    state = FLAGGED if is_flagged else DONE if undecided == 0 and not is_leak else OPEN
    found = sum(one.findings for one in texts)
    named = [head.conversation_key, head.external_id, head.connector, head.batch_id]
    return [*named, risk, found, undecided, kinds, state]


def _texts(case: Case, policy: Policy) -> dict[str, _Text]:
    """Count each text's places; its risk counts once, as the greatest of those that nobody has decided on."""
    texts: dict[str, _Text] = {}
    for items in case.items.values():
        for one, is_outer in _outermost(items):
            text = texts.setdefault(normal_value(case.value(one)) or case.value(one), _Text())
            is_open = not one.verdict
            text.findings += is_outer
            text.undecided += is_outer and is_open
            if is_open:
                text.is_open = True
                text.risk = max(text.risk, _risk(one, policy, case.head.language))
    return texts


def _outermost(items: Iterable[Item]) -> Iterator[tuple[Item, bool]]:
    """Say of each finding of a turn whether it lies inside no other one."""
    reached = -1
    for one in sorted(items, key=lambda one: (one.start, -one.end, -one.score, one.finding_id)):
        yield one, one.end > reached
        reached = max(reached, one.end)


def _risk(one: Item, policy: Policy, language: str) -> float:
    is_redacted = one.score >= policy.of(one.entity_type).threshold(language)
    return 1 - one.score if is_redacted else LEAK_WEIGHT * one.score

"""The same text in every conversation: how often it was found, and one decision for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.review.acts import Act, Deed
from curate.review.bulk import VALUE, Counted, Group, chosen, count, decide_all
from curate.review.decisions import VERDICTS, Desk
from curate.review.errors import ReviewError
from curate.review.reading import REJECT, conversation_of, unknown_finding
from store.database import Store
from store.errors import unknown_name

OF = """
SELECT normal, entity_type, conversation_key FROM finding_values WHERE conversation_key = ? AND finding_id = ? LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """What is known of one text over all conversations."""

    finding_id: str
    entity_type: str
    counted: Counted


def same_text(store: Store, finding_id: str, verdict: str) -> Everywhere:
    """Count the findings of a finding's text; to reject, of whatever type, to accept, of its own.

    Raises:
        UnknownItem: there is no such finding.
    """
    return same_texts(store, finding_id, (verdict,))[verdict]


def same_texts(store: Store, finding_id: str, verdicts: Sequence[str] = VERDICTS) -> dict[str, Everywhere]:
    """Count the same for several verdicts at once.

    Raises:
        UnknownItem: there is no such finding.
    """
    group, entity_type, _ = _group(store, finding_id, REJECT)
    found = chosen(store, group)
    return {
        verdict: Everywhere(finding_id, entity_type, count(found, "" if verdict == REJECT else entity_type))
        for verdict in verdicts
    }


def decide_everywhere(desk: Desk, finding_id: str, verdict: str) -> Act:
    """Decide on a text in every conversation where nobody has decided on it yet, as one act.

    Raises:
        ReviewError: no such verdict.
        UnknownItem: there is no such finding.
    """
    if verdict not in VERDICTS:
        raise ReviewError(unknown_name("verdict", verdict, VERDICTS), hint="Accept it or reject it.")
    group, entity_type, key = _group(desk.store, finding_id, verdict)
    told = {"finding": finding_id, "seen_in": key}
    return decide_all(
        desk, group, verdict, Deed("everywhere", desk.by, finding_id, None, verdict, entity_type, filter=told)
    )


def _group(store: Store, finding_id: str, verdict: str) -> tuple[Group, str, str]:
    rows = store.rows(OF, [conversation_of(store, finding_id), finding_id])
    if not rows:
        raise unknown_finding(finding_id)
    normal, entity_type, key = rows[0]
    return Group(VALUE, normal, "" if verdict == REJECT else entity_type), entity_type, key

"""The workspace's own lists in effect: what is always redacted and what never is, and the spans that people added.

People write them in review (curate.review). Both are applied without running a recognizer: a denied value is searched
for like a known one, and an allowed one is left alone when findings are read, unless somebody accepted that finding.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from curate.redact.known import Known, Plain, normal_value, search
from curate.redact.spans import Finding, in_order
from store.database import Store

PERSON = "person"  # the recognizer of what people marked themselves
DENY_LIST = "deny list"
CERTAIN = 1.0

# A term of the conversation's own batch goes before the same term of the whole workspace.
HOLDING = """
SELECT p.conversation_key, t.normal, arg_max(t.list, t.batch_id) AS list, arg_max(t.value, t.batch_id) AS value,
       arg_max(t.entity_type, t.batch_id) AS entity_type, max(t.batch_id) AS batch_id
FROM page AS p JOIN conversations AS c USING (conversation_key)
JOIN listed_terms AS t ON t.batch_id IN ('', c.batch_id)
GROUP BY p.conversation_key, t.normal ORDER BY p.conversation_key, t.normal
"""
MARKS = """
SELECT m.turn_key, m.start_char, m.end_char, m.entity_type, m.text_sha256
FROM marks AS m SEMI JOIN page USING (conversation_key)
QUALIFY row_number() OVER (PARTITION BY finding_id ORDER BY decided_at DESC, decision_id DESC) = 1 AND is_added
ORDER BY m.turn_key, m.start_char, m.end_char, m.entity_type
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the lists say of one conversation: normal forms that are left alone, and values to be redacted."""

    allowed: frozenset[str] = frozenset()
    denied: tuple[Known, ...] = ()

    def allows(self, value: str) -> bool:
        """Say whether a value is to be left alone."""
        return bool(self.allowed) and normal_value(value) in self.allowed

    def known(self, values: Iterable[Known]) -> tuple[Known, ...]:
        """Give what must not stand in a redacted conversation: known values but the allowed ones, and the denied."""
        return (*(one for one in values if not self.allows(one.value)), *self.denied)


NOTHING = Listed()


def read_lists(store: Store, page: pl.DataFrame) -> dict[str, Listed]:
    """Give what the lists say of the conversations of a page, by key; those they say nothing of are left out."""
    if not store.value("SELECT count(*) FROM terms"):
        return {}
    allowed: dict[str, set[str]] = defaultdict(set)
    denied: dict[str, list[Known]] = defaultdict(list)
    with store.scratch(page=page.select("conversation_key").unique()):
        for key, normal, which, value, entity_type, batch in store.rows(HOLDING):
            if which == "allow":
                allowed[key].add(normal)
            else:
                scope = "this batch" if batch else "this workspace"
                denied[key].append(Known(value, entity_type, CERTAIN, DENY_LIST, (("rule", f"always, {scope}"),)))
    return {key: Listed(frozenset(allowed[key]), tuple(denied[key])) for key in sorted({*allowed, *denied})}


def read_marks(store: Store, page: pl.DataFrame, texts: Mapping[str, str]) -> dict[str, list[Finding]]:
    """Give the spans that people added to the turns of a page; those on a text that has changed are left out."""
    marks: dict[str, list[Finding]] = defaultdict(list)
    with store.scratch(page=page.select("conversation_key").unique()):
        for turn_key, start, end, entity_type, digest in store.rows(MARKS):
            if turn_key in texts and text_digest(texts[turn_key]) == digest:
                marks[turn_key].append(marked(start, end, entity_type))
    return dict(marks)


def marked(start: int, end: int, entity_type: str) -> Finding:
    """Give the finding that a person's mark is."""
    return Finding(start, end, entity_type, CERTAIN, PERSON, {"rule": "marked by a person"})


def text_digest(text: str) -> str:
    """Give the hash by which a mark knows the text that it was made on."""
    return hashlib.sha256(text.encode()).hexdigest()


def with_listed(
    found: Mapping[str, Sequence[Finding]],
    texts: Mapping[str, str],
    denied: Sequence[Known],
    marks: Mapping[str, Sequence[Finding]],
) -> dict[str, tuple[Finding, ...]]:
    """Add every place of denied values, and the spans that people added, to a conversation's findings."""
    added: dict[str, tuple[Finding, ...]] = {}
    for turn_key, text in texts.items():
        listed = search(denied, Plain.of(text)) if denied else ()
        more = (*listed, *marks.get(turn_key, ()))
        own = tuple(found.get(turn_key, ()))
        added[turn_key] = _once((*own, *more)) if more else own
    return added


def _once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Leave out what two spellings of one denied value found twice."""
    return in_order({(one.start, one.end, one.entity_type, one.recognizer): one for one in findings}.values())

"""Read what people decide about: a conversation's public turns and its findings with the newest decision on each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson

from curate.redact.known import normal_value
from curate.redact.lists import Listed
from curate.redact.policy import Policy
from curate.review.errors import UnknownItem
from curate.review.segments import APPLIED, LEFT, REJECTED, Item
from store.database import Store

KEPT = "keep"  # the operator of types that the policy never redacts: nobody is asked about them
ACCEPT, REJECT, COVERED, UNDECIDED = "accept", "reject", "covered", "undecided"

# The key stands in every part, so that none of these tables is read as a whole.
HEAD = """
SELECT c.conversation_key, c.external_id, c.connector, c.batch_id, c.channel, strftime(c.created_at, '%Y-%m-%d %H:%M'),
       coalesce((SELECT any_value(label) FROM signals WHERE conversation_key = ? AND signal = 'language'), ''),
       coalesce(o.verdict, ''), coalesce(o.code, ''), coalesce(o.reason, ''),
       c.content_hash IN (SELECT content_hash FROM processed
                          WHERE conversation_key = ? AND stage = 'leaks' AND status = 'ok')
FROM (SELECT * FROM conversations WHERE conversation_key = ? LIMIT 1) AS c
LEFT JOIN (SELECT * FROM outcomes WHERE conversation_key = ?) AS o ON TRUE
"""
TURNS = """
SELECT turn_key, position, kind, role, text, strftime(created_at, '%H:%M') FROM public_turns_of(?)
ORDER BY position, turn_key
"""
FINDINGS = """
SELECT f.finding_id, f.turn_key, f.start_char, f.end_char, f.entity_type, f.score, f.recognizer, f.why,
       d.last.verdict, d.last.decided_by, strftime(d.last.decided_at, '%Y-%m-%d %H:%M')
FROM findings AS f LEFT JOIN (
    SELECT subject_id, arg_max(decisions, (decided_at, decision_id)) AS last
    FROM decisions WHERE subject = 'finding' AND conversation_key = ? GROUP BY subject_id
) AS d ON d.subject_id = f.finding_id
WHERE f.conversation_key = ? ORDER BY f.turn_key, f.start_char, f.end_char, f.finding_id
"""
# An entry of the conversation's own batch goes before the same one of the whole workspace.
ALLOWED = """
SELECT normal FROM listed_terms WHERE batch_id IN ('', ?) GROUP BY normal HAVING arg_max(list, batch_id) = 'allow'
"""
OF_FINDING = "SELECT conversation_key FROM findings WHERE finding_id = ? LIMIT 1"


@dataclass(frozen=True, slots=True)
class Head:
    """A conversation without its text."""

    conversation_key: str
    external_id: str
    connector: str
    batch_id: str
    channel: str | None
    created_at: str | None
    language: str
    verdict: str
    code: str
    reason: str
    is_checked: bool  # the leak check passed it as it is, so its redacted form may be shown


@dataclass(frozen=True, slots=True)
class Said:
    """One public turn."""

    turn_key: str
    position: int
    kind: str
    role: str
    text: str
    at: str | None


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation with what was said and what was found; findings of types that the policy keeps are left out."""

    head: Head
    turns: tuple[Said, ...]
    items: Mapping[str, Sequence[Item]]  # by turn

    @property
    def all_items(self) -> list[Item]:
        """Give all findings in the order of the turns."""
        return [one for turn in self.turns for one in self.items.get(turn.turn_key, ())]

    @property
    def texts(self) -> dict[str, str]:
        """Give the turns' texts by key."""
        return {turn.turn_key: turn.text for turn in self.turns}

    def item(self, finding_id: str) -> Item:
        """Give a finding.

        Raises:
            UnknownItem: it is not in this conversation.
        """
        for one in self.all_items:
            if one.finding_id == finding_id:
                return one
        raise unknown_finding(finding_id)

    def value(self, one: Item) -> str:
        """Give the text that a finding covers."""
        return self.texts[one.turn_key][one.start : one.end]

    def alike(self, of: Item) -> list[Item]:
        """Give every finding of the same text in the conversation, and what lies inside one of those.

        A text is personal in a whole conversation or nowhere in it: where it is redacted in one turn and left in
        another, the leak check holds the conversation back.
        """
        normal = normal_value(self.value(of))
        same = [one for one in self.all_items if normal_value(self.value(one)) == normal]
        return [one for one in self.all_items if any(_inside(one, other) for other in same)]


def unknown_finding(finding_id: str) -> UnknownItem:
    """Word the complaint about a finding that is not there."""
    return UnknownItem(
        f"There is no finding {finding_id[:40]!r} any more.",
        hint="Load the page again: the conversation has been searched anew.",
    )


def conversation_of(store: Store, finding_id: str) -> str:
    """Give the key of a finding's conversation.

    Raises:
        UnknownItem: there is no such finding.
    """
    key = store.value(OF_FINDING, [finding_id])
    if key is None:
        raise unknown_finding(finding_id)
    return key


def read_head(store: Store, key: str) -> Head:
    """Read a conversation's record, language and outcome.

    Raises:
        UnknownItem: there is no such conversation.
    """
    rows = store.rows(HEAD, [key] * 4)
    if not rows:
        raise UnknownItem(f"There is no conversation {key[:40]!r}.", hint="Go back to the queue.")
    return Head(*rows[0])


def read_case(store: Store, policy: Policy, key: str) -> Case:
    """Read a conversation for review.

    Raises:
        UnknownItem: there is no such conversation.
    """
    head = read_head(store, key)
    return read_found(store, policy, Case(head, tuple(Said(*row) for row in store.rows(TURNS, [key])), {}))


def read_found(store: Store, policy: Policy, case: Case) -> Case:
    """Read anew what was found in a conversation and decided on it; what was said stays as it was read."""
    head, key = case.head, case.head.conversation_key
    roles = {turn.turn_key: turn for turn in case.turns}
    listed = Listed(frozenset(normal for (normal,) in store.rows(ALLOWED, [head.batch_id])))
    items: dict[str, list[Item]] = defaultdict(list)
    for identity, turn_key, start, end, kind, score, recognizer, why, verdict, by, at in store.rows(
        FINDINGS, [key, key]
    ):
        turn = roles.get(turn_key)
        if turn is None or policy.of(kind).operator_for(turn.role) == KEPT:
            continue
        said = verdict if verdict in (ACCEPT, REJECT, COVERED) else ""
        one = Item(identity, turn_key, start, end, kind, score, recognizer, orjson.loads(why), said)
        if said:
            one = replace(one, decided_by=by, decided_at=at)
        items[turn_key].append(replace(one, state=_state(one, turn, policy, head.language, listed)))
    return replace(case, items=dict(items))


def _state(one: Item, turn: Said, policy: Policy, language: str, listed: Listed) -> str:
    if one.verdict == ACCEPT:
        return APPLIED
    if one.verdict == REJECT or listed.allows(turn.text[one.start : one.end]):
        return REJECTED
    return APPLIED if policy.applies(one.entity_type, one.score, language, turn.role) else LEFT


def _inside(one: Item, other: Item) -> bool:
    return one.turn_key == other.turn_key and other.start <= one.start and one.end <= other.end

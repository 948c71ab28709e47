"""What a person may decide in one conversation: accept, reject, another type, a span of their own, the rest, undo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from curate.redact.known import Known, Plain, search
from curate.redact.lists import CERTAIN, marked
from curate.redact.policy import Policy
from curate.redact.spans import Finding
from curate.review.acts import Act, Deed, act_of, new_id, write, write_marks
from curate.review.errors import Overtaken, ReviewError
from curate.review.reading import ACCEPT, COVERED, REJECT, Case, conversation_of, read_case, read_found
from curate.review.reservations import check_free
from curate.review.segments import APPLIED, Item, pieces_of
from curate.review.standing import refresh_one
from store.database import Store
from store.errors import unknown_name

LONGEST = 500
VERDICTS = (ACCEPT, REJECT)
NEWER = """
SELECT verdict, decided_by FROM decisions
WHERE subject = 'finding' AND conversation_key = ? AND subject_id IN (SELECT unnest(?)) AND decided_by <> ?
  AND decided_at > coalesce((SELECT max(decided_at) FROM decisions WHERE decision_id = ?), TIMESTAMPTZ '-infinity')
ORDER BY decided_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a person reviews: the store, the policy, who they are and what time it is."""

    store: Store
    policy: Policy
    by: str
    now: datetime
    read: dict[str, Case] = field(default_factory=dict[str, Case])
    """The conversations that the last acts were about, as they then were."""

    def case(self, key: str) -> Case:
        """Read a conversation that this person may decide on.

        Raises:
            Reserved: somebody else has it.
            UnknownItem: there is no such conversation.
        """
        check_free(self.store, key, self.by, self.now)
        self.read[key] = read_case(self.store, self.policy, key)
        return self.read[key]

    def look(self, key: str) -> Case:
        """Give a conversation as the last act at this desk left it, or read it.

        Raises:
            UnknownItem: there is no such conversation.
        """
        return self.read.get(key) or read_case(self.store, self.policy, key)

    def refresh(self, key: str) -> None:
        """Read anew what is decided on a conversation, and bring its place in the queue up to date."""
        self.read[key] = read_found(self.store, self.policy, self.look(key))
        refresh_one(self.store, self.policy, self.read[key])

    def write(self, deed: Deed) -> Act:
        """Write a deed on one conversation down and bring its place in the queue up to date."""
        with self.store.transaction():
            act = write(self.store, deed)
            self.refresh(deed.conversation_key or "")
        return act


def decide(desk: Desk, finding_id: str, verdict: str, *, key: str = "", seen: str | None = None) -> Act:
    """Accept or reject a finding, with all findings of the same text in its conversation.

    `key` is its conversation, which is looked for where it is not given. `seen` is the newest decision that the
    person's page knows of; None asks for no such check.

    Raises:
        Overtaken: somebody else has decided on it since.
        Reserved, UnknownItem, ReviewError: it cannot be decided on.
    """
    if verdict not in VERDICTS:
        raise ReviewError(unknown_name("verdict", verdict, VERDICTS), hint="Accept it or reject it.")
    key = key or conversation_of(desk.store, finding_id)
    case = desk.case(key)
    item = case.item(finding_id)
    alike = case.alike(item)
    _check_newest(desk, key, alike, seen)
    rows = [(one.finding_id, key, verdict_of(one, item, verdict)) for one in alike]
    return desk.write(Deed(verdict, desk.by, finding_id, key, verdict, item.entity_type, rows=rows))


def verdict_of(one: Item, item: Item, verdict: str) -> str:
    """Give what a decision on an item says of a finding of the same text: of another type, it is covered at most."""
    return COVERED if verdict == ACCEPT and one.entity_type != item.entity_type else verdict


def retype(desk: Desk, finding_id: str, entity_type: str, *, key: str = "", seen: str | None = None) -> Act:
    """Say that a finding is of another type, in its whole conversation: it is rejected, and marked anew.

    Raises:
        Overtaken, Reserved, UnknownItem, ReviewError: it cannot be decided on.
    """
    _check_type(desk.policy, entity_type)
    key = key or conversation_of(desk.store, finding_id)
    case = desk.case(key)
    item = case.item(finding_id)
    alike = case.alike(item)
    _check_newest(desk, key, alike, seen)
    length = item.end - item.start
    spans = {(one.turn_key, one.start, one.end) for one in alike if one.end - one.start >= length}
    marks = [(turn, marked(start, end, entity_type)) for turn, start, end in sorted(spans)]
    deed = Deed("retype", desk.by, finding_id, key, ACCEPT, entity_type, filter={"was": item.entity_type})
    return _mark(desk, deed, marks, rejected=[one.finding_id for one in alike])


def add_span(desk: Desk, key: str, turn_key: str, start: int, end: int, entity_type: str) -> Act:
    """Mark a span of a turn, by code points, and every other place of the same text in the conversation.

    Raises:
        ReviewError: the span does not lie in the turn, holds no letter or digit, or is too long.
        Reserved, UnknownItem: the conversation cannot be decided on.
    """
    _check_type(desk.policy, entity_type)
    case = desk.case(key)
    text = case.texts.get(turn_key)
    if text is None or not 0 <= start < end <= len(text):
        raise ReviewError(
            f"The span from {start} to {end} does not lie in this turn.", hint="Load the page again and select anew."
        )
    start, end = _trimmed(text, start, end)
    if not any(character.isalnum() for character in text[start:end]) or end - start > LONGEST:
        raise ReviewError(
            f"A span holds letters or digits and at most {LONGEST} characters.", hint="Select the value alone."
        )
    deed = Deed("add", desk.by, key, key, ACCEPT, entity_type)
    return _mark(desk, deed, list(_places(case, turn_key, start, end, entity_type)))


def accept_rest(desk: Desk, key: str) -> Act:
    """Say of everything undecided that it is right as it stands: what is redacted, and what is left in.

    Raises:
        Reserved, UnknownItem: the conversation cannot be decided on.
    """
    case = desk.case(key)
    rows: list[tuple[str, str, str]] = []
    for turn in case.turns:
        items = case.items.get(turn.turn_key, ())
        shown = {piece.item.finding_id: piece.item for piece in pieces_of(turn.text, items) if piece.item}
        undecided = (one for one in items if not one.verdict)
        rows += [(one.finding_id, key, _as_it_stands(one, is_shown=one.finding_id in shown)) for one in undecided]
    return desk.write(Deed("rest", desk.by, key, key, ACCEPT, rows=rows))


def flag(desk: Desk, key: str, *, flagged: bool = True, note: str = "") -> Act:
    """Set a conversation aside for somebody who knows more, or take that back.

    Raises:
        Reserved, UnknownItem: the conversation cannot be decided on.
    """
    desk.case(key)
    kind = "flag" if flagged else "unflag"
    row = (key, key, kind)
    return desk.write(Deed(kind, desk.by, key, key, subject="review", note=note.strip()[:LONGEST], rows=[row]))


def check_undoable(act: Act) -> None:
    """Make sure that an act can be undone.

    Raises:
        ReviewError: it was undone already.
    """
    if act.is_undone:
        raise ReviewError("This decision was undone already.", hint="Load the page again.")


def conversation_of_act(store: Store, decision_id: str) -> str | None:
    """Give where an act was done; None where it was about more than one conversation."""
    return act_of(store, decision_id).conversation_key


def _check_newest(desk: Desk, key: str, alike: Iterable[Item], seen: str | None) -> None:
    if seen is None:
        return
    rows = desk.store.rows(NEWER, [key, [one.finding_id for one in alike], desk.by, seen])
    if rows:
        verdict, by = rows[0]
        raise Overtaken(
            f"{by} has decided on it since you opened the page ({verdict}).",
            hint="The page shows it now; decide again if you disagree.",
        )


def _check_type(policy: Policy, entity_type: str) -> None:
    known = [name for name, _ in policy.entities]
    if entity_type not in known:
        raise ReviewError(unknown_name("type", entity_type, known), hint="Choose one of the menu.")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _places(case: Case, turn_key: str, start: int, end: int, entity_type: str) -> Iterator[tuple[str, Finding]]:
    """Give the span itself and every other place of its text in the conversation."""
    wanted = (Known(case.texts[turn_key][start:end], entity_type, CERTAIN, ""),)
    yield turn_key, marked(start, end, entity_type)
    for key, text in case.texts.items():
        for one in search(wanted, Plain.of(text)):
            if key != turn_key or one.end <= start or end <= one.start:
                yield key, marked(one.start, one.end, entity_type)


def _mark(desk: Desk, deed: Deed, marks: list[tuple[str, Finding]], rejected: Iterable[str] = ()) -> Act:
    key = deed.conversation_key or ""
    decision_id = new_id()
    with desk.store.transaction():
        added = write_marks(desk.store, decision_id, key, marks)
        rows = [(one, key, REJECT) for one in rejected if one not in added]
        rows += [(one, key, ACCEPT) for one in dict.fromkeys(added)]
        done = Deed(
            deed.kind, deed.by, added[0], key, deed.verdict, deed.entity_type, filter=deed.filter, rows=rows
        )  # fmt: skip
        act = write(desk.store, done, decision_id)
        desk.refresh(key)
    return act


def _as_it_stands(one: Item, *, is_shown: bool) -> str:
    if not is_shown:
        return COVERED
    return ACCEPT if one.state == APPLIED else REJECT

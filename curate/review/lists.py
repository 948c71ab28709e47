"""The workspace's allow and deny lists: see what an entry would do, write it, take it off again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from curate.redact.known import normal_value
from curate.review.acts import Act, Deed, new_id, write
from curate.review.bulk import VALUE, Group, chosen, count, matching, undecided_rows
from curate.review.decisions import LONGEST, Desk
from curate.review.errors import ReviewError, UnknownItem
from curate.review.queue import refresh
from curate.review.reading import REJECT
from curate.review.reopening import CHECK, STAGES, Place, places_of, reopen
from store.database import Store
from store.errors import unknown_name

ALLOW, DENY, OFF = "allow", "deny", "none"
EXAMPLES = 3
SHORTEST = 2
LISTED = """
SELECT normal, value, list, entity_type, batch_id, decided_by, strftime(decided_at, '%Y-%m-%d %H:%M')
FROM listed_terms WHERE (? = '' OR list = ?) AND (normal, batch_id) > (?, ?) ORDER BY normal, batch_id LIMIT ?
"""
HELD = "SELECT value, entity_type FROM listed_terms WHERE normal = ? AND batch_id = ?"
WAS = "SELECT list FROM listed_terms WHERE normal = ? AND batch_id = ?"
COVERED_PLACES = """
SELECT count(*) FROM places AS p WHERE EXISTS (
    SELECT 1 FROM findings AS f WHERE f.conversation_key = p.conversation_key AND f.turn_key = p.turn_key
    AND f.start_char <= p.start AND p."end" <= f.end_char
)
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to stand on a list: a value, for one batch or, with an empty one, for the whole workspace."""

    value: str
    list: str
    entity_type: str = ""
    batch: str = ""

    @property
    def normal(self) -> str:
        """Give the form in which values are compared."""
        return normal_value(self.value)


@dataclass(frozen=True, slots=True)
class Term:
    """An entry that holds."""

    normal: str
    value: str
    list: str
    entity_type: str
    batch_id: str
    decided_by: str
    decided_at: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What an entry would do: places of the value, how many of them were found, and what would run again."""

    places: int
    conversations: int
    found: int
    undecided: int
    decided: int
    examples: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What came of an entry: its act, and how many conversations have to run again."""

    act: Act
    to_run: int


def listed(store: Store, which: str = "", *, after: tuple[str, str] = ("", ""), size: int = 100) -> list[Term]:
    """Give a page of the entries that hold, by value, behind `after` (normal, batch)."""
    return [Term(*row) for row in store.rows(LISTED, [which, which, *after, size])]


def preview(store: Store, entry: Entry) -> Effect:
    """Say what an entry would do, without doing it.

    Raises:
        ReviewError: it cannot stand on a list.
    """
    _check(entry)
    places = list(_places(store, entry))
    counted = count(chosen(store, _group(entry)))
    keys = {place.conversation_key for place in places}
    return Effect(
        len(places), len(keys), _covered(store, places), counted.findings, counted.decided, tuple(places[:EXAMPLES])
    )


def put(desk: Desk, entry: Entry) -> Listing:
    """Write an entry, and let only the conversations that hold its value run again.

    What nobody has decided on of an allowed value is rejected in the same act, and so kept as labelled data.

    Raises:
        ReviewError: it cannot stand on a list.
    """
    _check(entry)
    if entry.list == DENY:
        _check_type(desk, entry.entity_type)
    decision_id = new_id()
    kinds = {ALLOW: "never", DENY: "always", OFF: "unlist"}
    told = {"scope": entry.batch or "workspace"}
    deed = Deed(kinds[entry.list], desk.by, decision_id, None, "", entry.entity_type, filter=told)
    keys = sorted({place.conversation_key for place in _places(desk.store, entry)})
    touched = pl.DataFrame({"conversation_key": keys}, schema={"conversation_key": pl.String})
    was_denied = (desk.store.value(WAS, [entry.normal, entry.batch]) or "") == DENY
    stages = STAGES if entry.list == DENY or was_denied else (CHECK,)  # what is left alone needs no new search
    with desk.store.transaction():
        rows = undecided_rows(matching(desk.store, _group(entry)), REJECT)
        desk.store.execute(
            "INSERT INTO terms VALUES (?, ?, ?, ?, ?, ?, ?, now())",
            [decision_id, entry.normal, entry.value, entry.list, entry.entity_type, entry.batch, desk.by],
        )
        act = write(desk.store, deed, decision_id, rows=rows if entry.list == ALLOW else rows.clear())
        reopen(desk.store, touched, stages=stages)
        refresh(desk.store, desk.policy, touched)
    return Listing(act, len(keys))


def take_off(desk: Desk, normal: str, batch: str = "") -> Listing:
    """Take an entry off its list; what was decided with it stays decided.

    Raises:
        UnknownItem: there is no such entry.
    """
    rows = desk.store.rows(HELD, [normal, batch])
    if not rows:
        raise UnknownItem("There is no such entry on a list any more.", hint="Load the page again.")
    value, entity_type = rows[0]
    return put(desk, Entry(value, OFF, entity_type, batch))


def _group(entry: Entry) -> Group:
    return Group(VALUE, entry.normal, "", entry.batch)


def _places(store: Store, entry: Entry) -> Iterator[Place]:
    return places_of(store, entry.value, entry.entity_type, entry.batch)


def _covered(store: Store, places: list[Place]) -> int:
    """Count the places that a finding covers."""
    rows = [(one.conversation_key, one.turn_key, one.start, one.end) for one in places]
    schema = {"conversation_key": pl.String, "turn_key": pl.String, "start": pl.Int32, "end": pl.Int32}
    with store.scratch(places=pl.DataFrame(rows, schema=schema, orient="row")):
        return store.value(COVERED_PLACES)


def _check(entry: Entry) -> None:
    if entry.list not in (ALLOW, DENY, OFF):
        raise ReviewError(unknown_name("list", entry.list, (ALLOW, DENY, OFF)), hint="Allow it or deny it.")
    signs = sum(character.isalnum() for character in entry.value)
    if signs < SHORTEST or len(entry.value) > LONGEST:
        raise ReviewError(
            f"An entry has {SHORTEST} letters or digits at least and {LONGEST} characters at most.",
            hint="Write the value as it stands in the text.",
        )


def _check_type(desk: Desk, entity_type: str) -> None:
    known = [name for name, _ in desk.policy.entities]
    if entity_type not in known:
        raise ReviewError(unknown_name("type", entity_type, known), hint="Say what it is to be redacted as.")

"""Who has which conversation: for five minutes from the last time they did something with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from curate.review.errors import Reserved
from store.database import Store

MINUTES = 5

HELD = "SELECT person, until FROM reservations WHERE conversation_key = ? AND until > ? ORDER BY until DESC LIMIT 1"
HELD_NOW = """
SELECT r.conversation_key, c.external_id, r.person, r.until FROM reservations AS r
JOIN conversations AS c USING (conversation_key) WHERE r.until > ? ORDER BY r.until DESC LIMIT 50
"""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A conversation that somebody has, and until when."""

    conversation_key: str
    person: str
    until: datetime


def holder(store: Store, key: str, now: datetime) -> Reservation | None:
    """Give who has a conversation; None where nobody has."""
    rows = store.rows(HELD, [key, now])
    return Reservation(key, *rows[0]) if rows else None


def reserve(store: Store, key: str, person: str, now: datetime) -> Reservation:
    """Give a conversation to a person for five minutes, and take back what this person had before.

    Where somebody else has it, nothing changes and their reservation is given.
    """
    with store.transaction():
        held = holder(store, key, now)
        if held is not None and held.person != person:
            return held
        store.execute(
            "DELETE FROM reservations WHERE person = ? OR conversation_key = ? OR until <= ?", [person, key, now]
        )
        until = now + timedelta(minutes=MINUTES)
        store.execute("INSERT INTO reservations VALUES (?, ?, ?)", [key, person, until])
    return Reservation(key, person, until)


def release(store: Store, key: str, person: str) -> None:
    """Return a conversation to the queue."""
    store.execute("DELETE FROM reservations WHERE conversation_key = ? AND person = ?", [key, person])


def check_free(store: Store, key: str, person: str, now: datetime) -> None:
    """Make sure that nobody else has a conversation.

    Raises:
        Reserved: somebody has.
    """
    held = holder(store, key, now)
    if held is not None and held.person != person:
        raise Reserved(
            f"{held.person} is reviewing this conversation until {held.until:%H:%M}.",
            hint="Take the next one, or come back then.",
        )


def holders(store: Store, now: datetime) -> list[tuple[str, str, str, datetime]]:
    """Give what is held just now: key, external id, person, until; at most fifty."""
    return [(key, external, person, until) for key, external, person, until in store.rows(HELD_NOW, [now])]

"""The people of one conversation, as its columns and speakers' labels tell of them."""

from __future__ import annotations

from ingest.records import Participant, TurnRole
from ingest.words import name_in, role_of

Given = dict[str, str | None]
"""What columns say of somebody: id, name, email, phone."""


class People:
    """Collect the people of a conversation, each once, in the order of their first word."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, TurnRole], Participant] = {}

    def speaks(self, role: TurnRole, author: str | None, given: Given) -> str | None:
        """Note who speaks in a turn and give the id to know them by; None where nothing but the role is known."""
        name = author
        if author is not None and role_of(author) is not None:
            author = name = name_in(author) or None
        if author is not None and not _is_name(author):
            name = None
        identity = (
            given.get("id") or (author if name is None else None) or given.get("email") or name or given.get("name")
        )
        if identity is not None and (identity, role) not in self._known:
            email = author if author is not None and "@" in author else None
            self._note(identity, role, {"name": name, "email": email, **_without_none(given)})
        return identity

    def add(self, role: TurnRole, given: Given) -> None:
        """Note somebody of whom the record tells, if nobody in that role has spoken."""
        identity = given.get("id") or given.get("email") or given.get("name") or given.get("phone")
        if identity and not any(known == role for _, known in self._known):
            self._note(identity, role, given)

    def all(self) -> tuple[Participant, ...]:
        """Give them all."""
        return tuple(self._known.values())

    def _note(self, identity: str, role: TurnRole, given: Given) -> None:
        self._known[identity, role] = Participant(
            external_id=identity,
            role=role,
            role_source="mapping",
            display_name=given.get("name"),
            email=given.get("email"),
            phone=given.get("phone"),
        )


def _is_name(author: str) -> bool:
    """Tell a name from an id or an address."""
    return "@" not in author and not any(character.isdigit() for character in author)


def _without_none(given: Given) -> Given:
    return {name: value for name, value in given.items() if value is not None}

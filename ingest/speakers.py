"""Who in a chat is a customer and who an agent, on platforms that know members and bots but no such roles.

A mapping's [roles] decides, and where it names agents, nobody else of unknown role is one; else what the platform
says; else, of two, the one is what the other is not. Nobody is called an agent without a reason: whose role nothing
tells stands as a customer, so nothing is learnt from their words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ingest.mapping import Mapping as GivenMapping
from ingest.records import Participant, Role, RoleSource, Turn, TurnRole, changed
from ingest.words import role_of, speaker_of

OPPOSITE: dict[Role, Role] = {"agent": "customer", "customer": "agent"}
BY_ELIMINATION = 0.8
"""How sure the role of somebody is who is what the others are not."""
TURN_ROLES: dict[Role, TurnRole] = {"customer": "customer", "agent": "agent", "bot": "bot", "system": "system"}
UNTOLD = "nothing tells who of them is an agent; name them below [roles] in a mapping and ingest with --mapping"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who writes, as the platform tells of them.

    `words` are what a mapping may know them by beside name, id and address: a handle, names of roles, a team's id.
    """

    identity: str
    name: str | None = None
    role: Role = "unknown"
    source: RoleSource = "inferred"
    email: str | None = None
    phone: str | None = None
    words: tuple[str, ...] = ()
    is_deleted: bool = False


def settle(speakers: Iterable[Speaker], mapping: GivenMapping | None) -> dict[str, Participant]:
    """Give each speaker of a chat their role, by identity."""
    words = {word.casefold(): role for word, role in mapping.roles.items()} if mapping else {}
    people = {speaker.identity: _participant(speaker, words) for speaker in speakers}
    unknown = [identity for identity, person in people.items() if person.role == "unknown"]
    sides: list[Role] = [person.role for person in people.values() if person.role in OPPOSITE]
    if "agent" in words.values():
        people |= {one: replace(people[one], role="customer", role_confidence=BY_ELIMINATION) for one in unknown}
    elif len(unknown) == 1 and len(sides) == 1:
        role = OPPOSITE[sides[0]]
        people[unknown[0]] = replace(people[unknown[0]], role=role, role_confidence=BY_ELIMINATION)
    return people


def turn_role(person: Participant | None) -> TurnRole:
    """Give the role that somebody's turns have."""
    return TURN_ROLES.get(person.role, "customer") if person else "system"


def with_roles(turns: Iterable[Turn], people: Mapping[str, Participant]) -> tuple[Turn, ...]:
    """Give messages and notes the roles of those who wrote them; what a bot writes is automatic."""
    given: list[Turn] = []
    for turn in turns:
        if turn.author and turn.kind in ("message", "note"):
            role = turn_role(people[turn.author])
            is_bot = role == "bot"
            automation = turn.automation or ("bot" if is_bot else None)
            given.append(changed(turn, role=role, is_automated=is_bot or turn.is_automated, automation=automation))
        else:
            given.append(turn)
    return tuple(given)


def role_in_name(name: str | None) -> Role:
    """Give the role that a name tells by a word ("Lindwurm Support", "Order Bot"), of those that customers have not."""
    word = speaker_of(name) or role_of(name) if name else None
    return "agent" if word == "agent" else "bot" if word == "bot" else "unknown"


def note_on_roles(people: Iterable[Participant]) -> dict[str, str]:
    """Say, for a conversation's custom fields, that nobody in it is known to be an agent though somebody might be."""
    roles = {person.role for person in people}
    return {"roles": UNTOLD} if "unknown" in roles and "agent" not in roles else {}


def _participant(speaker: Speaker, words: dict[str, str]) -> Participant:
    names = (speaker.identity, speaker.name, speaker.email, speaker.phone, *speaker.words, _host(speaker.email))
    known = (words.get(name.casefold()) for name in names if name) if words else ()
    mapped = next((role for role in known if role is not None), None)
    role: Role = mapped or speaker.role  # pyright: ignore[reportAssignmentType] - a mapping's roles are checked
    return Participant(
        speaker.identity, role, "mapping" if mapped else speaker.source, speaker.name, speaker.email,
        speaker.phone, is_deleted=speaker.is_deleted,
    )  # fmt: skip


def _host(email: str | None) -> str | None:
    """Give what a mapping names a company's people by: "@" and the host of their addresses."""
    return f"@{email.rpartition('@')[2]}" if email and "@" in email else None

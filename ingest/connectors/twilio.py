"""Twilio Conversations: messages joined with their participants and conversations, as the API's pages have them.

To get them: save the pages of `/v1/Conversations`, `/v1/Conversations/CH.../Messages` and `.../Participants` into one
folder, under any names; `twilio api:conversations:v1:conversations:messages:list -o json` prints the same records.

A participant with a messaging binding (a phone number, WhatsApp) is the customer; one with an identity is an agent
unless its attributes name another role; "system" is a bot. Without participants, an author that looks like an address
is the customer; where nobody is, the first one to write is, by inference. Media is named, not fetched. Not read:
delivery receipts, Programmable Chat and plain SMS logs, sentences of Voice Intelligence. Unconfirmed: which names a
Flex project gives the roles in attributes; usual words for roles are understood. `formats.md` 2.8 says where the rest
was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_json, as_list, as_text, as_time
from ingest.records import Attachment, Conversation, Participant, Record, Reject, Turn, TurnRole
from ingest.source import Sample
from ingest.times import parse
from ingest.words import role_of

Json = dict[str, Any]
Part = Literal["messages", "participants", "conversations"]

LISTS = ("messages", "participants", "conversations")
SIGNS: dict[Part, tuple[str, frozenset[str]]] = {
    "messages": ("conversation_sid", frozenset({"author", "body", "index", "participant_sid", "media"})),
    "participants": ("conversation_sid", frozenset({"identity", "messaging_binding", "role_sid"})),
    "conversations": ("sid", frozenset({"chat_service_sid", "messaging_service_sid", "friendly_name", "timers"})),
}
"""What must be there, and fields of which two must be."""

REASONS: dict[Part, str] = {
    "messages": "messages with conversation_sid, author and body",
    "participants": "participants with conversation_sid, identity and messaging_binding",
    "conversations": "conversations with sid and chat_service_sid",
}
ROLES: dict[str, TurnRole] = {"customer": "customer", "agent": "agent", "bot": "bot"}
ROLE_FIELDS = ("role", "member_type", "participant_type", "type")
"""Attributes under which projects keep a participant's role."""

ADDRESS = re.compile(r"(?:(?:whatsapp|messenger|sms|gbm|viber):)?\+?\d{5,}|(?:whatsapp|messenger|gbm|viber):\S+")
SYSTEM = "system"
STATUS = {"active": "open", "inactive": "pending", "closed": "closed"}


class Twilio:
    """Read Twilio's conversations."""

    name = "twilio"
    title = "Twilio Conversations (messages, participants)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for records with Twilio's ids and fields."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(0.96, (f"{REASONS[part]}, as Twilio has them",), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with its messages; what belongs to none as a reject."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            by_part = {name: [found for part, found in members if part == name] for name in LISTS}
            yield from _conversation(key, by_part)


CONNECTOR: Connector = Twilio()


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    for part, (needed, signs) in SIGNS.items():
        if needed in record and len(signs & record.keys()) >= 2:
            return part
    return None


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    key = as_id(found.value.get(SIGNS[part][0])) if part else None
    if part is None:
        yield found.unknown("no message, participant or conversation of Twilio's")
    elif key is None:
        yield found.reject("no_identity", f"there is no {SIGNS[part][0]}")
    else:
        yield Belonging(key, part, found)


def _conversation(key: str, members: dict[str, list[Found]]) -> Iterator[Record]:
    messages = sorted(members["messages"], key=_index)
    if not messages:
        for found in members["conversations"]:
            yield found.reject("no_turns", "there are no messages of it in the folder")
        for found in members["participants"]:
            yield found.reject("orphan", "there are no messages of its conversation in the folder")
        return
    people = _People(members["participants"])
    turns = people.with_a_customer(_distinct([_turn(found, people) for found in messages]))
    head: Json = members["conversations"][-1].value if members["conversations"] else {}
    state = as_text(head.get("state"))
    times = [turn.created_at for turn in turns if turn.created_at is not None]
    channel = people.channel or "chat"
    yield Conversation(
        key, tuple(turns), messages[0].place, people.all(), source_uri=messages[0].uri,
        subject=as_text(head.get("friendly_name")), channel=channel, channel_raw=people.channel,
        status=STATUS.get(state or "", state), status_raw=state,
        created_at=as_time(head.get("date_created")) or (times[0] if times else None),
        updated_at=as_time(head.get("date_updated")) or (times[-1] if times else None),
        closed_at=as_time(as_dict(head.get("timers")).get("date_closed")), custom=_custom(head),
    )  # fmt: skip


def _index(found: Found) -> tuple[int, str]:
    """Order messages by their index, which may skip numbers; those without one come first, by time."""
    index = found.value.get("index")
    number = int(index) if isinstance(index, int | float) or str(index).isdecimal() else -1
    return number, str(found.value.get("date_created"))


def _distinct(turns: list[Turn]) -> list[Turn]:
    """Drop what overlapping pages repeat; of different messages with one id the later ones stand without it."""
    seen: dict[str, tuple[Any, ...]] = {}
    kept: list[Turn] = []
    for turn in turns:
        said = (turn.text, parse(turn.created_at).at, turn.custom.get("index"))
        if turn.external_id is None or turn.external_id not in seen:
            kept.append(turn)
        elif seen[turn.external_id] != said:
            kept.append(replace(turn, external_id=None))
        if turn.external_id is not None:
            seen.setdefault(turn.external_id, said)
    return kept


class _People:
    """The participants of one conversation, to be found by their sid, identity or address."""

    def __init__(self, found: list[Found]) -> None:
        self._by_name: dict[str, Participant] = {}
        self._shared: set[str] = set()
        self.channel: str | None = None
        for one in found:
            self._add(one.value)

    def _add(self, record: Json) -> None:
        binding = as_dict(record.get("messaging_binding"))
        address, identity = as_text(binding.get("address")), as_text(record.get("identity"))
        external_id = identity or address or as_id(record.get("sid"))
        if external_id is None:
            return
        self.channel = self.channel or as_text(binding.get("type"))
        told = _told_role(record)
        person = Participant(
            external_id, told or ("customer" if address else "agent"), "explicit" if told else "users_file",
            phone=_phone(address),
        )  # fmt: skip
        sid = as_id(record.get("sid"))
        for name in (sid, identity, address):
            if name is not None and self._by_name.setdefault(name, person) != person and name == sid:
                self._shared.add(name)

    def speaker(self, author: str | None, sid: str | None) -> tuple[TurnRole, str | None]:
        """Say who writes: by the author's name, as sids are gone when somebody leaves, then by the sid."""
        by_sid = None if sid in self._shared else self._by_name.get(sid or "")
        person = self._by_name.get(author or "") or (by_sid if author is None else None)
        if person is None and author is not None:
            person = self._by_name[author] = replace(by_sid, external_id=author) if by_sid else _by_author(author)
        if person is None:
            return "system", None
        role: TurnRole = person.role if person.role in ("customer", "agent", "bot") else "system"
        return role, person.external_id

    def with_a_customer(self, turns: list[Turn]) -> list[Turn]:
        """Make the first one to write the customer where there is none, as in a web chat of identities."""
        if any(person.role == "customer" for person in self.all()):
            return turns
        first = next((turn.author for turn in turns if turn.role == "agent"), None)
        others = any(turn.role == "agent" and turn.author != first for turn in turns)
        if first is None or not others:
            return turns
        for name, person in self._by_name.items():
            if person.external_id == first:
                self._by_name[name] = replace(person, role="customer", role_source="inferred")
        return [replace(turn, role="customer") if turn.author == first else turn for turn in turns]

    def all(self) -> tuple[Participant, ...]:
        """Give each of them once."""
        return tuple({person.external_id: person for person in self._by_name.values()}.values())


def _by_author(author: str) -> Participant:
    """Tell what the name alone tells: an address is a customer's, an identity most likely an agent's."""
    if author == SYSTEM:
        return Participant(author, "bot")
    if ADDRESS.fullmatch(author):
        return Participant(author, "customer", "direction", phone=_phone(author))
    return Participant(author, "agent", "inferred")


def _phone(address: str | None) -> str | None:
    """Give the number in an address (whatsapp:+15550100)."""
    number = (address or "").rpartition(":")[2]
    return number if number.startswith("+") else None


def _told_role(record: Json) -> TurnRole | None:
    attributes = as_dict(as_json(record.get("attributes")))
    for field in ROLE_FIELDS:
        if role := ROLES.get(role_of(as_text(attributes.get(field)) or "") or ""):
            return role
    return None


def _turn(found: Found, people: _People) -> Turn:
    record: Json = found.value
    author = as_text(record.get("author"))
    role, person = people.speaker(author, as_id(record.get("participant_sid")))
    created, updated = as_time(record.get("date_created")), as_time(record.get("date_updated"))
    attributes = as_json(record.get("attributes"))
    delivery = as_dict(record.get("delivery"))
    custom = {
        "index": record.get("index"),
        "attributes": attributes if attributes not in ({}, "", None) else None,
        "content_sid": record.get("content_sid"),
        "not_delivered_to": next(
            (delivery[name] for name in ("failed", "undelivered") if _is_some(delivery, name)), None
        ),
    }
    return Turn(
        role, as_text(record.get("body")) or "", external_id=as_id(record.get("sid")), author=person,
        created_at=created, edited_at=updated if updated != created else None,
        visibility="public" if role != "system" else "unknown", is_automated=role == "bot",
        automation="workflow" if author == SYSTEM else "bot" if role == "bot" else None, place=found.place,
        attachments=tuple(_attachment(as_dict(file)) for file in as_list(record.get("media"))),
        custom={name: value for name, value in custom.items() if value is not None},
    )  # fmt: skip


def _is_some(delivery: Json, name: str) -> bool:
    return delivery.get(name) in ("some", "all")


def _attachment(file: Json) -> Attachment:
    size = file.get("size")
    return Attachment(
        as_text(file.get("filename")), as_text(file.get("content_type")),
        size if isinstance(size, int) and not isinstance(size, bool) else None,
    )  # fmt: skip


def _custom(head: Json) -> Json:
    attributes = as_json(head.get("attributes"))
    kept = {"attributes": attributes if attributes not in ({}, "") else None, "unique_name": head.get("unique_name")}
    return {name: value for name, value in kept.items() if value is not None}

"""Freshchat (Freshworks Customer Service Suite): conversations with messages, users and agents, and its webhooks.

To get them: for each user save `/v2/users/ID/conversations`, and of each conversation all pages of
`/v2/conversations/ID/messages`, with `/v2/users` and `/v2/agents` for names; or the bodies of the webhooks, one a
line. Put them into one folder, under any names. The raw reports of the Extract API (CSV) hold figures, except for
Chat-Transcript, which goes through a column mapping.

A message of the type private is a note, one of the type system an event; a message that the system sends to the user
is a bot's. The parts of a message become its text: texts, labels of buttons, a carousel's cards; pictures and files
are named, never fetched. Quick replies that were offered stand in the custom fields. Webhooks that assign, resolve or
reopen a conversation are events. Messages come newest first and are put in order.

Not read: ratings (they are only in the report CSAT-Score), campaigns and outbound messages.

Unconfirmed, as no real export was at hand: message_source for bots, what message parts other than text, image, file,
video, url_button, quick_reply_button, collection, reference and template_content look like (their names are kept), and
whether every message carries its conversation's id; else the page's link tells it. `formats.md` 1.5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.records import Attachment, Conversation, Kind, Participant, Record, Reject, Role, Turn, TurnRole, Visibility
from ingest.repeated import without_repeats
from ingest.source import Sample

Json = dict[str, Any]
Part = Literal["message", "conversation", "person", "webhook"]

LISTS = ("conversations", "users", "agents")
"""Lists that pages stand around; a page of messages is read whole, since its link may name the conversation."""

REASONS: dict[Part, str] = {
    "message": "messages with message_parts, actor_type and message_type, as Freshchat has them",
    "conversation": "conversations with conversation_id, status and channel, as Freshchat has them",
    "person": "users or agents, as Freshchat has them",
    "webhook": "a webhook of Freshchat: actor, action and data",
}
MESSAGE_SIGNS = frozenset({"message_parts", "actor_type", "message_type", "actor_id"})
CONVERSATION_SIGNS = frozenset(
    (
        "status",
        "channel_id",
        "app_id",
        "assigned_agent_id",
        "assigned_group_id",
        "skill_id",
        "assigned_time",
        "messages",
    )
)
PERSON_SIGNS = frozenset({"first_name", "last_name", "email", "avatar", "created_time", "phone"})
AGENT_SIGNS = frozenset({"biography", "role_id", "availability_status", "license_type", "agent_status", "role_name"})
USER_SIGNS = frozenset({"reference_id", "restore_id", "properties"})
ROLES: dict[str, TurnRole] = {"user": "customer", "agent": "agent", "system": "bot"}
KINDS: dict[str, tuple[Kind, Visibility]] = {
    "normal": ("message", "public"), "private": ("note", "internal"), "system": ("event", "internal"),
}  # fmt: skip
STATES = {"new": "new", "assigned": "open", "reopened": "open", "resolved": "resolved"}
FILES = ("image", "file", "video", "audio")
SHOWN = {
    "text": ("content",), "url_button": ("label", "url"), "quick_reply_button": ("label",), "reference": ("label",),
    "callback": ("label",),
}  # fmt: skip
"""What is shown of each part, by its fields; the first that is there counts."""

READ_FIELDS = frozenset({"conversation_id", "id", "messages", "status", "users", "user_id", "created_time"})
EMPTY = (None, "", [], {}, 0)
HTML = re.compile(r"<(?:/\w+|\w+[^<>]*)>")
IN_LINK = re.compile(r"conversations/([\w-]+)/messages")


class Freshchat:
    """Read Freshchat's conversations."""

    name = "freshchat"
    title = "Freshchat (API pages, webhooks)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for messages made of parts, and for conversations and people with Freshchat's fields."""
        for record in (one for page in sample_json(sample, LISTS) for one in _records_in(Found("", "", page))):
            if (part := _part_of(record.value)) is not None:
                return Evidence(0.88 if part == "person" else 0.95, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with what all files of the folder have of it."""
        people: dict[str, Participant] = {}
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, partial(_belonging, people))
        for key, members in groups(reading.spool):
            yield from _Case(key, people).records(members)


CONNECTOR: Connector = Freshchat()


def _records_in(page: Found) -> Iterator[Found]:
    """Take a page apart: its messages with the conversation that they, or the page's link, belong to."""
    record: Any = page.value
    if not isinstance(record, dict) or not isinstance(record.get("messages"), list):
        yield page
        return
    head = as_dict(record.get("conversation")) or record
    key = _key_of(head) or _linked(record)
    if CONVERSATION_SIGNS - {"messages"} & head.keys() or (key and not record["messages"]):
        yield Found(page.place, page.uri, {name: value for name, value in head.items() if name != "messages"})
    for number, message in enumerate(record["messages"], start=1):
        is_told = not isinstance(message, dict) or as_id(message.get("conversation_id")) is not None
        yield page.inner(f"message {number}", message if is_told else {**message, "conversation_id": key})


def _linked(page: Json) -> str | None:
    links = [as_dict(page.get("link")), *map(as_dict, as_dict(page.get("links")).values())]
    found = (IN_LINK.search(as_text(link.get("href")) or "") for link in links)
    return next((match[1] for match in found if match), None)


def _key_of(record: Json) -> str | None:
    return as_id(record.get("conversation_id")) or as_id(record.get("id"))


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    names = record.keys()
    if len(MESSAGE_SIGNS & names) >= 3:
        return "message"
    if {"actor", "action", "action_time", "data"} <= names and isinstance(record["data"], dict):
        return "webhook"
    if "conversation_id" in names and len(CONVERSATION_SIGNS & names) >= 2:
        return "conversation"
    is_person = "id" in names and len(PERSON_SIGNS & names) >= 3 and (AGENT_SIGNS | USER_SIGNS) & names
    return "person" if is_person else None


def _belonging(people: dict[str, Participant], page: Found) -> Iterator[Belonging | Reject]:
    """Give where the records of a page belong; users and agents belong to `people`."""
    for found in _records_in(page):
        yield from _placed(found, people)


def _placed(found: Found, people: dict[str, Participant]) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    if part is None:
        yield found.unknown("no conversation, message, user or agent of Freshchat's")
        return
    inner = _told_in(found.value) if part == "webhook" else found.value
    key = as_id(inner.get("id")) if part == "person" else as_id(inner.get("conversation_id"))
    if key is None:
        yield found.reject("no_identity", "there is no id" if part == "person" else "there is no conversation_id")
    elif part == "person":
        people[key] = _person(found.value, key)
    else:
        yield Belonging(key, part, found)


def _told_in(webhook: Json) -> Json:
    """Give what a webhook is about: its message, or its conversation, which may stand within what was done to it."""
    data = as_dict(webhook.get("data"))
    if isinstance(data.get("message"), dict):
        return data["message"]
    held = next((value for value in data.values() if isinstance(value, dict)), data)
    return as_dict(held.get("conversation")) or held


def _person(record: Json, key: str) -> Participant:
    role: Role = "agent" if AGENT_SIGNS & record.keys() else "customer" if USER_SIGNS & record.keys() else "unknown"
    name = " ".join(filter(None, (as_text(record.get("first_name")), as_text(record.get("last_name")))))
    return Participant(
        key, role, "users_file", name or None, as_text(record.get("email")), as_id(record.get("phone")),
        is_deleted=as_flag(record.get("is_deleted")) is True,
    )  # fmt: skip


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector."""

    key: str
    known: dict[str, Participant]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    heads: list[Found] = field(default_factory=list[Found])
    turns: list[Turn] = field(default_factory=list[Turn])

    def records(self, members: list[tuple[Part, Found]]) -> Iterator[Record]:
        """Put together what there is, or say why there is nothing."""
        for part, found in members:
            self._add(part, found)
        if self.turns:
            yield self._conversation(members[0][1])
            return
        for head in self.heads:
            yield head.reject("no_turns", "its messages are not in the folder; save /v2/conversations/ID/messages")

    def _add(self, part: Part, found: Found) -> None:
        if part == "conversation":
            self.heads.append(found)
        elif part == "message":
            self.turns.append(self._turn(found))
        elif isinstance(as_dict(found.value.get("data")).get("message"), dict):
            self.turns.append(self._turn(Found(found.place, found.uri, _told_in(found.value))))
        else:
            self.heads.append(Found(found.place, found.uri, _told_in(found.value)))
            name, at = as_text(found.value.get("action")) or "event", as_time(found.value.get("action_time"))
            self.turns.append(
                Turn("system", name, external_id=f"{name} {at}", created_at=at, kind="event", visibility="internal",
                     event_type=name, place=found.place)
            )  # fmt: skip

    def _turn(self, found: Found) -> Turn:
        message: Json = found.value
        told = (as_text(message.get("message_type")) or "").lower()
        kind, visibility = KINDS.get(told, ("message", "unknown"))
        role = ROLES.get((as_text(message.get("actor_type")) or "").lower(), "system")
        if role == "agent" and "bot" in (as_text(message.get("message_source")) or "").lower():
            role = "bot"
        parts = as_list(message.get("message_parts"))
        text = "\n".join(filter(None, (_shown(part) for part in parts)))
        offered = [label for part in as_list(message.get("reply_parts")) if (label := _shown(part))]
        return Turn(
            "system" if kind == "event" else role, text or ("system" if kind == "event" else ""),
            external_id=as_id(message.get("id")), author=None if kind == "event" else self._meet(message, role),
            created_at=as_time(message.get("created_time")), kind=kind,
            visibility="unknown" if role == "system" and kind == "message" else visibility,
            body_format="html" if HTML.search(text) else "text", is_automated=role == "bot" and kind != "event",
            automation="bot" if role == "bot" and kind != "event" else None,
            event_type="system" if kind == "event" else None, place=found.place,
            attachments=tuple(_attachments(parts)), custom=_custom_of(message, parts, offered),
        )  # fmt: skip

    def _meet(self, message: Json, role: TurnRole) -> str | None:
        identity = as_id(message.get("actor_id"))
        if identity is not None and role != "system":
            before = self.known.get(identity)
            is_told = before is None or before.role == "unknown" or role == "bot"
            self.people[identity] = (
                before if before is not None and not is_told
                else Participant(identity, role, "explicit", *_contact(before))
            )  # fmt: skip
        return identity if identity in self.people else None

    def _conversation(self, first: Found) -> Conversation:
        head: Json = {name: value for found in self.heads for name, value in found.value.items() if value is not None}
        turns = tuple(in_order(list(without_repeats(self.turns))))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        status = as_text(head.get("status"))
        is_said = any(turn.kind == "message" for turn in turns)
        return Conversation(
            self.key, turns, (self.heads[0] if self.heads else first).place, tuple(self.people.values()),
            source_uri=(self.heads[0] if self.heads else first).uri, channel="chat",
            channel_raw=as_id(head.get("channel_id")), status=STATES.get((status or "").lower(), status),
            status_raw=status, created_at=as_time(head.get("created_time")) or (times[0] if times else None),
            updated_at=as_time(head.get("updated_time")) or (times[-1] if times else None),
            completeness="complete" if is_said else "events_only",
            custom={name: value for name, value in head.items() if name not in READ_FIELDS and value not in EMPTY},
        )  # fmt: skip


def _contact(person: Participant | None) -> tuple[str | None, str | None, str | None]:
    return (person.display_name, person.email, person.phone) if person else (None, None, None)


def _shown(part: Any) -> str:  # noqa: ANN401 - any JSON value
    """Give what a part shows: a text, a button's label, the cards of a carousel."""
    lines: list[str] = []
    for name, held in as_dict(part).items():
        if name in SHOWN:
            lines += [text for one in SHOWN[name] if (text := as_text(as_dict(held).get(one)))][:1]
        elif name == "collection":
            lines += [_shown(inner) for inner in as_list(as_dict(held).get("sub_parts"))]
        elif name == "template_content":
            sections = map(as_dict, as_list(as_dict(held).get("sections")))
            lines += [_shown(inner) for section in sections for inner in as_list(section.get("parts"))]
    return "\n".join(filter(None, lines))


def _attachments(parts: list[Any]) -> Iterator[Attachment]:
    for part in map(as_dict, parts):
        for name in FILES:
            file = as_dict(part.get(name))
            if file:
                size = file.get("file_size_in_bytes")
                yield Attachment(
                    as_text(file.get("name")), as_text(file.get("content_type")) or name,
                    size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(file.get("url")),
                )  # fmt: skip


def _custom_of(message: Json, parts: list[Any], offered: list[str]) -> Json:
    read = {*SHOWN, *FILES, "collection", "template_content"}
    others = sorted({name for part in map(as_dict, parts) for name in part if name not in read})
    kept = {"offered": offered, "parts_not_read": others, "interaction_id": as_id(message.get("interaction_id")),
            "meta_data": as_dict(message.get("meta_data"))}  # fmt: skip
    return {name: value for name, value in kept.items() if value}

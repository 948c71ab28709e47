"""Zendesk Chat (Zopim): chats with their history, and offline messages.

To get them: save the pages of the Chat API (`/api/v2/chat/incremental/chats?fields=chats(*)` or `/api/v2/chats`), one
chat a line or a file of its own also; or a warehouse's tables as CSV or Parquet: Airbyte's chats, Fivetran's chat,
chat_history, visitor, chat_tag and chat_agent. The agents' page of the same API gives names and addresses; files of
one folder belong together. Chats of the newer messaging are in the audits of their tickets: see zendesk.

Each message has a name and no role: `sender_type` or `nick` tell who writes where they are there; else who is called
as one of the chat's agents is an agent, who is called as the visitor the customer, and where both are called the same
the visitor's messages are those with a `msg_id`. Triggers and the system are no people. An offline message is the one
turn of its chat. Joins, tags, ratings and transfers are internal events. The rating of a chat, good or bad, is its
CSAT.

Not read: files behind messages. Unconfirmed: Fivetran's tables, nick, sender_type and the types other than chat.msg,
chat.memberjoin, chat.memberleave, chat.tag and chat.comment, which stay as events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.loose import as_dict, as_flag, as_id, as_json, as_list, as_text, as_time
from ingest.records import Attachment, Automation, Conversation, Participant, Record, Reject, Turn, TurnRole
from ingest.source import Sample
from ingest.warehouse import is_warehouse, records_in, sample_records
from ingest.zendesk_chat_tables import ChatTables, Row, part_of_row
from ingest.zendesk_words import attachment_of, rating_of, redaction_of

Json = dict[str, Any]
Part = Literal["chats", "agents"]

LISTS = ("chats",)
NESTED = frozenset({"history", "visitor", "session", "agent_names", "agent_ids", "tags", "count", "webpath",
                    "response_time", "conversions"})  # fmt: skip
CHAT_SIGNS = frozenset({"history", "session", "started_by", "agent_names", "webpath", "zendesk_ticket_id", "missed",
                        "department_id", "unread"})  # fmt: skip
AGENT_SIGNS = frozenset({"display_name", "enabled_departments", "roles", "skills", "login_count", "departments"})
READ_FIELDS = frozenset(
    ("id", "history", "visitor", "timestamp", "end_timestamp", "update_timestamp", "tags", "rating", "comment",
     "message", "type", "agent_names", "agent_ids", "deleted")
)  # fmt: skip
EMPTY = (None, "", [], {})

SENDERS: dict[str, tuple[TurnRole, Automation | None]] = {
    "visitor": ("customer", None), "agent": ("agent", None), "trigger": ("bot", "trigger"),
    "system": ("system", "workflow"), "bot": ("bot", "bot"),
}  # fmt: skip
MESSAGES: dict[str, str] = {"chat.systemmsg": "system", "chat.triggermsg": "trigger", "chat.triggered": "trigger"}
"""Types of messages that say who writes them."""

SPOKEN = frozenset({"chat.msg", "chat.file", "offline_msg", *MESSAGES})
NAMED, GUESSED = 0.8, 0.6
"""How sure a role is that only a name tells, and one that only a message's id does."""


class ZendeskChat:
    """Read pages of Zendesk's Chat API."""

    name = "zendesk_chat"
    title = "Zendesk Chat (API pages, Fivetran and Airbyte tables)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records hold."""
        records = [record for given in sample_records(sample, LISTS, NESTED) for _, record in _opened(given)]
        parts = {_part_of(record) for record in records}
        if parts & {"items", "chat_rows", "tags", "members", "visitors"}:
            return Evidence(0.9, ("a table of Zendesk Chat, as Fivetran lays it out",), part="tables")
        if "chats" in parts:
            return Evidence(
                0.95, ("chats with visitor and history, or offline messages, of Zendesk Chat",), part="chats"
            )
        return Evidence(0.9, ("agents of Zendesk Chat",), part="agents") if "agents" in parts else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each chat with its history; a chat that says nothing as a reject."""
        agents, tables = dict[str, Json](), ChatTables(reading.spool)
        for recognised in sorted(reading.files, key=lambda found: found.part != "agents"):
            for found in records_in(recognised.file, LISTS, NESTED):
                if isinstance(found, Reject):
                    yield found
                    continue
                for place, value in _opened(found.value):
                    one = found.inner(place, value) if place else found
                    part = _part_of(value)
                    if part == "agents":
                        agents[as_id(value.get("id")) or ""] = value
                    elif part == "chats":
                        yield _Chat(one, agents).record()
                    elif part is None:
                        yield one.unknown("the record is no chat and no agent")
                    else:
                        yield from tables.add(part, one)
        for found in tables.chats():
            yield found if isinstance(found, Reject) else _Chat(found, agents).record()


CONNECTOR: Connector = ZendeskChat()


def _opened(record: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - any JSON value
    """Give the chats of an answer to a question for several ids, each under its id; any other record as it is."""
    docs = as_dict(as_dict(record).get("docs"))
    if docs and "id" not in record:
        yield from ((f"chat {number}", chat) for number, chat in enumerate(docs.values(), start=1))
    else:
        yield "", record


def _part_of(record: Any) -> Part | Row | None:  # noqa: ANN401 - any JSON value
    names: frozenset[str] = frozenset(as_dict(record))
    if row := part_of_row(names, is_warehouse=is_warehouse({name.lower() for name in names})):
        return row
    if "id" not in names:
        return None
    is_offline = record.get("type") == "offline_msg" and "message" in names
    if "visitor" in names and (is_offline or len(CHAT_SIGNS & names) >= 2):
        return "chats"
    return "agents" if len(AGENT_SIGNS & names) >= 3 else None


@dataclass(slots=True)
class _Chat:
    """One chat on its way to a conversation."""

    found: Found
    agents: Mapping[str, Json]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])

    @property
    def _value(self) -> Json:
        return self.found.value

    @property
    def _visitor(self) -> Json:
        return as_dict(self._value.get("visitor"))

    def record(self) -> Record:
        """Give the conversation, or why there is none."""
        value, rating = self._value, rating_of(self._value.get("rating"))
        visitor = self._meet_visitor()
        self._meet_agents()
        turns = [
            self._turn(as_dict(item), number) for number, item in enumerate(as_list(value.get("history")), start=1)
        ]
        if text := as_text(value.get("message")):
            turns.insert(0, self._offline(text, visitor))
        if not turns:
            return self.found.reject("no_turns", "there is no message and no history; ask the API for all fields")
        is_said = any(turn.kind == "message" for turn in turns)
        ticket = as_id(value.get("zendesk_ticket_id"))
        custom = {name: value[name] for name in value if name not in READ_FIELDS and value[name] not in EMPTY}
        return Conversation(
            as_id(value.get("id")), tuple(turns), self.found.place, tuple(self.people.values()),
            source_uri=self.found.uri, channel="chat", channel_raw=as_text(value.get("type")),
            status="deleted" if as_flag(value.get("deleted")) else None,
            created_at=as_time(value.get("timestamp")), closed_at=as_time(value.get("end_timestamp")),
            updated_at=as_time(value.get("update_timestamp")) or as_time(value.get("end_timestamp")),
            tags=tuple(str(tag) for tag in as_list(value.get("tags"))), csat_score=rating.score,
            csat_scale=rating.scale, csat_label=rating.label, csat_comment=as_text(value.get("comment")),
            completeness="complete" if is_said else "events_only",
            custom=custom | rating.custom | ({"zendesk_ticket_id": ticket} if ticket else {}),
        )  # fmt: skip

    def _meet_visitor(self) -> str:
        """Note the visitor, whose id the API gives; without one they are known within the chat alone."""
        given = self._visitor
        identity = as_id(given.get("id")) or f"visitor of {as_id(self._value.get('id'))}"
        self.people[identity] = Participant(
            identity, "customer", "explicit", as_text(given.get("name")), as_text(given.get("email")),
            as_text(given.get("phone")),
        )  # fmt: skip
        return identity

    def _meet_agents(self) -> None:
        """Note the agents: ids and names stand in lists of their own, in one order."""
        names = [as_text(name) for name in as_list(self._value.get("agent_names"))]
        ids = [as_id(identity) for identity in as_list(self._value.get("agent_ids"))]
        pairs = zip(ids, names, strict=True) if len(ids) == len(names) else ((name, name) for name in names)
        for identity, name in pairs:
            known = self.agents.get(identity or "", {})
            if identity and identity not in self.people:
                shown = name or as_text(known.get("display_name"))
                self.people[identity] = Participant(identity, "agent", "explicit", shown, as_text(known.get("email")))

    def _turn(self, item: Json, number: int) -> Turn:
        kind = as_text(item.get("type")) or "event"
        role, automation, author = self._speaker(item, kind)
        text = as_text(item.get("msg")) or ""
        files = tuple(_files(item)) if kind == "chat.file" else ()
        is_said = kind in SPOKEN and bool(text or files)
        return Turn(
            role if is_said else "system", text or ("" if is_said else _told(item, kind)), author=author,
            external_id=as_id(item.get("msg_id")), created_at=as_time(item.get("timestamp")),
            kind="message" if is_said else "event", visibility="public" if is_said else "internal",
            event_type=None if is_said else kind, is_automated=automation is not None,
            automation=automation if is_said else None, is_deleted=self._is_deleted or item.get("deleted") is True,
            source_redaction=redaction_of(text), place=f"{self.found.place} item {number}", attachments=files,
            custom={"options": item["options"]} if item.get("options") not in EMPTY else {},
        )  # fmt: skip

    def _offline(self, text: str, visitor: str) -> Turn:
        return Turn(
            "customer", text, author=visitor, created_at=as_time(self._value.get("timestamp")),
            is_deleted=self._is_deleted, source_redaction=redaction_of(text), place=self.found.place,
        )  # fmt: skip

    @property
    def _is_deleted(self) -> bool:
        return as_flag(self._value.get("deleted")) is True

    def _speaker(self, item: Json, kind: str) -> tuple[TurnRole, Automation | None, str | None]:
        """Say who writes: as the item tells, else by the name, else by what only visitors' messages have."""
        side, _, actor = (as_text(item.get("nick")) or "").partition(":")
        told = MESSAGES.get(kind) or ("trigger" if actor == "trigger" else None)
        told = told or (as_text(item.get("sender_type")) or side).lower()
        name = as_text(item.get("name"))
        if told in SENDERS:
            role, automation = SENDERS[told]
            return role, automation, None if automation else self._author(role, name, actor or None)
        agents = {person.display_name for person in self.people.values() if person.role == "agent"}
        is_visitor, is_agent = name == as_text(self._visitor.get("name")), name in agents
        if is_visitor != is_agent:
            role = "agent" if is_agent else "customer"
            return role, None, self._author(role, name, None, confidence=NAMED)
        role = "customer" if as_id(item.get("msg_id")) is not None else "agent"
        return role, None, self._author(role, name, None, confidence=GUESSED)

    def _author(
        self, role: TurnRole, name: str | None, identity: str | None, *, confidence: float | None = None
    ) -> str | None:
        """Give the id of who writes; somebody whom the chat's own lists do not name is met here."""
        if identity in self.people:
            return identity
        same = [person for person in self.people.values() if person.role == role]
        known = next((person for person in same if person.display_name == name), None)
        if role == "customer" and known is None:
            known = same[0]
        if known is not None:
            return known.external_id
        identity = identity or name
        if identity is not None and identity not in self.people:
            source = "explicit" if confidence is None else "inferred"
            self.people[identity] = Participant(identity, role, source, name, role_confidence=confidence)
        return identity


def _told(item: Json, kind: str) -> str:
    """Say in words what an event changed."""
    values = (item.get(name) for name in ("new_rating", "new_comment", "new_tags", "department_name", "name"))
    value = next((value for value in values if value not in EMPTY), None)
    shown = ", ".join(str(entry) for entry in value) if isinstance(value, list) else value
    return f"{kind}: {shown}" if shown else kind


def _files(item: Json) -> Iterator[Attachment]:
    file = as_dict(as_json(item.get("attachment"))) or item
    yield attachment_of({
        "file_name": file.get("name") if file is not item else item.get("filename"), "url": file.get("url"),
        "mime_type": file.get("mime_type"), "size": file.get("size"),
    })  # fmt: skip

"""HubSpot: threads of its inbox, and tickets with the mails, notes and calls that are logged on them.

To get them: save the pages of `/conversations/v3/conversations/threads` and of each thread's `messages` (and of
`actors/batch/read` and `/crm/v3/objects/contacts`, for names); or the CRM objects tickets, emails, notes, calls and
communications with their associations (`/crm/v3/objects/...`, `/engagements/v1/...`); or the warehouse's tables as CSV
or Parquet. Of Fivetran: ticket, ticket_engagement, engagement, engagement_email, engagement_note, engagement_call,
engagement_communication, contact, owner, ticket_pipeline_stage, and for the inbox conversation_thread,
conversation_message_history, conversation_message_sender and conversation_actor. Of Airbyte: tickets, engagements,
engagements_emails, engagements_notes, engagements_calls, contacts and owners, also as it writes them raw
(`_airbyte_data`). Files of one folder
belong together.

A thread or a ticket is a conversation; mails without a ticket are conversations by their mail thread. Comments, notes
and what is logged of calls are internal, welcome messages automatic. A ticket's content is its first message, unless a
mail says the same; it is shown only if the ticket came by mail, form or chat, as else an agent may have written it. A
logged mail or message that does not say its direction is kept, hidden. The stage of a pipeline tells a ticket's status.
Where a thread or ticket has one customer, the contact that it is associated with lends name, address and number.
Not read: what else is known of contacts, companies, recipients, attachments' bytes. Unconfirmed: the letters before
actors' ids, the values of hs_email_direction and source_type, the names of columns other than those seen in Fivetran's,
and the tickets of Airbyte's engagements. `formats.md` 1.7 says where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.hubspot_rows import LISTS, NESTED, Part, actor_role, flat, kind_of, part_of
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.source import Sample
from ingest.times import parse
from ingest.warehouse import is_of_airbyte, records_in, sample_records
from store.spool import Spool

Json = dict[str, Any]

REASONS: dict[Part, tuple[float, str]] = {
    "message": (0.97, "messages with conversationsThreadId, as HubSpot's conversations have them"),
    "thread": (0.96, "threads with inboxId and status, as HubSpot's conversations have them"),
    "sender": (0.95, "senders of messages, as Fivetran lays out HubSpot's conversations"),
    "aside": (0.9, "recipients of messages, as Fivetran lays out HubSpot's conversations"),
    "actor": (0.9, "actors, as HubSpot's conversations have them"),
    "owner": (0.85, "owners, as HubSpot has them"),
    "contact": (0.85, "contacts with HubSpot's properties"),
    "stage": (0.9, "stages of ticket pipelines, as Fivetran lays them out"),
    "ticket": (0.95, "tickets with HubSpot's properties"),
    "engagement": (0.95, "logged mails, notes or calls with HubSpot's properties (hs_...)"),
    "link": (0.95, "ticket_id with engagement_id, as warehouses keep HubSpot's associations"),
}
DIRECTIONS: dict[str, TurnRole] = {
    "INCOMING": "customer", "OUTGOING": "agent", "INCOMING_EMAIL": "customer", "EMAIL": "agent", "INBOUND": "customer",
    "OUTBOUND": "agent",
}  # fmt: skip
MESSAGE_KINDS: dict[str, Kind] = {"MESSAGE": "message", "WELCOME_MESSAGE": "message", "COMMENT": "note"}
LOGGED_KINDS: dict[str, Kind] = {"email": "message", "communication": "message", "note": "note", "call": "call"}
BODIES = {
    "email": ("hs_email_text", "hs_email_html", "text", "html"), "note": ("hs_note_body", "hs_body_preview", "body"),
    "call": ("hs_call_body", "hs_call_title", "body"), "communication": ("hs_communication_body", "body"),
    "meeting": ("hs_meeting_title", "hs_meeting_body", "title", "body"),
    "task": ("hs_task_subject", "hs_task_body", "subject"),
}  # fmt: skip
CUSTOMERS_OWN = frozenset({"EMAIL", "FORM", "CHAT"})
"""Sources of tickets whose content is what the customer wrote."""

UNSENT = frozenset({"DRAFT", "SCHEDULED", "SENDING"})
CONTACT_FIELDS = ("firstname", "lastname", "email", "phone", "mobilephone")
LIST_IDS: dict[Part, str] = {"actor": "id", "owner": "owner_id", "stage": "stage_id"}
TICKET_CUSTOM = ("hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_resolution", "source_type")


class HubSpot:
    """Read HubSpot's threads and tickets."""

    name = "hubspot"
    title = "HubSpot (inbox threads, tickets with engagements, Fivetran and Airbyte tables)"
    version = 2
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        for record in sample_records(sample, LISTS, NESTED):
            if (part := part_of(flat(record))) is not None:
                return Evidence(REASONS[part][0], (REASONS[part][1],), part=part, spans_folders=is_of_airbyte(sample))
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread and each ticket with what belongs to it; engagements find their tickets first."""
        engagements, contacts, cases = reading.spool.another(), reading.spool.another(), reading.spool
        lists = _Lists()
        for recognised in reading.files:
            for found in records_in(recognised.file, LISTS, NESTED):
                if isinstance(found, Reject):
                    yield found
                else:
                    yield from _sort_in(found, engagements, contacts, cases, lists)
        for key, rows in engagements.groups():
            yield from _to_tickets(key, [(part, Found(*row)) for part, *row in rows], cases)
        for _, rows in contacts.groups():
            _to_heads([(part, Found(*row)) for part, *row in rows], cases)
        for key, rows in cases.groups():
            yield from _case(key, [(part, Found(*row)) for part, *row in rows], lists)


CONNECTOR: Connector = HubSpot()


@dataclass(slots=True)
class _Lists:
    """What only explains other records: who acts, who owns what, what pipelines' stages mean."""

    actors: dict[str, Json] = field(default_factory=dict[str, Json])
    stages: dict[str, Json] = field(default_factory=dict[str, Json])

    def take(self, part: Part, record: Json) -> bool:
        """Keep a record of these lists; tell whether it is one."""
        identity = as_id(record.get(LIST_IDS.get(part, ""))) or as_id(record.get("id"))
        if part == "aside":
            return True
        if part not in LIST_IDS or identity is None:
            return False
        if part == "owner":
            name = [as_text(record.get(one)) for one in ("first_name", "firstName", "last_name", "lastName")]
            record = {"name": " ".join(filter(None, name)), "email": record.get("email")}
        (self.stages if part == "stage" else self.actors)[identity] = record
        return True


def _sort_in(found: Found, engagements: Spool, contacts: Spool, cases: Spool, lists: _Lists) -> Iterator[Reject]:
    record = flat(found.value)
    part = part_of(record)
    one = Found(found.place, found.uri, record)
    if part is None:
        yield found.unknown("no thread, message, ticket or engagement of HubSpot")
        return
    if lists.take(part, record):
        return
    name = {"message": "conversationsThreadId", "sender": "thread_id", "link": "engagement_id"}.get(part, "id")
    key = as_id(record.get(name)) if part != "engagement" else None
    if part == "engagement":
        key = as_id(record.get("engagement_id")) or as_id(record.get("id"))
    if key is None:
        yield found.reject("no_identity", f"there is no {name}")
    elif part in ("engagement", "link"):
        engagements.put(key, [part, *one.row()])
    elif part == "contact":
        contacts.put(key, [part, *one.row()])
    elif part in ("thread", "ticket") and (contact := as_id(record.get("associatedContactId"))):
        contacts.put(contact, [part, *one.row()])
    else:
        cases.put(f"{'ticket' if part == 'ticket' else 'thread'} {key}", [part, *one.row()])


def _to_heads(members: list[tuple[Part, Found]], cases: Spool) -> None:
    """Put threads and tickets where they belong, with what is known of the contact that they are about."""
    known = [one.value for part, one in members if part == "contact"]
    told = {name: known[-1].get(name) for name in CONTACT_FIELDS} if known else {}
    for part, head in members:
        if part != "contact":
            one = Found(head.place, head.uri, {**head.value, "contact": told}) if told else head
            cases.put(f"{part} {as_id(head.value.get('id'))}", [part, *one.row()])


def _to_tickets(key: str, members: list[tuple[Part, Found]], cases: Spool) -> Iterator[Reject]:
    """Put an engagement to its tickets; a mail without one goes to its mail thread, other things belong nowhere."""
    links = [one for part, one in members if part == "link"]
    logged = [one for part, one in members if part == "engagement"]
    if not logged:
        for link in links:
            cases.put(f"ticket {as_id(link.value.get('ticket_id'))}", ["link", *link.row()])
        return
    body = {name: value for one in logged for name, value in one.value.items() if value not in (None, "")}
    one = Found(logged[-1].place, logged[-1].uri, {**body, "engagement_id": key})
    tickets = [as_id(link.value.get("ticket_id")) for link in links]
    tickets += [as_id(ticket) for entry in logged for ticket in as_list(entry.value.get("tickets"))]
    for ticket in dict.fromkeys(ticket for ticket in tickets if ticket):
        cases.put(f"ticket {ticket}", ["engagement", *one.row()])
    if any(tickets):
        return
    if kind_of(body) == "email":
        cases.put(f"mail {as_id(body.get('hs_email_thread_id')) or key}", ["engagement", *one.row()])
    else:
        for entry in logged:
            yield entry.reject("orphan", "it is logged on no ticket of the folder; export the associations with it")


def _case(key: str, members: list[tuple[Part, Found]], lists: _Lists) -> Iterator[Record]:
    heads = sorted((one for part, one in members if part in ("ticket", "thread")), key=_newness)
    links = [one for part, one in members if part == "link"]
    senders = [one for part, one in members if part == "sender"]
    said: list[tuple[Part, Found]] = [one for one in members if one[0] in ("message", "engagement")]
    if not heads and not said:
        for one in (*links, *senders):
            yield one.reject("orphan", "neither its ticket or thread, nor what belongs to it, is in the folder")
        return
    case = _Case(key, heads[-1] if heads else said[0][1], lists, {_message_of(one): one.value for one in senders})
    for part, one in said:
        case.take(part, one)
    conversation = case.conversation(is_headed=bool(heads), missing=len(links))
    if conversation.turns:
        yield conversation
    else:
        yield heads[-1].reject("no_turns", "neither a content, nor messages or engagements of it are in the folder")


def _newness(head: Found) -> Any:  # noqa: ANN401 - a time
    return parse(as_time(head.value.get("hs_lastmodifieddate"))).at or NEVER


def _message_of(sender: Found) -> str | None:
    return as_id(sender.value.get("message_id"))


@dataclass(slots=True)
class _Case:
    """One thread or ticket on its way through the connector."""

    key: str
    head: Found
    lists: _Lists
    senders: dict[str | None, Json]
    """Who sent which message, where a table of its own says so."""

    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: dict[str, Turn] = field(default_factory=dict[str, Turn])
    is_cut: bool = False

    def take(self, part: Part, found: Found) -> None:
        """Take in a message or an engagement; of several versions the last one read counts."""
        turn = self._message(found) if part == "message" else self._engagement(found)
        self.turns[turn.external_id or found.place] = turn

    def _message(self, found: Found) -> Turn:
        message: Json = found.value
        name = as_text(message.get("type")) or ""
        sender = as_dict(next(iter(as_list(message.get("senders"))), None))
        row = self.senders.get(as_id(message.get("id")), {})
        actor = as_id(sender.get("actorId")) or as_id(message.get("createdBy")) or as_id(row.get("actor_id"))
        role = _sender_role(name, actor, as_text(message.get("direction")))
        kind = MESSAGE_KINDS.get(name, "event")
        rich, plain = as_text(message.get("richText")), as_text(message.get("text"))
        address = as_text(as_dict(sender.get("deliveryIdentifier")).get("value"))
        address = address or as_text(row.get("delivery_identifier_value"))
        self._meet(actor, role, as_text(sender.get("name")) or as_text(row.get("name")), address)
        self.is_cut |= (as_text(message.get("truncationStatus")) or "NOT_TRUNCATED") != "NOT_TRUNCATED"
        return Turn(
            "system" if kind == "event" else role, plain or (rich if kind != "event" else name) or "",
            external_id=as_id(message.get("id")), author=actor, created_at=as_time(message.get("createdAt")),
            kind=kind, visibility=_visibility(kind, role),
            body_format="html" if rich and not plain and kind != "event" else "text",
            is_automated=role == "bot", automation=_automation(name, actor) if role == "bot" else None,
            is_deleted=message.get("archived") is True, reply_to=as_id(message.get("inReplyToId")),
            event_type=name if kind == "event" else None, place=found.place,
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(message.get("attachments"))),
        )  # fmt: skip

    def _engagement(self, found: Found) -> Turn:
        logged: Json = found.value
        name = kind_of(logged) or "note"
        text, source = next(((text, one) for one in BODIES[name] if (text := as_text(logged.get(one)))), ("", ""))
        told = as_text(logged.get("hs_email_direction")) or as_text(logged.get("hs_communication_direction")) or ""
        if not told and "INCOMING_EMAIL" in (logged.get("kind"), logged.get("type")):
            told = "INCOMING_EMAIL"
        role: TurnRole = DIRECTIONS.get(told, "system") if name in ("email", "communication") else "agent"
        kind = LOGGED_KINDS.get(name, "event")
        owner = as_id(logged.get("hubspot_owner_id"))
        mail = as_text(logged.get("hs_email_from_email")) or as_text(logged.get("from_email"))
        mail = mail or as_text(as_dict(logged.get("from")).get("email"))
        author = mail if role == "customer" else owner if role == "agent" else None
        self._meet(author, role, None, mail if role == "customer" else None)
        return Turn(
            "system" if kind == "event" else role, text or ("" if kind != "event" else name),
            external_id=as_id(logged.get("engagement_id")), author=author,
            created_at=as_time(logged.get("hs_timestamp")) or as_time(logged.get("hs_createdate")), kind=kind,
            visibility=_visibility(kind, role), body_format=_format(name, source),
            is_deleted=as_flag(logged.get("_fivetran_deleted")) is True or as_flag(logged.get("archived")) is True,
            is_draft=as_text(logged.get("hs_email_status")) in UNSENT, event_type=name if kind == "event" else None,
            place=found.place,
            custom={one: logged[one] for one in ("hs_email_subject", "hs_call_direction", "hs_call_duration")
                    if logged.get(one)},
        )  # fmt: skip

    def _meet(self, identity: str | None, role: TurnRole, name: str | None, address: str | None) -> None:
        if identity is None or identity in self.people:
            return
        actor = self.lists.actors.get(identity, {})
        address = address or as_text(actor.get("email"))
        told = "explicit" if actor_role(identity) else "direction"
        self.people[identity] = Participant(
            identity, role, told, name or as_text(actor.get("name")), address if address and "@" in address else None
        )

    def _learn(self, contact: Json) -> None:
        """Give the only customer there is the contact's name, address and number, where the messages have none."""
        customers = [identity for identity, person in self.people.items() if person.role == "customer"]
        if not contact or len(customers) != 1:
            return
        name = " ".join(filter(None, (as_text(contact.get("firstname")), as_text(contact.get("lastname")))))
        person = self.people[customers[0]]
        self.people[customers[0]] = replace(
            person, display_name=person.display_name or name or None,
            email=person.email or as_text(contact.get("email")),
            phone=person.phone or as_id(contact.get("phone")) or as_id(contact.get("mobilephone")),
        )  # fmt: skip

    def _first(self) -> Iterator[Turn]:
        """Make a turn of a ticket's content, unless one of its mails says the same."""
        head: Json = self.head.value
        content = as_text(head.get("content"))
        said = " ".join((content or "").split())
        if content and not any(said in " ".join(turn.text.split()) for turn in self.turns.values()):
            is_told = as_text(head.get("source_type")) in CUSTOMERS_OWN
            yield Turn(
                "customer", content, created_at=as_time(head.get("createdate")),
                visibility="public" if is_told else "unknown", place=f"{self.head.place} content",
            )  # fmt: skip

    def conversation(self, *, is_headed: bool, missing: int) -> Conversation:
        """Give what came together; `missing` engagements are linked and not in the folder."""
        head: Json = self.head.value if is_headed else {}
        self._learn(as_dict(head.get("contact")))
        kind, _, identity = self.key.partition(" ")
        turns = (*(self._first() if kind == "ticket" else ()), *in_order(list(self.turns.values())))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        subject = as_text(head.get("subject")) or _mail_subject(turns)
        stage_id = head.get("hs_pipeline_stage")
        stage = self.lists.stages.get(as_id(stage_id) or "", {})
        status = as_text(head.get("status")) or as_text(stage.get("ticket_state"))
        status = status or ("closed" if head.get("closed_date") else None)
        is_deleted = as_flag(head.get("is_deleted")) is True or as_flag(head.get("archived")) is True
        is_said = any(turn.kind == "message" for turn in turns)
        ticket = as_id(as_dict(head.get("threadAssociations")).get("associatedTicketId"))
        return Conversation(
            identity if kind == "thread" else self.key, turns, self.head.place, tuple(self.people.values()),
            source_uri=self.head.uri, parent_id=f"ticket {ticket}" if ticket else None, subject=subject,
            channel={"thread": "chat"}.get(kind, "email"),
            status="deleted" if is_deleted else status.lower() if status else None,
            status_raw=as_text(head.get("status")) or as_text(stage.get("label")) or as_id(stage_id),
            priority=(as_text(head.get("hs_ticket_priority")) or "").lower() or None,
            created_at=as_time(head.get("createdAt", head.get("createdate"))) or (times[0] if times else None),
            updated_at=as_time(head.get("hs_lastmodifieddate")) or (times[-1] if times else None),
            closed_at=as_time(head.get("closedAt", head.get("closed_date"))) or None,
            completeness="events_only" if not is_said else "truncated_body" if self.is_cut or missing else "complete",
            custom=self._custom(head, missing),
        )  # fmt: skip

    def _custom(self, head: Json, missing: int) -> Json:
        names = (*TICKET_CUSTOM, "inboxId", "originalChannelId", "associatedContactId", "threadAssociations", "spam")
        kept = {name: head.get(name) for name in names} | {"engagements_missing": missing}
        return {name: value for name, value in kept.items() if value}


def _sender_role(name: str, actor: str | None, direction: str | None) -> TurnRole:
    """Tell who sends: what comes in is the customer's; of what goes out, the actor tells an agent from a bot."""
    if name == "WELCOME_MESSAGE":
        return "bot"
    told, moving = actor_role(actor), DIRECTIONS.get(direction or "")
    if moving == "customer" or told is None:
        return moving or "system"
    return "agent" if told == "customer" and moving == "agent" else told


def _visibility(kind: Kind, role: TurnRole) -> Visibility:
    if kind != "message":
        return "internal"
    return "public" if role != "system" else "unknown"


def _automation(name: str, actor: str | None) -> Automation:
    if name == "WELCOME_MESSAGE":
        return "welcome"
    return "ai" if (actor or "").startswith("L-") else "bot"


def _format(name: str, source: str) -> BodyFormat:
    if name == "email":
        return "html_mail" if source.endswith("html") else "mail"
    return "text" if source == "hs_body_preview" else "html"


def _mail_subject(turns: tuple[Turn, ...]) -> str | None:
    return next((text for turn in turns if (text := as_text(turn.custom.get("hs_email_subject")))), None)


def _attachment(file: Json) -> Attachment:
    return Attachment(
        as_text(file.get("name")) or as_id(file.get("fileId")), as_text(file.get("fileUsageType")),
        url=as_text(file.get("url")),
    )  # fmt: skip

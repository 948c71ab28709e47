"""HubSpot: threads of its inbox, and tickets with the mails, notes and calls that are logged on them.

To get them: save the pages of `/conversations/v3/conversations/threads` and of each thread's `messages` (and of
`actors/batch/read`, for names); or the CRM objects tickets, emails, notes, calls and communications with their
associations (`/crm/v3/objects/...`, `/engagements/v1/...`), or the warehouse tables that Fivetran lays out (ticket,
ticket_engagement, engagement_email, ...). Files of one folder belong together.

A thread or a ticket is a conversation; mails without a ticket are conversations by their mail thread. Comments, notes
and what is logged of calls are internal, welcome messages automatic. A ticket's content is its first message, unless a
mail says the same; it is shown only if the ticket came by mail, form or chat, as else an agent may have written it. A
logged mail or message that does not say its direction is kept, hidden. Not read: contacts, companies, pipelines' names,
attachments' bytes. Unconfirmed: the letters before actors' ids, the values of hs_email_direction and source_type, and
the names of columns other than those seen in Fivetran's. `formats.md` 1.7 says where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.records import (
    Attachment,
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
from ingest.source import Sample, SourceFile
from ingest.tables_reader import Row, read_table, sample_table
from store.spool import Spool

Json = dict[str, Any]
Part = Literal["message", "thread", "actor", "ticket", "engagement", "link"]

LISTS = ("results",)
REASONS: dict[Part, tuple[float, str]] = {
    "message": (0.97, "messages with conversationsThreadId, as HubSpot's conversations have them"),
    "thread": (0.96, "threads with inboxId and status, as HubSpot's conversations have them"),
    "actor": (0.9, "actors, as HubSpot's conversations have them"),
    "ticket": (0.95, "tickets with HubSpot's properties"),
    "engagement": (0.95, "logged mails, notes or calls with HubSpot's properties (hs_...)"),
    "link": (0.95, "ticket_id with engagement_id, as warehouses keep HubSpot's associations"),
}
ACTORS: dict[str, TurnRole] = {
    "A": "agent", "B": "bot", "L": "bot", "I": "bot", "S": "bot", "V": "customer", "E": "customer",
}  # fmt: skip
DIRECTIONS: dict[str, TurnRole] = {
    "INCOMING": "customer", "OUTGOING": "agent", "INCOMING_EMAIL": "customer", "EMAIL": "agent", "INBOUND": "customer",
    "OUTBOUND": "agent",
}  # fmt: skip
MESSAGE_KINDS: dict[str, Kind] = {"MESSAGE": "message", "WELCOME_MESSAGE": "message", "COMMENT": "note"}
LOGGED_KINDS: dict[str, Kind] = {"email": "message", "communication": "message", "note": "note", "call": "call"}
SAID = ("email", "note", "call", "communication", "meeting", "task")
BODIES = {
    "email": ("hs_email_text", "hs_email_html", "text", "html"), "note": ("hs_note_body", "hs_body_preview", "body"),
    "call": ("hs_call_body", "hs_call_title", "body"), "communication": ("hs_communication_body", "body"),
    "meeting": ("hs_meeting_title", "hs_meeting_body", "title", "body"),
    "task": ("hs_task_subject", "hs_task_body", "subject"),
}  # fmt: skip
CUSTOMERS_OWN = frozenset({"EMAIL", "FORM", "CHAT"})
"""Sources of tickets whose content is what the customer wrote."""

UNSENT = frozenset({"DRAFT", "SCHEDULED", "SENDING"})
TICKET_SIGNS = frozenset({"hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category", "content"})
PREFIXES = ("property_", "properties_")
TICKET_CUSTOM = ("hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_resolution", "source_type")


class HubSpot:
    """Read HubSpot's threads and tickets."""

    name = "hubspot"
    title = "HubSpot (inbox threads, tickets with engagements, Fivetran tables)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        table = sample_table(sample)
        shown = [dict.fromkeys(table.columns, "")] if table is not None else sample_json(sample, LISTS)
        for record in shown:
            if (part := _part_of(_flat(record))) is not None:
                return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread and each ticket with what belongs to it; engagements find their tickets first."""
        engagements, cases = reading.spool.another(), reading.spool
        actors: dict[str, Json] = {}
        for recognised in reading.files:
            for found in _records(recognised.file):
                if isinstance(found, Reject):
                    yield found
                else:
                    yield from _sort_in(found, engagements, cases, actors)
        for key, rows in engagements.groups():
            yield from _to_tickets(key, [(part, Found(*row)) for part, *row in rows], cases)
        for key, rows in cases.groups():
            yield from _case(key, [(part, Found(*row)) for part, *row in rows], actors)


CONNECTOR: Connector = HubSpot()


def _records(file: SourceFile) -> Iterator[Found | Reject]:
    table = read_table(file) if sample_table(file.sample) is not None else None
    if table is None:
        yield from records_of(file, LISTS)
        return
    for row in table.rows:
        yield Found(row.place, file.uri, row.values) if isinstance(row, Row) else replace(row, source_uri=file.uri)


def _flat(record: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Bring CRM objects, engagements of version 1 and warehouse rows to one shape: id, properties, tickets."""
    if not isinstance(record, dict):
        return {}
    if isinstance(record.get("engagement"), dict):
        head, tickets = record["engagement"], as_list(as_dict(record.get("associations")).get("ticketIds"))
        return {
            **as_dict(record.get("metadata")), "hs_timestamp": head.get("timestamp"), "kind": head.get("type"),
            "hubspot_owner_id": head.get("ownerId"), "engagement_id": head.get("id"), "tickets": tickets,
        }  # fmt: skip
    if isinstance(record.get("properties"), dict):
        linked = as_list(as_dict(as_dict(record.get("associations")).get("tickets")).get("results"))
        return {**record["properties"], "id": record.get("id"), "archived": record.get("archived"),
                "tickets": [as_dict(one).get("id") for one in linked]}  # fmt: skip
    if not any(name.startswith(PREFIXES) or name.startswith("_fivetran") for name in record):
        return record
    return {name.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1]): value for name, value in record.items()}


def _part_of(flat: Json) -> Part | None:
    names = flat.keys()
    if "conversationsThreadId" in names and {"type", "createdAt"} <= names:
        return "message"
    if {"inboxId", "status", "createdAt"} <= names:
        return "thread"
    if {"ticket_id", "engagement_id"} <= names:
        return "link"
    if {"engagement_id", "hs_timestamp"} <= names or (_kind_of(flat) is not None and {"engagement_id", "id"} & names):
        return "engagement"
    if "id" in names and TICKET_SIGNS & names and ("subject" in names or "createdate" in names):
        return "ticket"
    return "actor" if "type" in names and _actor_role(as_id(flat.get("id"))) else None


def _kind_of(flat: Json) -> str | None:
    """Tell what is logged, by its type or by the properties that only this kind has."""
    told = (as_text(flat.get("kind")) or as_text(flat.get("type")) or "").lower().removeprefix("incoming_")
    is_logged = "engagement_id" in flat or "portal_id" in flat
    if is_logged and told.removeprefix("forwarded_") in SAID:
        return told.removeprefix("forwarded_")
    return next((kind for kind in SAID if any(name.startswith(f"hs_{kind}_") for name in flat)), None) or (
        "call" if is_logged and "portal_id" in flat else None
    )


def _actor_role(identity: str | None) -> TurnRole | None:
    head, dash, rest = (identity or "").partition("-")
    return ACTORS.get(head) if dash and rest else None


def _sort_in(found: Found, engagements: Spool, cases: Spool, actors: dict[str, Json]) -> Iterator[Reject]:
    flat = _flat(found.value)
    part = _part_of(flat)
    one = Found(found.place, found.uri, flat)
    if part is None:
        yield found.unknown("no thread, message, ticket or engagement of HubSpot")
        return
    name = {"message": "conversationsThreadId", "link": "engagement_id"}.get(part, "id")
    key = as_id(flat.get("engagement_id")) or as_id(flat.get("id")) if part == "engagement" else as_id(flat.get(name))
    if key is None:
        yield found.reject("no_identity", f"there is no {name}")
    elif part == "actor":
        actors[key] = flat
    elif part in ("engagement", "link"):
        engagements.put(key, [part, *one.row()])
    else:
        cases.put(f"{'ticket' if part == 'ticket' else 'thread'} {key}", [part, *one.row()])


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
    if _kind_of(body) == "email":
        cases.put(f"mail {as_id(body.get('hs_email_thread_id')) or key}", ["engagement", *one.row()])
    else:
        for entry in logged:
            yield entry.reject("orphan", "it is logged on no ticket of the folder; export the associations with it")


def _case(key: str, members: list[tuple[Part, Found]], actors: dict[str, Json]) -> Iterator[Record]:
    heads = [one for part, one in members if part in ("ticket", "thread")]
    links = [one for part, one in members if part == "link"]
    said: list[tuple[Part, Found]] = [one for one in members if one[0] in ("message", "engagement")]
    if not heads and not said:
        for link in links:
            yield link.reject("orphan", "neither its ticket nor its engagement is in the folder")
        return
    case = _Case(key, heads[-1] if heads else said[0][1], actors)
    for part, one in said:
        case.take(part, one)
    conversation = case.conversation(is_headed=bool(heads), missing=len(links))
    if conversation.turns:
        yield conversation
    else:
        yield heads[-1].reject("no_turns", "neither a content, nor messages or engagements of it are in the folder")


@dataclass(slots=True)
class _Case:
    """One thread or ticket on its way through the connector."""

    key: str
    head: Found
    actors: dict[str, Json]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: dict[str, Turn] = field(default_factory=dict[str, Turn])
    is_cut: bool = False

    def take(self, part: Part, found: Found) -> None:
        """Take in a message or an engagement; of several versions the last one read counts."""
        turn = self._message(found) if part == "message" else self._engagement(found)
        self.turns[turn.external_id or found.place] = turn

    def _message(self, found: Found) -> Turn:
        message: Json = found.value
        name = as_text(message.get("type")) or "MESSAGE"
        sender = as_dict(next(iter(as_list(message.get("senders"))), None))
        actor = as_id(sender.get("actorId")) or as_id(message.get("createdBy"))
        role = _sender_role(name, actor, as_text(message.get("direction")))
        kind = MESSAGE_KINDS.get(name, "event")
        rich, plain = as_text(message.get("richText")), as_text(message.get("text"))
        address = as_text(as_dict(sender.get("deliveryIdentifier")).get("value"))
        self._meet(actor, role, as_text(sender.get("name")), address)
        self.is_cut |= (as_text(message.get("truncationStatus")) or "NOT_TRUNCATED") != "NOT_TRUNCATED"
        return Turn(
            "system" if kind == "event" else role, (plain or name) if kind == "event" else (plain or rich or ""),
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
        name = _kind_of(logged) or "note"
        text, source = next(((text, one) for one in BODIES[name] if (text := as_text(logged.get(one)))), ("", ""))
        told = as_text(logged.get("hs_email_direction")) or as_text(logged.get("hs_communication_direction")) or ""
        if not told and as_text(logged.get("kind")) == "INCOMING_EMAIL":
            told = "INCOMING_EMAIL"
        role: TurnRole = DIRECTIONS.get(told, "system") if name in ("email", "communication") else "agent"
        kind = LOGGED_KINDS.get(name, "event")
        owner = as_id(logged.get("hubspot_owner_id"))
        mail = as_text(logged.get("hs_email_from_email")) or as_text(as_dict(logged.get("from")).get("email"))
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
        actor = self.actors.get(identity, {})
        address = address or as_text(actor.get("email"))
        told = "explicit" if _actor_role(identity) else "direction"
        self.people[identity] = Participant(
            identity, role, told, name or as_text(actor.get("name")), address if address and "@" in address else None
        )

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
        kind, _, identity = self.key.partition(" ")
        turns = (*(self._first() if kind == "ticket" else ()), *in_order(list(self.turns.values())))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        subject = as_text(head.get("subject")) or _mail_subject(turns)
        status = as_text(head.get("status")) or ("closed" if head.get("closed_date") else None)
        is_deleted = as_flag(head.get("is_deleted")) is True or as_flag(head.get("archived")) is True
        is_said = any(turn.kind == "message" for turn in turns)
        ticket = as_id(as_dict(head.get("threadAssociations")).get("associatedTicketId"))
        return Conversation(
            identity if kind == "thread" else self.key, turns, self.head.place, tuple(self.people.values()),
            source_uri=self.head.uri, parent_id=f"ticket {ticket}" if ticket else None, subject=subject,
            channel={"thread": "chat"}.get(kind, "email"),
            status="deleted" if is_deleted else status.lower() if status else None,
            status_raw=as_text(head.get("status")) or as_text(head.get("hs_pipeline_stage")),
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
    told, moving = _actor_role(actor), DIRECTIONS.get(direction or "")
    if moving == "customer" or told is None:
        return moving or "system"
    return "agent" if told == "customer" and moving == "agent" else told


def _visibility(kind: Kind, role: TurnRole) -> Visibility:
    if kind != "message":
        return "internal"
    return "public" if role != "system" else "unknown"


def _automation(name: str, actor: str | None) -> str:
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

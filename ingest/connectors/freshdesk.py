"""Freshdesk: tickets with their conversations and notes, as API v2 and v1 give them, and the account export's XML.

To get them: Admin, Account, Export data (one XML or JSON file for some hundred tickets); or save the API's pages:
`/api/v2/tickets?include=description,requester`, `/tickets/ID/conversations`, `/contacts`, `/agents` and
`/surveys/satisfaction_ratings`. Files of one folder belong together and are sorted by ticket on disk.

The description is the first message and stands in no conversation; of a ticket by outbound mail it is an agent's. Who
is incoming is the customer; private notes, forwarded mails and survey answers are internal, public notes are
messages, changes of status events. Ratings are mapped to 0 to 1. A ticket with ten conversations inside and none
beside is marked incomplete, as the API gives no more. The list export (CSV) holds no speech and is explained. Not
read: time entries, companies, attachments' bytes, solutions. Unconfirmed: the account's XML, which is read as
Freshservice writes it, the values of ratings, the limit of ten, v1's sources 3 and 4. `formats.md` 1.4 says where the
rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import UNRATED, Rating, on_scale
from ingest.records import (
    Attachment,
    BodyFormat,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    Role,
    RoleSource,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.source import Sample, SourceFile
from ingest.tables_reader import sample_table
from ingest.times import parse
from ingest.xml_stream import read_xml, xml_names
from store.spool import Spool

Part = Literal["tickets", "conversations", "people", "ratings", "list"]
Json = dict[str, Any]

LISTS = ("tickets", "conversations", "contacts", "agents", "results", "satisfaction_ratings")
WRAPPED: dict[str, Part] = {
    "helpdesk_ticket": "tickets", "ticket": "tickets", "conversation": "conversations", "note": "conversations",
    "helpdesk_note": "conversations", "agent": "people", "contact": "people", "user": "people",
}  # fmt: skip
XML_RECORDS = frozenset({"helpdesk_ticket", "user", "contact", "agent"})

TICKET_SIGNS = frozenset((
    "responder_id", "description_text", "fr_escalated", "fr_due_by", "frdueby", "is_escalated", "isescalated",
    "cc_emails", "cc_email", "fwd_emails", "reply_cc_emails", "email_config_id", "to_emails", "product_id",
    "display_id", "helpdesk_notes", "notes", "status_name", "requester_status_name", "ticket_type", "stats",
))  # fmt: skip
PERSON_SIGNS = frozenset((
    "mobile", "job_title", "time_zone", "active", "helpdesk_agent", "company_id", "customer_id", "twitter_id",
    "other_emails", "unique_external_id", "view_all_tickets", "fb_profile_id", "ticket_scope", "occasional",
))  # fmt: skip
REASONS: dict[Part, tuple[float, str]] = {
    "tickets": (0.95, "tickets with responder, due times and cc addresses, as Freshdesk has them"),
    "conversations": (0.95, "conversations with incoming, private and user_id, as Freshdesk has them"),
    "people": (0.88, "contacts or agents, as Freshdesk has them"),
    "ratings": (0.93, "satisfaction ratings with survey_id and ratings"),
    "list": (0.93, "a table of tickets with their times and interaction counts, as Freshdesk's list exports are"),
}
LIST_SIGNS = frozenset({"agent interactions", "customer interactions", "first response time (in hrs)", "ticket id"})
NO_SPEECH = (
    "a list export: it holds what is known of the tickets and nothing that was said; export the account's data "
    "(Admin, Account, Export data) or take tickets and conversations through the API instead"
)
UNLISTED = "the page lists the ticket without its description; fetch it by its id to have that"

STATUSES = {"2": "open", "3": "pending", "4": "resolved", "5": "closed", "6": "waiting", "7": "waiting"}
PRIORITIES = {"1": "low", "2": "medium", "3": "high", "4": "urgent"}
CHANNELS = {"1": "email", "2": "web", "3": "phone", "4": "web", "5": "twitter", "6": "facebook", "7": "chat",
            "8": "app", "9": "web", "10": "email"}  # fmt: skip
OUTBOUND = "10"
"""The source of tickets that an agent began."""

SURVEY, FORWARDED, PHONE = "6", "8", "9"
SERVICE_SOURCES = frozenset({"3", "4"})
"""In v1, changes of status and data about the ticket."""

EMBEDDED = 10
"""So many conversations a v2 ticket carries inside at most."""

HAPPINESS = "-103..103"
STEPS = {"103": 1.0, "102": 5 / 6, "101": 4 / 6, "100": 0.5, "-101": 2 / 6, "-102": 1 / 6, "-103": 0.0}
"""From extremely happy over neutral to extremely unhappy."""

READ_FIELDS = frozenset((
    "id", "display_id", "subject", "description", "description_text", "description_html", "conversations", "notes",
    "helpdesk_notes", "status", "status_name", "priority", "priority_name", "source", "source_name", "tags",
    "created_at", "updated_at", "requester", "requester_id", "attachments", "requester_name", "responder_id",
    "responder_name", "satisfaction_rating",
))  # fmt: skip
EMPTY: tuple[Any, ...] = (None, "", [], {}, False, "false")


class Freshdesk:
    """Read Freshdesk's exports and API pages."""

    name = "freshdesk"
    title = "Freshdesk (API v2 and v1, account export)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        part = _part_of(sample)
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part) if part else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each ticket with its turns; what belongs to no ticket of the folder as a reject."""
        export = _Export(reading.spool)
        for recognised in reading.files:
            yield from export.take(recognised.file)
        yield from export.records()


CONNECTOR: Connector = Freshdesk()


def _part_of(sample: Sample) -> Part | None:
    if names := xml_names(sample):
        signs = {"helpdesk_agent", "helpdesk_agents"} & set(names)
        return "tickets" if "helpdesk_ticket" in names else "people" if signs and "user" in names else None
    table = sample_table(sample)
    if table is not None:
        return "list" if len({name.lower().strip() for name in table.columns} & LIST_SIGNS) >= 3 else None
    return next((part for record in sample_json(sample, LISTS) if (part := _classify(record)[0])), None)


def _classify(record: Any) -> tuple[Part | None, Json]:  # noqa: ANN401 - any JSON value
    """Say what a record is by its fields, and take it out of its wrapper."""
    if not isinstance(record, dict):
        return None, {}
    if "id" not in record:
        for name, part in WRAPPED.items():
            inner = record.get(name)
            if isinstance(inner, dict):
                return (part if _classify(inner)[0] == part or name.startswith("helpdesk_") else None), inner
    return _kind_of(tuple(record), has_contact=isinstance(record.get("contact"), dict)), record


@lru_cache(maxsize=1_000)
def _kind_of(fields: tuple[str, ...], *, has_contact: bool) -> Part | None:
    """Say what a record is by the names of its fields; records of one export have the same ones again and again."""
    names = {name.lower() for name in fields}
    if {"survey_id", "ratings"} <= names:
        return "ratings"
    if {"incoming", "private"} <= names and names & {"body", "body_text", "body_html"}:
        return "conversations"
    if len(TICKET_SIGNS & names) >= 3 and names & {"requester_id", "requester", "requester_name"}:
        return "tickets"
    is_agent = has_contact and "ticket_scope" in names
    is_person = "email" in names and len(PERSON_SIGNS & names) >= 3
    return "people" if is_agent or is_person else None


@dataclass(slots=True)
class _Export:
    """What is known of the folder while its files are read."""

    spool: Spool
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])

    def take(self, file: SourceFile) -> Iterator[Reject]:
        """Sort a file's records in; give those that cannot be."""
        if _part_of(file.sample) == "list":
            yield Reject("file", "no_turns", NO_SPEECH, source_uri=file.uri)
            return
        for found in _records_in(file):
            if isinstance(found, Reject):
                yield found
                continue
            part, record = _classify(found.value)
            if part is None:
                yield found.unknown("the record is no ticket, conversation, rating, contact or agent")
            elif part == "people":
                self._meet(record)
            else:
                yield from self._sort_in(part, Found(found.place, found.uri, record))

    def records(self) -> Iterator[Record]:
        """Give every ticket with what belongs to it."""
        for _, rows in self.spool.groups():
            yield from _assemble([(row[0], Found(*row[1:])) for row in rows], self.people)

    def _sort_in(self, part: Part, found: Found) -> Iterator[Reject]:
        name = "id" if part == "tickets" else "ticket_id"
        key = (as_id(found.value.get("display_id")) if part == "tickets" else None) or as_id(found.value.get(name))
        if key is None:
            yield found.reject("no_identity", f"there is no {name}")
        else:
            self.spool.put(key, [part, *found.row()])

    def _meet(self, record: Json) -> None:
        """Note a contact or an agent; an agent's name and address stand in the contact within."""
        inner = as_dict(record.get("contact")) or as_dict(record.get("user")) or record
        is_agent = inner is not record or as_flag(record.get("helpdesk_agent")) is True
        identity = as_id(record.get("user_id")) or as_id(record.get("id"))
        before = self.people.get(identity or "")
        if identity is not None and (before is None or is_agent or before.role != "agent"):
            self.people[identity] = Participant(
                identity, "agent" if is_agent else "customer", "users_file", as_text(inner.get("name")),
                as_text(inner.get("email")), as_id(inner.get("phone")) or as_id(inner.get("mobile")),
                is_deleted=as_flag(inner.get("deleted")) is True,
            )  # fmt: skip


def _records_in(file: SourceFile) -> Iterator[Found | Reject]:
    if not xml_names(file.sample):
        yield from records_of(file, LISTS)
        return
    for placed in read_xml(file, XML_RECORDS):
        yield placed if isinstance(placed, Reject) else Found(placed[0], file.uri, placed[1])


def _assemble(members: list[tuple[Part, Found]], people: dict[str, Participant]) -> Iterator[Record]:
    tickets = [found for part, found in members if part == "tickets"]
    if not tickets:
        for _, found in members:
            yield found.reject("orphan", "its ticket is not among the files of the folder")
        return
    tickets.sort(key=lambda found: parse(as_time(found.value.get("updated_at"))).at or NEVER, reverse=True)
    case = _Case(tickets[0], people)
    for found in [*_embedded(tickets), *(found for part, found in members if part == "conversations")]:
        yield from case.add(found)
    for part, found in members:
        if part == "ratings":
            case.ratings.append(found.value)
    conversation = case.conversation(has_own=any(part == "conversations" for part, _ in members))
    if conversation.turns:
        yield conversation
    else:
        yield tickets[0].reject("no_turns", UNLISTED)


def _embedded(tickets: list[Found]) -> Iterator[Found]:
    """Give the conversations within tickets: v2 holds them as they are, v1 and XML wrap each."""
    for ticket in tickets:
        for name in ("conversations", "notes", "helpdesk_notes"):
            held = ticket.value.get(name)
            for number, item in enumerate(as_list(held) or [held] * (isinstance(held, dict)), start=1):
                inner = as_dict(item)
                inner = as_dict(inner.get("note")) or as_dict(inner.get("helpdesk_note")) or item
                yield ticket.inner(f"note {number}", inner)


@dataclass(slots=True)
class _Case:
    """One ticket on its way through the connector, by its newest version."""

    found: Found
    known: dict[str, Participant]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: dict[str, tuple[Any, Turn]] = field(default_factory=dict[str, tuple[Any, Turn]])
    ratings: list[Json] = field(default_factory=list[Json])

    def __post_init__(self) -> None:
        requester = as_dict(self.ticket.get("requester"))
        name = as_text(requester.get("name")) or as_text(self.ticket.get("requester_name"))
        phone = as_id(requester.get("phone")) or as_id(requester.get("mobile"))
        self._meet(self._asker, "customer", "explicit", name, as_text(requester.get("email")), phone)
        responder = as_id(self.ticket.get("responder_id"))
        self._meet(responder, "agent", "explicit", as_text(self.ticket.get("responder_name")))

    @property
    def ticket(self) -> Json:
        return self.found.value

    @property
    def _asker(self) -> str | None:
        return as_id(self.ticket.get("requester_id")) or as_id(as_dict(self.ticket.get("requester")).get("id"))

    def add(self, found: Found) -> Iterator[Reject]:
        """Take in one conversation; of several versions of it the newest counts."""
        if not isinstance(found.value, dict):
            yield found.unknown("the conversation is no object")
            return
        at = parse(as_time(found.value.get("updated_at"))).at or NEVER
        key = as_id(found.value.get("id")) or found.place
        before = self.turns.get(key)
        if before is None or at > before[0]:
            self.turns[key] = (at, self._turn(found.value, found.place))

    def conversation(self, *, has_own: bool) -> Conversation:
        """Give what came together, the description first."""
        ticket = self.ticket
        said = in_order([turn for _, turn in self.turns.values()])
        source, status, priority = (as_id(ticket.get(name)) for name in ("source", "status", "priority"))
        given, comment = self._rating()
        custom = {name: value for name, value in ticket.items() if name not in READ_FIELDS and value not in EMPTY}
        is_cut = not has_own and ((len(said) >= EMBEDDED and "conversations" in ticket) or self._lacks_answers(said))
        status_name = as_text(ticket.get("status_name"))
        return Conversation(
            as_id(ticket.get("display_id")) or as_id(ticket.get("id")), (*self._description(), *said),
            self.found.place, tuple(self.people.values()), self.found.uri, subject=as_text(ticket.get("subject")),
            channel=CHANNELS.get(source or "", source), channel_raw=as_text(ticket.get("source_name")) or source,
            status=STATUSES.get(status or "", (status_name or status or "").lower() or None),
            status_raw=status_name or status, priority=PRIORITIES.get(priority or "", priority),
            created_at=as_time(ticket.get("created_at")), updated_at=as_time(ticket.get("updated_at")),
            closed_at=as_time(as_dict(ticket.get("stats")).get("closed_at")), tags=tuple(_tags(ticket.get("tags"))),
            csat_score=given.score, csat_scale=given.scale, csat_label=given.label, csat_comment=comment,
            completeness="truncated_body" if is_cut else "complete", custom=custom | given.custom,
        )  # fmt: skip

    def _description(self) -> Iterator[Turn]:
        """Make a turn of the description, by the requester, or by the agent who began the ticket."""
        ticket = self.ticket
        page = as_text(ticket.get("description_html"))
        plain = as_text(ticket.get("description_text"))
        described = as_text(ticket.get("description")) or ""
        text = page or described or plain or ""
        files = _attachments(ticket)
        if not (text.strip() or files):
            return
        is_ours = as_id(ticket.get("source")) == OUTBOUND
        author = as_id(ticket.get("responder_id")) if is_ours else self._asker
        yield Turn(
            "agent" if is_ours else "customer", text, author=author, created_at=as_time(ticket.get("created_at")),
            body_format=self._format(is_page=bool(page) or (bool(plain) and described != plain) or "<" in described),
            is_deleted=as_flag(ticket.get("deleted")) is True, place=f"{self.found.place} description",
            attachments=files,
        )  # fmt: skip

    def _turn(self, said: Json, place: str) -> Turn:
        source, author = as_id(said.get("source")), as_id(said.get("user_id"))
        role, private = self._role(said, author), as_flag(said.get("private"))
        page, plain = (
            as_text(said.get("body_html")) or as_text(said.get("body")),
            as_text(said.get("body_text")) or as_text(said.get("body")),
        )
        is_service = source in SERVICE_SOURCES
        is_survey = source == SURVEY
        visibility: Visibility = "unknown" if private is None else "internal" if private else "public"
        if is_service or is_survey or source == FORWARDED:
            visibility = "internal"
        kind: Kind = (
            "event" if is_service else "rating" if is_survey else "note" if visibility == "internal"
            else "call" if source == PHONE else "message"
        )  # fmt: skip
        return Turn(
            "system" if is_service else role, page or plain or "", external_id=as_id(said.get("id")), author=author,
            created_at=as_time(said.get("created_at")), kind=kind, visibility=visibility,
            body_format=self._format(is_page=bool(page) and ("body_text" in said or "<" in page)),
            edited_at=as_time(said.get("last_edited_at")), is_deleted=as_flag(said.get("deleted")) is True,
            event_type={FORWARDED: "forward", SURVEY: "survey"}.get(source or ""), place=place,
            attachments=_attachments(said),
        )  # fmt: skip

    def _role(self, said: Json, author: str | None) -> TurnRole:
        """Say who speaks: incoming tells; where it is missing, the requester and the lists of people do."""
        incoming = as_flag(said.get("incoming"))
        known = self.people.get(author or "") or self.known.get(author or "")
        if incoming is None:
            incoming = author is not None and (author == self._asker or (known is not None and known.role != "agent"))
        name, email = _sender(as_text(said.get("from_email")) or "") if not incoming else ("", "")
        outsider: Role = "customer" if self._asker in (None, author) else "third_party"
        self._meet(author, outsider if incoming else "agent", "direction", name or None, email or None)
        return "customer" if incoming else "agent"

    def _meet(
        self, identity: str | None, role: Role, source: RoleSource, name: str | None = None, email: str | None = None,
        phone: str | None = None,
    ) -> None:  # fmt: skip
        if identity is None:
            return
        before = self.people.get(identity) or self.known.get(identity) or Participant(identity, role, source)
        if role == "agent" and before.role != "agent" and identity != self._asker:
            before = replace(before, role=role, role_source=source)
        if (name and not before.display_name) or (email and not before.email) or (phone and not before.phone):
            before = replace(
                before, display_name=before.display_name or name, email=before.email or email,
                phone=before.phone or phone,
            )  # fmt: skip
        self.people[identity] = before

    def _format(self, *, is_page: bool) -> BodyFormat:
        is_mail = as_id(self.ticket.get("source")) in ("1", OUTBOUND)
        return ("html_mail" if is_page else "mail") if is_mail else "html" if is_page else "text"

    def _lacks_answers(self, said: list[Turn]) -> bool:
        """Tell a ticket that was answered, as its figures say, and comes without any answer."""
        return not said and bool(as_dict(self.ticket.get("stats")).get("agent_responded_at"))

    def _rating(self) -> tuple[Rating, str | None]:
        """Give the latest rating and what was written with it."""
        for rating in sorted(self.ratings, key=lambda one: str(one.get("created_at")), reverse=True):
            values = as_dict(rating.get("ratings"))
            value = as_id(values.get("default_question") or next(iter(values.values()), None))
            score = STEPS.get(value or "")
            given = Rating(original=value) if score is None else on_scale(score, HAPPINESS, value)
            return given, as_text(rating.get("feedback"))
        return UNRATED, None


@lru_cache(maxsize=5_000)
def _sender(address: str) -> tuple[str, str]:
    """Part a sender's name from the address; agents write under the same few again and again."""
    return parseaddr(address)


def _tags(raw: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    for tag in as_list(raw):
        if name := as_text(tag) or as_text(as_dict(tag).get("name")):
            yield name


def _attachments(record: Json) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for item in as_list(record.get("attachments")):
        file = as_dict(as_dict(item).get("attachment")) or as_dict(item)
        size = as_id(file.get("file_size") or file.get("size") or file.get("content_file_size")) or ""
        name = as_text(file.get("name")) or as_text(file.get("content_file_name"))
        media = as_text(file.get("content_type")) or as_text(file.get("content_content_type"))
        found.append(
            Attachment(name, media, int(size) if size.isdecimal() else None, as_text(file.get("attachment_url")))
        )
    return tuple(found)

"""Intercom: conversations with their parts, as the API gives them, or as the tables that Fivetran and Airbyte lay out.

To get them: save each conversation by its id (`GET /conversations/ID`), and the lists of admins and contacts for names;
list pages hold no parts. Or export the warehouse's tables as CSV or Parquet: conversation_history,
conversation_part_history, contact_history, admin, tag, conversation_tag_history and conversation_contact_history of
Fivetran; conversations, conversation_parts, contacts, admins and tags of Airbyte (also as it writes them raw, with
`_airbyte_data`). Files of one folder belong together. The content data export and the reports (CSV) hold deliveries and
figures, not what was said: they are recognised, and nothing is read from them.

The message that starts a conversation is its `source` and is not among the parts. A part with a text is a message, also
when it closes, assigns or snoozes; notes and summaries of calls are internal, texts of other types hidden; parts
without a text are events. What Fin or another AI agent says is an AI's, even under a teammate's name. The API gives the
latest 500 parts: where there should be more, the head is missing, and the custom fields say how many parts. The thread
that a mail quotes comes apart from it (`email_message_metadata.history`) and is kept beside the turn. A rating (1 to 5)
is the customer's, else the one given to the AI agent. Of several versions of a conversation or part the newest counts.

Not read: tickets' own parts, articles, companies, translations, attachments' bytes, bodies that Intercom withholds (X).

Unconfirmed: delivered_as automated and campaign_initiated, the AI agent's name where its parts carry no mark, part
types beyond those that the API's specification names, and the columns of the reports. `formats.md` 1.3 says where the
rest was seen.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ingest.connector import Connector, Evidence, Reading, Recognised
from ingest.found import Found
from ingest.intercom_rows import LISTS, NESTED, Part, as_api, is_admin, key_of, part_of
from ingest.keys import to_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import Rating, rated
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Completeness,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    RejectCode,
    Role,
    Turn,
    TurnRole,
    changed,
)
from ingest.source import Sample
from ingest.times import parse
from ingest.warehouse import is_of_airbyte, records_in, sample_records
from store.spool import Spool

Json = dict[str, Any]

REASONS: dict[Part, tuple[float, str]] = {
    "conversations": (0.97, "conversations with source and conversation_parts, as Intercom has them"),
    "parts": (0.96, "conversation parts with part_type and conversation_id"),
    "people": (0.9, "admins or contacts, as Intercom has them"),
    "tags": (0.85, "tags, as Intercom has them"),
    "tagged": (0.9, "conversations' tags, as Fivetran lays out Intercom's"),
    "contacts": (0.9, "conversations' contacts, as Fivetran lays out Intercom's"),
    "statistics": (0.96, "receipts of Intercom's content data export: delivery statistics without conversations"),
    "report": (0.9, "figures on conversations, as Intercom's reports have them, without what was said"),
}
NO_SPEECH: dict[Part, str] = {
    "statistics": "a content data export: it says what was delivered to whom and holds no conversation; "
    "export conversations through the API (GET /conversations/ID) instead",
    "report": "a report: it holds figures on conversations and not what was said; "
    "export conversations through the API (GET /conversations/ID) instead",
}
UNLISTED = "the page lists conversations without their parts; fetch each one by its id to have them"
WORST_AND_BEST = (1, 5)
MOST_PARTS = 500
"""The API gives the latest 500 parts and drops the rest (Intercom's OpenAPI description, conversations)."""

ROLES: dict[str, TurnRole] = {
    "admin": "agent", "team": "agent", "user": "customer", "lead": "customer", "contact": "customer",
    "visitor": "customer", "bot": "bot",
}  # fmt: skip
CHANNELS = {"conversation": "chat", "messenger": "chat", "email": "email", "phone_call": "phone", "phone": "phone",
            "phone_switch": "phone"}  # fmt: skip
PRIORITIES = {"priority": "high", "not_priority": None, "none": None}
SPOKEN = frozenset({"comment", "quick_reply", "source"})
SHOWN = SPOKEN | {
    "assignment", "assign_and_reopen", "assign_and_unsnooze", "away_mode_assignment", "default_assignment", "close",
    "open", "snoozed", "unsnoozed", "timer_unsnooze",
}  # fmt: skip
"""Parts whose text the customer sees; who sees that of others is unknown."""

PRIVATE = frozenset({"call_summary"})
"""Parts with a text that only the team sees, beside all whose type starts with "note"."""

AI_NAMES = frozenset({"fin", "fin ai agent"})
"""What Intercom's AI agent is called; its bot's parts do not always carry a mark."""

STARTED_ALONE = frozenset({"operator_initiated", "automated", "campaign_initiated"})
"""How a conversation is delivered that nobody started by hand."""

READ_FIELDS = frozenset(
    ("type", "id", "title", "created_at", "updated_at", "open", "state", "read", "priority", "tags", "source",
     "conversation_rating", "contacts", "teammates", "conversation_parts", "user", "assignee")
)  # fmt: skip
LOADERS = ("_fivetran_", "_airbyte_", "_ab_")
EMPTY = (None, "", [], {}, "[]", "{}", False)
TAG = re.compile(r"<(?:/\w+|\w+[^<>]*)>")


class Intercom:
    """Read Intercom's conversations."""

    name = "intercom"
    title = "Intercom (conversations of the API, Fivetran and Airbyte tables)"
    version = 2
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records or rows hold."""
        part = _part_of(sample)
        if part is None:
            return None
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part, spans_folders=is_of_airbyte(sample))

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with its turns; what belongs to none of the folder as a reject."""
        export = _Export(reading.spool)
        for recognised in reading.files:
            yield from export.take(recognised)
        yield from export.records()


CONNECTOR: Connector = Intercom()


def _part_of(sample: Sample) -> Part | None:
    records = sample_records(sample, LISTS, NESTED)
    return next((part for record in records if (part := part_of(record, sample.name))), None)


class _Member(NamedTuple):
    """A record that belongs to a conversation, and where it stands."""

    part: Part
    place: str
    uri: str
    record: Json

    def reject(self, code: RejectCode, detail: str) -> Reject:
        return Reject(self.place, code, detail, raw=to_json(self.record), source_uri=self.uri)


@dataclass(slots=True)
class _Export:
    """What is known of the folder while its files are read."""

    spool: Spool
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    tags: dict[str, str] = field(default_factory=dict[str, str])
    has_part_table: bool = False

    def take(self, recognised: Recognised) -> Iterator[Reject]:
        """Sort a file's records in; give those that cannot be."""
        file = recognised.file
        whole = _part_of(file.sample)
        if whole in NO_SPEECH:
            yield Reject("file", "no_turns", NO_SPEECH[whole], source_uri=file.uri)
            return
        for found in records_in(file, LISTS, NESTED):
            if isinstance(found, Reject):
                yield found
                continue
            part = part_of(found.value, file.name)
            if part is None or part in NO_SPEECH:
                yield found.unknown("the record is no conversation, contact, admin or tag")
            else:
                yield from self._sort_in(part, found)

    def records(self) -> Iterator[Record]:
        """Give every conversation with what belongs to it."""
        for _, rows in self.spool.groups():
            members = [_Member(*row) for row in rows]
            yield from _assemble(members, self)

    def _sort_in(self, part: Part, found: Found) -> Iterator[Reject]:
        record = as_api(found.value, part)
        key = key_of(record, part)
        if key is None:
            name = "id" if part in ("conversations", "people", "tags") else "conversation_id"
            yield found.reject("no_identity", f"there is no {name}")
        elif part == "people":
            self.people[key] = _person(record, "agent" if is_admin(record) else "unknown")
        elif part == "tags":
            self.tags[key] = as_text(record.get("name")) or key
        else:
            self.has_part_table |= part == "parts"
            self.spool.put(key, list(_Member(part, found.place, found.uri, record)))


def _person(record: Json, role: Role = "unknown") -> Participant:
    known = ROLES.get(str(record.get("type"))) or ROLES.get(str(record.get("role")))
    return Participant(
        as_id(record.get("id")), known or role, "explicit" if known else "users_file", as_text(record.get("name")),
        as_text(record.get("email")), as_text(record.get("phone")), is_deleted=record.get("is_deleted") is True,
    )  # fmt: skip


def _assemble(members: list[_Member], export: _Export) -> Iterator[Record]:
    versions = [member for member in members if member.part == "conversations"]
    if not versions:
        for member in members:
            yield member.reject("orphan", "its conversation is not among the files of the folder")
        return
    versions.sort(key=_newness, reverse=True)
    case = _Case(versions[0], export)
    for version in versions:
        for number, part in enumerate(_embedded(version.record), start=1):
            yield from case.add(version._replace(place=f"{version.place} part {number}", record=part))
    for member in sorted((one for one in members if one.part == "parts"), key=_newness, reverse=True):
        yield from case.add(member)
    for member in members:
        case.note(member)
    conversation = case.conversation()
    if conversation.turns:
        yield conversation
    else:
        why = UNLISTED if case.is_unlisted else "it has neither a source with a text nor parts"
        yield versions[0].reject("no_turns", why)


def _newness(member: _Member) -> tuple[bool, Any]:
    """Order versions of one conversation: those with parts before those of list pages, then by their time."""
    return _holder(member.record) is not None, parse(as_time(member.record.get("updated_at"))).at or NEVER


def _holder(conversation: Json) -> Json | None:
    """Give the object around the parts; pages that list conversations have none."""
    held = conversation.get("conversation_parts")
    return {"conversation_parts": held} if isinstance(held, list) else held if isinstance(held, dict) else None


def _embedded(conversation: Json) -> list[Any]:
    return as_list((_holder(conversation) or {}).get("conversation_parts"))


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector, by its newest version."""

    member: _Member
    export: _Export
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: dict[str, Turn] = field(default_factory=dict[str, Turn])
    tags: list[str] = field(default_factory=list[str])
    total: int = 0
    """How many parts there should be, as far as anything says so."""

    def __post_init__(self) -> None:
        self.total = int(_number((_holder(self._record) or {}).get("total_count")) or 0)
        self._meet(as_dict(self._record.get("user")), "customer")
        self._meet(as_dict(self._source.get("author")), "unknown")
        for person in as_list(as_dict(self._record.get("contacts")).get("contacts")):
            self._meet(as_dict(person), "customer")
        team = as_dict(self._record.get("teammates"))
        for person in as_list(team.get("teammates")) or as_list(team.get("admins")):
            self._meet(as_dict(person), "agent")

    @property
    def _record(self) -> Json:
        return self.member.record

    @property
    def _source(self) -> Json:
        return as_dict(self._record.get("source")) or as_dict(self._record.get("conversation_message"))

    @property
    def is_unlisted(self) -> bool:
        """Tell whether the parts were left out of what the export gives, as list pages do."""
        counted = as_dict(self._record.get("statistics")).get("count_conversation_parts")
        return _holder(self._record) is None and counted != 0 and not self.export.has_part_table

    def add(self, member: _Member) -> Iterator[Reject]:
        """Take in one part; of several versions of it the first one counts, which is the newest."""
        part: Any = member.record
        if not isinstance(part, dict):
            yield member.reject("bad_record", "the part is no JSON object")
            return
        identity = as_id(part.get("id"))
        self.turns.setdefault(identity or member.place, self._turn(part, member.place))
        self.total = max(self.total, int(_number(part.get("conversation_total_parts")) or 0))

    def note(self, member: _Member) -> None:
        """Take in what a table joins the conversation with: a tag, or a contact."""
        if member.part == "tagged" and (tag := as_id(member.record.get("tag_id"))):
            self.tags.append(self.export.tags.get(tag, tag))
        elif member.part == "contacts":
            self._meet({"type": "contact", "id": member.record.get("contact_id")}, "customer")

    def conversation(self) -> Conversation:
        """Give what came together, the source first."""
        record, source = self._record, self._source
        (given, comment), raw = self._rating(), as_text(source.get("type"))
        turns = (*self._first(), *in_order(list(self.turns.values())))
        return Conversation(
            as_id(record.get("id")), turns, self.member.place, tuple(self.people.values()),
            source_uri=self.member.uri, subject=_plain(record.get("title")) or _plain(source.get("subject")),
            channel=CHANNELS.get(raw, raw) if raw else None, channel_raw=raw, status=self._status(),
            status_raw=as_text(record.get("state")), priority=_priority(record.get("priority")),
            created_at=as_time(record.get("created_at")), updated_at=as_time(record.get("updated_at")),
            closed_at=as_time(as_dict(record.get("statistics")).get("last_close_at")), tags=tuple(self._tags()),
            csat_score=given.score, csat_scale=given.scale, csat_label=given.label, csat_comment=comment,
            completeness=self._completeness(turns), custom=self._custom() | given.custom,
        )  # fmt: skip

    def _rating(self) -> tuple[Rating, str | None]:
        """Give what the conversation was rated, else what the AI agent was, and the words with it."""
        told, ai = as_dict(self._record.get("conversation_rating")), as_dict(self._record.get("ai_agent"))
        if told.get("rating") is None and ai.get("rating") is not None:
            told = {"rating": ai["rating"], "remark": ai.get("rating_remark")}
        return rated(told.get("rating"), *WORST_AND_BEST), as_text(told.get("remark"))

    def _first(self) -> Iterator[Turn]:
        """Make a turn of the source, which is the first message and stands in no part."""
        source = self._source
        said = {"created_at": self._record.get("created_at"), **source, "part_type": "source"}
        if not (as_text(source.get("body")) or source.get("redacted") is True or as_list(source.get("attachments"))):
            return
        turn = self._turn(said, f"{self.member.place} source")
        if source.get("delivered_as") in STARTED_ALONE and turn.role != "customer":
            turn = changed(turn, role="bot", is_automated=True, automation=turn.automation or "welcome")
        yield changed(turn, external_id=None) if turn.external_id in self.turns else turn

    def _turn(self, part: Json, place: str) -> Turn:
        author, name = as_dict(part.get("author")), as_text(part.get("part_type")) or ""
        role, text = self._role(author), as_text(part.get("body")) or ""
        attachments = tuple(_attachment(as_dict(file)) for file in as_list(part.get("attachments")))
        is_redacted = part.get("redacted") is True
        kind = _kind(name, is_said=bool(text.strip() or attachments or (is_redacted and name in SPOKEN)))
        return Turn(
            "system" if kind == "event" else role, text if kind != "event" else name or "event",
            external_id=as_id(part.get("id")), author=as_id(author.get("id")),
            created_at=as_time(part.get("created_at")), kind=kind,
            visibility="internal" if kind != "message" else "public" if name in SHOWN else "unknown",
            body_format="text" if kind == "event" else self._format(text), is_automated=role == "bot",
            automation=_automation(author) if role == "bot" else None, edited_at=as_time(part.get("edited_at")),
            source_redaction="full" if is_redacted else "none",
            language=as_text(as_dict(part.get("translations")).get("original")),
            event_type=None if name in SPOKEN else name or None, place=place, attachments=attachments,
            custom={key: part[key] for key in CUSTOM if part.get(key) not in EMPTY},
        )  # fmt: skip

    def _role(self, author: Json) -> TurnRole:
        """Say who speaks: an AI agent may speak under an admin's name; who is not described is looked up."""
        identity = as_id(author.get("id"))
        told = ROLES.get(str(author.get("type")))
        self._meet(author, told or "unknown")
        if _is_ai(author):
            return "bot"
        person = self.people.get(identity or "")
        looked_up = person.role if person and person.role in ("agent", "customer", "bot") else None
        return told or looked_up or "system"

    def _meet(self, person: Json, role: Role) -> None:
        identity = as_id(person.get("id"))
        if identity is None:
            return
        before = self.people.get(identity) or self.export.people.get(identity)
        found = _person(person, role)
        if before is None or before == found:
            self.people[identity] = found
            return
        self.people[identity] = replace(
            before,
            role=before.role if before.role != "unknown" else found.role,
            display_name=before.display_name or found.display_name,
            email=before.email or found.email,
            phone=before.phone or found.phone,
        )  # fmt: skip

    def _format(self, text: str) -> BodyFormat:
        is_mail, is_page = self._source.get("type") == "email", bool(TAG.search(text))
        return ("html_mail" if is_page else "mail") if is_mail else "html" if is_page else "text"

    def _status(self) -> str | None:
        if as_flag(self._record.get("_fivetran_deleted")) is True:
            return "deleted"
        state, is_open = as_text(self._record.get("state")), self._record.get("open")
        return state or ({True: "open", False: "closed"}[is_open] if isinstance(is_open, bool) else None)

    def _tags(self) -> Iterator[str]:
        for tag in as_list(as_dict(self._record.get("tags")).get("tags")):
            if name := as_text(as_dict(tag).get("name")):
                yield name
        yield from self.tags

    def _completeness(self, turns: tuple[Turn, ...]) -> Completeness:
        """Compare with the parts that there should be: the API gives the latest 500, a list page none."""
        if not any(turn.kind == "message" for turn in turns):
            return "events_only"
        if self.is_unlisted:
            return "truncated_body"
        is_full = not self.total and len(_embedded(self._record)) >= MOST_PARTS
        return "truncated_head" if self._missing() > 0 or is_full else "complete"

    def _missing(self) -> int:
        return self.total - len(self.turns)

    def _custom(self) -> Json:
        left = {
            name: value
            for name, value in self._record.items()
            if name not in READ_FIELDS and not name.startswith(LOADERS) and value not in EMPTY
        }
        if self.is_unlisted:
            left["parts"] = UNLISTED
        elif self._missing() > 0:
            left["parts_missing"] = self._missing()
        return left


CUSTOM = ("email_message_metadata", "event_details", "assigned_to", "metadata", "app_package_code", "delivered_as")
"""Kept with a turn, among them the thread that a mail quotes (`email_message_metadata.history`): it is no turn."""


def _kind(name: str, *, is_said: bool) -> Kind:
    """Tell what a part is: with a text anything but a note is a message, since agents write while they close."""
    if name.startswith("note") or (name in PRIVATE and is_said):
        return "note"
    return "message" if is_said or name in SPOKEN else "event"


def _is_ai(author: Json) -> bool:
    """Tell an AI agent by its marks, or a bot by the AI agent's name."""
    is_named = author.get("type") == "bot" and str(author.get("name")).lower() in AI_NAMES
    return author.get("from_ai_agent") is True or author.get("is_ai_answer") is True or is_named


def _automation(author: Json) -> Automation:
    return "ai" if _is_ai(author) else "workflow"


def _attachment(file: Json) -> Attachment:
    return Attachment(
        as_text(file.get("name")), as_text(file.get("content_type")) or as_text(file.get("type")),
        int(size) if (size := _number(file.get("filesize"))) is not None else None, as_text(file.get("url")),
    )  # fmt: skip


def _plain(subject: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give a subject as text: that of a mail comes as HTML."""
    text = as_text(subject)
    return (html.unescape(TAG.sub("", text)).strip() or None) if text else None


def _priority(raw: Any) -> str | None:  # noqa: ANN401 - any JSON value
    name = as_text(raw)
    return PRIORITIES.get(name, name) if name else None


def _number(value: Any) -> float | None:  # noqa: ANN401 - any JSON value
    """Give a number that is not negative, also from a table's text."""
    plain = as_id(value) or ""
    return float(plain) if re.fullmatch(r"\d{1,15}(?:\.\d{1,9})?", plain) else None

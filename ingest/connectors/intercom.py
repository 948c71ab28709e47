"""Intercom: conversations with their parts, as the API gives them, or as Fivetran's warehouse tables.

The message that starts a conversation is its `source` and is not among the parts. Files of one folder belong together:
the same conversation may come from a list page (without parts) and by itself, and tables are joined; everything is
sorted by conversation on disk. `formats.md` 1.3 says what the fields mean and where that was seen.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ingest.connector import Connector, Evidence, Reading
from ingest.json_stream import read_json, sample_json
from ingest.keys import to_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.records import (
    Attachment,
    BodyFormat,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    RejectCode,
    Role,
    Turn,
    TurnRole,
)
from ingest.source import Sample, SourceFile
from ingest.tables_reader import read_table, sample_table
from ingest.times import parse
from store.spool import Spool

Part = Literal["conversations", "parts", "people", "statistics"]
Json = dict[str, Any]

LISTS = ("conversations", "admins", "contacts", "data")
"""Lists that pages of the API stand around: conversations, admins, contacts (`data` in newer versions)."""

SIGNS = frozenset({"source", "conversation_parts", "contacts", "conversation_message", "teammates", "state"})
PERSON_TYPES = frozenset({"admin", "contact", "user", "lead"})
PERSON_SIGNS = frozenset({"email", "away_mode_enabled", "has_inbox_seat", "external_id", "role", "signed_up_at"})
FIVETRAN = "_fivetran_synced"
STATISTICS_SIGNS = frozenset({"ruleset_id", "content_id", "user_external_id", "content_title", "ruleset_version_id"})
REASONS: dict[Part, tuple[float, str]] = {
    "conversations": (0.97, "conversations with source and conversation_parts, as Intercom has them"),
    "parts": (0.96, "conversation parts with part_type and conversation_id"),
    "people": (0.9, "admins or contacts, as Intercom has them"),
    "statistics": (0.96, "receipts of Intercom's content data export: delivery statistics without conversations"),
}
NO_SPEECH = (
    "a content data export: it says what was delivered to whom and holds no conversation; "
    "export conversations through the API (GET /conversations/ID) instead"
)
UNLISTED = "the page lists conversations without their parts; fetch each one by its id to have them"

ROLES: dict[str, TurnRole] = {
    "admin": "agent", "team": "agent", "user": "customer", "lead": "customer", "contact": "customer",
    "visitor": "customer", "bot": "bot",
}  # fmt: skip
CHANNELS = {"conversation": "chat", "messenger": "chat", "email": "email", "phone_call": "phone", "phone": "phone",
            "phone_switch": "phone"}  # fmt: skip
PRIORITIES = {"priority": "high", "not_priority": None, "none": None}
SPOKEN = frozenset({"comment", "quick_reply", "source"})
PRIVATE = frozenset({"call_summary"})
"""Parts with a text that only the team sees, beside all whose type starts with "note"."""

STARTED_ALONE = frozenset({"operator_initiated", "automated", "campaign_initiated"})
"""How a conversation is delivered that nobody started by hand."""

READ_FIELDS = frozenset(
    ("type", "id", "title", "created_at", "updated_at", "open", "state", "read", "priority", "tags", "source",
     "conversation_rating", "contacts", "teammates", "conversation_parts", "channel", "user", "assignee")
)  # fmt: skip
EMPTY = (None, "", [], {}, "[]", False)
TAG = re.compile(r"<(?:/\w+|\w+[^<>]*)>")


class Intercom:
    """Read Intercom's conversations."""

    name = "intercom"
    title = "Intercom (conversations of the API, Fivetran tables)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        part = _part_of(sample)
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part) if part else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with its turns; what belongs to none of the folder as a reject."""
        export = _Export(reading.spool)
        for recognised in reading.files:
            yield from export.take(recognised.file)
        yield from export.records()


CONNECTOR: Connector = Intercom()


def _part_of(sample: Sample) -> Part | None:
    table = sample_table(sample)
    if table is not None:
        return _part_of_columns(frozenset(table.columns))
    return next((part for record in sample_json(sample, LISTS) if (part := _classify(record))), None)


def _part_of_columns(columns: frozenset[str]) -> Part | None:
    if {"conversation_id", "part_type", "body"} <= columns:
        return "parts"
    if {"id", "source_body", "source_author_type"} <= columns:
        return "conversations"
    if "receipt_id" in columns and columns & STATISTICS_SIGNS:
        return "statistics"
    of_people = {"id", "email", "name", FIVETRAN} <= columns
    return "people" if of_people and columns & {"job_title", "unsubscribed_from_emails"} else None


def _classify(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    names, kind = record.keys(), as_text(record.get("type"))
    if kind == "conversation" and SIGNS & names:
        return "conversations"
    if kind is None and isinstance(record.get("conversation_parts"), dict) and isinstance(record.get("source"), dict):
        return "conversations"
    return "people" if kind in PERSON_TYPES and len(PERSON_SIGNS & names) >= 2 else None


class _Member(NamedTuple):
    """A record that belongs to a conversation, and where it stands."""

    part: Part
    place: str
    uri: str
    record: Json

    def reject(self, code: RejectCode, detail: str) -> Reject:
        return Reject(self.place, code, detail, raw=to_json(self.record), source_uri=self.uri)


def _rows(file: SourceFile, part: Part) -> Iterator[tuple[str, Json] | Reject]:
    """Give a table's rows in the words of the API; versions that are no longer active are history, not records."""
    for row in found.rows if (found := read_table(file)) else ():
        if isinstance(row, Reject):
            yield row
            continue
        record: Json = {name: None if value == "" else value for name, value in row.values.items()}
        if as_flag(record.get("_fivetran_active")) is not False:
            yield row.place, _from_row(record, part)


def _from_row(row: Json, part: Part) -> Json:
    """Put together again what the warehouse keeps in columns with a common start (`source_body`)."""
    if part == "people":
        return {**row, "is_deleted": as_flag(row.get("_fivetran_deleted")) is True}
    if part == "parts":
        return {**row, "author": {"type": row.get("author_type"), "id": row.get("author_id")}}
    starts = ("source_author_", "source_", "conversation_rating_", "_fivetran_")
    nested = {start: {k.removeprefix(start): v for k, v in row.items() if k.startswith(start)} for start in starts}
    rating = nested["conversation_rating_"]
    return {
        **{name: value for name, value in row.items() if not name.startswith(starts)},
        "source": {**nested["source_"], "author": nested["source_author_"]},
        "conversation_rating": {"rating": rating.get("value"), "remark": rating.get("remark")},
    }


@dataclass(slots=True)
class _Export:
    """What is known of the folder while its files are read."""

    spool: Spool
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    has_part_table: bool = False

    def take(self, file: SourceFile) -> Iterator[Reject]:
        """Sort a file's records in; give those that cannot be."""
        table = sample_table(file.sample)
        part = _part_of_columns(frozenset(table.columns)) if table else None
        if part == "statistics":
            yield Reject("file", "no_turns", NO_SPEECH, source_uri=file.uri)
            return
        self.has_part_table |= part == "parts"
        for placed in _rows(file, part) if part else read_json(file, LISTS):
            if isinstance(placed, Reject):
                yield placed
                continue
            place, record = placed
            kind = part or _classify(record)
            if kind is None:
                detail = "the record is no conversation, contact or admin"
                yield Reject(place, "bad_record", detail, raw=to_json(record), source_uri=file.uri)
            else:
                yield from self._sort_in(_Member(kind, place, file.uri, record))

    def records(self) -> Iterator[Record]:
        """Give every conversation with what belongs to it."""
        for _, rows in self.spool.groups():
            members = [_Member(*row) for row in rows]
            yield from _assemble(members, self)

    def _sort_in(self, member: _Member) -> Iterator[Reject]:
        name = "conversation_id" if member.part == "parts" else "id"
        key = as_id(member.record.get(name))
        if key is None:
            yield member.reject("no_identity", f"there is no {name}")
        elif member.part == "people":
            self.people[key] = _person(member.record, "agent" if "job_title" in member.record else "unknown")
        else:
            self.spool.put(key, list(member))


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
    for member in members:
        if member.part == "parts":
            yield from case.add(member)
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

    def __post_init__(self) -> None:
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

    def conversation(self) -> Conversation:
        """Give what came together, the source first."""
        record, source = self._record, self._source
        rating = as_dict(record.get("conversation_rating"))
        score, raw = _number(rating.get("rating")), as_text(source.get("type"))
        turns = (*self._first(), *in_order(list(self.turns.values())))
        return Conversation(
            as_id(record.get("id")), turns, self.member.place, tuple(self.people.values()),
            source_uri=self.member.uri, subject=_plain(record.get("title")) or _plain(source.get("subject")),
            channel=CHANNELS.get(raw, raw) if raw else None, channel_raw=raw, status=self._status(),
            status_raw=as_text(record.get("state")), priority=_priority(record.get("priority")),
            created_at=as_time(record.get("created_at")), updated_at=as_time(record.get("updated_at")),
            closed_at=as_time(as_dict(record.get("statistics")).get("last_close_at")), tags=tuple(self._tags()),
            csat_score=score, csat_scale="1-5" if score else None, csat_label=_label(score),
            csat_comment=as_text(rating.get("remark")), completeness=self._completeness(turns), custom=self._custom(),
        )  # fmt: skip

    def _first(self) -> Iterator[Turn]:
        """Make a turn of the source, which is the first message and stands in no part."""
        source = self._source
        said = {"created_at": self._record.get("created_at"), **source, "part_type": "source"}
        if not (as_text(source.get("body")) or source.get("redacted") is True or as_list(source.get("attachments"))):
            return
        turn = self._turn(said, f"{self.member.place} source")
        if source.get("delivered_as") in STARTED_ALONE and turn.role != "customer":
            turn = replace(turn, role="bot", is_automated=True, automation=turn.automation or "welcome")
        yield replace(turn, external_id=None if turn.external_id in self.turns else turn.external_id)

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
            visibility="public" if kind == "message" else "internal",
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
        self.people[identity] = found if before is None else replace(
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
        state, is_open = as_text(self._record.get("state")), self._record.get("open")
        return state or ({True: "open", False: "closed"}[is_open] if isinstance(is_open, bool) else None)

    def _tags(self) -> Iterator[str]:
        for tag in as_list(as_dict(self._record.get("tags")).get("tags")):
            if name := as_text(as_dict(tag).get("name")):
                yield name

    def _completeness(
        self, turns: tuple[Turn, ...]
    ) -> Literal["complete", "truncated_head", "truncated_body", "events_only"]:
        """Compare with the parts that there should be: the API gives the latest 500, a list page none."""
        if not any(turn.kind == "message" for turn in turns):
            return "events_only"
        if self.is_unlisted:
            return "truncated_body"
        return "truncated_head" if self._missing() > 0 else "complete"

    def _missing(self) -> int:
        total = _number((_holder(self._record) or {}).get("total_count"))
        return int(total) - len(self.turns) if total else 0

    def _custom(self) -> Json:
        left = {name: value for name, value in self._record.items() if name not in READ_FIELDS and value not in EMPTY}
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
    return author.get("from_ai_agent") is True or author.get("is_ai_answer") is True


def _automation(author: Json) -> str:
    return "ai" if _is_ai(author) else "rule"


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


def _label(score: float | None) -> Literal["good", "neutral", "bad"] | None:
    if not score:
        return None
    return "good" if score > 3 else "bad" if score < 3 else "neutral"

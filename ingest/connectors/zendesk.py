"""Zendesk Support: tickets with their comments, audits, users and chats, as JSON or as warehouse tables.

Files of one folder belong together; everything is sorted by ticket on disk, so that comments may come before their
tickets. `formats.md` 1.1 and 1.2 say what the fields mean and where that was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ingest.connector import Connector, Evidence, Reading
from ingest.json_stream import read_json, sample_json
from ingest.keys import to_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.records import (
    Attachment,
    BodyFormat,
    Conversation,
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

Part = Literal["tickets", "comments", "users", "audits", "chats", "chat_events"]
Json = dict[str, Any]

LISTS = ("tickets", "comments", "users", "audits", "ticket_events")
WRAPPED: dict[str, Part] = {"ticket": "tickets", "comment": "comments", "user": "users", "audit": "audits"}
FIRST: dict[str, int] = {"users": 0, "chats": 1}
"""Users and the list of chats are held in memory, so their files are read before the rest."""

TICKET_SIGNS = frozenset({"raw_subject", "submitter_id", "ticket_form_id", "brand_id", "via", "via_channel"})
USER_SIGNS = frozenset({"locale", "time_zone", "suspended", "verified", "active", "user_fields", "moderator"})
REASONS: dict[Part, tuple[float, str]] = {
    "tickets": (0.95, "tickets with requester and submitter, form or via, as Zendesk has them"),
    "comments": (0.93, "comments with author, body and public"),
    "users": (0.92, "users with the roles end-user, agent or admin"),
    "audits": (0.95, "audits or ticket events with a ticket_id"),
    "chats": (0.93, "chats with chat_id and ticket_id"),
    "chat_events": (0.95, "chat events with chat_id, actor_id and message"),
}
ROLES: dict[str, Role] = {"end-user": "customer", "agent": "agent", "admin": "agent"}
NAMED: dict[str, Role] = {"requester": "customer", "submitter": "agent", "assignee": "agent"}
COPIED: dict[str, Role] = {"follower_ids": "agent", "email_cc_ids": "third_party", "collaborator_ids": "third_party"}
CHANNELS = {"mail": "email", "native_messaging": "chat", "messaging": "chat", "voice": "phone", "web_form": "web",
            "0": "web", "4": "email", "5": "api", "8": "rule", "19": "merge"}  # fmt: skip
"""Names that older exports and the table of via types use for the same channel."""

COMMENTS = frozenset(("Comment", "VoiceComment", "FacebookComment", "FacebookEvent", "Tweet", "SmsComment"))
SPOKEN = frozenset(("ChatMessage", "ChatFileAttachment", "chat.msg"))
ANSWER_BOT = "zd:answerBot"
FORMS = frozenset(("form", "form_response", "formResponse"))
READ_FIELDS = frozenset(
    ("id", "subject", "description", "comments", "priority", "status", "requester", "submitter", "assignee", "tags",
     "satisfaction_rating", "created_at", "updated_at", "via", "requester_id", "url", "fields",
     "generated_timestamp", "_fivetran_synced", "via_channel", "via_source_rel", "via_source_from_address")
)  # fmt: skip
EMPTY = (None, "", [], {}, "[]")
MERGED = re.compile(r"merged into (?:request|ticket) #(\d+)", re.IGNORECASE)
BLACKED_OUT = "\u2587"


class Zendesk:
    """Read Zendesk's exports and API pages."""

    name = "zendesk"
    title = "Zendesk Support (JSON exports and API pages, warehouse tables)"
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
        parts = [(found.part or _part_of(found.file.sample) or "", found.file) for found in reading.files]
        for _, file in sorted(parts, key=lambda pair: FIRST.get(pair[0], len(FIRST))):
            yield from export.take(file)
        yield from export.records()


CONNECTOR: Connector = Zendesk()


def _part_of(sample: Sample) -> Part | None:
    table = sample_table(sample)
    if table is not None:
        return _part_of_columns(frozenset(table.columns))
    return next((part for record in sample_json(sample, LISTS) if (part := _classify(record)[0])), None)


def _part_of_columns(columns: frozenset[str]) -> Part | None:
    if {"id", "requester_id", "status"} <= columns and len(columns & TICKET_SIGNS) >= 2:
        return "tickets"
    if {"id", "ticket_id", "body", "public"} <= columns:
        return "comments"
    if {"id", "role", "name"} <= columns and len(columns & USER_SIGNS) >= 3:
        return "users"
    if {"chat_id", "actor_id", "message"} <= columns:
        return "chat_events"
    return "chats" if {"chat_id", "ticket_id"} <= columns else None


def _classify(record: Any) -> tuple[Part | None, Json]:  # noqa: ANN401 - any JSON value
    """Say what a JSON record is by its fields, and take it out of its wrapper."""
    if not isinstance(record, dict):
        return None, {}
    for name, part in WRAPPED.items():
        if isinstance(record.get(name), dict) and "id" not in record:
            return part, record[name]
    names = record.keys()
    if "ticket_id" in names and not {"events", "child_events"}.isdisjoint(names):
        return "audits", record
    if {"public", "body"} <= names and not {"author_id", "ticket_id"}.isdisjoint(names):
        return "comments", record
    if str(record.get("role")) in ROLES and len(USER_SIGNS & names) >= 2:
        return "users", record
    if "id" in names and not {"requester_id", "requester"}.isdisjoint(names) and len(TICKET_SIGNS & names) >= 2:
        return "tickets", record
    return None, record


def _rows(file: SourceFile, part: Part) -> Iterator[tuple[str, Json] | Reject]:
    """Give a warehouse table's rows in the words of the API."""
    for row in found.rows if (found := read_table(file)) else ():
        if isinstance(row, Reject):
            yield row
            continue
        record: Json = {name: None if value == "" else value for name, value in row.values.items()}
        for name in ("public", "is_public", "active"):
            if name in record:
                record[name] = as_flag(record[name])
        if part == "comments":
            record.setdefault("author_id", record.pop("user_id", None))
            record.setdefault("created_at", record.pop("created", None))
        elif part == "tickets" and "via" not in record:
            sender = {"address": record.get("via_source_from_address")}
            source = {"from": sender, "rel": record.get("via_source_rel")}
            record["via"] = {"channel": record.get("via_channel"), "source": source}
        yield row.place, record


class _Member(NamedTuple):
    """A record that belongs to a ticket, and where it stands."""

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
    users: dict[str, Participant] = field(default_factory=dict[str, Participant])
    chats: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    alone: set[str] = field(default_factory=set[str])
    seen: set[str] = field(default_factory=set[str])
    """Tickets alone in a file, and the first two of any: if there is but one, comments without a ticket are its own."""

    def take(self, file: SourceFile) -> Iterator[Reject]:
        """Sort a file's records in; give those that cannot be."""
        table = sample_table(file.sample)
        part = _part_of_columns(frozenset(table.columns)) if table else None
        for placed in _rows(file, part) if part else read_json(file, LISTS):
            if isinstance(placed, Reject):
                yield placed
                continue
            kind, record = (part, placed[1]) if part else _classify(placed[1])
            if kind is None:
                detail = "the record is no ticket, comment, user or audit"
                yield Reject(placed[0], "bad_record", detail, raw=to_json(placed[1]), source_uri=file.uri)
                continue
            yield from self._sort_in(_Member(kind, placed[0], file.uri, record), is_alone=placed[1] is not record)

    def records(self) -> Iterator[Record]:
        """Give every ticket with what belongs to it."""
        strays: list[_Member] = []
        only = self.alone if len(self.alone) == 1 else self.seen
        home = next(iter(only)) if len(only) == 1 else None
        for ticket_id, rows in self.spool.groups():
            members = [_Member(*row) for row in rows]
            if ticket_id == "" and home is not None:
                strays = members
                continue
            if ticket_id == home:
                members += strays
            yield from _assemble(ticket_id, members, self.users)

    def _sort_in(self, member: _Member, *, is_alone: bool) -> Iterator[Reject]:
        record, chat = member.record, as_id(member.record.get("chat_id")) or ""
        name = "id" if member.part in ("tickets", "users") else "ticket_id"
        key = as_id(record.get(name)) or ""
        if member.part == "chat_events":
            if chat not in self.chats:
                yield member.reject("orphan", "no list of chats says which ticket this chat belongs to")
            for ticket_id in self.chats.get(chat, ()):
                self.spool.put(ticket_id, list(member))
        elif not key and member.part != "comments":
            yield member.reject("no_identity", f"there is no {name}")
        elif member.part == "users":
            self.users[key] = _person(record)
        elif member.part == "chats":
            self.chats.setdefault(chat, []).append(key)
        else:
            self.spool.put(key, list(member))
            if member.part == "tickets":
                self.alone |= {key} if is_alone else set()
                self.seen |= {key} if len(self.seen) < 2 else set()


def _person(user: Json, *, role: Role = "unknown") -> Participant:
    given = ROLES.get(str(user.get("role")))
    return Participant(
        as_id(user.get("id")), given or role, "users_file" if given else "inferred", as_text(user.get("name")),
        as_text(user.get("email")), as_text(user.get("phone")), is_deleted=user.get("active") is False,
    )  # fmt: skip


def _assemble(ticket_id: str, members: list[_Member], users: Mapping[str, Participant]) -> Iterator[Record]:
    tickets = [member for member in members if member.part == "tickets"]
    if not tickets:
        for member in members:
            detail = "it names no ticket" if ticket_id == "" else "its ticket is not among the files of the folder"
            yield member.reject("orphan", detail)
        return
    newest = max(tickets, key=lambda member: parse(as_time(member.record.get("updated_at"))).at or NEVER)
    embedded = [comment for ticket in tickets for comment in _embedded(ticket)]
    odd = [comment for comment in embedded if not comment.record]
    yield from (comment.reject("bad_record", "a comment is no JSON object") for comment in odd)
    case = _Case(newest.record, users)
    case.add_all([*(comment for comment in embedded if comment.record), *members])
    conversation = case.conversation(newest)
    if conversation.turns:
        yield conversation
    else:
        why = "the ticket is deleted" if conversation.status == "deleted" else "no comments and no description"
        yield newest.reject("no_turns", f"nothing is said in it: {why}")


def _embedded(ticket: _Member) -> Iterator[_Member]:
    """Give the comments inside a ticket; pages overlap, so one ticket may come with them several times."""
    for number, comment in enumerate(as_list(ticket.record.get("comments")), start=1):
        place = f"{ticket.place} comment {number}"
        yield ticket._replace(part="comments", place=place, record=as_dict(comment))


@dataclass(slots=True)
class _Case:
    """One ticket on its way to a conversation."""

    ticket: Json
    users: Mapping[str, Participant]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    comments: dict[str, _Member] = field(default_factory=dict[str, _Member])
    changed: dict[str, bool | None] = field(default_factory=dict[str, bool | None])
    """By comment: whether it was made public or private later."""
    chat: list[Turn] = field(default_factory=list[Turn])

    def add_all(self, members: Iterable[_Member]) -> None:
        """Take in comments, audits and chats, then make turns of them in the order of their times."""
        for name, role in NAMED.items():
            self._introduce(name, role)
        for name, role in COPIED.items():
            for identity in as_list(self.ticket.get(name)):
                self._meet(as_id(identity), role)
        for member in members:
            if member.part == "comments":
                self._add_comment(member)
            elif member.part == "audits":
                self._add_audit(member)
            elif member.part == "chat_events":
                self._add_chat_item(member.record, member.place)
        says_itself = any(turn.kind == "message" for turn in self.chat)
        copied = "chat" if says_itself else ""  # a comment that is but a flat copy of the chat
        spoken = [found for found in self.comments.values() if _channel(found.record.get("via")) != copied]
        self.turns = in_order([*map(self._comment_turn, spoken), *self.chat, *self.turns])

    def conversation(self, member: _Member) -> Conversation:
        """Give what came together; the description speaks only where nothing else does, since it repeats."""
        ticket, rating, tags = self.ticket, self.ticket.get("satisfaction_rating"), as_list(self.ticket.get("tags"))
        custom = {name: value for name, value in ticket.items() if name not in READ_FIELDS and value not in EMPTY}
        is_bare = not self.comments and not (self.chat and _channel(ticket.get("via")) != "email")
        if is_bare and as_text(ticket.get("description")):
            self.turns = [self._description(member.place), *self.turns]
            custom["first_turn"] = "description"
        status, source = as_text(ticket.get("status")), _source(ticket)
        if status == "deleted":
            self.turns = [replace(turn, is_deleted=True) for turn in self.turns]
        merges = (found for turn in self.turns if (found := MERGED.search(turn.text)))
        score = as_text(as_dict(rating).get("score", rating)) or ""
        return Conversation(
            as_id(ticket.get("id")), tuple(self.turns), member.place, tuple(self.people.values()),
            parent_id=as_id(as_dict(source.get("from")).get("ticket_id")) if source.get("rel") == "follow_up" else None,
            merged_into=next((found[1] for found in merges), None) if "closed_by_merge" in tags else None,
            subject=as_text(ticket.get("subject")) or as_text(ticket.get("raw_subject")),
            channel=_channel(ticket.get("via")), channel_raw=as_id(as_dict(ticket.get("via")).get("channel")),
            status=status, status_raw=status, priority=as_text(ticket.get("priority")),
            created_at=as_time(ticket.get("created_at")), updated_at=as_time(ticket.get("updated_at")),
            tags=tuple(str(tag) for tag in tags), custom=custom, source_uri=member.uri,
            csat_label="good" if score.startswith("good") else "bad" if score.startswith("bad") else None,
            csat_scale="good/bad" if score.startswith(("good", "bad")) else None,
            csat_comment=as_text(as_dict(rating).get("comment")),
            completeness="complete" if not is_bare else "truncated_body" if "first_turn" in custom else "events_only",
        )  # fmt: skip

    def _introduce(self, name: str, role: Role) -> None:
        """Meet the requester, submitter or assignee, whom full exports embed and the API names by id."""
        given, sender = as_dict(self.ticket.get(name)), as_dict(_source(self.ticket).get("from"))
        identity = as_id(given.get("id")) or as_id(self.ticket.get(f"{name}_id"))
        if name == "requester" and not given:
            given = {"name": sender.get("name"), "email": sender.get("address")}
        self._meet(identity, role, given)

    def _meet(self, identity: str | None, role: Role, given: Json | None = None) -> None:
        if identity in (None, "-1") or identity in self.people:
            return
        person = self.users.get(identity) or _person({**(given or {}), "id": identity}, role=role)
        self.people[identity] = person if person.role != "unknown" else replace(person, role=role)

    def _add_comment(self, member: _Member) -> None:
        """Keep one version of each comment: of several, the one that hides more."""
        identity = as_id(member.record.get("id")) or f"{member.uri} {member.place}"
        if _hidden(member) > _hidden(self.comments.setdefault(identity, member)):
            self.comments[identity] = member

    def _add_audit(self, member: _Member) -> None:
        """Read what an audit, or a page of incremental ticket events, says happened. Notifications repeat comments."""
        audit = member.record
        events = as_list(audit.get("events")) or as_list(audit.get("child_events"))
        at, author = (
            audit.get("created_at") or audit.get("timestamp"),
            audit.get("author_id") or audit.get("updater_id"),
        )
        shared = {"created_at": at, "author_id": author, "via": audit.get("via")}
        for number, event in enumerate(map(as_dict, events), start=1):
            event = shared | {name: value for name, value in event.items() if value is not None}
            kind, place = as_text(event.get("event_type") or event.get("type")) or "", f"{member.place} event {number}"
            if kind in COMMENTS and ("body" in event or "html_body" in event):
                self._add_comment(member._replace(part="comments", place=place, record=event))
            elif kind == "CommentPrivacyChange":
                self.changed[as_id(event.get("comment_id")) or ""] = as_flag(event.get("public"))
            elif kind == "ChatStartedEvent":
                for item in as_list(as_json(as_dict(as_json(event.get("value"))).get("history"))):
                    self._add_chat_item(as_dict(item), place)
            elif kind == "Change":
                self.turns.append(_change(event, place))

    def _comment_turn(self, member: _Member) -> Turn:
        comment = member.record
        identity = as_id(comment.get("id"))
        public = self.changed.get(identity or "", as_flag(comment.get("public")))
        author = as_id(comment.get("author_id"))
        self._meet(author, "agent")
        channel = _channel(comment.get("via")) or (_channel(self.ticket.get("via")) if author == self._asker else None)
        is_rule = channel == "rule" or author == "-1"
        text, body_format = _body(comment, is_mail=channel == "email")
        is_note, rel = public is False, _source(comment).get("rel")
        return Turn(
            "bot" if is_rule and not is_note else self._role(author, is_note=is_note), text, external_id=identity,
            author=None if author == "-1" else author, created_at=as_time(comment.get("created_at")),
            kind="note" if is_note else "call" if comment.get("type") == "VoiceComment" else "message",
            visibility="unknown" if public is None else "public" if public else "internal",
            body_format=body_format, is_automated=is_rule,
            automation=("trigger" if rel == "trigger" else "rule") if is_rule else None,
            source_redaction=_redaction(text), place=member.place,
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(comment.get("attachments"))),
        )  # fmt: skip

    @property
    def _asker(self) -> str | None:
        return as_id(self.ticket.get("requester_id")) or as_id(as_dict(self.ticket.get("requester")).get("id"))

    def _role(self, author: str | None, *, is_note: bool = False) -> TurnRole:
        """Say who speaks: a copied third party speaks for the customer; who writes notes is one of the team."""
        person = self.people.get(author or "")
        if person is None or (is_note and person.role_source == "inferred"):
            return "agent"
        return "agent" if person.role == "agent" else "customer"

    def _description(self, place: str) -> Turn:
        """Make a turn of the description; in a private ticket it is a note, as its first comment was."""
        ticket, author = self.ticket, as_id(self.ticket.get("submitter_id")) or self._asker
        is_private = as_flag(ticket.get("is_public")) is False
        text = as_text(ticket.get("description")) or ""
        return Turn(
            self._role(author), text, author=author, created_at=as_time(ticket.get("created_at")),
            kind="note" if is_private else "message", visibility="internal" if is_private else "public",
            body_format="mail" if _channel(ticket.get("via")) == "email" else "text",
            source_redaction=_redaction(text), place=place,
        )  # fmt: skip

    def _add_chat_item(self, item: Json, place: str) -> None:
        """Read one item of a chat's history; joins, transfers and the like are events, forms are no speech."""
        original = as_dict(as_json(item.get("original_message")))
        content = as_dict(original.get("content"))
        said = as_dict(content.get("text")).get("text", content.get("text"))
        form = [str(as_dict(entry).get("label")) for entry in as_list(as_dict(content.get("form")).get("fields"))]
        text = as_text(item.get("message")) or as_text(said) or ", ".join(form)
        author = (as_id(item.get("actor_id")) or "").rpartition(":")[2] or None
        role = self._actor(item, original, author)
        kind, file = as_text(item.get("type")) or "ChatMessage", as_text(item.get("filename"))
        is_form = bool(form) or item.get("original_message_type") in FORMS
        self.chat.append(Turn(
            role, text if text or kind in SPOKEN else kind, external_id=as_id(item.get("message_id")), author=author,
            created_at=as_time(item.get("timestamp")) or as_time(item.get("created_at")),
            kind="event" if kind not in SPOKEN else "form" if is_form else "message",
            visibility="public" if kind in SPOKEN else "internal", event_type=None if kind in SPOKEN else kind,
            is_automated=role in ("bot", "system"), automation="ai" if role == "bot" else None, place=place,
            source_redaction=_redaction(text), attachments=(_attachment({**item, "file_name": file}),) if file else (),
        ))  # fmt: skip

    def _actor(self, item: Json, original: Json, author: str | None) -> TurnRole:
        """Say who acts in a chat: as its type says, else as the original message, its id or the users tell."""
        writer, kind = as_dict(original.get("author")), as_text(item.get("actor_type"))
        is_machine = (
            "AI" in as_list(writer.get("subtypes")) or as_dict(original.get("source")).get("type") == ANSWER_BOT
        )
        if is_machine or author == "trigger":
            return "bot"
        if kind == "system":
            return "system"
        hint = str(kind or writer.get("type") or item.get("actor_id")).lower()
        if author == self._asker or hint.startswith(("end-user", "visitor", "user")):
            self._meet(author, "customer")
            return "customer"
        self._meet(author, "agent")
        return "agent" if hint.startswith(("agent", "business")) else self._role(author)


def _change(event: Json, place: str) -> Turn:
    name = as_text(event.get("field_name")) or "a field"
    before, after = (to_json(event.get(key)).strip('"') for key in ("previous_value", "value"))
    is_rule = _channel(event.get("via")) == "rule"
    return Turn(
        "system", f"{name}: {before} → {after}", external_id=as_id(event.get("id")), kind="event", place=place,
        visibility="internal", created_at=as_time(event.get("created_at")), is_automated=is_rule,
        automation="rule" if is_rule else None, event_type=name,
    )  # fmt: skip


def _body(comment: Json, *, is_mail: bool) -> tuple[str, BodyFormat]:
    """Take the richest body there is; a call has its transcript beside it."""
    if spoken := as_text(as_dict(comment.get("data")).get("transcription_text")):
        return spoken, "text"
    page = as_text(comment.get("html_body"))
    if page and page.strip():
        return page, "html_mail" if is_mail else "html"
    return as_text(comment.get("plain_body")) or as_text(comment.get("body")) or "", "mail" if is_mail else "text"


def _hidden(member: _Member) -> tuple[bool, int]:
    return as_flag(member.record.get("public")) is False, str(member.record.get("body")).count(BLACKED_OUT)


def _redaction(text: str) -> Literal["none", "partial", "full"]:
    if BLACKED_OUT not in text:
        return "none"
    left = re.sub(r"<[^<>]*>", "", text).replace(BLACKED_OUT, "")
    return "partial" if left.strip() else "full"


def _attachment(file: Json) -> Attachment:
    size = str(file.get("size"))
    return Attachment(
        as_text(file.get("file_name")), as_text(file.get("content_type") or file.get("mime_type")),
        int(size) if size.isdecimal() else None, as_text(file.get("content_url") or file.get("url")),
        is_inline=file.get("inline") is True,
    )  # fmt: skip


def _source(record: Json) -> Json:
    return as_dict(as_dict(record.get("via")).get("source"))


def _channel(via: Any) -> str | None:  # noqa: ANN401 - any JSON value
    raw = as_id(as_dict(via).get("channel"))
    return CHANNELS.get(raw.lower(), raw.lower()) if raw else None

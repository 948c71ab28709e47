"""Front: conversations with their messages, comments and events, as the Core API's pages have them.

To get them: save the pages of `/conversations`, and of each conversation `/conversations/ID/messages` and
`/conversations/ID/comments` (and, if you like, `/conversations/ID/events` or `/events`), into one folder, under any
names. Messages and comments name their conversation in `_links.related.conversation`; a script may also put them into
the conversation as `messages` and `comments`. The analytics export of messages (CSV) holds no bodies, only an extract:
it is recognised, and nothing is read from it.

Inbound messages are the customer's. Outbound ones are the agent's, unless their author says otherwise: ai, a rule, a
survey and Front itself are bots; macros and bulk replies are agents' automatic text; what an API, an application or an
integration sent is a workflow's. Comments are internal, and so is everything in a discussion or a task. Drafts and
messages that failed to be sent are drafts. The text of tweets is withheld by Front and counts as redacted. Events are
internal, those that repeat a message or a comment are read as that message or comment. Where a conversation is known
by its last message alone, the head is missing.

Not read: teammates, contacts and inboxes, attachments' bytes, signatures, the raw mails.

Unconfirmed: which author types go with which messages in practice, what the source and target of events hold, where
ratings of smart_csat stand (none are read), and that a script's `messages` lie in the conversation. `formats.md` 1.10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import NEVER, as_dict, as_id, as_list, as_text, as_time, in_order
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
from ingest.repeated import without_repeats
from ingest.source import Sample, SourceFile
from ingest.tables_reader import sample_table
from ingest.times import parse
from ingest.words import plain_name

Json = dict[str, Any]
Part = Literal["conversation", "message", "comment", "event", "extract"]

LISTS = ("_results",)
PREFIXES: dict[str, Part] = {"cnv_": "conversation", "msg_": "message", "com_": "comment", "evt_": "event"}
"""What the ids of Front's things start with."""

SIGNS: dict[Part, frozenset[str]] = {
    "conversation": frozenset({"subject", "status", "recipient", "assignee", "is_private", "status_category", "tags"}),
    "message": frozenset({"is_inbound", "blurb", "draft_mode", "recipients", "body", "error_type", "message_uid"}),
    "comment": frozenset({"author", "body", "posted_at"}),
    "event": frozenset({"type", "emitted_at", "conversation", "source", "target"}),
}
REASONS: dict[Part, str] = {
    "conversation": "conversations with an id like cnv_..., as Front has them",
    "message": "messages with an id like msg_... and is_inbound, as Front has them",
    "comment": "comments with an id like com_..., as Front has them",
    "event": "events with an id like evt_..., as Front has them",
    "extract": "an analytics export of Front: messages with an extract, without their bodies",
}
EXTRACT = frozenset({"messageid", "conversationid", "direction", "extract"})
NO_SPEECH = (
    "an analytics export: it has an extract of each message, not what was said; save the pages of "
    "/conversations/ID/messages of the Core API instead"
)
CHANNELS = {"front_chat": "chat", "intercom": "chat", "smooch": "chat", "call": "phone", "phone-call": "phone",
            "tweet": "twitter", "tweet_dm": "twitter", "internal": None}  # fmt: skip
CALLS = frozenset({"call", "phone-call"})
AUTOMATIONS: dict[str, Automation] = {
    "ai": "ai", "rule": "trigger", "csat": "trigger", "smart_csat": "trigger", "macro": "macro", "bulk_reply": "macro",
    "api": "workflow", "application": "workflow", "integration": "workflow",
}  # fmt: skip
BOTS = frozenset({"ai", "rule", "csat", "smart_csat"})
STATES = {"archived": "closed", "unassigned": "open", "assigned": "open", "deleted": "deleted", "spam": "spam",
          "open": "open", "waiting": "pending", "resolved": "solved"}  # fmt: skip
EMPTY_PAGE = re.compile(r'\s*\{(?=[^\[]*"_pagination")[^\[]*"_results"\s*:\s*\[\s*\][^\[]*\}\s*')
WITHHELD = "[REDACTED]"
IN_LINK = re.compile(r"/conversations/(cnv_\w+)")
MARKUP = re.compile(r"<(?:/\w+|\w+[^<>]*)>|&(?:#\d+|\w+);")
KEPT = ("type", "custom_fields", "is_private", "links", "scheduled_reminders", "metadata", "ticket_ids")


class Front:
    """Read Front's conversations."""

    name = "front"
    title = "Front (Core API pages)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for Front's ids, and for the columns of its analytics export."""
        table = sample_table(sample)
        if table is not None:
            return Evidence(0.96, (REASONS["extract"],), part="extract") if _is_extract(table.columns) else None
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(0.96, (REASONS[part],), part=part)
        is_empty = EMPTY_PAGE.fullmatch(sample.text or "") is not None
        return Evidence(0.85, ("a page of Front's API without results",)) if is_empty else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with its messages, comments and events."""
        for recognised in reading.files:
            yield from sort_in(_records(recognised.file), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _Case(key).records(members)


CONNECTOR: Connector = Front()


def _is_extract(columns: tuple[str, ...]) -> bool:
    return {plain_name(name) for name in columns} >= EXTRACT


def _records(file: SourceFile) -> Iterator[Found | Reject]:
    table = sample_table(file.sample)
    if table is not None and _is_extract(table.columns):
        yield Reject("file", "no_turns", NO_SPEECH, source_uri=file.uri)
    else:
        yield from records_of(file, LISTS)


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    key = _conversation_of(found.value, part) if part else None
    if part is None:
        yield found.unknown("no conversation, message, comment or event of Front's")
    elif key is None:
        yield found.reject("no_identity", "it does not say which conversation it belongs to")
    else:
        yield Belonging(key, part, found)


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    identity = as_text(record.get("id")) if isinstance(record, dict) else None
    part = PREFIXES.get((identity or "")[:4])
    return part if part and len(SIGNS[part] & record.keys()) >= 2 else None


def _conversation_of(record: Json, part: Part) -> str | None:
    if part == "conversation":
        return as_id(record.get("id"))
    inner = as_id(as_dict(record.get("conversation")).get("id")) or as_id(record.get("conversation_id"))
    links = as_dict(as_dict(record.get("_links")).get("related"))
    found = IN_LINK.search(as_text(links.get("conversation")) or "")
    return inner or (found[1] if found else None)


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector."""

    key: str
    heads: list[Found] = field(default_factory=list[Found])
    turns: list[Turn] = field(default_factory=list[Turn])
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    rejects: list[Reject] = field(default_factory=list[Reject])
    has_messages: bool = False
    """Messages came by themselves, so that the last message of a list page is not all there is."""

    def records(self, members: list[tuple[Part, Found]]) -> Iterator[Record]:
        """Put together what there is, or say why there is nothing."""
        for part, found in members:
            if part == "event":
                self._hear(found)
            elif part == "conversation":
                self.heads.append(found)
            else:
                self._say(part, found)
        self.heads.sort(key=_newness, reverse=True)
        for head in self.heads:
            self._open(head)
        yield from self.rejects
        if self.turns:
            yield self._conversation(members[0][1])
            return
        for head in self.heads:
            yield head.reject("no_turns", "its messages are not in the folder; save /conversations/ID/messages")

    def _open(self, head: Found) -> None:
        """Take in what a script put into the conversation, and the last message that list pages show."""
        for name in ("messages", "comments"):
            for number, item in enumerate(as_list(head.value.get(name)), start=1):
                found = head.inner(f"{name[:-1]} {number}", item)
                part = _part_of(item)
                if part in ("message", "comment"):
                    self._say(part, found)
                else:
                    self.rejects.append(found.unknown("no message or comment of Front's"))
        last = as_dict(head.value.get("last_message"))
        if _part_of(last) == "message" and not self.has_messages:
            self.turns.append(self._message(head.inner("last message", last)))

    def _say(self, part: Part, found: Found) -> None:
        if part == "message":
            self.has_messages = True
            self.turns.append(self._message(found))
        else:
            self.turns.append(self._comment(found))

    def _hear(self, found: Found) -> None:
        """Take in an event; what happened to a message or a comment stands there in full."""
        target = as_dict(as_dict(found.value.get("target")).get("data"))
        part = _part_of(target)
        if part in ("message", "comment"):
            self._say(part, found.inner("target", target))
            return
        name = as_text(found.value.get("type")) or "event"
        self.turns.append(
            Turn("system", name, external_id=as_id(found.value.get("id")), kind="event", visibility="internal",
                 created_at=as_time(found.value.get("emitted_at")), event_type=name, place=found.place)
        )  # fmt: skip

    def _message(self, found: Found) -> Turn:
        message: Json = found.value
        name, author = as_text(message.get("type")) or "", as_dict(message.get("author"))
        role, automation = _speaker(message, author)
        kind: Kind = "call" if name in CALLS else "note" if name == "internal" else "message"
        page, plain = as_text(message.get("body")), as_text(message.get("text"))
        text = page or plain or ""
        is_unsent = message.get("draft_mode") is not None or as_text(message.get("error_type")) is not None
        attachments = tuple(_attachment(as_dict(file)) for file in as_list(message.get("attachments")))
        return Turn(
            role, "" if text == WITHHELD else text, external_id=as_id(message.get("id")),
            author=self._sender(message) if role == "customer" else self._teammate(author, role),
            created_at=as_time(message.get("created_at")), kind=kind, visibility=_visibility(kind, role),
            body_format=_format(text, name), is_automated=automation is not None, automation=automation,
            is_draft=is_unsent or message.get("is_draft") is True,
            source_redaction="full" if text == WITHHELD else "none", place=found.place, attachments=attachments,
            custom={one: value for one in ("error_type", "type", "recipients") if (value := message.get(one))},
        )  # fmt: skip

    def _comment(self, found: Found) -> Turn:
        comment: Json = found.value
        author = as_dict(comment.get("author"))
        is_ai = as_text(author.get("type")) == "ai"
        role: TurnRole = "bot" if is_ai else "agent"
        attachments = tuple(_attachment(as_dict(file)) for file in as_list(comment.get("attachments")))
        return Turn(
            role, as_text(comment.get("body")) or "", external_id=as_id(comment.get("id")),
            author=self._teammate(author, role), created_at=as_time(comment.get("posted_at")), kind="note",
            visibility="internal", is_automated=is_ai, automation="ai" if is_ai else None, place=found.place,
            attachments=attachments,
        )  # fmt: skip

    def _sender(self, message: Json) -> str | None:
        """Meet the customer who writes: the recipient that the message is from."""
        sender = next(
            (one for one in map(as_dict, as_list(message.get("recipients"))) if one.get("role") == "from"), {}
        )
        handle = as_id(sender.get("handle"))
        if handle is not None and handle not in self.people:
            is_mail, is_phone = "@" in handle, re.fullmatch(r"\+?[\d ()-]{6,20}", handle)
            self.people[handle] = Participant(
                handle, "customer", "direction", as_text(sender.get("name")), handle if is_mail else None,
                handle if is_phone and not is_mail else None,
            )  # fmt: skip
        return handle

    def _teammate(self, author: Json, role: TurnRole) -> str | None:
        identity = as_id(author.get("id"))
        if identity is not None and identity not in self.people:
            name = " ".join(filter(None, (as_text(author.get("first_name")), as_text(author.get("last_name")))))
            self.people[identity] = Participant(
                identity, role, "explicit", name or as_text(author.get("username")), as_text(author.get("email"))
            )
        return identity

    def _conversation(self, first: Found) -> Conversation:
        head: Json = self.heads[0].value if self.heads else {}
        at = self.heads[0] if self.heads else first
        raw = next((kind for turn in self.turns if (kind := as_text(turn.custom.get("type")))), None)
        is_inner = head.get("type") in ("discussion", "task")
        turns = tuple(in_order([_inside(turn) if is_inner else turn for turn in without_repeats(self.turns)]))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        status = as_text(head.get("status"))
        is_said, is_cut = any(turn.kind == "message" for turn in turns), not self.has_messages
        return Conversation(
            self.key, turns, at.place, tuple(self.people.values()), source_uri=at.uri,
            subject=as_text(head.get("subject")), channel=CHANNELS.get(raw or "", raw), channel_raw=raw,
            status=STATES.get(as_text(head.get("status_category")) or status or "", status), status_raw=status,
            created_at=as_time(head.get("created_at")) or (times[0] if times else None),
            updated_at=as_time(head.get("updated_at")) or (times[-1] if times else None),
            tags=tuple(name for tag in as_list(head.get("tags")) if (name := as_text(as_dict(tag).get("name")))),
            completeness="events_only" if not is_said else "truncated_head" if is_cut else "complete",
            custom={name: head[name] for name in KEPT if head.get(name)},
        )  # fmt: skip


def _newness(head: Found) -> Any:  # noqa: ANN401 - a time
    newest = as_time(head.value.get("updated_at")) or as_time(as_dict(head.value.get("last_message")).get("created_at"))
    return parse(newest).at or NEVER


def _speaker(message: Json, author: Json) -> tuple[TurnRole, Automation | None]:
    """Say who speaks: what comes in is the customer's; of what goes out, the author's type tells."""
    is_inbound, name = message.get("is_inbound"), as_text(author.get("type")) or ""
    is_reply = as_dict(message.get("metadata")).get("is_autoreply") is True
    if is_inbound is True:
        return "customer", "autoreply" if is_reply else None
    if is_inbound is not False:
        return "system", None
    automation = AUTOMATIONS.get(name) or ("autoreply" if is_reply else None)
    return "bot" if name in BOTS else "agent", automation


def _visibility(kind: Kind, role: TurnRole) -> Visibility:
    if kind != "message":
        return "internal"
    return "unknown" if role == "system" else "public"


def _inside(turn: Turn) -> Turn:
    """Hide what is said in a discussion or a task, which only teammates see."""
    return replace(turn, kind="note", visibility="internal") if turn.kind == "message" else turn


def _format(text: str, name: str) -> BodyFormat:
    is_page = bool(MARKUP.search(text))
    if name in ("email", "", "custom"):
        return "html_mail" if is_page else "mail"
    return "html" if is_page else "text"


def _attachment(file: Json) -> Attachment:
    size, about = file.get("size"), as_dict(file.get("metadata"))
    return Attachment(
        as_text(file.get("filename")), as_text(file.get("content_type")),
        size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(file.get("url")),
        is_inline=about.get("is_inline") is True,
    )  # fmt: skip

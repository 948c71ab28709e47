"""Help Scout: conversations with their threads, as the Inbox (Mailbox) API's pages and its webhooks have them.

To get them: save the pages of `/v2/conversations?embed=threads&status=all`, or of `/v2/conversations` and of each
`/v2/conversations/ID/threads`, and the happiness report (`/v2/reports/happiness/ratings`), into one folder, under any
names. A thread knows its conversation from the page it came in (`_links.self`), or from a field conversation_id, as
taps write it.

Threads come newest first and are put in order. Notes, forwarded mails and what is logged of phone calls are internal,
drafts and threads under review are drafts, hidden threads count as deleted. A thread that was made from a saved reply
is marked macro. Whatever is no message, note or chat is an event, with the words that Help Scout gives it. What a
system_user writes (API v3) is an AI's. Ratings (1 great, 2 okay, 3 not good) become 1, 0.5 and 0. If a page says that
there are more threads than the folder has, the head is missing.

Not read: customers' and users' lists, attachments' bytes, the original mails, mailboxes, reports other than ratings.

Unconfirmed: the types lineitem, forwardparent, forwardchild and beaconchat, drafts in what the API gives, the numbers
of the ratings, and that a chat's text may be cut where threads are embedded. `formats.md` 1.6 says where the rest was
seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import NEVER, as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import UNRATED, Rating, on_scale
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    RoleSource,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.repeated import without_repeats
from ingest.source import Sample
from ingest.times import parse

Json = dict[str, Any]
Part = Literal["conversation", "thread", "rating", "page"]

LISTS = ("conversations", "threads", "results", "data")
REASONS: dict[Part, str] = {
    "conversation": "conversations with mailboxId, number and primaryCustomer, as Help Scout has them",
    "thread": "threads with createdBy, state and body, as Help Scout has them",
    "rating": "ratings with a rating id and a thread, as Help Scout's happiness report has them",
    "page": "a page of threads that says how many there are",
}
CONVERSATION_SIGNS = frozenset(
    ("mailboxId", "mailbox_id", "folderId", "folder_id", "primaryCustomer", "primary_customer", "userUpdatedAt",
     "user_updated_at", "customerWaitingSince", "customer_waiting_since", "closedBy", "customFields")
)  # fmt: skip
THREAD_SIGNS = frozenset(
    ("createdBy", "created_by", "state", "savedReplyId", "saved_reply_id", "openedAt", "opened_at", "action", "source",
     "assignedTo", "assigned_to")
)  # fmt: skip
TYPES: dict[str, Kind] = {
    "customer": "message", "message": "message", "reply": "message", "chat": "message", "beaconchat": "message",
    "note": "note", "forwardparent": "note", "forwardchild": "note", "phone": "call",
}  # fmt: skip
AUTHORS: dict[str, TurnRole] = {"customer": "customer", "user": "agent", "team": "agent", "system_user": "bot"}
SPEAKERS: dict[str, TurnRole] = {"customer": "customer", "message": "agent", "reply": "agent", "note": "agent",
                                 "phone": "agent"}  # fmt: skip
"""Who speaks in a thread of a type, where it does not say who made it."""

DRAFTS = frozenset({"draft", "underreview"})
STATUSES = {"active": "open", "pending": "pending", "closed": "closed", "spam": "spam"}
RATINGS = {"1": 1.0, "2": 0.5, "3": 0.0}
SCALE = "1 great, 2 okay, 3 not good"
KEPT = ("number", "mailboxId", "mailbox_id", "customFields", "custom_fields", "assignee", "preview")
IN_LINK = re.compile(r"conversations/(\d+)(?:/|$|\?)")
MARKUP = re.compile(r"<(?:/\w+|\w+[^<>]*)>|&(?:#\d+|\w+);")


class HelpScout:
    """Read Help Scout's conversations."""

    name = "help_scout"
    title = "Help Scout (API pages, webhooks)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for conversations of a mailbox, and for threads with an author, a state and a body."""
        for record in sample_json(sample, LISTS):
            for found in _records_in(Found("", "", record)):
                if (part := _part_of(found.value)) is not None:
                    return Evidence(0.9 if part == "rating" else 0.95, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with the threads and the rating that belong to it."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _Case(key).records(members)


CONNECTOR: Connector = HelpScout()


def _records_in(page: Found) -> Iterator[Found]:
    """Take a page of the API apart: what it embeds, with the conversation that its link names."""
    record: Any = page.value
    held = as_dict(record).get("_embedded")
    if not isinstance(record, dict) or not isinstance(held, dict) or "id" in record:
        yield page
        return
    key = _linked(record)
    threads = as_list(held.get("threads"))
    if key is not None and threads:
        yield page.inner("page", {"conversation_id": key, "page": as_dict(record.get("page"))})
    for number, thread in enumerate(threads, start=1):
        yield page.inner(f"thread {number}", _of(thread, key))
    for name, items in held.items():
        if name != "threads":
            for number, item in enumerate(as_list(items), start=1):
                yield page.inner(f"{name} {number}", item)


def _of(thread: Any, key: str | None) -> Any:  # noqa: ANN401 - any JSON value
    """Note in a thread which conversation it belongs to, unless it says so itself."""
    return {"conversation_id": key, **thread} if isinstance(thread, dict) and key else thread


def _linked(record: Json) -> str | None:
    links = as_dict(record.get("_links"))
    found = (IN_LINK.search(as_text(as_dict(link).get("href")) or "") for link in links.values())
    return next((match[1] for match in found if match), None)


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    names = record.keys()
    if names == {"conversation_id", "page"}:
        return "page"
    if {"rating_id", "conversation_id"} <= names or {"ratingId", "threadid"} <= names:
        return "rating"
    if "id" in names and ("mailbox" in names or len(CONVERSATION_SIGNS & names) >= 2) and "subject" in names:
        return "conversation"
    return "thread" if {"id", "type"} <= names and len(THREAD_SIGNS & names) >= 3 else None


def _belonging(page: Found) -> Iterator[Belonging | Reject]:
    for found in _records_in(page):
        yield _placed(found)


def _placed(found: Found) -> Belonging | Reject:
    record = found.value
    part = _part_of(record)
    if part is None:
        return found.unknown("no conversation, thread or rating of Help Scout's")
    key = as_id(record.get("conversation_id")) or as_id(record.get("conversationId"))
    if part == "conversation" or (part == "rating" and key is None):
        key = as_id(record.get("id"))
    elif part == "thread":
        key = key or _linked(record)
    if key is None:
        return found.reject("no_identity", "neither the record nor its page says which conversation it belongs to")
    return Belonging(key, part, found)


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector."""

    key: str
    heads: list[Found] = field(default_factory=list[Found])
    ratings: list[Found] = field(default_factory=list[Found])
    turns: list[Turn] = field(default_factory=list[Turn])
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    rejects: list[Reject] = field(default_factory=list[Reject])
    total: int = 0
    """How many threads a page says there are."""

    def records(self, members: list[tuple[Part, Found]]) -> Iterator[Record]:
        """Put together what there is, or say why there is nothing."""
        by_part: dict[Part, list[Found]] = {"conversation": [], "thread": [], "rating": [], "page": []}
        for part, found in members:
            by_part[part].append(found)
        self.heads = sorted(by_part["conversation"], key=_newness, reverse=True)
        self.ratings = by_part["rating"]
        self.total = max((_total(found.value) for found in (*by_part["page"], *self.heads)), default=0)
        for found in (*(thread for head in self.heads for thread in _threads_of(head)), *by_part["thread"]):
            self._add(found)
        yield from self.rejects
        if self.turns:
            yield self._conversation(by_part["thread"])
            return
        for found in self.heads:
            yield found.reject("no_turns", "its threads are not in the folder; save it with ?embed=threads")
        if not self.heads:
            for found in self.ratings:
                yield found.reject("orphan", "the conversation that is rated is not in the folder")

    def _add(self, found: Found) -> None:
        if isinstance(found.value, dict):
            self.turns.append(self._turn(found))
        else:
            self.rejects.append(found.unknown("the thread is no object"))

    def _turn(self, found: Found) -> Turn:
        thread: Json = found.value
        name = (as_text(thread.get("type")) or "").lower()
        body, action = as_text(thread.get("body")) or "", as_dict(thread.get("action"))
        attachments = tuple(_attachments(thread))
        is_said = bool(body.strip() or attachments)
        kind: Kind = TYPES.get(name, "event") if is_said else "event"
        role = self._role(thread, name)
        state = (as_text(thread.get("state")) or "").lower()
        automation = _automation(thread, action, role) if kind == "message" else None
        happened = as_text(action.get("text")) or as_text(action.get("type")) or as_text(thread.get("actionType"))
        return Turn(
            "system" if kind == "event" else role, body if kind != "event" else body or happened or name or "event",
            external_id=as_id(thread.get("id")), author=None if kind == "event" else self._meet(thread, role),
            created_at=as_time(_get(thread, "createdAt")), kind=kind, visibility=_visibility(kind, role, state),
            body_format="text" if kind == "event" else _format(body, self._channel()),
            is_automated=automation is not None, automation=automation, is_deleted=state == "hidden",
            is_draft=state in DRAFTS,
            event_type=(as_text(action.get("type")) or name) if kind == "event" or name.startswith("forward") else None,
            place=found.place, attachments=attachments,
            custom={one: thread[one] for one in ("to", "cc", "bcc", "source", "state") if thread.get(one)},
        )  # fmt: skip

    def _role(self, thread: Json, name: str) -> TurnRole:
        told = AUTHORS.get(as_text(as_dict(_get(thread, "createdBy")).get("type")) or "")
        if told is None and isinstance(thread.get("createdByCustomer"), bool):
            told = "customer" if thread["createdByCustomer"] else "agent"
        return told or SPEAKERS.get(name, "system")

    def _meet(self, thread: Json, role: TurnRole) -> str | None:
        maker = as_dict(_get(thread, "createdBy")) or (as_dict(thread.get("customer")) if role == "customer" else {})
        identity = f"{'customer' if role == 'customer' else 'user'} {one}" if (one := as_id(maker.get("id"))) else None
        if identity is not None and identity not in self.people:
            source: RoleSource = "explicit" if as_dict(_get(thread, "createdBy")).get("type") else "inferred"
            self.people[identity] = Participant(identity, role, source, _name(maker), as_text(maker.get("email")))
        return identity

    def _channel(self) -> str | None:
        return next((raw for head in self.heads if (raw := as_text(head.value.get("type")))), None)

    def _conversation(self, threads: list[Found]) -> Conversation:
        first = (*self.heads, *threads)[0]
        head: Json = first.value if self.heads else {}
        turns = tuple(in_order(list(without_repeats(self.turns))[::-1]))
        status, raw = as_text(head.get("status")), self._channel()
        rating, comment = self._rating()
        missing = max(0, self.total - len(turns))
        is_said = any(turn.kind == "message" for turn in turns)
        custom = {name: head[name] for name in KEPT if head.get(name)} | (
            {"threads_missing": missing} if missing else {}
        )
        return Conversation(
            self.key, turns, first.place, tuple(self.people.values()), source_uri=first.uri,
            subject=as_text(head.get("subject")), channel=raw,
            channel_raw=as_text(as_dict(head.get("source")).get("type")),
            status="deleted" if head.get("state") == "deleted" else STATUSES.get(status or "", status),
            status_raw=status,
            created_at=as_time(_get(head, "createdAt")) or turns[0].created_at,
            updated_at=as_time(_get(head, "userUpdatedAt")) or turns[-1].created_at,
            closed_at=as_time(_get(head, "closedAt")), tags=tuple(_tags(head.get("tags"))), csat_score=rating.score,
            csat_scale=rating.scale, csat_label=rating.label, csat_comment=comment,
            completeness="events_only" if not is_said else "truncated_head" if missing else "complete",
            custom=custom | rating.custom,
        )  # fmt: skip

    def _rating(self) -> tuple[Rating, str | None]:
        """Give the latest rating."""
        for found in sorted(self.ratings, key=lambda one: str(_get(one.value, "ratingCreatedAt")), reverse=True):
            value = _get(found.value, "ratingId")
            score = RATINGS.get(as_id(value) or "")
            comment = as_text(_get(found.value, "ratingComments"))
            return (Rating(original=value) if score is None else on_scale(score, SCALE, value)), comment
        return UNRATED, None


def _get(record: Json, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Give a field by its name, or as taps spell it (created_at)."""
    value = record.get(name)
    return record.get(re.sub("([A-Z])", r"_\1", name).lower()) if value is None else value


def _newness(head: Found) -> Any:  # noqa: ANN401 - a time
    return parse(as_time(_get(head.value, "userUpdatedAt"))).at or NEVER


def _threads_of(head: Found) -> Iterator[Found]:
    """Give the threads within a conversation; where it holds none, `threads` is their number."""
    held = as_dict(head.value.get("_embedded")).get("threads") or head.value.get("threads")
    for number, thread in enumerate(as_list(held), start=1):
        yield head.inner(f"thread {number}", thread)


def _total(record: Json) -> int:
    count = as_dict(record.get("page")).get("totalElements")
    return count if isinstance(count, int) and not isinstance(count, bool) else 0


def _automation(thread: Json, action: Json, role: TurnRole) -> Automation | None:
    if role == "bot":
        return "ai"
    saved = as_id(_get(thread, "savedReplyId"))
    if role == "customer":
        return None
    if saved not in (None, "0"):
        return "macro"
    is_workflow = "workflow" in (as_text(action.get("type")) or as_text(thread.get("actionType")) or "")
    return "workflow" if is_workflow else None


def _visibility(kind: Kind, role: TurnRole, state: str) -> Visibility:
    if kind != "message" or state in DRAFTS:
        return "internal"
    return "public" if role != "system" and state in ("published", "hidden") else "unknown"


def _format(body: str, channel: str | None) -> BodyFormat:
    is_page = bool(MARKUP.search(body))
    if channel in ("chat", "phone"):
        return "html" if is_page else "text"
    return "html_mail" if is_page else "mail"


def _name(person: Json) -> str | None:
    first = as_text(person.get("first")) or as_text(person.get("firstName")) or as_text(person.get("first_name"))
    last = as_text(person.get("last")) or as_text(person.get("lastName")) or as_text(person.get("last_name"))
    return " ".join(filter(None, (first, last))) or None


def _tags(raw: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    for tag in as_list(raw):
        if name := as_text(tag) or as_text(as_dict(tag).get("tag")) or as_text(as_dict(tag).get("name")):
            yield name


def _attachments(thread: Json) -> Iterator[Attachment]:
    held = as_dict(thread.get("_embedded")).get("attachments") or thread.get("attachments")
    for file in map(as_dict, as_list(held)):
        size = file.get("size")
        yield Attachment(
            as_text(file.get("filename")) or as_text(file.get("fileName")), as_text(file.get("mimeType")),
            size if isinstance(size, int) and not isinstance(size, bool) else None,
            as_text(as_dict(as_dict(file.get("_links")).get("web")).get("href")) or as_text(file.get("url")),
        )  # fmt: skip

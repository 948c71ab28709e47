"""LiveChat (text.com): archived chats and the webhooks of running ones, of the API's version 3.

To get them: save the pages of List Archives (`/agent/action/list_archives`), or the bodies of the webhooks
incoming_chat, incoming_event and event_updated, into one folder.

A thread is a conversation; the thread before it is its parent, since one chat goes on for years. Events that only
agents see are notes, welcome messages are automatic, forms before and after the chat are forms, system messages are
events. An edit replaces what it edits. A thread of which there are only webhooks of events is told by those, with the
start marked as missing. Not read: chats of the API's version 2, chat summaries (they hold no messages), the access of
threads. Unconfirmed: where the rating stands, and that agents without a mail address are bots. `formats.md` 2.1 says
where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import THUMBS, Rating, on_scale
from ingest.records import Attachment, Conversation, Kind, Participant, Record, Reject, Turn, TurnRole, Visibility
from ingest.source import Sample

Json = dict[str, Any]
Part = Literal["chats", "webhooks"]

LISTS = ("chats", "chats_summary")
REASONS: dict[Part, str] = {
    "chats": "chats with users and threads of events, as LiveChat has them",
    "webhooks": "a webhook of LiveChat: action, license_id and payload",
}
THREADS = frozenset({"thread", "threads", "last_thread_summary"})
VISIBILITY: dict[str, Visibility] = {"all": "public", "agents": "internal"}
KINDS: dict[str, Kind] = {
    "message": "message", "rich_message": "message", "file": "message", "filled_form": "form", "form": "form",
    "system_message": "event", "annotation": "event", "custom": "event",
}  # fmt: skip


class LiveChat:
    """Read LiveChat's threads."""

    name = "livechat"
    title = "LiveChat (archived chats, webhooks)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for chats with users and threads, or for webhooks."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(0.96, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread with the events that all files have of it."""
        for recognised in reading.files:
            for found in records_of(recognised.file, LISTS):
                for one in [found] if isinstance(found, Reject) else _members(found):
                    if isinstance(one, Reject):
                        yield one
                    else:
                        reading.spool.put(one[0], one[1].row())
        for key, rows in reading.spool.groups():
            yield from _thread(key, [Found(*row) for row in rows])


CONNECTOR: Connector = LiveChat()


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("payload"), dict) and "action" in record and "license_id" in record:
        return "webhooks"
    return "chats" if isinstance(record.get("users"), list) and THREADS & record.keys() else None


def _members(found: Found) -> Iterator[tuple[str, Found] | Reject]:
    """Give what a record says of threads, each part with its thread's id: {"chat", "thread"} or {"action", ...}."""
    part = _part_of(found.value)
    if part is None:
        yield found.unknown("neither a chat nor a webhook of LiveChat")
        return
    payload: Json = found.value.get("payload") if part == "webhooks" else {"chat": found.value}
    if isinstance(payload.get("chat"), dict):
        yield from _threads(found, payload["chat"])
        return
    thread, event = as_id(payload.get("thread_id")), payload.get("event")
    if thread is None:
        yield found.reject("no_identity", "the webhook names no thread_id")
    else:
        said = {"action": found.value.get("action"), "chat_id": payload.get("chat_id"), "event": event}
        yield thread, Found(found.place, found.uri, said)


def _threads(found: Found, chat: Json) -> Iterator[tuple[str, Found] | Reject]:
    threads = [chat["thread"]] if isinstance(chat.get("thread"), dict) else as_list(chat.get("threads"))
    if not threads:
        yield found.reject("no_turns", "the chat comes without a thread; list archives to have its events")
    head = {name: value for name, value in chat.items() if name not in THREADS}
    for number, thread in enumerate(threads, start=1):
        one = found.inner(f"thread {number}", thread)
        key = as_id(as_dict(thread).get("id"))
        if key is None:
            yield one.unknown("a thread without an id")
        elif not as_list(thread.get("events")):
            yield one.reject("no_turns", "the thread has no events")
        else:
            yield key, Found(one.place, one.uri, {"chat": head, "thread": thread})


def _thread(key: str, members: list[Found]) -> Iterator[Record]:
    heads = [member for member in members if "thread" in member.value]
    case = _Case(key, heads[-1] if heads else members[0])
    for member in members:
        yield from case.add(member)
    if case.turns:
        yield case.conversation()


@dataclass(slots=True)
class _Case:
    """One thread on its way through the connector."""

    key: str
    head: Found
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: dict[str, Turn] = field(default_factory=dict[str, Turn])

    def add(self, member: Found) -> Iterator[Reject]:
        """Take in a thread with its events, or one webhook."""
        chat, thread = as_dict(member.value.get("chat")), as_dict(member.value.get("thread"))
        for user in as_list(chat.get("users")):
            self._meet(as_dict(user))
        for number, event in enumerate(as_list(thread.get("events")), start=1):
            found = member.inner(f"event {number}", event)
            if isinstance(event, dict):
                self._keep(self._turn(event, found.place))
            else:
                yield found.unknown("no event of LiveChat")
        if "action" in member.value:
            self._keep(self._webhook(member))

    def _keep(self, turn: Turn) -> None:
        """Take in one turn; a later version of one replaces the earlier, in its place."""
        self.turns[turn.external_id or turn.place] = turn

    def _webhook(self, member: Found) -> Turn:
        """Give the event that a webhook brings; other webhooks of a thread say that something happened."""
        action, event = as_text(member.value["action"]) or "webhook", member.value.get("event")
        if not isinstance(event, dict):
            return Turn("system", action, kind="event", visibility="internal", event_type=action, place=member.place)
        turn = self._turn(event, member.place)
        return replace(turn, custom={**turn.custom, "edited": True}) if action == "event_updated" else turn

    def _turn(self, event: Json, place: str) -> Turn:
        name, lc2 = as_text(event.get("type")) or "", as_dict(as_dict(event.get("properties")).get("lc2"))
        visibility = VISIBILITY.get(as_text(event.get("visibility") or event.get("recipients")) or "all", "unknown")
        kind: Kind = KINDS.get(name, "event")
        if kind == "message" and visibility == "internal":
            kind = "note"
        person = self._author(as_text(event.get("author_id")))
        role: TurnRole = person.role if person and person.role in ("customer", "agent", "bot") else "system"
        text, is_welcome = _text(event, name), lc2.get("welcome_message") is True
        return Turn(
            "system" if kind == "event" else "bot" if is_welcome else role, text, external_id=as_id(event.get("id")),
            author=person.external_id if person else None, created_at=as_time(event.get("created_at")), kind=kind,
            visibility="internal" if kind == "event" else visibility if person or kind == "form" else "unknown",
            is_automated=is_welcome or role == "bot",
            automation="welcome" if is_welcome else "bot" if role == "bot" and kind != "event" else None,
            event_type=_event_type(event, name, lc2) if kind in ("event", "form") else None, place=place,
            attachments=_attachments(event, name), custom=_custom_of(event),
        )  # fmt: skip

    def _meet(self, user: Json) -> None:
        identity, kind = as_id(user.get("id")), as_text(user.get("type"))
        if identity is None:
            return
        is_bot = kind == "agent" and "@" not in identity
        role: TurnRole = "bot" if is_bot else "agent" if kind == "agent" else "customer"
        source = "inferred" if is_bot or kind not in ("agent", "customer") else "explicit"
        self.people[identity] = Participant(
            identity, role, source, as_text(user.get("name")), as_text(user.get("email"))
        )

    def _author(self, identity: str | None) -> Participant | None:
        """Find who speaks; who is not among the chat's users is told by the id: agents' are mail addresses."""
        if identity is not None and identity not in self.people:
            role: TurnRole = "agent" if "@" in identity else "customer"
            self.people[identity] = Participant(identity, role, "inferred")
        return self.people.get(identity or "")

    def conversation(self) -> Conversation:
        """Give what came together."""
        chat, thread = as_dict(self.head.value.get("chat")), as_dict(self.head.value.get("thread"))
        turns = tuple(in_order(list(self.turns.values())))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        active = thread.get("active")
        given, comment = _rating(thread)
        is_said = any(turn.kind not in ("event", "form") for turn in turns)
        return Conversation(
            self.key, turns, self.head.place, tuple(self.people.values()),
            source_uri=self.head.uri, parent_id=as_id(thread.get("previous_thread_id")), channel="chat",
            status=None if not isinstance(active, bool) else "open" if active else "closed",
            created_at=as_time(thread.get("created_at")) or (times[0] if times else None),
            updated_at=times[-1] if times else None, closed_at=times[-1] if times and active is False else None,
            tags=tuple(tag for tag in as_list(thread.get("tags")) if isinstance(tag, str)),
            csat_score=given.score, csat_scale=given.scale, csat_label=given.label, csat_comment=comment,
            completeness="events_only" if not is_said else "complete" if thread else "truncated_head",
            custom=self._custom(chat, thread) | given.custom,
        )  # fmt: skip

    def _custom(self, chat: Json, thread: Json) -> Json:
        kept = {
            "chat_id": as_id(chat.get("id")) or as_id(self.head.value.get("chat_id")),
            "next_thread_id": thread.get("next_thread_id"),
            "properties": thread.get("properties"),
        }
        return {name: value for name, value in kept.items() if value}


def _text(event: Json, name: str) -> str:
    """Give what an event says: of a form its answers, of a card its title and what stands on its buttons."""
    if name in ("filled_form", "form"):
        return "\n".join(_answers(event))
    if name == "rich_message":
        return "\n".join(_cards(event))
    return as_text(event.get("text")) or (name or "event" if KINDS.get(name, "event") == "event" else "")


def _answers(event: Json) -> Iterator[str]:
    for item in as_list(event.get("fields")):
        asked = as_dict(item)
        given = asked.get("value", asked.get("answers", asked.get("answer")))
        values = [
            as_text(as_dict(one).get("label")) or as_id(one) for one in (given if isinstance(given, list) else [given])
        ]
        if said := ", ".join(value for value in values if value):
            yield f"{(as_text(asked.get('label')) or as_text(asked.get('name')) or '?').rstrip(': ')}: {said}"


def _cards(event: Json) -> Iterator[str]:
    for element in as_list(event.get("elements")):
        card = as_dict(element)
        buttons = [as_text(as_dict(button).get("text")) for button in as_list(card.get("buttons"))]
        for line in (as_text(card.get("title")), as_text(card.get("subtitle")), *buttons):
            if line:
                yield line


def _event_type(event: Json, name: str, lc2: Json) -> str:
    return as_text(event.get("system_message_type")) or as_text(lc2.get("form_type")) or name or "event"


def _attachments(event: Json, name: str) -> tuple[Attachment, ...]:
    if name != "file":
        return ()
    size = event.get("size")
    return (
        Attachment(
            as_text(event.get("name")), as_text(event.get("content_type")),
            size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(event.get("url")),
        ),
    )  # fmt: skip


def _custom_of(event: Json) -> Json:
    kept = {name: event.get(name) for name in ("custom_id", "system_message_type", "postback", "content")}
    known = as_text(event.get("type")) in KINDS
    return {name: value for name, value in kept.items() if value} | ({} if known else {"fields_of_it": sorted(event)})


def _rating(thread: Json) -> tuple[Rating, str | None]:
    """Give the rating, which is 1 for good and 0 for bad; newer versions wrap each property as {"value": ...}."""
    rating = as_dict(as_dict(thread.get("properties")).get("rating"))
    score, comment = (_bare(rating.get(name)) for name in ("score", "comment"))
    is_known = not isinstance(score, bool) and score in (0, 1)
    return (on_scale(float(score), THUMBS, score) if is_known else Rating(original=score)), as_text(comment)


def _bare(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return value.get("value") if isinstance(value, dict) else value

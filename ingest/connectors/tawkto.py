"""tawk.to: transcripts of chats, and tickets, as its webhooks send them.

To get them: set up a webhook for chat start, chat end, chat transcript created and ticket created (Administration,
Settings, Webhooks), and save the body of each call as JSON into one folder, one a file or one a line. The dashboard's
own export sends transcripts by mail; as text they go through the connector `transcripts`.

A chat is a conversation, joined by its id from all that came of it; what a repeated webhook says again counts once. A
visitor (`v`) is the customer, an agent (`a`) the agent, and what the system (`s`) says is automatic: the greeting
before anybody wrote, notices after it. Of a chat whose transcript never came the first message stands alone, and the
rest is marked as missing. A ticket is a conversation of one mail. Files and calls are named, never fetched.

Not read: the signature of webhooks, visitors' cities and countries beyond `custom`, answers to tickets (no webhook
brings them).

Unconfirmed: the form of files in messages (`attchs`), times of single messages, the layout of the dashboard's export.
`formats.md` 2.3 says where the rest was seen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time
from ingest.records import Attachment, Conversation, Kind, Participant, Record, Reject, Turn, TurnRole, Visibility
from ingest.source import Sample
from ingest.times import parse

Json = dict[str, Any]

EVENTS = {
    "chat:start": "a chat that starts",
    "chat:end": "a chat that ends",
    "chat:transcript_created": "a chat's transcript",
    "ticket:create": "a ticket",
}
ROLES: dict[str, TurnRole] = {
    "v": "customer", "visitor": "customer", "a": "agent", "agent": "agent", "s": "bot", "system": "bot",
}  # fmt: skip
KINDS: dict[str, Kind] = {"msg": "message", "file": "message", "webrtc-call": "call"}
Said = tuple[str | None, str, datetime | None]


class TawkTo:
    """Read tawk.to's chats and tickets."""

    name = "tawkto"
    title = "tawk.to (webhooks of chats and tickets)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for webhooks with tawk.to's events."""
        for record in sample_json(sample):
            if (event := _event_of(record)) is not None:
                return Evidence(0.97, (f"a webhook of tawk.to, {EVENTS[event]}: event, time and property",))
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each chat with what all its webhooks say, and each ticket."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            hooks = [found for _, found in members]
            yield from _ticket(key, hooks) if hooks[0].value["event"] == "ticket:create" else _chat(key, hooks)


CONNECTOR: Connector = TawkTo()


def _event_of(record: Any) -> str | None:  # noqa: ANN401 - any JSON value
    event = record.get("event") if isinstance(record, dict) else None
    is_known = isinstance(event, str) and event in EVENTS and bool({"property", "time"} & record.keys())
    return event if is_known else None


def _key_of(hook: Json) -> str | None:
    if hook["event"] == "ticket:create":
        return as_id(as_dict(hook.get("ticket")).get("id"))
    return as_id(hook.get("chatId")) or as_id(as_dict(hook.get("chat")).get("id"))


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    event = _event_of(found.value)
    key = _key_of(found.value) if event else None
    if event is None:
        yield found.unknown("no webhook of tawk.to's for a chat or a ticket")
    elif key is None:
        yield found.reject("no_identity", "the webhook names no chat and no ticket")
    else:
        yield Belonging(key, event, found)


def _ticket(key: str, hooks: list[Found]) -> Iterator[Record]:
    hook: Json = hooks[-1].value
    ticket, asker = as_dict(hook.get("ticket")), as_dict(hook.get("requester"))
    text, at = as_text(ticket.get("message")), as_time(hook.get("time"))
    if text is None:
        yield hooks[-1].reject("no_turns", "the ticket has no message")
        return
    identity = as_text(asker.get("email")) or key
    person = Participant(identity, "customer", "explicit", as_text(asker.get("name")), as_text(asker.get("email")))
    turn = Turn("customer", text, author=identity, created_at=at, body_format="mail", place=hooks[-1].place)
    yield Conversation(
        key, (turn,), hooks[-1].place, (person,), source_uri=hooks[-1].uri, subject=as_text(ticket.get("subject")),
        channel="email", channel_raw="ticket", created_at=at, updated_at=at,
        custom=_kept(hook, number=as_id(ticket.get("humanId"))),
    )  # fmt: skip


def _chat(key: str, hooks: list[Found]) -> Iterator[Record]:
    case = _Case(key, hooks)
    for found in hooks:
        if found.value["event"] == "chat:transcript_created":
            yield from case.add(found)
    is_whole = bool(case.turns)
    if not is_whole:
        case.add_opening()
    if case.turns:
        yield case.conversation(is_whole=is_whole)
    elif not any(hook.value["event"] == "chat:transcript_created" for hook in hooks):
        yield hooks[0].reject("no_turns", "there is no message in the chat's webhooks")


@dataclass(slots=True)
class _Case:
    """One chat on its way through the connector."""

    key: str
    hooks: list[Found]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    seen: Counter[Said] = field(default_factory=Counter[Said])

    def add(self, hook: Found) -> Iterator[Reject]:
        """Take in a transcript; what an earlier one of the chat has said already counts once."""
        before, now = self.seen.copy(), Counter[Said]()
        messages = as_dict(hook.value.get("chat")).get("messages")
        if not isinstance(messages, list) or not messages:
            yield hook.reject("no_turns", "there is no message in the transcript")
        for number, message in enumerate(as_list(messages), start=1):
            found = hook.inner(f"message {number}", message)
            if not isinstance(message, dict):
                yield found.unknown("no message of tawk.to's")
                continue
            said = (_role_word(message), _text(message), parse(as_time(message.get("time"))).at)
            now[said] += 1
            if now[said] > before[said]:
                self.turns.append(self._turn(found))
        self.seen |= now

    def add_opening(self) -> None:
        """Take the first message from the webhook of the chat's start, where there is no transcript."""
        for hook in self.hooks:
            if isinstance(message := hook.value.get("message"), dict):
                timed = {"time": hook.value.get("time"), **message}
                self.turns.append(self._turn(hook.inner("message", timed)))
                return

    def _turn(self, found: Found) -> Turn:
        message: Json = found.value
        role, name = ROLES.get(_role_word(message) or ""), as_text(message.get("type")) or "msg"
        kind: Kind = KINDS.get(name, "message")
        is_greeting = role == "bot" and not any(turn.role != "bot" for turn in self.turns)
        visibility: Visibility = "internal" if kind == "call" else "public"
        return Turn(
            role or "system", _text(message), author=self._author(message, role), kind=kind,
            created_at=as_time(message.get("time")), place=found.place, attachments=tuple(_attachments(message)),
            visibility=visibility if role and name in KINDS else "unknown", is_automated=role == "bot",
            automation=("welcome" if is_greeting else "trigger") if role == "bot" else None,
            custom={} if name in KINDS else {"type": name, "fields_of_it": sorted(message)},
        )  # fmt: skip

    def _author(self, message: Json, role: TurnRole | None) -> str | None:
        """Name who speaks: agents by id or name; visitors, who have no ids, by mail address or the chat's id."""
        if role not in ("customer", "agent"):
            return None
        sender = as_dict(message.get("sender"))
        name = as_text(sender.get("n")) or as_text(sender.get("name"))
        email = as_text(self._visitor.get("email")) if role == "customer" else None
        identity = email or self.key if role == "customer" else as_id(sender.get("id")) or name
        if identity is not None:
            shown = as_text(self._visitor.get("name")) if role == "customer" else None
            self.people.setdefault(identity, Participant(identity, role, "explicit", shown or name, email))
        return identity

    @property
    def _visitor(self) -> Json:
        places = ((hook.value, as_dict(hook.value.get("chat"))) for hook in reversed(self.hooks))
        found = (as_dict(holder.get("visitor")) for pair in places for holder in pair)
        return next((visitor for visitor in found if visitor), {})

    def conversation(self, *, is_whole: bool) -> Conversation:
        """Give what came together; without a transcript, only how the chat began is known."""
        times = [turn.created_at for turn in self.turns if turn.created_at is not None]
        moments = {hook.value["event"]: as_time(hook.value.get("time")) for hook in self.hooks}
        ended = moments.get("chat:end")
        last: Json = self.hooks[-1].value
        return Conversation(
            self.key, tuple(self.turns), self.hooks[0].place, tuple(self.people.values()),
            source_uri=self.hooks[0].uri, channel="chat", status="closed" if ended or is_whole else "open",
            created_at=moments.get("chat:start") or (times[0] if times else next(iter(moments.values()))),
            updated_at=times[-1] if times else None, closed_at=ended,
            completeness="complete" if is_whole else "truncated_body", custom=_kept(last, visitor=self._visitor),
        )  # fmt: skip


def _role_word(message: Json) -> str | None:
    sender = as_dict(message.get("sender"))
    return as_text(sender.get("t")) or as_text(sender.get("type"))


def _text(message: Json) -> str:
    return as_text(message.get("msg")) or as_text(message.get("text")) or ""


def _attachments(message: Json) -> Iterator[Attachment]:
    for item in map(as_dict, as_list(message.get("attchs")) or as_list(message.get("attachments"))):
        file = as_dict(as_dict(item.get("content")).get("file")) or as_dict(item.get("file")) or item
        size = file.get("size")
        yield Attachment(
            as_text(file.get("name")), as_text(file.get("mimeType")),
            size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(file.get("url")),
        )  # fmt: skip


def _kept(hook: Json, **more: Any) -> Json:  # noqa: ANN401 - any JSON value
    place = as_dict(hook.get("property"))
    visitor = as_dict(more.pop("visitor", None))
    known = {"property_id": place.get("id"), "property": place.get("name"), "domain": hook.get("domain"), **more}
    lives = {name: visitor.get(name) for name in ("city", "country")}
    return {name: value for name, value in {**known, **lives}.items() if value}

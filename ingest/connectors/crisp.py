"""Crisp: conversations with their messages, as the REST API's pages and the webhooks have them.

To get them: save the pages of `/v1/website/ID/conversations/PAGE` and of each conversation
`/v1/website/ID/conversation/SESSION/messages` (with `timestamp_before` for older ones), or the bodies of the webhooks
message:send, message:received, message:updated and message:removed, into one folder, under any names. Crisp's own
export of conversations in the dashboard is text by mail and goes through the connector `transcripts`.

A session is a conversation. What a user writes is the customer's, what an operator writes the agent's, and what is
marked automated a bot's; notes are internal, events are internal. Pickers, fields and carousels are read as what they
show, with the answer once it is given. A webhook that edits or removes a message does so in its place. Segments become
tags, and stars (1 to 5) the rating. Files are named, never fetched.

Not read: pages visited, helpdesk articles, campaigns, the original HTML of mails, and translations of messages.

Unconfirmed: the origins of bots and triggers (`urn:...`), ratings that a script put beside the session's id, and how
many older messages a page leaves out. `formats.md` 2.2 says where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import rated
from ingest.records import Attachment, Automation, Conversation, Kind, Participant, Record, Reject, Turn, TurnRole
from ingest.repeated import without_repeats
from ingest.source import Sample

Json = dict[str, Any]
Part = Literal["message", "conversation", "rating", "webhook"]

LISTS = ("data",)
SIGNS: dict[Part, frozenset[str]] = {
    "message": frozenset({"fingerprint", "from", "content", "origin"}),
    "conversation": frozenset({"meta", "state", "availability", "people_id", "active", "last_message"}),
    "rating": frozenset({"stars", "comment"}),
}
"""Fields beside session_id, of which two must be there."""

REASONS: dict[Part, str] = {
    "message": "messages with session_id, fingerprint, from and content, as Crisp has them",
    "conversation": "conversations with session_id, state and meta, as Crisp has them",
    "rating": "ratings with session_id and stars, as Crisp has them",
    "webhook": "a webhook of Crisp: website_id, event and data with a session_id",
}
SENT = ("message:send", "message:received")
STATES = {"pending": "open", "unresolved": "open", "resolved": "closed", "0": "open", "1": "open", "2": "closed"}
ROLES: dict[str, TurnRole] = {"user": "customer", "operator": "agent"}
KINDS: dict[str, Kind] = {
    "text": "message", "file": "message", "audio": "message", "animation": "message", "picker": "message",
    "field": "message", "carousel": "message", "note": "note", "event": "event",
}  # fmt: skip
MOST_STARS = 5


class Crisp:
    """Read Crisp's sessions."""

    name = "crisp"
    title = "Crisp (API pages, webhooks)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for records with a session_id and Crisp's fields."""
        for record in map(_unwrapped, sample_json(sample, LISTS)):
            if (part := _part_of(record)) is not None:
                return Evidence(0.96, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each session with what all files have of it."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _session(key, members)


CONNECTOR: Connector = Crisp()


def _unwrapped(record: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Take what the API answers out of its frame: {"error": false, "reason": "resolved", "data": {...}}."""
    framed = isinstance(record, dict) and {"error", "reason"} <= record.keys()
    return record["data"] if framed and isinstance(record.get("data"), dict) else record


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("event"), str) and "website_id" in record and isinstance(record.get("data"), dict):
        return "webhook" if "session_id" in record["data"] else None
    if "session_id" not in record:
        return None
    return next((part for part, signs in SIGNS.items() if len(signs & record.keys()) >= 2), None)


def _session_of(record: Json) -> str | None:
    return as_id(record.get("session_id")) or as_id(as_dict(record.get("data")).get("session_id"))


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    one = Found(found.place, found.uri, _unwrapped(found.value))
    part = _part_of(one.value)
    key = _session_of(one.value) if part else None
    if part is None:
        yield one.unknown("no conversation, message, rating or webhook of Crisp's")
    elif key is None:
        yield one.reject("no_identity", "there is no session_id")
    else:
        yield Belonging(key, part, one)


def _session(key: str, members: list[tuple[Part, Found]]) -> Iterator[Record]:
    case = _Case(key, members[0][1])
    # What tells who the visitor is comes before what the visitor says.
    for part, found in sorted(members, key=lambda member: member[0] != "conversation"):
        yield from case.add(part, found)
    yield from case.records()


@dataclass(slots=True)
class _Case:
    """One session on its way through the connector."""

    key: str
    first: Found
    heads: list[Found] = field(default_factory=list[Found])
    ratings: list[Found] = field(default_factory=list[Found])
    turns: list[Turn] = field(default_factory=list[Turn])
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    origin: str | None = None

    def add(self, part: Part, found: Found) -> Iterator[Reject]:
        """Take in a conversation with the messages a script may have put into it, a message, or a webhook."""
        if part == "conversation":
            self.heads.append(found)
            for number, message in enumerate(as_list(found.value.get("messages")), start=1):
                inner = found.inner(f"message {number}", message)
                if isinstance(message, dict):
                    self._say(inner)
                else:
                    yield inner.unknown("no message of Crisp's")
        elif part == "message":
            self._say(found)
        elif part == "rating":
            self.ratings.append(found)
        else:
            self._hear(found)

    def _hear(self, found: Found) -> None:
        """Take in a webhook: a message, a change of one, or that something happened."""
        action, data = found.value["event"], Found(found.place, found.uri, found.value["data"])
        at = self._place_of(data.value)
        if action in SENT:
            self._say(data)
        elif at is not None and action == "message:updated":
            text = _content(data.value.get("content"))[0] or self.turns[at].text
            self.turns[at] = replace(self.turns[at], text=text, edited_at=as_time(found.value.get("timestamp")))
        elif at is not None and action == "message:removed":
            self.turns[at] = replace(self.turns[at], is_deleted=True)
        else:
            self.turns.append(
                Turn("system", action, kind="event", visibility="internal", event_type=action, place=found.place,
                     created_at=as_time(found.value.get("timestamp")))
            )  # fmt: skip

    def _say(self, found: Found) -> None:
        """Take in a message; one that was edited replaces what it was."""
        self.origin = self.origin or as_text(found.value.get("origin"))
        turn = self._turn(found)
        at = self._place_of(found.value) if found.value.get("edited") is True else None
        if at is None:
            self.turns.append(turn)
        else:
            self.turns[at] = turn

    def _place_of(self, message: Json) -> int | None:
        mark = as_id(message.get("fingerprint"))
        return next((at for at, turn in enumerate(self.turns) if mark and turn.external_id == mark), None)

    def _turn(self, found: Found) -> Turn:
        message: Json = found.value
        name = as_text(message.get("type")) or ""
        kind: Kind = KINDS.get(name, "message")
        role, automation = _role_of(message), _automation(message)
        text, answers = _content(message.get("content"))
        origin = as_text(message.get("origin"))
        is_known = name in KINDS and role != "system"
        return Turn(
            "system" if kind == "event" else "bot" if automation else role, text,
            external_id=as_id(message.get("fingerprint")),
            author=self._author(message, role), created_at=as_time(message.get("timestamp")),
            kind="form" if answers else kind,
            visibility="internal" if kind in ("note", "event") else "public" if is_known else "unknown",
            body_format="mail" if origin == "email" and name == "text" else "text", is_automated=automation is not None,
            automation=automation, event_type=_namespace(message) if kind == "event" else None, place=found.place,
            attachments=_attachments(message.get("content"), name), custom=_custom_of(message, answers, name),
        )  # fmt: skip

    def _author(self, message: Json, role: TurnRole) -> str | None:
        """Name who speaks; the visitor by the profile's id, or the session's where there is no profile."""
        if role == "system":
            return None
        user = as_dict(message.get("user"))
        identity = self._visitor if role == "customer" else as_id(user.get("user_id"))
        if identity is not None and (identity not in self.people or not self.people[identity].display_name):
            self.people[identity] = Participant(identity, role, display_name=as_text(user.get("nickname")))
        return identity

    @property
    def _visitor(self) -> str:
        return next((known for head in self.heads if (known := as_id(head.value.get("people_id")))), self.key)

    def records(self) -> Iterator[Record]:
        """Give what came together, or say why there is nothing."""
        if self.turns:
            yield self._conversation()
            return
        for found in (*self.heads, *self.ratings):
            yield found.reject("no_turns", "there are no messages of it in the folder")

    def _conversation(self) -> Conversation:
        head: Json = self.heads[-1].value if self.heads else {}
        meta = as_dict(head.get("meta"))
        turns = tuple(in_order(list(without_repeats(self.turns))))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        raw = as_id(head.get("state")) or as_id(head.get("status"))
        given: Json = self.ratings[-1].value if self.ratings else {}
        rating = rated(given.get("stars"), 1, MOST_STARS)
        is_said = any(turn.kind not in ("event", "form") for turn in turns)
        return Conversation(
            self.key, turns, self.first.place, self._people(meta),
            source_uri=self.first.uri, subject=as_text(meta.get("subject")) or as_text(head.get("topic")),
            channel=_channel(self.origin), channel_raw=self.origin, status=STATES.get(raw or "", raw), status_raw=raw,
            created_at=as_time(head.get("created_at")) or (times[0] if times else None),
            updated_at=as_time(head.get("updated_at")) or (times[-1] if times else None),
            tags=tuple(tag for tag in as_list(meta.get("segments")) if isinstance(tag, str)),
            csat_score=rating.score, csat_scale=rating.scale, csat_label=rating.label,
            csat_comment=as_text(given.get("comment")), completeness="complete" if is_said else "events_only",
            custom={**_custom(head, meta), **rating.custom},
        )  # fmt: skip

    def _people(self, meta: Json) -> tuple[Participant, ...]:
        """Give everybody, the visitor with what the conversation's head tells."""
        visitor = self.people.get(self._visitor)
        if visitor is not None and meta:
            self.people[self._visitor] = replace(
                visitor,
                display_name=as_text(meta.get("nickname")) or visitor.display_name,
                email=as_text(meta.get("email")),
                phone=as_text(meta.get("phone")),
            )
        return tuple(self.people.values())


def _role_of(message: Json) -> TurnRole:
    return ROLES.get(as_text(message.get("from")) or "", "system")


def _automation(message: Json) -> Automation | None:
    """Tell bots and triggers: by the mark that Crisp sets, else by the plugin that a message comes from."""
    origin = as_text(message.get("origin")) or ""
    if message.get("from") != "operator" or message.get("type") in ("note", "event"):
        return None
    if "trigger" in origin or "campaign" in origin:
        return "trigger"
    return "bot" if message.get("automated") is True or ":bot" in origin else None


def _content(content: Any) -> tuple[str, list[str]]:  # noqa: ANN401 - any JSON value
    """Give what a message shows, and what was answered in it (a picker's choice, a field's value)."""
    if not isinstance(content, dict):
        return as_text(content) or "", []
    answers = [label for choice in map(as_dict, as_list(content.get("choices")))
               if choice.get("selected") is True and (label := as_text(choice.get("label")))]  # fmt: skip
    if value := as_text(content.get("value")):
        answers.append(value)
    asked = as_text(content.get("text")) or as_text(content.get("explain"))
    if answers:
        return ": ".join(filter(None, ((asked or "").rstrip(": "), ", ".join(answers)))), answers
    lines = [asked, *(as_text(as_dict(choice).get("label")) for choice in as_list(content.get("choices")))]
    for target in map(as_dict, as_list(content.get("targets"))):
        lines += [as_text(target.get("title")), as_text(target.get("description"))]
    return "\n".join(filter(None, lines)) or as_text(content.get("namespace")) or "", []


def _namespace(message: Json) -> str:
    return as_text(as_dict(message.get("content")).get("namespace")) or "event"


def _attachments(content: Any, name: str) -> tuple[Attachment, ...]:  # noqa: ANN401 - any JSON value
    if name not in ("file", "audio", "animation") or not isinstance(content, dict):
        return ()
    return (Attachment(as_text(content.get("name")), as_text(content.get("type")), url=as_text(content.get("url"))),)


def _channel(origin: str | None) -> str | None:
    """Name the channel: "chat", "email", or the plugin's in urn:crisp.im:messenger:0."""
    if origin is None or not origin.startswith("urn:"):
        return origin
    return next((name for name in reversed(origin.split(":")) if not name.isdecimal()), origin)


def _custom_of(message: Json, answers: list[str], name: str) -> Json:
    kept = {
        "edited": message.get("edited"),
        "translated": message.get("translated"),
        "answers": answers,
        "fields_of_it": None if name in KINDS else sorted(message),
    }
    return {name: value for name, value in kept.items() if value}


def _custom(head: Json, meta: Json) -> Json:
    kept = {
        "assigned": as_dict(head.get("assigned")).get("user_id"),
        "data": meta.get("data"),
        "is_blocked": head.get("is_blocked"),
    }
    return {name: value for name, value in kept.items() if value}

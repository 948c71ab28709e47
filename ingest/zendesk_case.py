"""One Zendesk ticket with all that belongs to it, on its way to a conversation.

Records come in the words of Zendesk's API; what lays them out otherwise is put into these words first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from ingest.keys import to_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.ratings import Rating
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Completeness,
    Conversation,
    Participant,
    Reject,
    RejectCode,
    Role,
    Turn,
    TurnRole,
)
from ingest.times import parse
from ingest.zendesk_messaging import Item, item_of, turn_of
from ingest.zendesk_words import BLACKED_OUT, attachment_of, channel_of, person_of, rating_of, redaction_of

Json = dict[str, Any]
Part = Literal[
    "tickets", "comments", "users", "audits", "chats", "chat_events", "ratings", "tags", "changes", "sides",
    "side_events", "other",
]  # fmt: skip

NAMED: dict[str, tuple[Role, float]] = {
    "requester": ("customer", 0.9), "submitter": ("agent", 0.5), "assignee": ("agent", 0.95),
}  # fmt: skip
"""Who the ticket itself names, in the order they are met, and how sure that is: agents file tickets for others too."""

COPIED: dict[str, tuple[Role, float]] = {
    "follower_ids": ("agent", 0.9), "email_cc_ids": ("third_party", 0.8), "collaborator_ids": ("third_party", 0.6),
}  # fmt: skip
NOTE_WRITER, WRITER = 0.95, 0.6
"""How sure it is that an agent writes: private comments are the team's own; a public one may be anybody's."""

COMMENTS = frozenset(("Comment", "VoiceComment", "FacebookComment", "FacebookEvent", "Tweet", "SmsComment"))
QUIET = frozenset(
    ("Create", "Notification", "NotificationWithCcs", "Cc", "FollowerNotificationEvent", "SmsNotification", "Push",
     "OrganizationActivity", "External", "Error", "AgentMacroReference", "CommentPrivacyChange",
     "CommentRedactionEvent", "ChatStartedEvent")
)  # fmt: skip
"""Events of an audit that repeat the ticket or its comments, tell who was written to, or are read in another way."""

READ_FIELDS = frozenset(
    ("id", "subject", "description", "comments", "priority", "status", "requester", "submitter", "assignee", "tags",
     "satisfaction_rating", "created_at", "updated_at", "via", "requester_id", "url", "fields", "generated_timestamp")
)  # fmt: skip
EMPTY = (None, "", [], {}, "[]")
MERGED = re.compile(r"merged into (?:request|ticket) #(\d+)", re.IGNORECASE)
CALL_FIELDS = ("call_duration", "recording_duration", "answered_by_id", "transcription_status", "from", "to")
CHANGE_FIELDS = frozenset(("id", "via", "via_reference_id", "event_type", "type", "previous_value", "created_at",
                           "author_id", "metadata", "field_name", "value"))  # fmt: skip


class Member(NamedTuple):
    """A record that belongs to a ticket, and where it stands."""

    part: Part
    place: str
    uri: str
    record: Json

    def reject(self, code: RejectCode, detail: str) -> Reject:
        """Say why it is left out; the record itself goes into the encrypted store only."""
        return Reject(self.place, code, detail, raw=to_json(self.record), source_uri=self.uri)


@dataclass(slots=True)
class Case:
    """One ticket on its way to a conversation."""

    ticket: Json
    users: Mapping[str, Participant]
    merged_into: str | None = None
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    comments: dict[str, Member] = field(default_factory=dict[str, Member])
    changed: dict[str, bool | None] = field(default_factory=dict[str, bool | None])
    """By comment: whether it was made public or private later."""
    macros: dict[str, str] = field(default_factory=dict[str, str])
    """By comment: the macro that was used in the same update."""
    redacted: set[str] = field(default_factory=set[str])
    """Comments of which something was blacked out later."""
    chat: dict[str, Turn] = field(default_factory=dict[str, Turn])
    ratings: list[Json] = field(default_factory=list[Json])
    tags: dict[str, None] = field(default_factory=dict[str, None])
    channel: str | None = field(init=False)
    asker: str | None = field(init=False)
    told: int = 0
    """How many comments events tell of without their text, as incremental events do without comment_events."""

    def __post_init__(self) -> None:
        self.channel = channel_of(self.ticket.get("via"))
        self.asker = as_id(self.ticket.get("requester_id")) or as_id(as_dict(self.ticket.get("requester")).get("id"))

    def add_all(self, members: Iterable[Member]) -> None:
        """Take in what belongs to the ticket, then make turns of it in the order of their times."""
        for name, (role, confidence) in NAMED.items():
            self._introduce(name, role, confidence)
        for name, (role, confidence) in COPIED.items():
            for identity in as_list(self.ticket.get(name)):
                self._meet(as_id(identity), role, confidence)
        for member in members:
            self._add(member)
        spoken = [*self.comments.values()]
        if any(turn.kind == "message" for turn in self.chat.values()):  # then a chat's comment is but its flat copy
            spoken = [found for found in spoken if channel_of(found.record.get("via")) != "chat"]
        self.turns = in_order([*map(self._comment_turn, spoken), *self.chat.values(), *self.turns])

    def conversation(self, member: Member) -> Conversation:
        """Give what came together; the description speaks only where nothing else does, since it repeats."""
        ticket, source, rating = self.ticket, _source(self.ticket), self._rating()
        custom = {name: value for name, value in ticket.items() if name not in READ_FIELDS and value not in EMPTY}
        is_bare = not self.comments and not (self.chat and self.channel != "email")
        if is_bare and as_text(ticket.get("description")):
            self.turns = [self._description(member.place), *self.turns]
            custom["first_turn"] = "description"
        if self._unseen:
            custom["comments_without_text"] = self._unseen
        status = as_text(ticket.get("status"))
        if status == "deleted":
            self.turns = [replace(turn, is_deleted=True) for turn in self.turns]
        tags = tuple(dict.fromkeys((*map(str, as_list(as_json(ticket.get("tags")))), *self.tags)))
        return Conversation(
            as_id(ticket.get("id")), tuple(self.turns), member.place, tuple(self.people.values()),
            parent_id=as_id(as_dict(source.get("from")).get("ticket_id")) if source.get("rel") == "follow_up" else None,
            merged_into=self._merged_into(tags),
            subject=as_text(ticket.get("subject")) or as_text(ticket.get("raw_subject")),
            channel=self.channel, channel_raw=as_id(as_dict(ticket.get("via")).get("channel")),
            status=status, status_raw=status, priority=as_text(ticket.get("priority")),
            created_at=as_time(ticket.get("created_at")), updated_at=as_time(ticket.get("updated_at")),
            tags=tags, custom=custom | rating.custom, source_uri=member.uri, csat_score=rating.score,
            csat_scale=rating.scale, csat_label=rating.label, csat_comment=self._rating_comment(),
            completeness=self._completeness(is_bare=is_bare, is_told="first_turn" in custom),
        )  # fmt: skip

    def _completeness(self, *, is_bare: bool, is_told: bool) -> Completeness:
        if is_bare:
            return "truncated_body" if is_told else "events_only"
        return "truncated_body" if self._unseen else "complete"

    @property
    def _unseen(self) -> int:
        return max(0, self.told - len(self.comments))

    def _merged_into(self, tags: tuple[str, ...]) -> str | None:
        """Give the ticket it was merged into: as the target's record says, else as the closing words do."""
        if self.merged_into is not None or "closed_by_merge" not in tags:
            return self.merged_into
        return next((found[1] for turn in self.turns if (found := MERGED.search(turn.text))), None)

    def _rating(self) -> Rating:
        """Give the newest rating there is: of the ratings' own page, of the audits, else the ticket's copy."""
        given = self.ticket.get("satisfaction_rating")
        scores = [rating.get("score") for rating in _newest_first(self.ratings)]
        found = [rating_of(score) for score in (*scores, as_dict(given).get("score", given))]
        return next((rating for rating in found if rating.original is not None), found[-1])

    def _rating_comment(self) -> str | None:
        told = [*_newest_first(self.ratings), as_dict(self.ticket.get("satisfaction_rating"))]
        return next((text for rating in told if (text := as_text(rating.get("comment")))), None)

    def _introduce(self, name: str, role: Role, confidence: float) -> None:
        """Meet the requester, submitter or assignee, whom full exports embed and the API names by id."""
        given, sender = as_dict(self.ticket.get(name)), as_dict(_source(self.ticket).get("from"))
        identity = as_id(given.get("id")) or as_id(self.ticket.get(f"{name}_id"))
        if name == "requester" and not given:
            given = {"name": sender.get("name"), "email": sender.get("address")}
        self._meet(identity, role, confidence, given)

    def _meet(self, identity: str | None, role: Role, confidence: float, given: Json | None = None) -> None:
        if identity in (None, "-1") or identity in self.people:
            return
        known = self.users.get(identity) or person_of({**(given or {}), "id": identity})
        is_told = known.role != "unknown"
        self.people[identity] = known if is_told else replace(known, role=role, role_confidence=confidence)

    def _add(self, member: Member) -> None:
        record = member.record
        if member.part == "comments":
            self._add_comment(member)
        elif member.part == "audits":
            self._add_audit(member)
        elif member.part == "chat_events":
            self._add_chat_item(record, member.place)
        elif member.part == "ratings":
            self.ratings.append(record)
        elif member.part == "tags":
            self.tags[str(record.get("tag"))] = None
        elif member.part == "changes":
            self.turns.append(_change(record, member.place))

    def _add_comment(self, member: Member) -> None:
        """Keep one version of each comment: of several, the one that hides more."""
        identity = as_id(member.record.get("id")) or f"{member.uri} {member.place}"
        before = self.comments.setdefault(identity, member)
        if before is not member and _hidden(member) > _hidden(before):
            self.comments[identity] = member

    def _add_audit(self, member: Member) -> None:
        """Read what an audit, or a page of incremental ticket events, says happened."""
        audit = member.record
        events = [as_dict(event) for event in as_list(audit.get("events")) or as_list(audit.get("child_events"))]
        shared = {
            "created_at": audit.get("created_at") or audit.get("timestamp"),
            "author_id": audit.get("author_id") or audit.get("updater_id"), "via": audit.get("via"),
        }  # fmt: skip
        macro = next((event for event in events if _kind(event) == "AgentMacroReference"), None)
        for number, event in enumerate(events, start=1):
            whole = shared | {name: value for name, value in event.items() if value is not None}
            self._add_event(member._replace(place=f"{member.place} event {number}", record=whole))
            if macro and _kind(event) in COMMENTS:
                self.macros[as_id(event.get("id")) or ""] = as_text(macro.get("macro_title")) or "a macro"

    def _add_event(self, member: Member) -> None:
        """Take in one event; what nobody knows stays as an event of its name, so that nothing is lost."""
        event, kind = member.record, _kind(member.record)
        comment_id = as_id(event.get("comment_id")) or ""
        if kind in COMMENTS and ("body" in event or "html_body" in event):
            self._add_comment(member._replace(part="comments"))
        elif kind in COMMENTS or event.get("comment_present") is True:
            self.told += 1
        elif kind == "CommentPrivacyChange":
            self.changed[comment_id] = as_flag(event.get("public"))
        elif kind == "CommentRedactionEvent":
            self.redacted.add(comment_id)
        elif kind == "ChatStartedEvent":
            for item in as_list(as_json(as_dict(as_json(event.get("value"))).get("history"))):
                self._add_chat_item(as_dict(item), member.place)
        elif kind == "SatisfactionRating":
            self.ratings.append({**event, "comment": event.get("comment") or event.get("body")})
            self.turns.append(_event(event, kind, f"rated {as_id(event.get('score'))}", member.place))
        elif kind == "Change":
            self.turns.append(_change(event, member.place))
        elif kind not in QUIET:
            self.turns.append(_event(event, kind or "unknown", kind or "an event without a type", member.place))

    def _comment_turn(self, member: Member) -> Turn:
        comment = member.record
        identity = as_id(comment.get("id"))
        public = self.changed.get(identity or "", as_flag(comment.get("public")))
        author, is_note = as_id(comment.get("author_id")), public is False
        self._meet(author, "agent", NOTE_WRITER if is_note else WRITER)
        channel = channel_of(comment.get("via")) or (self.channel if author == self.asker else None)
        is_rule = channel == "rule" or author == "-1"
        text, body_format = _body(comment, is_mail=channel == "email")
        is_late = identity in self.redacted and BLACKED_OUT not in text  # copied before something was blacked out
        macro = self.macros.get(identity or "")
        custom = _call(comment) if comment.get("type") == "VoiceComment" else {}
        if macro:
            custom["macro"] = macro
        if is_late:
            custom["redacted_later"] = True
        return Turn(
            "bot" if is_rule and not is_note else self._role(author, is_note=is_note), text, external_id=identity,
            author=None if author == "-1" else author, created_at=as_time(comment.get("created_at")),
            kind="note" if is_note else "call" if comment.get("type") == "VoiceComment" else "message",
            visibility="unknown" if public is None else "public" if public else "internal",
            body_format=body_format, is_automated=is_rule or macro is not None,
            is_deleted=is_late or comment.get("deleted") is True,
            automation=_automation(comment) if is_rule else "macro" if macro else None,
            source_redaction=redaction_of(text), place=member.place, custom=custom,
            attachments=tuple(_attachments(comment)) if comment.get("attachments") or comment.get("data") else (),
        )  # fmt: skip

    def _role(self, author: str | None, *, is_note: bool = False) -> TurnRole:
        """Say who speaks: a copied third party speaks for the customer; who writes notes is one of the team."""
        person = self.people.get(author or "")
        if person is None or (is_note and person.role_source == "inferred"):
            return "agent"
        return "agent" if person.role == "agent" else "customer"

    def _description(self, place: str) -> Turn:
        """Make a turn of the description; in a private ticket it is a note, as its first comment was."""
        ticket, author = self.ticket, as_id(self.ticket.get("submitter_id")) or self.asker
        is_private = as_flag(ticket.get("is_public")) is False
        text = as_text(ticket.get("description")) or ""
        return Turn(
            self._role(author), text, author=author, created_at=as_time(ticket.get("created_at")),
            kind="note" if is_private else "message", visibility="internal" if is_private else "public",
            body_format="mail" if self.channel == "email" else "text",
            source_redaction=redaction_of(text), place=place,
        )  # fmt: skip

    def _add_chat_item(self, value: Json, place: str) -> None:
        """Take in one item of a chat's history, once."""
        item = item_of(value)
        self.chat.setdefault(item.same, turn_of(item, self._actor(item), place))

    def _actor(self, item: Item) -> TurnRole:
        """Say who acts: whom the item names, the one who asks, else whom the users tell."""
        if item.role in ("bot", "system"):
            self._meet(item.author, item.role, 1.0)
            return item.role
        is_asker = item.author is not None and item.author == self.asker
        role = "customer" if is_asker else item.role
        self._meet(item.author, role or "agent", 1.0 if item.role else WRITER)
        return role or self._role(item.author)


def newest(members: Iterable[Member]) -> Member:
    """Give the version of a record that was changed last; of equals the first."""
    return max(members, key=lambda member: parse(as_time(member.record.get("updated_at"))).at or NEVER)


def _newest_first(records: list[Json]) -> list[Json]:
    def at(record: Json) -> Any:  # noqa: ANN401 - a moment
        return parse(as_time(record.get("updated_at") or record.get("created_at"))).at or NEVER

    return sorted(records, key=at, reverse=True)


def _kind(event: Json) -> str:
    return as_text(event.get("event_type")) or as_text(event.get("type")) or ""


def _change(event: Json, place: str) -> Turn:
    """Make an event of a changed field: audits name it, incremental events have it as a key of its own."""
    name = as_text(event.get("field_name")) or next((key for key in event if key not in CHANGE_FIELDS), "a field")
    after = event.get("value", event.get(name))
    values = (event["previous_value"], after) if "previous_value" in event else (after,)
    told = " → ".join(to_json(value).strip('"') for value in values)
    return _event(event, name, f"{name}: {told}", place)


def _event(event: Json, name: str, text: str, place: str) -> Turn:
    is_rule = channel_of(event.get("via")) == "rule"
    return Turn(
        "system", text, external_id=as_id(event.get("id")), kind="event", place=place, visibility="internal",
        created_at=as_time(event.get("created_at")), is_automated=is_rule,
        automation=_automation(event) if is_rule else None, event_type=name,
    )  # fmt: skip


def _automation(record: Json) -> Automation:
    """Tell triggers, which an update sets off, from automations, which the clock does."""
    return "trigger" if _source(record).get("rel") == "trigger" else "workflow"


def _body(comment: Json, *, is_mail: bool) -> tuple[str, BodyFormat]:
    """Take the richest body there is; a call has its transcript beside it."""
    if spoken := as_text(as_dict(comment.get("data")).get("transcription_text")):
        return spoken, "text"
    page = as_text(comment.get("html_body"))
    if page and page.strip():
        return page, "html_mail" if is_mail else "html"
    return as_text(comment.get("plain_body")) or as_text(comment.get("body")) or "", "mail" if is_mail else "text"


def _call(comment: Json) -> Json:
    """Keep what is known of a call: how long it was, who took it, its numbers."""
    data = as_dict(comment.get("data"))
    return {name: data[name] for name in CALL_FIELDS if data.get(name) not in EMPTY}


def _attachments(comment: Json) -> Iterator[Attachment]:
    for file in as_list(as_json(comment.get("attachments"))):
        yield attachment_of(as_dict(file))
    if url := as_text(as_dict(comment.get("data")).get("recording_url")):
        yield Attachment(media_type="audio", url=url, is_omitted=True)


def _hidden(member: Member) -> tuple[bool, int]:
    return as_flag(member.record.get("public")) is False, str(member.record.get("body")).count(BLACKED_OUT)


def _source(record: Json) -> Json:
    return as_dict(as_dict(record.get("via")).get("source"))

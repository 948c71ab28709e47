"""Amazon Connect: chat transcripts and Contact Lens analyses, of chats and of calls, raw and redacted.

To get them: copy the objects of the instance's S3 bucket, `ChatTranscripts/...` for chats and `Analysis/Chat/...` and
`Analysis/Voice/...` for what Contact Lens made of chats and calls; or save the answers of GetTranscript.

Read are messages, attachments (named), events, matched categories as tags and the overall sentiment. A contact is a
conversation; its files may lie in the folders of several days, and a raw one comes before its redacted twin. Messages
of an earlier contact that a persistent chat shows again go to that contact.
Prompts and Lex bots are bots; what a supervisor says is internal; a call's turns have no clock time, so their offsets
stand in `custom`. Not read: the analysis of single turns beyond their sentiment, and real-time segments. Unconfirmed:
the frame around plain chat transcripts and what attachments look like. `formats.md` 2.6 says where the rest was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of, shape_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.records import (
    Attachment,
    Automation,
    Completeness,
    Conversation,
    Kind,
    Participant,
    Record,
    Reject,
    Role,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.repeated import distinct
from ingest.source import Sample

Json = dict[str, Any]

ROLES: dict[str, Role] = {
    "CUSTOMER": "customer", "AGENT": "agent", "SUPERVISOR": "agent", "SYSTEM": "bot", "CUSTOM_BOT": "bot",
}  # fmt: skip
AUTOMATION: dict[str, Automation] = {"SYSTEM": "workflow", "CUSTOM_BOT": "bot"}
CHANNELS = {"CHAT": "chat", "VOICE": "phone"}
EVENT_PREFIX = "application/vnd.amazonaws.connect.event."
INTERACTIVE_PREFIX = "application/vnd.amazonaws.connect.message.interactive"
ENDED = "chat.ended"
MASK = re.compile(r"\[[A-Z][A-Z_]*\]")
"""What stands in a redacted file in place of personal data: [PII], or the kind of it ([NAME])."""

FILE_NAME = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=_)")
"""S3 objects are named by their contact: CONTACT_analysis_TIME.json."""

CLUES = frozenset({"ParticipantId", "ParticipantRole", "AbsoluteTime", "BeginOffsetMillis"})
ENVELOPE = frozenset({"CustomerMetadata", "ContentMetadata", "JobStatus", "Participants"})
CUSTOM_OF_TURN = ("BeginOffsetMillis", "EndOffsetMillis", "Sentiment", "Redaction", "RelatedContactId")


class AmazonConnect:
    """Read Amazon Connect's transcripts."""

    name = "amazon_connect"
    title = "Amazon Connect (chat transcripts, Contact Lens)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for a Transcript whose items name their participants."""
        for record in sample_json(sample):
            if _is_transcript(record):
                reason = "Transcript with ParticipantId or ParticipantRole, as Amazon Connect has it"
                return Evidence(0.97, (reason,), spans_folders=True)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each contact with what all files say of it."""
        for recognised in reading.files:
            named = FILE_NAME.match(recognised.file.name)
            for found in records_of(recognised.file):
                if isinstance(found, Reject):
                    yield found
                    continue
                for contact, part in _by_contact(found, named[0] if named else None):
                    reading.spool.put(contact, part.row())
        for key, rows in reading.spool.groups():
            yield from _contact(key, [Found(*row) for row in distinct(rows)])


CONNECTOR: Connector = AmazonConnect()


def _is_transcript(record: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict) or not isinstance(record.get("Transcript"), list):
        return False
    items = [item for item in record["Transcript"][:20] if isinstance(item, dict)]
    return any(CLUES & item.keys() for item in items) if items else bool(ENVELOPE & record.keys())


def _by_contact(found: Found, named: str | None) -> Iterator[tuple[str, Found]]:
    """Give the record under its contact's id, and what it shows of other contacts under theirs.

    A record that names no contact stands for itself, under a key that starts with a space.
    """
    record = found.value
    own = _contact_id(record, named) or f" {found.uri} {found.place}"
    if not isinstance(record, dict) or not isinstance(record.get("Transcript"), list):
        yield own, found
        return
    of: dict[str, list[Any]] = {}
    for item in record["Transcript"]:
        of.setdefault(as_id(as_dict(item).get("ContactId")) or own, []).append(item)
    for contact, held in (of or {own: []}).items():
        yield contact, Found(found.place, found.uri, {**record, "Transcript": held})


def _contact_id(record: Any, named: str | None) -> str | None:  # noqa: ANN401 - any JSON value
    held = as_dict(record)
    described = as_dict(held.get("CustomerMetadata")).get("ContactId")
    return as_id(described) or as_id(held.get("ContactId")) or named or as_id(held.get("InitialContactId"))


def _is_redacted(record: Json) -> bool:
    return as_dict(record.get("ContentMetadata")).get("Output") == "Redacted"


def _contact(key: str, parts: list[Found]) -> Iterator[Record]:
    """Make one contact of all its files: of raw and redacted ones the raw, of pages of one transcript all."""
    known: list[Found] = []
    for part in parts:
        if isinstance(part.value, dict) and isinstance(part.value.get("Transcript"), list):
            known.append(part)
        elif isinstance(part.value, dict) and "JobStatus" in part.value:
            yield part.reject("no_turns", "there is no Transcript: Contact Lens did not finish, see JobStatus")
        else:
            yield part.unknown("a record without a Transcript list")
    redacted = all(_is_redacted(part.value) for part in known)
    used = [part for part in known if _is_redacted(part.value) == redacted]
    if not used:
        return
    case = _Case(used[0], None if key.startswith(" ") else key, redacted)
    for part in used:
        yield from case.add(part)
    conversation = case.conversation(twins=len(known) - len(used))
    yield conversation if conversation.turns else used[0].reject("no_turns", "the Transcript is empty")


@dataclass(slots=True)
class _Case:
    """One contact on its way through the connector."""

    first: Found
    contact: str | None
    is_redacted: bool
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    seen: dict[str, str] = field(default_factory=dict[str, str])
    has_end: bool = False

    def add(self, part: Found) -> Iterator[Reject]:
        """Take in the items of one file; what pages repeat counts once."""
        self.has_end |= not part.value.get("NextToken")
        for person in as_list(part.value.get("Participants")):
            self._meet(as_dict(person))
        for number, item in enumerate(part.value["Transcript"], start=1):
            found = part.inner(f"item {number}", item)
            turn = self._turn(found) if isinstance(item, dict) else None
            if turn is None:
                yield found.unknown("no message, event or attachment of a transcript")
            else:
                self._keep(turn)

    def _keep(self, turn: Turn) -> None:
        """Drop a repeated item; one that shares its id with another one of different text stands without the id."""
        identity = turn.external_id
        if identity is not None and identity in self.seen:
            if self.seen[identity] == turn.text:
                return
            turn = replace(turn, external_id=None)
        elif identity is not None:
            self.seen[identity] = turn.text
        self.turns.append(turn)

    def _turn(self, found: Found) -> Turn | None:
        item: Json = found.value
        self._meet(item)
        content_type, raw_role = as_text(item.get("ContentType")) or "", as_text(item.get("ParticipantRole"))
        name, text = as_text(item.get("Type")) or _type(item), as_text(item.get("Content")) or ""
        if name not in ("MESSAGE", "EVENT", "ATTACHMENT"):
            return None
        person = self.people.get(as_id(item.get("ParticipantId")) or "")
        role: Role = ROLES.get(raw_role or "") or (person.role if person else "unknown")
        kind, visibility = _kind(name, content_type, raw_role, role)
        text = content_type.removeprefix(EVENT_PREFIX) or "event" if kind == "event" else _spoken(text, content_type)
        return Turn(
            "system" if kind == "event" else _turn_role(role), text, external_id=as_id(item.get("Id")),
            author=person.external_id if person else None, created_at=as_time(item.get("AbsoluteTime")), kind=kind,
            visibility=visibility, is_automated=role == "bot", automation=AUTOMATION.get(raw_role or ""),
            source_redaction="partial" if self.is_redacted and MASK.search(text) else "none",
            event_type=content_type.removeprefix(EVENT_PREFIX) if kind == "event" else None, place=found.place,
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(item.get("Attachments"))),
            custom={key: item[key] for key in CUSTOM_OF_TURN if item.get(key) not in (None, "", [], {})},
        )  # fmt: skip

    def _meet(self, person: Json) -> None:
        """Note who takes part; redacted files give the role with the message only, calls the role as the id.

        Such an id tells nobody from anybody, so it does not get into the store, where it would tie all calls together.
        """
        identity = as_id(person.get("ParticipantId"))
        if identity is None:
            return
        role = ROLES.get(as_text(person.get("ParticipantRole")) or identity, "unknown")
        name = as_text(person.get("DisplayName"))
        before = self.people.get(identity) or Participant(None if identity in ROLES else identity, role)
        self.people[identity] = replace(
            before,
            role=role if before.role == "unknown" else before.role,
            display_name=before.display_name or (None if name and MASK.fullmatch(name) else name),
        )

    def conversation(self, *, twins: int) -> Conversation:
        """Give what came together; `twins` redacted files of it were left aside for the raw ones."""
        record: Json = self.first.value
        turns = tuple(in_order(self.turns))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        ended = next((turn for turn in turns if turn.event_type == ENDED), None)
        channel = as_text(record.get("Channel")) or ("CHAT" if times else None)
        initial = as_id(record.get("InitialContactId"))
        return Conversation(
            self.contact, turns, self.first.place, tuple(self.people.values()), source_uri=self.first.uri,
            parent_id=initial if initial != self.contact else None, channel=CHANNELS.get(channel or "", channel),
            channel_raw=as_text(record.get("Channel")), status="closed" if ended else None,
            language=as_text(record.get("LanguageCode")), created_at=times[0] if times else None,
            updated_at=times[-1] if times else None, closed_at=ended.created_at if ended else None,
            tags=tuple(_categories(record)), completeness=self._completeness(turns), custom=_custom(record, twins),
        )  # fmt: skip

    def _completeness(self, turns: Iterable[Turn]) -> Completeness:
        """Tell what is there; without a page that has no NextToken the last messages are missing."""
        if all(turn.kind == "event" for turn in turns):
            return "events_only"
        return "complete" if self.has_end else "truncated_body"


def _type(item: Json) -> str | None:
    """Tell what an item is that does not say: calls have text and nothing else."""
    if isinstance(item.get("Content"), str):
        return "MESSAGE"
    return "EVENT" if (as_text(item.get("ContentType")) or "").startswith(EVENT_PREFIX) else None


def _kind(name: str, content_type: str, raw_role: str | None, role: Role) -> tuple[Kind, Visibility]:
    if name == "EVENT":
        return "event", "internal"
    if raw_role == "SUPERVISOR":
        return "note", "internal"
    visibility: Visibility = "unknown" if role == "unknown" else "public"
    return "form" if content_type.startswith(INTERACTIVE_PREFIX) else "message", visibility


def _turn_role(role: Role) -> TurnRole:
    return role if role in ("customer", "agent", "bot") else "system"


def _spoken(text: str, content_type: str) -> str:
    """Give an interactive message's title, which is what its bubble shows; other text as it is."""
    if not content_type.startswith(INTERACTIVE_PREFIX):
        return text
    content = as_dict(as_dict(as_dict(as_json(text)).get("data")).get("content"))
    return as_text(content.get("title")) or as_text(content.get("action")) or text


def _attachment(file: Json) -> Attachment:
    size = file.get("AttachmentSizeInBytes")
    return Attachment(
        as_text(file.get("AttachmentName")), as_text(file.get("ContentType")),
        size if isinstance(size, int) and not isinstance(size, bool) else None,
    )  # fmt: skip


def _categories(record: Json) -> Iterator[str]:
    for name in as_list(as_dict(record.get("Categories")).get("MatchedCategories")):
        if tag := as_text(name):
            yield tag


def _custom(record: Json, twins: int) -> Json:
    sentiment = as_dict(as_dict(record.get("ConversationCharacteristics")).get("Sentiment")).get("OverallSentiment")
    kept = {
        "output": as_dict(record.get("ContentMetadata")).get("Output"),
        "instance": as_dict(record.get("CustomerMetadata")).get("InstanceId") or record.get("InstanceId"),
        "sentiment": sentiment,
        "redacted_files_left_aside": twins or None,
    }
    unread = shape_of({name: 0 for name in record if name not in READ}) if record.keys() - READ else None
    return {name: value for name, value in {**kept, "fields_not_read": unread}.items() if value}


READ = frozenset(
    ("AccountId", "AWSAccountId", "Categories", "Channel", "ChatTranscriptVersion", "ContactId", "ContentMetadata",
     "ConversationCharacteristics", "CustomModels", "CustomerMetadata", "InitialContactId", "InstanceId", "JobStatus",
     "LanguageCode", "NextToken", "Participants", "Transcript", "Version", "JobDetails")
)  # fmt: skip

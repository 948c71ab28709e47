"""Genesys Cloud: recordings of messages, chats and mails, and transcripts of calls.

To get them: save the answers of `/api/v2/conversations/ID/recordings` (a bulk job's or a recording export's JSON has
the same objects), and for calls the JSON behind
`/api/v2/speechandtextanalytics/conversations/ID/communications/ID/transcripturl`, into one folder, under any names.

A conversation is one, whatever the media it ran over; its recordings are joined by its id. The purpose tells the role:
customer and external are customers, agent and user agents; acd, ivr, bots and workflows are bots. Where there is no
purpose, a user's name makes an agent, an external contact's a customer, and the address that agents write from tells
the other side; of mails the first writer is taken for the customer. A private social post is no note and stays public.
Joining, leaving and other notices are internal events. Of calls the written-out words are preferred (`decoratedText`),
with times. Attachments are named, never fetched.

Not read: the sound of calls, annotations, sentiment and topics, wrap-up codes and queues, stories and stickers beyond
their names. A recording without any transcript is a reject that says so.

Unconfirmed: all values of purpose, whether `startTimeMs` counts from the epoch or from the start (both are understood),
kinds of chat messages (`bodyType`), and who wrote the first mail. `formats.md` 2.9 says where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import number_in
from ingest.records import Attachment, Conversation, Participant, Record, Reject, RoleSource, Turn, TurnRole, changed
from ingest.repeated import without_repeats
from ingest.source import Sample
from ingest.times import SECONDS_TO, parse

Json = dict[str, Any]
Part = Literal["recording", "call"]

LISTS = ("entities", "recordings")
WRITTEN = ("messagingTranscript", "transcript", "emailTranscript")
CHANNELS = {"messagingTranscript": "messaging", "transcript": "chat", "emailTranscript": "email"}
RECORDING_SIGNS = frozenset({"media", "mediaUris", "fileState", "startTime", "sessionId", *WRITTEN})
REASONS: dict[Part, str] = {
    "recording": "recordings with conversationId and their transcripts, as Genesys Cloud has them",
    "call": "transcripts with phrases and participantPurpose, as Genesys Cloud has them",
}
ROLES: dict[str, TurnRole] = {
    "customer": "customer", "external": "customer", "agent": "agent", "user": "agent", "internal": "agent",
    "acd": "bot", "ivr": "bot", "bot": "bot", "botflow": "bot", "workflow": "bot", "digitalbot": "bot",
    "virtualagent": "bot", "outbound": "bot", "campaign": "bot", "voicemail": "bot", "system": "bot",
}  # fmt: skip
FLOWS = frozenset({"acd", "ivr", "workflow", "outbound", "campaign", "voicemail", "system"})
"""Purposes whose words come from a flow that somebody drew, not from a bot that answers."""

SPOKEN_BODIES = frozenset({"standard", ""})


class Genesys:
    """Read Genesys Cloud's recordings and transcripts."""

    name = "genesys"
    title = "Genesys Cloud (recordings, transcripts of calls)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for recordings, or for transcripts with phrases."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(0.96, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with all its recordings."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _conversation(key, members)


CONNECTOR: Connector = Genesys()


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    key = as_id(found.value.get("conversationId")) if part else None
    if part is None:
        yield found.unknown("no recording or transcript of Genesys Cloud's")
    elif key is None:
        yield found.reject("no_identity", "there is no conversationId")
    else:
        yield Belonging(key, part, found)


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    spoken = [as_dict(one) for one in as_list(record.get("transcripts"))[:20]]
    if any("phrases" in one for one in spoken) and {"conversationId", "communicationId"} & record.keys():
        return "call"
    is_recording = "conversationId" in record and len(RECORDING_SIGNS & record.keys()) >= 2
    return "recording" if is_recording else None


def _conversation(key: str, members: list[tuple[Part, Found]]) -> Iterator[Record]:
    case, silent = _Case(key), list[Found]()
    for part, found in members:
        before = len(case.turns)
        yield from case.call(found) if part == "call" else case.recording(found)
        if len(case.turns) == before:
            silent.append(found)
    if case.turns:
        yield case.conversation([found for _, found in members])
        return
    for found in silent:
        yield found.reject("no_turns", "the recording has no transcript; of a call, save its transcript too")


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector."""

    key: str
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    channels: list[str] = field(default_factory=list[str])
    ours: set[str] = field(default_factory=set[str])
    """Addresses that agents and bots write from."""

    def recording(self, found: Found) -> Iterator[Reject]:
        """Take in what a recording holds in writing."""
        for name in WRITTEN:
            items = as_list(found.value.get(name))
            if items and CHANNELS[name] not in self.channels:
                self.channels.append(CHANNELS[name])
            self._learn(items)
            for number, item in enumerate(items, start=1):
                one = found.inner(f"{name} {number}", item)
                if not isinstance(item, dict):
                    yield one.unknown("no item of a transcript")
                elif name == "emailTranscript":
                    self.turns.append(self._mail(one))
                else:
                    self.turns.append(self._chat(one) if name == "transcript" else self._message(one))

    def call(self, found: Found) -> Iterator[Reject]:
        """Take in the phrases of a call."""
        self.channels.append("phone")
        for at, transcript in enumerate(as_list(found.value.get("transcripts")), start=1):
            if not isinstance(transcript, dict) or not isinstance(transcript.get("phrases"), list):
                yield found.inner(f"transcript {at}", transcript).unknown("no transcript with phrases")
                continue
            start = as_time(transcript.get("startTime")) or as_time(found.value.get("startTime"))
            for number, phrase in enumerate(transcript["phrases"], start=1):
                one = found.inner(f"transcript {at} phrase {number}", phrase)
                if isinstance(phrase, dict):
                    self.turns.append(self._phrase(one, start, as_text(transcript.get("language"))))
                else:
                    yield one.unknown("no phrase of a transcript")

    def _learn(self, items: list[Any]) -> None:
        """Remember the addresses that our side writes from."""
        for item in map(as_dict, items):
            is_ours = ROLES.get(_purpose(item)) in ("agent", "bot") or bool(_user(item).get("id"))
            if is_ours and (address := as_text(item.get("from"))):
                self.ours.add(address)

    def _message(self, found: Found) -> Turn:
        item: Json = found.value
        role, source = self._side(item)
        text, kind_of = as_text(item.get("messageText")) or "", as_text(item.get("contentType"))
        files = [as_dict(file) for file in as_list(item.get("messageMediaAttachments"))]
        happened = [as_text(as_dict(event).get("eventType")) for event in as_list(item.get("events"))]
        if happened and not text and not files:
            return _event(found, happened[0] or "event", item.get("timestamp"))
        turn = Turn("system", text, as_id(item.get("id")), created_at=as_time(item.get("timestamp")), place=found.place,
                    attachments=tuple(_attachment(file) for file in files),
                    custom=_kept(content_type=kind_of, social_visibility=item.get("socialVisibility"),
                                 status=item.get("status"), cards=item.get("cards")))  # fmt: skip
        return self._by(turn, item, role, source)

    def _chat(self, found: Found) -> Turn:
        item: Json = found.value
        name, text = as_text(item.get("bodyType")) or "", as_text(item.get("body")) or ""
        role, source = self._side(item)
        if name.lower() not in SPOKEN_BODIES or not text:
            return _event(found, name or as_text(item.get("type")) or "event", item.get("utc"), text)
        turn = Turn("system", text, as_id(item.get("id")), created_at=as_time(item.get("utc")), place=found.place)
        return self._by(turn, item, role, source)

    def _mail(self, found: Found) -> Turn:
        """Give one mail; nothing but the addresses tells the sides, and most conversations are begun by customers."""
        item: Json = found.value
        html, plain = as_text(item.get("htmlBody")), as_text(item.get("textBody"))
        sender = as_dict(item.get("from"))
        address = as_text(sender.get("email"))
        customer = next((person.external_id for person in self.people.values() if person.role == "customer"), None)
        role: TurnRole = "customer" if customer in (None, address) and address is not None else "agent"
        if address is not None:
            person = Participant(address, role, "inferred", as_text(sender.get("name")), address)
            self.people.setdefault(address, person)
        return Turn(
            role if address else "system", html or plain or "", as_id(item.get("id")), address,
            as_time(item.get("time")), body_format="html_mail" if html else "mail", place=found.place,
            visibility="public" if address else "unknown",
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(item.get("attachments"))),
            custom=_kept(subject=item.get("subject")),
        )  # fmt: skip

    def _phrase(self, found: Found, start: str | float | None, language: str | None) -> Turn:
        phrase: Json = found.value
        role = ROLES.get(_purpose(phrase))
        text = as_text(phrase.get("decoratedText")) or as_text(phrase.get("text")) or ""
        turn = Turn("system", text, created_at=_moment(phrase.get("startTimeMs"), start), language=language,
                    place=found.place, custom=_kept(startTimeMs=phrase.get("startTimeMs")))  # fmt: skip
        return self._by(turn, phrase, role, "explicit")

    def _side(self, item: Json) -> tuple[TurnRole | None, RoleSource]:
        """Tell whose an item is: by its purpose, the person beside it, or the addresses of our side."""
        if role := ROLES.get(_purpose(item)):
            return role, "explicit"
        if _user(item).get("id"):
            return "agent", "users_file"
        if as_dict(item.get("fromExternalContact")).get("id"):
            return "customer", "users_file"
        if as_text(item.get("to")) in self.ours:
            return "customer", "direction"
        return ("bot", "direction") if as_text(item.get("from")) in self.ours else (None, "inferred")

    def _by(self, turn: Turn, item: Json, role: TurnRole | None, source: RoleSource) -> Turn:
        """Put the speaker to a turn; who nobody knows stays hidden."""
        if role is None:
            return changed(turn, visibility="unknown", custom={**turn.custom, **_kept(purpose=_purpose(item))})
        is_flow = _purpose(item) in FLOWS
        author = self._meet(item, role, source)
        return changed(
            turn, role=role, author=author, is_automated=role == "bot",
            automation=("workflow" if is_flow else "bot") if role == "bot" else None,
        )  # fmt: skip

    def _meet(self, item: Json, role: TurnRole, source: RoleSource) -> str | None:
        """Note who takes part: a user, a contact or an address; of bots and in calls there is the role alone."""
        user, contact = _user(item), as_dict(item.get("fromExternalContact"))
        identity = as_id(user.get("id")) or as_id(contact.get("id")) or as_text(item.get("from"))
        if identity is None or role == "bot":
            self.people.setdefault(f" {role}", Participant(None, role, source))
            return None
        name = as_text(user.get("name")) or " ".join(
            filter(None, (as_text(contact.get("firstName")), as_text(contact.get("lastName"))))
        )
        email = as_text(user.get("email")) or as_text(contact.get("workEmail")) or as_text(contact.get("personalEmail"))
        phone = identity if identity.startswith("+") else None
        self.people.setdefault(identity, Participant(identity, role, source, name or None, email, phone))
        return identity

    def conversation(self, members: list[Found]) -> Conversation:
        """Give what came together."""
        turns = tuple(in_order(list(without_repeats(self.turns))))
        times = [turn.created_at for turn in turns if turn.created_at is not None]
        starts = [time for found in members if (time := as_time(found.value.get("startTime"))) is not None]
        media = [name for found in members if (name := as_text(found.value.get("media") or _media(found)))]
        subject = next((text for turn in turns if (text := as_text(turn.custom.get("subject")))), None)
        return Conversation(
            self.key, turns, members[0].place, tuple(self.people.values()), source_uri=members[0].uri, subject=subject,
            channel=self.channels[0] if self.channels else None, channel_raw=media[0] if media else None,
            created_at=min(starts, key=_sortable) if starts else times[0] if times else None,
            updated_at=times[-1] if times else None,
            completeness="complete" if any(turn.kind == "message" for turn in turns) else "events_only",
            custom=_kept(
                recordings=[key for found in members if (key := as_id(found.value.get("id")))],
                channels=self.channels if len(set(self.channels)) > 1 else None,
            ),
        )  # fmt: skip


def _purpose(item: Json) -> str:
    purpose = as_text(item.get("purpose")) or as_text(item.get("participantPurpose")) or ""
    return purpose.lower().replace("_", "").replace("-", "")


def _user(item: Json) -> Json:
    return as_dict(item.get("fromUser")) or as_dict(item.get("user"))


def _media(found: Found) -> Any:  # noqa: ANN401 - any JSON value
    return found.value.get("mediaType")


def _sortable(time: str | float) -> tuple[bool, float]:
    """Order times of any spelling; those that cannot be read come last."""
    at = parse(time).at
    return at is None, at.timestamp() if at else 0.0


def _moment(count: Any, start: str | float | None) -> str | float | None:  # noqa: ANN401 - any JSON value
    """Give the time of a phrase: milliseconds since the epoch, or since the start where the number is small."""
    number = number_in(count)
    if number is None or number > SECONDS_TO:
        return as_time(count) if number else start
    began = parse(start).at
    return start if began is None else (began.timestamp() * 1000) + number


def _event(found: Found, name: str, at: Any, text: str = "") -> Turn:  # noqa: ANN401 - any JSON value
    return Turn(
        "system", text or name, as_id(found.value.get("id")), created_at=as_time(at), kind="event",
        visibility="internal", event_type=name, place=found.place,
    )  # fmt: skip


def _attachment(file: Json) -> Attachment:
    size = file.get("contentLength")
    name = as_text(file.get("name")) or as_text(file.get("id")) or as_text(file.get("attachmentId"))
    return Attachment(
        name, as_text(file.get("mediaType")) or as_text(file.get("contentType")),
        size if isinstance(size, int) and not isinstance(size, bool) else None,
        as_text(file.get("url")) or as_text(file.get("contentUri")),
    )  # fmt: skip


def _kept(**fields: Any) -> Json:  # noqa: ANN401 - any JSON value
    return {name: value for name, value in fields.items() if value not in (None, "", [], {})}

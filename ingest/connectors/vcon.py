"""Neutral containers of conversations: vCon (IETF), and Google CCAI's transcripts and Insights conversations.

To get them: a vCon store (conserver) exports one JSON object a conversation; CCAI reads and writes transcripts as JSON
files in a bucket, one a conversation; Insights lists conversations with `conversations.list` and view FULL; Dialogflow
has the same entries as messageEntries.

Of a vCon text dialogs are turns, mails by their readable part, recordings calls whose files are named, transfers and
incomplete calls events; transcripts among the analyses are the turns of their recordings. A signed vCon is opened
without checking its signature, an encrypted one is rejected. Roles come from a party's role or type; where these are
missing, the first to speak is the customer, by inference. CCAI's user ids (1, 2, ...) identify nobody beyond their
conversation. Not read: other analyses, what is behind addresses (url), groups, CCAI Platform's logs.
Unconfirmed: the layouts of transcripts, which differ by vendor, and Insights' fields. `formats.md` 2.7 and 5 say where
the rest was seen.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_string, policy
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.records import Attachment, BodyFormat, Conversation, Participant, Record, Reject, Turn, TurnRole, changed
from ingest.source import Sample
from ingest.words import role_of

Json = dict[str, Any]
Part = Literal["vcon", "signed", "encrypted", "ccai", "insights"]

LISTS = ("vcons", "conversations")
REASONS: dict[Part, tuple[float, str]] = {
    "vcon": (0.98, "vcon with parties and dialog"),
    "signed": (0.9, "payload with signatures, as signed vCons have them"),
    "encrypted": (0.9, "ciphertext with recipients, as encrypted vCons have them"),
    "ccai": (0.97, "entries with text, role and start_timestamp_usec, as CCAI has them"),
    "insights": (0.96, "transcript with transcriptSegments, as CCAI Insights has them"),
}
CCAI_ROLES: dict[str, TurnRole] = {
    "AGENT": "agent", "HUMAN_AGENT": "agent", "ANY_AGENT": "agent", "AUTOMATED_AGENT": "bot", "CUSTOMER": "customer",
    "END_USER": "customer",
}  # fmt: skip
ROLES: dict[str, TurnRole] = {"customer": "customer", "agent": "agent", "bot": "bot"}
ENTRY_TIMES = frozenset({"start_timestamp_usec", "createTime"})
"""What tells, beside a role, an entry of CCAI's, or of Dialogflow's."""

TIMES = ("start_timestamp_usec", "messageTime", "createTime")
TEAM = frozenset({"supervisor", "sme", "expert"})
SAID_IN = ("text", "message", "transcript", "content")
SPOKEN_BY = ("party", "speaker", "channel", "speaker_id")
SEGMENTS = ("segments", "utterances", "transcript", "dialog", "turns")


class VCon:
    """Read vCons and CCAI's conversations."""

    name = "vcon"
    title = "vCon, Google CCAI transcripts and Insights conversations"
    version = 1
    grouped = False
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for one of the containers."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each container as one conversation."""
        for recognised in reading.files:
            for found in records_of(recognised.file, LISTS):
                if isinstance(found, Reject):
                    yield found
                else:
                    yield from _read(found)


CONNECTOR: Connector = VCon()


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if "vcon" in record and {"parties", "dialog", "uuid"} & record.keys():
        return "vcon"
    if isinstance(record.get("payload"), str) and isinstance(record.get("signatures"), list):
        return "signed"
    if "ciphertext" in record and "recipients" in record:
        return "encrypted"
    entries = [as_dict(entry) for entry in as_list(_entries_of(record))[:20]]
    if "conversation_info" in record or any("role" in entry and ENTRY_TIMES & entry.keys() for entry in entries):
        return "ccai"
    return "insights" if "transcriptSegments" in as_dict(record.get("transcript")) else None


def _entries_of(record: Json) -> Any:  # noqa: ANN401 - any JSON value
    """Find CCAI's entries, or those that Dialogflow calls messageEntries, which may stand in a conversationContext."""
    context = as_dict(record.get("conversationContext"))
    return record.get("entries", record.get("messageEntries", context.get("messageEntries")))


def _read(found: Found) -> Iterator[Record]:
    part, record = _part_of(found.value), found.value
    if part == "signed":
        record = as_json(_unpacked(record["payload"]) or "")
        part = _part_of(record)
    if part == "encrypted":
        yield found.reject("unreadable", "the vCon is encrypted; export it decrypted")
    elif part == "vcon":
        yield from _from_vcon(Found(found.place, found.uri, record))
    elif part in ("ccai", "insights"):
        yield from _from_google(found, part)
    else:
        yield found.unknown("neither a vCon nor a conversation of CCAI")


def _unpacked(text: str) -> str | None:
    """Open base64url, with or without its padding; None where it is none or no text."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _from_google(found: Found, part: Part) -> Iterator[Record]:
    """Read CCAI's transcript, or an Insights conversation, whose segments say the same in other words."""
    record: Json = found.value
    held = _entries_of(record) if part == "ccai" else as_dict(record.get("transcript")).get("transcriptSegments")
    turns: list[Turn] = []
    for number, entry in enumerate(as_list(held), start=1):
        one = found.inner(f"entry {number}", entry)
        turn = _entry(one) if isinstance(entry, dict) else None
        if turn is None:
            yield one.unknown("no entry with a text")
        else:
            turns.append(turn)
    if not turns:
        yield found.reject("no_turns", "there are no entries")
        return
    roles: list[TurnRole] = list(dict.fromkeys(turn.role for turn in turns))
    started = as_time(record.get("startTime"))
    info, times = as_dict(record.get("conversation_info")), [turn.created_at for turn in turns if turn.created_at]
    identity = as_text(record.get("name"))
    medium = as_text(record.get("medium"))
    yield Conversation(
        identity.rpartition("/")[2] if identity else None, tuple(turns), found.place,
        tuple(Participant(None, role) for role in roles), source_uri=found.uri,
        channel={"CHAT": "chat", "PHONE_CALL": "phone"}.get(medium or "", medium), channel_raw=medium,
        language=as_text(record.get("languageCode")), created_at=started or next(iter(times), None),
        updated_at=as_time(record.get("updateTime")) or (times[-1] if times else None),
        tags=tuple(name for category in as_list(info.get("categories"))
                   if (name := as_text(as_dict(category).get("display_name")))),
        custom={name: record[name] for name in ("labels", "agentId") if record.get(name)},
    )  # fmt: skip


def _entry(found: Found) -> Turn | None:
    entry: Json = found.value
    speaker = as_dict(entry.get("segmentParticipant"))
    raw, text = as_text(entry.get("role") or speaker.get("role")), as_text(entry.get("text"))
    if text is None:
        return None
    role = CCAI_ROLES.get(raw or "")
    who = as_id(entry.get("user_id")) or as_id(speaker.get("userId"))
    return Turn(
        role or "system", text, created_at=next((at for name in TIMES if (at := as_time(entry.get(name)))), None),
        visibility="public" if role else "unknown", is_automated=role == "bot",
        automation="bot" if role == "bot" else None, place=found.place, custom={"user_id": who} if who else {},
        language=as_text(entry.get("languageCode")),
    )  # fmt: skip


def _from_vcon(found: Found) -> Iterator[Record]:
    case = _Case(found)
    for number, dialog in enumerate(as_list(found.value.get("dialog"))):
        one = found.inner(f"dialog {number + 1}", dialog)
        if isinstance(dialog, dict):
            case.take(one, number)
        else:
            yield one.unknown("no dialog object")
    if case.turns:
        yield case.conversation()
    else:
        yield found.reject("no_turns", "there is no dialog in it")


@dataclass(slots=True)
class _Case:
    """One vCon on its way through the connector; speakers are places among its parties."""

    found: Found
    turns: list[tuple[int | None, Turn]] = field(default_factory=list[tuple[int | None, Turn]])

    @property
    def _parties(self) -> list[Json]:
        return [as_dict(party) for party in as_list(self.found.value.get("parties"))]

    def take(self, found: Found, number: int) -> None:
        """Take in one dialog: what is written in it, or the transcript of what it recorded."""
        dialog: Json = found.value
        kind, start = as_text(dialog.get("type")) or "", as_time(dialog.get("start"))
        identity = as_id(dialog.get("message_id"))
        if kind == "text":
            text, body_format = _body(dialog)
            turn = Turn("system", text, identity, created_at=start, body_format=body_format, place=found.place)
            self.turns.append((_speaker(dialog), turn))
        elif kind in ("recording", "recording-set"):
            call = Turn("system", "", identity, created_at=start, kind="call", visibility="internal",
                        place=found.place, attachments=(_attachment(dialog),))  # fmt: skip
            self.turns.append((None, call))
            self.turns += self._transcribed(number, found.place, start)
        else:
            name = kind or "dialog"
            event = Turn("system", name, identity, created_at=start, kind="event", visibility="internal",
                         event_type=as_text(dialog.get("disposition")) or name, place=found.place)  # fmt: skip
            self.turns.append((None, event))

    def _transcribed(self, number: int, place: str, start: str | float | None) -> Iterator[tuple[int | None, Turn]]:
        """Give the turns of a recording's transcript; one without speakers is a single text of nobody's."""
        for analysis in map(as_dict, as_list(self.found.value.get("analysis"))):
            of = analysis.get("dialog")
            if analysis.get("type") != "transcript" or number not in (of if isinstance(of, list) else [of]):
                continue
            body = _opened(analysis)
            spoken = [*_segments(body)]
            for at, (speaker, text) in enumerate(spoken, start=1):
                yield speaker, Turn("system", text, created_at=start, place=f"{place} segment {at}")
            text = body if isinstance(body, str) else _first_text(as_dict(body))
            if not spoken and text:
                yield None, Turn("system", text, created_at=start, kind="call", visibility="unknown",
                                 place=f"{place} transcript")  # fmt: skip

    def conversation(self) -> Conversation:
        """Give what came together, with the roles of the parties."""
        record: Json = self.found.value
        people = self._people([speaker for speaker, turn in self.turns if turn.kind == "message"])
        is_redacted = bool(as_dict(record.get("redacted")))
        turns = in_order([_spoken(turn, people.get(speaker), is_redacted=is_redacted) for speaker, turn in self.turns])
        is_said = any(turn.kind == "message" for turn in turns)
        is_call = any(turn.kind == "call" for turn in turns)
        return Conversation(
            as_id(record.get("uuid")), tuple(turns), self.found.place, tuple(people.values()),
            source_uri=self.found.uri, subject=as_text(record.get("subject")), channel="phone" if is_call else "chat",
            created_at=as_time(record.get("created_at")), updated_at=as_time(record.get("updated_at")),
            tags=tuple(self._tags()), completeness="complete" if is_said else "events_only", custom=self._custom(),
        )  # fmt: skip

    def _people(self, order: list[int | None]) -> dict[int | None, Participant]:
        """Give the parties by their places, with roles as told, else inferred from who else is there."""
        told: dict[int, TurnRole | None] = {place: _told(party) for place, party in enumerate(self._parties)}
        known = {role for role in told.values() if role}
        first = next((place for place in order if place in told and told[place] is None), None)
        people: dict[int | None, Participant] = {}
        for place, party in enumerate(self._parties):
            is_customer = "customer" not in known and ("agent" in known or place == first)
            role: TurnRole = told[place] or ("customer" if is_customer else "agent")
            people[place] = Participant(
                _party_id(party), role, "explicit" if told[place] else "inferred",
                as_text(party.get("name")), _address(party, "mailto"), _address(party, "tel"),
            )  # fmt: skip
        return people

    def _tags(self) -> Iterator[str]:
        """Give the tags that the vCon library keeps as an attachment."""
        for attachment in map(as_dict, as_list(self.found.value.get("attachments"))):
            if "tags" in (attachment.get("type"), attachment.get("purpose")):
                yield from (tag for tag in as_list(_opened(attachment)) if isinstance(tag, str))

    def _custom(self) -> Json:
        record: Json = self.found.value
        kinds = {as_text(as_dict(one).get("type")) for one in as_list(record.get("analysis"))}
        files = [_attachment(as_dict(one)).file_name for one in as_list(record.get("attachments"))]
        kept = {
            "vcon": record.get("vcon"),
            "analyses": sorted(kind for kind in kinds if kind),
            "attachments": [name for name in files if name],
            "redacted": record.get("redacted"),
            "amended": record.get("amended") or record.get("appended"),
        }
        return {name: value for name, value in kept.items() if value}


def _speaker(dialog: Json) -> int | None:
    """Give the place of who speaks: the originator, else the only or first of the parties."""
    parties = dialog.get("parties")
    first = next(iter(parties), None) if isinstance(parties, list) else parties
    told = dialog.get("originator", first)
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _spoken(turn: Turn, person: Participant | None, *, is_redacted: bool) -> Turn:
    """Put the speaker's role to a turn; a message of nobody's stays hidden."""
    if turn.kind != "message":
        return turn
    if person is None:
        return changed(turn, visibility="unknown")
    role: TurnRole = person.role if person.role in ("customer", "agent", "bot") else "system"
    return changed(
        turn,
        role=role,
        author=person.external_id,
        is_automated=role == "bot",
        automation="bot" if role == "bot" else None,
        source_redaction="partial" if is_redacted else "none",
    )


def _told(party: Json) -> TurnRole | None:
    raw = as_text(party.get("role"))
    if party.get("type") == "bot":
        return "bot"
    if raw is None:
        return None
    return "agent" if raw.casefold() in TEAM else ROLES.get(role_of(raw) or "")


def _party_id(party: Json) -> str | None:
    return as_id(party.get("uuid")) or _address(party, "mailto") or _address(party, "tel")


def _address(party: Json, name: str) -> str | None:
    held = as_text(party.get(name))
    return held.removeprefix(f"{name}:") if held else None


def _body(dialog: Json) -> tuple[str, BodyFormat]:
    """Give a text dialog's text; of a mail the part that is meant to be read."""
    media = (as_text(dialog.get("mediatype")) or as_text(dialog.get("mimetype")) or "").split(";")[0].lower()
    body = _opened(dialog)
    text = body if isinstance(body, str) else ""
    return _of_mail(text) if media == "message/rfc822" else (text, "html" if media == "text/html" else "text")


def _of_mail(text: str) -> tuple[str, BodyFormat]:
    try:
        part = message_from_string(text, policy=policy.default).get_body(("plain", "html"))
        said = part.get_content() if part else ""
    except (LookupError, ValueError):  # an unknown charset, a broken header
        return text, "mail"
    return str(said), "html_mail" if part and part.get_content_subtype() == "html" else "mail"


def _opened(held: Json) -> Any:  # noqa: ANN401 - any JSON value
    """Open a body as its encoding says; without one it is taken as it is."""
    body = held.get("body")
    if not isinstance(body, str):
        return body
    if held.get("encoding") == "base64url":
        return _unpacked(body)
    opened = as_json(body) if held.get("encoding") == "json" else body
    return body if opened is None else opened


def _segments(body: Any) -> Iterator[tuple[int | None, str]]:  # noqa: ANN401 - any JSON value
    """Find who says what in a transcript: a list of segments, wherever the vendor has it."""
    held = as_dict(body)
    listed = body if isinstance(body, list) else next(
        (held[name] for name in SEGMENTS if isinstance(held.get(name), list)), []
    )  # fmt: skip
    for item in map(as_dict, listed):
        text, speaker = _first_text(item), next((item[name] for name in SPOKEN_BY if name in item), None)
        if text:
            place = int(speaker) if isinstance(speaker, int | str) and str(speaker).isdecimal() else None
            yield place, text


def _first_text(held: Json) -> str | None:
    found = (held.get(name) for name in SAID_IN)
    return next((text for one in found if (text := as_text(one) or as_text(as_dict(one).get("text")))), None)


def _attachment(held: Json) -> Attachment:
    media = as_text(held.get("mediatype")) or as_text(held.get("mimetype"))
    name = as_text(held.get("filename")) or as_text(held.get("name"))
    return Attachment(name, media, url=as_text(held.get("url")), is_omitted="url" not in held)

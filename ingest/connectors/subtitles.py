"""Subtitles of calls: WebVTT and SubRip files, as Zoom, Teams, YouTube and transcription services write them.

To get them: download the meeting's or call's transcript as .vtt or .srt; put the calls of one team into one folder.

A file is a conversation. Speakers come from voice tags (`<v Name>`) or from a name and a colon before the text; cues
of one speaker with less than two seconds between them are one turn, and captions that roll are read once. Roles come
from a mapping's [roles], from role words ("Agent"), from who is heard in three calls of the folder or more, or from
being the only other side; if nothing tells anybody's, a mapping is asked for. Where no cue names a speaker the words
are kept, hidden. Turns carry seconds since the start, and a time where Zoom's file name tells when the call began.
Not read: styles, notes, positions. Unconfirmed: the files of Teams and Zoom, which are read as described in
`formats.md` 3.7.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from ingest.connector import Connector, Evidence, Reading
from ingest.cues import MOST_CUES, SIGN, TIMES, Cue, Cues, read_cues, unrolled, voices
from ingest.errors import MappingNeeded
from ingest.records import Conversation, Participant, Record, Reject, RoleSource, Turn, TurnRole
from ingest.source import Sample, SourceFile
from ingest.words import name_in, speaker_of

LONGEST_PAUSE = 2.0
"""Seconds; cues of one speaker with a shorter pause between them are one turn (`formats.md` 3.7)."""

FEWEST_CALLS = 3
"""Who is heard in so many calls, and in more than anybody they talk with, works there."""

LABEL = re.compile(r"(?:>> ?|- ?)?(?P<who>[^\W_][^:：\n<>\[\]]{0,50}?)\s?[:：](?:\s+|$)(?P<text>.*)")
BRACKETED = re.compile(r"\[(?P<who>[^\W_][^:\n<>\[\]]{1,40})\]:?\s+(?P<text>\S.*)")
NAME_WORDS = 4
STARTED = re.compile(r"GMT(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)")
"""Zoom names its files by when the recording began."""

OTHER_SIDE: dict[str, TurnRole] = {"agent": "customer", "bot": "customer", "customer": "agent"}
NEEDED = "Nothing says which of the speakers are customers and which are agents."
HINT = (
    'Give a mapping with --mapping FILE: layout = "conversation", and below [roles] a line "NAME" = "customer" or '
    '"agent" for each speaker as the file names them.'
)
UNKNOWN = "somebody speaks in it whose role nothing tells; name them under [roles] in a mapping"
NOBODY = "no cue says who speaks, so the role of nobody is known"


class Subtitles:
    """Read subtitles as transcripts of calls."""

    name = "subtitles"
    title = "Subtitles of calls (WebVTT, SubRip)"
    version = 1
    grouped = True
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for WebVTT's first word, or for SubRip's line of times."""
        kind = _kind_of(sample)
        if kind == "vtt":
            return Evidence(0.98, ("WEBVTT at the start",), part=kind)
        return Evidence(0.96, ("a number, then times with an arrow",), part="srt") if kind else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each file as a conversation.

        Raises:
            MappingNeeded: people are named, and of none of the files all roles are known.
        """
        told = reading.mapping.roles if reading.mapping else {}
        roles = _Roles({name.casefold(): role for name, role in told.items()})
        files = [recognised.file for recognised in reading.files]
        known, named = 0, 0
        for file in files:
            roles.learn({segment.who for segment in _open(file).segments if segment.who})
        for file in files:
            people = {segment.who for segment in _open(file).segments if segment.who}
            named += bool(people)
            known += bool(people) and roles.of(people) is not None
        if named and not known:
            raise MappingNeeded(f"{files[0].name}: {NEEDED}", hint=HINT)
        for file in files:
            yield from _records(file, roles)


CONNECTOR: Connector = Subtitles()


def _kind_of(sample: Sample) -> Literal["vtt", "srt"] | None:
    text = (sample.text or "").lstrip("\ufeff\r\n \t")
    if text.startswith(SIGN) and not text[len(SIGN) : len(SIGN) + 1].isalnum():
        return "vtt"
    first, _, rest = text.partition("\n")
    second = rest.partition("\n")[0]
    is_numbered = first.strip().isdecimal() and TIMES.fullmatch(second.strip()) is not None
    return "srt" if is_numbered or TIMES.fullmatch(first.strip()) else None


@dataclass(frozen=True, slots=True)
class _Segment:
    """Words of one speaker within one cue."""

    who: str
    text: str
    cue: Cue


@dataclass(slots=True)
class _Call:
    """One file, opened."""

    found: Cues
    segments: list[_Segment]
    rejects: list[Reject] = field(default_factory=list[Reject])


def _open(file: SourceFile) -> _Call:
    rejects: list[Reject] = []
    is_ended = _ends_in_newline(file)
    found = read_cues(_readable(file, rejects), ends_in_newline=is_ended)
    cues = unrolled(found)
    labels = _labels(cues)
    if not is_ended and found.broken_off is None and cues and _is_partial(cues[-1].lines[-1:], labels):
        found.broken_off = (cues[-1].number, " ".join(cues[-1].lines))
        cues = cues[:-1]
    return _Call(found, _segments(cues, labels), rejects)


def _is_partial(last: list[str], labels: set[str]) -> bool:
    """Tell the mere beginning of a speaker's label at the end of a file."""
    return any(f"{label}:".startswith(line) for line in last for label in labels)


def _readable(file: SourceFile, rejects: list[Reject]) -> Iterator[tuple[int, str]]:
    for number, line in file.lines():
        if number > MOST_CUES * 5:
            rejects.append(Reject(f"line {number}", "too_large", f"it has over {MOST_CUES:,} cues", "", file.uri))
            return
        if isinstance(line, Reject):
            rejects.append(line)
        else:
            yield number, line


def _ends_in_newline(file: SourceFile) -> bool:
    last = b""
    with file.open_utf8() as stream:
        while chunk := stream.read(1024 * 1024):
            last = chunk
    return last.endswith(b"\n")


def _segments(cues: list[Cue], labels: set[str]) -> list[_Segment]:
    """Say who speaks in each cue; a cue that names nobody goes on with the speaker of the one before."""
    found: list[_Segment] = []
    who = ""
    for cue in cues:
        for line in cue.lines:
            for voice, text in voices(line):
                label = None if voice else _label(text)
                if label is not None and label[0] in labels:
                    who, text = label
                elif voice:
                    who = voice
                if text:
                    found.append(_Segment(who, text, cue))
    return found


def _labels(cues: list[Cue]) -> set[str]:
    """Find what stands before colons again and again, or has a role by itself: those are speakers, not prose."""
    counts = Counter(label[0] for cue in cues for line in cue.lines if (label := _label(line)) is not None)
    return {who for who, count in counts.items() if count > 1 or speaker_of(who)}


def _label(line: str) -> tuple[str, str] | None:
    found = LABEL.fullmatch(line) or BRACKETED.fullmatch(line)
    if found is None or len(found["who"].split()) > NAME_WORDS or not found["who"][0].isalnum():
        return None
    is_name = found["who"][0].isupper() or not found["who"][0].isascii() or speaker_of(found["who"]) is not None
    return (" ".join(found["who"].split()), found["text"]) if is_name else None


class _Roles:
    """Tell the roles of the people in a call."""

    def __init__(self, told: dict[str, str]) -> None:
        self._told = told
        self._calls: Counter[str] = Counter()

    def learn(self, people: set[str]) -> None:
        """Take in who is heard in one call."""
        self._calls.update(people)

    def of(self, people: set[str]) -> dict[str, tuple[TurnRole, RoleSource]] | None:
        """Give everybody's role and where it comes from; None where somebody's cannot be told."""
        roles: dict[str, tuple[TurnRole, RoleSource]] = {}
        for who in sorted(people):
            if told := self._told.get(who.casefold()):
                roles[who] = (cast("TurnRole", told), "mapping")
            elif word := speaker_of(who):
                roles[who] = (cast("TurnRole", word), "explicit")
        unknown = sorted(people - roles.keys())
        if not roles and (often := self._most_heard(unknown)):
            roles[often] = ("agent", "inferred")
            unknown.remove(often)
        sides = {"agent" if role == "bot" else role for role, _ in roles.values()} - {"system"}
        if len(unknown) == 1 and len(sides) == 1:
            roles[unknown.pop()] = (OTHER_SIDE[sides.pop()], "inferred")
        return None if unknown else roles

    def _most_heard(self, people: Iterable[str]) -> str | None:
        ranked = sorted(people, key=lambda who: (-self._calls[who], who))
        if not ranked or self._calls[ranked[0]] < FEWEST_CALLS:
            return None
        return ranked[0] if len(ranked) == 1 or self._calls[ranked[1]] < self._calls[ranked[0]] else None


def _records(file: SourceFile, roles: _Roles) -> Iterator[Record]:
    call = _open(file)
    yield from call.rejects
    for number, line in call.found.stray:
        yield Reject(f"line {number}", "bad_record", "text before the first cue", line, file.uri)
    cut = call.found.broken_off
    if cut is not None:
        yield Reject(f"line {cut[0]}", "truncated", "the file ends in the middle of a cue", cut[1], file.uri)
    people = {segment.who for segment in call.segments if segment.who}
    known = roles.of(people)
    if not call.segments:
        if cut is None:
            yield Reject("file", "no_turns", "no cue has a text", source_uri=file.uri)
    elif known is None:
        text = "\n".join(f"{segment.who}: {segment.text}" for segment in call.segments)
        yield Reject("file", "bad_record", UNKNOWN, text, file.uri)
    else:
        yield _conversation(call, known, file)


def _conversation(call: _Call, roles: dict[str, tuple[TurnRole, RoleSource]], file: SourceFile) -> Conversation:
    began = _began(file)
    turns = tuple(_turn(said, roles, began) for said in _joined(call.segments))
    people = tuple(
        Participant(who, role, source, name) for who, (role, source) in roles.items() if (name := name_in(who))
    )
    custom: dict[str, Any] = {"seconds": call.segments[-1].cue.end}
    if not roles:
        custom["speakers"] = NOBODY
    return Conversation(
        None, turns, "file", people, file.uri, channel="phone", channel_raw=_kind_of(file.sample),
        language=call.found.header.get("language"), created_at=began.isoformat() if began else None,
        completeness="truncated_body" if call.found.broken_off else "complete", custom=custom,
    )  # fmt: skip


def _joined(segments: list[_Segment]) -> Iterator[list[_Segment]]:
    """Join what one speaker says without a longer pause."""
    held: list[_Segment] = []
    for segment in segments:
        if held and (segment.who != held[-1].who or segment.cue.start - held[-1].cue.end >= LONGEST_PAUSE):
            yield held
            held = []
        held.append(segment)
    if held:
        yield held


def _turn(said: list[_Segment], roles: dict[str, tuple[TurnRole, RoleSource]], began: datetime | None) -> Turn:
    who, start = said[0].who, said[0].cue.start
    role = roles[who][0] if who else None
    text = ""
    for segment in said:
        text += ("" if not text or _is_unspaced(text[-1], segment.text[0]) else " ") + segment.text
    return Turn(
        role or "system", text, author=who if name_in(who) else None,
        created_at=(began + timedelta(seconds=start)).isoformat() if began else None,
        visibility="public" if role else "unknown", is_automated=role == "bot",
        automation="bot" if role == "bot" else None, place=f"line {said[0].cue.number}",
        custom={"start": start, "end": said[-1].cue.end},
    )  # fmt: skip


def _is_unspaced(one: str, other: str) -> bool:
    """Tell scripts that put no space between words (Chinese, Japanese)."""
    return all("\u2e80" <= character <= "\ua4cf" or "\uff00" <= character <= "\uffef" for character in (one, other))


def _began(file: SourceFile) -> datetime | None:
    found = STARTED.search(file.name)
    try:
        return datetime(*map(int, found.groups()), tzinfo=UTC) if found else None  # pyright: ignore[reportArgumentType]
    except ValueError:
        return None

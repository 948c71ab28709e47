"""Plain-text transcripts: somebody and a colon before each turn, with or without times, one or many in a file.

To get them: export or copy the chat's transcript as plain text; most chat tools can send it by mail or download it.

Nobody's role is guessed: it comes from role words ("Agent", "Kunde"), from the head ("Agent: Maria"), from a company's
addresses, from the mapping's [roles], or by being the only other side.

Not read: text above the first speaker beyond the head's names and times, and text formats without speakers.

Unconfirmed: layouts of single tools; those read are listed in `formats.md` 3.7.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from ingest.connector import Connector, Evidence, Reading
from ingest.errors import MappingNeeded
from ingest.people import Given, People
from ingest.records import Conversation, Record, Reject, Turn, TurnRole
from ingest.source import Sample, SourceFile
from ingest.transcript import Speech, UnknownSpeakersError, read_transcript
from ingest.transcript_blocks import KEYS, MAILBOXES, Block, Line, Named, blocks, is_name, is_note, is_opening
from ingest.transcript_times import Calendar, DayOrder
from ingest.words import name_in, speaker_of

SAMPLED_LINES = 500
FEWEST_TURNS = 3
SHARE = 0.2
"""Of the lines that are not empty, so many start turns; of unknown speakers more, since prose has colons, too."""

SHARE_OF_UNKNOWN = 0.5
SURE, UNSURE = 0.85, 0.5
LOG_LEVELS = frozenset({"info", "warn", "warning", "error", "debug", "trace", "fatal", "critical", "notice", "verbose"})
OTHER_SIDE: dict[str, TurnRole] = {"agent": "customer", "bot": "customer", "customer": "agent"}
NEEDED = "Nothing says which of the speakers are customers and which are agents."
HINT = (
    'Give a mapping with --mapping FILE: layout = "conversation", and below [roles] a line "NAME" = "customer" or '
    '"agent" for each speaker as the file names them.'
)
UNKNOWN = "somebody speaks in it whose role nothing tells; name them under [roles] in a mapping"


class Transcripts:
    """Read plain-text transcripts."""

    name = "transcripts"
    title = "Plain-text transcripts (speaker and colon before each turn)"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Believe in lines of two speakers who take turns; any connector that knows more is surer."""
        lines = _sampled(sample)
        opening = next((line for _, line in lines if line.strip()), "")
        if not is_opening(opening):
            return None
        found = list(blocks(lines))
        labels = sum((block.labels for block in found), Counter[str]())
        if any(label.casefold() in LOG_LEVELS for label in labels):
            return None
        return _evidence(found, labels, sum(bool(line.strip()) for _, line in lines))

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give every conversation of the files.

        Raises:
            MappingNeeded: of no conversation of a file all speakers are known.
        """
        words = reading.mapping.roles if reading.mapping else {}
        for recognised in reading.files:
            survey = _survey(recognised.file, {word.casefold(): role for word, role in words.items()})
            yield from _records(recognised.file, survey)


CONNECTOR: Connector = Transcripts()


def _sampled(sample: Sample) -> list[Line]:
    text = sample.text or ""
    complete = text if sample.is_whole else text[: text.rfind("\n") + 1]
    return list(enumerate(complete.splitlines()[:SAMPLED_LINES], start=1))


def _evidence(found: list[Block], labels: Counter[str], spoken_lines: int) -> Evidence | None:
    speakers = {label for block in found for label in block.labels if _is_speaker(block, label)}
    turns = sum(labels[label] for label in speakers)
    share = turns / max(1, spoken_lines)
    is_known = any(roles_of(block, {}) is not None and _sides(block) for block in found)
    is_timed = any(block.is_timed for block in found)
    fewest = 2 if is_known and is_timed else FEWEST_TURNS
    if len(speakers) < 2 or turns < fewest or share < SHARE:
        return None
    how = "lines that start with a time and a speaker" if is_timed else "lines that start with a speaker"
    if is_known:
        return Evidence(SURE, (f"{how}, with roles that are known",))
    if share < SHARE_OF_UNKNOWN or any(labels[label] < 2 for label in speakers):
        return None
    return Evidence(UNSURE, (f"{how}, whose roles nothing tells",))


def _sides(block: Block) -> bool:
    """Tell whether at least one role is told by a word or the head, and two people speak."""
    told = _told(block, {})
    return len(block.labels) > 1 and any(_role(label, told) for label in block.labels)


@dataclass(slots=True)
class _Survey:
    """What only a whole file tells: how it is cut, in which order its dates stand, and which numbers are ids."""

    words: dict[str, str]
    by_rules: bool = True
    order: DayOrder = field(default_factory=DayOrder)
    ids: Counter[str] = field(default_factory=Counter[str])
    is_numbered: bool = True
    """Its conversations are but counted, 1, 2, 3: such numbers would be others' in the next file."""

    def identity(self, block: Block) -> str | None:
        """Give a conversation's id, where the file has one that is its own."""
        found = block.fields.get("id", "")
        return found if self.ids[found] == 1 and not self.is_numbered else None


def _survey(file: SourceFile, words: dict[str, str]) -> _Survey:
    """Read a file once to learn what only the whole of it tells.

    Raises:
        MappingNeeded: of no conversation all speakers are known.
    """
    survey = _Survey(words, by_rules=_is_cut_by_rules(file))
    is_read, unknown = False, 0
    for count, block in enumerate(_blocks(file, survey, []), start=1):
        identity = block.fields.get("id", "")
        if re.search(r"\d", identity):
            survey.ids[identity] += 1
        survey.is_numbered &= identity.lstrip("0") == str(count)
        survey.order.learn(block)
        is_known = roles_of(block, words) is not None
        is_read |= is_known and bool(block.labels)
        unknown += not is_known
    if unknown and not is_read:
        raise MappingNeeded(f"{file.name}: {NEEDED}", hint=HINT)
    return survey


def _is_cut_by_rules(file: SourceFile) -> bool:
    """Tell rules between conversations from rules between turns: behind those only one speaks at a time."""
    found = list(blocks(_sampled(file.sample)))
    return len(found) < 2 or any(len(block.labels) > 1 for block in found)


def _blocks(file: SourceFile, survey: _Survey, rejects: list[Reject]) -> Iterator[Block]:
    """Give the file's conversations; lines that are no text go among the rejects."""
    return blocks(_readable(file, rejects), by_rules=survey.by_rules)


def _readable(file: SourceFile, rejects: list[Reject]) -> Iterator[Line]:
    for number, line in file.lines():
        if isinstance(line, Reject):
            rejects.append(line)
        else:
            yield number, line


def _records(file: SourceFile, survey: _Survey) -> Iterator[Record]:
    """Give each conversation; a last line that breaks off is taken from it and said."""
    rejects: list[Reject] = []
    held: Block | None = None
    for block in _blocks(file, survey, rejects):
        yield from rejects
        rejects.clear()
        if held is not None:
            yield _record(held, survey, file.uri)
        held = block
    yield from rejects
    if held is not None:
        yield from _last(held, survey, file)
    else:
        yield Reject("file", "no_turns", "no line starts with a speaker", source_uri=file.uri)


def _last(block: Block, survey: _Survey, file: SourceFile) -> Iterator[Record]:
    cut = _broken_off(block, file)
    if cut is None:
        yield _record(block, survey, file.uri)
        return
    yield Reject(f"line {cut[0]}", "truncated", "the file ends in the middle of a line", cut[1], file.uri)
    block.lines.pop()
    record = _record(block, survey, file.uri)
    if isinstance(record, Conversation):
        yield replace(record, completeness="truncated_body")
    elif block.text.strip():
        yield record


def _broken_off(block: Block, file: SourceFile) -> Line | None:
    """Give the last line if it is the mere beginning of a turn or a head, and nothing ends it."""
    number, line = block.lines[-1] if block.lines else (0, "")
    start = line.strip().casefold()
    if not start or ":" in start.lstrip("[(0123456789: "):
        return None
    known = {label.casefold() for label in block.labels} | KEYS.keys() | {"conversation", "customer", "agent"}
    is_partial = any(word.startswith(start) for word in known)
    if block.is_timed:
        is_partial |= bool(re.fullmatch(r"[\[(]?[\d.:/ -]*[\])]?(?: [\w ]{0,9})?", start))
    return (number, line) if is_partial and not _ends_in_newline(file) else None


def _ends_in_newline(file: SourceFile) -> bool:
    last = b""
    with file.open_utf8() as stream:
        while chunk := stream.read(1024 * 1024):
            last = chunk
    return last.endswith(b"\n")


def _record(block: Block, survey: _Survey, uri: str) -> Record:
    roles = roles_of(block, survey.words)
    if roles is None:
        return Reject(block.place, "bad_record", UNKNOWN, raw=block.text, source_uri=uri)
    try:
        speeches = read_transcript(block.text, roles)
    except UnknownSpeakersError:
        return Reject(block.place, "bad_record", UNKNOWN, raw=block.text, source_uri=uri)
    if not any(speech.who for speech in speeches):
        return Reject(block.place, "no_turns", "no line starts with a known speaker", block.text, uri)
    people, calendar = People(), Calendar(survey.order.decided, block.fields.get("date"))
    turns = tuple(_turn(speech, block, people, calendar) for speech in speeches)
    for person in _known(block):
        if person.role:
            people.add(cast("TurnRole", person.role), _given(person))
    fields, custom = block.fields, dict[str, Any](block.custom)
    identity = survey.identity(block)
    if fields.get("id") and identity is None:
        custom["number"] = fields["id"]
    channel = fields.get("channel", "").casefold() or None
    return Conversation(
        identity, turns, block.place, people.all(), uri, subject=fields.get("subject") or None, channel=channel,
        channel_raw=fields.get("channel") or None, status=fields.get("status") or None,
        status_raw=fields.get("status") or None, created_at=calendar.start or turns[0].created_at, custom=custom,
    )  # fmt: skip


def _turn(speech: Speech, block: Block, people: People, calendar: Calendar) -> Turn:
    role = cast("TurnRole", speech.role)
    is_private, is_event = is_note(speech.who), role == "system"
    at = calendar.read(speech.time)
    who = (speech.who.partition("(")[0].strip() if is_private else speech.who) or None
    return Turn(
        role, speech.text, author=people.speaks(role, who, _who(speech, block)) if who else None,
        created_at=at, kind="note" if is_private else "event" if is_event else "message",
        visibility="internal" if is_private or is_event else "public", is_automated=role == "bot",
        automation="bot" if role == "bot" else None,
        place=f"line {block.lines[min(speech.line, len(block.lines)) - 1][0]}",
        custom={"time": speech.time} if speech.time and speech.time != at else {},
    )  # fmt: skip


def _who(speech: Speech, block: Block) -> Given:
    """Give what the head says of a speaker: of the one of that role, or of that name."""
    name = name_in(speech.who.partition("(")[0]).casefold()
    for person in _known(block):
        if person.role == speech.role and (not name or name in (person.name or "").casefold()):
            return _given(person)
    return {}


def _given(person: Named) -> Given:
    return {"name": person.name, "email": person.email}


def roles_of(block: Block, words: dict[str, str]) -> dict[str, str] | None:
    """Give the roles of a conversation's speakers by their labels; None where somebody's cannot be told."""
    told = _told(block, words)
    roles = {label: role for label in block.labels if (role := _role(label, told))}
    unknown = [label for label in block.labels if label not in roles and _is_speaker(block, label)]
    sides = {"agent" if role == "bot" else role for role in roles.values()} - {"system"}
    if len(unknown) == 1 and len(sides) == 1:
        roles[unknown[0]] = OTHER_SIDE[sides.pop()]
    elif unknown and (block.is_timed or len(sides) < 2):
        return None
    return {label.casefold(): role for label, role in roles.items()}


def _role(label: str, told: dict[str, str]) -> str | None:
    return told.get(label.casefold()) or speaker_of(label) or ("agent" if is_note(label) else None)


def _is_speaker(block: Block, label: str) -> bool:
    """Tell speakers from other words before a colon: they have a role, a time, or a name that comes back."""
    return bool(speaker_of(label)) or (is_name(label) and (block.is_timed or block.labels[label] > 1))


def _told(block: Block, words: dict[str, str]) -> dict[str, str]:
    """Give the roles of names, in lower case: of the mapping, and of those whom the head names."""
    told: dict[str, str] = {}
    for person in _known(block):
        name = (person.name or "").casefold()
        for word in (name, name.split()[0] if name else "", (person.email or "").casefold()):
            if word and person.role:
                told[word] = person.role if told.get(word, person.role) == person.role else ""
    return {word: role for word, role in told.items() if role} | words


def _known(block: Block) -> list[Named]:
    """Give the people of the head; those named without a role are told apart by a company's address."""
    hosts = {email.rpartition("@")[2] for person in block.people if (email := person.email) and _is_mailbox(email)}
    company = block.fields.get("company", "").casefold()
    hosts |= {company} if "." in company else set()
    people: list[Named] = []
    for person in block.people:
        if person.role is None and person.email and hosts:
            host = person.email.rpartition("@")[2].casefold()
            person = replace(person, role="agent" if host in hosts else "customer")
        people.append(person)
    return [person for person in people if not (person.email and _is_mailbox(person.email) and not person.name)]


def _is_mailbox(email: str) -> bool:
    return email.partition("@")[0].casefold() in MAILBOXES

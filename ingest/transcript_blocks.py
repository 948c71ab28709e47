"""Cut a file of transcripts into its conversations, and each into what its head says and what was spoken.

Conversation #4711
Date: 2026-01-05
Agent: Maria Lopez
Customer: Jo Kim <jo@example.com>

[10:42] Maria: Hello
[10:43] Jo: Hi
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.transcript import Said, happened, said
from ingest.words import kind_of, speaker_of

Line = tuple[int, str]
"""A line's number in its file, from 1, and its text."""

LONGEST = 200
"""What is longer is no rule and no title."""

RULE = re.compile(r"\s*(?:[-=_*#~]\s?){3,}\s*")
_THING = (
    r"(?:conversation|chat|ticket|call|case|transcript|session|interaction|thread|gespräch|unterhaltung|chatverlauf"
    r"|vorgang|conversación|conversa|conversazione|gesprek)"
)
_NUMBERED = re.compile(
    rf"[\W_]*{_THING}(?:[ -](?:id|no\.?|number|nr\.?|transcript|log))*[ :]*[#№]?[ ]*(?P<id>[\w-]*\d[\w-]*)[\W_]*",
    re.IGNORECASE,
)
_STARTED = re.compile(
    rf"[\W_]*{_THING}(?:[ -](?:transcript|log))?[ ](?:started|began|opened|beginnt|gestartet|begonnen|iniciada?)"
    r"(?:[ ](?:on|at|am|um|el))?[ :]*(?P<at>.*?)[\s=*#~-]*",
    re.IGNORECASE,
)
_KEYED = re.compile(r"[ \t*]*(?P<key>[^\W\d_][^:：\n]{0,30}?)[* \t]*[:：][* \t]*(?P<value>.*)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_NAME = re.compile(r"[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,3}")

FIELDS = {
    "id": "id|chat id|conversation id|ticket id|case id|session id|call id|transcript id|ticket|reference|chat-id",
    "date": "date|datum|fecha|data|started|started at|start|start time|start date|chat started|created|created at|time"
            "|chat date|beginn",
    "subject": "subject|topic|betreff|asunto|objet|sujet|oggetto|onderwerp|thema",
    "channel": "channel|kanal|canal|canale",
    "status": "status|state",
    "company": "company|organization|organisation|firma|empresa|website",
    "participants": "participants|teilnehmer|participantes|people|to|from|cc",
    "": "department|queue|duration|ended|end|end time|closed|closed at|language|tags|rating|csat|location|page|url"
        "|product|account|priority|brand|team|category|file|exported|source|browser",
}  # fmt: skip
"""What a head says, by the words it uses; what has no field of its own is kept as it is."""

KEYS = {key: name for name, keys in FIELDS.items() for key in keys.split("|")}
MAILBOXES = frozenset({"support", "help", "service", "info", "care", "hello", "contact", "kundenservice", "soporte"})
"""Addresses of a company, by what stands before the @."""


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom the head names: in a role, or only with an address."""

    role: str | None
    name: str | None
    email: str | None


@dataclass(slots=True)
class Block:
    """One conversation of a file: its head, its spoken lines, and who stands before their colons."""

    first: int
    fields: dict[str, str] = field(default_factory=dict[str, str])
    custom: dict[str, str] = field(default_factory=dict[str, str])
    people: list[Named] = field(default_factory=list[Named])
    lines: list[Line] = field(default_factory=list[Line])
    labels: Counter[str] = field(default_factory=Counter[str])
    is_timed: bool = False
    """Its turns start with times, so that other lines with a colon are no turns."""

    @property
    def text(self) -> str:
        """What is spoken, line by line."""
        return "\n".join(" ".join(line.splitlines()) for _, line in self.lines)

    @property
    def place(self) -> str:
        """Name the lines it stands on."""
        return f"line {self.first}"


def blocks(lines: Iterable[Line], *, by_rules: bool = True) -> Iterator[Block]:
    """Cut lines into conversations: at titles ("Conversation #7", "Chat started ..."), and at rules of --- or ===.

    A rule cuts only where a conversation may start behind it, and nothing where `by_rules` is not set.
    """
    current: list[Line] = []
    held: list[Line] = []
    for number, line in lines:
        if _is_rule(line) or (held and not line.strip()):
            held.append((number, line))
            continue
        is_apart = bool(held) or not current or not current[-1][1].strip()
        title = is_apart and _is_title(line)
        may_start = title or (held and by_rules and _opens(line))
        if may_start and (block := _talk(current)):
            yield block
            current, held = [], []
        if held:
            current += [(at, "") for at, _ in held] if _opens(line) else held
            held = []
        current.append((number, line))
    if block := _talk(current):
        yield block


def is_opening(line: str) -> bool:
    """Tell whether a file of transcripts may start with this line."""
    return _is_rule(line) or _opens(line)


def parted(lines: list[Line]) -> Block:
    """Part a conversation's lines into its head and what was spoken."""
    spoken = [found for _, line in lines if (found := said(line))]
    timed = sum(found.time is not None for found in spoken)
    block = Block(lines[0][0], is_timed=timed >= 2 or (timed == 1 and not _knows_untimed(spoken)))
    later = {found.who.casefold() for found in spoken if found.time or not block.is_timed}
    for at, (_, line) in enumerate(lines):
        if not _take_head(block, line, lines[at:], later):
            block.lines = lines[at:]
            break
    for _, line in block.lines:
        found = said(line)
        if found and (found.time or not block.is_timed):
            block.labels[found.who] += 1
    return block


def is_name(label: str) -> bool:
    """Tell whether a label reads like a name: up to four words, the first with a capital where its script has any."""
    return bool(_NAME.fullmatch(label)) and len(label) > 1 and not label[0].islower()


def is_note(label: str) -> bool:
    """Tell the label of an internal note: "Internal note", "Maria (note)"; "Note" alone is more often a detail."""
    outside, _, inside = label.partition("(")
    return kind_of(inside.rstrip(") ")) == "note" or (" " in outside.strip() and kind_of(outside) == "note")


def _knows_untimed(spoken: list[Said]) -> bool:
    return any(found.time is None and speaker_of(found.who) for found in spoken)


def _talk(lines: list[Line]) -> Block | None:
    """Give the conversation that lines make, or None where they are but a head."""
    block = parted(lines) if any(line.strip() for _, line in lines) else None
    return block if block and any(line.strip() for _, line in block.lines) else None


def _is_rule(line: str) -> bool:
    return len(line) <= LONGEST and bool(RULE.fullmatch(line))


def _is_title(line: str) -> bool:
    return len(line) <= LONGEST and bool(_NUMBERED.fullmatch(line) or _STARTED.fullmatch(line))


def _opens(line: str) -> bool:
    found = said(line)
    return _is_title(line) or found is not None or happened(line) is not None or _key(line) is not None


def _key(line: str) -> str | None:
    found = _KEYED.fullmatch(line)
    return KEYS.get(found["key"].strip().casefold()) if found else None


def _take_head(block: Block, line: str, rest: list[Line], later: set[str]) -> bool:
    """Read a line of the head into the block; False where the talk begins."""
    if not line.strip() or _is_rule(line) or _take_title(block, line):
        return True
    found = _KEYED.fullmatch(line)
    if found is None or (spoken := said(line)) is None or spoken.time:
        return False
    key, value = found["key"].strip(), found["value"].strip("* \t")
    role = speaker_of(key)
    if role and _names(block, value, rest, later):
        block.people.append(_named(role, value))
        return True
    name = KEYS.get(key.casefold())
    if role or (name is None and not block.is_timed):
        return False
    _note_field(block, name, key, value)
    return True


def _take_title(block: Block, line: str) -> bool:
    if not _is_title(line):
        return False
    if title := _NUMBERED.fullmatch(line):
        block.fields.setdefault("id", title["id"])
    elif title := _STARTED.fullmatch(line):
        block.fields.setdefault("date", title["at"])
    return True


def _note_field(block: Block, name: str | None, key: str, value: str) -> None:
    if name == "participants":
        block.people += [_named(None, part) for part in value.split(",") if part.strip()]
    elif name:
        block.fields.setdefault(name, value)
    elif value:
        block.custom[key.casefold()] = value


def _named(role: str | None, value: str) -> Named:
    email = _EMAIL.search(value)
    name = re.sub(r"[<>()\[\],;]+", " ", _EMAIL.sub(" ", value)).strip()
    return Named(role, " ".join(name.split()) or None, email[0] if email else None)


def _names(block: Block, value: str, rest: list[Line], later: set[str]) -> bool:
    """Tell whether a line like "Agent: Maria" names the agent, or is what the agent says."""
    person = _named(None, value)
    if person.name and not is_name(person.name):
        return False
    if block.is_timed or person.email:
        return True
    name = (person.name or "").casefold()
    if name and (name in later or name.split()[0] in later):
        return True
    return _is_cast(rest, is_begun=bool(block.people))


def _is_cast(rest: list[Line], *, is_begun: bool) -> bool:
    """Tell a list of who takes part, with nothing behind it but an empty line, from a talk's first turns."""
    run: list[str] = []
    for _, line in rest:
        found = _KEYED.fullmatch(line)
        if not line.strip() or found is None:
            break
        if not (speaker_of(found["key"].strip()) and is_name(_named(None, found["value"]).name or "")):
            return False
        run.append(found["key"].strip().casefold())
    is_closed = len(run) < len(rest) and not rest[len(run)][1].strip()
    return is_closed and len(set(run)) == len(run) and (is_begun or len(run) > 1)

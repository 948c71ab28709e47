"""Read transcripts that stand in one text: a speaker and a colon before each turn.

[10:02] Agent Anna: Hello, how can I help?
Customer: My parcel is late.
It was due on Monday.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from ingest.words import speaker_of

_STAMP = (
    r"\d{1,4}[-./:]\d{1,2}(?:[-./:]\d{1,4})?(?:[T, ]+\d{1,2}:\d\d(?::\d\d)?)?"
    r"(?:[ \u00a0\u202f]?[AaPp]\.?[Mm]\.?|Z)?"
)
_LINE = re.compile(
    rf"[ \t*_>\u200e\u200f]*(?:[\[(]?(?P<time>{_STAMP})[\])]?\s*[-–—|]?\s*)?"
    rf"(?P<who>[^\s:：*_>\[\]][^:：\n]{{0,40}}?)(?:[ \t]*[\[(](?P<after>{_STAMP})[\])])?[*_ \t]*"
    r"[:：][*_]*(?:\s+|$)(?P<text>.*)"
)
_EVENT = re.compile(rf"[ \t\u200e\u200f]*[\[(](?P<time>{_STAMP})[\])][ \t]+(?P<text>\S.*)")

FEWEST_SPEAKERS = 2
LONGEST_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Speech:
    """One turn of a transcript: its line from 1, who speaks in what role, when (as written), and what is said."""

    line: int
    role: str
    who: str
    time: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """A line that may start a turn: who stands before its colon, its time as written, and what follows."""

    who: str
    time: str | None
    text: str


class UnknownSpeakersError(ValueError):
    """Say that somebody speaks in a transcript whose role nothing tells."""


def said(line: str) -> Said | None:
    """Take a line apart that has somebody before a colon: `Agent: ...`, `[10:02] Anna: ...`, `Anna (10:02 AM): ...`."""
    return _short(line) if len(line) <= LONGEST_KEPT else _taken_apart(line)


@lru_cache(maxsize=4096)
def _short(line: str) -> Said | None:
    """Remember lines, since several questions are asked of each."""
    return _taken_apart(line)


def _taken_apart(line: str) -> Said | None:
    found = _LINE.match(line)
    return Said(found["who"].strip(), found["time"] or found["after"], found["text"]) if found else None


def happened(line: str) -> Said | None:
    """Take a line apart that has a time in brackets and nobody speaking: `[10:02] Anna joined`."""
    found = None if _LINE.match(line) else _EVENT.match(line)
    return Said("", found["time"], found["text"]) if found else None


def looks_like_transcript(text: str) -> bool:
    """Tell whether a text starts with a known speaker, or holds two lines of known ones."""
    found = (said(line) for line in text.splitlines())
    known = [line for line in found if line and speaker_of(line.who)]
    return len(known) >= FEWEST_SPEAKERS


def read_transcript(text: str, words: Mapping[str, str]) -> list[Speech]:
    """Cut a transcript into its turns; a line without a known speaker goes on with the turn before it.

    `words` gives roles to the file's own speakers, by their names in lower case. What stands before the first speaker
    is a system turn, and so is a line with nothing but a time in brackets and words, where turns have times, too.

    Raises:
        UnknownSpeakersError: not two roles are known, and others speak more than once.
    """
    started: list[tuple[Speech, list[str]]] = []
    others: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        found = said(line)
        role = _role(found.who, words) if found else None
        if found is None and (not started or started[-1][0].time):
            found, role = (event, "system") if (event := happened(line)) else (None, None)
        if found and role:
            started.append((Speech(number, role, found.who, found.time, ""), [found.text]))
            continue
        if found:
            others[found.who.casefold()] += 1
        if started:
            started[-1][1].append(line)
        elif line.strip():
            started.append((Speech(number, "system", "", None, ""), [line]))
    speeches = [replace(speech, text="\n".join(lines).strip()) for speech, lines in started]
    roles = {speech.role for speech in speeches if speech.who}
    if len(roles) < FEWEST_SPEAKERS and any(count > 1 for count in others.values()):
        raise UnknownSpeakersError
    return speeches if roles else []


def _role(who: str, words: Mapping[str, str]) -> str | None:
    return words.get(who.strip().casefold()) or speaker_of(who)

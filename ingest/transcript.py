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

from ingest.words import speaker_of

_TIME = (
    r"[\[(]?(?P<time>\d{1,4}[-./:]\d{1,2}(?:[-./:]\d{1,4})?(?:[T, ]+\d{1,2}:\d\d(?::\d\d)?)?"
    r"(?: ?[AaPp]\.?[Mm]\.?|Z)?)[\])]?\s*[-–—|]?\s*"
)
_LINE = re.compile(
    rf"[ \t*_>]*(?:{_TIME})?(?P<who>[^\s:：*_>\[\]][^:：\n]{{0,40}}?)[*_ \t]*[:：][*_]*(?:\s+|$)(?P<text>.*)"
)

FEWEST_SPEAKERS = 2


@dataclass(frozen=True, slots=True)
class Speech:
    """One turn of a transcript: its line from 1, who speaks in what role, when (as written), and what is said."""

    line: int
    role: str
    who: str
    time: str | None
    text: str


class UnknownSpeakersError(ValueError):
    """Say that somebody speaks in a transcript whose role nothing tells."""


def looks_like_transcript(text: str) -> bool:
    """Tell whether a text starts with a known speaker, or holds two lines of known ones."""
    found = (_LINE.match(line) for line in text.splitlines())
    known = [match for match in found if match and speaker_of(match["who"])]
    return len(known) >= FEWEST_SPEAKERS


def read_transcript(text: str, words: Mapping[str, str]) -> list[Speech]:
    """Cut a transcript into its turns; a line without a known speaker goes on with the turn before it.

    `words` gives roles to the file's own speakers, by their names in lower case. What stands before the first speaker
    is a system turn.

    Raises:
        UnknownSpeakersError: not two roles are known, and others speak more than once.
    """
    started: list[tuple[Speech, list[str]]] = []
    others: Counter[str] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        found = _LINE.match(line)
        role = _role(found["who"], words) if found else None
        if found and role:
            started.append((Speech(number, role, found["who"].strip(), found["time"], ""), [found["text"]]))
            continue
        if found:
            others[found["who"].casefold()] += 1
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

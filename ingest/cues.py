"""Read the cues of subtitles: WebVTT (W3C, 2019) and SubRip, with what programs make of both.

A cue is a line of times and the lines of text below it, up to a blank line or the next line of times. Captions that
roll (YouTube's) repeat in each cue the lines of the one before; what is repeated is left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

TIMES = re.compile(
    r"\s*(?P<start>(?:\d+:)?\d{1,2}:\d\d(?:[.,]\d{1,3})?)\s*-->\s*(?P<end>(?:\d+:)?\d{1,2}:\d\d(?:[.,]\d{1,3})?)(?:\s.*)?"
)
PARTIAL_TIMES = re.compile(r"[\d:.,\s]*(?:-{0,2}>?[\d:.,\s]*)")
ASIDES = ("NOTE", "STYLE", "REGION")
SIGN = "WEBVTT"
HEADER_FIELD = re.compile(r"(?P<name>[A-Za-z-]{2,20}):\s?(?P<value>.{1,100})")
TIME_TAG = re.compile(r"<\d[\d:.,]*>")
VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+(?P<name>[^<>]{1,100})>")
OTHER_TAG = re.compile(
    r"</?(?:v|c|i|b|u|s|em|strong|ruby|rt|lang|font|span)(?:[.\s][^<>]*)?/?>|\{\\[^{}]{1,40}\}", re.IGNORECASE
)
OPEN_TAG = re.compile(r"<[^<>]*\Z")

ROLLING_SHARE = 0.3
FEWEST_ROLLING = 3
"""So many cues, and such a share of all, repeat lines before captions without time tags pass for rolling ones."""

MOST_CUES = 200_000


@dataclass(slots=True)
class Cue:
    """What is shown from `start` to `end` (seconds): lines of text, voice tags still in them, from line `number` on."""

    number: int
    start: float
    end: float
    lines: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Cues:
    """A file's cues, its header's fields, whether text carries time tags, and where it breaks off, if it does."""

    cues: list[Cue] = field(default_factory=list[Cue])
    header: dict[str, str] = field(default_factory=dict[str, str])
    is_tagged: bool = False
    broken_off: tuple[int, str] | None = None
    stray: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Lines before the first cue that belong to nothing."""


def read_cues(lines: Iterable[tuple[int, str]], *, ends_in_newline: bool) -> Cues:
    """Read the cues of a file from its lines, numbered from 1."""
    found = Cues()
    is_aside, is_head, is_blank = False, False, True
    held: tuple[int, str] | None = None
    number, line = 0, ""
    for number, line in lines:
        text = line.strip("\ufeff\r\n \t\u200e\u200f")
        times = TIMES.fullmatch(text) if "-->" in text else None
        if times:
            found.cues.append(Cue(number, _seconds(times["start"]), _seconds(times["end"])))
            held, is_aside, is_head, is_blank = None, False, False, False
            continue
        if held is not None:
            _add(found, *held)
            held = None
        if not text:
            is_aside, is_head, is_blank = False, False, True
        elif text.startswith(SIGN) and not found.cues:
            is_head = True
        elif is_head or is_aside or (is_blank and text.split()[0] in ASIDES):
            is_aside = not is_head
            _keep_field(found, text, is_head=is_head)
        elif is_blank and len(text) <= LONGEST_ID:
            held, is_blank = (number, text), False
        else:
            is_blank = False
            _add(found, number, text)
    _end(found, held, (number, line), ends_in_newline=ends_in_newline)
    return found


LONGEST_ID = 200
"""What stands alone before a line of times is the cue's id; Teams writes some 50 characters."""


def unrolled(found: Cues) -> list[Cue]:
    """Leave out the lines that a cue repeats of the one before, where the captions roll."""
    repeats = [0] * min(1, len(found.cues))
    repeats += [_repeated(before, cue) for before, cue in zip(found.cues, found.cues[1:], strict=False)]
    count = sum(repeat > 0 for repeat in repeats)
    is_rolling = found.is_tagged or (count >= FEWEST_ROLLING and count >= len(found.cues) * ROLLING_SHARE)
    if not is_rolling:
        return found.cues
    kept = [
        Cue(cue.number, cue.start, cue.end, cue.lines[repeat:]) for cue, repeat in zip(found.cues, repeats, strict=True)
    ]
    return [cue for cue in kept if cue.lines]


def _add(found: Cues, number: int, text: str) -> None:
    """Add a line to the cue in hand; a paragraph behind a blank line within a cue's text goes on with it."""
    found.is_tagged |= TIME_TAG.search(text) is not None
    plain = " ".join(html.unescape(OTHER_TAG.sub(_keep_voice, TIME_TAG.sub("", text))).split())
    if not found.cues:
        found.stray.append((number, text))
    elif plain:
        found.cues[-1].lines.append(plain)


def _keep_voice(tag: re.Match[str]) -> str:
    """Keep the tags that say who speaks; they are read later."""
    return tag[0] if VOICE.fullmatch(tag[0]) else ""


def _keep_field(found: Cues, text: str, *, is_head: bool) -> None:
    if is_head and (told := HEADER_FIELD.fullmatch(text)):
        found.header[told["name"].lower()] = told["value"].strip()


def _end(found: Cues, held: tuple[int, str] | None, last: tuple[int, str], *, ends_in_newline: bool) -> None:
    """See whether the file breaks off: in an id without times, in times, or in a tag."""
    number, line = last
    text = line.strip()
    if held is not None and (not ends_in_newline or held[1].isdigit()):
        found.broken_off = held
    elif held is not None:
        _add(found, *held)
    elif text and not ends_in_newline and (PARTIAL_TIMES.fullmatch(text) or OPEN_TAG.search(text)):
        found.broken_off = (number, text)
        if found.cues:
            found.cues.pop()


def _repeated(before: Cue, cue: Cue) -> int:
    """Count the lines at the start of a cue that the one before ends with."""
    most = min(len(before.lines), len(cue.lines))
    return next((count for count in range(most, 0, -1) if before.lines[-count:] == cue.lines[:count]), 0)


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total


def voices(line: str) -> Iterator[tuple[str, str]]:
    """Cut a line at its voice tags: (name, text), the name empty where none is given."""
    name, start = "", 0
    for tag in VOICE.finditer(line):
        if line[start : tag.start()].strip():
            yield name, line[start : tag.start()].strip()
        name, start = " ".join(html.unescape(tag["name"]).split()), tag.end()
    if line[start:].strip() or name:
        yield name, line[start:].strip()

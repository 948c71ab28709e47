"""Take the lines of a WhatsApp export apart: when, who, what; a line that no header starts goes on with the last.

[13/06/2018, 21:25:15] Anna Example: Hello          iPhone
6/13/18, 9:25 PM - Anna Example: Hello              Android, its clock and order of day and month as the phone is set

`formats.md` 3.4 lists the headers seen, with the invisible marks and narrow spaces in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Literal

Order = Literal["dmy", "mdy", "ymd"]
ORDERS: tuple[Order, ...] = ("dmy", "mdy", "ymd")
Line = tuple[int, str]

HALVES = {
    **dict.fromkeys(("am", "上午", "凌晨", "清晨", "早上", "午前", "오전", "ص", "πμ", "sa", "pg", "öö", "dop", "de",
                     "पूर्वाह्न"), 0),
    **dict.fromkeys(("pm", "下午", "中午", "傍晚", "晚上", "午後", "오후", "م", "μμ", "ch", "ptg", "ös", "odp", "du",
                     "अपराह्न"), 12),
}  # fmt: skip
"""The halves of the day on phones of many languages, without dots and spaces; the hours to add."""

_BIDI = "\u200e\u200f\u202a-\u202e\u2066-\u2069"
MARKS = f"[{_BIDI}\ufeff]*"
_GAP = r"[ \u00a0\u202f\u2009]"
_LATE = (
    rf"[AaPp]\.?{_GAP}?[Mm]\.?|ص|م|[πμ]\.?μ\.?|SA|CH|PG|PTG|ÖÖ|ÖS|dop\.|odp\.|de\.|du\.|पूर्वाह्न|अपराह्न"
    r"|오전|오후|上午|下午"
)
_HEADER = re.compile(
    rf"{MARKS}(?P<stamp>(?P<open>\[?)(?P<a>\d{{1,4}}){MARKS}(?P<mark>[-/.]){_GAP}?(?P<b>\d{{1,2}}){MARKS}(?P=mark)"
    rf"{_GAP}?(?P<c>\d{{1,4}})\.?[,،]?{_GAP}+{MARKS}(?P<early>[^\d\[\]:/-]{{0,14}}?){_GAP}*"
    rf"(?P<h>\d{{1,2}})[.:](?P<min>\d\d)(?:[.:](?P<s>\d\d))?(?:{_GAP}?(?P<late>{_LATE}))?{MARKS}(?P<close>\]?))"
    rf"(?P<sep>{_GAP}[-–]{_GAP}|:{_GAP}|{_GAP}){MARKS}(?P<rest>.*)"
)
_SAID = re.compile(r"(?P<who>[^:\n]{1,120}?) ?:(?:[ \u00a0](?P<text>.*)|(?P<bare>\.?))", re.DOTALL)
_QUOTES = frozenset('"“”„«»')
_US_CLOCK = re.compile(rf"[AP]M{MARKS}\]?$")
_BROKEN = re.compile(
    rf"{MARKS}(?:\[\d{{0,4}}|\[?\d{{1,4}}(?P<mark>[-/.]){_GAP}?\d{{0,2}}(?:(?P=mark){_GAP}?\d{{0,4}}"
    rf"(?:\.?[,،]?{_GAP}[^:\n]{{0,16}}[:.\d]{{0,6}}\W{{0,4}})?)?)"
)
CUT_OFF_CHARACTERS = 40

Style = tuple[str, str, str, bool, bool]
"""What all headers of one file share: bracket, mark between numbers, separator, seconds, a year of four digits."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The time of an entry as written: the date's three numbers in their order, and the clock, None if it is none."""

    raw: str
    numbers: tuple[str, str, str]
    mark: str
    clock: time | None

    def read(self, order: Order | None) -> str | None:
        """Give the time as ISO 8601 without an offset, which the export does not tell; None where it is not sure."""
        day = self.day("ymd" if len(self.numbers[0]) == 4 else order)
        return datetime.combine(day, self.clock).isoformat() if day and self.clock else None

    def day(self, order: Order | None) -> date | None:
        """Read the date in this order; None where there is no such date."""
        if order is None:
            return None
        day, month, year = (int(self.numbers[order.index(part)]) for part in "dmy")
        try:
            return date(year if year > 99 else 2000 + year, month, day)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a chat: its line, its time, who wrote (None: WhatsApp itself), and the text with its marks."""

    number: int
    stamp: Stamp
    who: str | None
    text: str
    is_unsaved: bool = False
    """The writer is no contact of the phone: WhatsApp shows "~ Name"."""


class DayOrder:
    """Learn how the dates of a file are meant.

    A number that can be no month, or no day, decides; else dots mean that the day comes first; else time does not run
    backwards; else 6/13/18, 9:25 PM is how American phones write. If none of these tells, dates stay unread.
    """

    def __init__(self) -> None:
        self._possible: set[Order] = set(ORDERS)
        self._forward: set[Order] = set(ORDERS)
        self._last: dict[Order, date] = {}
        self._is_dotted = self._is_american = True

    @property
    def decided(self) -> Order | None:
        """Give the order, or None where the file does not tell."""
        if self._is_dotted and "dmy" in self._possible:
            return "dmy"
        left: set[Order] = (self._possible & self._forward) or self._possible
        if len(left) > 1:
            left = left - {"ymd"}
        if len(left) == 2 and self._is_american:
            return "mdy"
        return next(iter(left)) if len(left) == 1 else None

    def learn(self, stamp: Stamp) -> None:
        """Look at one date."""
        first, second, third = stamp.numbers
        if len(first) == 4:
            return
        self._is_dotted &= stamp.mark == "."
        is_padded = first.startswith("0") or second.startswith("0")
        self._is_american &= not is_padded and stamp.mark == "/" and bool(_US_CLOCK.search(stamp.raw))
        for order in tuple(self._possible):
            day = None if order == "ymd" and len(third) == 4 else stamp.day(order)
            if day is None:
                self._possible.discard(order)
            elif day < self._last.setdefault(order, day):
                self._forward.discard(order)
            else:
                self._last[order] = day


def entries(lines: Iterable[Line]) -> Iterator[Entry | Line]:
    """Give each entry whole; a line before the first header as it is.

    Only headers in the style of the first one start an entry: others are what somebody pasted.
    """
    style: Style | None = None
    current: Entry | None = None
    more: list[str] = []
    for number, line in lines:
        found = _HEADER.fullmatch(line)
        if found and (style is None or _style(found) == style) and (entry := _entry(number, found)):
            style = _style(found)
            if current:
                yield _with(current, more)
            current, more = entry, []
        elif current:
            more.append(line)
        elif line.strip():
            yield number, line
    if current:
        yield _with(current, more)


def style_of(line: str) -> Style | None:
    """Give the style of the header that a line starts with, or None."""
    found = _HEADER.fullmatch(line)
    return _style(found) if found and _entry(0, found) else None


def is_cut_off(line: str) -> bool:
    """Tell a header that breaks off, as the last line of a cut file has it."""
    return len(line) <= CUT_OFF_CHARACTERS and bool(line.strip()) and bool(_BROKEN.fullmatch(line))


def without_marks(text: str) -> str:
    """Remove the invisible marks of direction at the start and the spaces around a text."""
    return re.sub(f"^[{_BIDI}\ufeff\\s]+", "", text).rstrip()


def _style(found: re.Match[str]) -> Style:
    separator = found["sep"].strip(" \u00a0\u202f\u2009")
    has_long_year = len(found["a"]) == 4 or len(found["c"]) == 4
    return found["open"], found["mark"], separator, found["s"] is not None, has_long_year


def _entry(number: int, found: re.Match[str]) -> Entry | None:
    is_bracketed = bool(found["open"])
    stamp = Stamp(found["stamp"], (found["a"], found["b"], found["c"]), found["mark"], _clock(found))
    if is_bracketed != bool(found["close"]) or not any(stamp.day(order) for order in ORDERS):
        return None
    rest = found["rest"]
    said = _SAID.fullmatch(rest)
    if said is None or _QUOTES & set(said["who"]):
        return Entry(number, stamp, None, rest)
    who = without_marks(said["who"])
    name = without_marks(who.removeprefix("~"))
    if not name:
        return Entry(number, stamp, None, rest)
    return Entry(number, stamp, name, said["text"] if said["bare"] is None else "", is_unsaved=name != who)


def _with(entry: Entry, more: list[str]) -> Entry:
    return replace(entry, text="\n".join((entry.text, *more))) if more else entry


def _clock(found: re.Match[str]) -> time | None:
    hour, half = int(found["h"]), None
    for word in (found["late"], found["early"]):
        half = HALVES.get(re.sub(r"[\W_]", "", word.casefold())) if word and half is None else half
    if half is not None and hour <= 12:
        hour = hour % 12 + half
    try:
        return time(hour, int(found["min"]), int(found["s"] or 0))
    except ValueError:
        return None

"""Read the times of transcripts: dates in the order that the whole file shows, clocks on the day at hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from ingest.times import parse
from ingest.transcript import said
from ingest.transcript_blocks import Block

Order = Literal["dmy", "mdy"]

_DATE = re.compile(r"(?P<a>\d{1,4})(?P<mark>[-./])(?P<b>\d{1,2})(?P=mark)(?P<c>\d{4}|\d{1,2})(?!\d)")
_CLOCK = re.compile(
    r"(?<!\d)(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d))?(?:[ \u00a0\u202f]?(?P<half>[AaPp])\.?[Mm]\b\.?)?(?P<z>Z)?"
)
HALF_A_DAY = timedelta(hours=12)


class DayOrder:
    """Learn whether day or month comes first: a part over 12 tells, else that time does not run backwards.

    Where dates contradict each other, or fit both ways, the order stays open and such dates unread.
    """

    def __init__(self) -> None:
        self._possible: set[Order] = {"dmy", "mdy"}
        self._forward: set[Order] = {"dmy", "mdy"}
        self._is_dotted = True

    @property
    def decided(self) -> Order | None:
        """Give the order, or None where the file does not tell."""
        if len(self._possible) == 2 and self._is_dotted:
            return "dmy"
        left = self._forward if len(self._possible) == 2 else self._possible
        return next(iter(left)) if len(left) == 1 else None

    def learn(self, block: Block) -> None:
        """Look at the dates of one conversation."""
        last: dict[Order, date] = {}
        spoken = [found.time for _, line in block.lines if (found := said(line)) and found.time]
        for text in (block.fields.get("date", ""), *spoken):
            found = _DATE.search(text)
            if found is None or len(found["a"]) == 4:
                continue
            self._is_dotted &= found["mark"] == "."
            for order in tuple(self._possible):
                day = _day(found, order)
                if day is None:
                    self._possible.discard(order)
                elif day < last.setdefault(order, day):
                    self._forward.discard(order)
                else:
                    last[order] = day


@dataclass(slots=True)
class Calendar:
    """Read the times of one conversation, one after the other."""

    order: Order | None
    start: str | None
    """What the head gives as its time, as ISO 8601 where it can be read."""
    _day: date | None = None
    _last: datetime | None = None

    def __post_init__(self) -> None:
        if not self.start:
            return
        if _DATE.search(self.start):
            self.start = self.read(self.start)
        elif at := parse(self.start).at:
            self._day = at.date()
        self._last = None

    def read(self, text: str | None) -> str | None:
        """Give a time as ISO 8601; a clock whose day is not known as it is, a date that cannot be read as None."""
        if not text:
            return None
        dated, clock = _DATE.search(text), _CLOCK.search(text)
        if dated:
            self._day = _day(dated, self.order)
            self._last = None
        if self._day is None:
            return None if dated else text
        moment = _clock(clock) if clock else time()
        if moment is None:
            return None
        at = datetime.combine(self._day, moment)
        if not dated and self._last is not None and self._last - at > HALF_A_DAY:
            at += timedelta(days=1)
            self._day = at.date()
        self._last = at
        return at.isoformat() + ("Z" if clock and clock["z"] else "") if clock else at.date().isoformat()


def _day(found: re.Match[str], order: Order | None) -> date | None:
    first, second, third = (int(found[part]) for part in ("a", "b", "c"))
    if len(found["a"]) == 4:
        year, month, day = first, second, third
    elif order is None:
        return None
    else:
        year = third if third > 99 else 2000 + third
        day, month = (first, second) if order == "dmy" else (second, first)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _clock(found: re.Match[str]) -> time | None:
    hour, half = int(found["h"]), (found["half"] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    try:
        return time(hour, int(found["m"]), int(found["s"] or 0))
    except ValueError:
        return None

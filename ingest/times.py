"""Read the times of exports, in whatever spelling, as UTC.

What cannot be read with certainty stays unread: `at` is None and the raw spelling is kept, so that nobody trains or
reports on a guessed date.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Literal

TimeZoneSource = Literal["explicit", "utc", "assumed", "none"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
"""Anything earlier is a null date in disguise (year 1, 1899-12-30, epoch 0): no helpdesk export is that old."""

SECONDS_FROM = 10**8
SECONDS_TO = 10**11
DIVISORS = ((SECONDS_TO, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))
"""Epoch numbers below the first figure count seconds, then milli-, micro- and nanoseconds (to the year 5138 each)."""

MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
ZONES = {"z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420,
         "mdt": -360, "pst": -480, "pdt": -420}  # fmt: skip
"""Minutes east of Greenwich for the zone names that RFC 5322, section 4.3, defines."""

_NUMBER = re.compile(r"\d+(\.\d+)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d))?")
_WEEKDAY = re.compile(r"[^\W\d]{2,9}\.?,? (?=\S+ )")
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})[./-](?P<m>\d{1,2})[./-](?P<d>\d{1,2})")
_NUMERIC = re.compile(r"(?P<a>\d{1,2})(?P<mark>[./-])(?P<b>\d{1,2})(?P=mark)(?P<y>\d{4}|\d{2})(?!\d)")
_DAY_NAME = re.compile(r"(?P<d>\d{1,2})[ -](?P<name>[A-Za-z]{3})[a-z]*\.?[ ,-]+(?P<y>\d{4})")
_NAME_DAY = re.compile(r"(?P<name>[A-Za-z]{3})[a-z]*\.? (?P<d>\d{1,2}),? (?P<y>\d{4})")
_DATES = (_YEAR_FIRST, _NUMERIC, _DAY_NAME, _NAME_DAY)
_CLOCK = re.compile(
    r"(?:[T,]? ?(?:at )?(?P<h>\d{1,2}):(?P<min>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_ZONE = re.compile(r" ?(?P<zone>[A-Za-z]{1,3})?(?:(?P<sign>[+-])(?P<zh>\d\d):?(?P<zm>\d\d)?)?[Zz]?(?: \([^)]*\))?")


@dataclass(slots=True, unsafe_hash=True)
class Parsed:
    """A time as read: the instant in UTC, its spelling in the source, and where its zone comes from.

    It is not frozen, because a frozen one takes four times as long to make, and every turn has one.

    `tz_source` is "explicit" where the value states its offset, "utc" for epoch numbers, "assumed" where there is no
    zone and UTC was taken, "none" where nothing could be read.
    """

    at: datetime | None
    raw: str | None
    tz_source: TimeZoneSource


NOTHING = Parsed(None, None, "none")


@lru_cache(maxsize=20_000, typed=True)
def parse(value: str | float | None) -> Parsed:
    """Read one time; never raises.

    Known are epoch seconds, milli-, micro- and nanoseconds (numbers or digits), ISO 8601 in its usual variants, dates
    with month names (mail headers, JavaScript), and numeric dates. Of those, dots mean day.month.year; with strokes or
    hyphens a component over 12 decides between day and month, and where none does, the date stays unread.

    What was read is kept for a while: a turn's time is asked for when turns are sorted, and again when it is stored.
    """
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return _from_text(value)
    return _from_number(value, str(value))


def _from_text(text: str) -> Parsed:
    if len(text) >= 19 and text[4:5] == "-":  # the usual case, without any pattern
        try:
            return _placed(datetime.fromisoformat(text), text)
        except ValueError:
            pass
    return _from_spelling(text)


def _from_spelling(text: str) -> Parsed:
    plain = " ".join(text.split())
    if not plain:
        return NOTHING
    if plain.isascii() and _NUMBER.fullmatch(plain):
        return _from_compact(plain, text) or _from_number(float(plain) if "." in plain else int(plain), text)
    return _from_calendar(plain, text)


def _from_number(number: float, raw: str) -> Parsed:
    if type(number) is int and SECONDS_FROM <= number < SECONDS_TO:  # the usual case: whole seconds
        return Parsed(EPOCH + timedelta(seconds=number), raw, "utc")
    if isinstance(number, bool) or not math.isfinite(number) or number < SECONDS_FROM:
        return Parsed(None, raw, "none")
    for limit, divisor in DIVISORS:
        if number < limit:
            whole, part = divmod(number, divisor)
            micros = round(part * 10**6 / divisor) if divisor > 1 else round(number % 1 * 10**6)
            return Parsed(EPOCH + timedelta(seconds=int(whole), microseconds=micros), raw, "utc")
    return Parsed(None, raw, "none")


def _from_compact(digits: str, raw: str) -> Parsed | None:
    """Read YYYYMMDD and YYYYMMDDhhmmss, which no epoch number of our time looks like."""
    parts = _COMPACT.fullmatch(digits)
    if parts is None:
        return None
    try:
        return _placed(datetime(*(int(part) for part in parts.groups(default="0"))), raw)  # pyright: ignore[reportArgumentType]  # noqa: DTZ001
    except ValueError:
        return None


def _from_calendar(plain: str, raw: str) -> Parsed:
    unread = Parsed(None, raw, "none")
    weekday = _WEEKDAY.match(plain)
    found = _date(plain, weekday.end() if weekday else 0) or (_date(plain, 0) if weekday else None)
    if found is None:
        return unread
    day, end = found
    clock = _CLOCK.match(plain, end)
    zone = _ZONE.fullmatch(plain, clock.end()) if clock else None
    if clock is None or zone is None:
        return unread
    try:
        time = _time(clock)
        offset = _offset(zone)
        return _placed(datetime(*day, tzinfo=offset) + time, raw)
    except (ValueError, OverflowError):
        return unread


def _date(plain: str, start: int) -> tuple[tuple[int, int, int], int] | None:
    for pattern in _DATES:
        found = pattern.match(plain, start)
        if found is None:
            continue
        named = found.groupdict()
        year = int(named["y"])
        order = _day_month(named)
        if order is None:
            return None
        day, month = order
        return (year if year > 99 else 2000 + year, month, day), found.end()
    return None


def _day_month(named: dict[str, str]) -> tuple[int, int] | None:
    if "name" in named:
        month = MONTHS.get(named["name"].lower())
        return (int(named["d"]), month) if month else None
    if "a" not in named:
        return int(named["d"]), int(named["m"])
    first, second = int(named["a"]), int(named["b"])
    if named["mark"] == "." or first > 12 or first == second:
        return first, second
    return (second, first) if second > 12 else None


def _time(clock: re.Match[str]) -> timedelta:
    if clock["h"] is None:
        return timedelta()
    hour, half = int(clock["h"]), (clock["half"] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12) or int(clock["min"]) > 59:
        raise ValueError
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    micros = int((clock["f"] or "0").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=int(clock["min"]), seconds=int(clock["s"] or 0), microseconds=micros)


def _offset(zone: re.Match[str]) -> timezone | None:
    name = zone["zone"]
    minutes = None if name is None else ZONES.get(name.lower())
    if name is not None and minutes is None:
        raise ValueError
    if zone["sign"]:
        shift = int(zone["zh"]) * 60 + int(zone["zm"] or 0)
        minutes = -shift if zone["sign"] == "-" else shift
    return None if minutes is None else timezone(timedelta(minutes=minutes))


def _placed(moment: datetime, raw: str) -> Parsed:
    if moment.tzinfo is UTC:
        at, source = moment, "explicit"
    elif moment.tzinfo is None:
        at, source = moment.replace(tzinfo=UTC), "assumed"
    else:
        try:
            at, source = moment.astimezone(UTC), "explicit"
        except OverflowError:
            return Parsed(None, raw, "none")
    return Parsed(at, raw, source) if at >= EARLIEST else Parsed(None, raw, "none")

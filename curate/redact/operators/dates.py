"""Dates shift by the same keyed number of days for one customer, in the format they are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from curate.redact.known import plain_text
from curate.redact.operators.streams import Stream
from curate.redact.operators.words import LOCALES, words

MOST_DAYS = 180
CENTURY_PIVOT = 30  # 30 to 99 are of the last century: most dates here are of birth
ORDER = ("en", *(locale for locale in LOCALES if locale != "en"))  # months that several languages share are English
NUMERIC = re.compile(r"(?<!\d)(\d{1,4})([-./ ])(\d{1,2})\2(\d{1,4})(?!\d)")
DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})(\D{1,6}?)([^\W\d_]{3,10})(\.?\D{1,5}?)(\d{4}|\d{2})(?!\d)")
MONTH_FIRST = re.compile(r"([^\W\d_]{3,10})(\.?\D{1,5}?)(\d{1,2})(\D{1,5}?)(\d{4}|\d{2})(?!\d)")


@dataclass(frozen=True, slots=True)
class Written:
    """A date as it stands in a text: the day, the groups' places by part, and the language of its month's name."""

    day: date
    parts: tuple[tuple[str, tuple[int, int]], ...]  # "y", "m", "d" or "b" (the month's name), and its span
    language: str = ""


def shift_days(key: bytes, identity: str) -> int:
    """Give a customer's shift: 1 to 180 days, forward or back."""
    drawn = Stream(key, identity, "dates").below(2 * MOST_DAYS)
    return drawn - MOST_DAYS if drawn < MOST_DAYS else drawn - MOST_DAYS + 1


def shifted(value: str, days: int, *, language: str) -> str | None:
    """Give a date moved by some days in its own format, or None where no date can be read."""
    written = _read(value, language)
    if written is None:
        return None
    try:
        moved = written.day + timedelta(days=days)
    except OverflowError:
        return None
    text = value
    for part, (start, end) in reversed(written.parts):
        text = text[:start] + _part(part, moved, value[start:end], written) + text[end:]
    return text


def _read(value: str, language: str) -> Written | None:
    plain = plain_text(value)
    if found := NUMERIC.search(plain):
        return _numeric(found, language)
    for pattern, order in ((DAY_FIRST, (("d", 1), ("b", 3), ("y", 5))), (MONTH_FIRST, (("b", 1), ("d", 3), ("y", 5)))):
        if (found := pattern.search(plain)) and (told := _month(found[order[1][1] if order[0][0] == "d" else 1])):
            numbers = {part: found[group] for part, group in order}
            month, spoken = told
            parts = tuple((part, found.span(group)) for part, group in order)
            return _written(numbers["y"], month, int(numbers["d"]), parts, spoken)
    return None


def _numeric(found: re.Match[str], language: str) -> Written | None:
    first, second, third = found[1], found[3], found[4]
    spans = (found.span(1), found.span(3), found.span(4))
    if len(first) > 2:
        order = "ymd"
    elif int(first) > 12 or (language != "en" and int(second) <= 12):
        order = "dmy"
    else:
        order = "mdy" if int(second) > 12 or language == "en" else "dmy"
    numbers = dict(zip(order, (first, second, third), strict=True))
    parts = tuple(zip(order, spans, strict=True))
    return _written(numbers["y"], int(numbers["m"]), int(numbers["d"]), parts)


def _written(
    year: str, month: int, day: int, parts: tuple[tuple[str, tuple[int, int]], ...], language: str = ""
) -> Written | None:
    if len(year) not in (2, 4) or not 1 <= month <= 12:
        return None
    full = int(year) if len(year) == 4 else int(year) + (2000 if int(year) < CENTURY_PIVOT else 1900)
    try:
        return Written(date(full, month, day), parts, language)
    except ValueError:
        return None


def _month(word: str) -> tuple[int, str] | None:
    """Give the month that a plain word names or begins, and the language it is in."""
    for language in ORDER:
        for number, name in enumerate(words(language, "months"), start=1):
            plain = plain_text(name)
            if plain == word or (len(word) in (3, 4) and plain.startswith(word)):
                return number, language
    return None


def _part(part: str, moved: date, like: str, written: Written) -> str:
    match part:
        case "y":
            return f"{moved.year:04d}"[-len(like) :]
        case "b":
            name = words(written.language, "months")[moved.month - 1]
            name = name[: len(like)] if len(like) in (3, 4) else name
            return name.upper() if like.isupper() else name.lower() if like.islower() else name[0].upper() + name[1:]
        case _:
            number = moved.month if part == "m" else moved.day
            return f"{number:02d}" if len(like) == 2 else str(number)

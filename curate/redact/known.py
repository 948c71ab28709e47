"""Search texts for values that are known to be personal, in any spelling: case, accents, spaces and dashes aside."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from curate.redact.names import TITLES, is_common, name_parts
from curate.redact.spans import Finding

SHORTEST_NAME = 3
SHORTEST_VALUE = 4
SHORTEST_PHONE = 7
PHONE_CORE = 9  # digits that stay the same whether or not the country's code is written
MOST_PREFIX_DIGITS = 5
SEPARATORS = frozenset(" .-()/+")
WIDEST_GAP = 3
NUMBER = re.compile(r"[\d .\-()/+]+")
SPACES = re.compile(r" +")
NAME_TYPES = frozenset({"PERSON", "SECURITY_ANSWER"})
PHONE_TYPES = frozenset({"PHONE_NUMBER"})


@dataclass(frozen=True, slots=True)
class Known:
    """A value that is personal wherever it stands in its conversation."""

    value: str
    entity_type: str
    score: float
    source: str
    why: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plain:
    """A text brought to the form in which values are compared, character for character."""

    text: str
    digits: str
    digit_places: tuple[int, ...] = field(repr=False)
    digit_runs: tuple[int, ...] = field(repr=False)

    @classmethod
    def of(cls, text: str) -> Plain:
        """Bring a text to its plain form; offsets stay those of the text."""
        plain = plain_text(text)
        places = tuple(place for place, character in enumerate(plain) if "0" <= character <= "9")
        return cls(plain, "".join(plain[place] for place in places), places, tuple(_runs(plain, places)))


@functools.lru_cache(maxsize=4096)
def _plain_character(character: str) -> str:
    """Give one character for one: lower case, no accent, ASCII digits, a space for every blank and dash."""
    if character.isspace() or unicodedata.category(character) == "Pd":
        return " "
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    base = unicodedata.normalize("NFKD", character)[0].lower()
    return base if len(base) == 1 else character


def plain_text(text: str) -> str:
    """Bring a text to the form in which values are compared; its length stays the same."""
    if text.isascii():
        return text.lower().translate(ASCII_BLANKS)
    return "".join(map(_plain_character, text))


ASCII_BLANKS: dict[int, str] = dict.fromkeys((9, 10, 11, 12, 13, 28, 29, 30, 31, 45), " ")


def normal_value(value: str) -> str:
    """Give a value's plain form with runs of blanks made one: equal for all spellings of the same value."""
    plain = SPACES.sub(" ", plain_text(value)).strip()
    return digits_of(plain) if is_number(plain) else plain


def normal_name(value: str) -> str:
    """Give a person's name without titles, points and a genitive's ending: "Dr. Morgan's" is "morgan"."""
    words = [word.strip(".,'’") for word in normal_value(value).removesuffix("'s").removesuffix("’s").split(" ")]
    bare = [word for word in words if word not in TITLES]
    return " ".join(bare or words)


def digits_of(text: str) -> str:
    """Give a text's digits."""
    return "".join(character for character in plain_text(text) if "0" <= character <= "9")


def is_number(value: str) -> bool:
    """Say whether a value is a number however it is grouped: four digits or more, and only separators between."""
    plain = plain_text(value)
    return NUMBER.fullmatch(plain) is not None and len(digits_of(plain)) >= SHORTEST_VALUE


def searchable(value: str, entity_type: str) -> bool:
    """Say whether a value is distinctive enough to be looked for in other turns."""
    plain = normal_value(value)
    if entity_type in NAME_TYPES:
        return len(plain) >= SHORTEST_NAME and not is_common(plain) and not digits_of(plain)
    return len(plain) >= SHORTEST_VALUE and not is_common(plain)


def spread(values: Iterable[Known]) -> tuple[Known, ...]:
    """Add the parts of people's names, and leave out what is not distinctive; the best score of equal values stays."""
    best: dict[tuple[str, str], Known] = {}
    for known in values:
        for value in _with_parts(known):
            if not searchable(value, known.entity_type):
                continue
            entry = Known(value, known.entity_type, known.score, known.source, known.why)
            mark = (known.entity_type, normal_value(value))
            if mark not in best or best[mark].score < entry.score:
                best[mark] = entry
    return tuple(best[mark] for mark in sorted(best))


def search(known: Sequence[Known], text: Plain) -> Iterator[Finding]:
    """Give every place of every known value in a text."""
    for one in known:
        if is_number(one.value):
            spans = _number_spans(one, text) if text.digits else ()
        else:
            spans = _word_spans(normal_value(one.value), text.text)
        for start, end in spans:
            yield Finding(start, end, one.entity_type, one.score, one.source, dict(one.why))


def holds(value: str, entity_type: str, text: Plain) -> bool:
    """Say whether a value stands in a text."""
    return next(search((Known(value, entity_type, 1.0, ""),), text), None) is not None


def _with_parts(known: Known) -> list[str]:
    if known.entity_type != "PERSON":
        return [known.value]
    parts = name_parts(known.value)
    return [known.value, *parts] if parts else []


def _word_spans(value: str, text: str) -> Iterator[tuple[int, int]]:
    """Find a value between word borders; a space in it stands for any run of blanks and dashes."""
    if value.split(" ", 1)[0] not in text:
        return
    if " " in value:
        pattern = re.compile(r"(?<!\w)" + " +".join(map(re.escape, value.split(" "))) + r"(?!\w)")
        yield from (found.span() for found in pattern.finditer(text))
        return
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        if not (_wordy(text, at - 1) and _wordy(text, at)) and not (_wordy(text, end - 1) and _wordy(text, end)):
            yield at, end
        at = text.find(value, end)


def _wordy(text: str, place: int) -> bool:
    return 0 <= place < len(text) and (text[place].isalnum() or text[place] == "_")


def _number_spans(known: Known, text: Plain) -> Iterator[tuple[int, int]]:
    """Find a number however it is grouped; a phone also with another prefix."""
    digits = digits_of(known.value)
    phone = known.entity_type in PHONE_TYPES and len(digits) >= SHORTEST_PHONE
    core = digits[-PHONE_CORE:] if phone else digits
    at = text.digits.find(core)
    while at >= 0:
        last = at + len(core) - 1
        if _together(text, at, last) and not _joined(text, last, last + 1):
            first = _prefix(text, at) if phone else at
            if phone or not _joined(text, at - 1, at):
                yield _phone_start(text, first) if phone else text.digit_places[at], text.digit_places[last] + 1
        at = text.digits.find(core, at + 1)


def _together(text: Plain, first: int, last: int) -> bool:
    """Say whether nothing but separators stands between these digits."""
    return text.digit_runs[first] == text.digit_runs[last]


def _runs(text: str, places: Sequence[int]) -> Iterator[int]:
    """Number the runs of digits that have nothing but a few separators between them, one number for each digit."""
    run = 0
    for left, right in pairwise((-1, *places)):
        run += left >= 0 and not _is_gap(text[left + 1 : right])
        yield run


def _is_gap(between: str) -> bool:
    return len(between) <= WIDEST_GAP and all(character in SEPARATORS for character in between)


def _joined(text: Plain, left: int, right: int) -> bool:
    """Say whether two neighbouring digits touch, so that both belong to one number."""
    if left < 0 or right >= len(text.digit_places):
        return False
    return text.digit_places[right] - text.digit_places[left] == 1


def _prefix(text: Plain, at: int) -> int:
    first = at
    while first > 0 and at - first < MOST_PREFIX_DIGITS and _together(text, first - 1, first):
        first -= 1
    return first


def _phone_start(text: Plain, first: int) -> int:
    """Take the plus sign and the bracket before a phone number along."""
    start = text.digit_places[first]
    while start > 0 and text.text[start - 1] in "+(":
        start -= 1
    return start

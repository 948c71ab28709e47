"""Draw surrogates: which family a type belongs to, what makes two spellings one value, and the sheet of a customer.

A surrogate follows from the key, the customer, the family and the value. Only where a draw would repeat another one of
the same customer, or name something that is known, a counter is raised; then the sheet's earlier rows count.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from curate.redact.known import normal_name, normal_value, plain_text
from curate.redact.operators import mails, numbers, people, phones, places
from curate.redact.operators.dates import shift_days, shifted
from curate.redact.operators.shapes import as_written, code, hexadecimal, pour, squeeze
from curate.redact.operators.streams import Stream, keyed
from curate.redact.operators.words import FAMILY

VERSION = "1"  # raise it when draws change; what was drawn stays
MOST_DRAWS = 200
SHORTEST_PHONE = 7
PERSON, EMAIL, USERNAME, PHONE, URL, DATE = "PERSON", "EMAIL", "USERNAME", "PHONE", "URL", "DATE"
ADDRESS, CITY, ORGANISATION, CODE = "ADDRESS", "CITY", "ORGANISATION", "CODE"
WRITTEN = frozenset({EMAIL, USERNAME, URL, ADDRESS, CITY, ORGANISATION})  # given as drawn, not poured into the shape

# Types that are not here are codes: digits for digits, letters for letters.
FAMILIES = {
    "PERSON": PERSON,
    "EMAIL_ADDRESS": EMAIL,
    "USERNAME": USERNAME,
    "PHONE_NUMBER": PHONE,
    "URL": URL,
    "DATE_OF_BIRTH": DATE,
    "DATE": DATE,
    "DATE_TIME": DATE,
    "ADDRESS": ADDRESS,
    "STREET_ADDRESS": ADDRESS,
    "STREET": ADDRESS,
    "CITY": CITY,
    "LOCATION": CITY,
    "GPE": CITY,
    "ORGANIZATION": ORGANISATION,
    "HOSPITAL": ORGANISATION,
    "CREDIT_CARD": "CARD",
    "CARD_NUMBER": "CARD",
    "IBAN_CODE": "IBAN",
    "US_SSN": "SSN",
    "UK_NHS": "NHS",
    "ES_NIF": "NIF",
    "ABA_ROUTING_NUMBER": "ROUTING",
    "IMEI": "IMEI",
    "IP_ADDRESS": "IP",
    "MAC_ADDRESS": "MAC",
    "UUID": "UUID",
}
DOCUMENTATION_NETS = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737


def _internet(plain: str, stream: Stream) -> str:
    """Draw an address of the documentation networks (RFC 5737, RFC 3849)."""
    if ":" in plain:
        return f"2001:db8::{stream.below(65535) + 1:x}:{stream.below(65535) + 1:x}"
    return f"{stream.pick(DOCUMENTATION_NETS)}.{1 + stream.below(254)}"


def _mac(plain: str, stream: Stream) -> str:
    """Draw a hardware address of the documentation range (RFC 7042, section 2.1.2)."""
    return f"00005e0053{stream.below(256):02x}" if len(plain) == 12 else code(plain, stream)


SHAPED: dict[str, Callable[[str, Stream], str]] = {
    "CARD": numbers.card,
    "IBAN": numbers.iban,
    "SSN": numbers.ssn,
    "NHS": numbers.nhs,
    "NIF": numbers.nif,
    "ROUTING": numbers.routing,
    "IMEI": numbers.imei,
    "UUID": hexadecimal,
    "MAC": _mac,
    "IP": _internet,
    PHONE: phones.phone,
    URL: mails.url,
    CODE: code,
}
PLACED: dict[str, Callable[..., str]] = {
    ADDRESS: places.address,
    CITY: places.city,
    ORGANISATION: places.organisation,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A value that is to be replaced, as it is spelled, with the language of its conversation."""

    entity_type: str
    spelling: str
    language: str


@dataclass(frozen=True, slots=True)
class FullName:
    """The surrogate of a full name in plain form, and what its words are stored under."""

    plain: str
    marks: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Sheet:
    """The surrogates of one customer, by family and value; `avoid` holds plain forms that must not be drawn.

    `rows` are by (family, HMAC of the value), `fresh` those drawn since it was read.
    """

    key: bytes = field(repr=False)
    identity: str
    rows: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    avoid: set[str] = field(default_factory=set[str])
    fresh: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def surrogate(self, value: Value) -> str:
        """Give what stands in for a value, in its shape and case; what the sheet lacks is drawn."""
        family = family_of(value.entity_type)
        if family == DATE and (date := self._shifted(value)) is not None:
            return date
        if not any(map(str.isalnum, value.spelling)):
            return "x" * len(value.spelling)
        if family == PERSON and people.parts_of(value.spelling):
            marks = [part.mark for part in people.parts_of(value.spelling)]
            if any(self.mark(PERSON, mark) not in self.rows for mark in marks):
                self.add([value])
            return people.render(value.spelling, {mark: self.rows[self.mark(PERSON, mark)] for mark in marks})
        stored = CODE if family in (PERSON, DATE) else family
        plain = canonical(stored, value.spelling, value.language)
        if self.mark(stored, plain) not in self.rows:
            self.add([value])
        drawn = self.rows[self.mark(stored, plain)]
        if stored in WRITTEN or not drawn.isalnum():
            return as_written(drawn, value.spelling)
        return pour(value.spelling, drawn)

    def add(self, values: Iterable[Value]) -> None:
        """Draw for values that the sheet lacks: people's words first, then the rest in the order of their HMACs."""
        named: dict[str, str] = {}
        values = list(values)
        persons = [(one.spelling, one.language) for one in values if family_of(one.entity_type) == PERSON]
        self._add_people(persons, named)
        others: dict[tuple[str, str], tuple[str, str]] = {}
        for one in values:
            stored = _stored(one)
            if stored is not None:
                plain = canonical(stored, one.spelling, one.language)
                mark = self.mark(stored, plain)
                others[mark] = min(others.get(mark, (plain, one.language)), (plain, one.language))
        taken = {(family, surrogate) for (family, _), surrogate in self.rows.items()}
        for mark in sorted(others):
            if mark not in self.rows:
                plain, language = others[mark]
                self._put(mark, self._drawn(mark[0], plain, language, named, taken))
                taken.add((mark[0], self.rows[mark]))

    def mark(self, family: str, plain: str) -> tuple[str, str]:
        """Give what a value is stored under."""
        return _mark(self.key, family, plain)

    def _put(self, mark: tuple[str, str], surrogate: str) -> None:
        self.rows[mark] = surrogate
        self.fresh[mark] = surrogate

    def _shifted(self, value: Value) -> str | None:
        return shifted(value.spelling, shift_days(self.key, self.identity), language=value.language)

    def _add_people(self, names: list[tuple[str, str]], named: dict[str, str]) -> None:
        """Draw the words of people's names, then their initials; `named` gets every word's surrogate."""
        taken = {plain_text(drawn) for (family, _), drawn in self.rows.items() if family == PERSON and len(drawn) > 1}
        due = list(people.wanted(names))
        families = {one.mark for one in due if one.lists == (FAMILY,)}
        for one in due:
            mark = self.mark(PERSON, one.mark)
            if mark not in self.rows and " " not in one.mark:
                self._put(mark, self._name(one, taken))
                taken.add(plain_text(self.rows[mark]))
            if " " not in one.mark:
                named[one.mark] = self.rows[mark]
        for one in due:
            mark = self.mark(PERSON, one.mark)
            if mark not in self.rows:
                stream = Stream(self.key, self.identity, PERSON, one.mark)
                self._put(mark, people.initial(one.mark, named, families, stream))

    def _name(self, one: people.Wanted, taken: set[str]) -> str:
        for again in range(MOST_DRAWS):
            drawn = people.draw(one, Stream(self.key, self.identity, PERSON, one.mark, str(again)))
            plain = plain_text(drawn)
            if plain not in taken and plain not in self.avoid and plain != one.mark:
                return drawn
        return Stream(self.key, self.identity, PERSON, one.mark).letters(12).capitalize()

    def _drawn(self, family: str, plain: str, language: str, named: dict[str, str], taken: set[tuple[str, str]]) -> str:
        for again in range(MOST_DRAWS):
            stream = Stream(self.key, self.identity, family, plain, str(again))
            drawn = _candidate(family, plain, stream, language, named, again)
            bare = squeeze(drawn)
            if (family, drawn) not in taken and bare not in self.avoid and bare != squeeze(plain):
                return drawn
        # Every value of so short a shape is taken: a longer one, which nothing else has.
        return Stream(self.key, self.identity, family, plain).letters(12)


def family_of(entity_type: str) -> str:
    """Give the family by which a type's surrogates are drawn."""
    return FAMILIES.get(entity_type, CODE)


@functools.lru_cache(maxsize=8192)
def canonical(family: str, spelling: str, language: str) -> str:
    """Give what is the same for all spellings of a value of a family."""
    match family:
        case "PHONE":
            return phones.canonical(spelling, language)
        case "EMAIL" | "USERNAME" | "URL":
            return spelling.strip().lower()
        case "ADDRESS" | "CITY" | "ORGANISATION":
            return normal_value(spelling)
        case "IP":
            return plain_text(spelling).strip()
        case _:
            return squeeze(spelling)


def same_value(entity_type: str, spelling: str) -> str:
    """Give a value's form for the keyed hash: equal for its spellings."""
    return normal_name(spelling) if entity_type == PERSON else normal_value(spelling)


def forms(value: str) -> Iterator[str]:
    """Give the plain forms of a known value that no surrogate may have: the whole, and its words."""
    bare = squeeze(value)
    yield bare
    if bare.isdecimal() and len(bare) >= SHORTEST_PHONE:
        yield from (bare[-count:] for count in (9, 10))  # a phone's surrogate is drawn without the country's code
    yield from (part.plain for part in people.parts_of(value) if len(part.plain) > 1)


def full_name(value: Value, sheet: Sheet) -> FullName | None:
    """Give the surrogate of a full name; None for other values."""
    parts = people.parts_of(value.spelling)
    if family_of(value.entity_type) != PERSON or len(parts) < 2:
        return None
    marks = tuple(sheet.mark(PERSON, part.mark) for part in parts)
    return FullName(" ".join(plain_text(sheet.rows[mark]) for mark in marks), marks)


def _stored(value: Value) -> str | None:
    """Give the family a value has a row in; None for what has none: shifted dates, names, and signs alone."""
    family = family_of(value.entity_type)
    if not any(map(str.isalnum, value.spelling)):
        return None
    if family == DATE:
        return None if shifted(value.spelling, 1, language=value.language) is not None else CODE
    if family == PERSON:
        return None if people.parts_of(value.spelling) else CODE
    return family


def _candidate(family: str, plain: str, stream: Stream, language: str, named: dict[str, str], again: int) -> str:
    if family in (EMAIL, USERNAME):
        make = mails.mail if family == EMAIL else mails.username
        return make(plain, stream, named, language=language, again=again)
    if family in PLACED:
        return PLACED[family](plain, stream, language=language)
    return SHAPED[family](plain, stream)


@functools.lru_cache(maxsize=16384)
def _mark(key: bytes, family: str, plain: str) -> tuple[str, str]:
    return family, keyed(key, "value", family, plain).hex()[:32]

"""Fill the blanks of a phrasing, and remember each personal value that went in."""

import re
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime

from samples.chance import Chance
from samples.people import AGENTS, COUNTRIES, TITLES, Person

BLANK = re.compile(r"\{(\w+)\}")
BRANDS = {"shop": "Lindwurm Outdoor", "saas": "Tidewick", "bank": "Harbour & Pine Bank", "travel": "Kestrel Travel"}
SUPPORT = {
    "shop": "support@lindwurm.example.com",
    "saas": "support@tidewick.example.com",
    "bank": "service@harbourpine.example.com",
    "travel": "help@kestrel.example.com",
}
MACROS = {
    "shop": "Thank you for contacting Lindwurm Outdoor. We have received your request and answer within one working "
    "day. You can follow your order at any time under My account, Orders.",
    "saas": "Thanks for writing to Tidewick support. Please clear your browser's cache, log in again and check our "
    "status page. If the problem remains, reply with a screenshot.",
    "bank": "Thank you for your message to Harbour & Pine Bank. For your security, please never share your PIN or "
    "one-time codes with anyone. An adviser will be with you shortly.",
    "travel": "Thank you for travelling with Kestrel. Due to the season our replies may take a little longer. Please "
    "have your booking reference ready.",
}
PRODUCTS = {
    "en": ("two-person tent Brook", "down jacket Fell", "trekking backpack Ridge 45", "rain jacket Drizzle",
           "camp stove Ember", "sleeping bag Loft", "hiking poles Stride"),
    "de": ("das Zelt Brook", "die Daunenjacke Fell", "der Rucksack Ridge 45", "die Regenjacke Drizzle"),
    "fr": ("la tente Brook", "la veste de pluie Drizzle", "le sac à dos Ridge 45"),
    "es": ("la tienda Brook", "el chubasquero Drizzle", "la mochila Ridge 45"),
    "it": ("la tenda Brook", "la giacca Drizzle", "lo zaino Ridge 45"),
    "nl": ("de tent Brook", "de regenjas Drizzle"),
    "pt": ("a tenda Brook", "o casaco Drizzle"),
    "zh": ("Brook帐篷", "Drizzle雨衣"),
}  # fmt: skip
DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes"),
    "it": ("lunedì", "martedì", "mercoledì", "giovedì", "venerdì"),
    "nl": ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag"),
    "pt": ("na segunda-feira", "na terça-feira", "na quarta-feira", "na quinta-feira", "na sexta-feira"),
    "zh": ("周一", "周二", "周三", "周四", "周五"),
}
DATES = {"en": "{d:%d} {d:%B}", "de": "{d:%d.%m.%Y}", "nl": "{d:%d-%m-%Y}", "zh": "{d.month}月{d.day}日"}
PASSWORDS = ("Sommer{}!", "qwertz{}", "Biscuit#{}", "hunter{}x", "MyCat-{}", "letmein{}", "Kaffee{}?")
CROCKFORD = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Planted:
    """A personal value that stands in a conversation: "public" speech, "internal" notes and drafts, or a "field"."""

    value: str
    type: str
    where: str


class Filler:
    """Hold what one customer says in one conversation, so that the same blank gets the same value throughout."""

    def __init__(
        self, chance: Chance, customer: Person, partner: Person, *, domain: str, language: str, start: int
    ) -> None:
        self.chance = chance
        self.customer = customer
        self.partner = partner
        self.agent = chance.pick(AGENTS)
        self.domain = domain
        self.language = language
        self.start = start
        self.values: dict[str, str] = {}
        self.planted: dict[Planted, None] = {}

    def fork(self) -> "Filler":
        """Start over with the same values, for a copy of the conversation that may go another way."""
        fork = copy(self)
        fork.values, fork.planted = dict(self.values), dict(self.planted)
        return fork

    def fill(self, template: str, where: str, literal: Callable[[str], str] = str) -> str:
        """Fill a template in; `literal` changes the words around the blanks, never the values."""
        parts = BLANK.split(template.replace("{macro}", MACROS[self.domain]))
        return "".join(self.value(part, where) if at % 2 else literal(part) for at, part in enumerate(parts))

    def value(self, blank: str, where: str) -> str:
        """Give the value of a blank, and remember it where it is personal."""
        if blank not in self.values:
            self.values[blank] = self._draw(blank)
        value = self.values[blank]
        if blank in TYPES:
            self.plant(value, TYPES[blank], where)
        if blank in ("address", "newaddress") and "," in value:
            self.plant(value.rsplit(",", 1)[0], "ADDRESS", where)
        return value

    def plant(self, value: str, kind: str, where: str) -> None:
        """Remember a personal value."""
        self.planted.setdefault(Planted(value, kind, where))

    def _draw(self, blank: str) -> str:
        person = PERSONAL.get(blank)
        return person(self) if person else DRAWN[blank](self)

    def money(self, low: int, high: int) -> str:
        """Write an amount as the customer's country does."""
        amount = f"{self.chance.number(low, high)}.{self.chance.pick(('00', '50', '90', '95'))}"
        written = amount if self.language in ("en", "zh") else amount.replace(".", ",")
        return COUNTRIES[self.customer.country]["money"].format(written)

    def date(self, days: int) -> str:
        """Write the date that lies so many days from the start of the conversation."""
        when = datetime.fromtimestamp(self.start + days * DAY, tz=UTC)
        return DATES.get(self.language, "{d:%d/%m/%Y}").format(d=when).removeprefix("0")

    def digits(self, size: int) -> str:
        """Draw a number of so many digits that does not start with 0."""
        return str(self.chance.number(10 ** (size - 1), 10**size - 1))


PERSONAL: dict[str, Callable[[Filler], str]] = {
    "first": lambda its: its.customer.first,
    "last": lambda its: its.customer.last,
    "full": lambda its: its.customer.full,
    "title": lambda its: TITLES[its.language][its.customer.gender],
    "title2": lambda its: its.customer.last + TITLES["zh"][its.customer.gender],
    "email": lambda its: its.customer.email,
    "email2": lambda its: its.customer.email2,
    "phone": lambda its: its.customer.phone,
    "address": lambda its: its.customer.address,
    "newaddress": lambda its: its.customer.address2,
    "dob": lambda its: its.customer.dob,
    "card": lambda its: its.customer.card,
    "card4": lambda its: its.customer.card.replace(" ", "").replace("-", "")[-4:],
    "iban": lambda its: its.customer.iban,
    "user": lambda its: its.customer.user,
    "partner": lambda its: its.partner.full,
    "partner_email": lambda its: its.partner.email,
    "agent": lambda its: its.agent[0],
    "agentfull": lambda its: " ".join(its.agent),
    "brand": lambda its: BRANDS[its.domain],
}
DRAWN: dict[str, Callable[[Filler], str]] = {
    "order": lambda its: f"LW-{its.digits(6)}",
    "order2": lambda its: f"LW-{its.digits(6)}",
    "invoice": lambda its: f"INV-2025-{its.digits(5)}",
    "booking": lambda its: its.chance.letters(CROCKFORD, 6),
    "tracking": lambda its: f"KP{its.digits(9)}X",
    "custno": lambda its: f"C-{its.digits(6)}",
    "flight": lambda its: f"KT {its.digits(3)}",
    "promo": lambda its: f"SUMMIT-{its.chance.letters(CROCKFORD, 4)}",
    "password": lambda its: its.chance.pick(PASSWORDS).format(its.digits(4)),
    "code": lambda its: its.digits(6),
    "code2": lambda its: its.digits(6),
    "ip": lambda its: f"{its.chance.pick(('192.0.2', '198.51.100', '203.0.113'))}.{its.chance.number(2, 250)}",
    # Area numbers from 900 are never given out, and 10 to 19 are no groups of taxpayer numbers either.
    "ssn": lambda its: f"9{its.chance.number(10, 79)}-1{its.chance.number(0, 9)}-{its.digits(4)}",
    "product": lambda its: its.chance.pick(PRODUCTS[its.language]),
    "amount": lambda its: its.money(18, 340),
    "amount2": lambda its: its.money(9, 60),
    "day": lambda its: its.chance.pick(DAYS[its.language]),
    "date": lambda its: its.date(-its.chance.number(3, 20)),
    "date2": lambda its: its.date(its.chance.number(5, 25)),
}
TYPES = dict.fromkeys(("first", "last", "full", "title2", "partner", "agent", "agentfull"), "PERSON")
TYPES |= dict.fromkeys(("email", "email2", "partner_email"), "EMAIL_ADDRESS")
TYPES |= dict.fromkeys(("order", "order2", "invoice", "booking", "tracking", "custno"), "ORDER_ID")
TYPES |= dict.fromkeys(("address", "newaddress"), "ADDRESS")
TYPES |= dict.fromkeys(("code", "code2"), "ONE_TIME_CODE")
TYPES |= {
    "phone": "PHONE_NUMBER",
    "dob": "DATE_OF_BIRTH",
    "card": "CREDIT_CARD",
    "iban": "IBAN_CODE",
    "password": "PASSWORD",
    "ip": "IP_ADDRESS",
    "ssn": "US_SSN",
    "user": "USERNAME",
}

"""Invented people: customers of many countries with what they might tell a support desk, and the desk's agents."""

import tomllib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from samples.chance import Chance

COUNTRIES = tomllib.loads((Path(__file__).parent / "people.toml").read_text(encoding="utf-8"))
ROMAN = {
    "晓彤": "xiaotong", "雨薇": "yuwei", "思琪": "siqi", "浩然": "haoran", "子墨": "zimo", "俊杰": "junjie",
    "欧阳": "ouyang", "司徒": "situ", "慕容": "murong",
    "ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "ø": "o",
}  # fmt: skip
TITLES = {
    "en": ("Ms", "Mr"), "de": ("Frau", "Herr"), "fr": ("Madame", "Monsieur"), "es": ("Sra.", "Sr."),
    "it": ("Signora", "Signor"), "nl": ("mevrouw", "meneer"), "pt": ("Sra.", "Sr."), "zh": ("女士", "先生"),
}  # fmt: skip

# Numbers that card schemes and gateways publish for testing; no account stands behind them.
CARDS = (
    "4111 1111 1111 1111", "5555 5555 5555 4444", "4242 4242 4242 4242", "4012888888881881", "5105-1051-0510-5100",
    "378282246310005", "3714 496353 98431", "6011 1111 1111 1117", "3530 1113 3330 0000", "4111111111111111",
)  # fmt: skip
# The examples of the IBAN registry, one a country.
IBANS = {
    "DE": "DE89 3704 0044 0532 0130 00", "GB": "GB82 WEST 1234 5698 7654 32", "AT": "AT61 1904 3002 3457 3201",
    "FR": "FR14 2004 1010 0505 0001 3M02 606", "ES": "ES91 2100 0418 4502 0005 1332", "NL": "NL91 ABNA 0417 1643 00",
    "IT": "IT60 X054 2811 1010 0000 0123 456", "PT": "PT50 0002 0123 1234 5678 9015 4",
    "IE": "IE29 AIBK 9311 5212 3456 78", "PL": "PL61 1090 1014 0000 0712 1981 2874", "CH": "CH93 0076 2011 6238 5295 7",
    "TR": "TR33 0006 1005 1978 6457 8413 26", "BE": "BE68 5390 0754 7034",
}  # fmt: skip
AGENTS = (
    ("Odalys", "Ferncastle"), ("Bertrand", "Quillfeather"), ("Shreya", "Marigoldi"), ("Torsten", "Eichwalder"),
    ("Lucinda", "Harrowgate"), ("Dmitri", "Sokolovan"), ("Yewande", "Abioduna"), ("Hyacinth", "Buckleford"),
    ("Malte", "Feddersen-Ruhl"), ("Rosalind", "Okparadike"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """One invented customer; every value is made up or reserved for tests and fiction."""

    ident: int
    country: str
    language: str
    first: str
    last: str
    gender: int
    email: str
    email2: str
    phone: str
    address: str
    address2: str
    dob: str
    card: str
    iban: str
    user: str

    @property
    def full(self) -> str:
        """Write the whole name as the country does."""
        return f"{self.last}{self.first}" if self.language == "zh" else f"{self.first} {self.last}"

    @property
    def is_ascii(self) -> bool:
        """Tell whether all that this person says about themselves survives any encoding."""
        return f"{self.full}{self.address}{self.address2}".isascii()


def people(chance: Chance) -> tuple[Person, ...]:
    """Make everybody: all first names of a country, each with two or three last names."""
    made: list[Person] = []
    for country, facts in COUNTRIES.items():
        names = [(first, 0) for first in facts["women"]] + [(first, 1) for first in facts["men"]]
        for at, (first, gender) in enumerate(names):
            for step in range(min(2, len(facts["last"]))):
                last = facts["last"][(at + step * 2) % len(facts["last"])]
                made.append(_person(chance, len(made), country, (first, last, gender)))
    return tuple(made)


def _person(chance: Chance, ident: int, country: str, name: tuple[str, str, int]) -> Person:
    facts = COUNTRIES[country]
    first, last, gender = name
    mail = _mails(chance, fold(first), fold(last))
    return Person(
        ident=ident,
        country=country,
        language=facts["language"],
        first=first,
        last=last,
        gender=gender,
        email=mail[0],
        email2=mail[1],
        phone=_phone(chance, facts["phone"]),
        address=_address(chance, facts),
        address2=_address(chance, facts),
        dob=_birthday(chance, facts["language"]),
        card=chance.pick(CARDS),
        iban=_iban(chance, country),
        user=f"{fold(first)[:4]}{fold(last)[:5]}{chance.number(10, 99)}",
    )


def fold(name: str) -> str:
    """Write a name with the letters a to z, for mail addresses and user names."""
    roman = "".join(ROMAN.get(part, part) for part in ([name] if name in ROMAN else name))
    plain = unicodedata.normalize("NFKD", roman).encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum())


def _mails(chance: Chance, first: str, last: str) -> tuple[str, str]:
    forms = (f"{first}.{last}", f"{first[0]}.{last}", f"{first}_{last}{chance.number(60, 99)}", f"{last}{first[:2]}")
    hosts = ("example.com", "example.org", "example.net", "mail.example.com")
    at = chance.number(0, 3)
    return f"{forms[at]}@{chance.pick(hosts)}", f"{first}{chance.number(100, 999)}@{chance.pick(hosts)}"


def _phone(chance: Chance, plan: str) -> str:
    short, middle, long = (chance.number(0, 10**size - 1) for size in (2, 2, 3))
    area = chance.pick(("212", "415", "312", "646", "503"))
    plans = {
        "us": (f"({area}) 555-01{short:02}", f"+1 {area}-555-01{short:02}", f"{area}-555-01{short:02}"),
        "uk": (f"020 7946 0{long:03}", f"07700 900{long:03}", f"+44 7700 900{long:03}"),
        "de": (f"030 23125{long:03}", f"0171 39200{short:02}", f"+49 69 90009{long:03}"),
        "fr": (f"06 39 98 {short:02} {middle:02}", f"+33 1 99 00 {short:02} {middle:02}"),
    }
    return chance.pick(plans[plan])


def _address(chance: Chance, facts: dict[str, list[str]]) -> str:
    street = chance.pick(facts["streets"]).format(chance.number(3, 98))
    return f"{street}, {chance.pick(facts['cities'])}"


def _birthday(chance: Chance, language: str) -> str:
    day, month, year = chance.number(13, 28), chance.number(1, 12), chance.number(1951, 2005)
    if language == "en":
        months = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                  "November", "December")  # fmt: skip
        spoken = f"{day} {months[month - 1]} {year}"
        return chance.pick((spoken, f"{day:02}/{month:02}/{year}", f"{year}-{month:02}-{day:02}"))
    forms = {
        "de": f"{day:02}.{month:02}.{year}",
        "nl": f"{day:02}-{month:02}-{year}",
        "zh": f"{year}年{month}月{day}日",
    }
    return forms.get(language, f"{day:02}/{month:02}/{year}")


def _iban(chance: Chance, country: str) -> str:
    known = IBANS.get(country) or chance.pick(tuple(IBANS.values()))
    return chance.pick((known, known.replace(" ", "")))

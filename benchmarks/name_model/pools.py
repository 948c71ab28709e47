"""Names, places, streets and organisations of many countries to fill templates with, seeded."""

import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faker import Faker
from faker.config import AVAILABLE_LOCALES

EACH = 250  # values of each kind and locale
LATIN = re.compile(r"^[\x20-\x7e\u00c0-\u024f\u1e00-\u1eff’'.,/()-]+$")
LOCALES = {
    "en": """
        en_US en_US en_US en_GB en_GB en_IN en_IN en_IN en_IN en_IE en_AU en_CA en_NZ en_PH fil_PH en_NG yo_NG ig_NG
        ha_NG zu_ZA tw_GH en_KE id_ID vi_VN tr_TR pl_PL cs_CZ sk_SK hu_HU ro_RO hr_HR sl_SI sv_SE no_NO da_DK fi_FI
        et_EE lt_LT lv_LV es_MX de_DE fr_FR it_IT nl_NL pt_BR es_ES az_AZ ga_IE is_IS
    """,
    "de": "de_DE de_DE de_AT de_CH tr_TR pl_PL",
    "es": "es_ES es_ES es_ES es_MX es_CO es_AR es_CL",
    "fr": "fr_FR fr_FR fr_CA fr_BE fr_CH",
    "pt": "pt_PT pt_BR pt_BR",
    "it": "it_IT it_IT it_CH",
    "nl": "nl_NL nl_NL nl_BE",
}
WORDS = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Pool:
    """What one locale offers."""

    first: list[str]
    last: list[str]
    city: list[str]
    street: list[str]
    company: list[str]
    zip: list[str]


def pools(seed: int) -> dict[str, list[Pool]]:
    """Give each language's pools; a locale named twice is drawn from twice as often."""
    made: dict[str, Pool] = {}
    for names in LOCALES.values():
        for locale in names.split():
            if locale not in made and locale in AVAILABLE_LOCALES:
                made[locale] = _pool(locale, seed)
    return {language: [made[name] for name in names.split() if name in made] for language, names in LOCALES.items()}


def _pool(locale: str, seed: int) -> Pool:
    fake = Faker(locale)
    fake.seed_instance(f"{seed}-{locale}")
    return Pool(
        _values(fake, "first_name"),
        _values(fake, "last_name"),
        _values(fake, "city") or ["Springfield"],
        [value.replace("\n", " ") for value in _values(fake, "street_address")],
        _values(fake, "company"),
        _values(fake, "postcode") or ["12345"],
    )


def _values(fake: Faker, kind: str) -> list[str]:
    make: Callable[[], Any] | None = getattr(fake, kind, None)
    if make is None:
        return []
    drawn = [str(make()) for _ in range(EACH)]
    return [value for value in drawn if LATIN.match(value)]


def lines_of(name: str) -> list[str]:
    """Give a list of words.toml whose entries are separated by bars and line ends."""
    return [value for line in WORDS[name].strip().splitlines() for value in line.split("|")]


def words_of(name: str) -> list[str]:
    """Give a list of words.toml whose entries are separated by spaces."""
    return WORDS[name].split()


class Drawer:
    """Draw one value after another, as people would type it."""

    def __init__(self, rng: random.Random, by_language: dict[str, list[Pool]]) -> None:
        self.rng = rng
        self._pools = by_language
        self._first, self._last = words_of("first"), words_of("last")
        self._places, self._brands, self._things = lines_of("places"), lines_of("brands"), lines_of("things")
        self._states = words_of("states")
        self._common = sorted({word.lower() for word in Faker("en_US").get_words_list()})

    def chance(self, share: float) -> bool:
        """Say yes so often."""
        return self.rng.random() < share

    def _pool(self, language: str, field: str) -> list[str]:
        while True:
            values: list[str] = getattr(self.rng.choice(self._pools[language]), field)
            if values:
                return values

    def first(self, language: str) -> str:
        """Draw a given name; now and then a blend of two, so that the list is not learnt by heart."""
        name = self.rng.choice(self._first if language == "en" and self.chance(0.35) else self._pool(language, "first"))
        return self._blend(name, self.rng.choice(self._first)) if self.chance(0.12) else name

    def last(self, language: str) -> str:
        """Draw a surname."""
        name = self.rng.choice(self._last if language == "en" and self.chance(0.3) else self._pool(language, "last"))
        return self._blend(name, self.rng.choice(self._last)) if self.chance(0.12) else name

    def _blend(self, one: str, other: str) -> str:
        return one[: self.rng.randint(2, max(2, len(one) - 1))] + other[len(other) // 2 :]

    def person(self, language: str) -> str:
        """Draw a name in one of the ways people give theirs."""
        first, last = self.first(language), self.last(language)
        shape = self.rng.random()
        if shape < 0.22:
            return first
        if shape < 0.72:
            return f"{first} {last}"
        if shape < 0.76:
            return f"{first} {self.rng.choice('abcdefghijklmnoprstvw')} {last}"
        if shape < 0.79:
            return f"{first} {self.rng.choice('ABCDEFGHJKLMNPRSTVW')}. {last}"
        if shape < 0.82:
            return f"{self.rng.choice('abdghjkmnprstv')} {first}" if self.chance(0.5) else f"{first[0]}. {last}"
        if shape < 0.86:
            return f"{first} {last[0]}" + self.rng.choice(("", "."))
        if shape < 0.90:
            return f"{first} {self.first(language)} {last}"
        if shape < 0.94:
            return f"{first}{last}"
        if shape < 0.97:
            return f"{last} {first}"
        return f"{first} {last} {self.last(language)}"

    def place(self, language: str) -> str:
        """Draw a city, region or country."""
        if self.chance(0.55):
            return self.rng.choice(self._places)
        return f"{self.rng.choice(self._pool(language, 'city'))}" + (
            f" {self.rng.choice(self._states)}" if language == "en" and self.chance(0.15) else ""
        )

    def firm(self, language: str) -> str:
        """Draw an organisation."""
        return self.rng.choice(self._brands if self.chance(0.65) else self._pool(language, "company") or self._brands)

    def zip(self, language: str) -> str:
        """Draw a postcode."""
        return (
            self.rng.choice(self._pool(language, "zip")) if self.chance(0.7) else f"{self.rng.randint(10000, 999999)}"
        )

    def thing(self) -> str:
        """Draw a word that is no name."""
        return self.rng.choice(self._common if self.chance(0.25) else self._things)

    def street(self, language: str) -> str:
        """Draw a street address."""
        if self.chance(0.3):
            return self.rng.choice(self._pool(language, "street") or ["12 High Street"]).lower()
        return STREETS[language](self)

    def road(self) -> str:
        """Draw an English street without its number."""
        stem = self.rng.choice(words_of("street_words")) if self.chance(0.5) else self.last("en")
        return f"{stem} {self.rng.choice(words_of('street_kinds'))}"

    def house(self) -> str:
        """Draw a house number."""
        return str(self.rng.randint(1, self.rng.choice((20, 120, 999, 9999)))) + self.rng.choice(
            ("",) * 8 + ("a", "b", "/2", "-1")
        )


def _english(draw: Drawer) -> str:
    if draw.chance(0.25):
        return _indian(draw)
    front = draw.rng.choice(("",) * 7 + ("flat {} ", "flat {}, ", "unit {}/", "suite {} ", "apartment {}, "))
    back = draw.rng.choice(
        ("",) * 7 + (" apt {}", " apt. {}", ", apt {}", " unit {}", " #{}", " floor {}", " suite {}")
    )
    side = draw.rng.choice(("",) * 6 + ("n ", "w ", "east ", "s. "))
    if draw.chance(0.03):
        return f"po box {draw.rng.randint(10, 9999)}"
    comma = draw.rng.choice(("", "", "", ","))
    return f"{front.format(draw.house())}{draw.house()}{comma} {side}{draw.road()}{back.format(draw.house())}"


def _indian(draw: Drawer) -> str:
    front = draw.rng.choice(
        (
            "no {} ",
            "no. {}, ",
            "door no {} ",
            "plot {} ",
            "flat {} ",
            "h.no {}, ",
            "{} ",
            "{}, ",
            "#{}, ",
            "house no {} ",
        )
    )
    stem = draw.first("en") if draw.chance(0.5) else draw.rng.choice(words_of("street_words"))
    ordinal = draw.rng.choice(("",) * 5 + ("1st ", "2nd ", "3rd ", "4th cross ", "first "))
    area = draw.rng.choice(("", "", ", {} nagar", " {} nagar", ", {} colony", " sector 12", ", {} puram")).format(
        draw.first("en")
    )
    return f"{front.format(draw.house())}{ordinal}{stem} {draw.rng.choice(words_of('indian_kinds'))}{area}"


def _german(draw: Drawer) -> str:
    stem, kind = (
        draw.rng.choice((draw.last("de"), draw.rng.choice(("haupt", "bahnhof", "linden", "garten", "berg", "schul")))),
        draw.rng.choice(WORDS["german_kinds"].split("|")),
    )
    return f"{stem}{draw.rng.choice(('', '-', ' '))}{kind} {draw.house()}"


def _dutch(draw: Drawer) -> str:
    stem = draw.rng.choice(
        (draw.last("nl"), draw.rng.choice(("kerk", "dorps", "school", "molen", "prinsen", "beatrix")))
    )
    return f"{stem}{draw.rng.choice(WORDS['dutch_kinds'].split('|'))} {draw.house()}"


def _romance(kinds: str, language: str, *, number_first: bool) -> Callable[[Drawer], str]:
    links = {
        "es": ("", "", "de ", "del ", "de la ", "de los "),
        "fr": ("de ", "du ", "des ", "de la "),
        "it": ("", "", "dei "),
        "pt": ("", "da ", "do "),
    }

    def make(draw: Drawer) -> str:
        kind, link = draw.rng.choice(WORDS[kinds].split("|")), draw.rng.choice(links[language])
        stem = draw.last(language) if draw.chance(0.6) else f"{draw.first(language)} {draw.last(language)}"
        floor = draw.rng.choice(
            (
                "",
                "",
                "",
                f", {draw.rng.randint(1, 9)}",
                f", {draw.rng.randint(1, 9)}, {draw.rng.choice('ABCD')}",
                f", {draw.rng.randint(1, 9)}º {draw.rng.choice('ABCD')}",
            )
        )
        if number_first:
            return f"{draw.house()}{draw.rng.choice((' ', ', ', ' bis '))}{kind} {link}{stem}"
        road = f"{kind} {link}{stem}{draw.rng.choice((' ', ', ', ' nº ', ', nº '))}{draw.house()}"
        return road + floor if language in ("es", "pt") else road

    return make


STREETS: dict[str, Callable[[Drawer], str]] = {
    "en": _english,
    "de": _german,
    "nl": _dutch,
    "es": _romance("spanish_kinds", "es", number_first=False),
    "fr": _romance("french_kinds", "fr", number_first=True),
    "it": _romance("italian_kinds", "it", number_first=False),
    "pt": _romance("portuguese_kinds", "pt", number_first=False),
}

"""Phone numbers in the ranges that regulators keep for films and books, or else in none that is assigned."""

from __future__ import annotations

import functools

from curate.redact.known import plain_text
from curate.redact.operators.shapes import squeeze
from curate.redact.operators.streams import Stream

REGIONS = {
    "en": ("US", "GB", "AU", "IE"),
    "de": ("DE", "AT", "CH"),
    "fr": ("FR", "BE", "CH"),
    "es": ("ES", "MX", "AR", "CO"),
    "it": ("IT", "CH"),
    "nl": ("NL", "BE"),
    "pt": ("PT", "BR"),
}
# National numbers by country code: NANPA's 555-01xx, Ofcom's, Bundesnetzagentur's, Arcep's, ACMA's and ComReg's numbers
# for drama use; what follows the prefix is free.
AREAS = (
    "201", "202", "212", "213", "214", "215", "303", "305", "312", "314", "402", "404", "406", "410", "412", "414",
    "415", "501", "502", "503", "504", "505", "512", "513", "515", "602", "603", "605", "612", "614", "615", "617",
    "701", "702", "704", "713", "718", "801", "802", "803", "804", "808", "816", "901", "907", "913", "916", "919",
)  # fmt: skip
FICTION = {
    "1": tuple(area + "55501" for area in AREAS),
    "44": ("7700900", "2079460", "1632960", "1134960", "1614960", "1314960"),
    "49": ("3023125", "6990009", "4066969", "2214710", "8999998", "17139200"),
    "33": ("19900", "26191", "35301", "46571", "53649", "63998"),
    "61": ("25550", "35550", "75550", "85550"),
    "353": ("2091",),
}
LENGTHS = {"1": 10, "44": 10, "49": 10, "33": 9, "61": 9, "353": 9}


@functools.lru_cache(maxsize=8192)
def canonical(value: str, language: str) -> str:
    """Give a phone number as country code and national number ("1 4155550132"), however it is written.

    Digits alone where it is a number of none of the language's countries.
    """
    from phonenumbers import NumberParseException, is_possible_number, parse

    plain = plain_text(value)
    for region in REGIONS.get(language, REGIONS["en"]):
        try:
            number = parse(plain, region)
        except NumberParseException:
            continue
        if is_possible_number(number):
            return f"{number.country_code} {number.national_number}"
    return squeeze(value)


def phone(plain: str, stream: Stream) -> str:
    """Draw the national digits of a number like a canonical one: of the same country and length."""
    country, _, national = plain.rpartition(" ")
    if LENGTHS.get(country) == len(national):
        prefix = stream.pick(_like(FICTION[country], national))
        return prefix + stream.digits(len(national) - len(prefix))
    return _unassigned(country, national, stream)


def _like(prefixes: tuple[str, ...], national: str) -> tuple[str, ...]:
    """Prefer the prefixes of the same kind of number: those with the same first digit."""
    return tuple(one for one in prefixes if one[0] == national[0]) or prefixes


def _unassigned(country: str, national: str, stream: Stream) -> str:
    """Draw digits that make no valid number of the country."""
    for _ in range(50):
        drawn = stream.digits(len(national))
        if not (country and _is_valid(country, drawn)):
            return drawn
    return "0" * len(national)


def _is_valid(country: str, national: str) -> bool:
    from phonenumbers import PhoneNumber, is_valid_number

    return is_valid_number(PhoneNumber(country_code=int(country), national_number=int(national)))

"""Draw invented values of every kind, in the forms in which people write them.

Nobody's data: numbers come from ranges kept for fiction and tests where there are such ranges, names are made up.
Phones: 555-0100 to 555-0199 (North American Numbering Plan), 07700 900000-900999 and 020 7946 0000-0999 (Ofcom),
0171 3920000-3920099 and 030 23125000-23125999 (Bundesnetzagentur), 06 39 98 00 00-99 (ARCEP). Cards: the test ranges
that payment providers publish, with a valid check digit. Addresses of machines: RFC 5737.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from random import Random

Names = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]
Streets = Mapping[str, tuple[str, ...]]
Draw = Callable[[Random, Names], str]

ADDRESS = "ADDRESS"
TOWNS = ("Fairhaven", "Brookfield", "Ashton", "Milford", "Cedar Falls")
STATES = ("OH", "TX", "CA", "NY", "WA", "IL")
CARD_SHAPES = (("4242", 16), ("400000", 16), ("555555", 16), ("510510", 16), ("37144963", 15), ("601111", 16))
IBAN_SHAPES = (("DE", 18), ("GB", 18), ("NL", 14), ("FR", 23), ("ES", 20))
PHONE_SHAPES = (
    "({area}) 555-01##", "{area}-555-01##", "{area}.555.01##", "{area} 555 01##", "+1 {area} 555 01##", "{area}55501##",
    "07700 900###", "+44 7700 900###", "020 7946 0###", "0171 39200##", "+49 171 39200##", "030 23125###",
    "06 39 98 00 ##", "+33 6 39 98 00 ##", "+1-{area}-555-01##",
)  # fmt: skip
AREAS = ("212", "312", "415", "646", "713", "202")
WORDS = ("biscuit", "sunrise", "pepper", "harbor", "maple", "tiger", "comet", "velvet")
DOMAINS = ("example.com", "example.org", "mail.example.com", "example.net")
ORDER_SHAPES = ("ORD-######", "######", "########", "LW-######", "A?#?##", "PO#####-##", "112-#######-#######")
LUHN_MODULUS, IBAN_MODULUS = 10, 97


def filled(shape: str, rng: Random) -> str:
    """Put a random digit in the place of every # of a shape, and a capital letter in that of every ?."""
    places = {"#": string.digits, "?": "ABCDEFGHJKLMNPQRSTUVWXYZ"}
    return "".join(rng.choice(places[one]) if one in places else one for one in shape)


def person(rng: Random, names: Names) -> str:
    """Draw a name as it is given in a chat: in full, the first or the last part alone, with a title or an initial."""
    given, family = _name(rng, names)
    forms = (
        f"{given} {family}", f"{given} {family}", given, f"{given} {family[0]}.", f"{given[0]}. {family}",
        f"{rng.choice(('Mr.', 'Mrs.', 'Ms', 'Dr.'))} {family}", f"{family}, {given}",
    )  # fmt: skip
    return rng.choice(forms)


def email(rng: Random, names: Names) -> str:
    """Draw an address under a domain kept for examples (RFC 2606)."""
    given, family = (_ascii(part) for part in _name(rng, names))
    local = rng.choice((f"{given}.{family}", f"{given[0]}{family}", f"{given}_{family}{rng.randint(1, 99)}", given))
    return f"{local}@{rng.choice(DOMAINS)}"


def phone(rng: Random, names: Names) -> str:
    """Draw a phone number out of the ranges kept for fiction, in one of many spellings."""
    del names
    return filled(rng.choice(PHONE_SHAPES).format(area=rng.choice(AREAS)), rng)


def card(rng: Random, names: Names) -> str:
    """Draw a card number out of the test ranges, grouped or not, its check digit valid (ISO/IEC 7812-1, Luhn)."""
    del names
    start, length = rng.choice(CARD_SHAPES)
    digits = filled(start + "#" * (length - 1 - len(start)), rng)
    digits += str(-_luhn_sum(digits + "0") % LUHN_MODULUS)
    return _grouped(digits, rng.choice(("", " ", "-")))


def iban(rng: Random, names: Names) -> str:
    """Draw an IBAN with valid check digits (ISO 13616, ISO 7064 mod 97-10), in groups or not."""
    del names
    country, length = rng.choice(IBAN_SHAPES)
    bank = "WEST" if country == "GB" else "INGB" if country == "NL" else ""
    account = bank + filled("#" * (length - len(bank)), rng)
    number = int("".join(str(int(one, 36)) for one in f"{account}{country}00"))
    code = f"{country}{98 - number % IBAN_MODULUS:02}{account}"
    return _grouped(code, rng.choice(("", " ")))


def ssn(rng: Random, names: Names) -> str:
    """Draw a number in the shape of a social security number."""
    del names
    area, group, serial = rng.randint(101, 665), rng.randint(11, 99), rng.randint(1001, 9999)
    return rng.choice((f"{area}-{group}-{serial}", f"{area} {group} {serial}", f"{area}{group}{serial}"))


def address(rng: Random, streets: Streets, language: str) -> str:
    """Draw a street address in the order of its country."""
    street, number = rng.choice(streets.get(language, streets["en"])), rng.randint(2, 989)
    if language in ("de", "es", "it", "nl", "pt"):
        return rng.choice((f"{street} {number}", f"{street} {number}, {filled('#####', rng)} {rng.choice(TOWNS)}"))
    town, state = rng.choice(TOWNS), rng.choice(STATES)
    forms = (
        f"{number} {street}", f"{number} {street}, {town}", f"{number} {street}, Apt {rng.randint(1, 40)}",
        f"{number} {street}, {town}, {state} {filled('#####', rng)}",
    )  # fmt: skip
    return rng.choice(forms[:2] if language == "fr" else forms)


def birthday(rng: Random, names: Names) -> str:
    """Draw a date of birth in a common spelling."""
    del names
    year, month, day = rng.randint(1941, 2006), rng.randint(1, 12), rng.randint(1, 28)
    name = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
            "November", "December")[month - 1]  # fmt: skip
    forms = (
        f"{month:02}/{day:02}/{year}",
        f"{day}.{month}.{year}",
        f"{year}-{month:02}-{day:02}",
        f"{name} {day}, {year}",
    )
    return rng.choice(forms)


def password(rng: Random, names: Names) -> str:
    """Draw a password of the kind people choose."""
    del names
    word = rng.choice(WORDS)
    forms = (
        f"{word.title()}#{filled('####', rng)}",
        f"{word}{filled('##', rng)}!",
        filled("?#?", rng) + word + "$",
        word + "123",
    )
    return rng.choice(forms)


def username(rng: Random, names: Names) -> str:
    """Draw a user name."""
    given, family = (_ascii(part) for part in _name(rng, names))
    return rng.choice(
        (f"{given}{family[:3]}{rng.randint(1, 99)}", f"{given}_{family}", f"{family}{given[0]}{rng.randint(1, 999)}")
    )


def postcode(rng: Random, names: Names) -> str:
    """Draw a US or a British postcode."""
    del names
    return filled(rng.choice(("#####", "#####-####", "?#2 #AB", "?H1 #?D")), rng)


def api_key(rng: Random, names: Names) -> str:
    """Draw a key that opens nothing."""
    del names
    letters = string.ascii_letters + string.digits
    return rng.choice(("sk-", "sk_live_", "ghp_", "AKIA")) + "".join(rng.choice(letters) for _ in range(32))


def of_shapes(*shapes: str) -> Draw:
    """Give what draws a value in one of these shapes."""
    return lambda rng, _names: filled(rng.choice(shapes), rng)


DRAWS: dict[str, Draw] = {
    "PERSON": person,
    "EMAIL_ADDRESS": email,
    "PHONE_NUMBER": phone,
    "CREDIT_CARD": card,
    "IBAN_CODE": iban,
    "US_SSN": ssn,
    "POSTCODE": postcode,
    "DATE_OF_BIRTH": birthday,
    "PASSWORD": password,
    "USERNAME": username,
    "ACCOUNT_NUMBER": of_shapes("########", "##########", "############", "#### #### ##"),
    "ORDER_ID": of_shapes(*ORDER_SHAPES),
    "TRACKING_ID": of_shapes("1Z999AA1##########", "9400 1000 0000 #### #### ##", "??#########DE"),
    "BOOKING_ID": of_shapes("??####", "?#??##", "######", "BK-#######"),
    "POLICY_ID": of_shapes("POL-#######", "##########", "CLM######", "??-####-###"),
    "ONE_TIME_CODE": of_shapes("######", "###-###", "####"),
    "PIN": of_shapes("####", "######"),
    "IP_ADDRESS": of_shapes("192.0.2.1##", "198.51.100.1##", "203.0.113.1##"),
    "API_KEY": api_key,
}


def draw(kind: str, language: str, rng: Random, names: Names, streets: Streets) -> str:
    """Draw a value of a kind, as it is written in a language."""
    return address(rng, streets, language) if kind == ADDRESS else DRAWS[kind](rng, names)


def _name(rng: Random, names: Names) -> tuple[str, str]:
    given, family = names[rng.choice(sorted(names))]
    return rng.choice(given), rng.choice(family)


def _ascii(text: str) -> str:
    from curate.redact.known import plain_text

    plain = plain_text(text).replace("ß", "ss")
    return "".join(character for character in plain if character.isascii() and character.isalnum())


def _grouped(code: str, separator: str) -> str:
    return separator.join(code[at : at + 4] for at in range(0, len(code), 4))


def _luhn_sum(digits: str) -> int:
    doubled = (int(one) * (1 + place % 2) for place, one in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled)

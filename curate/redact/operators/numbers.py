"""Numbers with check digits, drawn from ranges that belong to nobody."""

from __future__ import annotations

from curate.redact.operators.shapes import code
from curate.redact.operators.streams import Stream

# The first ten digits of the test numbers that card networks and payment providers publish, by first digit and length.
TEST_CARDS = {
    ("4", 16): ("4111111111", "4242424242"),
    ("5", 16): ("5555555555", "5105105105"),
    ("2", 16): ("2223003122",),
    ("6", 16): ("6011111111", "6011000990"),
    ("3", 15): ("3782822463", "3714496353"),
    ("3", 16): ("3566002020",),
    ("3", 14): ("3056930902",),
}
CARD_LENGTHS = range(13, 20)
# Digits of the bank's code in an IBAN where letters do not tell it (SWIFT IBAN registry); 4 elsewhere.
BANK_CODES = {"de": 8, "at": 5, "ch": 5, "es": 8, "fr": 10, "it": 11, "pt": 8, "be": 3, "pl": 8}
NIF_LETTERS = "trwagmyfpdxbnjzsqvhlcke"


def card(plain: str, stream: Stream) -> str:
    """Draw a card number that passes the check (Luhn, ISO/IEC 7812-1) and begins like a published test number."""
    if not plain.isdecimal() or len(plain) not in CARD_LENGTHS:
        return code(plain, stream)
    prefix = stream.pick(TEST_CARDS.get((plain[0], len(plain)), ("4242424242",)))
    body = prefix + stream.digits(len(plain) - len(prefix) - 1)
    return body + luhn(body)


def imei(plain: str, stream: Stream) -> str:
    """Draw an IMEI with a valid check digit whose type code begins with 00, as only test devices' do (GSMA TS.06)."""
    if not plain.isdecimal() or len(plain) != 15:
        return code(plain, stream)
    body = "00" + stream.digits(12)
    return body + luhn(body)


def luhn(body: str) -> str:
    """Give the check digit of Luhn (ISO/IEC 7812-1 annex B) for the digits before it."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def iban(plain: str, stream: Stream) -> str:
    """Draw an IBAN with valid check digits (ISO 13616, ISO 7064 mod 97-10) and a bank code that no bank has: zeros.

    A country's own check digits inside the account number are not kept.
    """
    if len(plain) < 8 or not plain[:2].isalpha() or not plain[2:4].isdecimal():
        return code(plain, stream)
    bank = BANK_CODES.get(plain[:2], 4)
    body = "".join("0" if one.isdecimal() else "x" for one in plain[4 : 4 + bank])
    body += "".join(stream.digits(1) if one.isdecimal() else stream.letters(1) for one in plain[4 + bank :])
    return plain[:2] + iban_check(plain[:2], body) + body


def iban_check(country: str, body: str) -> str:
    """Give the check digits of an IBAN (ISO 7064 mod 97-10)."""
    return f"{98 - int(''.join(str(int(one, 36)) for one in body + country + '00')) % 97:02d}"


def ssn(plain: str, stream: Stream) -> str:
    """Draw a social security number of the area 9xx, which is never given; the group tells it from a tax number."""
    if not plain.isdecimal() or len(plain) != 9:
        return code(plain, stream)
    return f"9{stream.digits(2)}{1 + stream.below(49):02d}{stream.digits(4)}"


def nhs(plain: str, stream: Stream) -> str:
    """Draw an NHS number of the range 999, set aside for tests, with its check digit (mod 11)."""
    if not plain.isdecimal() or len(plain) != 10:
        return code(plain, stream)
    while True:
        body = "999" + stream.digits(6)
        check = -sum(int(digit) * (10 - place) for place, digit in enumerate(body)) % 11
        if check < 10:
            return body + str(check)


def nif(plain: str, stream: Stream) -> str:
    """Draw a Spanish NIF of the unused range 9999 with its check letter (mod 23)."""
    if len(plain) != 9 or not plain[:8].isdecimal():
        return code(plain, stream)
    number = "9999" + stream.digits(4)
    return number + NIF_LETTERS[int(number) % 23]


def routing(plain: str, stream: Stream) -> str:
    """Draw an ABA routing number of the unassigned prefixes 50 to 59 with its check digit (3-7-1, mod 10)."""
    if not plain.isdecimal() or len(plain) != 9:
        return code(plain, stream)
    body = "5" + stream.digits(7)
    return body + str(-sum(int(digit) * (3, 7, 1)[place % 3] for place, digit in enumerate(body)) % 10)

"""Check digits of numbers that carry one: what does not add up is not what it looks like."""

from __future__ import annotations

AMEX = ("34", "37")  # cards of 15 digits, not devices
VIN_LENGTH = 17
VIN_CHECK = 8  # the place of the check digit
# Values and weights of a vehicle's number: 49 CFR 565.15 (c).
VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

# Lengths of the countries' account numbers: the IBAN registry of SWIFT, release 99.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28,
    "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
    "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
    "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20,
    "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24,
    "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip


def luhn(digits: str) -> bool:
    """Say whether digits pass the Luhn check (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def imei_length(value: str) -> int:
    """Give the length of a value that is a device's number (IMEI), 0 where it is none."""
    digits = "".join(character for character in value if character.isdecimal())
    return len(value) if not digits.startswith(AMEX) and len(set(digits)) > 1 and luhn(digits) else 0


def iban_length(value: str) -> int:
    """Give how much of a value is an account number with right check digits, 0 where it begins with none.

    ISO 13616: the country's length, and ISO 7064 mod 97-10 over letters as 10 to 35, the first four moved behind.
    """
    places = [place for place, character in enumerate(value) if character.isalnum()]
    plain = "".join(value[place] for place in places).upper()
    length = IBAN_LENGTHS.get(plain[:2], 0)
    if not length or len(plain) < length or not plain.isascii():
        return 0
    moved = plain[4:length] + plain[:4]
    right = int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
    return places[length - 1] + 1 if right else 0


def vin_length(value: str) -> int:
    """Give the length of a value that is a vehicle's number with a right check digit, 0 where it is none."""
    plain = value.upper()
    if len(plain) != VIN_LENGTH or not any(character in VIN_VALUES for character in plain):
        return 0
    if any(not character.isdecimal() and character not in VIN_VALUES for character in plain):
        return 0
    values = [int(character) if character.isdecimal() else VIN_VALUES[character] for character in plain]
    rest = sum(value * weight for value, weight in zip(values, VIN_WEIGHTS, strict=True)) % 11
    return len(value) if plain[VIN_CHECK] == ("X" if rest == 10 else str(rest)) else 0

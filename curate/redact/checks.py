"""Check digits of numbers that carry one: what does not add up is not what it looks like."""

from __future__ import annotations

AMEX = ("34", "37")  # cards of 15 digits, not devices
VIN_LENGTH = 17
VIN_CHECK = 8  # the place of the check digit
# Values and weights of a vehicle's number: 49 CFR 565.15 (c).
VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


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

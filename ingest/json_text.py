"""Parse JSON exactly, and fast where that comes to the same.

Exports break in known ways, and each is met here once for all connectors: numbers too long for 64 bits come as text,
so that ids stay exact; NaN and Infinity come as None; half a surrogate pair comes as U+FFFD.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

DIGITS = bytes(48 if 48 <= byte < 58 else 32 for byte in range(256))
"""What makes every digit a 0 and everything else a space."""

LONG_NUMBER = b"0" * 19
"""As long as the largest integers of 64 bits; orjson makes floats of longer ones, so such text goes to json."""

MARKS = b":,["
SPACE_OR_MINUS = b" \t\r\n-"
BEFORE_NUMBERS = MARKS + SPACE_OR_MINUS
SPACED = 100
"""Where there is nothing but space in so many bytes before the digits, they are taken for a number."""

INT64 = range(-(2**63), 2**64)

SURROGATE = re.compile("[\ud800-\udfff]")


def parse_line(line: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Parse one JSON text exactly.

    Raises:
        ValueError: it is not JSON, or (UnicodeDecodeError) no text.
    """
    if not _has_long_number(line):
        try:
            return orjson.loads(line)
        except ValueError:
            pass
    try:
        return repaired(DECODER.decode(line.decode("utf-8")))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_several(text: str) -> list[Any] | None:
    """Parse values with commas between them at once; None where that fails, or would not be exact."""
    try:
        written = text.encode("utf-8")
        return None if _has_long_number(written) else orjson.loads(b"[%b]" % written)
    except ValueError:
        return None


def _has_long_number(line: bytes) -> bool:
    """Tell whether a number may be beyond 64 bits; so many digits behind anything else are text, as long ids are."""
    digits = line.translate(DIGITS)
    start = digits.find(LONG_NUMBER)
    while start >= 0:
        if start == 0 or line[start - 1] in BEFORE_NUMBERS:
            before = line[max(0, start - SPACED) : start].rstrip(SPACE_OR_MINUS)
            if not before or before[-1] in MARKS:
                return True
        start = digits.find(LONG_NUMBER, digits.find(b" ", start))
    return False


def _exact_integer(digits: str) -> int | str:
    """Keep integers beyond 64 bits as text: they are ids, and the store's JSON cannot hold them as numbers."""
    if len(digits) < len(LONG_NUMBER):
        return int(digits)
    number = int(digits) if len(digits) <= 2 * len(LONG_NUMBER) else None
    return number if number is not None and number in INT64 else digits


def _no_constant(_name: str) -> None:
    return None


DECODER = json.JSONDecoder(parse_int=_exact_integer, parse_constant=_no_constant, strict=False)


def repaired(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Put U+FFFD for each half of a surrogate pair."""
    if isinstance(value, str):
        return value if value.isascii() else SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [repaired(item) for item in value]
    if isinstance(value, dict):
        return {repaired(key): repaired(item) for key, item in value.items()}
    return value

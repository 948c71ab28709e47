"""The forms by which findings are grouped: a value however it is spelt, and the shape that values of a kind share."""

from __future__ import annotations

import functools
import re

from curate.redact.known import normal_value

MOST = 80  # characters of a shape; what is longer has no shape of its own
CODE = re.compile(r"[A-Z]{1,6}(?=[^A-Za-z0-9]{0,2}[0-9])")  # ORD-, INV: say what the number is
RUN = re.compile(r"[^\W\d_]+")


@functools.lru_cache(maxsize=65_536)
def forms_of(value: str, entity_type: str) -> tuple[str, str]:
    """Give a value's normal form and its shape; the shape is empty where only the value itself says something."""
    return normal_value(value) or value, shape_of(value, entity_type)


def shape_of(value: str, entity_type: str) -> str:
    """Give ORD-###### for ORD-482913, *@example.com for an address there; nothing for values without a digit.

    Digits are # each. Capitals right before the first digit stay, other letters are A or a, whatever their number.
    """
    if entity_type == "EMAIL_ADDRESS" and "@" in value:
        return f"*@{value.rpartition('@')[2].casefold()}"[:MOST]
    digits = "".join("#" if character.isdecimal() else character for character in value)
    if "#" not in digits or len(digits) > MOST:
        return ""
    code = CODE.match(value)
    kept = code.end() if code else 0
    return " ".join((digits[:kept] + RUN.sub(_letters, digits[kept:])).split())


def _letters(run: re.Match[str]) -> str:
    text = run.group()
    if text.isupper():
        return "A"
    return "Aa" if text[0].isupper() else "a"

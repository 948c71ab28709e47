"""Shape: which characters are digits and letters, in which case, and what stands between them."""

from __future__ import annotations

import re

from curate.redact.known import plain_text
from curate.redact.operators.streams import Stream

LONGEST_PREFIX = 4
PREFIX = re.compile(r"([a-z]{2,4})(?=\d{4})")
WORD = re.compile(r"[^\W\d_]+")
HEX = "0123456789abcdef"


def squeeze(text: str) -> str:
    """Give a value's letters and digits in plain form: equal for all its spellings."""
    return "".join(filter(str.isalnum, plain_text(text)))


def pour(spelling: str, characters: str) -> str:
    """Put characters into the places of a spelling's letters and digits, in its case, the separators as they are.

    Fewer characters than places fill the last ones: what precedes them (a country's code) stays. Where there are more
    characters than places, the shape cannot hold them, and they are given as they are.
    """
    places = [at for at, character in enumerate(spelling) if character.isalnum()]
    if len(characters) > len(places):
        return characters
    poured = list(spelling)
    for at, character in zip(places[len(places) - len(characters) :], characters, strict=True):
        poured[at] = character.upper() if spelling[at].isupper() else character
    return "".join(poured)


def in_case(text: str, like: str) -> str:
    """Give a text in the case of another: all capitals, all small, or as it is."""
    if like.isupper() and (len(like) > 1 or len(text) == 1):
        return text.upper()
    return text.lower() if like.islower() else text


def as_written(text: str, like: str) -> str:
    """Give a text in the case of another, and the words that both have as the other has them."""
    spelled = {plain_text(word): word for word in WORD.findall(like)}
    return WORD.sub(lambda word: spelled.get(word[0], word[0]), in_case(text, like))


def code(plain: str, stream: Stream) -> str:
    """Draw a code of the same shape: digits for digits, letters for letters.

    A short run of letters before four digits or more ("ord482913") says what kind of number it is, and stays.
    """
    prefix = found[1] if (found := PREFIX.match(plain)) else ""
    rest = [_like(character, stream) for character in plain[len(prefix) :]]
    if rest and not prefix and plain[0] in "123456789" and rest[0] == "0":
        rest[0] = str(1 + stream.below(9))
    return prefix + "".join(rest)


def hexadecimal(plain: str, stream: Stream) -> str:
    """Draw hexadecimal digits; a UUID's version and variant stay (RFC 9562)."""
    drawn = list(stream.letters(len(plain), HEX))
    if len(plain) == 32:
        drawn[12], drawn[16] = plain[12], plain[16]
    return "".join(drawn)


def _like(character: str, stream: Stream) -> str:
    return stream.digits(1) if character.isdecimal() else stream.letters(1)

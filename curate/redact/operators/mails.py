"""E-mail addresses, user names and links at domains that are kept for examples (RFC 2606)."""

from __future__ import annotations

import re

from curate.redact.known import plain_text
from curate.redact.operators.shapes import code
from curate.redact.operators.streams import Stream
from curate.redact.operators.words import FAMILY, locale_of, words

DOMAINS = ("example.com", "example.org", "example.net")
PIECE = re.compile(r"[a-z]+|\d+|.", re.DOTALL)
URL = re.compile(r"((?:[a-z][a-z0-9+.]*:)?//)?([^/?#\s]+)(.*)", re.DOTALL)
SHORTEST_WORD = 3


def mail(plain: str, stream: Stream, people: dict[str, str], *, language: str, again: int) -> str:
    """Draw an address: the local part as `username` does, at an example domain."""
    local = plain.rpartition("@")[0] or plain
    domain = stream.pick(DOMAINS)
    return f"{username(local, stream, people, language=language, again=again)}@{domain}"


def username(plain: str, stream: Stream, people: dict[str, str], *, language: str, again: int) -> str:
    """Draw a name like a plain one: the person's own words become theirs, other words names, digits digits.

    `again` counts the draws before this one; from the second on two digits are added, for the words may be given.
    """
    parts = [_piece(piece, stream, people, language) for piece in PIECE.findall(_ascii(plain))]
    return "".join(parts) + (stream.digits(2) if again else "")


def url(plain: str, stream: Stream) -> str:
    """Draw a link to some host of an example domain, its path and parameters of the same shape."""
    found = URL.fullmatch(plain)
    scheme, rest = (found[1] or "", found[3]) if found else ("", "")
    pieces = (code(piece, stream) if piece.isalnum() else piece for piece in PIECE.findall(_ascii(rest)))
    return f"{scheme}{stream.letters(6)}.{stream.pick(DOMAINS)}{''.join(pieces)}"


def _piece(piece: str, stream: Stream, people: dict[str, str], language: str) -> str:
    if piece.isdecimal():
        return stream.digits(len(piece))
    if not piece.isalpha():
        return piece
    if (own := _split(piece, people)) is not None:
        return own
    if len(piece) == 1:
        return next((_ascii(people[word])[0] for word in sorted(people) if word[0] == piece), stream.letters(1))
    if len(piece) < SHORTEST_WORD:
        return stream.letters(len(piece))
    return _ascii(stream.pick(words(locale_of(language), FAMILY)))


def _split(piece: str, people: dict[str, str]) -> str | None:
    """Replace a person's word, two of them, or an initial and a word ("mgonzales") by what they became."""
    plain = {_ascii(word): _ascii(name) for word, name in people.items() if " " not in word}
    if piece in plain:
        return plain[piece]
    for cut in range(1, len(piece)):
        head, tail = piece[:cut], piece[cut:]
        if tail in plain and head in plain:
            return plain[head] + plain[tail]
        if cut == 1 and tail in plain:
            return next((plain[word][0] for word in sorted(plain) if word[0] == head), head) + plain[tail]
    return None


def _ascii(text: str) -> str:
    """Give a text's plain form without what an address cannot hold; dashes stay."""
    plain = "-".join(map(plain_text, text.split("-")))
    return "".join(character for character in plain if character.isascii() and character != " ")

"""Addresses, towns and organisations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.redact.operators.shapes import code
from curate.redact.operators.streams import Stream
from curate.redact.operators.words import FAMILY, locale_of, small_words, words

PIECE = re.compile(r"[^\W_]*\d[^\W_]*|[^\W\d_]+(?:['’.][^\W\d_]+)*|[^\w\s]+|\s+|_+")
STREET_ENDING = re.compile(r"(?:straße|strasse|str|weg|platz|allee|gasse|ring|ufer|straat|laan|plein|gracht|kade)$")
STREETS, ARTICLES, FORMS = "street_words", "articles", "legal_forms"  # lists in rules/surrogates
SHORTEST_PLACE = 3


def address(plain: str, stream: Stream, *, language: str) -> str:
    """Draw an address: numbers of the same length, the first run of words a street, later ones towns.

    Words for kinds of streets and parts of addresses stay, and so do words of two letters (states).
    """
    pieces = [found[0] for found in PIECE.finditer(plain)]
    return "".join(_filled(pieces, stream, locale_of(language)))


def _filled(pieces: list[str], stream: Stream, locale: str) -> Iterator[str]:
    runs = 0
    running = False
    kept_blank = ""
    for piece in pieces:
        if piece.isspace():
            kept_blank = piece
            continue
        if _is_name(piece):
            if not running:
                yield kept_blank + _place(piece, runs, stream, locale)
                runs += 1
            running = True
        else:
            running = running and piece in small_words(ARTICLES)
            if not running:
                yield kept_blank + (code(piece, stream) if any(map(str.isdecimal, piece)) else piece)
        kept_blank = ""


def _is_name(piece: str) -> bool:
    is_word = piece[0].isalpha() and not any(map(str.isdecimal, piece))
    return is_word and len(piece) >= SHORTEST_PLACE and piece not in small_words(STREETS) | small_words(ARTICLES)


def _place(piece: str, runs: int, stream: Stream, locale: str) -> str:
    if runs:
        return stream.pick(words(locale, "cities"))
    ending = STREET_ENDING.search(piece)
    return stream.pick(words(locale, "streets")) + (ending[0] if ending else "")


def city(_plain: str, stream: Stream, *, language: str) -> str:
    """Draw a town."""
    return stream.pick(words(locale_of(language), "cities"))


def organisation(plain: str, stream: Stream, *, language: str) -> str:
    """Draw an organisation named after nobody in particular; its legal form stays."""
    last = plain.split()[-1].strip(".,") if plain.split() else ""
    names = words(locale_of(language), FAMILY)
    rest = last if last in small_words(FORMS) else f"& {stream.pick(names)}"
    return f"{stream.pick(names)} {rest}"

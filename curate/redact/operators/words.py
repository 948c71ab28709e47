"""The word lists that surrogates are drawn from: rules/surrogates/<locale>/*.txt."""

from __future__ import annotations

import functools
from importlib.resources import files

from curate.redact.known import plain_text

LOCALES = ("de", "en", "es", "fr", "it", "nl", "pt")
GIVEN = ("female", "male")
FAMILY = "last"


@functools.cache
def words(locale: str, kind: str) -> tuple[str, ...]:
    """Give a locale's list: female, male, last, streets, cities or months; in the order of the file."""
    return _lines(f"{locale}/{kind}.txt")


@functools.cache
def small_words(name: str) -> frozenset[str]:
    """Give a list of words of all locales, in plain form: street_words, articles or legal_forms."""
    return frozenset(map(plain_text, _lines(f"{name}.txt")))


@functools.cache
def kinds(locale: str) -> dict[str, frozenset[str]]:
    """Give for every name of a locale, in plain form, the lists it stands in: female, male, last."""
    held: dict[str, set[str]] = {}
    for kind in (*GIVEN, FAMILY):
        for name in words(locale, kind):
            held.setdefault(plain_text(name), set()).add(kind)
    return {name: frozenset(lists) for name, lists in held.items()}


@functools.lru_cache(maxsize=4096)
def known_as(name: str) -> frozenset[str]:
    """Give the lists of any locale that a plain name stands in."""
    return frozenset[str]().union(*(kinds(locale).get(name, frozenset()) for locale in LOCALES))


def locale_of(language: str) -> str:
    """Give the locale to draw from for a language; English for those without lists."""
    return language if language in LOCALES else "en"


def _lines(name: str) -> tuple[str, ...]:
    text = (files("rules") / "surrogates" / name).read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))

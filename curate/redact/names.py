"""Tell names from common words, so that "I'm waiting" and "Hi there" hold no person."""

from __future__ import annotations

import re

from curate.redact.rules import word_list

COMMON = "allow/common_words"
TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "madam", "herr", "frau", "señor", "señora", "sr", "sra"}
    | {"don", "doña", "m", "mme", "mlle", "monsieur", "madame", "signor", "signora"}
)
PARTICLES = frozenset(
    {
        "van",
        "von",
        "de",
        "der",
        "den",
        "del",
        "della",
        "da",
        "das",
        "di",
        "do",
        "dos",
        "du",
        "la",
        "le",
        "el",
        "al",
        "bin",
    }
)
TOKEN = re.compile(r"[^\s.,]+")
SHORTEST_PART = 3


def is_common(word: str) -> bool:
    """Say whether a word is too common to be taken for a name."""
    plain = word.casefold().strip(".,'’-")
    return plain in word_list(COMMON) or plain.removesuffix("'s").removesuffix("’s") in word_list(COMMON)


def name_length(value: str) -> int:
    """Give how many characters of a supposed name to keep: up to its first common word, 0 where nothing is left."""
    kept = 0
    for token in TOKEN.finditer(value):
        word = token[0].casefold()
        if word in TITLES or (kept and word in PARTICLES):
            continue  # kept only where a name follows
        if is_common(word) or not any(character.isalpha() for character in word):
            break
        kept = token.end()
    return kept


def name_parts(name: str) -> list[str]:
    """Give the parts of a full name that may be searched on their own: long enough, and no common words."""
    words = (token[0].strip("'’\"()-") for token in TOKEN.finditer(name))
    return [
        word
        for word in words
        if len(word) >= SHORTEST_PART and word.isalpha() and word.casefold() not in TITLES and not is_common(word)
    ]

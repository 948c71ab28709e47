"""The ways in which a person whose name is known is written: nicknames, initials, and slips of one letter."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from curate.redact.answers import is_word
from curate.redact.known import Known, Plain, plain_text
from curate.redact.names import name_parts
from curate.redact.spans import Finding

SHORTEST_FOR_SLIPS = 5
SHORTEST_NICKNAME = 3
SURE_OF = 0.8  # names believed less are searched as they are
SLIP = 0.7
NICKNAME = 0.8
TITLED = re.compile(r"^(?:mr|mrs|ms|miss|dr|prof|herr|frau)\.?\s+", re.IGNORECASE)


@functools.cache
def nicknames() -> dict[str, frozenset[str]]:
    """Give, for each name in plain form, what else its bearer may be called; from rules/names/nicknames.txt."""
    text = (files("rules") / "names" / "nicknames.txt").read_text(encoding="utf-8")
    called: dict[str, set[str]] = defaultdict(set)
    for line in text.splitlines():
        formal, _, short = line.partition("#")[0].partition(":")
        for name in (one.strip() for one in short.split(",") if one.strip()):
            called[formal.strip()].add(name)
            called[name].add(formal.strip())
    return {name: frozenset(others) for name, others in called.items()}


def name_variants(known: Known) -> Iterator[Known]:
    """Give other ways to write a person's full name: "M. Gonzales", "Maria G.", and nicknames of the first name."""
    parts = name_parts(TITLED.sub("", known.value))
    if not parts:
        return
    first, last = parts[0], parts[-1]
    if len(parts) > 1:
        for value in (f"{first[0]}. {last}", f"{first[0]} {last}", f"{first} {last[0]}.", f"{first} {last[0]}"):
            yield _variant(known, value, known.score, "initial")
    for short in sorted(nicknames().get(plain_text(first), ())):
        if len(short) >= SHORTEST_NICKNAME and not is_word(short):
            yield _variant(known, short, min(known.score, NICKNAME), "nickname")
            if len(parts) > 1:
                yield _variant(known, f"{short} {last}", known.score, "nickname")


def _variant(known: Known, value: str, score: float, rule: str) -> Known:
    return Known(value, known.entity_type, score, known.source, (("rule", rule),))


@dataclass(frozen=True, slots=True)
class Slips:
    """Long parts of known names, for words that differ from one of them by a letter."""

    parts: tuple[tuple[str, Known], ...]
    words: re.Pattern[str]

    @classmethod
    def of(cls, known: Sequence[Known]) -> Slips | None:
        """Take the parts that are long enough and no common words; None where there is none."""
        parts = {
            plain_text(one.value): one
            for one in known
            if one.entity_type == "PERSON"
            and one.score >= SURE_OF
            and one.value.isalpha()
            and len(one.value) >= SHORTEST_FOR_SLIPS
        }
        if not parts:
            return None
        initials = re.escape("".join(sorted({part[0] for part in parts})))
        return cls(
            tuple(sorted(parts.items())), re.compile(rf"(?<!\w)[{initials}][^\W\d_]{{{SHORTEST_FOR_SLIPS - 1},}}")
        )

    def search(self, text: Plain) -> Iterator[Finding]:
        """Give the words that are one slip away from a part, and no common words themselves."""
        for found in self.words.finditer(text.text):
            word = found[0]
            for part, one in self.parts:
                if word != part and one_slip(word, part) and not is_word(word):
                    yield Finding(found.start(), found.end(), "PERSON", SLIP, one.source, {"rule": "one letter off"})
                    break


def one_slip(word: str, other: str) -> bool:
    """Say whether two words are one letter added, left out, put for another, or swapped with its neighbour apart."""
    if abs(len(word) - len(other)) > 1 or word[:1] != other[:1]:
        return False
    shared = 0
    while shared < min(len(word), len(other)) and word[shared] == other[shared]:
        shared += 1
    one, two = word[shared:], other[shared:]
    swapped = len(one) == len(two) and one[:2] == two[:2][::-1] and one[2:] == two[2:]
    return one[1:] == two[1:] or one == two[1:] or one[1:] == two or swapped


def with_variants(known: Iterable[Known]) -> list[Known]:
    """Give known values and, for the names that a record states, the other ways to write them."""
    given = list(known)
    named = [one for one in given if one.entity_type == "PERSON" and one.score >= SURE_OF]
    return [*given, *(variant for one in named for variant in name_variants(one))]

"""Tell cheaply that a pattern cannot be found in a text, so that it need not be run.

What every match of a regular expression must contain is read off its parse tree: so many digits, and of each of a few
sets of strings at least one. Whatever the parser does not know makes the gate open, never shut. The idea is that of
RE2's FilteredRE2; tests compare every gate with running the pattern.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from re import _parser  # pyright: ignore  # the standard library's own parser has no public door
from typing import Any

import regex

Clause = frozenset[str]

ASCII = 128  # beyond it `regex` and `casefold` follow different versions of Unicode, so nothing is concluded from it
MOST_WORDS = 64
MOST_CHARACTERS = 6
DIGIT = regex.compile(r"\d")
TURKIC = {0x130: "i", 0x131: "i"}  # regex equates these with i when case is ignored; casefold does not

# What `regex` reads otherwise than `re` does and `re` lets pass: fuzzy counts, POSIX sets, properties, named lists.
# Set operators need no place here: `re` warns of them, and a warning leaves the gate open.
FOREIGN = re.compile(r"\{[^\d,}]|\[\[|\(\?V|\\[pPLXRGKmMhN]|\(\?[|&R0-9+*]|\(\?\w*[befpraL]+\w*[:)]")
INLINE_CASE = re.compile(r"(?<!\\)\(\?i\)")


@dataclass(frozen=True, slots=True)
class Need:
    """What a text must hold before a pattern can match in it."""

    digits: int = 0
    clauses: frozenset[Clause] = frozenset()

    def met(self, digits: int, folded: str) -> bool:
        """Say whether a text with so many digits, folded by `fold`, may hold a match."""
        if digits < self.digits:
            return False
        for clause in self.clauses:
            for word in clause:
                if word in folded:
                    break
            else:
                return False
        return True


OPEN = Need()


def fold(text: str) -> str:
    """Bring characters that `regex` equates when ignoring case to one form."""
    return text.lower() if text.isascii() else text.translate(TURKIC).casefold()


def count_digits(text: str) -> int:
    """Count what is a digit in the Unicode version of `regex`."""
    return len(DIGIT.findall(text))


@functools.cache
def need_of(pattern: str) -> Need:
    """Read off what every match of a pattern must contain; nothing where that cannot be told."""
    plain = INLINE_CASE.sub("", pattern)
    if FOREIGN.search(plain):
        return OPEN
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = _parser.parse(plain)
    except (re.error, Warning, OverflowError, RecursionError):
        return OPEN
    if tree.state.flags & re.VERBOSE:
        return OPEN
    need = _sequence(tree)
    return Need(need.digits, frozenset(clause for clause in need.clauses if not any(map(str.isspace, clause))))


def _sequence(items: Iterable[tuple[Any, Any]]) -> Need:
    digits = 0
    ahead = 0
    clauses: set[Clause] = set()
    run = ""
    for op, argument in items:
        name = str(op)
        if name == "LITERAL" and argument < ASCII:
            run += chr(argument)
            digits += chr(argument).isdecimal()
            continue
        clauses |= _literal(run)
        run = ""
        need = _one(name, argument)
        clauses |= need.clauses
        if name == "ASSERT":
            ahead = max(ahead, need.digits)  # a lookaround's digits may be the very ones that are consumed
        else:
            digits += need.digits
    return Need(max(digits, ahead), frozenset(clauses | _literal(run)))


def _literal(run: str) -> set[Clause]:
    return {frozenset({fold(run)})} if run.strip() else set()


def _one(name: str, argument: Any) -> Need:  # noqa: ANN401 - the parser's trees carry no types
    match name:
        case "SUBPATTERN":
            return _sequence(argument[3])
        case "ATOMIC_GROUP":
            return _sequence(argument)
        case "ASSERT":
            return _sequence(argument[1])
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return _repeat(*argument)
        case "BRANCH":
            return _branch([_sequence(branch) for branch in argument[1]])
        case "IN":
            return _set(argument)
        case _:
            return OPEN


def _repeat(least: int, _most: int, items: Any) -> Need:  # noqa: ANN401
    if least == 0:
        return OPEN
    need = _sequence(items)
    return Need(least * need.digits, need.clauses)


def _branch(needs: list[Need]) -> Need:
    digits = min(need.digits for need in needs)
    if not all(need.clauses for need in needs):
        return Need(digits)
    union = frozenset[str]().union(*(_sharpest(need.clauses) for need in needs))
    return Need(digits, frozenset({union}) if len(union) <= MOST_WORDS else frozenset())


def _sharpest(clauses: frozenset[Clause]) -> Clause:
    return max(clauses, key=lambda clause: (min(map(len, clause)), -len(clause), sorted(clause)))


def _set(items: list[tuple[Any, Any]]) -> Need:
    digits = int(all(_is_digit(str(op), argument) for op, argument in items))
    if len(items) > MOST_CHARACTERS or any(str(op) != "LITERAL" or argument >= ASCII for op, argument in items):
        return Need(digits)
    return Need(digits, frozenset({frozenset(fold(chr(argument)) for _, argument in items)}))


def _is_digit(op: str, argument: Any) -> bool:  # noqa: ANN401
    match op:
        case "LITERAL":
            return chr(argument).isdecimal()
        case "RANGE":
            return ord("0") <= argument[0] and argument[1] <= ord("9")
        case "CATEGORY":
            return str(argument) == "CATEGORY_DIGIT"
        case _:
            return False

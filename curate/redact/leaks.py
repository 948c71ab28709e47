"""Look for what should be gone: every value that was redacted or is known, in all of a redacted conversation.

This search shares nothing with the one that found the values but the plain form of text, so that a mistake there shows
here: it takes the redacted texts as they would be exported, without their placeholders. Surrogates are searched too:
one that is the same as a known value is a leak.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from curate.redact.known import Known, digits_of, is_number, plain_text, searchable
from curate.redact.name_model import RECOGNIZER
from curate.redact.policy import Policy
from curate.redact.redact import Redacted, Turn

SHORTEST = 4
# Numbered placeholders, keyed hashes and encrypted values; surrogates are text like any other, and searched.
PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*(?:_(?:\d+|[0-9a-f]{12})|:[A-Za-z0-9_-]{22,})>")
BLANKS = re.compile(r"\s+")
WITHIN_NUMBER = re.compile(r"(?<=\d)[ .()/+_,:]{1,3}(?=\d)")
INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = {word: str(digit) for digit, word in enumerate(NUMBER_WORDS)}
SPOKEN = re.compile(r"(?<![^\W\d_])(?:" + "|".join(DIGITS) + r")(?![^\W\d_])")
REMOVED = "\x00"


def leaked_type(
    turns: Sequence[Turn], redacted: Redacted, known: Iterable[Known], policy: Policy, *, language: str
) -> str | None:
    """Give the entity type of a value that is still there, or None; never the value itself.

    Values of findings that were not applied (below the threshold, rejected, kept), and words of the name model's that
    are too common to be looked for, are no leaks; where the policy keeps a type in the turns of some roles, it is
    searched in the turns of the others.
    """
    values = {
        (turn.text[one.start : one.end], one.entity_type)
        for turn, spans in zip(turns, redacted.spans, strict=True)
        for one in spans
        if one.recognizer != RECOGNIZER or searchable(turn.text[one.start : one.end], one.entity_type)
    }
    roles = sorted({turn.role for turn in turns})
    values |= {
        (one.value, one.entity_type)
        for one in known
        if any(policy.applies(one.entity_type, one.score, language, role) for role in roles)
    }
    searched: dict[tuple[bool, ...], tuple[str, str]] = {}
    for value, kind in sorted(values):
        kept = tuple(policy.of(kind).operator_for(role) == "keep" for role in roles)
        if kept not in searched:
            without = {role for role, is_kept in zip(roles, kept, strict=True) if is_kept}
            searched[kept] = _searched(turns, redacted, without)
        if _stands(value, *searched[kept]):
            return kind
    return None


def _searched(turns: Sequence[Turn], redacted: Redacted, without: set[str]) -> tuple[str, str]:
    """Give the redacted text of the turns but those of some roles, and the same with its numbers drawn together."""
    said = (text for turn, text in zip(turns, redacted.texts, strict=True) if turn.role not in without)
    words = squeezed("\n".join(said))
    return words, WITHIN_NUMBER.sub("", spoken_as_digits(words))


def squeezed(text: str) -> str:
    """Give a text without placeholders, in plain form, with every run of blanks and dashes made one space."""
    return BLANKS.sub(" ", plain_text(INVISIBLE.sub("", PLACEHOLDER.sub(REMOVED, text))))


def spoken_as_digits(plain: str) -> str:
    """Give a text in plain form with digits that are written as words ("four one one") written as digits."""
    return SPOKEN.sub(lambda word: DIGITS[word[0]], plain)


def _stands(value: str, words: str, numbers: str) -> bool:
    if is_number(value):
        digits = digits_of(value)
        return digits in numbers and re.search(rf"(?<!\d){digits}(?!\d)", numbers) is not None
    plain = BLANKS.sub(" ", plain_text(value)).strip()
    if len(plain) < SHORTEST or plain not in words:
        return False
    return re.search(_bounded(plain), words) is not None


def _bounded(plain: str) -> str:
    left = r"(?<!\w)" if plain[0].isalnum() else ""
    right = r"(?!\w)" if plain[-1].isalnum() else ""
    return left + re.escape(plain) + right

"""Look for what should be gone: every value that was redacted or is known, in all of a redacted conversation.

This search shares nothing with the one that found the values but the plain form of text, so that a mistake there shows
here: it takes the redacted texts as they would be exported, without their placeholders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from curate.redact.known import Known, digits_of, is_number, plain_text
from curate.redact.policy import Policy
from curate.redact.redact import Redacted, Turn

SHORTEST = 4
PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]*_\d+>")
BLANKS = re.compile(r"\s+")
WITHIN_NUMBER = re.compile(r"(?<=\d)[ .()/+_,:]{1,3}(?=\d)")
REMOVED = "\x00"


def leaked_type(
    turns: Sequence[Turn], redacted: Redacted, known: Iterable[Known], policy: Policy, *, language: str
) -> str | None:
    """Give the entity type of a value that is still there, or None; never the value itself.

    Values of findings that were not applied (below the threshold, rejected, kept) are no leaks.
    """
    values = {
        (turn.text[one.start : one.end], one.entity_type)
        for turn, spans in zip(turns, redacted.spans, strict=True)
        for one in spans
    }
    values |= {(one.value, one.entity_type) for one in known if policy.applies(one.entity_type, one.score, language)}
    if not values:
        return None
    words = squeezed("\n".join(redacted.texts))
    numbers = WITHIN_NUMBER.sub("", words)
    return next((kind for value, kind in sorted(values) if _stands(value, words, numbers)), None)


def squeezed(text: str) -> str:
    """Give a text without placeholders, in plain form, with every run of blanks and dashes made one space."""
    return BLANKS.sub(" ", plain_text(PLACEHOLDER.sub(REMOVED, text)))


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

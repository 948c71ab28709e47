"""The text as recognizers see it: without characters that nobody sees, and with plain digits and letters.

A zero-width joiner inside a number hides it from every pattern, and so do full-width digits; people do not see the one
and read the other as digits. Findings in a view are moved back to the places of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from curate.redact.spans import Finding

# Unicode's format characters that leave no trace in a line of text: soft hyphen, Mongolian vowel separator, zero-width
# space and joiners, word joiner and invisible operators, byte order mark; and the marks and isolates of direction.
NO_WIDTH = "\u00ad\u180e\u200b-\u200d\u2060-\u2064\ufeff"
DIRECTION = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
FULL_WIDTH = (0xFF01, 0xFF5E)  # the forms of "!" to "~" that are as wide as an ideograph
TO_ASCII = 0xFEE0
# Marks of direction go only from inside a value: elsewhere they part Latin words from Hebrew and Arabic ones.
UNSEEN = re.compile(f"[{NO_WIDTH}]|(?<=[!-~])[{DIRECTION}]+(?=[!-~])")
STRANGE = re.compile(rf"[{NO_WIDTH}{DIRECTION}\uff01-\uff5e]|(?![0-9])\d")


@dataclass(frozen=True, slots=True)
class View:
    """A text as it is seen; `places` gives each character's place in the original, None where all are the same."""

    text: str
    places: Sequence[int] | None = None

    @classmethod
    def of(cls, text: str) -> View:
        """Give the view of a text; nearly every text is its own."""
        if text.isascii() or not STRANGE.search(text):
            return cls(text)
        plain = "".join(map(_plain, text))
        hidden = {place for found in UNSEEN.finditer(plain) for place in range(*found.span())}
        if not hidden:
            return cls(plain)
        places = [place for place in range(len(plain)) if place not in hidden]
        return cls("".join(plain[place] for place in places), places)

    def back(self, finding: Finding) -> Finding:
        """Move a finding to its place in the original; what is unseen at its ends stays outside."""
        if self.places is None:
            return finding
        return replace(finding, start=self.places[finding.start], end=self.places[finding.end - 1] + 1)


def _plain(character: str) -> str:
    """Give one character for one: ASCII for full-width forms and for digits of any script."""
    code = ord(character)
    if FULL_WIDTH[0] <= code <= FULL_WIDTH[1]:
        return chr(code - TO_ASCII)
    return str(unicodedata.decimal(character)) if character.isdecimal() else character

"""Make text plain: no broken encoding, no control or invisible characters, one kind of newline and of space, NFC.

`tidy` is idempotent: it repeats its steps until they change nothing, which for text that is tidy already means once.
"""

from __future__ import annotations

import re
import unicodedata

from ftfy import fix_encoding
from ftfy.badness import badness, is_bad

CONTROL = "control"
MOJIBAKE = "mojibake"
NFC = "nfc"
SURROGATES = "surrogates"

MOST_BLANK_LINES = 2

_SURROGATE = re.compile("[\ud800-\udfff]")
_UNTIDY_ASCII = re.compile(r"[^\n -~]| \n|\n{4}")
_LONE_NEL = re.compile("(?<![\x80-\U0010ffff])\x85")
_OTHER_C1 = re.compile("[\x80-\x84\x86-\x9f]")
MAY_BE_BROKEN = re.compile("[\x80-\x9fŒœÂÃ]|[^\x00-\x7f]{2}")
"""What every pattern of `ftfy.badness` has in it; most European text has none of it, and is spared the long check."""
_NEWLINE = re.compile("\r\n?|[\x0b\x0c\u2028\u2029]")
_SPACE = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_TRAILING = re.compile(r"[^\S\n]\n")
_BLANK_LINES = re.compile(r"\n{4,}")

_JOINING_SCRIPTS = "\u0600-\u08ff\u0900-\u0dff\u0e00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_PICTURES = "\u2190-\u21ff\u2300-\u27bf\u2934-\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_EMOJI_TAIL = "\ufe0f\U0001f3fb-\U0001f3ff"
_JOINER = (
    f"(?<![{_PICTURES}{_EMOJI_TAIL}{_JOINING_SCRIPTS}])\u200d"
    f"|\u200d(?![{_PICTURES}{_JOINING_SCRIPTS}])"
    f"|(?<![{_JOINING_SCRIPTS}])\u200c|\u200c(?![{_JOINING_SCRIPTS}])"
)
_FLAG_TAGS = "(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007f]|[\U000e0000\U000e0001]"
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufdd0-\ufdef"
    f"\ufeff\ufff9-\ufffc\ufffe\uffff]|{_JOINER}|{_FLAG_TAGS}"
)
"""Control characters, zero-width and bidirectional marks, tags and noncharacters, which carry no speech.

Zero-width joiners stay where they make what is seen: inside emoji sequences (Unicode TR 51), and, like non-joiners,
between letters of scripts that join (Persian, Indic; Unicode 16.0, sections 9.2 and 12.1). Tag characters stay in
flags.
"""


def tidy(text: str) -> tuple[str, tuple[str, ...]]:
    """Give the text made plain, and the names of what had to be repaired for it."""
    if text.isascii():
        stripped = text.strip(" \t\r\n")
        if not _UNTIDY_ASCII.search(stripped):
            return stripped, ()
    repairs: dict[str, None] = {}
    text = mend_surrogates(text, repairs)
    while True:
        tidied = _pass(text, repairs)
        if tidied == text:
            return text, tuple(repairs)
        text = tidied


def mend_surrogates(text: str, repairs: dict[str, None]) -> str:
    """Join surrogate pairs into the characters they stand for, and put U+FFFD for lone ones.

    JSON may hold either (RFC 8259, section 8.2), and neither can be stored as UTF-8.
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text
    repairs[SURROGATES] = None
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _pass(text: str, repairs: dict[str, None]) -> str:
    if not text.isascii():
        text = _mend_encoding(text, repairs)
    text = _NEWLINE.sub("\n", text)
    text = _SPACE.sub(" ", text)
    visible = _INVISIBLE.sub("", text)
    if visible != text:
        repairs[CONTROL] = None
    if _TRAILING.search(visible):
        visible = "\n".join(line.rstrip() for line in visible.split("\n"))
    text = _BLANK_LINES.sub("\n" * (MOST_BLANK_LINES + 1), visible).strip()
    if not text.isascii() and not unicodedata.is_normalized("NFC", text):
        repairs[NFC] = None
        text = unicodedata.normalize("NFC", text)
    return text


def _mend_encoding(text: str, repairs: dict[str, None]) -> str:
    """Undo UTF-8 that was read as another encoding, line by line, since a thread may mix both.

    A NEL among plain text is a newline; beside other characters of its block it is a byte of broken text.
    """
    if "\x85" in text and not _OTHER_C1.search(text):
        text = _LONE_NEL.sub("\n", text)
    if not MAY_BE_BROKEN.search(text) or not is_bad(text):
        return text
    return "\n".join(_mend_line(line, repairs) for line in text.split("\n"))


def _mend_line(line: str, repairs: dict[str, None]) -> str:
    if line.isascii() or not is_bad(line):
        return line
    mended = fix_encoding(line)
    if mended == line or badness(mended) >= badness(line):
        return line
    repairs[MOJIBAKE] = None
    return mended

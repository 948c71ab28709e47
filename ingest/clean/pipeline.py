"""Clean the text of a turn: HTML to text, quoted mail and signatures cut, and what is left made plain.

Pure, and idempotent: cleaning the result as text changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ingest.clean.html import html_to_text, is_markup
from ingest.clean.mail import part_mail
from ingest.clean.text import mend_surrogates, tidy
from ingest.records import BodyFormat

_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""One line of printable ASCII, which is what most turns are: nothing to clean, nothing to cut."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A turn's text as every later stage reads it, and what cleaning took off.

    `text_full` is the text before the quoted thread and the signature were cut, where something was; `html` is the
    source's HTML, where it was any; `repairs` names what was done: html, surrogates, mojibake, control, nfc, quote,
    signature.
    """

    text: str
    text_full: str | None = None
    html: str | None = None
    quoted_text: str | None = None
    signature_text: str | None = None
    repairs: tuple[str, ...] = ()


def is_plain(text: str, body_format: BodyFormat) -> bool:
    """Tell text that cleaning leaves as it is, at a glance."""
    return body_format in ("text", "mail", "json") and _PLAIN.fullmatch(text) is not None


def clean(text: str, *, body_format: BodyFormat) -> Cleaned:
    """Clean one text as its format asks; "json" keeps its text, but for characters that cannot be stored."""
    if is_plain(text, body_format):
        return Cleaned(text)
    if body_format == "json":
        repairs: dict[str, None] = {}
        return Cleaned(mend_surrogates(text, repairs), repairs=tuple(repairs))
    if body_format in ("html", "html_mail"):
        return _clean_html(text, is_mail=body_format == "html_mail")
    tidied, done = tidy(text)
    return _cut(Cleaned(tidied, repairs=done)) if body_format == "mail" else Cleaned(tidied, repairs=done)


def _clean_html(source: str, *, is_mail: bool) -> Cleaned:
    repairs: dict[str, None] = {}
    source = mend_surrogates(source, repairs)
    html = source if is_markup(source) else None
    if html is not None:
        repairs["html"] = None
    read = html_to_text(source, mail=is_mail)
    text, done = tidy(read.text)
    cleaned = Cleaned(text, html=html, repairs=_all(repairs, done))
    return _cut(cleaned, below=tidy(read.quoted)[0]) if is_mail else cleaned


def _cut(cleaned: Cleaned, *, below: str = "") -> Cleaned:
    """Cut quote and signature from tidy text; `below` is a quote that stood apart already."""
    parts = part_mail(cleaned.text)
    text, done = tidy(parts.text)
    quoted = "\n\n".join(part for part in (parts.quoted, below) if part) or None
    if quoted is None and parts.signature is None:
        return cleaned
    cuts = (["quote"] if quoted else []) + (["signature"] if parts.signature else [])
    return replace(
        cleaned,
        text=text,
        text_full=f"{cleaned.text}\n\n{below}" if below else cleaned.text,
        quoted_text=quoted,
        signature_text=parts.signature,
        repairs=_all(dict.fromkeys(cleaned.repairs), done, cuts),
    )


def _all(*groups: dict[str, None] | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))

"""Read one mail (RFC 5322, MIME): who wrote it to whom, what it answers, what it says, what came with it.

The standard library parses it with its older policy, which keeps every field as it stands: mails in the wild break the
rules, and a broken field must cost that field only.
"""

from __future__ import annotations

import html
import re
from binascii import Error as Base64Error
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import collapse_rfc2231_value, getaddresses
from functools import lru_cache
from typing import Any, NamedTuple

from ingest.encoding import BINARY, detect_encoding
from ingest.keys import key
from ingest.mailbox import RawMail

MOST_DEPTH = 50
MOST_REFERENCES = 60
MOST_RECIPIENTS = 200

_ID = re.compile(r"<([^<>\s]{1,250})>")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^{|}~-]+@[\w-]+(?:\.[\w-]+)*")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_REPLY = re.compile(
    r"\s*(?:\[[^\[\]]{1,40}\]\s*)?(?:re|aw|antw|sv|vs|rif|tr|wg|fw|fwd|odp|ynt|отв|回复|答复|回覆|転送)"
    r"\s?(?:\[\d+\]|\(\d+\))?\s?[:：]\s*",
    re.IGNORECASE,
)
"""What programs put before the subject of an answer or a forward, and a list's or ticket's name in brackets."""

_AWAY = re.compile(
    r"\s*(?:out of (?:the )?office|automatic reply|auto(?:matic)?[- ]?(?:response|reply|antwort)|automatische antwort"
    r"|abwesenheits|abwesend|réponse automatique|absence du bureau|respuesta automática|resposta automática"
    r"|risposta automatica|automatisch antwoord|autosvar|automatiskt svar|poissaolo|odpowiedź automatyczna"
    r"|автоответ|自动回复|自動回覆|自動返信)",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"(?:mailer-daemon|postmaster|mail-daemon|bounces?)(?:[+=-].*)?@", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>|&nbsp;|&#\d+;|\s")

CHARSETS = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "us-ascii": "utf-8", "ascii": "utf-8",
    "gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949", "x-sjis": "cp932",
    "shift_jis": "cp932", "unicode-1-1-utf-7": "utf-7", "iso-8859-8-i": "iso-8859-8", "iso-2022-jp": "iso2022_jp_ext",
    "utf8mb4": "utf-8", "cp-850": "cp850", "default": "utf-8", "unknown-8bit": "utf-8",
}  # fmt: skip
"""What mail programs mean by the names they write, as browsers read them (WHATWG Encoding, 4.2)."""

OWNERS = ("delivered-to", "x-original-to", "envelope-to", "x-delivered-to")


class MailHead(NamedTuple):
    """What the fields at the top say; addresses in lower case, `names` by address."""

    identity: str
    has_identity: bool
    parents: tuple[str, ...]
    marks: tuple[str, ...]
    """Other names of its thread: Gmail's, Exchange's."""
    author: str
    answer_to: tuple[str, ...]
    """Who is to be answered instead, where a form or a list writes for somebody."""
    to: tuple[str, ...]
    cc: tuple[str, ...]
    owners: tuple[str, ...]
    names: dict[str, str]
    subject: str
    is_reply: bool
    date: str
    automation: str
    labels: tuple[str, ...]
    is_draft: bool


class MailFile(NamedTuple):
    """Something attached, its bytes counted and not kept."""

    name: str
    media_type: str
    bytes: int | None
    is_inline: bool


class MailBody(NamedTuple):
    """What a mail says: its text, "mail" or "html_mail", what is attached, and what was wrong with it."""

    text: str
    body_format: str
    files: tuple[MailFile, ...]
    automation: str
    troubles: tuple[str, ...]
    is_truncated: bool


def read_head(mail: RawMail) -> MailHead | None:
    """Read the fields only; None where nobody is named as the writer."""
    return _head(_fields(mail.content), mail.envelope)


def read_body(mail: RawMail) -> MailBody:
    """Read what the mail says.

    Raises:
        ValueError: its structure cannot be read.
    """
    try:
        message = message_from_bytes(mail.content)
        reader = _Body(message)
        texts = reader.collect(message, 0)
    except (LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise ValueError(f"its structure cannot be read ({type(error).__name__})") from error
    text, body_format = _joined(texts)
    is_truncated = not mail.is_cut and (mail.is_broken_off or reader.is_unclosed) and not reader.is_closed
    return MailBody(text, body_format, tuple(reader.files), reader.automation, tuple(reader.troubles), is_truncated)


def plain_subject(subject: str) -> str:
    """Take off what answers and forwards add before a subject."""
    while (found := _REPLY.match(subject)) and found.end() < len(subject):
        subject = subject[found.end() :]
    return " ".join(subject.split())


def _fields(content: bytes) -> dict[str, list[str]]:
    """Give the fields at the top by name, unfolded (RFC 5322, 2.2.3); lines that are no field are passed over."""
    end = _HEAD_END.search(content)
    top = _FOLD.sub(b" ", content[: end.start()] if end else content)
    fields: dict[str, list[str]] = {}
    for line in top.split(b"\n"):
        name, colon, value = line.partition(b":")
        if colon and b" " not in name:
            text = _decoded(value.strip(), "utf-8")[0]
            fields.setdefault(name.decode("ascii", "replace").lower(), []).append(text)
    return fields


def _head(fields: dict[str, list[str]], envelope: str) -> MailHead | None:
    def first(*names: str) -> str:
        return next((value for name in names for value in fields.get(name, ()) if value.strip()), "")

    names: dict[str, str] = {}

    def people(*fields_of: str) -> tuple[str, ...]:
        return _addresses([value for name in fields_of for value in fields.get(name, ())], names)

    authors = people("from") or people("sender")
    if not authors:
        return None
    subject, date = _text(first("subject")), first("date") or first("received").rpartition(";")[2] or envelope
    to, cc = people("to"), people("cc", "bcc")
    parents = _ids([*fields.get("references", ()), *fields.get("in-reply-to", ())])
    given = _ids([first("message-id")])
    labels = tuple(label.strip() for label in _text(first("x-gmail-labels")).split(",") if label.strip())
    return MailHead(
        given[0] if given else key("mail", authors[0], " ".join(date.split()), subject, *to), bool(given), parents,
        tuple(_marks(first)), authors[0], people("x-original-from", "x-original-sender", "reply-to"), to, cc,
        people(*OWNERS), names, subject, bool(parents) or _REPLY.match(subject) is not None,
        " ".join(date.split()), _automation(first, authors[0], subject), labels,
        first("x-unsent").strip() == "1" or "Drafts" in labels or "Draft" in labels,
    )  # fmt: skip


def _marks(first: Any) -> Iterator[str]:  # noqa: ANN401 - the reader of fields
    """Name the thread as Gmail does, and as Exchange does: the first 22 bytes of its index ([MS-OXOMSG] 2.2.1.3)."""
    if gmail := first("x-gm-thrid").strip():
        yield f"gmail {gmail}"
    if len(index := first("thread-index").strip()) >= 30:
        yield f"index {index[:29]}"


def _automation(first: Any, author: str, subject: str) -> str:  # noqa: ANN401 - the reader of fields
    """Say which machine wrote it, if one did (RFC 3834, 5; RFC 3464): list and helpdesk headers say nothing of that."""
    kind = " ".join(first("content-type").lower().split())
    if "report-type=delivery-status" in kind.replace('"', "").replace(" =", "=") or _DAEMON.match(author):
        return "bounce"
    if kind.startswith("text/calendar") or "calendarmessage" in first("content-class").lower():
        return "calendar"
    told = first("auto-submitted").strip().lower()
    precedence = first("precedence").strip().lower()
    is_reply = told.startswith("auto-replied") or precedence == "auto_reply"
    if is_reply or first("x-autoreply", "x-autorespond", "x-auto-reply") or _AWAY.match(plain_subject(subject)):
        return "autoreply"
    if told and not told.startswith("no"):
        return "notification"
    return "bulk" if precedence in ("bulk", "junk") else ""


def _ids(values: list[str]) -> tuple[str, ...]:
    found = [identity for value in values for identity in _ID.findall(value)]
    return tuple(dict.fromkeys(found[:1] + found[1:][-MOST_REFERENCES:]))


def _addresses(values: list[str], names: dict[str, str]) -> tuple[str, ...]:
    """Give the addresses of fields, noting names; where the grammar is broken, whatever looks like an address."""
    found: dict[str, None] = {}
    for value in values:
        for address, name in _people_in(value):
            found[address] = None
            if name:
                names.setdefault(address, name)
    return tuple(found)[:MOST_RECIPIENTS]


@lru_cache(maxsize=20_000)
def _people_in(value: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, address in getaddresses([" ".join(value.split())]):
        if "@" in address:
            plain = address.strip("<>'\" ").lower()
            shown = " ".join(_text(name).strip("'\" ").split())
            found.append((plain, shown if shown.lower() != plain else ""))
    return tuple(found) or tuple((address.lower(), "") for address in _ADDRESS.findall(value))


def _mended(value: str) -> str:
    """Read 8-bit characters in a field, which nothing allows and many write: UTF-8, or what the bytes look like."""
    if value.isascii():
        return value
    content = value.encode("ascii", "surrogateescape") if _is_raw(value) else value.encode("utf-8", "replace")
    return _decoded(content, "utf-8")[0]


def _is_raw(value: str) -> bool:
    return all(ord(character) < 128 or 0xDC80 <= ord(character) <= 0xDCFF for character in value)


def _text(value: str) -> str:
    """Decode a field's encoded words (RFC 2047)."""
    if "=?" not in value:
        return value.strip()
    try:
        parts = decode_header(value)
    except (HeaderParseError, Base64Error, ValueError):
        return value.strip()
    words = [
        part if isinstance(part, str) else _decoded(part, charset or "utf-8")[0]  # pyright: ignore[reportUnnecessaryIsInstance] - the stub calls every part bytes or every part text
        for part, charset in parts
    ]
    return " ".join("".join(words).split())


def _decoded(content: bytes, charset: str) -> tuple[str, str]:
    """Decode text, and name the encoding that was taken instead where the one given does not fit."""
    named = charset.strip("\"' ").lower()
    try:
        return content.decode(CHARSETS.get(named, named)), ""
    except (LookupError, UnicodeError, ValueError):
        guessed = detect_encoding(content, is_whole=True)
        guessed = "latin-1" if guessed == BINARY else guessed
        return content.decode(guessed, "replace"), f"{named or 'no charset'} read as {guessed}"


class _Body:
    """The parts of a mail, sorted into what is said and what is attached."""

    def __init__(self, message: Message) -> None:
        self.files: list[MailFile] = []
        self.troubles: list[str] = []
        self.automation = ""
        defects = {type(defect).__name__ for part in message.walk() for defect in part.defects}
        self.is_unclosed = bool(defects & {"CloseBoundaryNotFoundDefect", "StartBoundaryNotFoundDefect"})
        self.is_closed = message.is_multipart() and not self.is_unclosed

    def collect(self, part: Message, depth: int) -> list[tuple[str, str]]:
        """Give the texts of a part and of those within it, as (kind, text)."""
        kind = part.get_content_type().encode("ascii", "replace").decode()
        children: Any = part.get_payload()
        if kind == "text/calendar":
            self.automation = "calendar"
        if part.is_multipart() and part.get_content_maintype() == "multipart" and depth < MOST_DEPTH:
            return self._children(kind, children, depth)
        if kind in ("text/plain", "text/html") and not _is_attached(part):
            text = self._said(part)
            return [(kind, text)] if text.strip() else []
        self.files.append(self._file(part, kind))
        return []

    def _children(self, kind: str, children: list[Message], depth: int) -> list[tuple[str, str]]:
        found = [self.collect(child, depth + 1) for child in children]
        if kind == "multipart/alternative":
            pages = [texts for texts in found if any(kind == "text/html" and _says(text) for kind, text in texts)]
            return next(iter(pages or [texts for texts in found if texts]), [])
        if kind == "multipart/report":
            return next((texts for texts in found if texts), [])
        return [text for texts in found for text in texts]

    def _said(self, part: Message) -> str:
        payload: Any = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        if any(type(defect).__name__.startswith("InvalidBase64") for defect in part.defects):
            self.is_unclosed = True
            self.is_closed = False
        charset = part.get_content_charset() or "us-ascii"
        text, trouble = _decoded(content, charset)
        if trouble:
            self.troubles.append(trouble)
        if str(part.get_param("format", "")).lower() == "flowed":
            return _unflowed(text, is_spaced=str(part.get_param("delsp", "")).lower() == "yes")
        return text

    def _file(self, part: Message, kind: str) -> MailFile:
        is_inline = str(part.get("content-disposition", "")).lower().startswith("inline") or (
            part.get("content-id") is not None and part.get_content_maintype() == "image"
        )
        return MailFile(_file_name(part) or kind, kind, _size(part), is_inline)


def _says(page: str) -> bool:
    """Tell HTML with words from a page of mere pictures."""
    return bool(_TAG.sub("", page))


def _is_attached(part: Message) -> bool:
    return str(part.get("content-disposition", "")).strip().lower().startswith("attachment") or bool(_file_name(part))


def _file_name(part: Message) -> str:
    found = part.get_param("filename", None, "content-disposition") or part.get_param("name", None)
    if found is None:
        return ""
    return " ".join(_text(_mended(collapse_rfc2231_value(found))).split())  # pyright: ignore[reportArgumentType]


def _size(part: Message) -> int | None:
    """Count an attachment's bytes without decoding it (RFC 2045, 6.8: four characters hold three bytes)."""
    payload: Any = part.get_payload()
    if not isinstance(payload, str):
        return None
    if str(part.get("content-transfer-encoding", "")).strip().lower() != "base64":
        return len(payload)
    characters = len(payload) - payload.count("\n") - payload.count("\r")
    return characters * 3 // 4 - payload[-4:].count("=")


def _joined(texts: list[tuple[str, str]]) -> tuple[str, str]:
    """Join the texts of a mail; plain ones among HTML become HTML."""
    if all(kind == "text/plain" for kind, _ in texts):
        return "\n".join(text for _, text in texts), "mail"
    pages = [text if kind == "text/html" else html.escape(text).replace("\n", "<br>\n") for kind, text in texts]
    return "\n".join(pages), "html_mail"


def _unflowed(text: str, *, is_spaced: bool) -> str:
    """Join the lines that a program broke softly, those of one depth of quoting (RFC 3676, 4)."""
    lines: list[str] = []
    held, depth = "", -1
    for line in text.replace("\r\n", "\n").split("\n"):
        content = line.lstrip(">")
        level = len(line) - len(content)
        content = content.removeprefix(" ")
        if held and level == depth and content != "-- ":
            held += content
        else:
            if depth >= 0 and held:
                lines.append(_quoted(held, depth))
            held, depth = content, level
        if not held.endswith(" ") or content == "-- ":
            lines.append(_quoted(held, depth))
            held, depth = "", -1
        elif is_spaced:
            held = held[:-1]
    if held:
        lines.append(_quoted(held, depth))
    return "\n".join(lines)


def _quoted(line: str, depth: int) -> str:
    return f"{'>' * depth} {line}" if depth else line

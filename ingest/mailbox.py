"""Cut mailboxes into mails: mbox files (RFC 4155, and what programs make of it), and files that hold one mail each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

from ingest.records import Reject
from ingest.source import SourceFile, Unreadable, as_raw

MOST_BYTES = 24 * 1024 * 1024
"""Of a larger mail the rest is not read: text stands before attachments, and memory must not grow with them."""

LONGEST_LINE = 1024 * 1024

_ENVELOPE = re.compile(rb"From \S.*\d{1,2}:\d\d")
"""The line before each mail in an mbox: a sender and a date as `ctime` writes it."""

_DATED = re.compile(rb" [A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d")
_FIELD = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_QUOTED_ENVELOPE = re.compile(rb">+From ")
_SURE = frozenset({b"message-id", b"received", b"mime-version", b"return-path", b"delivered-to", b"x-mailer"})
_LIKELY = frozenset({b"date", b"subject", b"to", b"cc", b"content-type", b"reply-to"})


class RawMail(NamedTuple):
    """One mail as bytes, and where it stands. `is_cut`: it was longer than MOST_BYTES, or its file breaks off."""

    place: str
    content: bytes
    envelope: str = ""
    is_cut: bool = False
    is_broken_off: bool = False


def kind_of_mailbox(head: bytes) -> tuple[Literal["mbox", "eml"], float] | None:
    """Tell a mailbox, a single mail, or neither (None) from the first bytes, and how surely."""
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    first, _, rest = head.partition(b"\n")
    is_mbox = _ENVELOPE.match(first) is not None
    names = _field_names(rest if is_mbox else head)
    if names is None or (not is_mbox and b"from" not in names):
        return None
    if is_mbox:
        return ("mbox", 0.97) if names & (_SURE | _LIKELY | {b"from"}) else None
    if names & _SURE:
        return "eml", 0.96
    return ("eml", 0.8) if b"date" in names and len(names & _LIKELY) >= 3 else None


def mails_of(file: SourceFile) -> Iterator[RawMail | Reject]:
    """Give each mail of a file; what cannot be read as a reject."""
    kind = kind_of_mailbox(file.sample.head)
    if kind is None:
        yield Reject("file", "bad_record", "it does not begin with the fields of a mail", source_uri=file.uri)
        return
    place, content = "file", bytearray()
    try:
        with file.open_bytes() as stream:
            if kind[0] == "eml":
                yield _single(stream)
                return
            for mail in _split(stream, content):
                place = f"behind {mail.place}"
                yield mail
    except Unreadable as error:
        yield Reject(place, error.reject, error.message, raw=as_raw(bytes(content)), source_uri=file.uri)


def _field_names(head: bytes) -> frozenset[bytes] | None:
    """Give the names of the fields at the start, in lower case; None where something else stands among them."""
    names: set[bytes] = set()
    for line in head.split(b"\n"):
        plain = line.rstrip(b"\r")
        if not plain:
            break
        field = _FIELD.match(plain)
        if field:
            names.add(field[1].lower())
        elif not (names and plain[:1] in b" \t") and not _QUOTED_ENVELOPE.match(plain):
            return frozenset(names) if len(names) > MANY_FIELDS else None
    return frozenset(names)


MANY_FIELDS = 4
"""Behind so many good fields a broken one does not make the rest no mail."""


def _single(stream: BinaryIO) -> RawMail:
    content = stream.read(MOST_BYTES + 1)
    return RawMail("mail 1", content[:MOST_BYTES].lstrip(b"\r\n"), is_cut=len(content) > MOST_BYTES)


def _split(stream: BinaryIO, content: bytearray) -> Iterator[RawMail]:
    """Cut at the envelopes; `content` is the mail in hand, which a caller sees where reading fails.

    An envelope stands at the start or behind a blank line, and a field follows it: so a sentence that starts with
    "From " and was not quoted cuts nothing.
    """
    number, size, envelope = 0, 0, b""
    line, is_blank = stream.readline(LONGEST_LINE), True
    while line:
        following = stream.readline(LONGEST_LINE)
        if is_blank and _starts(line, following):
            if number:
                yield _mail(number, content, size, envelope)
            number, size, envelope = number + 1, 0, line
            content.clear()
        else:
            size += len(line)
            if size <= MOST_BYTES:
                content += line[1:] if _QUOTED_ENVELOPE.match(line) else line
        is_blank, line = not line.strip(), following
    if number:
        fragment = _cut_off_envelope(content)
        has_head = b"\n\n" in content or b"\n\r\n" in content
        is_broken_off = size <= MOST_BYTES and not (has_head and content.endswith(b"\n"))
        yield _mail(number, content, size, envelope)._replace(is_broken_off=is_broken_off)
        if fragment:
            yield RawMail(f"mail {number + 1}", fragment, is_broken_off=True)


def _starts(line: bytes, following: bytes) -> bool:
    if not line.startswith(b"From ") or not _ENVELOPE.match(line):
        return False
    is_end = not following.endswith(b"\n")
    is_quoted = _DATED.search(line) is not None and _QUOTED_ENVELOPE.match(following) is not None
    return is_end or is_quoted or _FIELD.match(following) is not None


def _cut_off_envelope(content: bytearray) -> bytes:
    """Take the beginning of the next envelope off the end of a file's last mail, where the file breaks off in it."""
    start = content.rfind(b"\n") + 1
    fragment = bytes(content[start:])
    if not fragment or not content[:start].endswith((b"\n\n", b"\n\r\n")) or fragment[:5] != b"From "[: len(fragment)]:
        return b""
    del content[start:]
    return fragment


def _mail(number: int, content: bytearray, size: int, envelope: bytes) -> RawMail:
    stamp = re.search(rb"\S+ +(?:\S+ +)?([A-Z][a-z]{2} [A-Z][a-z]{2} .*)", envelope)
    date = stamp[1].decode("ascii", "replace").strip() if stamp else ""
    return RawMail(f"mail {number}", bytes(content), date, is_cut=size > MOST_BYTES)

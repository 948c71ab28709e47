"""Mail: mbox files and single mails (.eml), joined into threads.

To get it: Google Takeout's mbox, the mbox folders of Thunderbird or Apple Mail, a Maildir, or messages saved as .eml,
in one folder or zip; Inbox and Sent may lie in folders of their own.

Threads come from Message-ID, In-Reply-To and References, from Gmail's and Exchange's names for them, and for answers
that name no mail from subject and customer, within 60 days. The support is who corresponds with many parties (in a
house that writes to itself, address by address), else the mailbox's owner, else names like support@; a mapping's
[roles] may name addresses and domains. What the customer neither wrote nor was sent is internal. Automatic replies,
notifications, bulk and calendar mails are marked automated, bounces are events. The HTML of a mail is preferred to
its plain text; quotes and signatures are cut and kept beside. Attachments are named with their size. A mail that
stands in several folders stands once. Not read: Outlook's .msg and .pst, encrypted mails, mails within mails, and of
a mail over 24 MB what follows. Unconfirmed: Gmail's X-GM-THRID and X-Gmail-Labels. `formats.md` 3.6 says where the
rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from ingest.connector import Connector, Evidence, Reading
from ingest.loose import NEVER
from ingest.mail_message import MailBody, MailFile, MailHead, plain_subject, read_body, read_head
from ingest.mail_threads import Sides, Threads, party_of
from ingest.mailbox import RawMail, kind_of_mailbox, mails_of
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Conversation,
    Participant,
    Record,
    Reject,
    Role,
    RoleSource,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.source import Sample, SourceFile, as_raw
from ingest.times import parse

REASONS = {
    "mbox": "a mailbox: an envelope line, then the fields of a mail",
    "eml": "the fields of a mail (From, Date, Message-ID, ...)",
}
GUESSED = "nobody corresponds with several parties, so who wrote first is taken for the customer"
NO_WRITER = "the mail names nobody as its writer (no From, no Sender)"
BROKEN_OFF = "the file ends in the middle of the mail"
DRAFT_FLAG = ":2,"
AUTOMATION: dict[str, Automation] = {
    "autoreply": "autoreply", "bounce": "autoreply", "calendar": "workflow", "notification": "workflow",
    "bulk": "workflow",
}  # fmt: skip
"""Behind it a Maildir's file name has its flags; D is a draft (maildir(5))."""


class Mail:
    """Read mailboxes."""

    name = "mail"
    title = "Mail (mbox, .eml files and folders of them)"
    version = 1
    grouped = True
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for the fields of a mail at the top, behind an envelope line or not."""
        kind = kind_of_mailbox(sample.head)
        return Evidence(kind[1], (REASONS[kind[0]],), part=kind[0], spans_folders=True) if kind else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread of the mailboxes: once over all mails' fields, once over all mails."""
        files = [recognised.file for recognised in reading.files]
        threads, sides = Threads(), Sides(reading.mapping.roles if reading.mapping else {})
        for _, head in _heads(files):
            threads.learn(head)
            sides.learn(head)
        sides.settle()
        threads.settle(sides.support)
        for file in files:
            for mail in mails_of(file):
                letter = mail if isinstance(mail, Reject) else _letter(mail, file, threads)
                if isinstance(letter, Reject):
                    yield letter
                else:
                    reading.spool.put(threads.thread_of(letter.head), letter.row())
        for _, rows in reading.spool.groups():
            yield from _records([_Letter.of(row) for row in rows], sides)


CONNECTOR: Connector = Mail()


def _heads(files: list[SourceFile]) -> Iterator[tuple[RawMail, MailHead]]:
    for file in files:
        for mail in mails_of(file):
            if not isinstance(mail, Reject) and (head := read_head(mail)) is not None:
                yield mail, head


class _Letter(NamedTuple):
    """One mail, and where it stands."""

    place: str
    uri: str
    head: MailHead
    body: MailBody
    is_cut: bool
    is_own_id: bool
    """Its id is its own: no other mail carries it."""

    def row(self) -> list[Any]:
        files = [list(file) for file in self.body.files]
        return [self.place, self.uri, list(self.head), [*self.body[:2], files, *self.body[3:]], *self[4:]]

    @classmethod
    def of(cls, row: list[Any]) -> _Letter:
        place, uri, head, body, *flags = row
        files = tuple(MailFile(*file) for file in body[2])
        return cls(place, uri, MailHead(*head), MailBody(body[0], body[1], files, *body[3:]), *flags)


def _letter(mail: RawMail, file: SourceFile, threads: Threads) -> _Letter | Reject:
    head = read_head(mail)
    if head is None:
        code, why = ("truncated", BROKEN_OFF) if mail.is_broken_off else ("bad_record", NO_WRITER)
        return Reject(mail.place, code, why, as_raw(mail.content), file.uri)
    try:
        body = read_body(mail)
    except ValueError as error:
        return Reject(mail.place, "bad_record", str(error), as_raw(mail.content), file.uri)
    if body.is_truncated:
        return Reject(mail.place, "truncated", BROKEN_OFF, as_raw(mail.content), file.uri)
    flags = Path(file.member or file.path.name).name.rpartition(DRAFT_FLAG)
    head = head._replace(
        is_draft=head.is_draft or (bool(flags[1]) and "D" in flags[2]),
        parents=tuple(parent for parent in head.parents if not threads.is_shared(parent)),
    )
    is_own_id = head.has_identity and not threads.is_shared(head.identity)
    return _Letter(mail.place, file.uri, head, body, mail.is_cut, is_own_id)


def _records(letters: list[_Letter], sides: Sides) -> Iterator[Record]:
    """Give a thread as a conversation; where no mail of it says anything, its mails are rejects."""
    ordered = _in_order(_once_each(letters))
    if any(letter.body.text.strip() or letter.body.files for letter in ordered):
        yield _Thread(ordered, sides).conversation()
        return
    for letter in letters:
        yield Reject(letter.place, "no_turns", "neither text nor attachments are in the mail", "", letter.uri)


def _once_each(letters: list[_Letter]) -> list[_Letter]:
    """Drop copies: the same mail in the sender's and the receivers' folders."""
    found: dict[tuple[str, str, str], _Letter] = {}
    for letter in letters:
        found.setdefault((letter.head.identity, letter.head.author, letter.head.date), letter)
    return list(found.values())


def _in_order(letters: list[_Letter]) -> list[_Letter]:
    """Sort by time, but never an answer before what it answers: clocks differ."""
    times = {letter.head.identity: parse(letter.head.date).at or NEVER for letter in letters}
    for letter in sorted(letters, key=lambda letter: times[letter.head.identity]):
        known = [times[parent] for parent in letter.head.parents if parent in times]
        times[letter.head.identity] = max(times[letter.head.identity], *known) if known else times[letter.head.identity]
    return sorted(letters, key=lambda letter: (times[letter.head.identity], len(letter.head.parents)))


@dataclass(slots=True)
class _Thread:
    """One thread on its way through the connector."""

    letters: list[_Letter]
    sides: Sides
    roles: dict[str, tuple[str, bool]] = field(default_factory=dict[str, tuple[str, bool]])
    customers: dict[str, None] = field(default_factory=dict[str, None])
    names: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        for letter in self.letters:
            for address, name in letter.head.names.items():
                self.names.setdefault(address, name)
            for address in (*letter.head.answer_to, letter.head.author, *letter.head.to, *letter.head.cc):
                self.roles[address] = self.sides.role_of(address)
        if not self.sides:
            starter = self.letters[0].head.author
            self.roles = {who: ("customer" if who == starter else "agent", False) for who in self.roles}
        self._find_customers()

    def conversation(self) -> Conversation:
        """Give what came together."""
        first, last = self.letters[0].head, self.letters[-1].head
        is_open = bool(first.parents) and not any(letter.head.identity in first.parents for letter in self.letters)
        is_cut = any(letter.is_cut for letter in self.letters)
        labels = dict.fromkeys(label for letter in self.letters for label in letter.head.labels)
        turns = tuple(self._turn(letter) for letter in self.letters)
        return Conversation(
            self._identity(), turns, self.letters[0].place, tuple(self._participants()),
            source_uri=self.letters[0].uri, subject=plain_subject(first.subject) or None, channel="email",
            channel_raw="email", created_at=first.date or None, updated_at=last.date or None, tags=tuple(labels),
            completeness="truncated_body" if is_cut else "truncated_head" if is_open else "complete",
            custom={} if self.sides else {"roles": GUESSED},
        )  # fmt: skip

    def _identity(self) -> str:
        """Name the thread by its first mail, which may not be among the files but is named by the first one there."""
        first = self.letters[0]
        head = first.head
        if head.parents:
            return head.parents[0]
        return (
            head.identity if first.is_own_id or not head.has_identity else f"{head.identity} {head.author} {head.date}"
        )

    def _author(self, letter: _Letter) -> str:
        """Say who speaks: behind a form or a list that is the support's own, whom it writes for."""
        head = letter.head
        outside = [who for who in head.answer_to if self._role(who) == "customer"]
        return outside[0] if outside and self._role(head.author) != "customer" else head.author

    def _role(self, address: str) -> str:
        return self.roles[address][0]

    def _find_customers(self) -> None:
        """Find the customer, who wrote first or was written to first, and whoever shares mails with them."""
        people = [
            [who for who in (self._author(letter), *letter.head.to, *letter.head.cc) if self._role(who) == "customer"]
            for letter in self.letters
        ]
        writers = [who for letter in self.letters if self._role(who := self._author(letter)) == "customer"]
        first = next(iter(writers or [who for group in people for who in group]), None)
        if first is None:
            return
        self.customers[first] = None
        for group in people:
            if self.customers.keys() & set(group) or any(party_of(who) == party_of(first) for who in group):
                self.customers |= dict.fromkeys(group)

    def _turn(self, letter: _Letter) -> Turn:
        head, body = letter.head, letter.body
        author = self._author(letter)
        automation = body.automation or head.automation
        role = self._turn_role(author, automation)
        visibility = self._visibility(letter, author)
        is_bounce = automation == "bounce"
        custom: dict[str, Any] = {"charset": list(body.troubles)} if body.troubles else {}
        if automation in ("calendar", "notification", "bulk"):
            custom["sent_as"] = automation
        if letter.is_cut:
            custom["cut_off"] = "the rest of a very large mail was not read"
        return Turn(
            role, body.text, external_id=head.identity if letter.is_own_id else None, author=author,
            created_at=head.date or None,
            kind="event" if is_bounce else "message" if visibility == "public" else "note",
            visibility="internal" if is_bounce else visibility, body_format=cast("BodyFormat", body.body_format),
            is_automated=bool(automation), automation=AUTOMATION.get(automation), is_draft=head.is_draft,
            reply_to=head.parents[-1] if head.parents else None, event_type="bounce" if is_bounce else None,
            place=self._place(letter), attachments=tuple(_attachment(file) for file in body.files), custom=custom,
        )  # fmt: skip

    def _turn_role(self, author: str, automation: str) -> TurnRole:
        role = self._role(author)
        if automation == "bounce" or role == "system":
            return "system"
        if role in ("agent", "bot"):
            return "bot" if automation in ("autoreply", "notification") or role == "bot" else "agent"
        return "customer"

    def _visibility(self, letter: _Letter, author: str) -> Visibility:
        """What the customer wrote or was sent is public; to whom a mail went that names nobody is unknown."""
        readers = {author, *letter.head.to, *letter.head.cc}
        if self.customers.keys() & readers:
            return "public"
        return "internal" if len(readers) > 1 else "unknown"

    def _place(self, letter: _Letter) -> str:
        is_here = letter.uri == self.letters[0].uri
        return letter.place if is_here else f"{Path(letter.uri).name} {letter.place}"

    def _participants(self) -> Iterator[Participant]:
        for address, (role, is_told) in self.roles.items():
            kind = role if role != "customer" or address in self.customers else "third_party"
            source: RoleSource = "mapping" if is_told else "inferred"
            yield Participant(address, cast("Role", kind), source, self.names.get(address), address)


def _attachment(file: MailFile) -> Attachment:
    return Attachment(file.name, file.media_type, file.bytes, is_inline=file.is_inline)

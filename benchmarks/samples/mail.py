"""Write sample_logs/mail: what a shop's mailbox received and sent as two mbox files, and two threads as .eml files."""

import base64
import html
import quopri
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from samples.book import Book
from samples.chance import Chance
from samples.desk import QUOTES, RECEIVED, SIGNATURES
from samples.fill import SUPPORT
from samples.people import fold
from samples.studio import Dialogue, Line, Setting, Studio

SEED = 26_110_004
WRITTEN = Setting(notes=True, pace=(900, 30_000))
SHOP = SUPPORT["shop"]
HOST = SHOP.partition("@")[2]
COLLEAGUE = f"warehouse@{HOST}"


@dataclass(slots=True)
class Letter:
    """One mail in the making."""

    fields: dict[str, str]
    text: str
    at: int
    is_page: bool = False
    files: tuple[tuple[str, str, bytes], ...] = ()
    more: dict[str, str] = field(default_factory=dict[str, str])

    def content(self) -> bytes:
        """Write the mail with its head, its text as HTML beside plain text where it is a page, and its files."""
        head = {**self.fields, "Date": _date(self.at), **self.more, "MIME-Version": "1.0"}
        lines = "".join(f"{name}: {value}\n" for name, value in head.items())
        return (lines + self._body()).encode("ascii")

    def _body(self) -> str:
        if not (self.is_page or self.files):
            return f"Content-Type: text/plain; charset=utf-8\n{_printable(self.text)}"
        parts = [f"Content-Type: text/plain; charset=utf-8\n{_printable(self.text)}"]
        if self.is_page:
            page = html.escape(self.text, quote=False).replace("\n", "<br>\n")
            page = base64.encodebytes(f"<html><body><div>{page}</div></body></html>".encode()).decode()
            parts.append(f"Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{page}")
        body = _multipart("alternative", "inner-part", parts) if self.is_page else parts[0]
        if not self.files:
            return body
        return _multipart("mixed", "outer-part", [body, *(_file(*file) for file in self.files)])


def write_mail(book: Book) -> None:
    """Write the two mailboxes, and a folder of single mails."""
    studio = Studio(Chance(SEED))
    inbox, sent = list[Letter](), list[Letter]()
    for at in range(14):
        dialogue = studio.take(("en", "en", "de", "en", "fr", "en", "es")[at % 7], WRITTEN, ("shop",))
        for letter in _thread(dialogue, at):
            is_ours = letter.fields["From"].endswith(f"@{HOST}>")
            (sent if is_ours else inbox).append(letter)
    inbox += _machines(inbox[0])
    inbox.append(sent[2])
    book.text("mail/inbox.mbox", _mbox(inbox))
    book.text("mail/sent.mbox", _mbox(sent))
    for at in range(2):
        dialogue = studio.take("en", WRITTEN, ("shop",))
        for number, letter in enumerate(_thread(dialogue, 100 + at), 1):
            letter.is_page = True
            book.text(f"mail/single/{at + 1}-{number:02}.eml", letter.content().decode())


def _thread(dialogue: Dialogue, number: int) -> list[Letter]:
    """Write a dialogue as mails, each below the last one that it answers; every sixth answer names no mail."""
    letters = list[Letter]()
    references = list[str]()
    before: Line | None = None
    subject = f"{dialogue.scene.domain} {dialogue.scene.code.replace('_', ' ')} {number}"
    for at, line in enumerate(dialogue.lines):
        identity = f"<{number:03}.{at:02}.{line.at}@{_sender(dialogue, line).partition('@')[2].rstrip('>')}>"
        fields = {
            "Message-ID": identity,
            "From": _sender(dialogue, line),
            "To": _receiver(dialogue, line),
            "Subject": subject if at == 0 else f"{'AW' if dialogue.scene.language == 'de' else 'Re'}: {subject}",
        }
        if references and number % 6 != 5:
            fields |= {"In-Reply-To": references[-1], "References": "\n ".join(references[-4:])}
        letters.append(_letter(dialogue, line, fields, before, number))
        references.append(identity)
        before = line if line.role != "note" else before
    return letters


def _letter(dialogue: Dialogue, line: Line, fields: dict[str, str], before: Line | None, number: int) -> Letter:
    customer, text = dialogue.customer, line.text
    if line.role == "customer":
        signature = SIGNATURES[number % len(SIGNATURES)]
        text += "\n\n" + signature.format(
            full=customer.full, first=customer.first, last=customer.last, phone=customer.phone, email=customer.email,
            address=customer.address,
        )  # fmt: skip
    if before is not None and line.role != "note":
        head = QUOTES.get(dialogue.scene.language, QUOTES["en"]).format(
            date=_date(before.at)[:-6], name=customer.full, email=customer.email
        )
        text += f"\n\n{head}\n" + "\n".join(f"> {part}" for part in before.text.split("\n"))
    is_page = number % 3 == 1
    files = (("photo of the box.jpg", "image/jpeg", b"\xff\xd8\xff" + bytes(600)),) if number % 5 == 2 else ()
    return Letter(fields, text, line.at, is_page, files if line.role == "customer" else ())


def _machines(first: Letter) -> list[Letter]:
    """Write what no person wrote: receipts, absences, bounces, invitations; and a mail without a writer."""
    answered = first.fields["Message-ID"]
    fields = {"In-Reply-To": answered, "References": answered, "Subject": f"Re: {first.fields['Subject']}"}
    us, them = f"Lindwurm Outdoor <{SHOP}>", first.fields["From"]
    receipt = {"Message-ID": f"<receipt.1@{HOST}>", "From": us, "To": them, **fields}
    absence = {**fields, "Message-ID": "<absence.1@example.org>", "From": them, "To": us}
    bounce = {
        "Message-ID": "<bounce.1@example.net>", "From": "Mail Delivery System <mailer-daemon@example.net>", "To": us,
        "Subject": "Undelivered Mail Returned to Sender", "In-Reply-To": answered, "References": answered,
    }  # fmt: skip
    nobody = {"Message-ID": "<nobody.1@example.org>", "To": us, "Subject": "(no writer)"}
    return [
        Letter(receipt, RECEIVED, first.at + 5, more={"Auto-Submitted": "auto-generated"}),
        Letter({**absence, "Subject": "Automatic reply: away"}, "I am back on Monday.", first.at + 90_000,
               more={"Auto-Submitted": "auto-replied"}),
        Letter(bounce, "The mail could not be delivered to one of its receivers.", first.at + 90_060),
        Letter(nobody, "From whom might this be?", first.at + 91_000),
    ]  # fmt: skip


def _sender(dialogue: Dialogue, line: Line) -> str:
    if line.role == "customer":
        return f"{_encoded(dialogue.customer.full)} <{dialogue.customer.email}>"
    return f"{_encoded(dialogue.agent)} <{fold(dialogue.agent.split()[0])}@{HOST}>"


def _receiver(dialogue: Dialogue, line: Line) -> str:
    if line.role == "customer":
        return f"Lindwurm Outdoor <{SHOP}>"
    return f"Warehouse <{COLLEAGUE}>" if line.role == "note" else f"<{dialogue.customer.email}>"


def _encoded(name: str) -> str:
    return name if name.isascii() else f"=?utf-8?b?{base64.b64encode(name.encode()).decode()}?="


def _date(at: int) -> str:
    return format_datetime(datetime.fromtimestamp(at, UTC))


def _printable(text: str) -> str:
    return f"Content-Transfer-Encoding: quoted-printable\n\n{quopri.encodestring(text.encode()).decode()}\n"


def _file(name: str, media_type: str, content: bytes) -> str:
    return (
        f'Content-Type: {media_type}; name="{name}"\nContent-Disposition: attachment; filename="{name}"\n'
        f"Content-Transfer-Encoding: base64\n\n{base64.encodebytes(content).decode()}"
    )


def _multipart(kind: str, boundary: str, parts: list[str]) -> str:
    joined = "".join(f"--{boundary}\n{part}\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"\n\n{joined}--{boundary}--\n'


def _mbox(letters: list[Letter]) -> str:
    """Write an mbox: an envelope before each mail, and a blank line behind it."""
    mails = list[str]()
    for letter in letters:
        stamp = datetime.fromtimestamp(letter.at, UTC).strftime("%a %b %d %H:%M:%S %Y")
        content = letter.content().decode().replace("\nFrom ", "\n>From ")
        mails.append(f"From MAILER-DAEMON {stamp}\n{content}\n")
    return "".join(mails)

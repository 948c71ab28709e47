"""Write sample_logs/salesforce: chat transcripts, and cases with their mails and comments, as Data Export has them."""

import csv
import html
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.fill import SUPPORT
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_007
CHATTED = Setting(pace=(5, 90))
WRITTEN = Setting(notes=True, pace=(600, 30_000))


def write_salesforce(book: Book) -> None:
    """Write a table of chats, and a folder of cases."""
    studio = Studio(Chance(SEED))
    chats = list(enumerate(studio.many({"en": 8, "de": 1, "es": 1}, CHATTED), 1))
    rows = [_chat(*one) for one in chats]
    missed = {**rows[0], "Id": _id("570", 90), "Body": "", "Status": "Missed", "Abandoned": "40"}
    book.text("salesforce/LiveChatTranscript.csv", _table([*rows, missed, {**rows[1], "Id": ""}]))
    cases = list(enumerate(studio.many({"en": 8, "de": 1}, WRITTEN), 1))
    mails, comments = list[dict[str, Any]](), list[dict[str, Any]]()
    for ident, dialogue in cases:
        for at, line in enumerate(dialogue.lines):
            if at == 0 and ident % 4 == 3:
                continue
            made = _comment if line.role == "note" or ident % 4 == 3 else _mail
            (comments if made is _comment else mails).append(made(ident, dialogue, line, at))
    mails.append({**mails[0], "Id": _id("02s", 9001), "ParentId": _id("500", 404)})
    mails.append({**mails[1], "Id": _id("02s", 9002), "Status": "5", "TextBody": "I would like to"})
    book.text("salesforce/cases/Case.csv", _table([_case(*one) for one in cases]))
    book.text("salesforce/cases/EmailMessage.csv", _table(mails))
    book.text("salesforce/cases/CaseComment.csv", _table(comments))
    book.text(
        "salesforce/cases/User.csv", _table([*map(_user, range(len(AGENTS))), *(_portal_user(one) for _, one in cases)])
    )


def _id(prefix: str, number: int, *, is_long: bool = True) -> str:
    """Write an id as Salesforce does: 15 characters, or 18 with the three that say which letters are capitals."""
    return f"{prefix}5g00000{number:05}{'AAA' if is_long else ''}"


def _customer_id(dialogue: Dialogue) -> str:
    return _id("003", dialogue.customer.ident)


def _user_id(dialogue: Dialogue) -> str:
    return _id("005", AGENTS.index(dialogue.filler.agent))


def _portal_id(dialogue: Dialogue) -> str:
    return _id("005", 5000 + dialogue.customer.ident)


def _chat(ident: int, dialogue: Dialogue) -> dict[str, Any]:
    start = dialogue.lines[0].at - 8
    day = datetime.fromtimestamp(start, UTC)
    agent = dialogue.agent.partition(" ")[0]
    head = (
        f"Chat Started: {day:%A, %B %d, %Y, %H:%M:%S} (+0000)",
        "Chat Origin: Lindwurm chat",
        f"Agent {agent}",
    )
    body = "".join(f'<p align="center">{line}</p>' for line in head)
    customer = "Visitor" if ident % 4 == 0 else dialogue.customer.full
    for line in dialogue.lines:
        who = customer if line.role == "customer" else agent
        text = html.escape(line.text).replace("\n", "<br>")
        body += f"( {_offset(line.at - start)} ) {html.escape(who)}: {text}<br>"
    return {
        "Id": _id("570", ident), "Name": f"{ident:08}", "Body": body + "( 59m 59s ) ", "ChatKey": f"key{ident}",
        "CaseId": "", "ContactId": _customer_id(dialogue), "OwnerId": _user_id(dialogue), "StartTime": iso(start),
        "EndTime": iso(dialogue.lines[-1].at + 5), "Status": "Completed", "Abandoned": "",
        "OperatorMessageCount": str(sum(line.role != "customer" for line in dialogue.lines)),
    }  # fmt: skip


def _offset(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h {minutes}m " if hours else f"{minutes}m " if minutes else "") + f"{rest}s"


def _case(ident: int, dialogue: Dialogue) -> dict[str, Any]:
    first, customer = dialogue.lines[0], dialogue.customer
    return {
        "Id": _id("500", ident), "CaseNumber": f"{ident:08}", "ContactId": _customer_id(dialogue),
        "SuppliedName": customer.full, "SuppliedEmail": customer.email, "Type": "Question",
        "Status": ("Closed", "New", "Escalated")[ident % 3], "Origin": ("Email", "Web", "Phone")[ident % 3],
        "Subject": f"{dialogue.scene.domain} {dialogue.scene.code}", "Priority": ("Low", "High")[ident % 2],
        "Description": first.text if first.role == "customer" else "", "IsClosed": str(ident % 3 == 0).lower(),
        "CreatedDate": iso(first.at), "LastModifiedDate": iso(dialogue.lines[-1].at), "OwnerId": _user_id(dialogue),
    }  # fmt: skip


def _mail(ident: int, dialogue: Dialogue, line: Line, at: int) -> dict[str, Any]:
    customer, shop = dialogue.customer, SUPPORT[dialogue.scene.domain]
    is_customer = line.role == "customer"
    return {
        "Id": _id("02s", ident * 100 + at), "ParentId": _id("500", ident, is_long=False),
        "Incoming": str(is_customer).lower(), "FromAddress": customer.email if is_customer else shop,
        "FromName": customer.full if is_customer else dialogue.agent, "CcAddress": "",
        "ToAddress": shop if is_customer else customer.email,
        "Subject": f"{'Re: ' if at else ''}{dialogue.scene.code}", "TextBody": line.text,
        "HtmlBody": "" if ident % 2 else f"<p>{html.escape(line.text)}</p>", "MessageDate": iso(line.at),
        "Status": "1" if is_customer else "3", "HasAttachment": str(at == 0 and ident % 2 == 0).lower(),
        "IsDeleted": "false", "CreatedById": _user_id(dialogue), "LastModifiedDate": iso(line.at),
    }  # fmt: skip


def _comment(ident: int, dialogue: Dialogue, line: Line, at: int) -> dict[str, Any]:
    return {
        "Id": _id("00a", ident * 100 + at), "ParentId": _id("500", ident),
        "IsPublished": str(line.role != "note").lower(), "CommentBody": line.text,
        "CreatedById": _portal_id(dialogue) if line.role == "customer" else _user_id(dialogue),
        "CreatedDate": iso(line.at), "IsDeleted": "false", "LastModifiedDate": iso(line.at),
    }  # fmt: skip


def _user(at: int) -> dict[str, Any]:
    first, last = AGENTS[at]
    email = f"{fold(first)}@agents.lindwurm.example.com"
    return {
        "Id": _id("005", at), "Username": email, "FirstName": first, "LastName": last, "Email": email,
        "IsActive": "true", "ProfileId": _id("00e", 1), "UserType": "Standard", "ContactId": "",
    }  # fmt: skip


def _portal_user(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    return {
        "Id": _portal_id(dialogue), "Username": customer.email, "FirstName": customer.first, "LastName": customer.last,
        "Email": customer.email, "IsActive": "true", "ProfileId": _id("00e", 2), "UserType": "CspLitePortal",
        "ContactId": _customer_id(dialogue),
    }  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> str:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()

"""Write sample_logs/freshdesk: pages of API v2, tickets of API v1 in lines, and an account export's XML."""

import html
from typing import Any
from xml.sax.saxutils import escape

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_006
WRITTEN = Setting(notes=True, pace=(300, 20_000))
AGENT, REQUESTER, NOTE = 6_010_000_000, 6_020_000_000, 6_500_000_000
ACCOUNT = "2099017"


def write_freshdesk(book: Book) -> None:
    """Write the three folders."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 11, "de": 2, "fr": 1}, WRITTEN), 1001))
    _write_v2(book, made[:8])
    lines = [compact({"helpdesk_ticket": _v1(*one)}) for one in made[8:11]]
    book.text("freshdesk/v1/tickets.ndjson", "\n".join([*lines, '{"helpdesk_ticket":{"display_id":1099,"subj']) + "\n")
    tickets = "".join(_xml("helpdesk-ticket", _v1(*one)) for one in made[11:])
    book.text(
        "freshdesk/account/Tickets0.xml",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<helpdesk-tickets type="array">\n{tickets}</helpdesk-tickets>\n',
    )


def _write_v2(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    tickets = [_v2(*one) for one in made]
    said = [_said(ident, one, line, at) for ident, one in made for at, line in enumerate(one.lines[1:], 1)]
    forwarded = {**said[2], "id": NOTE + 900_001, "source": 8, "body_text": "Please see below.",
                 "body": "<div>Please see below.</div>", "incoming": False, "private": False}  # fmt: skip
    orphan = {**said[0], "id": NOTE + 900_002, "ticket_id": 99_999}
    older = {**tickets[0], "status": 2, "updated_at": tickets[0]["created_at"]}
    listed = {**tickets[1], "id": 1098, "description": None, "description_text": None, "attachments": []}
    del tickets[2]["requester"]
    book.text("freshdesk/v2/tickets.json", _page([*tickets, older, listed]))
    book.text(
        "freshdesk/v2/conversations.json", _page([*said, said[2], forwarded, orphan, {**said[3], "ticket_id": None}])
    )
    agents = [_agent(at) for at in range(len(AGENTS))]
    contacts = [_contact(one) for _, one in made[2:7]]
    book.text("freshdesk/v2/agents.json", _page(agents))
    book.text("freshdesk/v2/contacts.json", _page(contacts))
    ratings = [
        {"id": 1 + at, "survey_id": 7, "user_id": _requester(one), "agent_id": _agent_id(one), "ticket_id": ident,
         "group_id": None, "feedback": ("Quick and kind.", None)[at % 2], "created_at": iso(one.lines[-1].at + 900),
         "updated_at": iso(one.lines[-1].at + 900), "ratings": {"default_question": (103, -102, 100)[at % 3]}}
        for at, (ident, one) in enumerate(made[:3])
    ]  # fmt: skip
    book.text("freshdesk/v2/satisfaction_ratings.json", _page(ratings))


def _requester(dialogue: Dialogue) -> int:
    return REQUESTER + dialogue.customer.ident


def _agent_id(dialogue: Dialogue) -> int:
    return AGENT + AGENTS.index(dialogue.filler.agent)


def _agent(at: int) -> dict[str, Any]:
    name = " ".join(AGENTS[at])
    contact = {"active": True, "email": f"{fold(AGENTS[at][0])}@agents.lindwurm.example.com", "job_title": None,
               "language": "en", "mobile": None, "name": name, "phone": None, "time_zone": "Berlin"}  # fmt: skip
    return {"id": AGENT + at, "available": True, "occasional": False, "ticket_scope": 1, "contact": contact}


def _contact(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    return {
        "id": _requester(dialogue), "active": False, "name": customer.full, "email": customer.email,
        "phone": customer.phone, "mobile": None, "job_title": None, "time_zone": "Berlin", "company_id": None,
        "twitter_id": None, "other_emails": [], "view_all_tickets": False,
    }  # fmt: skip


def _opens(dialogue: Dialogue) -> bool:
    """Tell whether the customer began the ticket; else an agent did, by an outbound mail."""
    return dialogue.lines[0].role == "customer"


def _v2(ident: int, dialogue: Dialogue) -> dict[str, Any]:
    first, customer = dialogue.lines[0], dialogue.customer
    photo = {"id": ident, "content_type": "image/png", "size": 44_115, "name": "screen.png",
             "attachment_url": f"https://attachments.example.com/{ident}/screen.png"}  # fmt: skip
    return {
        "id": ident, "subject": f"{dialogue.scene.domain}: {dialogue.scene.code}", "description": _div(first.text),
        "description_text": first.text, "requester_id": _requester(dialogue), "responder_id": _agent_id(dialogue),
        "requester": {"id": _requester(dialogue), "name": customer.full, "email": customer.email, "mobile": None,
                      "phone": customer.phone},
        "source": (1, 2, 7)[ident % 3] if _opens(dialogue) else 10, "status": (4, 5, 2, 3)[ident % 4],
        "priority": ident % 4 + 1, "type": "Question", "tags": [dialogue.scene.domain], "cc_emails": [],
        "fwd_emails": [], "reply_cc_emails": [], "to_emails": None, "product_id": None, "company_id": None,
        "group_id": None, "email_config_id": None, "fr_escalated": False, "is_escalated": False, "spam": False,
        "due_by": iso(first.at + 90_000), "fr_due_by": iso(first.at + 9_000), "custom_fields": {"cf_order": None},
        "attachments": [photo] if ident % 4 == 0 else [], "created_at": iso(first.at),
        "updated_at": iso(dialogue.lines[-1].at),
    }  # fmt: skip


def _said(ident: int, dialogue: Dialogue, line: Line, at: int) -> dict[str, Any]:
    is_customer, is_note = line.role == "customer", line.role == "note"
    agent = f"{dialogue.agent} <support@lindwurm.example.com>"
    return {
        "id": NOTE + ident * 100 + at, "ticket_id": ident, "body": _div(line.text), "body_text": line.text,
        "incoming": is_customer, "private": is_note, "source": 2 if is_note else 0,
        "user_id": _requester(dialogue) if is_customer else _agent_id(dialogue), "support_email": None,
        "from_email": None if is_customer else agent, "to_emails": [], "cc_emails": [], "bcc_emails": None,
        "attachments": [], "created_at": iso(line.at), "updated_at": iso(line.at),
    }  # fmt: skip


def _v1(ident: int, dialogue: Dialogue) -> dict[str, Any]:
    """Write a ticket as API v1 and the account export have it: an id of its own, names beside the numbers, notes."""
    ticket = _v2(ident, dialogue)
    notes = [_said(ident, dialogue, line, at) for at, line in enumerate(dialogue.lines[1:], 1)]
    return {
        "id": 400_000_000 + ident, "display_id": ident, "subject": ticket["subject"],
        "description": ticket["description_text"], "description_html": ticket["description"],
        "requester_id": ticket["requester_id"], "responder_id": ticket["responder_id"],
        "requester_name": dialogue.customer.full, "responder_name": dialogue.agent, "source": ticket["source"],
        "source_name": "Email", "status": ticket["status"], "status_name": "Closed", "priority": ticket["priority"],
        "priority_name": "Low", "ticket_type": "Question", "spam": False, "deleted": False, "isescalated": False,
        "cc_email": {"cc_emails": [], "fwd_emails": [], "reply_cc": []}, "frDueBy": ticket["fr_due_by"],
        "created_at": ticket["created_at"], "updated_at": ticket["updated_at"],
        "custom_field": {f"order_{ACCOUNT}": None}, "tags": [{"name": tag} for tag in ticket["tags"]],
        "attachments": [],
        "notes": [{"note": {
            "id": note["id"], "body": note["body_text"], "body_html": note["body"], "incoming": note["incoming"],
            "private": note["private"], "source": note["source"], "user_id": note["user_id"], "deleted": False,
            "support_email": None, "created_at": note["created_at"], "updated_at": note["updated_at"],
            "attachments": [],
        }} for note in notes],
    }  # fmt: skip


def _xml(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value as the account export does: names with hyphens, lists of items, notes under their own names."""
    if name == "notes":
        items = "".join(_xml("helpdesk-note", item["note"]) for item in value)
        return f'<helpdesk-notes type="array">\n{items}</helpdesk-notes>\n'
    tag = name.replace("_", "-")
    if isinstance(value, dict):
        return f"<{tag}>\n{''.join(_xml(key, inner) for key, inner in value.items())}</{tag}>\n"
    if isinstance(value, list):
        return f'<{tag} type="array">{"".join(_xml(tag.removesuffix("s"), item) for item in value)}</{tag}>\n'
    if value is None:
        return f'<{tag} nil="true"/>\n'
    kind = ' type="boolean"' if isinstance(value, bool) else ' type="integer"' if isinstance(value, int) else ""
    return f"<{tag}{kind}>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</{tag}>\n"


def _div(text: str) -> str:
    return f"<div>{html.escape(text, quote=False).replace(chr(10), '<br>')}</div>"


def _page(items: list[Any]) -> str:
    return "[\n" + ",\n".join(compact(item) for item in items) + "\n]\n"

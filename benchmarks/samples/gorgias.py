"""Write sample_logs/gorgias: pages of tickets, messages and surveys, and tickets that hold their messages."""

import html
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.fill import SUPPORT
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_124
SHOP = Setting(bots=True, notes=True, pace=(200, 9_000))
FIRST, FIRST_MESSAGE = 41_001, 8_800_000


def write_gorgias(book: Book) -> None:
    """Write both folders."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 8, "it": 1}, SHOP), FIRST))
    paged, whole = made[:6], made[6:]
    tickets: list[Any] = [_ticket(*one) for one in paged]
    tickets += [{**tickets[0], "id": FIRST + 900}, {**tickets[1], "status": "open", "updated_datetime": None}]
    messages: list[Any] = [_message(at, n, one, line) for at, one in paged for n, line in enumerate(one.lines)]
    messages[1] |= {"failed_datetime": iso(paged[0][1].lines[1].at + 9), "last_sending_error": {"error": "bounced"}}
    messages.insert(6, "not a message at all")
    messages.append({**messages[3], "id": FIRST_MESSAGE + 999_999, "ticket_id": None})
    surveys = [_survey(at, one, score) for (at, one), score in zip(paged, (5, 2, None, 3, 7, 4), strict=True)]
    book.text("gorgias/pages/tickets.json", _page(tickets))
    book.text("gorgias/pages/messages.json", _page(messages))
    book.text("gorgias/pages/surveys.json", _page(surveys))
    held = [_ticket(at, one) | {"messages": [_message(at, n, one, line) for n, line in enumerate(one.lines)]}
            for at, one in whole]  # fmt: skip
    held[0]["messages_count"] += 12
    book.text("gorgias/whole/tickets.ndjson", "\n".join(map(compact, held)) + '\n{"id":41999,"subj\n')


def _ticket(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": at, "uri": f"/api/tickets/{at}/", "external_id": None, "subject": dialogue.scene.subject,
        "channel": "email", "via": "email", "status": ("closed", "open")[at % 2],
        "priority": ("normal", "high")[at % 2], "spam": False,
        "language": None, "customer": _customer(dialogue), "assignee_user": _agent(dialogue.filler.agent),
        "assignee_team": None, "tags": [{"id": 3, "name": dialogue.scene.domain}],
        "messages_count": len(dialogue.lines),
        "created_datetime": iso(dialogue.lines[0].at, "%Y-%m-%dT%H:%M:%S.000000+00:00"),
        "updated_datetime": iso(dialogue.lines[-1].at, "%Y-%m-%d %H:%M:%S.000000+00:00"), "closed_datetime": None,
        "trashed_datetime": None,
    }  # fmt: skip


def _message(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    is_ours, is_note = line.role != "customer", line.role == "note"
    address = {"name": dialogue.customer.full, "address": dialogue.customer.email}
    return {
        "id": FIRST_MESSAGE + at * 100 + number, "uri": f"/api/messages/{number}/", "message_id": None, "ticket_id": at,
        "external_id": None, "public": not is_note, "channel": "internal-note" if is_note else "email",
        "via": "rule" if line.role == "bot" else "helpdesk" if is_ours else "email", "from_agent": is_ours,
        "source": {"type": "internal-note" if is_note else "email", "from": {} if is_ours else address,
                   "to": [{"address": SUPPORT[dialogue.scene.domain]}]},
        "sender": _agent(dialogue.filler.agent) if is_ours else _customer(dialogue),
        "rule_id": 12 if line.role == "bot" else None, "macros": [{"id": 5}] if number == 1 and at % 3 == 0 else [],
        "subject": dialogue.scene.subject, "body_text": line.text,
        "body_html": f"<div>{html.escape(line.text, quote=False).replace(chr(10), '<br>')}</div>",
        "stripped_text": line.text, "attachments": [], "created_datetime": iso(line.at, "%Y-%m-%dT%H:%M:%S+00:00"),
        "sent_datetime": iso(line.at), "failed_datetime": None, "last_sending_error": None, "deleted_datetime": None,
    }  # fmt: skip


def _survey(at: int, dialogue: Dialogue, score: int | None) -> dict[str, Any]:
    return {
        "id": 70_000 + at, "ticket_id": at, "customer_id": 100 + dialogue.customer.ident, "score": score,
        "body_text": "Quick and kind." if score == 5 else None, "sent_datetime": iso(dialogue.lines[-1].at + 600),
        "scored_datetime": iso(dialogue.lines[-1].at + 900) if score else None, "should_send_datetime": None,
    }  # fmt: skip


def _customer(dialogue: Dialogue) -> dict[str, Any]:
    first, _, last = dialogue.customer.full.partition(" ")
    return {"id": 100 + dialogue.customer.ident, "email": dialogue.customer.email, "name": dialogue.customer.full,
            "firstname": first, "lastname": last}  # fmt: skip


def _agent(name: tuple[str, str]) -> dict[str, Any]:
    return {"id": 1 + AGENTS.index(name), "email": f"{fold(name[0])}@agents.lindwurm.example.com",
            "name": " ".join(name), "firstname": name[0], "lastname": name[1]}  # fmt: skip


def _page(items: list[Any]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"data":[\n{lines}\n],"object":"list","meta":{{"next_cursor":null}}}}\n'

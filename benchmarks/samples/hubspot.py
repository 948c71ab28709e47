"""Write sample_logs/hubspot: threads of the inbox with their messages, and CRM tables as a warehouse lays them out."""

import csv
import io
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_007
CHAT = Setting(bots=True, events=True, notes=True, pace=(10, 200))
MAIL = Setting(notes=True, pace=(900, 40_000))
SYNCED = {"_fivetran_deleted": "false", "_fivetran_synced": "2026-06-01 00:00:00.000000"}


def write_hubspot(book: Book) -> None:
    """Write both folders."""
    studio = Studio(Chance(SEED))
    chats = list(enumerate(studio.many({"en": 7, "de": 1}, CHAT), 4001))
    threads: list[Any] = [_thread(at, dialogue) for at, dialogue in chats]
    threads.append({**threads[0], "id": "4999"})
    messages: list[Any] = [message for at, dialogue in chats for message in _messages(at, dialogue)]
    messages[5] |= {"truncationStatus": "TRUNCATED_TO_MOST_RECENT_REPLY"}
    messages.insert(8, "not a message at all")
    messages.insert(12, {key: value for key, value in messages[2].items() if key != "id"} | {"type": "SURVEY"})
    book.text("hubspot/inbox/threads.json", _page(threads))
    book.text("hubspot/inbox/messages.json", _page(messages))
    book.text("hubspot/inbox/actors.json", _page([_actor(number, name) for number, name in enumerate(AGENTS, 1)]))
    _warehouse(studio, book)
    _inbox_tables(book, list(enumerate(studio.many({"en": 3}, CHAT), 5001)))
    _airbyte(book, list(enumerate(studio.many({"en": 3}, MAIL), 6001)))


def _inbox_tables(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    """Write the inbox as Fivetran lays it out, with an older version of a message and a sender of none."""
    threads = [{"id": at, "inbox_id": 7, "associated_contact_id": 500 + one.customer.ident,
                "associated_ticket_id": 9_001, "created_at": _time(one.lines[0].at), "closed_at": "", "spam": "false",
                "status": "OPEN", **SYNCED} for at, one in made]  # fmt: skip
    told = [(_message(at, n, one, line), one) for at, one in made for n, line in enumerate(one.lines)]
    messages = [_message_row(message) for message, _ in told]
    messages.insert(1, {**messages[0], "text": "A first wording, edited since.", "_fivetran_active": "false"})
    senders = [_sender_row(message, one) for message, one in told]
    senders.append({**senders[0], "message_id": "m0-0", "thread_id": "5999"})
    actors = [{**_actor(number, name), "_fivetran_synced": SYNCED["_fivetran_synced"]}
              for number, name in enumerate(AGENTS, 1)]  # fmt: skip
    tables = {"thread": threads, "message_history": messages, "message_sender": senders, "actor": actors}
    for name, rows in tables.items():
        book.text(f"hubspot/inbox_tables/conversation_{name}.csv", _table(rows))


def _message_row(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": message["id"], "thread_id": message["conversationsThreadId"], "created_at": message["createdAt"],
        "created_by": message["createdBy"], "direction": message["direction"], "rich_text": message["richText"],
        "text": message["text"], "truncation_status": "NOT_TRUNCATED", "type": message["type"], **SYNCED,
        "_fivetran_active": "true",
    }  # fmt: skip


def _sender_row(message: dict[str, Any], dialogue: Dialogue) -> dict[str, Any]:
    return {
        "_fivetran_id": message["id"], "actor_id": message["createdBy"], "message_id": message["id"],
        "thread_id": message["conversationsThreadId"], "name": message["senders"][0]["name"] or "",
        "sender_field": "FROM", "delivery_identifier_type": "HS_EMAIL_ADDRESS",
        "delivery_identifier_value": dialogue.customer.email if message["direction"] == "INCOMING" else "",
        "_fivetran_synced": SYNCED["_fivetran_synced"],
    }  # fmt: skip


def _airbyte(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    """Write CRM objects as Airbyte does: properties as JSON text, engagements of version 1 raw, owners."""
    lines = [(at, n, one, line) for at, one in made for n, line in enumerate(one.lines)]
    tickets = [{**_stamped(at), "archived": "false", "properties": _properties(_ticket(at, one))} for at, one in made]
    said = [{**_stamped(at * 100 + n), "tickets": compact([str(at)]),
             "properties": _properties(_engagement(str(at * 100 + n), one, line))}
            for at, n, one, line in lines if line.role != "note"]  # fmt: skip
    logged = [_logged(at * 100 + n, at, line) for at, n, _, line in lines if line.role == "note"]
    logged += [_logged(at * 100 + 99, at, one.lines[-1]) for at, one in made]
    owners = [{**_stamped(number), "email": f"agent{number}@example.org", "firstName": name[0], "lastName": name[1],
               "userId": 70 + number} for number, name in enumerate(AGENTS, 1)]  # fmt: skip
    book.text("hubspot/airbyte/tickets.csv", _table(tickets))
    book.text("hubspot/airbyte/engagements_emails.csv", _table(said))
    book.text("hubspot/airbyte/engagements.jsonl", "\n".join(map(compact, logged)) + "\n")
    book.text("hubspot/airbyte/owners.csv", _table(owners))


def _logged(number: int, ticket: int, line: Line) -> dict[str, Any]:
    """Give a note, or a call about the last that was said, as Airbyte writes an engagement of version 1 raw."""
    text = line.text if line.role == "note" else "Called the customer: all is well now."
    return {"_airbyte_raw_id": f"raw-{number}", "_airbyte_extracted_at": 1_780_000_000_000, "_airbyte_data": {
        "id": number, "type": "NOTE" if line.role == "note" else "CALL", "timestamp": line.at * 1000, "ownerId": 1,
        "portalId": 77, "associations": {"ticketIds": [ticket], "contactIds": []},
        "metadata": {"body": f"<p>{text}</p>"},
    }}  # fmt: skip


def _stamped(number: int) -> dict[str, Any]:
    stamps = {"_airbyte_extracted_at": "2026-06-01T00:00:00Z", "_airbyte_meta": "{}"}
    return {"_airbyte_raw_id": f"raw-{number}", **stamps, "id": number}


def _properties(row: dict[str, Any]) -> str:
    return compact({name.removeprefix("property_"): value for name, value in row.items() if "property" in name})


def _warehouse(studio: Studio, book: Book) -> None:
    tickets, links, mails, notes = list[dict[str, Any]](), list[dict[str, Any]](), list[dict[str, Any]](), []
    for number, dialogue in enumerate(studio.many({"en": 6}, MAIL), 9_001):
        tickets.append(_ticket(number, dialogue))
        for at, line in enumerate(dialogue.lines):
            ident = str(number * 100 + at)
            (notes if line.role == "note" else mails).append(_engagement(ident, dialogue, line))
            links.append({"_fivetran_synced": SYNCED["_fivetran_synced"], "ticket_id": number, "engagement_id": ident})
    links.append({"_fivetran_synced": SYNCED["_fivetran_synced"], "ticket_id": 9_999, "engagement_id": "999901"})
    lost = {**mails[0], "engagement_id": "999902", "property_hs_email_subject": "On no ticket"}
    notes.append({**_note_of(mails[1]), "engagement_id": "999903"})
    for name, rows in (("ticket", tickets), ("ticket_engagement", links), ("engagement_email", [*mails, lost]),
                       ("engagement_note", notes)):  # fmt: skip
        book.text(f"hubspot/warehouse/{name}.csv", _table(rows))


def _thread(number: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": str(number), "status": ("CLOSED", "OPEN")[number % 2], "createdAt": iso(dialogue.lines[0].at),
        "closedAt": None if number % 2 else iso(dialogue.lines[-1].at + 60), "inboxId": "7",
        "originalChannelId": "1000",
        "associatedContactId": str(500 + dialogue.customer.ident), "spam": False, "archived": False,
    }  # fmt: skip


def _messages(number: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    return [_message(number, at, dialogue, line) for at, line in enumerate(dialogue.lines)]


def _message(number: int, at: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    agent = f"A-{AGENTS.index(dialogue.filler.agent) + 1}"
    actors = {"customer": f"V-{500 + dialogue.customer.ident}", "bot": "B-9", "system": "S-hubspot"}
    actor = actors.get(line.role, agent)
    kinds = {"note": "COMMENT", "system": "THREAD_STATUS_CHANGE", "bot": "MESSAGE" if at else "WELCOME_MESSAGE"}
    names = {"customer": dialogue.customer.full, "agent": dialogue.agent, "note": dialogue.agent}
    return {
        "type": kinds.get(line.role, "MESSAGE"), "id": f"m{number}-{at}", "conversationsThreadId": str(number),
        "createdAt": iso(line.at), "createdBy": actor, "client": {"clientType": "HUBSPOT"},
        "direction": "INCOMING" if line.role == "customer" else "OUTGOING",
        "senders": [{"actorId": actor, "name": names.get(line.role)}], "recipients": [],
        "text": line.text, "richText": f"<p>{line.text}</p>", "truncationStatus": "NOT_TRUNCATED", "attachments": [],
        "archived": False,
    }  # fmt: skip


def _actor(number: int, name: tuple[str, str]) -> dict[str, Any]:
    return {"id": f"A-{number}", "type": "AGENT", "name": " ".join(name), "email": f"agent{number}@example.org"}


def _ticket(number: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "_fivetran_synced": SYNCED["_fivetran_synced"], "id": number, "is_deleted": "FALSE",
        "property_createdate": _time(dialogue.lines[0].at), "property_closed_date": _time(dialogue.lines[-1].at),
        "property_hs_pipeline": "0", "property_hs_pipeline_stage": "4", "property_hs_ticket_priority": "HIGH",
        "property_source_type": "EMAIL", "property_subject": dialogue.scene.subject or "(no subject)",
        "property_content": dialogue.lines[0].text,
    }  # fmt: skip


def _engagement(ident: str, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    shared = {"engagement_id": ident, **SYNCED, "property_hs_timestamp": _time(line.at),
              "property_hubspot_owner_id": str(AGENTS.index(dialogue.filler.agent) + 1)}  # fmt: skip
    if line.role == "note":
        return {**shared, "property_hs_note_body": f"<p>{line.text}</p>", "type": "NOTE"}
    is_customer = line.role == "customer"
    return {
        **shared, "property_hs_email_subject": dialogue.scene.subject, "property_hs_email_text": line.text,
        "property_hs_email_direction": "INCOMING_EMAIL" if is_customer else "EMAIL",
        "property_hs_email_from_email": dialogue.customer.email if is_customer else "agent@example.org",
        "property_hs_email_status": "SENT", "type": "EMAIL",
    }  # fmt: skip


def _note_of(mail: dict[str, Any]) -> dict[str, Any]:
    shared = {name: value for name, value in mail.items() if "email" not in name}
    return {**shared, "property_hs_note_body": "Logged on no ticket, so nobody knows what it is about.", "type": "NOTE"}


def _time(at: int) -> str:
    return iso(at, "%Y-%m-%d %H:%M:%S.000000")


def _table(rows: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _page(items: list[Any]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"results":[\n{lines}\n],"paging":{{"next":{{"after":"1"}}}}}}\n'

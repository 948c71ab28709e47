"""Write more of sample_logs/zendesk: messaging with its audits, side conversations, and tables of two warehouses."""

import csv
import io
import json
from typing import Any
from xml.sax.saxutils import escape

from samples.book import Book
from samples.chance import Chance
from samples.desk import Desk
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

Json = dict[str, Any]

SEED = 26_110_032
CHAT = Setting(bots=True, events=True, pace=(8, 90))
MAIL = Setting(notes=True, pace=(900, 40_000))
MESSAGING, FIVETRAN, AIRBYTE = "zendesk/messaging", "zendesk/fivetran", "zendesk/airbyte"
SYNCED = "2026-03-05 04:47:57.580"
STAMPS = {"_airbyte_raw_id": "00000000", "_airbyte_extracted_at": "2026-03-05T04:47:57Z"}
BOT_ID = 390_000_900_000
ACTORS = {"customer": "end-user", "agent": "agent", "bot": "agent", "system": "system"}


def write_zendesk_more(book: Book) -> None:
    """Write the three folders."""
    studio = Studio(Chance(SEED))
    _messaging(book, studio.many({"en": 4, "de": 1}, CHAT))
    _side_conversations(book, studio.many({"en": 2}, MAIL))
    _fivetran(book, studio.many({"en": 4, "fr": 1}, MAIL))
    _airbyte(book, studio.many({"en": 3}, MAIL))
    _xml(book, studio.many({"en": 2, "es": 1}, MAIL))


def _messaging(book: Book, made: list[Dialogue]) -> None:
    """Write tickets whose talk stands in an audit, and as a flat copy in a comment."""
    desk, audits = Desk(first_id=71_001), list[dict[str, Any]]()
    for dialogue in made:
        ticket = desk.add(dialogue)
        ticket["via"] = {"channel": "native_messaging", "source": {"from": {}, "to": {}, "rel": None}}
        desk.forget_comments(ticket["id"])
        copy = "\n".join(f"({iso(line.at, '%H:%M:%S')}) {line.role}: {line.text}" for line in dialogue.lines)
        ticket["description"] = "Conversation with web user"
        ticket["comments"] = [_flat_copy(ticket, copy, dialogue.lines[0].at)]
        audits.append(_chat_audit(ticket, dialogue))
    audits[0]["events"].append({"id": 1, "type": "SurveyOffered", "author_id": -1})
    audits.append({**audits[1], "id": 9_999, "events": [{"id": 9, "type": "Comment"}], "ticket_id": 1})
    book.text(f"{MESSAGING}/tickets.ndjson", "\n".join(compact(ticket) for ticket in desk.tickets) + "\n")
    book.text(f"{MESSAGING}/audits.json", _page("audits", audits))
    book.text(f"{MESSAGING}/users.json", _page("users", list(desk.users.values())))


def _flat_copy(ticket: dict[str, Any], text: str, at: int) -> dict[str, Any]:
    return {
        "id": ticket["id"] * 100, "type": "Comment", "author_id": ticket["requester_id"], "body": text, "html_body": "",
        "public": True, "attachments": [], "via": {"channel": "native_messaging"}, "created_at": iso(at),
    }  # fmt: skip


def _chat_audit(ticket: dict[str, Any], dialogue: Dialogue) -> dict[str, Any]:
    history = [_chat_item(ticket, number, line) for number, line in enumerate(dialogue.lines)]
    value = {"chat_id": f"c{ticket['id']}", "visitor_id": "v", "history": history}
    ended = {"id": ticket["id"] * 10 + 1, "type": "ChatEndedEvent", "value": {"chat_id": value["chat_id"]}}
    events = [{"id": ticket["id"] * 10, "type": "ChatStartedEvent", "value": value}, ended]
    return {"id": ticket["id"] * 10 + 5, "ticket_id": ticket["id"], "author_id": ticket["requester_id"],
            "created_at": iso(dialogue.lines[0].at), "via": ticket["via"], "events": events}  # fmt: skip


def _chat_item(ticket: dict[str, Any], number: int, line: Line) -> dict[str, Any]:
    actor = {"customer": ticket["requester_id"], "agent": f"agent:{ticket['assignee_id']}", "system": "__system"}
    item: dict[str, Any] = {
        "type": "ChatJoin" if line.role == "system" else "ChatMessage", "chat_index": number, "message": line.text,
        "message_id": f"{ticket['id']}-{number}", "actor_id": actor.get(line.role, BOT_ID),
        "actor_type": ACTORS[line.role], "timestamp": line.at * 1000,
    }  # fmt: skip
    if line.role == "bot":
        item["original_message"] = {"author": {"type": "business", "subtypes": ["AI"], "display_name": "Lindwurm bot"},
                                    "content": {"type": "text", "text": line.text}}  # fmt: skip
    return item


def _side_conversations(book: Book, made: list[Dialogue]) -> None:
    """Write tickets with what their agents asked the depot, once with the messages and once without."""
    desk = Desk(first_id=72_001)
    for dialogue in made:
        desk.add(dialogue)
    agent = {"user_id": desk.tickets[0]["assignee_id"], "name": made[0].agent, "email": "agents@lindwurm.example.com"}
    depot = {"user_id": None, "name": "Depot", "email": "depot@example.com"}
    sides = [_side(ticket, number, [agent, depot]) for number, ticket in enumerate(desk.tickets)]
    asked = [(agent, depot, "Could you check whether the last parcel on this order has left your ramp?"),
             (depot, agent, "It left at noon, the driver signed for it.")]  # fmt: skip
    events = [_side_event(sides[0], number, *entry) for number, entry in enumerate(asked)]
    closed = {"id": "e9", "type": "update", "message": None, "created_at": "2026-01-05T13:00:00Z"}
    events.append({**events[0], **closed})
    folder = f"{MESSAGING}/side"
    rated = {
        "id": 5,
        "ticket_id": desk.tickets[1]["id"],
        "requester_id": desk.tickets[1]["requester_id"],
        "score": "bad",
        "comment": "Took far too long",
        "reason": "No reason",
        "created_at": "2026-02-01T00:00:00Z",
    }
    book.text(f"{folder}/tickets.json", _page("tickets", desk.tickets))
    book.text(f"{folder}/comments.json", _page("comments", desk.comments))
    book.text(f"{folder}/side_conversations.json", _page("side_conversations", sides))
    book.text(f"{folder}/side_conversation_events.json", _page("events", events))
    book.text(f"{folder}/satisfaction_ratings.json", _page("satisfaction_ratings", [rated]))


def _side(ticket: dict[str, Any], number: int, people: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"8566255a-ece5-11e8-857d-49306600000{number}", "ticket_id": ticket["id"], "subject": "A parcel",
        "state": "closed", "participants": people, "preview_text": "Could you check whether the last parcel",
        "created_at": "2026-01-05T11:00:00Z", "message_added_at": "2026-01-05T12:00:00Z", "external_ids": {},
    }  # fmt: skip


def _side_event(side: dict[str, Any], number: int, sender: Json, reader: Json, text: str) -> dict[str, Any]:
    message = {"subject": side["subject"], "body": text, "html_body": None, "from": sender, "to": [reader]}
    return {
        "id": f"e{number}", "side_conversation_id": side["id"], "ticket_id": side["ticket_id"], "actor": sender,
        "type": "reply" if number else "create", "via": "support", "created_at": f"2026-01-05T1{1 + number}:00:00Z",
        "message": message,
    }  # fmt: skip


def _fivetran(book: Book, made: list[Dialogue]) -> None:
    desk = Desk(first_id=73_001)
    tickets = [_ticket_row(desk.add(dialogue)) for dialogue in made]
    tickets[0]["merged_ticket_ids"] = f"[{tickets[1]['id']}]"
    comments = [_comment_row(comment) for comment in desk.comments]
    comments.append({**comments[0], "id": 1, "ticket_id": 999_999})
    told = ("id", "name", "email", "phone", "role", "locale", "time_zone")
    users = [{**{name: user[name] for name in told}, "active": "TRUE", "suspended": "FALSE", "_fivetran_synced": SYNCED}
             for user in desk.users.values()]  # fmt: skip
    tags = [{"ticket_id": ticket["id"], "_fivetran_synced": SYNCED, "tag": tag}
            for ticket in desk.tickets for tag in ticket["tags"]]  # fmt: skip
    changes = [{"field_name": "status", "ticket_id": row["id"], "updated": row["updated_at"], "value": row["status"],
                "_fivetran_synced": SYNCED, "user_id": row["assignee_id"]} for row in tickets]  # fmt: skip
    rows = {"ticket": tickets, "ticket_comment": comments, "user": users, "ticket_tag": tags,
            "ticket_field_history": changes}  # fmt: skip
    for name, table in rows.items():
        book.text(f"{FIVETRAN}/{name}.csv", _table(table))


def _ticket_row(ticket: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "status", "subject", "description", "priority", "requester_id", "submitter_id", "assignee_id",
             "brand_id", "type", "url", "recipient")  # fmt: skip
    source = ticket["via"]["source"]
    return {
        **{name: ticket[name] for name in names}, "_fivetran_synced": SYNCED, "is_public": "TRUE",
        "created_at": _spaced(ticket["created_at"]), "updated_at": _spaced(ticket["updated_at"]),
        "via_channel": ticket["via"]["channel"], "via_source_from_address": source["from"].get("address"),
        "via_source_rel": None, "merged_ticket_ids": "[]", "via_followup_source_id": None,
    }  # fmt: skip


def _comment_row(comment: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": comment["id"], "_fivetran_synced": SYNCED, "body": comment["body"],
        "created": _spaced(comment["created_at"]),
        "facebook_comment": "FALSE", "public": str(comment["public"]).upper(), "ticket_id": comment["ticket_id"],
        "tweet": "FALSE", "user_id": comment["author_id"], "voice_comment": "FALSE",
    }  # fmt: skip


def _airbyte(book: Book, made: list[Dialogue]) -> None:
    desk = Desk(first_id=74_001)
    for dialogue in made:
        desk.add(dialogue)
    rows = {"tickets": desk.tickets, "ticket_comments": desk.comments, "users": list(desk.users.values())}
    for name, records in rows.items():
        table = [STAMPS | {key: _cell(value) for key, value in record.items()} for record in records]
        book.text(f"{AIRBYTE}/{name}.csv", _table(table))


def _xml(book: Book, made: list[Dialogue]) -> None:
    """Write tickets as the XML export has them, in the older names of the API."""
    desk = Desk(first_id=75_001)
    tickets = "\n".join(_xml_ticket(desk, desk.add(dialogue)) for dialogue in made)
    opening = f'<?xml version="1.0" encoding="UTF-8"?>\n<tickets type="array" count="{len(made)}">'
    book.text("zendesk/xml/tickets.xml", f"{opening}\n{tickets}\n</tickets>\n")


def _xml_ticket(desk: Desk, ticket: Json) -> str:
    fields = {
        "nice-id": ticket["id"], "subject": ticket["subject"], "description": ticket["description"],
        "status-id": 4, "priority-id": 2, "requester-id": ticket["requester_id"],
        "submitter-id": ticket["submitter_id"], "assignee-id": ticket["assignee_id"],
        "current-tags": " ".join(ticket["tags"]), "via-id": 4, "created-at": ticket["created_at"],
        "updated-at": ticket["updated_at"],
    }  # fmt: skip
    comments = [
        {"author-id": one["author_id"], "created-at": one["created_at"], "is-public": str(one["public"]).lower(),
         "value": one["body"], "via-id": 4}
        for one in desk.comments_of(ticket["id"])
    ]  # fmt: skip
    inner = "\n".join(f"<comment>{_xml_fields(comment)}</comment>" for comment in comments)
    return f'<ticket>\n{_xml_fields(fields)}\n<comments type="array">\n{inner}\n</comments>\n</ticket>'


def _xml_fields(fields: Json) -> str:
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())


def _cell(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else value


def _spaced(time: str) -> str:
    return time.replace("T", " ").removesuffix("Z")


def _table(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _page(name: str, items: list[dict[str, Any]]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"{name}":[\n{lines}\n],"count":{len(items)},"next_page":null}}\n'

"""Write sample_logs/intercom: conversations with their parts, a list page without parts, and the admins."""

import html
import json
from typing import Any

from samples.book import Book
from samples.desk import RECEIVED
from samples.fill import SUPPORT
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio, exact_copy, near_copy, opening

FOLDER = "intercom/2026-05"
MESSENGER = Setting(bots=True, notes=True, pace=(20, 900))
FIRST_ID, FIRST_PART, BOT = 215_001, 9_040_000_001, "7700001"


def write_intercom(studio: Studio, book: Book) -> None:
    """Write the folder of one export."""
    file = f"{FOLDER}/conversations.json"
    made = studio.many({"en": 25, "de": 3, "fr": 1, "es": 1, "nl": 1}, MESSENGER)
    made += [studio.odd(code, MESSENGER) for code in ("no_agent", "angry_caps", "short_thanks")]
    made += [exact_copy(made[3]), near_copy(made[6], studio.chance)]
    named = [(str(FIRST_ID + at), dialogue) for at, dialogue in enumerate(made)]
    items: list[Any] = [_conversation(ident, dialogue) for ident, dialogue in named]
    book.enter_all(file, named)
    _closing(items)
    _oddities(items, book, file)
    book.text(file, _page("conversations", items))
    _newest(studio, book)
    admins = [_admin(name) for name in AGENTS]
    book.text(f"{FOLDER}/admins.json", _page("admins", admins))


def _newest(studio: Studio, book: Book) -> None:
    """Write a list page as the API gives it: of each conversation its source and no parts."""
    file = f"{FOLDER}/newest.json"
    made = [opening(studio.take("en", Setting()), "no_agent") for _ in range(4)]
    named = [(str(FIRST_ID + 500 + at), dialogue) for at, dialogue in enumerate(made)]
    items = [_conversation(ident, dialogue) for ident, dialogue in named]
    for item in items:
        del item["conversation_parts"]
    book.enter_all(file, named)
    book.text(file, _page("conversations", items))


def _conversation(ident: str, dialogue: Dialogue) -> dict[str, Any]:
    customer, start = dialogue.customer, dialogue.lines[0].at
    dialogue.plant_fields(person=customer.full, email_address=customer.email)
    dialogue.plant_fields(person=dialogue.agent, phone_number=customer.phone)
    is_mail = start % 3 == 0 and dialogue.lines[0].role == "customer"
    parts = [_part(ident, at, dialogue, line) for at, line in enumerate(dialogue.lines[1:], 1)]
    return {
        "type": "conversation",
        "id": ident,
        "title": None,
        "created_at": start,
        "updated_at": dialogue.lines[-1].at + 60,
        "source": _source(ident, dialogue, is_mail=is_mail),
        "contacts": {
            "type": "contact.list",
            "contacts": [{"type": "contact", "id": _contact(dialogue), "external_id": f"u{customer.ident:04}"}],
        },
        "admin_assignee_id": int(_admin(dialogue.filler.agent)["id"]),
        "open": False,
        "state": ("closed", "closed", "open", "snoozed")[int(ident) % 4],
        "read": True,
        "priority": ("not_priority", "priority")[int(ident) % 5 == 0],
        "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "31", "name": dialogue.scene.domain}]},
        "conversation_rating": _rating(dialogue),
        "custom_attributes": {"phone": customer.phone},
        "conversation_parts": {
            "type": "conversation_part.list",
            "conversation_parts": parts,
            "total_count": len(parts),
        },
    }


def _source(ident: str, dialogue: Dialogue, *, is_mail: bool) -> dict[str, Any]:
    line = dialogue.lines[0]
    source = {
        "type": "email" if is_mail else "conversation",
        "id": str(3_300_000_000 + int(ident)),
        "delivered_as": "customer_initiated" if line.role == "customer" else "operator_initiated",
        "subject": f"<p>{html.escape(dialogue.scene.subject or '', quote=False)}</p>" if is_mail else "",
        "body": _paragraphs(line.text),
        "author": _author(dialogue, line),
        "attachments": [],
        "redacted": False,
    }
    if is_mail and int(ident) % 2:
        quoted = f"<blockquote>{_paragraphs(RECEIVED)}</blockquote>"
        source["email_message_metadata"] = {
            "message_id": f"{ident}@mail.example.com",
            "email_address_headers": [{"type": "to", "email_address": SUPPORT[dialogue.scene.domain]}],
            "history": quoted,
        }
    return source


def _part(ident: str, at: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    return {
        "type": "conversation_part",
        "id": str(FIRST_PART + int(ident) * 100 + at),
        "part_type": "note" if line.role == "note" else "comment",
        "body": _paragraphs(line.text),
        "created_at": line.at,
        "updated_at": line.at,
        "author": _author(dialogue, line),
        "attachments": _attachments(ident) if len(line.text) % 17 == 0 else [],
        "redacted": False,
    }


def _author(dialogue: Dialogue, line: Line) -> dict[str, Any]:
    if line.role == "customer":
        customer = dialogue.customer
        return {
            "type": ("user", "lead")[customer.ident % 3 == 0],
            "id": _contact(dialogue),
            "name": customer.full,
            "email": customer.email,
        }
    if line.role == "bot":
        is_ai = dialogue.filler.start % 2 == 0
        return {"type": "bot", "id": BOT, "name": "Operator", "email": None, "from_ai_agent": is_ai}
    return {
        key: value for key, value in _admin(dialogue.filler.agent).items() if key in ("type", "id", "name", "email")
    }


def _admin(name: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "admin",
        "id": str(4_077_000 + AGENTS.index(name)),
        "name": " ".join(name),
        "email": f"{fold(name[0])}@agents.lindwurm.example.com",
        "away_mode_enabled": False,
        "has_inbox_seat": True,
    }


def _contact(dialogue: Dialogue) -> str:
    return f"66f2a1c40e77b9{dialogue.customer.ident:010x}"


def _rating(dialogue: Dialogue) -> dict[str, Any] | None:
    if dialogue.rating is None:
        return None
    return {"rating": dialogue.rating, "remark": None, "created_at": dialogue.lines[-1].at + 30}


def _attachments(ident: str) -> list[dict[str, Any]]:
    url = f"https://files.lindwurm.example.com/{ident}/photo.jpg"
    return [{"type": "upload", "name": "photo.jpg", "url": url, "content_type": "image/jpeg", "filesize": 184_320}]


def _closing(items: list[dict[str, Any]]) -> None:
    """Let agents assign and close, every fourth time with the last thing they say as the text of the closing."""
    for item in items:
        parts = item["conversation_parts"]["conversation_parts"]
        spoken = [part for part in parts if part["author"]["type"] == "admin" and part["part_type"] == "comment"]
        if not spoken:
            continue
        shared = {"author": spoken[0]["author"], "attachments": [], "redacted": False, "body": None}
        number, first, last = int(item["id"]), spoken[0]["created_at"] - 1, parts[-1]["created_at"] + 50
        ident = FIRST_PART + 50_000_000 + number * 2
        parts.insert(0, _event(ident, "assignment", first) | shared)
        if number % 4 == 0 and parts[-1] is spoken[-1]:
            parts[-1]["part_type"] = "close"
        else:
            parts.append(_event(ident + 1, "close", last) | shared)
        item["conversation_parts"]["total_count"] = len(parts)


def _event(ident: int, name: str, at: int) -> dict[str, Any]:
    return {"type": "conversation_part", "id": str(ident), "part_type": name, "created_at": at, "updated_at": at}


def _oddities(items: list[Any], book: Book, file: str) -> None:
    """Break what real exports have broken: a cut head, a redacted part, records that are none."""
    items[4]["conversation_parts"]["total_count"] += 500
    book.damage(file, "more parts than the API gives", f"record 5, conversation {items[4]['id']}", "repair")
    parts = items[7]["conversation_parts"]["conversation_parts"]
    gone = _event(FIRST_PART + 90_000_000, "comment", parts[-1]["created_at"] + 5)
    parts.append(gone | {"author": parts[-1]["author"], "body": None, "attachments": [], "redacted": True})
    items[7]["conversation_parts"]["total_count"] += 1
    book.damage(file, "a part that was redacted in Intercom", f"record 8, conversation {items[7]['id']}", "repair")
    items.insert(20, "not a conversation at all")
    book.damage(file, "an item that is no object", "record 21")
    items.append({"type": "conversation", "created_at": 1_770_000_000, "source": {"body": "<p>Who am I?</p>"}})
    book.damage(file, "a conversation without an id", f"record {len(items)}")


def _page(name: str, items: list[Any]) -> str:
    lines = ",\n".join(json.dumps(item, ensure_ascii=False, separators=(",", ":")) for item in items)
    kind = {"conversations": "conversation.list", "admins": "admin.list"}[name]
    return f'{{"type":"{kind}","pages":{{"type":"pages","page":1,"total_pages":1}},"{name}":[\n{lines}\n]}}\n'


def _paragraphs(text: str) -> str:
    blocks = [html.escape(block, quote=False).replace("\n", "<br>") for block in text.split("\n\n")]
    return "".join(f"<p>{block}</p>" for block in blocks)

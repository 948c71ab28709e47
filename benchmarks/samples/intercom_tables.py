"""Write sample_logs/intercom's tables: as Fivetran lays them out, and as Airbyte does, flat, raw and as Parquet."""

import csv
import io
import json
from typing import Any

import polars as pl
from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_025
CHAT = Setting(bots=True, notes=True, pace=(20, 900))
FIRST, FIRST_PART, FIRST_ADMIN, BOT = 156_643_300_001_001, 6_862_000_001, 4_077_000, "7700001"
SYNCED = "2026-06-01 00:00:00.000000"
STAMPS = {"_airbyte_extracted_at": "2026-06-01T00:00:00Z", "_airbyte_meta": "{}"}


def write_intercom_tables(book: Book) -> None:
    """Write the three folders."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 10, "pt": 1}, CHAT), FIRST))
    _fivetran(book, made[:5])
    _airbyte(book, made[5:9])
    _airbyte_raw(book, made[9:])


def _fivetran(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    chats = [row for one in made for row in _versions(*one)]
    parts = [_part_row(at, n, one, line) for at, one in made for n, line in enumerate(one.lines[1:], 1)]
    parts.insert(1, {**parts[0], "body": "<p>A first wording, edited since.</p>", "_fivetran_active": "false"})
    parts.append({**parts[2], "conversation_id": 99})
    folder = "intercom/fivetran"
    book.text(f"{folder}/conversation_history.csv", _table(chats))
    book.text(f"{folder}/conversation_part_history.csv", _table(parts))
    admins = [{"id": FIRST_ADMIN + at, "_fivetran_deleted": "false", "_fivetran_synced": SYNCED, "job_title": "",
               "email": _mail(name), "name": " ".join(name)} for at, name in enumerate(AGENTS)]  # fmt: skip
    book.text(f"{folder}/admin.csv", _table(admins))
    contacts = [{"id": _contact(one), "updated_at": SYNCED, "_fivetran_active": "true", "_fivetran_synced": SYNCED,
                 "role": "user", "unsubscribed_from_emails": "false", "email": one.customer.email,
                 "name": one.customer.full, "phone": one.customer.phone} for _, one in made]  # fmt: skip
    book.text(f"{folder}/contact_history.csv", _table(contacts))
    tags = [{"id": 46_000 + at, "_fivetran_deleted": "false", "_fivetran_synced": SYNCED, "name": name}
            for at, name in enumerate(("order", "invoice", "delivery"))]  # fmt: skip
    book.text(f"{folder}/tag.csv", _table(tags))
    tagged = [{"tag_id": 46_000 + n % 4, "conversation_id": at, "conversation_updated_at": SYNCED,
               "_fivetran_synced": SYNCED, "_fivetran_active": "true"} for n, (at, _) in enumerate(made)]  # fmt: skip
    book.text(f"{folder}/conversation_tag_history.csv", _table(tagged))


def _versions(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    """Give a conversation's row as it is, and as it was while it was open."""
    first = dialogue.lines[0]
    now = {
        "id": at, "updated_at": _time(dialogue.lines[-1].at), "_fivetran_synced": SYNCED,
        "assignee_id": _admin_id(dialogue), "assignee_type": "admin", "conversation_rating_remark": "",
        "conversation_rating_value": dialogue.rating or "", "created_at": _time(first.at), "priority": "not_priority",
        "source_author_id": _author(dialogue, first)[1], "source_author_type": _author(dialogue, first)[0],
        "source_delivered_as": "customer_initiated", "source_id": 668_000_000 + at % 1000,
        "source_type": "conversation", "state": "closed", "source_body": f"<p>{first.text}</p>", "source_subject": "",
        "_fivetran_active": "true",
    }  # fmt: skip
    return [{**now, "updated_at": now["created_at"], "state": "open", "_fivetran_active": "false"}, now]


def _part_row(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    kind, author = _author(dialogue, line)
    return {
        "id": FIRST_PART + at % 1000 * 100 + number, "updated_at": _time(line.at), "_fivetran_synced": SYNCED,
        "author_id": author, "author_type": kind, "conversation_id": at, "created_at": _time(line.at),
        "part_type": "note" if line.role == "note" else "comment", "body": f"<p>{line.text}</p>",
        "_fivetran_active": "true",
    }  # fmt: skip


def _airbyte(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    """Write streams with their fields as columns: conversations as CSV, with JSON as text, parts as Parquet."""
    chats = [{"_airbyte_raw_id": f"c{at}", **STAMPS, **_texts(_chat(at, one))} for at, one in made]
    book.text("intercom/airbyte/conversations.csv", _table(chats))
    parts = [{"_airbyte_raw_id": f"p{at}-{n}", **STAMPS, **_part(at, n, one, line)}
             for at, one in made for n, line in enumerate(one.lines[1:], 1)]  # fmt: skip
    parts[0]["conversation_total_parts"] += 3
    pl.DataFrame(parts).write_parquet(book.path("intercom/airbyte/conversation_parts.parquet"))


def _airbyte_raw(book: Book, made: list[tuple[int, Dialogue]]) -> None:
    """Write streams as Airbyte does where it changes nothing: the record as JSON in a column, or in a field."""
    chats = [{"_airbyte_ab_id": f"c{at}", "_airbyte_emitted_at": 1_780_000_000_000,
              "_airbyte_data": compact(_chat(at, one))} for at, one in made]  # fmt: skip
    book.text("intercom/airbyte_raw/conversations.csv", _table(chats))
    parts = [{"_airbyte_ab_id": f"p{at}-{n}", "_airbyte_emitted_at": 1_780_000_000_000,
              "_airbyte_data": _part(at, n, one, line)}
             for at, one in made for n, line in enumerate(one.lines[1:], 1)]  # fmt: skip
    book.text("intercom/airbyte_raw/conversation_parts.jsonl", "\n".join(map(compact, parts)) + "\n")


def _chat(at: int, dialogue: Dialogue) -> dict[str, Any]:
    first = dialogue.lines[0]
    kind, author = _author(dialogue, first)
    return {
        "type": "conversation", "id": str(at), "created_at": first.at, "updated_at": dialogue.lines[-1].at,
        "state": "closed", "open": False, "read": True, "priority": "not_priority",
        "source": {"type": "conversation", "id": str(at % 1000), "delivered_as": "customer_initiated", "subject": "",
                   "body": f"<p>{first.text}</p>", "author": {"type": kind, "id": author}, "attachments": []},
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": _contact(dialogue)}]},
        "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "1", "name": dialogue.scene.domain}]},
        "conversation_rating": {"rating": dialogue.rating, "remark": None} if dialogue.rating else None,
        "statistics": {"type": "conversation_statistics", "count_conversation_parts": len(dialogue.lines) - 1},
    }  # fmt: skip


def _part(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    kind, author = _author(dialogue, line)
    return {
        "type": "conversation_part", "id": str(FIRST_PART + at % 1000 * 100 + number), "conversation_id": str(at),
        "part_type": "note" if line.role == "note" else "comment", "body": f"<p>{line.text}</p>",
        "created_at": line.at, "updated_at": line.at, "conversation_total_parts": len(dialogue.lines) - 1,
        "author": {"type": kind, "id": author, "name": None, "email": None}, "redacted": False,
    }  # fmt: skip


def _author(dialogue: Dialogue, line: Line) -> tuple[str, str]:
    authors = {"customer": ("user", _contact(dialogue)), "bot": ("bot", BOT)}
    return authors.get(line.role, ("admin", _admin_id(dialogue)))


def _admin_id(dialogue: Dialogue) -> str:
    return str(FIRST_ADMIN + AGENTS.index(dialogue.filler.agent))


def _contact(dialogue: Dialogue) -> str:
    return f"5f7295ca37f0d7{dialogue.customer.ident:010x}"


def _mail(name: tuple[str, str]) -> str:
    return f"{fold(name[0])}@agents.lindwurm.example.com"


def _time(at: int) -> str:
    return iso(at, "%Y-%m-%d %H:%M:%S")


def _texts(record: dict[str, Any]) -> dict[str, Any]:
    """Write objects as JSON text, as tables hold them."""
    return {name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
            for name, value in record.items()}  # fmt: skip


def _table(rows: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()

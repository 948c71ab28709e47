"""Write sample_logs/tables: CSV with and without UTF-8, a workbook, and Parquet."""

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
from samples.book import Book
from samples.fill import SUPPORT
from samples.studio import Dialogue, Line, Setting, Studio, exact_copy, near_copy
from samples.workbook import Cell, write_workbook

CHAT = Setting(bots=True, events=True, notes=True)
EXCEL_EPOCH = -2_209_161_600  # 1899-12-30 in epoch seconds


def write_tables(studio: Studio, book: Book) -> None:
    """Write the four tables."""
    _chats(studio, book)
    _legacy(studio, book)
    _calls(studio, book)
    _transcripts(studio, book)


def iso(at: int, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Write epoch seconds in UTC."""
    return datetime.fromtimestamp(at, tz=UTC).strftime(form)


def _chats(studio: Studio, book: Book) -> None:
    file, chance = "tables/chats.csv", studio.chance
    made = studio.many({"en": 44, "de": 5, "fr": 3, "es": 3, "it": 2, "nl": 2, "pt": 2, "zh": 1, "mixed": 1}, CHAT)
    odd = (
        "short_refund",
        "short_hi",
        "gibberish",
        "test_conversation",
        "no_agent",
        "no_agent",
        "angry_caps",
        "macro_only",
    )
    made += [studio.odd(code, CHAT) for code in odd]
    made += [studio.garbled("zero_width", "en", CHAT)]
    plain = [one for one in made if not one.traits]
    made += [exact_copy(plain[at]) for at in (0, 4, 8)] + [near_copy(plain[at], chance) for at in (1, 5, 9)]
    rows = [["conversation_id", "timestamp", "sender_type", "sender_name", "sender_email", "message", "channel", "csat",
             "visibility"]]  # fmt: skip
    named = [(f"chat-{number:04}", dialogue) for number, dialogue in enumerate(made, 1)]
    for ident, dialogue in named:
        form = "%Y-%m-%d %H:%M:%S" if ident[-1] in "369" else "%Y-%m-%dT%H:%M:%SZ"
        rows += [_chat_row(ident, dialogue, line, form) for line in dialogue.lines]
    book.enter_all(file, named)
    ends = [at for at in range(2, len(rows)) if rows[at][0] != rows[at - 1][0]]
    rows.insert(ends[8], ["chat-0009", "2026-01-01T00:00:00Z", "agent"])
    book.damage(file, "short row: three of nine columns", f"row {ends[8] + 1}")
    rows.insert(
        ends[20],
        ["", "2026-01-02T00:00:00Z", "customer", "", "", "Hello, which conversation am I in?", "web", "", "public"],
    )
    book.damage(file, "a turn without conversation_id", f"row {ends[20] + 1}")
    book.text(file, _csv(rows, delimiter=","), "utf-8-sig")


def _chat_row(ident: str, dialogue: Dialogue, line: Line, form: str) -> list[str]:
    name, email = _sender(dialogue, line.role)
    sender = "agent" if line.role == "note" else line.role
    rating = str(dialogue.rating) if dialogue.rating and line is dialogue.lines[-1] else ""
    visibility = "internal" if line.role in ("note", "system") else "public"
    return [ident, iso(line.at, form), sender, name, email, line.text, "web chat", rating, visibility]


def _sender(dialogue: Dialogue, role: str) -> tuple[str, str]:
    if role == "customer":
        dialogue.plant_fields(person=dialogue.customer.full, email_address=dialogue.customer.email)
        return dialogue.customer.full, dialogue.customer.email
    if role in ("agent", "note"):
        dialogue.plant_fields(person=dialogue.agent)
        return dialogue.agent, SUPPORT[dialogue.scene.domain]
    return {"bot": "Assistant"}.get(role, ""), ""


def _csv(rows: list[list[str]], *, delimiter: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _legacy(studio: Studio, book: Book) -> None:
    file, senders = "tables/legacy_cp1252.csv", {"customer": "Kunde", "agent": "Mitarbeiter", "system": "System"}
    made = studio.many({"de": 30}, Setting(pace=(600, 9000)))
    made += [exact_copy(made[3]), near_copy(made[6], studio.chance)]
    rows = [["Vorgang", "Datum", "Absender", "Name", "E-Mail", "Text", "Kanal"]]
    named = [(f"V{20_000 + number}", dialogue) for number, dialogue in enumerate(made, 1)]
    for ident, dialogue in named:
        for line in dialogue.lines:
            name, email = _sender(dialogue, line.role)
            text = line.text.encode("cp1252", "ignore").decode("cp1252").strip()
            rows.append([ident, iso(line.at, "%d.%m.%Y %H:%M"), senders[line.role], name, email, text, "E-Mail"])
    book.enter_all(file, named)
    rows.append(["V20099", "31.02.2026 25:61", "Kunde", "", ""])
    book.damage(file, "short last row with a day that does not exist", f"row {len(rows)}")
    book.text(file, _csv(rows, delimiter=";"), "cp1252")


def _calls(studio: Studio, book: Book) -> None:
    file = "tables/calls.xlsx"
    made = studio.many({"en": 26, "de": 3}, Setting(events=True, pace=(5, 40)))
    made.append(near_copy(made[2], studio.chance))
    rows: list[list[Cell]] = [["Call ID", "Started", "Line", "Speaker", "Text", "Agent", "Caller number", "Seconds"]]
    speakers = {"customer": "Caller", "agent": "Agent", "system": "System"}
    named = [(f"CALL-{number:03}", dialogue) for number, dialogue in enumerate(made, 1)]
    for ident, dialogue in named:
        started, last = dialogue.lines[0].at, dialogue.lines[-1].at
        dialogue.plant_fields(person=dialogue.agent, phone_number=dialogue.customer.phone)
        ends: list[Cell] = [dialogue.agent, dialogue.customer.phone, last - started + 20]
        moment = round((started - EXCEL_EPOCH) / 86_400, 6)
        rows += [
            [ident, moment, at, speakers[line.role], line.text, *ends] for at, line in enumerate(dialogue.lines, 1)
        ]
    book.enter_all(file, named)
    rows.insert(40, [])
    rows.append([None, None, 1, "Caller", "(line without a call)", None, None, None])
    book.damage(file, "an empty row in the middle", "row 41", "nothing")
    book.damage(file, "a line without Call ID", f"row {len(rows)}")
    write_workbook(book.path(file), "Calls", rows)


def _transcripts(studio: Studio, book: Book) -> None:
    file = "tables/transcripts.parquet"
    made = studio.many({"en": 27, "de": 3, "fr": 2, "es": 1, "pt": 1, "zh": 1}, Setting(bots=True))
    made += [studio.odd(code, Setting()) for code in ("emoji_only", "short_thanks", "no_customer")]
    made += [exact_copy(made[1]), near_copy(made[3], studio.chance)]
    named = [(f"tr_{number:05}", dialogue) for number, dialogue in enumerate(made, 1)]
    rows = [_transcript(ident, dialogue) for ident, dialogue in named]
    book.enter_all(file, named)
    rows.append({**rows[0], "chat_id": "tr_90001", "transcript": '[{"from": "customer", "text": "cut off in the mid'})
    rows.append({**rows[0], "chat_id": "tr_90002", "transcript": None})
    book.damage(file, "a transcript that is no JSON", f"row {len(rows) - 1}")
    book.damage(file, "a conversation without a transcript", f"row {len(rows)}")
    pl.DataFrame(rows).write_parquet(book.path(file), compression="zstd", statistics=False)


def _transcript(ident: str, dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    dialogue.plant_fields(person=customer.full, email_address=customer.email, phone_number=customer.phone)
    dialogue.plant_fields(person=dialogue.agent)
    turns = [
        {"from": line.role, "text": line.text, "at": iso(line.at)} for line in dialogue.lines if line.role != "system"
    ]
    return {
        "chat_id": ident,
        "opened_at": datetime.fromtimestamp(dialogue.lines[0].at, tz=UTC),
        "channel": "chat",
        "customer_name": customer.full,
        "customer_email": customer.email,
        "customer_phone": customer.phone,
        "agent_name": dialogue.agent,
        "rating": float(dialogue.rating) if dialogue.rating else None,
        "transcript": json.dumps(turns, ensure_ascii=False),
    }

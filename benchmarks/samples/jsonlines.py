"""Write sample_logs/jsonlines: one conversation a line (gzipped), and one turn a line, with broken lines."""

import gzip
import io
import json
from collections.abc import Mapping
from typing import Any

from samples.book import Book
from samples.studio import Dialogue, Line, Setting, Studio, exact_copy, near_copy
from samples.tables import iso

APP = Setting(bots=True, events=True, pace=(8, 120))
EVENTS = Setting(bots=True, events=True, notes=True, drafts=True)
SPEAKERS = {"customer": "user", "agent": "agent", "bot": "bot", "system": "system"}
ACTORS = {
    "customer": "visitor",
    "agent": "operator",
    "note": "operator",
    "draft": "operator",
    "bot": "bot",
    "system": "system",
}
HUGE_ID = "98765432109876543210123"  # 23 digits: more than a 64-bit number holds


def write_jsonlines(studio: Studio, book: Book) -> None:
    """Write both files."""
    _app_chats(studio, book)
    _events(studio, book)


def compact(value: Mapping[str, Any]) -> str:
    """Write JSON on one line, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _app_chats(studio: Studio, book: Book) -> None:
    file = "jsonlines/app_chats.jsonl.gz"
    made = studio.many({"en": 36, "de": 6, "fr": 2, "es": 2, "it": 1, "nl": 1, "pt": 1, "zh": 1, "mixed": 2}, APP)
    odd = ("short_refund", "emoji_only", "gibberish", "insult", "no_agent", "macro_only", "short_thanks")
    made += [studio.odd(code, APP) for code in odd] + [studio.garbled("mojibake", "de", APP) for _ in range(3)]
    made += [studio.garbled("zero_width", "en", APP)]
    made += [exact_copy(made[2]), near_copy(made[5], studio.chance), near_copy(made[11], studio.chance)]
    named = [(f"app-{number:05}", dialogue) for number, dialogue in enumerate(made, 1)]
    lines = [compact(_app_chat(ident, dialogue)) for ident, dialogue in named]
    book.enter_all(file, named)
    lines.insert(10, '{"id":"app-broken-1","meta":{"channel":"in_app"},"turns":[{"speaker":"user","text":"this li')
    book.damage(file, "a line that is no JSON, in the middle", "line 11")
    lines.insert(30, '["just","a","list"]')
    book.damage(file, "a line that is no object", "line 31")
    lines.append('{"id":"app-broken-2","meta":{"channel":"in_app"},"turns":[{"speaker":"us')
    book.damage(file, "the last line is truncated", f"line {len(lines)}")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream:
        stream.write("\n".join(lines).encode())
    book.path(file).write_bytes(packed.getvalue())


def _app_chat(ident: str, dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    dialogue.plant_fields(person=customer.full, email_address=customer.email)
    meta = {
        "channel": "in_app",
        "locale": f"{customer.language}_{customer.country}",
        "app": {"version": "7.4.0", "os": "android" if customer.ident % 2 else "ios"},
        "user": {"id": f"u{customer.ident:04}", "name": customer.full, "email": customer.email},
        "opened": iso(dialogue.lines[0].at),
        "rating": dialogue.rating,
    }
    turns = [{"speaker": SPEAKERS[line.role], "text": line.text, "ts": line.at * 1000} for line in dialogue.lines]
    return {"id": ident, "meta": meta, "turns": turns}


def _events(studio: Studio, book: Book) -> None:
    file = "jsonlines/events.jsonl"
    made = studio.many({"en": 31, "de": 3, "fr": 1, "es": 1, "it": 1, "nl": 1}, EVENTS)
    made += [studio.odd(code, EVENTS) for code in ("short_hi", "test_conversation", "one_liner_agent", "spam_seo")]
    made += [exact_copy(made[0]), near_copy(made[4], studio.chance)]
    named = [(HUGE_ID if at == 6 else f"{7_000_001 + at}", dialogue) for at, dialogue in enumerate(made)]
    lines = [
        _event(ident, seq, dialogue, line, spelling=at % 5)
        for at, (ident, dialogue) in enumerate(named)
        for seq, line in enumerate(dialogue.lines)
    ]
    book.enter_all(file, named)
    thread = (
        '{"thread":"7000900","seq":%d,"at":"2026-02-01T10:00:0%dZ","actor":{"kind":"%s"},"body":"%s","internal":false}'
    )
    lines += [
        thread % (0, 0, "visitor", "half a smiley \\ud83d in here, can you read it?"),
        thread % (1, 1, "operator", "Yes, all fine."),
    ]
    book.damage(file, "a lone surrogate escape: readable after repair", f"line {len(lines) - 1}", "repair")
    lines.append(
        '{"thread":"7000901","seq":0,"at":NaN,"actor":{"kind":"visitor"},"body":"When do you open?","internal":false}'
    )
    lines.append(thread.replace("7000900", "7000901") % (1, 5, "operator", "At ten, every day but Sunday."))
    book.damage(file, "NaN as a timestamp: readable, without a time", f"line {len(lines) - 1}", "repair")
    lines.insert(25, '{"thread":"7000003","seq":99,"at":"2026-02-01T10:00:00Z","actor":{"kind":"visitor"},"body":"brok')
    book.damage(file, "a line that is no JSON, in the middle", "line 26")
    lines.insert(60, '{"seq":0,"at":"2026-02-01T10:00:00Z","actor":{"kind":"visitor"},"body":"whose line is this?"}')
    book.damage(file, "a turn without a thread", "line 61")
    book.text(file, "\n".join(lines) + "\n")


def _event(ident: str, seq: int, dialogue: Dialogue, line: Line, *, spelling: int) -> str:
    actor: dict[str, str] = {"kind": ACTORS[line.role]}
    if line.role == "customer":
        actor |= {"name": dialogue.customer.full, "email": dialogue.customer.email}
        dialogue.plant_fields(person=dialogue.customer.full, email_address=dialogue.customer.email)
    elif line.role in ("agent", "note", "draft"):
        actor |= {"name": dialogue.agent}
        dialogue.plant_fields(person=dialogue.agent)
    event: dict[str, Any] = {"thread": ident, "seq": seq, "at": spelled(line.at, spelling), "actor": actor}
    event |= {"body": line.text, "internal": line.role in ("note", "draft", "system")}
    written = compact(event | ({"state": "draft"} if line.role == "draft" else {}))
    return written.replace(f'"{HUGE_ID}"', HUGE_ID)


def spelled(at: int, spelling: int) -> str | int:
    """Write one moment in one of five ways."""
    forms = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S.000")
    if spelling < len(forms):
        return iso(at, forms[spelling])
    return at if spelling == len(forms) else at * 1000

"""Write sample_logs/tawkto: bodies of webhooks, one a line, some of them sent again."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_112_002
CHAT = Setting(bots=True, pace=(10, 120))
TIME = "%Y-%m-%dT%H:%M:%S.000Z"
SITE = {"id": "58ca8453b8a7e060cd3b1ecb", "name": "Lindwurm Outdoor"}


def write_tawkto(book: Book) -> None:
    """Write one file of webhooks."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 9, "de": 1, "es": 1}, CHAT), 1))
    hooks = [hook for at, dialogue in made for hook in _chat(at, dialogue)]
    hooks.insert(8, hooks[2])
    hooks += [_start(50, studio.take("en", CHAT)), _ticket(60, studio.take("en", Setting()))]
    hooks.append({"event": "chat:transcript_created", "time": hooks[0]["time"], "property": SITE,
                  "chat": {"id": _ident(70), "visitor": {"name": "Nobody"}, "messages": []}})  # fmt: skip
    hooks.append({"event": "chat:end", "time": hooks[0]["time"], "property": SITE})
    hooks.append({"event": "chat:rated", "time": hooks[0]["time"], "property": SITE})
    hooks[2]["chat"]["messages"].insert(1, "not a message")
    lines = [compact(hook) for hook in hooks]
    lines.insert(14, '{"event":"chat:end","time":"2026-01-')
    book.text("tawkto/webhooks.ndjson", "\n".join(lines) + "\n")


def _ident(at: int) -> str:
    return f"{at:08x}-99ad-11e9-a30a-51567162179f"


def _chat(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    last = dialogue.lines[-1].at
    messages = [_message(dialogue, line) for line in dialogue.lines]
    if at % 4 == 0:
        messages.append({"sender": {"t": "v"}, "type": "file", "msg": "", "attchs": [_file()]})
    chat = {"id": _ident(at), "visitor": _visitor(dialogue), "messages": messages}
    end = {"event": "chat:end", "chatId": _ident(at), "time": iso(last + 60, TIME), "visitor": _visitor(dialogue),
           "property": SITE}  # fmt: skip
    transcript = {"event": "chat:transcript_created", "time": iso(last + 120, TIME), "property": SITE, "chat": chat}
    return [_start(at, dialogue), end, transcript]


def _start(at: int, dialogue: Dialogue) -> dict[str, Any]:
    first = next(line for line in dialogue.lines if line.role == "customer")
    return {
        "event": "chat:start", "chatId": _ident(at), "time": iso(first.at, TIME), "visitor": _visitor(dialogue),
        "message": {"text": first.text, "type": "msg", "sender": {"type": "visitor"}}, "property": SITE,
    }  # fmt: skip


def _ticket(at: int, dialogue: Dialogue) -> dict[str, Any]:
    asker = {"name": dialogue.customer.full, "email": dialogue.customer.email}
    ticket = {
        "id": f"02kcDy{at:06}",
        "humanId": at,
        "subject": dialogue.scene.domain,
        "message": dialogue.lines[0].text,
    }
    return {"event": "ticket:create", "time": iso(dialogue.lines[0].at, TIME), "property": SITE, "requester": asker,
            "ticket": ticket}  # fmt: skip


def _visitor(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    shown = {"name": customer.full, "city": "Springfield", "country": customer.country}
    return {**shown, "email": customer.email} if customer.ident % 3 else shown


def _message(dialogue: Dialogue, line: Line) -> dict[str, Any]:
    senders = {"customer": {"t": "v"}, "bot": {"t": "s"}}
    sender = senders.get(line.role, {"t": "a", "n": dialogue.agent, "id": f"5e5f{len(dialogue.agent):020x}"})
    return {"sender": sender, "type": "msg", "msg": line.text, "time": iso(line.at, TIME)}


def _file() -> dict[str, Any]:
    file = {"url": "https://files.example.com/tent.jpg", "name": "tent.jpg", "mimeType": "image/jpeg", "size": 48211}
    return {"type": "file", "content": {"file": file}}

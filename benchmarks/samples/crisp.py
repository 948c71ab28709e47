"""Write sample_logs/crisp: pages of conversations and messages, and webhooks of sessions that go on."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import fold
from samples.studio import Dialogue, Line, Setting, Studio

SEED = 26_112_001
CHAT = Setting(bots=True, events=True, notes=True, pace=(10, 120))
SITE = "8c842203-0000-4000-8000-000000000001"


def write_crisp(book: Book) -> None:
    """Write one folder of pages and webhooks."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 8, "de": 1, "fr": 1}, CHAT), 1))
    heads: list[Any] = [_head(at, dialogue) for at, dialogue in made]
    heads.append({**heads[0], "session_id": _session(99)})
    heads.append("not a conversation at all")
    messages: list[Any] = [_message(at, n, one, line) for at, one in made for n, line in enumerate(one.lines)]
    messages += [_picker(made[0][0], made[0][1]), _file(made[1][0], made[1][1])]
    messages.insert(11, messages[9])
    messages.insert(17, {**messages[3], "session_id": None})
    messages.insert(21, {"fingerprint": 1, "colour": "blue"})
    book.text("crisp/conversations_1.json", _page("listed", heads))
    book.text("crisp/messages.json", _page("listed", messages))
    live = studio.take("en", CHAT)
    hooks = [_hook(77, n, live, line) for n, line in enumerate(live.lines)]
    first = next(at for at, line in enumerate(live.lines) if line.role == "customer")
    said = _message(77, first, live, live.lines[first])
    edited = {
        "session_id": _session(77),
        "fingerprint": said["fingerprint"],
        "content": "Corrected: " + said["content"],
    }
    hooks.append(
        {"website_id": SITE, "event": "message:updated", "data": edited, "timestamp": said["timestamp"] + 9000}
    )
    lines = [compact(hook) for hook in hooks]
    book.text("crisp/webhooks.ndjson", "\n".join(lines) + '\n{"website_id":"8c842203","event":"message:se\n')


def _page(reason: str, data: list[Any]) -> str:
    lines = ",\n".join(compact(one) for one in data)
    return f'{{"error":false,"reason":"{reason}","data":[\n{lines}\n]}}\n'


def _session(at: int) -> str:
    return f"session_{at:08x}-0000-4000-8000-{at:012x}"


def _head(at: int, dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    return {
        "session_id": _session(at), "website_id": SITE, "people_id": f"{customer.ident:08x}-1111-4000-8000-000000000",
        "state": ("resolved", "unresolved")[at % 2], "status": (2, 1)[at % 2], "availability": "offline",
        "active": {"now": False, "last": dialogue.lines[-1].at * 1000}, "last_message": "", "participants": [],
        "meta": {"nickname": customer.full, "email": customer.email, "phone": customer.phone, "data": {},
                 "segments": [dialogue.scene.domain, dialogue.scene.code]},
        "assigned": {"user_id": _operator(dialogue)}, "created_at": dialogue.lines[0].at * 1000,
        "updated_at": dialogue.lines[-1].at * 1000,
    }  # fmt: skip


def _operator(dialogue: Dialogue) -> str:
    return f"operator-{fold(dialogue.filler.agent[0])}-0000-4000-8000"


def _message(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    is_customer, is_event = line.role == "customer", line.role == "system"
    user = {"user_id": _session(at) if is_customer else _operator(dialogue),
            "nickname": dialogue.customer.full if is_customer else dialogue.agent}  # fmt: skip
    return {
        "session_id": _session(at), "website_id": SITE,
        "type": "event" if is_event else "note" if line.role == "note" else "text",
        "from": "user" if is_customer else "operator", "origin": "chat",
        "content": {"namespace": "state:assigned", "text": line.text} if is_event else line.text,
        "preview": [], "mentions": [], "read": "chat", "delivered": "", "edited": False, "translated": False,
        "automated": line.role == "bot", "fingerprint": at * 1_000_000 + number, "timestamp": line.at * 1000,
        "user": user,
    }  # fmt: skip


def _picker(at: int, dialogue: Dialogue) -> dict[str, Any]:
    asked = _message(at, 900, dialogue, dialogue.lines[-1])
    choices = [
        {"value": "yes", "label": "Yes, it did", "selected": True},
        {"value": "no", "label": "No", "selected": False},
    ]
    content = {"id": "helped", "text": "Did that help you?", "choices": choices}
    return {**asked, "type": "picker", "from": "operator", "automated": True, "content": content,
            "timestamp": asked["timestamp"] + 60_000}  # fmt: skip


def _file(at: int, dialogue: Dialogue) -> dict[str, Any]:
    sent = _message(at, 901, dialogue, dialogue.lines[0])
    content = {"name": "receipt.pdf", "url": "https://files.example.com/receipt.pdf", "type": "application/pdf"}
    return {**sent, "type": "file", "content": content, "timestamp": sent["timestamp"] + 5_000}


def _hook(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    event = "message:send" if line.role == "customer" else "message:received"
    data = _message(at, number, dialogue, line)
    return {"website_id": SITE, "event": event, "data": data, "timestamp": data["timestamp"] + 300}

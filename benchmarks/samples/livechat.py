"""Write sample_logs/livechat: a page of archived chats, and webhooks of chats that go on."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_003
CHAT = Setting(bots=True, events=True, notes=True, pace=(8, 90))
BOT = "5c9871d5372c824cbf22d860a707a578"


def write_livechat(book: Book) -> None:
    """Write both files."""
    studio = Studio(Chance(SEED))
    made = studio.many({"en": 9, "de": 1, "fr": 1}, CHAT)
    chats: list[Any] = [_chat(at, dialogue) for at, dialogue in enumerate(made, 1)]
    chats.insert(3, "not a chat at all")
    chats.insert(6, {"id": "PSUMMARY01", "users": [], "last_thread_summary": {"id": "TSUMMARY01"}})
    chats[8]["thread"]["events"].insert(1, "not an event")
    lines = ",\n".join(compact(chat) for chat in chats)
    book.text("livechat/archives.json", f'{{"found_chats":{len(chats)},"chats":[\n{lines}\n]}}\n')
    live = studio.take("en", Setting(pace=(8, 90)))
    hooks = [_hook("incoming_chat", {"chat": _opening(_chat(60, live))})]
    hooks += [_hook("incoming_event", _payload(60, at, live, line)) for at, line in enumerate(live.lines) if at]
    edited = _payload(60, 1, live, live.lines[1])
    edited["event"]["text"] += " Sorry for the wait!"
    hooks += [_hook("event_updated", edited), _hook("chat_deactivated", {"chat_id": "PCHAT00060"})]
    book.text("livechat/webhooks.ndjson", "\n".join(compact(hook) for hook in hooks) + "\n" + '{"action":"incom\n')


def _chat(at: int, dialogue: Dialogue) -> dict[str, Any]:
    customer = {
        "id": _customer(dialogue), "name": dialogue.customer.full, "email": dialogue.customer.email, "type": "customer",
        "present": False, "created_at": "2025-01-01T00:00:00.000000Z",
    }  # fmt: skip
    agent = {"id": _agent(dialogue), "name": dialogue.agent, "email": _agent(dialogue), "type": "agent"}
    bot = {"id": BOT, "name": "Welcome bot", "type": "agent"}
    rating = {"rating": {"score": int(dialogue.rating > 2)}} if dialogue.rating else {}
    return {
        "id": f"PCHAT{at:05}",
        "users": [customer, agent, *([bot] if any(line.role == "bot" for line in dialogue.lines) else [])],
        "thread": {
            "id": f"TTHREAD{at:03}",
            "active": False,
            "user_ids": [customer["id"], agent["id"]],
            "events": [_form(at, dialogue), *(_event(at, n, dialogue, line) for n, line in enumerate(dialogue.lines))],
            "properties": {"routing": {"continuous": False}, **rating},
            "tags": [dialogue.scene.domain, dialogue.scene.code],
            "previous_thread_id": f"TBEFORE{at:03}",
            "created_at": iso(dialogue.lines[0].at - 20, "%Y-%m-%dT%H:%M:%S.000000Z"),
        },
        "properties": {"source": {"client_id": "0" * 32}},
    }


def _opening(chat: dict[str, Any]) -> dict[str, Any]:
    return {**chat, "thread": {**chat["thread"], "active": True, "events": chat["thread"]["events"][:2]}}


def _customer(dialogue: Dialogue) -> str:
    return f"345f8235-d60d-433e-63c5-{dialogue.customer.ident:012}"


def _agent(dialogue: Dialogue) -> str:
    return f"{fold(dialogue.filler.agent[0])}@agents.lindwurm.example.com"


def _form(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": f"TTHREAD{at:03}_form", "type": "filled_form", "recipients": "all", "author_id": _customer(dialogue),
        "created_at": iso(dialogue.lines[0].at - 10, "%Y-%m-%dT%H:%M:%S.000000Z"),
        "properties": {"lc2": {"form_type": "prechat"}},
        "fields": [{"label": "Name:", "type": "name", "value": dialogue.customer.full},
                   {"label": "E-mail:", "type": "email", "value": dialogue.customer.email}],
    }  # fmt: skip


def _event(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    shared = {
        "id": f"TTHREAD{at:03}_{number}",
        "created_at": iso(line.at, "%Y-%m-%dT%H:%M:%S.000000Z"),
        "recipients": "agents" if line.role == "note" else "all",
        "text": line.text,
    }
    if line.role == "system":
        return {**shared, "type": "system_message", "system_message_type": "routing.assigned_other"}
    welcome = {"properties": {"lc2": {"welcome_message": True}}} if line.role == "bot" and number == 0 else {}
    authors = {"customer": _customer(dialogue), "bot": BOT}
    return {**shared, "type": "message", "author_id": authors.get(line.role, _agent(dialogue)), **welcome}


def _payload(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    return {
        "chat_id": f"PCHAT{at:05}", "thread_id": f"TTHREAD{at:03}", "event": _event(at, number, dialogue, line)
    }  # fmt: skip


def _hook(action: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"webhook_id": "0" * 32, "secret_key": "example", "action": action, "license_id": 1000, "payload": payload}

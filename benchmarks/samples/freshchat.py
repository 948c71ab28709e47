"""Write sample_logs/freshchat: pages of messages with conversations, users and agents, and webhooks of a chat."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_021
CHAT = Setting(bots=True, events=True, notes=True, pace=(8, 120))
AGENT = "a7c1f0d2-0000-4000-8000-{:012}"
USER = "5b2e9d10-0000-4000-8000-{:012}"
CHAT_ID = "c0ffee00-0000-4000-8000-{:012}"
TYPES = {"note": "private", "system": "system"}


def write_freshchat(book: Book) -> None:
    """Write the API's pages, and the bodies of webhooks."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 6, "de": 1}, CHAT), 1))
    chats: list[Any] = [_chat(*one) for one in made]
    chats.append({**chats[0], "conversation_id": CHAT_ID.format(99)})
    messages: list[Any] = [_message(at, n, one, line) for at, one in made for n, line in enumerate(one.lines)]
    messages.insert(4, "not a message at all")
    messages.insert(9, {key: value for key, value in messages[1].items() if key != "conversation_id"} | {"id": "lost"})
    messages.append(messages[2])
    book.text("freshchat/api/conversations.json", _page("conversations", chats))
    book.text("freshchat/api/messages.ndjson", "\n".join(map(compact, messages[::-1])) + "\n")
    book.text("freshchat/api/users.json", _page("users", [_user(one) for _, one in made[:5]]))
    book.text("freshchat/api/agents.json", _page("agents", [_agent(at) for at in range(len(AGENTS))]))
    live = studio.take("en", Setting(pace=(8, 90)))
    hooks = [_hook("message_create", line.at, {"message": _message(60, n, live, line)})
             for n, line in enumerate(live.lines)]  # fmt: skip
    chat = {**_chat(60, live), "status": "resolved"}
    hooks.append(_hook("conversation_resolution", live.lines[-1].at + 5, {"resolve": {"conversation": chat}}))
    book.text("freshchat/webhooks/events.ndjson", "\n".join(map(compact, hooks)) + '\n{"actor":{"actor_ty\n')


def _chat(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "conversation_id": CHAT_ID.format(at), "app_id": "9d83ebc5-0000-4000-8000-000000000001",
        "status": ("resolved", "assigned", "new")[at % 3], "channel_id": "a72858a9-0000-4000-8000-000000000002",
        "assigned_agent_id": AGENT.format(AGENTS.index(dialogue.filler.agent)), "skill_id": 0,
        "properties": {"priority": "Low", "cf_topic": dialogue.scene.domain},
    }  # fmt: skip


def _message(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    agent = AGENT.format(AGENTS.index(dialogue.filler.agent))
    actors = {"customer": ("user", USER.format(dialogue.customer.ident)), "bot": ("system", AGENT.format(900)),
              "system": ("system", AGENT.format(900))}  # fmt: skip
    kind, actor = actors.get(line.role, ("agent", agent))
    parts: list[dict[str, Any]] = [{"text": {"content": line.text}}]
    if line.role == "customer" and number == 2:
        parts.append({"image": {"url": "https://fc.lindwurm.example.com/photo.jpg"}})
    offered = [{"quick_reply_button": {"label": one}} for one in ("Order", "Invoice")] if line.role == "bot" else []
    return {
        "id": f"{at:04}-{number:04}", "message_parts": parts, **({"reply_parts": offered} if offered else {}),
        "app_id": "9d83ebc5-0000-4000-8000-000000000001", "actor_id": actor, "actor_type": kind,
        "message_type": TYPES.get(line.role, "normal"), "conversation_id": CHAT_ID.format(at),
        "interaction_id": f"i-{at:04}", "created_time": iso(line.at, "%Y-%m-%dT%H:%M:%S.000Z"),
    }  # fmt: skip


def _user(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    first, _, last = customer.full.partition(" ")
    return {
        "id": USER.format(customer.ident), "first_name": first, "last_name": last, "email": customer.email,
        "phone": customer.phone, "reference_id": None, "properties": [], "avatar": {},
        "created_time": "2025-01-01T00:00:00.000Z",
    }  # fmt: skip


def _agent(at: int) -> dict[str, Any]:
    return {
        "id": AGENT.format(at), "first_name": AGENTS[at][0], "last_name": AGENTS[at][1], "biography": "",
        "email": f"{fold(AGENTS[at][0])}@agents.lindwurm.example.com", "role_id": "AGENT", "avatar": {},
        "availability_status": "AVAILABLE",
    }  # fmt: skip


def _hook(action: str, at: int, data: dict[str, Any]) -> dict[str, Any]:
    actor = {"actor_type": "agent", "actor_id": AGENT.format(0)}
    return {"actor": actor, "action": action, "action_time": iso(at, "%Y-%m-%dT%H:%M:%S.000Z"), "data": data}


def _page(name: str, items: list[Any]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"{name}":[\n{lines}\n],"pagination":{{"total_items":{len(items)},"total_pages":1,"current_page":1}}}}\n'

"""Write sample_logs/drift: pages of conversations, messages, contacts and users, and webhooks of new messages."""

import html
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio

SEED = 26_112_004
CHAT = Setting(bots=True, notes=True, pace=(10, 120))
ORG, BOT = 3_001, 9_000


def write_drift(book: Book) -> None:
    """Write one folder."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 8, "de": 1, "pt": 1}, CHAT), 1))
    heads: list[Any] = [_head(at, dialogue) for at, dialogue in made]
    book.text("drift/conversations.json", _page([*heads, {**heads[0], "id": 990_000}, "no conversation"]))
    book.text("drift/contacts.json", _page([_contact(dialogue) for _, dialogue in made[:-1]]))
    book.text("drift/users.json", _page([*(_user(at) for at in range(len(AGENTS))), _bot()]))
    for at, dialogue in made[:3]:
        messages: list[Any] = [_message(at, n, dialogue, line) for n, line in enumerate(dialogue.lines)]
        messages += [_edit(messages[-1]), "no message"] if at == 1 else []
        lines = ",\n".join(map(compact, messages))
        book.text(
            f"drift/messages_{at}.json", f'{{"data":{{"messages":[\n{lines}\n]}},"pagination":{{"more":false}}}}\n'
        )
    hooks = [_hook(_message(at, n, one, line)) for at, one in made[3:] for n, line in enumerate(one.lines)]
    hooks.insert(5, hooks[3])
    hooks.append(_hook({**hooks[0]["data"], "conversationId": None}))
    hooks.append({"orgId": ORG, "type": "new_playbook", "data": {"playbook": 7}})
    book.text("drift/webhooks.ndjson", "\n".join(compact(hook) for hook in hooks) + '\n{"orgId":3001,"type":"new_m\n')


def _page(data: list[Any]) -> str:
    lines = ",\n".join(map(compact, data))
    return f'{{"data":[\n{lines}\n]}}\n'


def _head(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": 500_000 + at, "status": ("closed", "open", "pending")[at % 3], "contactId": _contact_id(dialogue),
        "inboxId": 12, "participants": [_agent_id(dialogue)], "tags": [{"name": dialogue.scene.domain}],
        "createdAt": dialogue.lines[0].at * 1000, "updatedAt": dialogue.lines[-1].at * 1000,
    }  # fmt: skip


def _contact_id(dialogue: Dialogue) -> int:
    return 16_000_000_000 + dialogue.customer.ident


def _agent_id(dialogue: Dialogue) -> int:
    return 100 + AGENTS.index(dialogue.filler.agent)


def _contact(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    attributes = {"name": customer.full, "email": customer.email, "phone": customer.phone, "events": {}, "tags": [],
                  "socialProfiles": {}}  # fmt: skip
    return {"id": _contact_id(dialogue), "createdAt": 1_735_000_000_000, "attributes": attributes}


def _user(at: int) -> dict[str, Any]:
    email = f"{fold(AGENTS[at][0])}@agents.lindwurm.example.com"
    return {"id": 100 + at, "orgId": ORG, "name": " ".join(AGENTS[at]), "email": email, "role": "agent",
            "availability": "AVAILABLE", "bot": False, "verified": True}  # fmt: skip


def _bot() -> dict[str, Any]:
    return {"id": BOT, "orgId": ORG, "name": "Lindy", "email": None, "role": "agent", "availability": "AVAILABLE",
            "bot": True, "verified": True}  # fmt: skip


def _message(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    authors = {"customer": {"type": "contact", "id": _contact_id(dialogue), "bot": False},
               "bot": {"type": "user", "id": BOT, "bot": True}}  # fmt: skip
    text = html.escape(line.text, quote=False).replace("\n", "<br>")
    message = {
        "id": at * 10_000 + number, "orgId": ORG, "body": f"<p>{text}</p>", "conversationId": 500_000 + at,
        "author": authors.get(line.role, {"type": "user", "id": _agent_id(dialogue), "bot": False}),
        "type": "private_note" if line.role == "note" else "chat", "createdAt": line.at * 1000, "attributes": {},
    }  # fmt: skip
    if number == 0 and at % 5 == 2:
        before = {"body": "Hi there! Questions about your order?", "createdAt": line.at * 1000 - 4000}
        return {**message, "attributes": {"preMessages": [before]}}
    return message


def _edit(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "id": message["id"] + 500, "type": "edit", "editType": "replace_body",
            "editedMessageId": message["id"], "body": message["body"] + "<p>Edited.</p>"}  # fmt: skip


def _hook(message: dict[str, Any]) -> dict[str, Any]:
    return {"orgId": ORG, "type": "new_message", "token": "example", "data": message}

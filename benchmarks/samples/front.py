"""Write sample_logs/front: pages of conversations, messages, comments and events, and an analytics export."""

import html
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.fill import SUPPORT
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio

SEED = 26_110_523
MAIL = Setting(bots=True, notes=True, drafts=True, pace=(300, 20_000))
API = "https://lindwurm.api.frontapp.example.com"


def write_front(book: Book) -> None:
    """Write the pages and the table."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 7, "es": 1}, MAIL), 1))
    chats: list[Any] = [_conversation(*one) for one in made]
    chats += [{**chats[0], "id": "cnv_zz99"}, {**chats[1], "id": "cnv_zz98", "last_message": _messages(*made[0])[0]}]
    chats[-1]["last_message"] |= {"id": "msg_zz98"}
    messages: list[Any] = [message for one in made for message in _messages(*one)]
    messages.insert(5, "not a message at all")
    messages.append({**messages[2], "id": "msg_zz97", "_links": {}})
    messages.append(messages[3])
    comments = [comment for one in made for comment in _comments(*one)]
    book.text("front/conversations.json", _page(chats))
    book.text("front/messages.json", _page(messages))
    book.text("front/comments.json", _page(comments))
    book.text("front/events.json", _page([_event(*one) for one in made[:3]]))


def _conversation(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "_links": {"self": f"{API}/conversations/cnv_aa{at:02}"}, "id": f"cnv_aa{at:02}", "type": "conversation",
        "subject": dialogue.scene.subject or "(no subject)", "status": ("archived", "assigned", "unassigned")[at % 3],
        "assignee": _teammate(dialogue.filler.agent), "recipient": {"handle": dialogue.customer.email, "role": "from"},
        "tags": [{"id": "tag_1", "name": dialogue.scene.domain}], "custom_fields": {"Priority": "normal"},
        "created_at": dialogue.lines[0].at + 0.25, "is_private": False,
    }  # fmt: skip


def _messages(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    """Give what was sent and what was not, the newest first, as the API does."""
    return [_message(at, n, dialogue, line) for n, line in enumerate(dialogue.lines) if line.role != "note"][::-1]


def _message(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    is_inbound, house = line.role == "customer", SUPPORT[dialogue.scene.domain]
    customer = {"name": dialogue.customer.full, "handle": dialogue.customer.email}
    us = {"name": "Support", "handle": house}
    sender, receiver = (customer, us) if is_inbound else (us, customer)
    author = None if is_inbound else _teammate(dialogue.filler.agent)
    if line.role == "bot":
        author = {"id": "rul_1", "type": "rule", "username": "autoreply"}
    elif number == 1 and at % 3 == 0 and author:
        author |= {"type": "macro"}
    return {
        "_links": {"related": {"conversation": f"{API}/conversations/cnv_aa{at:02}"}},
        "id": f"msg_aa{at:02}{number:02}", "type": "email", "is_inbound": is_inbound,
        "draft_mode": "private" if line.role == "draft" else None, "is_draft": line.role == "draft",
        "error_type": None, "created_at": line.at + 0.5,
        "blurb": line.text[:40], "author": author,
        "recipients": [sender | {"role": "from"}, receiver | {"role": "to"}],
        "body": f"<p>{html.escape(line.text, quote=False).replace(chr(10), '<br>')}</p>", "text": line.text,
        "attachments": [], "metadata": {},
    }  # fmt: skip


def _comments(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    return [
        {"_links": {"related": {"conversation": f"{API}/conversations/cnv_aa{at:02}"}},
         "id": f"com_aa{at:02}{number:02}", "author": _teammate(dialogue.filler.agent), "body": line.text,
         "posted_at": line.at + 0.75, "attachments": []}
        for number, line in enumerate(dialogue.lines) if line.role == "note"
    ]  # fmt: skip


def _event(at: int, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": f"evt_aa{at:02}", "type": "assign", "emitted_at": dialogue.lines[0].at + 2.5,
        "conversation": _conversation(at, dialogue), "source": {"_meta": {"type": "rule"}, "data": {"id": "rul_1"}},
        "target": {"_meta": {"type": "teammate"}, "data": _teammate(dialogue.filler.agent)},
    }  # fmt: skip


def _teammate(name: tuple[str, str]) -> dict[str, Any]:
    email = f"{fold(name[0])}@agents.lindwurm.example.com"
    return {"id": f"tea_{AGENTS.index(name):02}", "type": "user", "email": email, "username": fold(name[0]),
            "first_name": name[0], "last_name": name[1], "is_admin": False}  # fmt: skip


def _page(items: list[Any]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"_pagination":{{"next":null}},"_results":[\n{lines}\n]}}\n'

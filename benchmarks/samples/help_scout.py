"""Write sample_logs/help_scout: conversations with their threads within, and pages of threads beside conversations."""

import html
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_022
MAIL = Setting(notes=True, drafts=True, pace=(600, 30_000))
FIRST, FIRST_THREAD = 1_790_001, 5_200_000
API = "https://api.helpscout.example.com/v2/conversations"


def write_help_scout(book: Book) -> None:
    """Write both folders."""
    studio = Studio(Chance(SEED))
    made = list(enumerate(studio.many({"en": 9, "fr": 1}, MAIL), FIRST))
    embedded = [_conversation(at, one) | {"_embedded": {"threads": _threads(at, one)}} for at, one in made[:6]]
    lines = [*map(compact, embedded), '"not a conversation at all"', compact(_conversation(FIRST + 90, made[0][1]))]
    book.text("help_scout/embedded/conversations.ndjson", "\n".join([*lines, '{"id":1790099,"numb']) + "\n")
    paged = [_conversation(*one) for one in made[6:]]
    pages = [_page(at, _threads(at, one)) for at, one in made[6:]]
    pages[1]["page"]["totalElements"] += 25
    lost = {**_threads(*made[6])[0], "id": FIRST_THREAD + 999_999}
    book.text("help_scout/paged/conversations.ndjson", "\n".join(map(compact, paged)) + "\n")
    book.text("help_scout/paged/threads.ndjson", "\n".join(map(compact, [*pages, lost])) + "\n")
    ratings = [_rating(*one, score) for one, score in zip(made[6:], (1, 3, 2, 9), strict=True)]
    book.text("help_scout/paged/ratings.json", '{"results":[\n' + ",\n".join(map(compact, ratings)) + '\n],"page":1}\n')


def _conversation(at: int, dialogue: Dialogue) -> dict[str, Any]:
    said = [line for line in dialogue.lines if line.role in ("customer", "agent")]
    return {
        "id": at, "number": at - 1_789_000, "threads": len(said), "type": "email", "folderId": 77, "mailboxId": 55,
        "status": ("closed", "active", "pending")[at % 3], "state": "published",
        "subject": dialogue.scene.subject or "(no subject)", "preview": said[0].text[:40],
        "createdBy": _customer(dialogue) | {"type": "customer"}, "createdAt": iso(dialogue.lines[0].at),
        "closedAt": iso(dialogue.lines[-1].at + 60), "userUpdatedAt": iso(dialogue.lines[-1].at + 60),
        "source": {"type": "email", "via": "customer"}, "primaryCustomer": _customer(dialogue),
        "tags": [{"id": 9, "color": "#929499", "tag": dialogue.scene.domain}],
        "customFields": [{"id": 8, "name": "Team", "value": "3", "text": "Service"}],
    }  # fmt: skip


def _threads(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    """Give the threads, the newest first, with what Help Scout says of an assignment between them."""
    made = [_thread(at, number, dialogue, line) for number, line in enumerate(dialogue.lines)]
    event = {
        **{key: made[0][key] for key in ("status", "state", "source", "customer")},
        "id": FIRST_THREAD + at * 100 + 99, "type": "lineitem",
        "action": {"type": "automatic-workflow", "text": "The Route orders workflow was run", "associatedEntities": {}},
        "createdBy": {"id": 1, "type": "user", "first": "Help", "last": "Scout", "email": "none@example.com"},
        "createdAt": iso(dialogue.lines[0].at + 1),
    }  # fmt: skip
    return [*made[:1], event, *made[1:]][::-1]


def _thread(at: int, number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    is_customer = line.role == "customer"
    files = {"attachments": [{"id": 4, "filename": "photo.jpg", "mimeType": "image/jpeg", "size": 184_320}]}
    return {
        "id": FIRST_THREAD + at * 100 + number,
        "type": {"customer": "customer", "note": "note"}.get(line.role, "message"),
        "status": "active", "state": "draft" if line.role == "draft" else "published",
        "action": {"type": "default", "associatedEntities": {}},
        "body": html.escape(line.text, quote=False).replace("\n", "<br>"),
        "source": {"type": "email", "via": "customer" if is_customer else "user"}, "customer": _customer(dialogue),
        "createdBy": _customer(dialogue) | {"type": "customer"} if is_customer else _agent(dialogue.filler.agent),
        "assignedTo": _agent(dialogue.filler.agent), "savedReplyId": 10 if number == 1 and at % 3 == 0 else 0,
        "to": [], "cc": [], "bcc": [], "createdAt": iso(line.at),
        "_embedded": files if is_customer and number == 2 else {"attachments": []},
    }  # fmt: skip


def _page(at: int, threads: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "_embedded": {"threads": threads}, "_links": {"self": {"href": f"{API}/{at}/threads?page=1"}},
        "page": {"size": 25, "totalElements": len(threads), "totalPages": 1, "number": 1},
    }  # fmt: skip


def _rating(at: int, dialogue: Dialogue, score: int) -> dict[str, Any]:
    return {
        "number": at - 1_789_000, "threadid": FIRST_THREAD + at * 100 + 1, "id": at, "type": "email", "ratingId": score,
        "ratingComments": "Quick and kind." if score == 1 else "", "ratingCreatedAt": iso(dialogue.lines[-1].at + 900),
        "ratingCustomerId": 30_000 + dialogue.customer.ident,
    }  # fmt: skip


def _customer(dialogue: Dialogue) -> dict[str, Any]:
    first, _, last = dialogue.customer.full.partition(" ")
    return {"id": 30_000 + dialogue.customer.ident, "first": first, "last": last, "email": dialogue.customer.email}


def _agent(name: tuple[str, str]) -> dict[str, Any]:
    email = f"{fold(name[0])}@agents.lindwurm.example.com"
    return {"id": 900 + AGENTS.index(name), "type": "user", "first": name[0], "last": name[1], "email": email}

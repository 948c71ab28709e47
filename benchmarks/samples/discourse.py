"""Write sample_logs/discourse: topics of a Discourse forum in lines, and tables of a phpBB board."""

import html
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_006
FORUM = Setting(notes=True, events=True, pace=(600, 40_000))
TIME = "%Y-%m-%dT%H:%M:%S.000Z"


def write_discourse(book: Book) -> None:
    """Write both folders."""
    studio = Studio(Chance(SEED))
    topics: list[Any] = [
        _topic(at, dialogue) for at, dialogue in enumerate(studio.many({"en": 8, "de": 1}, FORUM), 201)
    ]
    topics[2]["post_stream"]["stream"] += [90_001, 90_002]
    topics[3]["post_stream"]["posts"].append("not a post")
    topics.insert(5, {"topic_list": {"topics": [{"id": 999, "title": "elsewhere"}]}})
    topics.insert(6, {"id": 998, "title": "Nothing here", "post_stream": {"posts": [], "stream": []}})
    lines = [*map(compact, topics), '{"id":997,"title":"cut","post_stream":{"posts":[{"id":1,"coo']
    book.text("discourse/forum/topics.jsonl", "\n".join(lines) + "\n")
    board = list(enumerate(studio.many({"en": 5}, Setting(pace=(600, 40_000))), 301))
    posts = [row for at, dialogue in board for row in _rows(at, dialogue)]
    posts.append({"post_id": 1, "post_text": "Which topic is this?", "post_time": 1_767_000_000})
    tables = [
        {"type": "header", "version": "5.2.1", "comment": "Export to JSON plugin for PHPMyAdmin"},
        {"type": "database", "name": "board"},
        _table("topics", [_topic_row(at, dialogue) for at, dialogue in board]),
        _table("posts", posts),
        _table("users", [_user_row(number, " ".join(name)) for number, name in enumerate(AGENTS, 2)]),
    ]
    book.text("discourse/board/phpbb.json", "[\n" + ",\n".join(compact(table) for table in tables) + "\n]\n")


def _topic(number: int, dialogue: Dialogue) -> dict[str, Any]:
    posts = [_post(number, at, dialogue, line) for at, line in enumerate(dialogue.lines, 1)]
    answers = [post for post in posts if post["staff"] and post["post_type"] == 1]
    if number % 2 and answers:
        answers[-1]["accepted_answer"] = True
    if number % 3 == 0:
        posts[-1]["cooked"] = (
            '<aside class="quote"><blockquote><p>earlier</p></blockquote></aside>' + posts[-1]["cooked"]
        )
    return {
        "post_stream": {"posts": posts, "stream": [post["id"] for post in posts]},
        "id": number, "title": dialogue.scene.subject or "A question", "tags": [dialogue.scene.domain],
        "category_id": 5,
        "created_at": posts[0]["created_at"], "last_posted_at": posts[-1]["created_at"], "closed": False,
        "archetype": "regular", "details": {"created_by": {"id": posts[0]["user_id"]}},
    }  # fmt: skip


def _post(number: int, at: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    customer, is_staff = dialogue.customer, line.role in ("agent", "note")
    author = {"user_id": 1000 + customer.ident, "username": f"user{customer.ident:04}", "name": customer.full}
    if is_staff:
        author = {"user_id": 2, "username": "support_team", "name": dialogue.agent}
    if line.role == "system":
        author = {"user_id": -1, "username": "system", "name": "system"}
    kinds = {"note": 4, "system": 3}
    return {
        **author, "id": number * 100 + at, "topic_id": number, "post_number": at, "post_type": kinds.get(line.role, 1),
        "cooked": f"<p>{html.escape(line.text, quote=False)}</p>" if line.role != "system" else "",
        "action_code": "closed.enabled" if line.role == "system" else None, "staff": is_staff, "moderator": is_staff,
        "admin": False, "created_at": iso(line.at, TIME), "updated_at": iso(line.at, TIME), "version": 1,
        "reply_to_post_number": at - 1 if at > 1 else None, "hidden": False, "deleted_at": None, "user_deleted": False,
    }  # fmt: skip


def _table(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "table", "name": f"phpbb_{name}", "database": "board", "data": rows}


def _topic_row(number: int, dialogue: Dialogue) -> dict[str, Any]:
    asked = next(at for at, line in enumerate(dialogue.lines) if line.role == "agent")
    return {
        "topic_id": str(number), "forum_id": "4", "topic_title": dialogue.scene.subject or "A question",
        "topic_poster": str(1000 + dialogue.customer.ident), "topic_time": str(dialogue.lines[0].at),
        "topic_last_post_time": str(dialogue.lines[-1].at), "topic_status": "1",
        "topic_solved": str(number * 100 + asked) if number % 2 else "0",
    }  # fmt: skip


def _rows(number: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    return [
        {
            "post_id": str(number * 100 + at), "topic_id": str(number), "forum_id": "4",
            "poster_id": str(1000 + dialogue.customer.ident if line.role == "customer" else 2 + number % 3),
            "post_time": str(line.at), "post_username": "", "post_subject": dialogue.scene.subject or "A question",
            "post_text": _coded(line.text, at), "post_visibility": "1",
        }
        for at, line in enumerate(dialogue.lines)
    ]  # fmt: skip


def _coded(text: str, at: int) -> str:
    """Write a post as phpBB stores it: plain as <t>, with codes as <r>, and as older versions did."""
    marked = html.escape(text, quote=False)
    if at % 3 == 0:
        return f"<t>{marked}</t>"
    return f"<r><B><s>[b]</s>{marked}<e>[/b]</e></B></r>" if at % 3 == 1 else f"[b:2x]{marked}[/b:2x]"


def _user_row(number: int, name: str) -> dict[str, Any]:
    return {"user_id": str(number), "user_type": "0", "username": name, "user_email": f"agent{number}@example.org"}

"""Write sample_logs/zendesk_chat: a page of chats and offline messages, more of them one a line, and the agents."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import AGENTS, fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_031
CHAT = Setting(bots=True, events=True, pace=(8, 90))
STAMP, FINE = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.250000Z"
FIRST_AGENT = 361_000_000_001


def write_zendesk_chat(book: Book) -> None:
    """Write the three files."""
    studio = Studio(Chance(SEED))
    made = studio.many({"en": 9, "de": 1, "es": 1}, CHAT)
    chats: list[Any] = [_chat(at, dialogue) for at, dialogue in enumerate(made[:7], 1)]
    chats[1]["history"] = [{**item, "nick": _nick(item, made[1])} for item in chats[1]["history"]]
    chats.insert(3, _offline(20, studio.take("en", CHAT)))
    chats.insert(5, {"id": "2601.1.Empty", "visitor": {"id": "0.1"}, "history": [], "session": {}, "missed": True})
    chats.append("not a chat at all")
    lines = ",\n".join(compact(chat) for chat in chats)
    book.text("zendesk_chat/chats.json", f'{{"chats":[\n{lines}\n],"count":{len(chats)},"end_time":1767600000}}\n')
    more = [compact(_chat(at, dialogue)) for at, dialogue in enumerate(made[7:], 8)]
    again = compact({**chats[0], "update_timestamp": "2026-01-05T12:00:00Z", "tags": ["seen_twice"]})
    book.text("zendesk_chat/chats.ndjson", "\n".join([*more, again, '{"id":"2601.1.Cut","visi']) + "\n")
    agents = [_agent(at, name) for at, name in enumerate(AGENTS)]
    book.text("zendesk_chat/agents.json", "[\n" + ",\n".join(compact(agent) for agent in agents) + "\n]\n")


def _agent(at: int, name: tuple[str, str]) -> dict[str, Any]:
    return {
        "id": FIRST_AGENT + at, "display_name": name[0], "first_name": name[0], "last_name": name[1],
        "email": f"{fold(name[0])}@agents.lindwurm.example.com", "roles": {"administrator": at == 0, "owner": False},
        "enabled_departments": [], "departments": [], "skills": [], "login_count": 7,
    }  # fmt: skip


def _visitor(dialogue: Dialogue) -> dict[str, Any]:
    person = dialogue.customer
    return {
        "id": f"7.{person.ident:05}",
        "name": person.full,
        "email": person.email,
        "phone": person.phone,
        "notes": "",
    }


def _chat(at: int, dialogue: Dialogue) -> dict[str, Any]:
    lines, name = dialogue.lines, dialogue.filler.agent
    history = [{"type": "chat.memberjoin", "name": dialogue.customer.full, "timestamp": iso(lines[0].at - 2, FINE)}]
    history += [_item(n, dialogue, line) for n, line in enumerate(lines)]
    rating = None if dialogue.rating is None else "good" if dialogue.rating > 2 else "bad"
    if rating:
        history.append({"type": "chat.rating", "new_rating": rating, "timestamp": iso(lines[-1].at + 20, FINE)})
    return {
        "id": f"2601.1.Chat{at:04}", "type": "chat", "visitor": _visitor(dialogue),
        "session": {"id": f"s{at}", "browser": "Safari", "ip": "192.0.2.44"}, "webpath": [], "started_by": "visitor",
        "timestamp": iso(lines[0].at, STAMP), "end_timestamp": iso(lines[-1].at + 60, STAMP), "missed": False,
        "agent_names": [name[0]], "agent_ids": [str(FIRST_AGENT + AGENTS.index(name))], "department_name": None,
        "rating": rating, "comment": None, "tags": [dialogue.scene.code], "zendesk_ticket_id": 90_000 + at,
        "deleted": False, "history": history,
    }  # fmt: skip


def _item(number: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    shared = {"timestamp": iso(line.at, FINE), "channel": "#supportchat"}
    if line.role == "system":
        return {"type": "chat.memberleave", "name": dialogue.filler.agent[0], **shared}
    if line.role == "bot":
        return {"type": "chat.triggermsg", "name": "Lindwurm", "msg": line.text, **shared}
    is_customer = line.role == "customer"
    name = dialogue.customer.full if is_customer else dialogue.filler.agent[0]
    told = {"msg_id": f"m{number:04}"} if is_customer else {}
    return {"type": "chat.msg", "name": name, "msg": line.text, **shared, **told}


def _nick(item: dict[str, Any], dialogue: Dialogue) -> str:
    if item["name"] == dialogue.customer.full:
        return f"visitor:{_visitor(dialogue)['id']}"
    return (
        "agent:trigger" if item["name"] == "Lindwurm" else f"agent:{FIRST_AGENT + AGENTS.index(dialogue.filler.agent)}"
    )


def _offline(at: int, dialogue: Dialogue) -> dict[str, Any]:
    said = " ".join(line.text for line in dialogue.lines if line.role == "customer")
    return {
        "id": f"2601.1.Mail{at:04}", "type": "offline_msg", "message": said, "visitor": _visitor(dialogue),
        "session": {"end_date": "2026-01-04T12:45:32+00:00Z"}, "timestamp": iso(dialogue.lines[0].at, STAMP),
        "unread": True, "zendesk_ticket_id": None, "department_id": None, "deleted": False,
    }  # fmt: skip

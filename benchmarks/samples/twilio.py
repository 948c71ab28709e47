"""Write sample_logs/twilio: a page of conversations, one of participants and the messages in lines."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_002
TEXTING = Setting(bots=True, pace=(20, 400))
ACCOUNT = "AC" + "0" * 31 + "7"


def write_twilio(book: Book) -> None:
    """Write one folder of pages."""
    studio = Studio(Chance(SEED))
    made = [(f"CH{at:032x}", one) for at, one in enumerate(studio.many({"en": 8, "de": 1, "es": 1}, TEXTING), 1)]
    participants = [person for sid, dialogue in made for person in _participants(sid, dialogue)]
    lost = {**participants[0], "sid": "MB" + "f" * 32, "conversation_sid": "CH" + "f" * 32}
    book.text("twilio/conversations.json", _page("conversations", [_conversation(*one) for one in made]))
    book.text("twilio/participants.json", _page("participants", [*participants, lost]))
    messages: list[Any] = [_message(sid, at, *one) for sid, one_made in made for at, one in enumerate(_said(one_made))]
    messages.insert(9, messages[7])
    messages.insert(20, {key: value for key, value in messages[3].items() if key != "conversation_sid"})
    messages.insert(24, {"sid": "IM" + "e" * 32, "price": "0.0075"})
    lines = [compact(message) for message in messages]
    lines.insert(15, '{"sid":"IMbroken","conversation_sid":"CH1","body":"Are you th')
    book.text("twilio/messages.ndjson", "\n".join(lines) + "\n")


def _said(dialogue: Dialogue) -> list[tuple[Dialogue, Line]]:
    return [(dialogue, line) for line in dialogue.lines]


def _phone(dialogue: Dialogue) -> str:
    return f"+164655501{dialogue.customer.ident % 100:02}"


def _conversation(sid: str, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "sid": sid, "account_sid": ACCOUNT, "chat_service_sid": "IS" + "0" * 32, "messaging_service_sid": None,
        "friendly_name": f"{dialogue.scene.domain} {sid[-4:]}", "unique_name": None, "state": "closed", "timers": {},
        "attributes": compact({"topic": dialogue.scene.code}), "date_created": iso(dialogue.lines[0].at),
        "date_updated": iso(dialogue.lines[-1].at + 60),
    }  # fmt: skip


def _participants(sid: str, dialogue: Dialogue) -> list[dict[str, Any]]:
    kind = ("sms", "whatsapp")[dialogue.customer.ident % 2]
    prefix = "whatsapp:" if kind == "whatsapp" else ""
    binding = {"type": kind, "address": prefix + _phone(dialogue), "proxy_address": f"{prefix}+16465550100"}
    shared = {"account_sid": ACCOUNT, "conversation_sid": sid, "attributes": "{}", "role_sid": "RL" + "0" * 32}
    return [
        {**shared, "sid": "MB1" + sid[3:], "identity": None, "messaging_binding": binding},
        {**shared, "sid": "MB2" + sid[3:], "identity": _identity(dialogue), "messaging_binding": None},
    ]


def _identity(dialogue: Dialogue) -> str:
    return dialogue.agent.lower().replace(" ", "_2E")


def _message(sid: str, at: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    customer, agent = _participants(sid, dialogue)
    authors = {"customer": customer["messaging_binding"]["address"], "agent": agent["identity"], "bot": "system"}
    sids = {"customer": customer["sid"], "agent": agent["sid"], "bot": None}
    photo = {"sid": "ME" + sid[2:], "size": 42_056, "content_type": "image/jpeg", "filename": "photo.jpg"}
    return {
        "sid": f"IM{at:03x}{sid[5:]}", "account_sid": ACCOUNT, "conversation_sid": sid, "index": at * 2,
        "body": line.text, "media": [photo] if len(line.text) % 13 == 0 else None, "author": authors[line.role],
        "participant_sid": sids[line.role], "attributes": "{}", "date_created": iso(line.at),
        "date_updated": iso(line.at), "content_sid": None, "delivery": None,
    }  # fmt: skip


def _page(name: str, items: list[dict[str, Any]]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"meta":{{"page":0,"page_size":50,"next_page_url":null,"key":"{name}"}},"{name}":[\n{lines}\n]}}\n'

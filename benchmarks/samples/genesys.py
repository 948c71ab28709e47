"""Write sample_logs/genesys: recordings of messages, chats and mails, and the transcripts of calls."""

import html
import json
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.people import fold
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_112_005
TEXTING = Setting(bots=True, events=True, pace=(20, 200))
CALL = Setting(pace=(3, 12))
TIME = "%Y-%m-%dT%H:%M:%S.000Z"
OURS = "+16465550100"


def write_genesys(book: Book) -> None:
    """Write one folder."""
    studio = Studio(Chance(SEED))
    written: list[Any] = []
    for at, dialogue in enumerate(studio.many({"en": 8, "de": 1, "fr": 1}, TEXTING), 1):
        written.append((_messaging, _chatting, _mailing)[at % 3](at, dialogue))
    written[0]["messagingTranscript" if "messagingTranscript" in written[0] else "transcript"].insert(1, "no item")
    written.append({**written[1], "id": "rec-again"})
    written.append({"id": "rec-audio", "conversationId": _ident(80), "media": "audio", "fileState": "AVAILABLE"})
    written.append({key: value for key, value in written[2].items() if key != "conversationId"})
    written.append({"id": "policy-1", "name": "Keep for a year"})
    lines = ",\n".join(compact(one) for one in written)
    book.text("genesys/recordings.json", f"[\n{lines}\n]\n")
    for at in (31, 32):
        book.text(f"genesys/call_{at}.json", json.dumps(_call(at, studio.take("en", CALL)), indent=1) + "\n")


def _ident(at: int) -> str:
    return f"{at:08x}-c0de-4000-8000-{at:012x}"


def _recording(at: int, media: str, dialogue: Dialogue) -> dict[str, Any]:
    return {
        "id": f"rec-{at:04}", "conversationId": _ident(at), "media": media, "fileState": "AVAILABLE",
        "startTime": iso(dialogue.lines[0].at, TIME), "endTime": iso(dialogue.lines[-1].at + 60, TIME),
        "annotations": [], "mediaUris": {},
    }  # fmt: skip


def _user(dialogue: Dialogue) -> dict[str, Any]:
    email = f"{fold(dialogue.filler.agent[0])}@agents.lindwurm.example.com"
    return {"id": f"user-{fold(dialogue.filler.agent[0])}", "name": dialogue.agent, "email": email}


def _contact(dialogue: Dialogue) -> dict[str, Any]:
    customer = dialogue.customer
    return {"id": f"contact-{customer.ident:05}", "firstName": customer.first, "lastName": customer.last,
            "personalEmail": customer.email}  # fmt: skip


def _messaging(at: int, dialogue: Dialogue) -> dict[str, Any]:
    phone = f"+164655501{dialogue.customer.ident % 100:02}"
    items = [_message(at, number, dialogue, line, phone) for number, line in enumerate(dialogue.lines)]
    return {**_recording(at, "message", dialogue), "messagingTranscript": items}


def _message(at: int, number: int, dialogue: Dialogue, line: Line, phone: str) -> dict[str, Any]:
    shared: dict[str, Any] = {"id": f"msg-{at:04}-{number:02}", "timestamp": iso(line.at, TIME), "status": "delivered",
                              "contentType": "Text", "messageText": line.text}  # fmt: skip
    if line.role == "customer":
        known = {"purpose": "customer", "fromExternalContact": _contact(dialogue)} if at % 2 else {}
        return {**shared, "from": phone, "to": OURS, **known}
    if line.role == "system":
        return {**shared, "messageText": "", "from": OURS, "to": phone, "purpose": "acd",
                "events": [{"eventType": "Presence"}]}  # fmt: skip
    if line.role == "bot":
        return {**shared, "from": OURS, "to": phone, "purpose": "bot"}
    return {**shared, "from": OURS, "to": phone, "purpose": "agent", "fromUser": _user(dialogue)}


def _chatting(at: int, dialogue: Dialogue) -> dict[str, Any]:
    purposes = {"customer": "customer", "bot": "workflow", "system": "acd"}
    items = [
        {
            "id": f"chat-{at:04}-{number:02}", "body": line.text, "utc": iso(line.at, TIME), "type": "message",
            "bodyType": "notice" if line.role == "system" else "standard", "chat": f"chat-{at}",
            "from": f"{line.role}-{at:04}@conference.example.com",
            "participantPurpose": purposes.get(line.role, "agent"),
            **({"user": _user(dialogue)} if line.role == "agent" else {}),
        }
        for number, line in enumerate(dialogue.lines)
    ]  # fmt: skip
    return {**_recording(at, "chat", dialogue), "transcript": items}


def _mailing(at: int, dialogue: Dialogue) -> dict[str, Any]:
    customer = {"email": dialogue.customer.email, "name": dialogue.customer.full}
    house = {"email": "service@lindwurm.example.com", "name": "Lindwurm Outdoor"}
    items = [
        {
            "id": f"mail-{at:04}-{number:02}", "subject": f"{dialogue.scene.domain} question", "cc": [], "bcc": [],
            "time": iso(line.at, TIME), "from": customer if line.role == "customer" else house,
            "to": [house if line.role == "customer" else customer],
            "htmlBody": f"<p>{html.escape(line.text, quote=False)}</p>", "textBody": line.text,
            "attachments": [{"attachmentId": "a1", "name": "photo.jpg", "contentLength": 901}] if number == 0 else [],
        }
        for number, line in enumerate(dialogue.lines) if line.role in ("customer", "agent")
    ]  # fmt: skip
    return {**_recording(at, "email", dialogue), "emailTranscript": items}


def _call(at: int, dialogue: Dialogue) -> dict[str, Any]:
    start = dialogue.lines[0].at * 1000
    phrases = [
        {
            "text": line.text.lower(), "decoratedText": line.text, "stability": 1.0, "confidence": 0.91,
            "startTimeMs": line.at * 1000 if at % 2 else line.at * 1000 - start, "phraseIndex": number,
            "participantPurpose": "external" if line.role == "customer" else "internal", "words": [],
        }
        for number, line in enumerate(dialogue.lines)
    ]  # fmt: skip
    held = {"transcriptId": f"tr-{at}", "language": "en-us", "startTime": start, "phrases": phrases}
    return {"organizationId": "org-1", "conversationId": _ident(at), "communicationId": f"com-{at}",
            "mediaType": "call", "startTime": start, "participants": [], "transcripts": [held]}  # fmt: skip

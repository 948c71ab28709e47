"""Write sample_logs/vcon: vCons of chats and a call, and transcripts as Google CCAI has them."""

import json
from base64 import urlsafe_b64encode
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.fill import SUPPORT
from samples.jsonlines import compact
from samples.studio import Dialogue, Setting, Studio
from samples.tables import iso

SEED = 26_110_005
CHAT = Setting(bots=True, pace=(10, 120))
CCAI = {"customer": "END_USER", "agent": "HUMAN_AGENT", "bot": "AUTOMATED_AGENT"}


def write_vcon(book: Book) -> None:
    """Write the three files."""
    studio = Studio(Chance(SEED))
    made = studio.many({"en": 6, "de": 1}, CHAT)
    vcons: list[Any] = [_chat(at, dialogue) for at, dialogue in enumerate(made, 1)]
    vcons[3] = {"payload": _coded(compact(vcons[3])), "signatures": [{"protected": "e30", "signature": "AA"}]}
    vcons.insert(5, {"ciphertext": "AA", "recipients": [{"encrypted_key": "AA"}], "unprotected": {}})
    vcons.insert(6, {"vcon": "0.4.0", "uuid": _uuid(70), "parties": [], "dialog": []})
    lines = [*map(compact, vcons), '{"vcon":"0.4.0","uuid":"cut-off","parties":[{"na']
    book.text("vcon/chats.jsonl", "\n".join(lines) + "\n")
    call = _call(80, studio.take("en", Setting(pace=(4, 15))))
    book.text("vcon/call.vcon.json", json.dumps(call, ensure_ascii=False, indent=1) + "\n")
    entries = [compact(_ccai(dialogue)) for dialogue in studio.many({"en": 4}, CHAT)]
    entries.insert(2, compact({"conversation_info": {}, "entries": []}))
    book.text("vcon/ccai.jsonl", "\n".join(entries) + "\n")


def _uuid(number: int) -> str:
    return f"018e3f72-c3a8-8b8e-b468-{number:012}"


def _coded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _envelope(number: int, dialogue: Dialogue) -> dict[str, Any]:
    customer = {"name": dialogue.customer.full, "mailto": dialogue.customer.email, "type": "person"}
    agent = {"name": dialogue.agent, "mailto": SUPPORT[dialogue.scene.domain], "type": "person"}
    told = number % 2
    return {
        "vcon": "0.4.0",
        "uuid": _uuid(number),
        "created_at": iso(dialogue.lines[0].at),
        "updated_at": iso(dialogue.lines[-1].at + 60),
        "subject": dialogue.scene.subject,
        "parties": [customer | ({"role": "customer"} if told else {}), agent | ({"role": "agent"} if told else {}),
                    {"name": "Helper", "type": "bot"}],
        "attachments": [{"type": "tags", "encoding": "json", "body": compact([dialogue.scene.domain])}],
    }  # fmt: skip


def _chat(number: int, dialogue: Dialogue) -> dict[str, Any]:
    places = {"customer": 0, "agent": 1, "bot": 2}
    dialogs = [
        {"type": "text", "start": iso(line.at), "parties": [0, places[line.role]], "originator": places[line.role],
         "mediatype": "text/plain", "body": line.text, "encoding": "none"}
        for line in dialogue.lines
    ]  # fmt: skip
    return {**_envelope(number, dialogue), "dialog": dialogs, "analysis": []}


def _call(number: int, dialogue: Dialogue) -> dict[str, Any]:
    recording = {"type": "recording", "start": iso(dialogue.lines[0].at), "duration": 95, "parties": [0, 1],
                 "mediatype": "audio/wav", "filename": "call.wav",
                 "url": "https://recordings.lindwurm.example.com/call.wav"}  # fmt: skip
    segments = [{"speaker": int(line.role == "agent"), "text": line.text} for line in dialogue.lines]
    transcript = {"type": "transcript", "dialog": 0, "vendor": "example", "encoding": "json",
                  "body": compact({"segments": segments})}  # fmt: skip
    incomplete = {"type": "incomplete", "start": iso(dialogue.lines[-1].at + 90), "parties": [0, 1],
                  "disposition": "no-answer"}  # fmt: skip
    return {**_envelope(number, dialogue), "dialog": [recording, incomplete], "analysis": [transcript]}


def _ccai(dialogue: Dialogue) -> dict[str, Any]:
    users = {"customer": 1, "agent": 2, "bot": 3}
    entries = [
        {"text": line.text, "role": CCAI[line.role], "user_id": users[line.role],
         "start_timestamp_usec": line.at * 1_000_000}
        for line in dialogue.lines
    ]  # fmt: skip
    info = {"categories": [{"display_name": dialogue.scene.domain}]}
    return {"conversation_info": info, "entries": entries}

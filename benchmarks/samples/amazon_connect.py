"""Write sample_logs/amazon_connect: chat transcripts in lines, and a call raw and redacted, as Contact Lens has it."""

import json
from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_001
CHAT = Setting(bots=True, events=True, notes=True, pace=(8, 60))
ROLES = {"customer": "CUSTOMER", "agent": "AGENT", "bot": "SYSTEM", "system": "SYSTEM", "note": "SUPERVISOR"}
EVENT = "application/vnd.amazonaws.connect.event."
MOOD = {"CUSTOMER": "MIXED", "AGENT": "POSITIVE"}


def write_amazon_connect(book: Book) -> None:
    """Write a file of chats and two of a call."""
    studio = Studio(Chance(SEED))
    made = studio.many({"en": 8, "de": 2}, CHAT)
    lines = [compact(_chat(_contact(at), dialogue)) for at, dialogue in enumerate(made, 1)]
    lines.insert(4, compact(_envelope(_contact(50), "CHAT", "Raw") | {"JobStatus": "FAILED"}))
    lines.insert(7, compact({"ContactId": _contact(51), "Transcript": [{"Type": "MESSAGE", "Content": 7}, "odd"]}))
    lines.append('{"ContactId":"0c0ffee0-0000-4000-8000-000000000052","Transcript":[{"Type":"MESS')
    book.text("amazon_connect/chats/chats.ndjson", "\n".join(lines) + "\n")
    call, contact = studio.take("en", Setting(pace=(4, 15))), _contact(90)
    for kind, output in (("analysis", "Raw"), ("analysis_redacted", "Redacted")):
        name = f"amazon_connect/calls/{contact}_{kind}_{iso(call.lines[0].at, '%Y-%m-%dT%H_%M_%SZ')}.json"
        book.text(name, json.dumps(_call(contact, call, output), ensure_ascii=False, indent=1) + "\n")


def _contact(number: int) -> str:
    return f"0c0ffee0-0000-4000-8000-{number:012}"


def _envelope(contact: str, channel: str, output: str) -> dict[str, Any]:
    return {
        "AccountId": "123456789012",
        "Channel": channel,
        "ContentMetadata": {"Output": output},
        "CustomerMetadata": {"ContactId": contact, "InstanceId": "f23fc323-3d6d-48aa-95dc-000000000012"},
        "JobStatus": "COMPLETED",
        "LanguageCode": "en-US",
        "Categories": {"MatchedCategories": ["refund"], "MatchedDetails": {}},
    }


def _chat(contact: str, dialogue: Dialogue) -> dict[str, Any]:
    items = [
        _event(contact, 0, dialogue.lines[0].at, "participant.joined"),
        *(_item(contact, at, dialogue, line) for at, line in enumerate(dialogue.lines, 1)),
        _event(contact, 99, dialogue.lines[-1].at + 9, "chat.ended"),
    ]
    present = sorted({line.role for line in dialogue.lines} - {"system"})
    return {
        "Version": "2019-08-26",
        "AWSAccountId": "123456789012",
        "InstanceId": "f23fc323-3d6d-48aa-95dc-000000000012",
        "InitialContactId": contact,
        "ContactId": contact,
        "Participants": [{"ParticipantId": _participant(contact, role)} for role in present],
        "Transcript": items,
    }


def _item(contact: str, at: int, dialogue: Dialogue, line: Line) -> dict[str, Any]:
    if line.role == "system":
        return _event(contact, at, line.at, "transfer.succeeded")
    names = {"customer": dialogue.customer.full, "agent": dialogue.agent, "bot": "SYSTEM_MESSAGE", "note": "Team lead"}
    return {
        "AbsoluteTime": iso(line.at, "%Y-%m-%dT%H:%M:%S.000Z"),
        "Content": line.text,
        "ContentType": "text/markdown" if line.role == "agent" else "text/plain",
        "Id": f"{contact[:8]}-item-{contact[-4:]}-{at:03}",
        "Type": "MESSAGE",
        "ParticipantId": _participant(contact, line.role),
        "DisplayName": names[line.role],
        "ParticipantRole": ROLES[line.role],
    }


def _event(contact: str, at: int, time: int, name: str) -> dict[str, Any]:
    return {
        "AbsoluteTime": iso(time, "%Y-%m-%dT%H:%M:%S.000Z"),
        "ContentType": EVENT + name,
        "Id": f"{contact[:8]}-item-{contact[-4:]}-{at:03}",
        "Type": "EVENT",
    }


def _participant(contact: str, role: str) -> str:
    return f"{contact[-6:]}-{role}"


def _call(contact: str, dialogue: Dialogue, output: str) -> dict[str, Any]:
    start, turns = dialogue.lines[0].at, list[dict[str, Any]]()
    for at, line in enumerate(dialogue.lines):
        role, offset = ROLES[line.role], (line.at - start) * 1000
        text = line.text.replace(dialogue.customer.full, "[PII]") if output == "Redacted" else line.text
        turns.append({
            "BeginOffsetMillis": offset, "EndOffsetMillis": offset + 3000, "Content": text, "Id": f"turn-{at}",
            "ParticipantId": role, "Sentiment": MOOD[role], "LoudnessScore": [71.5, 68.2],
        })  # fmt: skip
    roles = [{"ParticipantId": role, "ParticipantRole": role} for role in ("CUSTOMER", "AGENT")]
    scores = {"Sentiment": {"OverallSentiment": {"CUSTOMER": 1.5, "AGENT": 2.5}}}
    return _envelope(contact, "VOICE", output) | {
        "Version": "VOICE-2022-11-30",
        "Participants": roles,
        "ConversationCharacteristics": scores,
        "Transcript": turns,
    }

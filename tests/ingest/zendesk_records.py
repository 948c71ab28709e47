"""Small Zendesk records, and what reads an export made of them."""

import json

from ingest.connector import Reading, Recognised
from ingest.connectors.zendesk import CONNECTOR
from ingest.source import walk


def recognised(file):
    evidence = CONNECTOR.detect(file.sample)
    return Recognised(file, evidence.part if evidence else "")


def read_export(folder, store, files):
    """Write values as JSON, text with commas in its first line as CSV, and read them all together."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        is_table = isinstance(content, str) and "," in text.split("\n")[0][:30] and not text.startswith(("{", "["))
        (folder / f"{name}.{'csv' if is_table else 'json'}").write_text(text, encoding="utf-8")
    found = tuple(recognised(file) for file in walk([folder]))
    return list(CONNECTOR.read(Reading(found, spool=store.spool())))


def ticket(identity=1, **fields):
    return {
        "id": identity, "url": f"https://x.example.com/{identity}", "subject": "Parcel", "raw_subject": "Parcel",
        "description": "Where is it?", "status": "open", "priority": None, "requester_id": 10, "submitter_id": 10,
        "assignee_id": 20, "tags": ["parcel"], "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}},
        "custom_fields": [{"id": 5, "value": "blue"}, {"id": 6, "value": None}], "satisfaction_rating": None,
        "created_at": "2024-05-03T10:00:00Z", "updated_at": "2024-05-03T12:00:00Z", **fields,
    }  # fmt: skip


def comment(identity, text, *, author=10, public=True, minute=0, **fields):
    return {
        "id": identity, "type": "Comment", "author_id": author, "body": text, "html_body": "", "plain_body": text,
        "public": public, "attachments": [], "created_at": f"2024-05-03T10:{minute:02}:00Z", **fields,
    }  # fmt: skip


USERS = {
    "users": [
        {"id": 10, "name": "Ann Example", "email": "ann@example.com", "phone": "+1 555 0100", "role": "end-user",
         "active": True, "locale": "en-US", "time_zone": "UTC"},
        {"id": 20, "name": "Bo Agent", "email": "bo@example.com", "role": "agent", "active": True, "locale": "en-US"},
        {"id": 30, "name": "Gone", "email": None, "role": "end-user", "active": False, "locale": "en-US"},
    ]
}  # fmt: skip

TALK = [
    comment(1, "Where is it?"),
    comment(2, "Ask the depot first.", author=20, public=False, minute=1),
    comment(3, "It left today.", author=20, minute=2),
]


def said(conversation):
    return [(turn.kind, turn.role, turn.visibility, turn.text) for turn in conversation.turns]


TALK_SAID = [
    ("message", "customer", "public", "Where is it?"),
    ("note", "agent", "internal", "Ask the depot first."),
    ("message", "agent", "public", "It left today."),
]

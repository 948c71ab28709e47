"""Make an export of any size from a sample: its records again and again, each copy with ids and times of its own."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

Json = Any

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
PEOPLE = frozenset((
    "admin_assignee", "assignedTo", "assignee", "author", "contacts", "createdBy", "custom_fields", "customFields",
    "customer", "from", "groups", "operators", "primaryCustomer", "requester", "roles", "sender", "senders",
    "submitter", "tags", "user", "users", "via", "visitor",
))  # fmt: skip
"""What stands under these keys are people and settings: they stay the same in every copy."""

FOLDERS_OF_MANY = frozenset(("chat", "vcon", "jsonlines", "tables", "salesforce", "mail"))
"""Folders whose files are exports of their own."""

SECONDS = 100_000
"""What lies between two copies, so that they are no one conversation."""

HEADERS = re.compile(rb"(?im)^(?:message-id|in-reply-to|references):.*(?:\n[ \t].*)*")
MESSAGE_ID = re.compile(rb"<([^<>@\s]+)@")


@dataclass(frozen=True, slots=True)
class Export:
    """A sample and what makes a copy of its records another record: keys with ids, keys with times, file names."""

    name: str
    folder: str
    grows: tuple[str, ...]
    ids: frozenset[str]
    times: frozenset[str] = frozenset()


def export(name: str, folder: str, grows: str, ids: str, times: str = "") -> Export:
    """Write an export down in short: words between spaces."""
    return Export(name, folder, tuple(grows.split()), frozenset(ids.split()), frozenset(times.split()))


EXPORTS = (
    export("zendesk, a ticket a line", "zendesk/full", "tickets.ndjson", "id"),
    export("zendesk, pages", "zendesk/2026-q1", "tickets.json comments.json", "id ticket_id"),
    export("zendesk chat", "zendesk_chat", "chats.json", "id"),
    export("intercom", "intercom/2026-05", "conversations.json", "id"),
    export("freshdesk, API v2", "freshdesk/v2", "tickets.json conversations.json", "id ticket_id"),
    export("freshdesk, API v1", "freshdesk/v1", "tickets.ndjson", "id display_id"),
    export("freshchat", "freshchat/api", "conversations.json messages.ndjson", "id conversation_id"),
    export("front", "front", "conversations.json messages.json comments.json events.json", "id conversation"),
    export("gorgias", "gorgias/whole", "tickets.ndjson", "id ticket_id"),
    export("help scout", "help_scout/embedded", "conversations.ndjson", "id number"),
    export("hubspot, inbox", "hubspot/inbox", "threads.json messages.json", "id conversationsThreadId"),
    export("livechat", "livechat", "archives.json", "id"),
    export("crisp", "crisp", "conversations_1.json messages.json", "session_id fingerprint"),
    export("tawk.to", "tawkto", "webhooks.ndjson", "id chatId humanId"),
    export("olark", "olark", "transcripts.ndjson", "id"),
    export("drift", "drift", "conversations.json webhooks.ndjson", "id conversationId"),
    export("amazon connect", "amazon_connect/chats", "chats.ndjson", "ContactId InitialContactId"),
    export("twilio", "twilio", "conversations.json participants.json messages.ndjson", "sid conversation_sid"),
    export("genesys", "genesys", "recordings.json", "id conversationId"),
    export("slack", "slack", "dealer-help/*.json", "client_msg_id", "ts thread_ts"),
    export("discord", "discord", "*.json", "id messageId", "timestamp"),
    export("teams, Graph", "teams/graph", "channel.json", "", "id replyToId createdDateTime lastModifiedDateTime"),
    export("telegram", "telegram", "result.json", "id reply_to_message_id", "date date_unixtime"),
    export("discourse", "discourse/forum", "topics.jsonl", "id topic_id"),
    export("langfuse", "llm_traces/langfuse", "traces.jsonl", "id sessionId"),
    export("vcon", "vcon", "chats.jsonl", "uuid"),
    export("OpenAI messages", "chat", "openai_messages.jsonl", "id"),
    export("ShareGPT", "chat", "sharegpt.json", "id"),
    export("JSON lines, a turn a line", "jsonlines", "events.jsonl", "thread"),
    export("tables, CSV", "tables", "chats.csv", "conversation_id"),
    export("salesforce chats", "salesforce", "LiveChatTranscript.csv", "Id Name ChatKey"),
    export("mail, mbox", "mail", "inbox.mbox", ""),
)


def enlarge(given: Export, target: Path, size: int) -> None:
    """Write the export so large that its growing files have `size` bytes together; the others stay as they are.

    Of a folder in FOLDERS_OF_MANY nothing else is written.
    """
    source = SAMPLES / given.folder
    grow = sorted({path for pattern in given.grows for path in source.glob(pattern)})
    copies = max(1, size // sum(path.stat().st_size for path in grow))
    for path in sorted(source.rglob("*")):
        place = target / path.relative_to(source)
        if path in grow:
            place.parent.mkdir(parents=True, exist_ok=True)
            _grow(path, place, given, copies)
        elif path.is_file() and given.folder not in FOLDERS_OF_MANY:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def _grow(source: Path, target: Path, given: Export, copies: int) -> None:
    if source.suffix in (".ndjson", ".jsonl"):
        _lines(source, target, given, copies)
    elif source.suffix == ".json":
        _document(json.loads(source.read_text("utf-8")), target, given, copies)
    elif source.suffix == ".csv":
        _table(source, target, given, copies)
    else:
        content = source.read_bytes()
        with target.open("wb") as file:
            for copy in range(copies):
                file.write(HEADERS.sub(lambda head, copy=copy: MESSAGE_ID.sub(rb"<\1.%d@" % copy, head[0]), content))


def _lines(source: Path, target: Path, given: Export, copies: int) -> None:
    records = [record for record in map(_parsed, source.read_text("utf-8").splitlines()) if record is not None]
    with target.open("w", encoding="utf-8", errors="replace") as file:
        for record in _copied(records, given, copies):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _document(document: Json, target: Path, given: Export, copies: int) -> None:
    """Write the document with its longest list repeated, item by item, so that it may be larger than memory."""
    records = _longest(document)
    marked = json.dumps(_with(document, records, ["RECORDS"]), ensure_ascii=False)
    before, after = marked.split('"RECORDS"')
    with target.open("w", encoding="utf-8", errors="replace") as file:
        file.write(before)
        for number, record in enumerate(_copied(records, given, copies)):
            file.write((",\n" if number else "") + json.dumps(record, ensure_ascii=False))
        file.write(after)


def _table(source: Path, target: Path, given: Export, copies: int) -> None:
    with source.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(_copied(rows, given, copies))


def _copied(records: list[Json], given: Export, copies: int) -> Iterator[Json]:
    for copy in range(copies):
        for record in records:
            yield _another(record, given, copy) if copy else record


def _another(value: Json, given: Export, copy: int) -> Json:
    if isinstance(value, list):
        return [_another(item, given, copy) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _renamed(item, copy) if key in given.ids and not isinstance(item, dict | list)
        else _later(item, copy) if key in given.times and isinstance(item, str | int | float)
        else item if key in PEOPLE
        else _another(item, given, copy)
        for key, item in value.items()
    }  # fmt: skip


def _renamed(value: Json, copy: int) -> Json:
    if isinstance(value, int) and not isinstance(value, bool):
        return value + copy * 10**9
    return f"{value}_{copy}" if isinstance(value, str) else value


def _later(value: Json, copy: int) -> Json:
    if isinstance(value, int):
        return value + copy * SECONDS * (1000 if value > 10**11 else 1)
    text = str(value)
    if text.isdigit():
        return str(_later(int(text), copy))
    if text.replace(".", "").isdigit():
        return f"{float(text) + copy * SECONDS:.6f}"
    return (datetime.fromisoformat(text[:19]) + timedelta(seconds=copy * SECONDS)).isoformat() + text[19:]


def _longest(document: Json) -> list[Json]:
    """Find the list of records: the outermost that is longest."""
    if isinstance(document, list):
        return document
    inner = [_longest(value) for value in document.values() if isinstance(value, dict | list)]
    return max(inner, key=len, default=[])


def _with(document: Json, records: list[Json], instead: list[Json]) -> Json:
    if document is records:
        return instead
    if isinstance(document, dict):
        return {key: _with(value, records, instead) for key, value in document.items()}
    return document


def _parsed(line: str) -> Json:
    try:
        return json.loads(line)
    except ValueError:
        return None

"""What Intercom's records are, as the API gives them or as rows that Fivetran and Airbyte made of them."""

from __future__ import annotations

import re
from typing import Any, Literal

from ingest.loose import as_flag, as_id, as_text
from ingest.warehouse import SYNCED, is_warehouse

Json = dict[str, Any]
Part = Literal["conversations", "parts", "people", "tags", "tagged", "contacts", "statistics", "report"]

LISTS = ("conversations", "admins", "contacts", "tags", "data")
"""Lists that pages of the API stand around: conversations, admins, contacts (`data` in newer versions)."""

NESTED = frozenset(
    ("source", "contacts", "teammates", "tags", "conversation_rating", "statistics", "first_contact_reply", "assignee",
     "user", "customers", "author", "assigned_to", "attachments", "conversation_parts", "conversation_message",
     "custom_attributes", "sla_applied", "topics", "linked_objects", "ai_agent", "channel", "event_details", "metadata",
     "email_message_metadata", "translations")
)  # fmt: skip
"""Objects and lists of the API, which Airbyte keeps as JSON text."""

SIGNS = frozenset({"source", "conversation_parts", "contacts", "conversation_message", "teammates", "state"})
PERSON_TYPES = frozenset({"admin", "contact", "user", "lead"})
PERSON_SIGNS = frozenset({"email", "away_mode_enabled", "has_inbox_seat", "external_id", "role", "signed_up_at"})
FIVETRAN_PEOPLE = frozenset({"job_title", "unsubscribed_from_emails"})
LINKS: dict[str, Part] = {"tag_id": "tagged", "contact_id": "contacts"}
"""What joins a conversation in Fivetran's tables, by the column beside conversation_id."""

STATISTICS_SIGNS = frozenset({"ruleset_id", "content_id", "user_external_id", "content_title", "ruleset_version_id"})
FIGURES = re.compile(r"response time|time to|handling time|assigned|closed? at|replie[sd]|replies|rating|started at")
SPEECH = re.compile(r"body|message|text|transcript|comment")
OWN_WORDS = re.compile(r"teammate|snooz|\bfin (?:ai|involv|participat|resol|answer)|ai agent|conversation started at")
"""Columns of Intercom's reports: some figures, nothing that may hold what was said, and a word only Intercom uses."""

MARK = re.compile(r"[\W_]+")


def part_of(record: Any, name: str = "") -> Part | None:  # noqa: ANN401 - any JSON value
    """Say what a record or a row is; `name` is its file's, which tells a table of tags from other lists of names."""
    if not isinstance(record, dict):
        return None
    names = record.keys()
    if {"conversation_id", "part_type"} <= names and {"body", "author"} & names:
        return "parts"
    if {"id", "source_body", "source_author_type"} <= names or _is_conversation(record):
        return "conversations"
    if "receipt_id" in names and names & STATISTICS_SIGNS:
        return "statistics"
    if is_warehouse(names) and "conversation_id" in names:
        return next((part for column, part in LINKS.items() if column in names), None)
    return _list_of(record, name) or ("report" if _is_report(record) else None)


def _is_conversation(record: Json) -> bool:
    names, kind = record.keys(), as_text(record.get("type"))
    if kind == "conversation" and SIGNS & names:
        return True
    if kind is None and isinstance(record.get("conversation_parts"), dict) and isinstance(record.get("source"), dict):
        return True
    return kind is None and is_warehouse(names) and "id" in names and len(SIGNS & names) >= 3


def _list_of(record: Json, name: str) -> Part | None:
    names, kind = record.keys(), as_text(record.get("type"))
    if kind in PERSON_TYPES and len(PERSON_SIGNS & names) >= 2:
        return "people"
    if {"id", "email", "name", SYNCED} <= names and names & FIVETRAN_PEOPLE:
        return "people"
    if kind is None and is_warehouse(names) and {"id", "type"} <= names and len(PERSON_SIGNS & names) >= 3:
        return "people"
    is_tag = kind == "tag" or ("tag" in name.lower() and kind is None and is_warehouse(names))
    return "tags" if is_tag and {"id", "name"} <= names and "email" not in names else None


def _is_report(record: Json) -> bool:
    """Tell a table of figures by its columns, such as Intercom's reports have."""
    columns = [MARK.sub(" ", column).strip().lower() for column in record]
    if "conversation id" not in columns or any(SPEECH.search(column) for column in columns):
        return False
    figures = sum(bool(FIGURES.search(column)) for column in columns)
    return figures >= 3 and any(OWN_WORDS.search(column) for column in columns)


def as_api(record: Json, part: Part) -> Json:
    """Put together again what Fivetran keeps in columns with a common start (`source_body`)."""
    if part == "people":
        return {**record, "is_deleted": as_flag(record.get("_fivetran_deleted")) is True}
    if part == "parts" and "author_type" in record:
        return {**record, "author": {"type": record.get("author_type"), "id": record.get("author_id")}}
    if part != "conversations" or "source_body" not in record:
        return record
    starts = ("source_author_", "source_", "conversation_rating_")
    nested = {start: {k.removeprefix(start): v for k, v in record.items() if k.startswith(start)} for start in starts}
    rating = nested["conversation_rating_"]
    return {
        **{name: value for name, value in record.items() if not name.startswith(starts)},
        "source": {**nested["source_"], "author": nested["source_author_"]},
        "conversation_rating": {"rating": rating.get("value"), "remark": rating.get("remark")},
    }


def key_of(record: Json, part: Part) -> str | None:
    """Give what a record is joined by: its conversation's id, or its own."""
    if part in ("parts", "tagged", "contacts"):
        return as_id(record.get("conversation_id"))
    return as_id(record.get("id"))


def is_admin(record: Json) -> bool:
    """Tell Fivetran's admins, which have a job title, from contacts."""
    return "job_title" in record and "type" not in record

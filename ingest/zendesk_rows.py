"""Rows of a warehouse's Zendesk tables, in the words of Zendesk's API.

Fivetran's tables are those of its schema for Zendesk Support (fivetran/dbt_zendesk reads them); Airbyte's have the
fields of the API's streams, with what is nested as JSON text.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from ingest.loose import as_flag, as_json
from ingest.zendesk_case import Json, Part

NESTED = frozenset(
    ("via", "tags", "custom_fields", "fields", "attachments", "satisfaction_rating", "metadata", "events", "data",
     "merged_ticket_ids", "followup_ids", "collaborator_ids", "follower_ids", "email_cc_ids", "sharing_agreement_ids",
     "original_message", "user_fields")
)  # fmt: skip
"""Columns that hold JSON as text; what was said is none of them, though it may look like JSON."""

TABLES: dict[str, Part] = {
    "ticket": "tickets", "tickets": "tickets", "ticket_comment": "comments", "ticket_comments": "comments",
    "user": "users", "users": "users", "ticket_audits": "audits", "ticket_chat": "chats",
    "ticket_chat_event": "chat_events", "ticket_tag": "tags", "ticket_field_history": "changes",
    "satisfaction_rating": "ratings", "satisfaction_ratings": "ratings",
}  # fmt: skip
"""Tables that are told by their names where they are too large to look into."""

TICKET_SIGNS = frozenset({"raw_subject", "submitter_id", "ticket_form_id", "brand_id", "via", "via_channel"})
USER_SIGNS = frozenset({"locale", "time_zone", "suspended", "verified", "active", "user_fields", "moderator"})

COLUMNS: tuple[tuple[Part, frozenset[str]], ...] = (
    ("comments", frozenset({"id", "ticket_id", "body", "public"})),
    ("chat_events", frozenset({"chat_id", "actor_id", "message"})),
    ("chats", frozenset({"chat_id", "ticket_id"})),
    ("audits", frozenset({"ticket_id", "author_id", "events"})),
    ("changes", frozenset({"ticket_id", "field_name", "updated", "value"})),
    ("ratings", frozenset({"id", "ticket_id", "score", "requester_id"})),
)
"""The columns by which a table is known, the surest first."""

ASIDE: tuple[frozenset[str], ...] = (
    frozenset({"brand_url", "subdomain"}), frozenset({"shared_tickets", "shared_comments"}),
    frozenset({"ticket_id", "schedule_id"}), frozenset({"end_user_visible", "display_name"}),
    frozenset({"domain_name", "organization_id"}), frozenset({"daylight_start_utc", "time_zone"}),
    frozenset({"standard_offset", "time_zone"}), frozenset({"start_time_utc", "end_time_utc"}),
    frozenset({"user_id", "tag"}), frozenset({"organization_id", "tag"}), frozenset({"schedule_id", "holiday_id"}),
    frozenset({"ticket_id", "sla_policy_id"}), frozenset({"sla_policy_id", "metric"}), frozenset({"policy_metrics"}),
    frozenset({"change_description", "actor_id"}), frozenset({"ticket_id", "reply_time_in_minutes"}),
    frozenset({"ticket_id", "metric", "instance_id"}), frozenset({"regexp_for_validation", "title"}),
    frozenset({"user_id", "group_id", "default"}), frozenset({"user_id", "organization_id", "default"}),
)  # fmt: skip
"""Columns of tables that tell of the account rather than of tickets: they are known, and nothing is read from them."""

FLAGS = ("public", "is_public", "active", "suspended", "voice_comment", "facebook_comment", "tweet")
WHOLE = re.compile(r"(\d+)\.0")
"""An id that went through a column of floating point numbers."""

READ_COLUMNS = frozenset(
    ("via_channel", "via_source_rel", "via_source_from_address", "via_source_from_title", "via_followup_source_id")
)
KINDS = {"voice_comment": "VoiceComment", "facebook_comment": "FacebookComment", "tweet": "Tweet"}


def part_of_row(columns: Collection[str], *, is_warehouse: bool) -> Part | None:
    """Say which table it is by its columns."""
    names = {name.lower() for name in columns}
    if {"id", "requester_id", "status"} <= names and len(names & TICKET_SIGNS) >= 2:
        return "tickets"
    if {"id", "role", "name"} <= names and len(names & USER_SIGNS) >= 3:
        return "users"
    for part, signs in COLUMNS:
        if signs <= names:
            return part
    own = {name for name in names if not name.startswith("_")}
    if own == {"ticket_id", "tag"}:
        return "tags"
    return "other" if is_warehouse and any(signs <= names for signs in ASIDE) else None


def from_row(part: Part, row: Json) -> Json:
    """Put a row into the words of the API; what the loader added is left out."""
    is_deleted = as_flag(row.get("_fivetran_deleted") or row.get("_FIVETRAN_DELETED")) is True
    record = {key: _value(key, value) for name, value in row.items() if not (key := name.lower()).startswith("_")}
    if part == "comments":
        return _comment(record, is_deleted=is_deleted)
    if part == "tickets":
        return _ticket(record, is_deleted=is_deleted)
    if part == "users" and is_deleted:
        record["active"] = False
    if part == "changes":
        return {**record, "created_at": record.get("updated"), "author_id": record.get("user_id")}
    return record


def _comment(record: Json, *, is_deleted: bool) -> Json:
    record.setdefault("author_id", record.pop("user_id", None))
    record.setdefault("created_at", record.pop("created", None))
    kind = next((KINDS[name] for name in KINDS if record.get(name) is True), "Comment")
    return {"type": kind, **record, "deleted": is_deleted or None}


def _ticket(record: Json, *, is_deleted: bool) -> Json:
    if is_deleted:
        record["status"] = "deleted"
    if isinstance(record.get("via"), dict):
        return record
    follows = record.get("via_followup_source_id")
    source = {
        "from": {"address": record.get("via_source_from_address"), "name": record.get("via_source_from_title"),
                 "ticket_id": follows},
        "rel": record.get("via_source_rel") or ("follow_up" if follows else None),
    }  # fmt: skip
    via = {"channel": record.get("via_channel"), "source": source}
    return {name: value for name, value in record.items() if name not in READ_COLUMNS} | {"via": via}


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - whatever a cell holds
    if name in FLAGS:
        return as_flag(value)
    if name == "id" or name.endswith("_id"):
        if isinstance(value, float) and value.is_integer():
            return int(value)
        found = WHOLE.fullmatch(value) if isinstance(value, str) else None
        return found[1] if found else value
    is_json = name in NESTED and isinstance(value, str) and value.startswith(("{", "["))
    held = as_json(value) if is_json else None  # warehouse.py opens it too, where the column is in small letters
    return value if held is None else held

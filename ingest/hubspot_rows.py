"""What HubSpot's records are: conversations, CRM objects, engagements of version 1, or rows of Fivetran and Airbyte."""

from __future__ import annotations

from typing import Any, Literal

from ingest.loose import as_dict, as_flag, as_id, as_list, as_text
from ingest.records import TurnRole
from ingest.warehouse import is_warehouse

Json = dict[str, Any]
Part = Literal[
    "message", "sender", "thread", "actor", "owner", "stage", "contact", "ticket", "engagement", "link", "aside"
]

LISTS = ("results",)
NESTED = frozenset(
    ("properties", "associations", "metadata", "engagement", "senders", "recipients", "attachments", "tickets",
     "threadAssociations", "client")
)  # fmt: skip
"""Objects and lists of the API, which Airbyte keeps as JSON text."""

ACTORS: dict[str, TurnRole] = {
    "A": "agent", "B": "bot", "L": "bot", "I": "bot", "S": "bot", "V": "customer", "E": "customer",
}  # fmt: skip
SAID = ("email", "note", "call", "communication", "meeting", "task")
OLD_SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("call", frozenset({"disposition", "recording_url", "callee_object_id", "duration_milliseconds"})),
    ("email", frozenset({"html", "text", "from_email", "message_id"})),
    ("task", frozenset({"for_object_type", "task_type", "completion_date"})),
    ("meeting", frozenset({"title", "start_time", "end_time"})),
    ("note", frozenset({"body"})),
)
"""Columns of Fivetran's older tables of engagements, which have no properties, by what is logged there."""

TICKET_SIGNS = frozenset({"hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category", "content"})
CONTACT_SIGNS = frozenset({"hs_object_id", "createdate", "lastmodifieddate", "lifecyclestage"})
PREFIXES = ("property_", "properties_")
CAMEL = {
    "thread_id": "conversationsThreadId", "created_at": "createdAt", "created_by": "createdBy", "rich_text": "richText",
    "in_reply_to_id": "inReplyToId", "truncation_status": "truncationStatus", "closed_at": "closedAt",
    "inbox_id": "inboxId", "associated_contact_id": "associatedContactId", "original_channel_id": "originalChannelId",
    "assigned_to": "assignedTo", "_fivetran_deleted": "archived",
}  # fmt: skip
"""Columns of Fivetran's tables of conversations, in the words of the API."""


def flat(record: Any) -> Json:  # noqa: ANN401 - any JSON value
    """Bring whatever it is to one shape: id, the fields or properties, and the tickets that it belongs to."""
    if not isinstance(record, dict):
        return {}
    head = record.get("engagement") if isinstance(record.get("engagement"), dict) else record
    if head is not record or {"associations", "metadata", "type"} <= record.keys():
        return _engagement(record, as_dict(head))
    if isinstance(record.get("properties"), dict):
        linked = as_dict(as_dict(record.get("associations")).get("tickets")).get("results") or record.get("tickets")
        people = as_list(as_dict(as_dict(record.get("associations")).get("contacts")).get("results"))
        return {**record["properties"], "id": record.get("id"), "archived": record.get("archived"),
                "tickets": [_linked(one) for one in as_list(linked)],
                **({"associatedContactId": _linked(people[0])} if people else {})}  # fmt: skip
    names = record.keys()
    if "conversationsThreadId" in names:
        return record  # a message of the API, of which there are most
    if is_warehouse(names) and ({"thread_id", "direction"} <= names or {"inbox_id", "status"} <= names):
        return _of_conversations(record)
    if not is_warehouse(names) and not any(name.startswith(PREFIXES) for name in names):
        return record
    row = {name.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1]): value for name, value in record.items()}
    if "portal_id" in row and "owner_id" in row and "type" in row and "id" in row:
        row |= {"hubspot_owner_id": row["owner_id"], "hs_timestamp": row.get("hs_timestamp") or row.get("timestamp")}
    return row


def _engagement(record: Json, head: Json) -> Json:
    """Bring an engagement of version 1 to that shape; Airbyte writes its head without the wrapper."""
    return {
        **as_dict(record.get("metadata")), "hs_timestamp": head.get("timestamp"), "kind": head.get("type"),
        "hubspot_owner_id": head.get("ownerId"), "engagement_id": head.get("id"),
        "tickets": as_list(as_dict(record.get("associations")).get("ticketIds")),
    }  # fmt: skip


def _of_conversations(row: Json) -> Json:
    """Bring a row of a message or a thread to the API's words."""
    told = {CAMEL.get(name, name): value for name, value in row.items()}
    told["archived"] = as_flag(told.get("archived")) is True
    if ticket := as_id(row.get("associated_ticket_id")):
        told["threadAssociations"] = {"associatedTicketId": ticket}
    return told


def _linked(one: Any) -> Any:  # noqa: ANN401 - an id, or an object with one
    return one.get("id") if isinstance(one, dict) else one


def part_of(record: Json) -> Part | None:
    """Say what a flat record is."""
    names = record.keys()
    if "conversationsThreadId" in names and {"type", "createdAt"} <= names:
        return "message"
    if {"inboxId", "status", "createdAt"} <= names:
        return "thread"
    if {"message_id", "thread_id", "actor_id"} <= names:
        return "sender" if "sender_field" in names else "aside"
    if {"ticket_id", "engagement_id"} <= names:
        return "link"
    if {"engagement_id", "hs_timestamp"} <= names or (kind_of(record) is not None and {"engagement_id", "id"} & names):
        return "engagement"
    if "id" in names and TICKET_SIGNS & names and ("subject" in names or "createdate" in names):
        return "ticket"
    return _list_of(record)


def _list_of(record: Json) -> Part | None:
    """Tell the lists that only explain others: actors, contacts, owners, stages of pipelines."""
    names = record.keys()
    if "type" in names and actor_role(as_id(record.get("id"))):
        return "actor"
    if {"email", "firstname", "lastname"} <= names and CONTACT_SIGNS & names:
        return "contact"
    if {"owner_id", "email", "first_name"} <= names or {"id", "email", "firstName", "userId"} <= names:
        return "owner"
    return "stage" if {"stage_id", "label", "pipeline_id"} <= names and "ticket_state" in names else None


def kind_of(record: Json) -> str | None:
    """Tell what is logged, by its type or by the properties that only this kind has."""
    told = (as_text(record.get("kind")) or as_text(record.get("type")) or "").lower().removeprefix("incoming_")
    is_logged = "engagement_id" in record or "portal_id" in record
    if is_logged and told.removeprefix("forwarded_") in SAID:
        return told.removeprefix("forwarded_")
    named = next((kind for kind in SAID if any(name.startswith(f"hs_{kind}_") for name in record)), None)
    if named is not None or not is_logged:
        return named
    if "engagement_id" in record and is_warehouse(record):
        return next((kind for kind, signs in OLD_SIGNS if signs & record.keys()), None)
    return "call" if "portal_id" in record and "type" in record else None


def actor_role(identity: str | None) -> TurnRole | None:
    """Tell an actor's role by the letter before its id."""
    head, dash, rest = (identity or "").partition("-")
    return ACTORS.get(head) if dash and rest else None

"""Zendesk Support: tickets with comments, audits, events, side conversations, ratings and users; warehouse tables too.

To get them: Admin Center, Account, Tools, Reports, Export (Zendesk switches the full export on; it is NDJSON, one
ticket a line with its comments and people), or save the pages of the API: tickets or incremental/tickets, a ticket's
comments, audits and side_conversations (with their events), incremental/ticket_events?include=comment_events,
satisfaction_ratings, users. Or export a warehouse's tables as CSV or Parquet: Fivetran's ticket, ticket_comment, user,
ticket_tag, ticket_field_history, satisfaction_rating, ticket_chat, ticket_chat_event; Airbyte's tickets,
ticket_comments, ticket_audits, users, satisfaction_ratings, as columns or raw. Files of one folder belong together, in
any order; everything is sorted by ticket on disk.

The description repeats the first comment, so it speaks only where there are no comments. Roles come from the users,
else from the ticket: who asked is the customer, whom it is copied to a third party, whoever else writes an agent. A
private comment is a note. What a trigger or an automation wrote is a bot's; a comment of an update in which a macro
was used is marked macro. Of several copies of a comment the one that hides more counts, and one of which something was
blacked out after it was copied is kept as deleted. A live or messaging chat is read from the ChatStartedEvent of its
audit instead of its flat copy. A side conversation is a conversation of its own, internal, with the ticket as its
parent. Deleted tickets keep their turns as deleted; merged ones name the ticket that they went into.

Not read: files behind attachments and recordings, help center articles and posts, tables on the account (brands,
groups, schedules), exports of Zendesk Chat (see zendesk_chat). The CSV export of tickets holds no comments.
Unconfirmed: the inner layout of the full JSON and XML exports, the words a merge is closed with, and the events of
newer surveys, which stay as events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.loose import as_dict, as_flag, as_id, as_list
from ingest.records import Record, Reject
from ingest.source import Sample, SourceFile
from ingest.tables_reader import kind_of_table, read_table
from ingest.warehouse import is_warehouse, named_parquet, records_in, sample_records
from ingest.xml_stream import read_xml, xml_names
from ingest.zendesk_case import Json, Member, Part
from ingest.zendesk_export import FIRST, Export
from ingest.zendesk_rows import NESTED, TABLES, TICKET_SIGNS, USER_SIGNS, from_row, part_of_row
from ingest.zendesk_words import ROLES

LISTS = (
    "tickets", "comments", "users", "audits", "ticket_events", "side_conversations", "satisfaction_ratings", "events",
)  # fmt: skip
WRAPPED: dict[str, Part] = {
    "ticket": "tickets", "comment": "comments", "user": "users", "audit": "audits", "side_conversation": "sides",
    "satisfaction_rating": "ratings",
}  # fmt: skip
SIDE_SIGNS = frozenset({"preview_text", "message_added_at", "state_updated_at", "participants"})
SCORES = ("good", "bad", "offered", "unoffered")
REASONS: dict[Part, tuple[float, str]] = {
    "tickets": (0.95, "tickets with requester and submitter, form or via, as Zendesk has them"),
    "comments": (0.93, "comments with author, body and public"),
    "users": (0.92, "users with the roles end-user, agent or admin"),
    "audits": (0.95, "audits or ticket events with a ticket_id"),
    "ratings": (0.93, "satisfaction ratings of tickets: good, bad or offered"),
    "sides": (0.95, "side conversations with ticket_id and participants"),
    "side_events": (0.95, "events of side conversations"),
    "chats": (0.93, "chats with chat_id and ticket_id"),
    "chat_events": (0.95, "chat events with chat_id, actor_id and message"),
    "tags": (0.9, "tags of tickets, as Fivetran lays them out"),
    "changes": (0.93, "changed fields of tickets, as Fivetran lays them out"),
    "other": (0.9, "a table on the account, of which nothing is read"),
}

XML_RECORDS = frozenset({"ticket", "user"})
XML_STATUSES = {"0": "new", "1": "open", "2": "pending", "3": "solved", "4": "closed", "5": "deleted", "6": "hold"}
XML_PRIORITIES = {"0": None, "1": "low", "2": "normal", "3": "high", "4": "urgent"}
XML_ROLES = {"0": "end-user", "2": "admin", "4": "agent"}


class Zendesk:
    """Read Zendesk's exports and API pages."""

    name = "zendesk"
    title = "Zendesk Support (JSON and XML exports, API pages, Fivetran and Airbyte tables)"
    version = 2
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        if (part := _part_of(sample)) is not None:
            return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        named = TABLES.get(named_parquet(sample) or "")
        return Evidence(0.85, ("a Parquet file, named as a table of Zendesk's",), part=named) if named else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each ticket with its turns; what belongs to no ticket of the folder as a reject."""
        export = Export(reading.spool)
        parts: list[tuple[Part | None, bool, SourceFile]] = [
            (*_told(found.file), found.file) for found in reading.files
        ]
        for part, is_table, file in sorted(parts, key=lambda told: FIRST.get(told[0] or "", len(FIRST))):
            for found in _records_in(file):
                if isinstance(found, Reject):
                    yield found
                else:
                    yield from _sort_in(export, found, part if is_table else None)
        yield from export.records()


CONNECTOR: Connector = Zendesk()


def _part_of(sample: Sample) -> Part | None:
    names = xml_names(sample)
    if names:
        is_tickets = "ticket" in names and not {"nice_id", "requester_id"}.isdisjoint(names)
        return "tickets" if is_tickets else "users" if names[0] == "users" and "restriction_id" in names else None
    records = sample_records(sample, LISTS, NESTED)
    if kind_of_table(sample):
        return next((part for record in records if (part := _of_table(record))), None)
    return next((part for record in records if (part := _classify(record)[0])), None)


def _of_table(row: Json) -> Part | None:
    """Say what a row is; one that Airbyte keeps as a whole is a record of the API."""
    return part_of_row(row, is_warehouse=is_warehouse({name.lower() for name in row})) or _classify(row)[0]


def _classify(record: Any) -> tuple[Part | None, Json]:  # noqa: ANN401 - any JSON value
    """Say what a JSON record is by its fields, and take it out of its wrapper."""
    if not isinstance(record, dict):
        return None, {}
    for name, part in WRAPPED.items():
        if isinstance(record.get(name), dict) and "id" not in record:
            return part, record[name]
    names = record.keys()
    if "side_conversation_id" in names:
        return "side_events", record
    if "ticket_id" in names:
        return _belonging(record), record
    if {"public", "body"} <= names and "author_id" in names:
        return "comments", record
    if str(record.get("role")) in ROLES and len(USER_SIGNS & names) >= 2:
        return "users", record
    if "id" in names and not {"requester_id", "requester"}.isdisjoint(names) and len(TICKET_SIGNS & names) >= 2:
        return "tickets", record
    return None, record


def _belonging(record: Json) -> Part | None:
    """Say what a record is that names its ticket."""
    names = record.keys()
    if len(SIDE_SIGNS & names) >= 2:
        return "sides"
    if not {"events", "child_events"}.isdisjoint(names):
        return "audits"
    if {"public", "body"} <= names:
        return "comments"
    return "ratings" if "score" in names and str(record["score"]).startswith(SCORES) else None


def _told(file: SourceFile) -> tuple[Part | None, bool]:
    """Say what a file holds, and whether as rows of a table; rows that keep a record as a whole are read as that."""
    if not kind_of_table(file.sample):
        return _part_of(file.sample), False
    table = read_table(file)
    columns = table.columns if table else ()
    part = part_of_row(columns, is_warehouse=is_warehouse({name.lower() for name in columns}))
    return part or _part_of(file.sample), part is not None


def _records_in(file: SourceFile) -> Iterator[Found | Reject]:
    if not xml_names(file.sample):
        yield from records_in(file, LISTS, NESTED)
        return
    for placed in read_xml(file, XML_RECORDS):
        yield placed if isinstance(placed, Reject) else Found(placed[0], file.uri, _from_xml(placed[1]))


def _sort_in(export: Export, found: Found, table: Part | None) -> Iterator[Reject]:
    """Take in a record; a table's rows are all of one kind."""
    part, record = (table, from_row(table, found.value)) if table else _classify(found.value)
    if part is None:
        yield found.unknown("the record is no ticket, comment, user or audit")
    elif part != "other":
        yield from export.sort_in(
            Member(part, found.place, found.uri, record), is_alone=not table and found.value is not record
        )


def _from_xml(record: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Put a record of the XML export into the words of the API, whose older names and numbers it has."""
    if user := as_dict(as_dict(record).get("user")):
        role = as_id(user.get("role")) or as_id(user.get("roles")) or ""
        return {"user": {**user, "role": XML_ROLES.get(role, role), "active": as_flag(user.get("is_active"))}}
    given = as_dict(as_dict(record).get("ticket"))
    status, priority = as_id(given.get("status_id")), as_id(given.get("priority_id"))
    ticket = {
        **given,
        "id": as_id(given.get("nice_id")) or as_id(given.get("id")),
        "status": given.get("status") or XML_STATUSES.get(status or "", status),
        "priority": given.get("priority") or XML_PRIORITIES.get(priority or "", priority),
        "tags": (as_id(given.get("current_tags")) or "").split(),
        "via": given.get("via") or {"channel": as_id(given.get("via_id"))},
        "comments": [_comment_from_xml(as_dict(comment)) for comment in as_list(given.get("comments"))],
    }
    return {"ticket": ticket}


def _comment_from_xml(comment: Json) -> Json:
    return {
        **comment,
        "body": comment.get("body") or comment.get("value"),
        "public": as_flag(comment.get("is_public", comment.get("public"))),
        "via": comment.get("via") or {"channel": as_id(comment.get("via_id"))},
    }

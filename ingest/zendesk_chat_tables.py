"""Fivetran's tables of Zendesk Chat, joined into chats as the Chat API gives them.

The columns are those of Fivetran's page on the schema of its Zendesk Chat connector; no real table was at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.found import Found
from ingest.loose import as_id, as_text
from ingest.ratings import number_in
from ingest.records import Reject
from store.spool import Spool

Json = dict[str, Any]
Row = Literal["chat_rows", "items", "visitors", "tags", "members"]

CHAT_SIGNS = frozenset({"count_visitor", "count_agent", "missed", "dropped", "started_by", "triggered", "duration"})


def part_of_row(columns: Collection[str], *, is_warehouse: bool) -> Row | None:
    """Say which table a row is of by its columns; without those that a loader adds they may be anybody's."""
    if not is_warehouse:
        return None
    names = {name.lower() for name in columns}
    own = {name for name in names if not name.startswith("_")}
    if {"chat_id", "msg", "type", "name"} <= names:
        return "items"
    if {"id", "visitor_id"} <= names and len(CHAT_SIGNS & names) >= 2:
        return "chat_rows"
    if {"id", "email", "name", "notes", "phone"} == own:
        return "visitors"
    return "tags" if own == {"chat_id", "tags"} else "members" if own == {"chat_id", "agent_id"} else None


@dataclass(slots=True)
class ChatTables:
    """The rows of all tables: visitors in memory, all else sorted by chat on disk."""

    spool: Spool
    visitors: dict[str, Json] = field(default_factory=dict[str, Json])

    def add(self, part: Row, found: Found) -> Iterator[Reject]:
        """Take in a row; give it back as a reject where it names no chat."""
        row = {name.lower(): value for name, value in found.value.items() if not name.startswith("_")}
        key = as_id(row.get("id" if part in ("chat_rows", "visitors") else "chat_id"))
        if key is None:
            yield found.reject("no_identity", "the row names no chat")
        elif part == "visitors":
            self.visitors[key] = row
        else:
            self.spool.put(key, [part, found.place, found.uri, row])

    def chats(self) -> Iterator[Found | Reject]:
        """Give each chat with what belongs to it; rows of chats that are not there as rejects."""
        for _, rows in self.spool.groups():
            parts = {part: [Found(*row) for kind, *row in rows if kind == part] for part in {row[0] for row in rows}}
            heads = parts.get("chat_rows", [])
            if not heads:
                lost = [found for part in sorted(parts) for found in parts[part]]
                yield from (found.reject("orphan", "its chat is not among the files of the folder") for found in lost)
                continue
            head = heads[-1]
            items = sorted((found.value for found in parts.get("items", [])), key=_index)
            members = [as_id(found.value.get("agent_id")) for found in parts.get("members", [])]
            value = {
                **head.value, "timestamp": head.value.get("timestamp") or head.value.get("timestamps"),
                "visitor": self.visitors.get(as_id(head.value.get("visitor_id")) or "", {}) | _visitor(head.value),
                "history": [_item(item) for item in items], "agent_ids": members, "agent_names": [None] * len(members),
                "tags": [found.value.get("tags") for found in parts.get("tags", []) if found.value.get("tags")],
            }  # fmt: skip
            yield Found(head.place, head.uri, value)


def _visitor(row: Json) -> Json:
    return {"id": row["visitor_id"]} if row.get("visitor_id") else {}


def _index(item: Json) -> float:
    return number_in(item.get("index")) or 0.0


def _item(item: Json) -> Json:
    """Put an item into the words of the API; an agent's own id stands in a column."""
    agent = as_id(item.get("agent_id"))
    is_agents = (as_text(item.get("sender_type")) or "").lower() == "agent"
    told = {"nick": f"agent:{agent}"} if agent and is_agents else {}
    return {**item, "timestamp": item.get("timestamps") or item.get("timestamp"), **told}

"""Put small conversations into a store as ingest would, for tests of curation.

`add_conversation(store, "c1", turns=[("customer", "Hello"), ("agent", "Hi")], csat_label="bad")`
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import polars as pl

from curate.stages import Curation
from store.database import Store
from store.workers import Workers
from store.workspace import Workspace

CREATED_AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

CONVERSATION: dict[str, Any] = {
    "connector": "test",
    "account": "",
    "tags": [],
    "handled_by": "human",
    "completeness": "complete",
    "is_test": False,
    "custom": "{}",
    "source_uri": "test.jsonl",
    "place": "line 1",
    "batch_id": "batch",
    "created_at": CREATED_AT,
}
TURN: dict[str, Any] = {
    "kind": "message",
    "visibility": "public",
    "is_automated": False,
    "tz_source": "none",
    "is_deleted": False,
    "is_draft": False,
    "repairs": [],
    "source_redaction": "none",
    "custom": "{}",
    "place": "line 1",
}
PARTICIPANT: dict[str, Any] = {"role_source": "explicit", "is_deleted": False}

Turns = Sequence[tuple[str, str] | tuple[str, str, dict[str, Any]]]


def add_conversation(
    store: Store,
    key: str,
    turns: Turns = (),
    participants: Sequence[dict[str, Any]] = (),
    **columns: Any,
) -> str:
    """Store one conversation, replacing an older one of that key; a turn is (role, text) or (role, text, columns)."""
    add_conversations(store, [(key, turns, {"participants": participants, **columns})])
    return key


def add_conversations(store: Store, conversations: Sequence[tuple[str, Turns, dict[str, Any]]]) -> None:
    """Store many conversations at once: (key, turns, columns of the conversation)."""
    heads, turns, people = [], [], []
    for key, given, columns in conversations:
        rest = dict(columns)
        members = rest.pop("participants", ())
        content = sha256(repr((given, sorted(rest.items(), key=str), members)).encode()).hexdigest()
        heads.append({"conversation_key": key, "external_id": key, "content_hash": content} | CONVERSATION | rest)
        turns += [_turn(key, position, *turn) for position, turn in enumerate(given)]
        people += [
            {"conversation_key": key, "participant_key": f"{key}-p{n}", "role": "customer"} | PARTICIPANT | member
            for n, member in enumerate(members)
        ]
    _put(store, "conversations", heads, [key for key, _, _ in conversations])
    _put(store, "turns", turns, [key for key, _, _ in conversations])
    _put(store, "participants", people, [key for key, _, _ in conversations])


def curation_of(workspace: Workspace, store: Store, *, workers: int = 1) -> Curation:
    """Give the stages what they need."""
    return Curation(store, workspace, Workers(workers))


def signals_of(store: Store, key: str) -> dict[str, tuple[float | None, str | None]]:
    """Give a conversation's signals as name: (value, label)."""
    rows = store.rows("SELECT signal, value, label FROM signals WHERE conversation_key = ? ORDER BY value DESC", [key])
    return {signal: (value, label) for signal, value, label in reversed(rows)}


def _turn(key: str, position: int, role: str, text: str, columns: dict[str, Any] | None = None) -> dict[str, Any]:
    own = {"turn_key": f"{key}-{position}", "conversation_key": key, "position": position, "role": role, "text": text}
    return own | TURN | (columns or {})


def _put(store: Store, table: str, rows: list[dict[str, Any]], keys: list[str]) -> None:
    with store.transaction(), store.scratch(building=pl.DataFrame({"conversation_key": keys})):
        store.execute(f"DELETE FROM {table} AS old USING building AS b WHERE old.conversation_key = b.conversation_key")
        if rows:
            columns = list(dict.fromkeys(name for row in rows for name in row))
            frame = pl.DataFrame(
                {name: [row.get(name) for row in rows] for name in columns},
                schema_overrides={n: pl.List(pl.String) for n in ("tags", "repairs") if n in columns},
            )
            store.append(table, frame)

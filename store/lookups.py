"""The indexes by which one conversation among a million is found at once; what loads much does without them.

An index that is written to is held in memory whole (DuckDB 1.5): with 96 MB, loading ended after 800,000 turns. So
indexes are dropped before loading, and made again when that is over, or when the store is next opened for anything
else. They only save time: where there is no memory to make them, everything works without.
"""

from __future__ import annotations

import duckdb

from store.database import Store

LOOKUPS = {
    "conversations_by_key": "conversations (conversation_key)",
    "turns_by_conversation": "turns (conversation_key)",
}


def drop_lookups(store: Store) -> None:
    """Drop the indexes, so that loading needs no more memory the more there is."""
    for name in LOOKUPS:
        store.execute(f"DROP INDEX IF EXISTS {name}")


def make_lookups(store: Store) -> None:
    """Make the indexes that are missing, as far as memory allows and nobody is changing their tables."""
    for name, columns in LOOKUPS.items():
        try:
            store.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {columns}")
        except (duckdb.OutOfMemoryException, duckdb.TransactionException):
            return

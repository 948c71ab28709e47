"""Find copies of the same thread: an older export of it, another tool's, or one that was cut elsewhere.

A copy says nothing that another conversation does not say too, word for word and in the same second. That is far
surer than likeness, and holds where a short copy is much less like the whole thread than the threshold asks.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import numpy as np

from curate.dedup.clusters import Clusters, Components
from curate.dedup.texts import Texts
from store.database import Store

# What very many say in the same second is a machine's, and its pairs would be too many to look at.
MOST_ALIKE = 8

# Conversations and lines as hashes of 64 bits, so that millions of lines take little room; in the database's memory,
# which spills to encrypted files. Two pairs of conversations that are joined by chance alone are out of the question.
SAID = """
CREATE TABLE memory.main.said AS
SELECT hash(conversation_key) AS owner, hash(text, date_trunc('second', created_at)) AS line,
       epoch(created_at)::BIGINT AS second
FROM public_turns WHERE kind = 'message'
"""
RARE = f"""
CREATE TABLE memory.main.rare AS
SELECT owner, line FROM memory.main.said SEMI JOIN (
    SELECT line FROM memory.main.said WHERE line IS NOT NULL AND second IS NOT NULL
    GROUP BY line HAVING count(*) BETWEEN 2 AND {MOST_ALIKE}
) USING (line)
"""
# Whose turns all have a time, and not one time, else they are dates.
COPIES = """
WITH pairs AS (
    SELECT DISTINCT one.owner AS copy, other.owner AS whole
    FROM memory.main.rare AS one JOIN memory.main.rare AS other USING (line) WHERE one.owner <> other.owner
), asked AS (
    SELECT said.* FROM memory.main.said AS said SEMI JOIN memory.main.rare AS rare USING (owner)
), timed AS (
    SELECT owner FROM asked GROUP BY owner HAVING count(*) = count(second) AND min(second) < max(second)
), lines AS (
    SELECT DISTINCT owner, line FROM asked SEMI JOIN timed USING (owner)
)
SELECT copy, whole
FROM pairs
JOIN lines AS one ON one.owner = copy
LEFT JOIN lines AS other ON other.owner = whole AND other.line = one.line
GROUP BY copy, whole HAVING count(*) = count(other.line)
"""


def join_copies(store: Store, texts: Texts, found: Clusters) -> None:
    """Put each copy into the cluster of what it is a copy of."""
    with _lines(store):
        copies = store.frame(COPIES)
    if copies.is_empty():
        return
    keys = texts.firsts(np.arange(texts.count), "conversation_key")
    with store.scratch(keys=keys, copies=copies):
        placed = store.frame("""
            SELECT one."index" AS one, other."index" AS other
            FROM copies JOIN keys AS one ON hash(one.conversation_key) = copy
            JOIN keys AS other ON hash(other.conversation_key) = whole
        """)
    Components(found.roots).join(placed["one"].to_numpy(), placed["other"].to_numpy())


@contextmanager
def _lines(store: Store) -> Generator[None]:
    """Hold what was said when, for as long as the context lasts."""
    try:
        store.execute(SAID)
        store.execute(RARE)
        yield
    finally:
        store.execute("DROP TABLE IF EXISTS memory.main.said")
        store.execute("DROP TABLE IF EXISTS memory.main.rare")

"""What is said by people of whom nothing tells whether they are customers or agents."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from store.database import Store

TURNS_OF_UNKNOWN = """
WITH strangers AS (
    SELECT p.conversation_key, p.participant_key, c.batch_id
    FROM participants AS p JOIN conversations AS c USING (conversation_key) WHERE p.role = 'unknown'
)
SELECT b.source_uri, count(*) AS turns
FROM strangers AS s JOIN batches AS b USING (batch_id) JOIN files USING (source_uri)
JOIN turns AS t USING (conversation_key, participant_key)
WHERE t.kind IN ('message', 'note')
GROUP BY b.source_uri ORDER BY b.source_uri
"""


def unknown_roles(store: Store, files: Sequence[str]) -> dict[str, int]:
    """Count, for each of these files, the turns by people whose role nobody knows; files without any are left out."""
    named = pl.DataFrame({"source_uri": list(dict.fromkeys(files))}, schema={"source_uri": pl.String})
    with store.scratch(files=named):
        return {uri: turns for uri, turns in store.rows(TURNS_OF_UNKNOWN)}  # noqa: C416 - rows are typed as any tuples

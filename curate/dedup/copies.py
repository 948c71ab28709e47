"""Find copies of the same thread: an older export of it, another tool's, or one that was cut elsewhere.

A copy says nothing that another conversation does not say too, word for word and in the same second. That is far
surer than likeness, and holds where a short copy is much less like the whole thread than the threshold asks.
"""

from __future__ import annotations

import numpy as np

from curate.dedup.clusters import Clusters, Components
from curate.dedup.texts import Texts
from store.database import Store

# What very many say in the same second is a machine's, and its pairs would be too many to look at.
MOST_ALIKE = 8

COPIES = f"""
WITH timed AS (
    SELECT conversation_key FROM public_turns WHERE kind = 'message' GROUP BY conversation_key
    HAVING count(*) = count(created_at)
       AND count(DISTINCT date_trunc('second', created_at)) > 1 -- else they are dates, not times
), said AS MATERIALIZED (
    SELECT DISTINCT conversation_key, hash(text, date_trunc('second', created_at)) AS line
    FROM public_turns SEMI JOIN timed USING (conversation_key) WHERE kind = 'message'
), rare AS (
    SELECT line FROM said GROUP BY line HAVING count(*) BETWEEN 2 AND {MOST_ALIKE}
), pairs AS (
    SELECT DISTINCT one.conversation_key AS copy, other.conversation_key AS whole
    FROM said AS one JOIN rare USING (line) JOIN said AS other USING (line)
    WHERE one.conversation_key <> other.conversation_key
)
SELECT copy, whole
FROM pairs
JOIN said AS one ON one.conversation_key = copy
LEFT JOIN said AS other ON other.conversation_key = whole AND other.line = one.line
GROUP BY copy, whole HAVING count(*) = count(other.line)
ORDER BY copy, whole
"""


def join_copies(store: Store, texts: Texts, found: Clusters) -> None:
    """Put each copy into the cluster of what it is a copy of."""
    copies = store.frame(COPIES)
    if copies.is_empty():
        return
    places = texts.firsts(np.arange(texts.count), "conversation_key")
    placed = copies.join(places.rename({"index": "one"}), left_on="copy", right_on="conversation_key").join(
        places.rename({"index": "other"}), left_on="whole", right_on="conversation_key"
    )
    Components(found.roots).join(placed["one"].to_numpy(), placed["other"].to_numpy())

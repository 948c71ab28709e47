"""Which conversations may be exported: those curation kept, in the version it looked at.

An outcome holds for the content it was decided on, which is the content the leak check saw, redacted by the policy it
checked with. What was ingested anew since then, would be redacted by another policy, or has a finding that a person
decided on since then, waits for `chatmill curate`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from curate.redact.operators.noted import UNCHECKED
from curate.redact.policy import load_policy
from store.database import Store
from store.errors import InternalError

# The last stage that looks at the redacted text; whatever it did not pass must never be written.
GUARD = "leaks"

KEPT = f"""
WITH unchecked AS ({UNCHECKED})
SELECT o.conversation_key, c.content_hash,
       count(p.conversation_key) > 0 AND NOT bool_or(p.content_hash = c.content_hash AND p.is_own) AS stale,
       coalesce(bool_or(p.status = 'ok' AND p.content_hash = c.content_hash AND p.is_own), false) AS passed
FROM outcomes AS o
JOIN conversations AS c USING (conversation_key)
LEFT JOIN (
    SELECT p.*, contains(p.version, ?) AND u.conversation_key IS NULL AS is_own
    FROM processed AS p LEFT JOIN unchecked AS u USING (conversation_key) WHERE p.stage = ?
) AS p USING (conversation_key)
WHERE o.verdict = 'keep'
GROUP BY ALL
ORDER BY o.conversation_key
"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What may be exported (conversation_key, content_hash, in key order), and how many wait for curation."""

    kept: pl.DataFrame
    stale: int


def select(store: Store) -> Selection:
    """Find the conversations that may be exported.

    Raises:
        InternalError: an outcome says keep for a conversation that the leak check held back.
    """
    policy = load_policy(store.path.parent).fingerprint  # the leak check's version holds it
    frame = store.frame(KEPT, [policy, GUARD])
    held_back = frame.filter(~pl.col("stale") & ~pl.col("passed")).height
    if held_back:
        raise InternalError(
            f"{held_back} conversations are marked keep although the stage {GUARD!r} did not pass them.",
            hint="Nothing was written. Please report this; chatmill curate decides the outcomes anew.",
        )
    kept = frame.filter("passed").select("conversation_key", "content_hash")
    return Selection(kept, frame.height - kept.height)

"""The last audit in words, for the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from curate.audit.blind import blind_state
from curate.evaluation.intervals import share_in_words
from store.database import Store

LAST = """
SELECT result, strftime(created_at, '%Y-%m-%d') FROM evaluations
WHERE kind = 'canaries' ORDER BY created_at DESC, evaluation_id LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """When the last audit was, and what it found, in sentences."""

    made_at: str
    kinds: tuple[str, ...]
    blind: str

    def figures(self) -> dict[str, Any]:
        """Give it as one JSON object."""
        return {"made_at": self.made_at, "sentences": [*self.kinds, *([self.blind] if self.blind else [])]}


def last_audit(store: Store) -> AuditSummary | None:
    """Give the newest audit in words; None where there was none."""
    told = audit_figures(store)
    if told is None:
        return None
    kinds = tuple(share_in_words(one["found"], one["planted"], one["what"]) for one in told["kinds"])
    return AuditSummary(told["made_at"], kinds, told["blind"])


def audit_figures(store: Store) -> dict[str, Any] | None:
    """Give the newest audit's day, its figures by kind, and what people found in the blind sample, in words."""
    rows = store.rows(LAST)
    if not rows:
        return None
    result, made_at = rows[0]
    state = blind_state(store)
    return {"made_at": made_at, "kinds": orjson.loads(result)["kinds"], "blind": state.sentence if state else ""}

"""Read what people decided about names: accepted and rejected findings, and other texts to keep faith with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from curate.redact.name_model import LABELS, MODEL_LANGUAGES
from store.database import Store

HELD_OUT = 5  # every fifth conversation measures what was learned

# The newest decision on a finding holds; one that was undone is none. A finding without one says nothing: nobody
# looked at it.
DECIDED = """
SELECT f.conversation_key, t.turn_key, t.text, f.start_char, f.end_char, f.entity_type, d.verdict
FROM findings AS f JOIN public_turns AS t USING (turn_key)
JOIN (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions WHERE subject = 'finding' GROUP BY subject_id
) AS d ON d.subject_id = f.finding_id
JOIN signals AS s ON s.conversation_key = f.conversation_key AND s.signal = 'language'
WHERE d.verdict IN ('accept', 'reject') AND f.entity_type IN (SELECT unnest(?)) AND s.label IN (SELECT unnest(?))
ORDER BY f.conversation_key, t.turn_key, f.start_char, f.end_char, f.finding_id
"""
OTHERS = """
SELECT DISTINCT t.text FROM public_turns AS t
JOIN signals AS s ON s.conversation_key = t.conversation_key AND s.signal = 'language'
WHERE t.kind = 'message' AND length(t.text) BETWEEN 2 AND 400 AND s.label IN (SELECT unnest(?))
ORDER BY md5(t.text || ?::VARCHAR), t.text LIMIT ?
"""


@dataclass(frozen=True, slots=True)
class DecidedTurn:
    """A turn's text with spans that people decided on: start, end, and the number of the right label (0: no name)."""

    text: str
    spans: tuple[tuple[int, int, int], ...]
    is_held_out: bool


def decided_turns(store: Store) -> Iterator[DecidedTurn]:
    """Give the turns with decided findings of the model's types; of spans that overlap an accepted one counts."""
    rows = store.rows(DECIDED, [list(LABELS[1:]), list(MODEL_LANGUAGES)])
    by_turn: dict[tuple[str, str, str], list[tuple[int, int, int]]] = defaultdict(list)
    for conversation, turn, text, start, end, entity_type, verdict in rows:
        label = LABELS.index(entity_type) if verdict == "accept" else 0
        by_turn[conversation, turn, text].append((start, end, label))
    for (conversation, _, text), spans in by_turn.items():
        held_out = int(sha256(conversation.encode()).hexdigest(), 16) % HELD_OUT == 0
        yield DecidedTurn(text, tuple(sorted(spans, key=lambda one: one[2] == 0)), held_out)


def other_texts(store: Store, *, seed: int, most: int) -> list[str]:
    """Draw texts of all turns, the same ones for the same seed."""
    return [text for (text,) in store.rows(OTHERS, [list(MODEL_LANGUAGES), seed, most])]

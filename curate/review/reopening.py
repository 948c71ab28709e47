"""Find the conversations that a list entry touches, and let only those run again.

A conversation is due again when its row of `processed` no longer names its content; till then nothing of it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from curate.redact.known import PHONE_CORE, Known, Plain, digits_of, is_number, normal_value, search
from store.database import Store

SEARCH, CHECK = "redaction", "leaks"
STAGES = (SEARCH, CHECK)
AT_ONCE = 5000
AROUND = 40

# Characters that plain text makes ASCII of, beyond accents: full-width forms, ligatures, digits of other scripts.
STRANGE = "[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\ufb00-\ufb06\uff01-\uff5e]"
CANDIDATES = f"""
SELECT t.conversation_key, t.turn_key, t.text FROM public_turns AS t JOIN conversations AS c USING (conversation_key)
WHERE (? = '' OR c.batch_id = ?) AND ({{test}} OR regexp_matches(t.text, '{STRANGE}'))
ORDER BY t.conversation_key, t.position, t.turn_key
"""
WORD_TEST = "contains(lower(strip_accents(t.text)), ?)"
NUMBER_TEST = "regexp_matches(t.text, ?)"
REOPEN = """
UPDATE processed SET content_hash = '' FROM touched
WHERE processed.conversation_key = touched.conversation_key AND stage IN (SELECT unnest(?))
"""
WRITTEN = """
SELECT value, entity_type, batch_id FROM terms WHERE decision_id = ? ORDER BY normal, batch_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a value: where it stands, and the words around it."""

    conversation_key: str
    turn_key: str
    start: int
    end: int
    before: str
    value: str
    after: str


def places_of(store: Store, value: str, entity_type: str, batch: str) -> Iterator[Place]:
    """Give every place of a value in what was said in public, in the order of the conversations.

    The database narrows the turns down; the search that redaction itself uses decides.
    """
    wanted = (Known(value, entity_type, 1.0, ""),)
    test, needle = _test(value, entity_type)
    for page in store.pages(CANDIDATES.format(test=test), [batch, batch, needle], size=AT_ONCE):
        for key, turn_key, text in page.iter_rows():
            for one in search(wanted, Plain.of(text)):
                before, after = text[max(0, one.start - AROUND) : one.start], text[one.end : one.end + AROUND]
                yield Place(key, turn_key, one.start, one.end, before, text[one.start : one.end], after)


def reopen(store: Store, keys: pl.DataFrame, *, stages: Sequence[str] = STAGES) -> None:
    """Let conversations go through these stages again at the next curation."""
    with store.scratch(touched=keys.select("conversation_key").unique()):
        store.execute(REOPEN, [list(stages)])


def touched_by_terms(store: Store, decision_id: str) -> pl.DataFrame:
    """Give the conversations that hold a value whose entry this decision changed."""
    keys = {
        place.conversation_key
        for value, entity_type, batch in store.rows(WRITTEN, [decision_id])
        for place in places_of(store, value, entity_type, batch)
    }
    return pl.DataFrame({"conversation_key": sorted(keys)}, schema={"conversation_key": pl.String})


def _test(value: str, entity_type: str) -> tuple[str, str]:
    """Give a condition in SQL that holds for every text in which the value may stand, and its parameter."""
    if is_number(value):
        digits = digits_of(value)[-PHONE_CORE:] if entity_type == "PHONE_NUMBER" else digits_of(value)
        return NUMBER_TEST, r"[^0-9]{0,3}".join(map(re.escape, digits))
    return WORD_TEST, normal_value(value).split(" ", 1)[0]

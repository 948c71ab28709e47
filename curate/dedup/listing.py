"""List what was found to repeat itself, the largest clusters first: near-duplicates, macros, exchanges.

Text is shown on request only, and as redaction left it: what was found is replaced by its type. A conversation that
redaction has not been through, as it is now, shows no word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from curate.errors import CurateError
from store.database import Store
from store.errors import unknown_name

KINDS = ("conversations", "macros", "exchanges")
SIZE = 10
MEMBERS_SHOWN = 5
WORDS_SHOWN = 12
KEEPER_CHARACTERS = 400
UNSEEN = "(not shown: redaction has not been through it)"
WORD = re.compile(r"\[[A-Z_]+\]|\w+(?:['’-]\w+)*")

COUNTS = {
    "conversations": "SELECT count(DISTINCT cluster) FROM duplicates",
    "macros": "SELECT count(DISTINCT cluster) FROM repeats WHERE kind = 'macro'",
    "exchanges": "SELECT count(DISTINCT cluster) FROM repeats WHERE kind = 'exchange'",
}
# One row a cluster; `keeper` is the key of what stands for it: a conversation, or an answer.
REPEATS = """
SELECT cluster, cluster AS keeper, count(DISTINCT conversation_key) AS conversations, min(similarity) AS least
FROM repeats WHERE kind = '{kind}' GROUP BY cluster
"""
CLUSTERS = {
    "conversations": """
SELECT cluster, any_value(keeper) AS keeper, count(*) AS conversations, min(similarity) AS least
FROM duplicates GROUP BY cluster
""",
    "macros": REPEATS.format(kind="macro"),
    "exchanges": REPEATS.format(kind="exchange"),
}
# Members beside the keeper, the least alike first; of answers equally alike to it one stands for all.
ALIKE = """
WITH alike AS (
    SELECT r.cluster, if(r.turn_key = r.cluster, 'keeper', 'other') AS part, r.similarity, min(r.turn_key) AS member,
           arg_min(r.conversation_key, r.turn_key) AS conversation_key,
           count(DISTINCT r.conversation_key) AS conversations
    FROM repeats AS r JOIN listed USING (cluster)
    WHERE r.kind = '{kind}' AND (r.turn_key = r.cluster OR r.similarity < 1)
    GROUP BY ALL
)
SELECT a.cluster, a.member, a.conversation_key, c.external_id, a.similarity, a.conversations
FROM alike AS a JOIN conversations AS c USING (conversation_key)
QUALIFY a.part = 'keeper' OR row_number() OVER (PARTITION BY a.cluster, a.part ORDER BY a.similarity) <= ?
ORDER BY a.cluster, a.similarity, a.member
"""
MEMBERS = {
    "conversations": """
SELECT d.cluster, d.conversation_key AS member, d.conversation_key, c.external_id, d.similarity, 1 AS conversations
FROM duplicates AS d JOIN conversations AS c USING (conversation_key) JOIN listed USING (cluster)
QUALIFY d.conversation_key = d.keeper OR row_number() OVER (
    PARTITION BY d.cluster, d.conversation_key = d.keeper ORDER BY d.similarity, d.conversation_key) <= ?
ORDER BY d.cluster, d.similarity, member
""",
    "macros": ALIKE.format(kind="macro"),
    "exchanges": ALIKE.format(kind="exchange"),
}

TURNS = """
WITH spans AS (
    SELECT turn_key, list([start_char, end_char] ORDER BY start_char, end_char) AS spans,
           list(entity_type ORDER BY start_char, end_char) AS types
    FROM findings JOIN shown USING (conversation_key) GROUP BY turn_key
)
SELECT t.conversation_key, t.turn_key, t.role, t.text, s.spans, s.types, p.conversation_key IS NOT NULL AS is_redacted
FROM public_turns AS t JOIN shown USING (conversation_key) JOIN conversations AS c USING (conversation_key)
LEFT JOIN spans AS s USING (turn_key)
LEFT JOIN processed AS p
  ON p.stage = 'redaction' AND p.status = 'ok' AND p.conversation_key = c.conversation_key
 AND p.content_hash = c.content_hash
WHERE t.kind = 'message' ORDER BY t.conversation_key, t.position
"""


@dataclass(frozen=True, slots=True)
class Member:
    """One that is like the keeper: where it stands, how alike, in how many conversations, and which words differ."""

    conversation: str  # the external id
    similarity: float
    conversations: int
    differs: str | None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Some that say the same; of many members the least alike are named."""

    keeper: str  # the external id of its conversation
    conversations: int
    least_similar: float
    text: str | None
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of clusters, and how many clusters there are."""

    clusters: tuple[Cluster, ...]
    total: int
    pages: int


def listing(store: Store, kind: str, *, page: int = 1, with_text: bool = False) -> Listing:
    """Give a page of the clusters of a kind, the largest first.

    Raises:
        CurateError: there is no such kind.
    """
    if kind not in KINDS:
        raise CurateError(unknown_name("kind of cluster", kind, KINDS), hint=f"Choose one of {', '.join(KINDS)}.")
    total = store.value(COUNTS[kind])
    rows = store.frame(
        f"{CLUSTERS[kind]} ORDER BY conversations DESC, cluster LIMIT ? OFFSET ?", [SIZE, (page - 1) * SIZE]
    )
    with store.scratch(listed=rows.select("cluster")):
        members = store.frame(MEMBERS[kind], [MEMBERS_SHOWN])
    texts = _texts(store, kind, members) if with_text else {}
    found = [_cluster(row, members.filter(pl.col("cluster") == row["cluster"]), texts) for row in rows.to_dicts()]
    return Listing(tuple(found), total, -(-total // SIZE))


def differing_from_keeper(store: Store, key: str, keeper: str) -> str:
    """Name the words that a conversation has otherwise than the one that stands for it."""
    with store.scratch(shown=pl.DataFrame({"conversation_key": [key, keeper]})):
        turns = store.frame(TURNS)
    one, other = ("\n".join(text for _, text in _said(turns.filter(conversation_key=each))) for each in (keeper, key))
    return UNSEEN if UNSEEN in one + other else differing_words(one, other)


def _cluster(row: dict[str, Any], members: pl.DataFrame, texts: dict[str, str]) -> Cluster:
    keeper = next(member for member in members.to_dicts() if member["member"] == row["keeper"])
    text = texts.get(row["keeper"])
    others = tuple(
        Member(
            member["external_id"],
            member["similarity"],
            member["conversations"],
            _differs(text, texts, member["member"]),
        )
        for member in members.to_dicts()
        if member["member"] != row["keeper"]
    )
    return Cluster(keeper["external_id"], row["conversations"], row["least"], _shortened(text), others)


def _shortened(text: str | None) -> str | None:
    if text is not None and UNSEEN in text:
        return UNSEEN
    return text if text is None or len(text) <= KEEPER_CHARACTERS else f"{text[:KEEPER_CHARACTERS]} …"


def _differs(text: str | None, texts: dict[str, str], member: str) -> str | None:
    """Name the words that a member has otherwise than its keeper; None without text."""
    other = texts.get(member)
    if text is None or other is None:
        return None
    return UNSEEN if UNSEEN in text + other else differing_words(text, other)


def differing_words(one: str, other: str) -> str:
    """Name what must be changed in one text to get the other: "+ added", "− gone", "old → new", case aside."""
    left, right = WORD.findall(one), WORD.findall(other)
    folded = [word.casefold() for word in left], [word.casefold() for word in right]
    changes: list[str] = []
    for what, start, end, first, last in difflib.SequenceMatcher(None, *folded, autojunk=False).get_opcodes():
        gone, new = " ".join(left[start:end][:WORDS_SHOWN]), " ".join(right[first:last][:WORDS_SHOWN])
        if what != "equal":
            changes.append(f"{gone} → {new}" if gone and new else f"− {gone}" if gone else f"+ {new}")
    more = f"; and {len(changes) - WORDS_SHOWN} more" if len(changes) > WORDS_SHOWN else ""
    return "; ".join(changes[:WORDS_SHOWN]) + more


def _texts(store: Store, kind: str, members: pl.DataFrame) -> dict[str, str]:
    """Give the text of each member, redacted, by its key: a whole conversation, an answer, or with its question."""
    with store.scratch(shown=members.select("conversation_key").unique()):
        turns = store.frame(TURNS)
    if kind == "conversations":
        return {
            key: "\n".join(text for _, text in said)
            for (key,), group in turns.group_by("conversation_key", maintain_order=True)
            for said in [list(_said(group))]
        }
    texts: dict[str, str] = {}
    for _, group in turns.group_by("conversation_key", maintain_order=True):
        before = ""
        for key, text in _said(group):
            texts[key] = f"{before}\n{text}" if kind == "exchanges" else text
            before = text
    return texts


def _said(turns: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Give each turn's key and what may be shown of it."""
    for row in turns.to_dicts():
        shown = masked(row["text"], row["spans"] or [], row["types"] or []) if row["is_redacted"] else UNSEEN
        yield row["turn_key"], shown


def masked(text: str, spans: Sequence[Sequence[int]], types: Sequence[str]) -> str:
    """Put [TYPE] in the place of every span; spans rise by their start and may overlap."""
    pieces: list[str] = []
    done = 0
    for (start, end), kind in zip(spans, types, strict=True):
        if end > done:
            pieces += [text[done : max(start, done)], f"[{kind}]"]
            done = end
    return "".join([*pieces, text[done:]])

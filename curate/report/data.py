"""Gather what the report shows: counts, places and redacted samples, never an original value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from curate.audit.summary import AuditSummary, last_audit
from curate.outcomes import FunnelRow, funnel
from curate.redact.policy import load_policy
from curate.redact.redact import redacted_turns
from store.database import Store
from store.workspace import Workspace

SAMPLES = 6
REJECTS_SHOWN = 50
CLUSTERS_SHOWN = 20
PLACEHOLDER = re.compile(r"<[A-Z_]+_\d+>")

LANGUAGE = "(SELECT conversation_key, label AS language FROM signals WHERE signal = 'language')"
FOUND = f"""
SELECT DISTINCT entity_type, score, coalesce(language, ?) AS language
FROM findings LEFT JOIN {LANGUAGE} USING (conversation_key)
"""
COUNTED = f"""
SELECT f.entity_type, string_agg(DISTINCT recognizer, ', ' ORDER BY recognizer), count(*),
       count(DISTINCT conversation_key)
FROM findings AS f LEFT JOIN {LANGUAGE} AS l USING (conversation_key)
JOIN applied AS a
  ON a.entity_type = f.entity_type AND a.score = f.score AND a.language = coalesce(l.language, ?)
GROUP BY f.entity_type ORDER BY count(*) DESC, f.entity_type
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that says much."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class RedactionRow:
    """How often one kind of value was redacted, and by what it was found."""

    entity_type: str
    recognizers: str
    findings: int
    conversations: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a redacted turn: plain, or a placeholder."""

    text: str
    is_redaction: bool


@dataclass(frozen=True, slots=True)
class SampleTurn:
    """One turn as it would be exported."""

    role: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One conversation as it would be exported."""

    turns: tuple[SampleTurn, ...]


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """How many conversations are in a language, and how many of them are mixed with another."""

    language: str
    conversations: int
    mixed: int


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster of duplicates; the keeper is named by its external id."""

    kind: str
    members: int
    least_similar: float
    keeper: str


@dataclass(frozen=True, slots=True)
class BatchRow:
    """What was read from one file."""

    file: str
    connector: str
    conversations: int
    turns: int
    rejects: int
    superseded: int


@dataclass(frozen=True, slots=True)
class RejectRow:
    """One record that could not be read."""

    file: str
    place: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page."""

    workspace: str
    made_at: str
    figures: tuple[Figure, ...]
    funnel: tuple[FunnelRow, ...]
    redactions: tuple[RedactionRow, ...]
    audit: AuditSummary | None
    samples: tuple[Sample, ...]
    languages: tuple[LanguageRow, ...]
    clusters: tuple[ClusterRow, ...]
    batches: tuple[BatchRow, ...]
    rejects: tuple[RejectRow, ...]
    more_rejects: int


def gather(store: Store, workspace: Workspace) -> Report:
    """Read the store into what the page shows."""
    rejected = store.value("SELECT count(*) FROM rejects")
    redacted = tuple(redactions(store, workspace))
    return Report(
        workspace=workspace.root.name,
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        figures=_figures(store, sum(row.findings for row in redacted), rejected),
        funnel=tuple(funnel(store)),
        redactions=redacted,
        audit=last_audit(store),
        samples=tuple(_samples(store, workspace)),
        languages=tuple(_languages(store)),
        clusters=tuple(_clusters(store)),
        batches=tuple(_batches(store)),
        rejects=tuple(_rejects(store)),
        more_rejects=max(0, rejected - REJECTS_SHOWN),
    )


def redactions(store: Store, workspace: Workspace) -> list[RedactionRow]:
    """Count the findings that the policy as it stands replaces, by entity, over all conversations looked at."""
    policy = load_policy(workspace.root)
    fallback = workspace.settings.workspace.languages[0]
    kinds = store.frame(FOUND, [fallback])
    applies = [
        policy.applies(entity, score, language)
        for entity, score, language in kinds.select("entity_type", "score", "language").iter_rows()
    ]
    with store.scratch(applied=kinds.filter(pl.Series(applies, dtype=pl.Boolean))):
        rows = store.rows(COUNTED, [fallback])
    return [RedactionRow(*row) for row in rows]


def _figures(store: Store, redacted: int, rejected: int) -> tuple[Figure, ...]:
    conversations, turns, kept, splits = store.rows(
        "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM turns), "
        "(SELECT count(*) FROM outcomes WHERE verdict = 'keep'), (SELECT count(*) FROM datasets)"
    )[0]
    share = f"{kept / conversations:.0%}" if conversations else "0 %"
    return (
        Figure("conversations read", f"{conversations:,}"),
        Figure("turns", f"{turns:,}"),
        Figure(f"kept ({share})", f"{kept:,}"),
        Figure("values redacted", f"{redacted:,}"),
        Figure("records rejected", f"{rejected:,}"),
        Figure("dataset versions", f"{splits:,}"),
    )


def _samples(store: Store, workspace: Workspace) -> Iterator[Sample]:
    keys = [
        key
        for (key,) in store.rows(
            "SELECT conversation_key FROM outcomes AS o JOIN findings AS f USING (conversation_key) "
            "WHERE verdict = 'keep' GROUP BY conversation_key "
            "ORDER BY count(DISTINCT entity_type) DESC, count(*) DESC, conversation_key LIMIT ?",
            [SAMPLES],
        )
    ]
    turns = redacted_turns(store, workspace.settings, keys)
    for key in keys:
        spoken = turns.filter(turns["conversation_key"] == key).sort("position")
        yield Sample(
            tuple(SampleTurn(row["role"], tuple(_pieces(row["text"]))) for row in spoken.iter_rows(named=True))
        )


def _pieces(text: str) -> Iterator[Piece]:
    end = 0
    for match in PLACEHOLDER.finditer(text):
        if match.start() > end:
            yield Piece(text[end : match.start()], is_redaction=False)
        yield Piece(match[0], is_redaction=True)
        end = match.end()
    if end < len(text):
        yield Piece(text[end:], is_redaction=False)


def _languages(store: Store) -> Iterator[LanguageRow]:
    rows = store.rows("""
        SELECT s.label, count(*), count(*) FILTER (list_contains(o.flags, 'language.mixed'))
        FROM signals AS s LEFT JOIN outcomes AS o USING (conversation_key)
        WHERE s.signal = 'language' GROUP BY s.label ORDER BY count(*) DESC, s.label
    """)
    for row in rows:
        yield LanguageRow(*row)


def _clusters(store: Store) -> Iterator[ClusterRow]:
    rows = store.rows(
        """
        SELECT max(d.kind), count(*), min(d.similarity), any_value(c.external_id)
        FROM duplicates AS d JOIN conversations AS c ON c.conversation_key = d.keeper
        GROUP BY d.cluster ORDER BY count(*) DESC, d.cluster LIMIT ?
        """,
        [CLUSTERS_SHOWN],
    )
    for row in rows:
        yield ClusterRow(*row)


def _batches(store: Store) -> Iterator[BatchRow]:
    rows = store.rows(
        "SELECT source_uri, connector, conversations, turns, rejects, superseded FROM batches ORDER BY source_uri"
    )
    for uri, connector, *counts in rows:
        yield BatchRow(_short(uri), connector or "not recognised", *counts)


def _rejects(store: Store) -> Iterator[RejectRow]:
    rows = store.rows(
        "SELECT source_uri, place, code, detail FROM rejects ORDER BY source_uri, place, code LIMIT ?", [REJECTS_SHOWN]
    )
    for uri, *rest in rows:
        yield RejectRow(_short(uri), *rest)


def _short(uri: str) -> str:
    """Name a file by its folder and name; the rest of the path is nobody's business who reads the page."""
    return "/".join(Path(uri).parts[-2:])

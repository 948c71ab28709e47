"""Decide every conversation's outcome from what the stages found, and count the way from read to kept.

The order of precedence is that of the stages: nothing said in public, language, duplicates and what recurs too often,
redaction, a person's decision, quality. Whatever a stage has not looked at in its present form is quarantined (promise
2). A person's decision to keep overrules the quality rules, near-duplicates and caps, and nothing else: it stands until
it is withdrawn.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from curate.dedup.caps import over_caps
from curate.dedup.keepers import preferred
from curate.dedup.repeats import OWN
from curate.dedup.stage import MEMBERS
from curate.language.names import language_name
from curate.language.stage import own_languages
from curate.quality.packs import workspace_rules
from curate.quality.rules import Rule
from curate.redact.errors import BROKEN_JSON, ERROR, LEAK, TIMEOUT, UNSUPPORTED_LANGUAGE
from curate.stages import Curation
from ingest.records import REJECT_REASONS
from store.database import Store
from store.ledger import last_done, run

CODE_VERSION = "3"
STAGES = {
    "ingest": "With something said",
    "language": "In our languages",
    "duplicates": "Without duplicates",
    "redaction": "Safely redacted",
    "quality": "Good enough",
}
MIXED = "language.mixed"
UNLESS_KEPT = pl.col("decision").ne_missing("keep")

# What outcomes are made of; equal states give equal outcomes.
STATE = """
SELECT 'processed ' || stage AS what, count(*) AS n,
       bit_xor(md5_number(concat_ws(' ', conversation_key, content_hash, version, status, code)))::VARCHAR AS state
FROM processed GROUP BY stage
UNION ALL
SELECT 'conversations', count(*), bit_xor(md5_number(conversation_key || ' ' || content_hash))::VARCHAR
FROM conversations
UNION ALL
SELECT 'decisions', count(*), max(decided_at)::VARCHAR FROM decisions WHERE subject = 'conversation'
ORDER BY what
"""

# One row a conversation with what every stage says of it as it is now.
EVIDENCE = """
WITH present AS (
    SELECT p.* FROM processed AS p JOIN conversations AS c USING (conversation_key, content_hash)
),
done AS (
    SELECT conversation_key, list(stage) AS stages,
           arg_min(code, stage = 'leaks') FILTER (status = 'quarantine') AS quarantine
    FROM present GROUP BY conversation_key
),
decided AS (
    SELECT subject_id AS conversation_key, arg_max(verdict, (decided_at, decision_id)) AS decision
    FROM decisions WHERE subject = 'conversation' GROUP BY subject_id
)
SELECT c.conversation_key, s.conversation_key IS NOT NULL AS speaks, l.label AS language,
       coalesce(done.stages, []) AS stages,
       done.quarantine, decided.decision, d.cluster, d.kind, d.keeper, d.similarity
FROM conversations AS c
LEFT JOIN (SELECT DISTINCT conversation_key FROM public_turns) AS s USING (conversation_key)
LEFT JOIN (SELECT conversation_key, label FROM signals WHERE signal = 'language') AS l USING (conversation_key)
LEFT JOIN done USING (conversation_key)
LEFT JOIN decided USING (conversation_key)
LEFT JOIN duplicates AS d USING (conversation_key)
ORDER BY c.conversation_key
"""

# Rules that a conversation breaks; null limits never hold it back.
BROKEN = """
SELECT s.conversation_key, r.position, r.code, r.action, r.reason
FROM signals AS s JOIN rules AS r USING (signal)
WHERE r.action <> 'weight' AND (s.value < r.least OR s.value > r.most)
UNION ALL
SELECT DISTINCT l.conversation_key, r.position, r.code, r.action, r.reason
FROM labels AS l JOIN rules AS r ON l.source = r.code
WHERE l.label = 'weight'
"""
MIXTURES = """
SELECT conversation_key FROM signals WHERE signal = 'language_share'
GROUP BY conversation_key HAVING list_sort(list(value), 'DESC')[2] >= ?
"""

GENERAL = {
    "ingest.no_public_turns": "Nothing in it was said in public.",
    "language.not_run": "Its language has not been told yet.",
    "duplicates.exact": "Word for word the same as another conversation, which stands for both.",
    "duplicates.near": "Nearly the same as another conversation, which stands for both.",
    "duplicates.macro": "Every answer in it is a macro that enough kept conversations show already.",
    "duplicates.exchange": "Every question and answer in it stands in enough kept conversations already.",
    TIMEOUT: "A recognizer took too long on it, so personal data may have been missed.",
    ERROR: "A recognizer failed on it, so personal data may have been missed.",
    UNSUPPORTED_LANGUAGE: "Nothing finds names in its language; redaction.patterns_only lets patterns alone redact it.",
    BROKEN_JSON: "Redaction would leave one of its tool calls unreadable.",
    LEAK: "A personal value was still in it after redaction.",
    "redaction.not_run": "Personal data has not been searched for in it yet.",
    "decision.drop": "A person decided to leave it out.",
    "quality.not_run": "The quality rules have not looked at it yet.",
    "kept": "Nothing speaks against it.",
    "decision.keep": "A person decided to keep it.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One way for a conversation to end: when, and with which outcome."""

    when: pl.Expr
    verdict: str
    stage: str
    code: pl.Expr
    reason: pl.Expr


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One stage of the way from read to kept: how many conversations it left, and why the others are out."""

    stage: str
    label: str
    left: int
    dropped: int
    reasons: list[tuple[str, str, int]]  # code, sentence, conversations


def curate_outcomes(curation: Curation) -> None:
    """Write the outcome of every conversation, all anew if anything they rest on has changed.

    The run's position holds a fingerprint of the stages' results, decisions, thresholds and settings.

    Raises:
        RulesError: a rule pack has mistakes.
    """
    rules = workspace_rules(curation.workspace.root)
    fingerprint = _fingerprint(curation, rules)
    last = last_done(curation.store, "outcomes")
    if last is not None and last["position"].get("fingerprint") == fingerprint:
        return
    with run(curation.store, "outcomes", versions={"outcomes": CODE_VERSION}) as this:
        found = _decide(curation, rules)
        with curation.store.transaction():
            curation.store.execute("DELETE FROM outcomes")
            curation.store.append("outcomes", found.with_columns(pl.lit(this.run_id).alias("run_id")))
        for verdict, count in found["verdict"].value_counts().rows():
            this.count(verdict, count)
        this.position["fingerprint"] = fingerprint


def _fingerprint(curation: Curation, rules: tuple[Rule, ...]) -> str:
    runs = [last_done(curation.store, stage) for stage in ("duplicates", "repeats")]
    judged = [(r.code, r.signal, r.threshold, r.action, r.reason) for r in rules]
    settings = (own_languages(curation.settings), curation.settings.language.mixed_share, curation.settings.duplicates)
    state = (CODE_VERSION, curation.store.rows(STATE), [last and last["run_id"] for last in runs], judged, settings)
    return hashlib.sha256(repr(state).encode()).hexdigest()


def _decide(curation: Curation, rules: tuple[Rule, ...]) -> pl.DataFrame:
    evidence = curation.store.frame(EVIDENCE).join(_broken(curation, rules), on="conversation_key", how="left")
    steps = _steps(own_languages(curation.settings), evidence)
    duplicate = Step(
        pl.col("is_spare") & (UNLESS_KEPT | (pl.col("kind") == "exact")),
        "drop",
        "duplicates",
        pl.format("duplicates.{}", "kind"),
        pl.when(pl.col("kind") == "exact").then(pl.lit(GENERAL["duplicates.exact"])).otherwise(_how_alike()),
    )
    evidence = evidence.with_columns(passes=~pl.any_horizontal(step.when.fill_null(value=False) for step in steps))
    evidence = evidence.join(_spares(curation.store, evidence), on="conversation_key", how="left")
    staying = evidence.filter(pl.col("passes") & pl.col("is_spare").ne_missing(other=True))["conversation_key"]
    capped = over_caps(curation.store, staying, curation.settings.duplicates)
    evidence = evidence.join(capped, on="conversation_key", how="left")
    after = next(at for at, step in enumerate(steps) if step.stage == "redaction")
    steps = [*steps[:after], duplicate, *_caps(), *steps[after:]]
    return evidence.select(
        "conversation_key",
        *(_first(steps, part).alias(part) for part in ("verdict", "stage", "code", "reason")),
        pl.col("flags").fill_null([]),
    )


def _caps() -> Iterator[Step]:
    """Give how a conversation ends of which everything recurs often enough."""
    for kind in OWN:
        code = f"duplicates.{kind}"
        yield Step(
            (pl.col("over_cap") == kind) & UNLESS_KEPT, "drop", "duplicates", pl.lit(code), pl.lit(GENERAL[code])
        )


def _steps(languages: tuple[str, ...], evidence: pl.DataFrame) -> list[Step]:
    """Give what may end a conversation, but for duplicates, in the order of precedence."""

    def fixed(when: pl.Expr, verdict: str, stage: str, code: str) -> Step:
        return Step(when, verdict, stage, pl.lit(code), pl.lit(GENERAL[code]))

    def missing(stage: str) -> pl.Expr:
        return ~pl.col("stages").list.contains(stage)

    return [
        fixed(~pl.col("speaks"), "drop", "ingest", "ingest.no_public_turns"),
        fixed(missing("language") | pl.col("language").is_null(), "quarantine", "language", "language.not_run"),
        Step(
            ~pl.col("language").is_in(languages),
            "quarantine",
            "language",
            pl.lit("language.unsupported"),
            _unsupported(languages, evidence["language"]),
        ),
        Step(
            pl.col("quarantine").is_not_null(),
            "quarantine",
            "redaction",
            pl.col("quarantine"),
            pl.col("quarantine").replace_strict(GENERAL, default="Its redaction cannot be trusted."),
        ),
        fixed(missing("redaction") | missing("leaks"), "quarantine", "redaction", "redaction.not_run"),
        fixed(pl.col("decision") == "drop", "drop", "quality", "decision.drop"),
        fixed(missing("quality") & UNLESS_KEPT, "quarantine", "quality", "quality.not_run"),
        Step(
            pl.col("drop_code").is_not_null() & UNLESS_KEPT,
            "drop",
            "quality",
            pl.col("drop_code"),
            pl.col("drop_reason"),
        ),
    ]


def _first(steps: list[Step], part: str) -> pl.Expr:
    """Give one part of the first step that applies, else of being kept."""
    kept = pl.when(UNLESS_KEPT).then(pl.lit(GENERAL["kept"])).otherwise(pl.lit(GENERAL["decision.keep"]))
    chosen = {"verdict": pl.lit("keep"), "reason": kept}.get(part, pl.lit("kept"))
    for step in reversed(steps):
        value: str | pl.Expr = getattr(step, part)
        expression = pl.lit(value) if isinstance(value, str) else value
        chosen = pl.when(step.when).then(expression).otherwise(chosen)
    return chosen


def _unsupported(languages: tuple[str, ...], found: pl.Series) -> pl.Expr:
    ours = " and ".join(languages)
    sentences = {
        code: f"The customer writes {language_name(code)}; this workspace curates {ours}."
        for code in found.drop_nulls().unique().sort()
    }
    return pl.col("language").replace_strict(sentences, default=None, return_dtype=pl.String)


def _how_alike() -> pl.Expr:
    percent = (pl.col("similarity") * 100).floor().cast(pl.Int64)
    said = pl.format("{} % the same as another conversation, which stands for both.", percent)
    return pl.when(pl.col("is_with_keeper")).then(said).otherwise(pl.lit(GENERAL["duplicates.near"]))


def _broken(curation: Curation, rules: tuple[Rule, ...]) -> pl.DataFrame:
    """Give the flags of every conversation that breaks a rule, and the first rule that drops it."""
    schema = {"position": pl.Int64, "signal": pl.String, "code": pl.String, "action": pl.String}
    schema |= {"reason": pl.String, "least": pl.Float64, "most": pl.Float64}
    rows = [
        (at, rule.signal, rule.code, rule.action, rule.reason, rule.threshold.min, rule.threshold.max)
        for at, rule in enumerate(rules)
    ]
    with curation.store.scratch(rules=pl.DataFrame(rows, schema=schema, orient="row")):
        broken = curation.store.frame(BROKEN)
    mixed = curation.store.frame(MIXTURES, [curation.settings.language.mixed_share])
    mixed = mixed.with_columns(position=pl.lit(len(rules), pl.Int64), code=pl.lit(MIXED), action=pl.lit("flag"))
    dropping = pl.col("action") == "drop"
    return (
        pl.concat([broken.cast({"position": pl.Int64}), mixed], how="diagonal")
        .sort("conversation_key", "position")
        .group_by("conversation_key", maintain_order=True)
        .agg(
            flags=pl.col("code"),
            drop_code=pl.col("code").filter(dropping).first(),
            drop_reason=pl.col("reason").filter(dropping).first(),
        )
    )


def _spares(store: Store, evidence: pl.DataFrame) -> pl.DataFrame:
    """Say which members of clusters another one stands for.

    That is the stored keeper where it passes all stages; else the best member that does; else the stored keeper, so
    that its own reason is told.
    """
    members = evidence.filter(pl.col("cluster").is_not_null())
    keeper_passes = (pl.col("passes") & (pl.col("conversation_key") == pl.col("keeper"))).any().over("cluster")
    orphans = members.filter(~keeper_passes & pl.col("passes")).select("conversation_key", "cluster")
    with store.scratch(wanted=orphans.with_columns(pl.lit(0, pl.Int64).alias("index"))):
        ranked = store.frame(MEMBERS).join(orphans, on="conversation_key")
    heirs = preferred(ranked, "cluster").group_by("cluster", maintain_order=True).first()
    placed = members.join(heirs.select("cluster", heir="conversation_key"), on="cluster", how="left")
    stands = pl.col("conversation_key").eq_missing(pl.col("heir")) | (pl.col("conversation_key") == pl.col("keeper"))
    return placed.select("conversation_key", is_spare=~stands, is_with_keeper=pl.col("heir").is_null())


def funnel(store: Store) -> list[FunnelRow]:
    """Count the way of all conversations: read, stored, left by each stage with the reasons, kept."""
    rows = _reading(store)
    reasons = store.rows(
        "SELECT stage, code, reason, count(*) FROM outcomes WHERE stage <> 'kept' GROUP BY ALL ORDER BY ALL"
    )
    if not store.value("SELECT count(*) FROM outcomes"):
        return rows
    left = rows[-1].left
    for stage, label in STAGES.items():
        counted: Counter[tuple[str, str]] = Counter()
        for own, code, reason, count in reasons:
            if own == stage:
                counted[code, str(GENERAL.get(code, reason))] += count
        ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
        left -= counted.total()
        rows.append(FunnelRow(stage, label, left, counted.total(), [(*why, count) for why, count in ranked]))
    kept = store.value("SELECT count(*) FROM outcomes WHERE verdict = 'keep'")
    undecided = [("curate.not_run", "Not curated since it was read.", left - kept)] if left > kept else []
    return [*rows, FunnelRow("kept", "Kept", kept, left - kept, undecided)]


def _reading(store: Store) -> list[FunnelRow]:
    """Count what was read and what of it is stored; a conversation read twice is stored once, as it was last."""
    records = store.value("SELECT coalesce(sum(records), 0)::BIGINT FROM batches")
    # Files that nobody could read hold an unknown number of records; they are named, not counted, where they arise.
    rejected = store.rows(
        "SELECT code, count(*) FROM rejects WHERE place <> 'file' GROUP BY code ORDER BY count(*) DESC, code"
    )
    stored = store.value("SELECT count(*) FROM conversations")
    unread = sum(count for _, count in rejected)
    superseded = max(0, records - stored)
    reasons = [(code, REJECT_REASONS[code], count) for code, count in rejected]
    if superseded:
        reasons.append(("ingest.superseded", "It is stored already, alike or in a newer version.", superseded))
    return [
        FunnelRow("read", "Read", stored + unread + superseded, 0, []),
        FunnelRow("stored", "Stored", stored, unread + superseded, reasons),
    ]

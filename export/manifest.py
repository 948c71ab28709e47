"""The manifest of a dataset version: everything that decides what is in it, and the proof that splits share nobody.

What changes from run to run (ids, times) stands in the field "run" alone, so that two manifests of the same dataset
differ there and nowhere else.
"""

from __future__ import annotations

import importlib.metadata
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import orjson
import polars as pl

from curate.audit.summary import audit_figures
from curate.customers import IDENTITIES
from curate.redact.policy import load_policy
from export import contamination, split_time
from export.composition import composition
from export.formats.registry import bundle_of
from export.formats.target import Target
from export.models import default_epochs, encoding_of
from export.plan import Plan
from export.split import CLUSTERS, overlap
from export.tokens import TOOL_MARGIN
from export.writing import Written
from store.database import Store

MANIFEST_VERSION = 2
READING = ("read", "stored")

# The newest run of each stage of curation, whether it ended or was killed after its last page.
STAGES = """
SELECT stage, arg_max(versions, started_at), arg_max(run_id, started_at) FROM runs
WHERE stage NOT IN ('ingest', 'export', 'submit') GROUP BY stage ORDER BY stage
"""
SOURCES = """
SELECT c.connector AS name, count(*) AS conversations FROM conversations AS c SEMI JOIN written USING (conversation_key)
GROUP BY name ORDER BY conversations DESC, name
"""
LANGUAGES = """
SELECT coalesce(s.label, c.language, 'unknown') AS name, count(*) AS conversations
FROM conversations AS c SEMI JOIN written USING (conversation_key)
LEFT JOIN (SELECT * FROM signals WHERE signal = 'language') AS s USING (conversation_key)
GROUP BY name ORDER BY conversations DESC, name
"""
FOUND = """
SELECT f.entity_type AS name, count(*) AS findings FROM findings AS f SEMI JOIN written USING (conversation_key)
GROUP BY name ORDER BY findings DESC, name
"""
# What decides the lines beside the assignment itself: the rules' versions, and what reviewers decided.
CURATED = """
SELECT stage, version, count(*) FROM processed SEMI JOIN kept USING (conversation_key, content_hash)
GROUP BY ALL ORDER BY ALL
"""
# An entry on a list that no finding knew of is an act without a decision.
DECIDED = """
SELECT 'decisions' AS what, count(*), max(decided_at)::VARCHAR FROM decisions
UNION ALL SELECT 'acts', count(*), max(decided_at)::VARCHAR FROM acts ORDER BY what
"""


# Reasons that name a line or a similarity are counted under one sentence.
GENERAL = contamination.REASONS | split_time.REASONS


def chatmill_version() -> str:
    """Give the installed version; a checkout that was never installed has none."""
    try:
        return importlib.metadata.version("chatmill")
    except importlib.metadata.PackageNotFoundError:
        return "checkout"


def config(plan: Plan, target: Target) -> dict[str, Any]:
    """Give what shapes a dataset beside its conversations."""
    export = plan.settings.export
    return {
        "format": target.name,
        "format_version": target.version,
        "model": plan.model,
        "encoding": encoding_of(plan.model),
        "seed": plan.seed,
        "settings": {
            "system_prompt": export.system_prompt,
            "company": export.company,
            "split": list(export.split),
            "split_by": export.split_by,
            "split_cutoff": export.split_cutoff,
            "split_gap_days": export.split_gap_days,
            "balance": asdict(plan.settings.balance),
            "evaluation_overlap": export.evaluation_overlap,
            "evaluation": [[report["file"], report["sha256"]] for report in plan.contamination],
            "examples": export.examples,
            "context_turns": export.context_turns,
            "persona": export.persona,
        },
    }


def about(plan: Plan) -> dict[str, str]:
    """Give what people filled in of the dataset, for its card."""
    return {name: " ".join(text.split()) for name, text in asdict(plan.settings.card).items()}


def fingerprint(store: Store, plan: Plan, target: Target) -> str:
    """Hash everything the files follow from, so that an export without a change is known before anything is read."""
    with store.scratch(kept=plan.rows.select("conversation_key", "content_hash")):
        curated = store.rows(CURATED)
    decided = store.rows(DECIDED)
    policy = load_policy(store.path.parent).fingerprint
    parts = [
        MANIFEST_VERSION,
        config(plan, target),
        asdict(plan.settings.redaction),
        policy,
        curated,
        decided,
        chatmill_version(),
    ]
    whole = sha256(orjson.dumps(parts, default=str))
    for frame in (plan.rows, plan.left_out):
        for page in frame.iter_slices(50_000):
            whole.update(page.write_csv(include_header=False).encode())
    return whole.hexdigest()


def dataset_id(plan: Plan, target: Target, written: Written) -> str:
    """Name a dataset by what it holds and how it was made: the same content has the same name, wherever it is built."""
    files = {name: file.sha256 for name, file in written.files.items()}
    return "ds-" + sha256(orjson.dumps([files, config(plan, target)])).hexdigest()[:12]


def manifest(store: Store, plan: Plan, target: Target, written: Written, *, run_id: str) -> dict[str, Any]:
    """Describe a dataset version; counted from what was written, the overlap from the tables."""
    stages = store.rows(STAGES)
    rules: dict[str, Any] = {stage: orjson.loads(versions) for stage, versions, _ in stages}
    exported = written.items.filter(pl.col("line").is_not_null())
    excluded = written.items.filter(pl.col("code").is_not_null())
    excluded = excluded.with_columns(pl.col("code").replace_strict(GENERAL, default=pl.col("reason")).alias("reason"))
    excluded = excluded.group_by("code", "reason").agg(conversations=pl.col("conversation_key").n_unique()).sort("code")
    with store.scratch(written=exported.select("conversation_key")):
        facts = {name: store.frame(sql).to_dicts() for name, sql in _FACTS.items()}
    made = {"run_id": run_id, "created_at": _now(store), "stages": {stage: run for stage, _, run in stages}}
    told: dict[str, Any] = {
        "dataset": dataset_id(plan, target, written),
        "manifest_version": MANIFEST_VERSION,
        "chatmill": chatmill_version(),
        **config(plan, target),
        "rules": rules,
        "files": {file.name: _file(split, written) for split, file in written.files.items()},
        "conversations": exported["conversation_key"].n_unique(),
        "tool_margin": TOOL_MARGIN,
        "epochs_by_default": default_epochs(written.files["train"].lines),
        "groups": _groups(exported),
        "split_note": plan.assignment.note,
        "period": plan.assignment.period,
        "periods": split_time.periods_of(store, exported) if plan.assignment.period else None,
        "balance": plan.balance,
        "contamination": list(plan.contamination),
        "overlap": overlap(store, _whose(store, exported)),
        "overlap_rules": {"customers": " ".join(IDENTITIES.split()), "clusters": CLUSTERS},
        "excluded": excluded.to_dicts(),
        "changed_since_curated": plan.stale,
        **facts,
        **composition(store, exported),
        "about": about(plan),
        "funnel": funnel(store),
        **_of_format(target, exported),
        "run": {**made, "audit": audit_figures(store)},
    }
    bundle = {name: sha256(text.encode()).hexdigest() for name, text in bundle_of(told).items()}
    return {**told, "bundle": bundle} if bundle else told


def _whose(store: Store, exported: pl.DataFrame) -> pl.DataFrame:
    """Give whose words stand in which split (conversation_key, split): a pair may hold those of two conversations."""
    others = exported.select("split", turn_key="other_key").drop_nulls()
    with store.scratch(others=others):
        theirs = store.frame(
            "SELECT DISTINCT t.conversation_key, o.split FROM others AS o JOIN turns AS t USING (turn_key) ORDER BY ALL"
        )
    return pl.concat([exported.select("conversation_key", "split"), theirs])


def _of_format(target: Target, exported: pl.DataFrame) -> dict[str, Any]:
    """Tell what a format changed of the canonical lines, and where pairs come from; nothing of OpenAI's own."""
    told: dict[str, Any] = {"fitted_to": target.fit_says} if target.fit_says else {}
    if target.kind == "preference":
        sources = exported.group_by("pair_source").len().sort("pair_source").iter_rows()
        told["pairs"] = dict(sources)
    return told


_FACTS = {"sources": SOURCES, "languages": LANGUAGES, "personal_data": FOUND}


def as_bytes(document: dict[str, Any]) -> bytes:
    """Write a manifest as JSON for people and machines."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def funnel(store: Store) -> list[dict[str, Any]]:
    """Give curation's stages with what each left, took out, and why; the reading before them is told by its batches.

    How often a file was read depends on the workspace's past, and a manifest must not.
    """
    from curate import outcomes  # loads the rule packs, which an export without a change does not need

    return [
        {
            "stage": row.stage,
            "label": row.label,
            "left": row.left,
            "dropped": row.dropped,
            "reasons": [dict(zip(("code", "reason", "conversations"), why, strict=True)) for why in row.reasons],
        }
        for row in outcomes.funnel(store)
        if row.stage not in READING
    ]


def _file(split: str, written: Written) -> dict[str, Any]:
    file = written.files[split]
    return {
        "split": split,
        "sha256": file.sha256,
        "bytes": file.bytes,
        "lines": file.lines,
        "targets": file.targets,
        "tokens": file.tokens,
        "tokens_margin": file.margin,
        "cut": file.cut,
        "repaired": file.repaired,
        **({"fitted": file.fitted} if file.fitted else {}),
    }


def _groups(exported: pl.DataFrame) -> dict[str, int]:
    sizes = exported.group_by("group_id").agg(pl.col("conversation_key").n_unique())["conversation_key"]
    return {"count": len(sizes), "largest": int(sizes.to_numpy().max(initial=0))}


def _now(store: Store) -> str:
    return store.value("SELECT strftime(now(), '%Y-%m-%dT%H:%M:%SZ')")

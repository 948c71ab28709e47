"""The quality stage: measure every new or changed conversation for the rules; judging is left to the outcomes."""

from __future__ import annotations

import hashlib

import polars as pl

from curate.quality.packs import load_rules, quality_packs
from curate.quality.rules import Rule, measure
from curate.stages import Curation, PageResult, run_stage

CODE_VERSION = "1"
# Measuring is a few passes over columns, so pages are large.
PAGE = 20_000

TURNS = """
SELECT t.conversation_key, t.position, t.role, t.is_automated, t.automation, t.text
FROM public_turns AS t JOIN page USING (conversation_key)
WHERE t.kind = 'message'
ORDER BY t.conversation_key, t.position
"""
HEADS = "SELECT c.conversation_key, c.csat_label, c.is_test FROM conversations AS c JOIN page USING (conversation_key)"


def curate_quality(curation: Curation) -> None:
    """Store the signals that the quality rules need, for conversations that do not have them yet.

    The version is made of what is measured: a new threshold, action or reason measures nothing again.

    Raises:
        RulesError: a rule pack has mistakes.
    """
    rules = load_rules(quality_packs(curation.workspace.root))
    names = tuple(dict.fromkeys(rule.signal for rule in rules))
    run_stage(
        curation,
        name="quality",
        version=hashlib.sha256(repr((CODE_VERSION, sorted(names))).encode()).hexdigest()[:16],
        work=lambda page: PageResult({"signals": _signals(curation, rules, page)}),
        signals=names,
        page=PAGE,
    )


def _signals(curation: Curation, rules: tuple[Rule, ...], page: pl.DataFrame) -> pl.DataFrame:
    with curation.store.scratch(page=page):
        turns, heads = curation.store.frame(TURNS), curation.store.frame(HEADS)
    return measure(rules, turns, heads)

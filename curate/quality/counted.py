"""How many conversations have which value of each signal, counted once after a curation.

A value is kept as the thousandth at or below it, and whether it is that thousandth: so what lies beyond a limit of up
to three decimals is counted exactly. Other limits are counted from the signals themselves (curate.quality.effects).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate.quality.rules import Rule, Threshold
from store.database import Store
from store.ledger import last_done, run

STAGE = "signal counts"
VERSION = 1
DECIMALS = 3
STEP = "if(round(value, 3) <= value, round(value, 3), round(round(value, 3) - 0.001, 3))"
# `drops` are the codes of the rules that drop. A conversation that one of them alone speaks against comes back with it.
COUNT = f"""
WITH standings AS (
    SELECT conversation_key,
           CASE WHEN verdict = 'keep' AND reason <> ? THEN 'keep'
                WHEN verdict = 'drop' AND stage = 'quality' AND code <> 'decision.drop'
                     AND list_filter(flags, lambda flag: list_contains(?, flag)) = [code] THEN 'only ' || code
                ELSE '' END AS standing
    FROM outcomes
),
stepped AS (
    SELECT signal, value, standing, {STEP} AS step
    FROM signals JOIN standings USING (conversation_key) WHERE value IS NOT NULL
)
SELECT signal, step, step = value AS is_exact, standing, count(*) AS conversations FROM stepped
GROUP BY ALL ORDER BY ALL
"""
BROKEN = "(coalesce(step < ?, false) OR coalesce(step > ? OR (step = ? AND NOT is_exact), false))"
EFFECT = f"""
WITH mine AS (
    SELECT standing, conversations, {BROKEN} AS broken_now, {BROKEN} AS broken_then
    FROM signal_counts WHERE signal = ?
),
changed AS (SELECT *, broken_now AND ? AS drops_now, broken_then AND ? AS drops_then FROM mine)
SELECT coalesce(sum(conversations), 0)::BIGINT, coalesce(sum(conversations) FILTER (broken_now), 0)::BIGINT,
       coalesce(sum(conversations) FILTER (broken_then), 0)::BIGINT,
       coalesce(sum(conversations) FILTER (drops_then AND NOT drops_now AND standing = 'keep'), 0)::BIGINT,
       coalesce(sum(conversations) FILTER (drops_now AND NOT drops_then AND standing = ?), 0)::BIGINT
FROM changed
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a rule does: its threshold, and whether it drops what breaks it."""

    threshold: Threshold
    drops: bool

    @property
    def params(self) -> list[float | None]:
        """Give the threshold as BROKEN takes it."""
        return [self.threshold.min, self.threshold.max, self.threshold.max]


def count_signals(store: Store, rules: Sequence[Rule], kept_by_people: str) -> None:
    """Count anew, where the outcomes or the rules that drop have changed; `kept_by_people` is the reason of those."""
    state = _state(store, rules)
    last = last_done(store, STAGE)
    if state is None or (last is not None and last["position"].get("state") == state):
        return
    with run(store, STAGE, versions={STAGE: VERSION}) as this:
        counted = store.frame(COUNT, [kept_by_people, _drops(rules)])
        with store.transaction():
            store.execute("DELETE FROM signal_counts")
            store.append("signal_counts", counted)
        this.count("rows", counted.height)
        this.position["state"] = state


def looked_up(store: Store, rules: Sequence[Rule], rule: Rule, now: Limits, then: Limits) -> tuple[int, ...] | None:
    """Give measured, matches now, matches then, newly dropped and back; None where only the signals can tell."""
    if not all(_is_stepped(one) for one in (now, then)):
        return None
    last, state = last_done(store, STAGE), _state(store, rules)
    if last is None or state is None or last["position"].get("state") != state:
        return None
    params: list[Any] = [*now.params, *then.params, rule.signal, now.drops, then.drops, f"only {rule.code}"]
    return store.rows(EFFECT, params)[0]


def _state(store: Store, rules: Sequence[Rule]) -> str | None:
    """Name what the counts are of: the outcomes' run and the rules that drop."""
    outcomes = last_done(store, "outcomes")
    return None if outcomes is None else f"{VERSION} {outcomes['run_id']} {' '.join(_drops(rules))}"


def _drops(rules: Sequence[Rule]) -> list[str]:
    return sorted(rule.code for rule in rules if rule.action == "drop")


def _is_stepped(limits: Limits) -> bool:
    ends = (limits.threshold.min, limits.threshold.max)
    return all(end is None or round(end, DECIMALS) == end for end in ends)

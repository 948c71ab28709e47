"""How many conversations a rule stops, and what another threshold or action would change: counted, nothing measured.

Signals are stored and thresholds apply when read, so an effect is one query over one signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.quality.counted import STEP, Limits, looked_up
from curate.quality.rules import Rule, Threshold, stored_signals
from store.database import Store

BINS = 20
# Conversations that the rule has matched, and those that it alone decided on, at the last curation.
COUNTS = """
SELECT code, count(*) FROM (SELECT unnest(flags) AS code FROM outcomes WHERE len(flags) > 0) GROUP BY code
UNION ALL
SELECT 'first ' || code, count(*) FROM outcomes WHERE stage = 'quality' AND verdict = 'drop' GROUP BY code
"""
BROKEN = "coalesce(value < ?, false) OR coalesce(value > ?, false)"
MATCHES = f"""
SELECT count(*), count(*) FILTER ({BROKEN}), count(*) FILTER ({BROKEN})
FROM signals WHERE signal = ? AND value IS NOT NULL
"""
CHANGED = f"""
WITH changed AS (
    SELECT conversation_key, drops_then FROM (
        SELECT conversation_key, ({BROKEN}) AND ? AS drops_now, ({BROKEN}) AND ? AS drops_then
        FROM signals WHERE signal = ?
    ) WHERE drops_now <> drops_then
)
SELECT count(*) FILTER (drops_then AND o.verdict = 'keep' AND o.reason <> ?),
       count(*) FILTER (NOT drops_then AND o.verdict = 'drop' AND o.stage = 'quality' AND o.code <> 'decision.drop'
                        AND NOT list_has_any(o.flags, ?))
FROM changed JOIN outcomes AS o USING (conversation_key)
"""
# Values are thousandths, as they are counted, and so are the steps: no value changes its place.
SPREAD = """
WITH found AS ({found}),
ranked AS (
    SELECT value, sum(conversations) OVER (ORDER BY value) AS upto, sum(conversations) OVER () AS total FROM found
),
ends AS (
    SELECT min(value) AS least, bool_and(is_exact AND value = floor(value)) AS is_whole,
           greatest((SELECT min(value) FROM ranked WHERE upto >= 0.99 * total),
                    coalesce(min(value) + (? - min(value)) * ?, min(value))) AS most
    FROM found
),
steps AS (
    SELECT least, if(is_whole, greatest(1, ceil((most - least + 1) / ?)), ceil((most - least) / ? * 1000) / 1000)
           AS step
    FROM ends
)
SELECT least, step, least(?, floor(round((value - least) / nullif(step, 0), 6)))::INTEGER AS bin,
       sum(conversations)::BIGINT
FROM found, steps GROUP BY ALL ORDER BY bin
"""
COUNTED = "SELECT step AS value, is_exact, conversations FROM signal_counts WHERE signal = ?"
ALL_LOOKED_AT = "SELECT count(*) FROM processed WHERE stage = 'quality' AND status = 'ok'"
# Where zeros are not stored, all that were looked at and have no value have 0.
WITH_ZEROS = """
WITH valued AS ({valued}) SELECT * FROM valued
UNION ALL
SELECT 0, true, missing FROM (SELECT ? - coalesce(sum(conversations), 0) AS missing FROM valued) WHERE missing > 0
"""
LIVE = f"""
SELECT {STEP} AS value, {STEP} = value AS is_exact, count(*) AS conversations FROM signals
WHERE signal = ? AND value IS NOT NULL GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How often a rule matched at the last curation, and how often it was the reason for a drop."""

    matches: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of a rule would do, against the last curation.

    `measured` conversations were looked at; 0 where the rule was never run, or would match a 0 as it did not before,
    for which zeros must be stored first. `newly` would be dropped that are kept, `back` would be kept that it dropped,
    as far as no other rule, duplicate or cap speaks against them.
    """

    measured: int
    matches_now: int
    matches_then: int
    newly: int
    back: int

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        if not self.measured:
            return "It has not been measured yet: the count comes with the next curation."
        changes = [
            f"{self.newly:,} more would be dropped" if self.newly else "",
            f"{self.back:,} would come back" if self.back else "",
        ]
        then = " and ".join(change for change in changes if change) or "nothing else changes in what is kept"
        found = f"{self.matches_then:,} of {self.measured:,} conversations (now {self.matches_now:,})"
        return f"It would match {found}; {then}."


@dataclass(frozen=True, slots=True)
class Bin:
    """How many conversations have a value from `low` to `high`."""

    low: float
    high: float
    conversations: int


def counts(store: Store) -> dict[str, Counted]:
    """Count for every rule's code how often it matched and dropped at the last curation."""
    found: dict[str, int] = dict(store.rows(COUNTS))
    codes = {code.removeprefix("first ") for code in found}
    return {code: Counted(found.get(code, 0), found.get(f"first {code}", 0)) for code in codes}


def effect_of(store: Store, rules: tuple[Rule, ...], rule: Rule, *, threshold: Threshold, action: str) -> Effect:
    """Count what another threshold and action of a rule would change; `rules` are all rules as they are now."""
    from curate.outcomes import GENERAL  # which loads what measures; the counts alone need none of it

    with_zeros = stored_signals(store).get(rule.signal)
    if with_zeros is None or (not with_zeros and (threshold.broken_by(0) or rule.is_broken_by_zero)):
        return Effect(0, 0, 0, 0, 0)
    looked_at = None if with_zeros else store.value(ALL_LOOKED_AT)
    found = looked_up(
        store, rules, rule, Limits(rule.threshold, rule.action == "drop"), Limits(threshold, action == "drop")
    )
    if found is not None:
        measured, matches_now, matches_then, newly, back = found
        return Effect(looked_at or measured, matches_now, matches_then if action != "off" else 0, newly, back)
    now, then = _limits(rule.threshold), _limits(threshold)
    measured, matches_now, matches_then = store.rows(MATCHES, [*now, *then, rule.signal])[0]
    others = [one.code for one in rules if one.action == "drop" and one.code != rule.code]
    params: list[Any] = [*now, rule.action == "drop", *then, action == "drop", rule.signal]
    newly, back = store.rows(CHANGED, [*params, GENERAL["decision.keep"], others])[0]
    return Effect(looked_at or measured, matches_now, matches_then if action != "off" else 0, newly, back)


def spread_of(store: Store, rule: Rule) -> list[Bin]:
    """Give how the measured values are spread, in at most twenty steps; the highest hundredth stands in the last.

    Steps of whole numbers are whole. They reach far enough that what lies beyond the rule's limit has a step.
    """
    with_zeros = stored_signals(store).get(rule.signal)
    if with_zeros is None:
        return []
    looked_at = 0 if with_zeros else store.value(ALL_LOOKED_AT)
    beyond = [rule.threshold.max, BINS / (BINS - 1)]
    valued = COUNTED if store.rows("SELECT 1 FROM signal_counts WHERE signal = ? LIMIT 1", [rule.signal]) else LIVE
    spread = SPREAD.format(found=WITH_ZEROS.format(valued=valued))
    rows = store.rows(spread, [rule.signal, looked_at, *beyond, BINS, BINS, BINS - 1])
    return [
        Bin(least + step * (number or 0), least + step * ((number or 0) + 1), count)
        for least, step, number, count in rows
    ]


def _limits(threshold: Threshold) -> tuple[float | None, float | None]:
    return threshold.min, threshold.max

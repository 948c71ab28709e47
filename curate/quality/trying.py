"""Try the rules on a chat that somebody pastes: nothing of it is stored."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from curate.errors import RulesError
from curate.quality.checks import HEADS, ROLES, TURNS, widened
from curate.quality.packs import allowed
from curate.quality.rules import Rule, measure, measure_turns

LONGEST = 20_000
SAID = re.compile(rf"\s*({'|'.join(ROLES)})\s*:\s*(.*)", re.IGNORECASE)
HOW = "Begin each turn with customer:, agent: or bot:, as in “customer: Where is my parcel?”."


@dataclass(frozen=True, slots=True)
class Tried:
    """What a rule says of the chat: the measured value (of a rule of single turns the worst), and what would happen."""

    rule: Rule
    value: float | None
    verdict: str
    allowed: str


def read_chat(text: str) -> list[tuple[str, str]]:
    """Read a pasted chat: (role, text) by turn; a line without a role goes on with the turn before it.

    Raises:
        RulesError: it is too long, or does not begin with a role.
    """
    if len(text) > LONGEST:
        raise RulesError(f"The chat has {len(text):,} characters; {LONGEST:,} are read.", hint="Paste less of it.")
    turns: list[tuple[str, str]] = []
    for line in text.splitlines():
        if begun := SAID.match(line):
            turns.append((begun[1].lower(), begun[2]))
        elif turns:
            role, said = turns[-1]
            turns[-1] = (role, f"{said}\n{line}")
        elif line.strip():
            raise RulesError("The chat does not say who speaks first.", hint=HOW)
    spoken = [(role, said.strip()) for role, said in turns if said.strip()]
    if not spoken:
        raise RulesError("There is no turn in it.", hint=HOW)
    return spoken


def try_rules(rules: tuple[Rule, ...], turns: list[tuple[str, str]]) -> list[Tried]:
    """Measure a chat by every rule and say what each would do; what helpdesks record beside the turns is not known."""
    rows = [("pasted", at, role, False, None, text) for at, (role, text) in enumerate(turns)]
    said = pl.DataFrame(rows, schema=TURNS, orient="row")
    heads = pl.DataFrame([{"conversation_key": "pasted", "is_test": False}], schema=HEADS)
    whole = tuple(rule for rule in rules if rule.action != "weight")
    values = dict(measure(whole, said, heads).select("signal", "value").iter_rows())
    keyed = said.with_columns(turn_key=pl.col("position").cast(pl.String))
    for rule in (rule for rule in rules if rule.action == "weight"):
        found = measure_turns([rule], widened([rule.check], keyed))["value"].to_list()
        values[rule.signal] = next((one for one in found if rule.threshold.broken_by(one)), found[0] if found else None)
    return [_tried(rule, values.get(rule.signal)) for rule in rules]


def _tried(rule: Rule, value: float | None) -> Tried:
    broken = rule.threshold.broken_by(value)
    return Tried(rule, value, rule.action if broken else "keep", allowed(rule.threshold))

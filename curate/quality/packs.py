"""Read rule packs: every mistake is collected with its file and place, and all are told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from curate.errors import RulesError
from curate.quality.checks import KINDS, ROLES, Param
from curate.quality.reading import Problem, Table
from curate.quality.rules import ACTIONS, VERDICTS, Example, Rule, Threshold, judge
from store.errors import unknown_name

PACK_KEYS = ("pack", "version", "rule", "change")
RULE_KEYS = (*("code", "name", "kind", "where", "params", "threshold", "action", "reason", "rationale", "example"),)
CHANGE_KEYS = ("code", "threshold", "action")
EXAMPLE_KEYS = ("turns", "expect", "csat", "is_test")
LABELS = ("good", "neutral", "bad")


@dataclass(frozen=True, slots=True)
class Change:
    """What a workspace changes in a rule of another pack; None leaves a part as it is."""

    code: str
    threshold: Threshold | None
    action: str | None


@dataclass(slots=True)
class Packs:
    """What was read from packs so far, with every mistake in them."""

    rules: list[Rule] = field(default_factory=list[Rule])
    changes: list[tuple[Change, Table]] = field(default_factory=list[tuple[Change, Table]])
    problems: list[Problem] = field(default_factory=list[Problem])

    def changed(self) -> tuple[Rule, ...]:
        """Give the rules as the changes leave them; those switched off are gone."""
        by_code = {rule.code: rule for rule in self.rules}
        for change, table in self.changes:
            rule = by_code.get(change.code)
            if rule is None:
                table.complain("code", unknown_name("rule", change.code, by_code))
                continue
            by_code[rule.code] = replace(
                rule, threshold=change.threshold or rule.threshold, action=change.action or rule.action
            )
        return tuple(rule for rule in by_code.values() if rule.action != "off")


def quality_packs(root: Path | None = None) -> list[Traversable]:
    """Name chatmill's own quality packs and those of the workspace at `root`, in the order they are read."""
    own = [pack for pack in (files("rules") / "quality").iterdir() if pack.name.endswith(".toml")]
    theirs = [] if root is None else (root / "rules" / "quality").glob("*.toml")
    return [*sorted(own, key=lambda pack: pack.name), *sorted(theirs)]


def load_rules(paths: Sequence[Traversable]) -> tuple[Rule, ...]:
    """Read packs into rules, in their order, with the workspace's changes made.

    Raises:
        RulesError: there are mistakes; all of them are named.
    """
    packs = _read_all(paths)
    rules = packs.changed()
    if packs.problems:
        raise RulesError(
            f"{len(packs.problems)} mistakes in the quality rules.\n" + "\n".join(map(str, packs.problems)),
            hint="Mend them and run: chatmill rules check",
        )
    return rules


def check_packs(paths: Sequence[Traversable]) -> list[Problem]:
    """Validate packs and run every rule's examples on the rule as it stands in its pack."""
    packs = _read_all(paths)
    packs.changed()
    return [
        *packs.problems,
        *(problem for rule in packs.rules if rule.kind in KINDS for problem in _examples_failed(rule)),
    ]


def explain_rule(code: str, paths: Sequence[Traversable]) -> list[str]:
    """Word what a rule does, why, and its examples, a line each.

    Raises:
        RulesError: there is no rule of that code, or a pack has mistakes.
    """
    rules = {rule.code: rule for rule in load_rules(paths)}
    rule = rules.get(code.upper())
    if rule is None:
        raise RulesError(unknown_name("quality rule", code, rules), hint="See rules/quality.")
    lines = [
        f"{rule.code} {rule.name} ({rule.action})",
        rule.reason,
        f"Why: {rule.rationale}",
        f"Measures: {rule.signal}. {KINDS[rule.kind].help}",
        f"Allowed: {_allowed(rule.threshold)}",
    ]
    for example in rule.examples:
        said = " / ".join(f"{role}: {text}" for role, text, _ in example.turns)
        lines.append(f"Example ({example.expect}): {said}")
    return lines


def _allowed(threshold: Threshold) -> str:
    limits = (("at least", threshold.min), ("at most", threshold.max))
    return ", ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)


def _examples_failed(rule: Rule) -> Iterator[Problem]:
    for number, example in enumerate(rule.examples, start=1):
        given = judge(rule, example)
        if given != example.expect:
            yield Problem("", f"rule {rule.code}, example {number}", f"expects {example.expect}, but gives {given}.")


def _read_all(paths: Sequence[Traversable]) -> Packs:
    packs = Packs()
    for path in paths:
        _read_pack(path, packs)
    return packs


def _read_pack(path: Traversable, packs: Packs) -> None:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        packs.problems.append(Problem(path.name, "the file", f"is not valid TOML: {error}."))
        return
    table = Table(raw, path.name, "the pack", packs.problems)
    table.only(PACK_KEYS)
    table.text("pack")
    table.value("version", int, 1)
    for entry in table.tables("rule"):
        rule = _rule(entry)
        earlier = next((known for known in packs.rules if known.code == rule.code), None)
        if earlier is not None:
            entry.complain("code", f"{rule.code!r} is taken by the rule {earlier.name}; codes are never used twice.")
        else:
            packs.rules.append(rule)
    packs.changes += [(_change(entry), entry) for entry in table.tables("change")]


def _rule(table: Table) -> Rule:
    code = table.text("code")
    table.place = f"rule {code}" if code else table.place
    table.only(RULE_KEYS)
    kind = table.choice("kind", KINDS, "check kind")
    action = table.choice("action", ACTIONS[:2], "action")
    return Rule(
        code=code,
        name=table.text("name"),
        kind=kind,
        roles=_roles(table, kind),
        params=_params(table, kind),
        threshold=_threshold(table) or Threshold(),
        action=action,
        reason=table.text("reason"),
        rationale=table.text("rationale"),
        examples=tuple(_example(entry, action) for entry in table.tables("example", needed=True)),
    )


def _change(table: Table) -> Change:
    code = table.text("code")
    table.place = f"change of {code}" if code else table.place
    table.only(CHANGE_KEYS)
    action = table.choice("action", ACTIONS, "action") if table.has("action") else None
    return Change(code, _threshold(table) if table.has("threshold") else None, action)


def _roles(table: Table, kind: str) -> tuple[str, ...]:
    if not table.has("where"):
        return ()
    where = table.table("where")
    where.only(("role",))
    if kind in KINDS and not KINDS[kind].takes_roles:
        table.complain("where", f"{kind} always looks at the whole conversation; leave it out.")
    return tuple(role for role in where.texts("role") if where.known("role", role, ROLES, "role"))


def _params(table: Table, kind: str) -> tuple[tuple[str, Any], ...]:
    """Give every parameter of the kind, with its default where the rule says nothing."""
    if kind not in KINDS:
        return ()
    known = KINDS[kind].params
    given = table.table("params")
    given.only(tuple(known))
    return tuple((name, _param(given, name, param)) for name, param in known.items())


def _param(given: Table, name: str, param: Param) -> Any:  # noqa: ANN401 - of the parameter's own type
    if param.type is not list:
        return given.value(name, param.type, param.default)
    texts = tuple(given.texts(name))
    if not texts:
        given.complain(name, "is missing or empty.")
    return texts


def _threshold(table: Table) -> Threshold | None:
    limits = table.table("threshold")
    limits.only(("min", "max"))
    least, most = limits.number("min"), limits.number("max")
    if least is None and most is None:
        table.complain("threshold", "needs min, max or both: the values that are allowed.")
        return None
    return Threshold(least, most)


def _example(table: Table, action: str) -> Example:
    table.only(EXAMPLE_KEYS)
    expect = table.choice("expect", VERDICTS, "verdict")
    if expect in ACTIONS and expect != action:
        table.complain("expect", f"is {expect!r}, but the rule's action is {action!r}.")
    csat = table.choice("csat", LABELS, "rating") if table.has("csat") else None
    turns = tuple(_turn(table, turn) for turn in table.value("turns", list, []))
    return Example(turns, expect, csat, is_test=table.value("is_test", bool, default=False))


def _turn(table: Table, turn: object) -> tuple[str, str, bool]:
    match turn:
        case [str(role), str(text)] if table.known("turns", role, ROLES, "role"):
            return role, text, False
        case [str(role), str(text), "automated"] if table.known("turns", role, ROLES, "role"):
            return role, text, True
        case _:
            table.complain("turns", 'holds a turn that is not ["role", "text"] or ["role", "text", "automated"].')
            return "customer", "", False

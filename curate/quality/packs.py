"""Read rule packs: every mistake is collected with its file and place, and all are told at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import polars as pl

from curate.errors import RulesError
from curate.quality.checks import KINDS, ROLES, Param
from curate.quality.reading import Problem, Table
from curate.quality.rules import ACTIONS, VERDICTS, Example, Rule, Threshold, judge
from store.errors import unknown_name

OF_WHOLE = "is 'weight', which judges single turns, but {} looks at the whole conversation: drop or flag it."
PACK_KEYS = ("pack", "version", "rule", "change")
RULE_KEYS = (*("code", "name", "kind", "where", "params", "threshold", "action", "reason", "rationale", "example"),)
CHANGE_KEYS = ("code", "threshold", "action")
LABELS = ("good", "neutral", "bad")
AUTOMATIONS = ("macro", "trigger", "autoreply", "welcome", "bot", "ai", "workflow")
# What an example may say of its conversation besides its turns: its name in a pack, the head's column, its type.
RECORDED: tuple[tuple[str, str, type[Any]], ...] = (
    ("is_test", "is_test", bool),
    ("status", "status", str),
    ("merged", "is_merged", bool),
    ("completeness", "completeness", str),
    ("tags", "tags", list),
    ("reopens", "reopens", int),
    ("bare_attachments", "bare_attachments", int),
    ("redacted_share", "redacted_share", float),
    ("other_language_share", "other_language_share", float),
)
EXAMPLE_KEYS = ("turns", "repeat_turns", "repeat_text", "expect", "csat", *(key for key, _, _ in RECORDED))


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
    broken: set[str] = field(default_factory=set[str])  # codes of rules that cannot be run

    def with_changes(self) -> tuple[Rule, ...]:
        """Give every rule as the changes leave it, those switched off too."""
        by_code = {rule.code: rule for rule in self.rules}
        for change, table in self.changes:
            rule = by_code.get(change.code)
            if rule is None:
                table.complain("code", unknown_name("rule", change.code, by_code))
                continue
            if change.action == "weight" and not KINDS[rule.kind].takes_roles:
                table.complain("action", OF_WHOLE.format(rule.kind))
            by_code[rule.code] = replace(
                rule, threshold=change.threshold or rule.threshold, action=change.action or rule.action
            )
        return tuple(by_code.values())


def packs_in(folder: str, root: Path | None = None) -> list[Traversable]:
    """Name chatmill's own packs in a folder of rules/, then those of the workspace at `root`, each by name."""
    own = [pack for pack in (files("rules") / folder).iterdir() if pack.name.endswith(".toml")]
    theirs = [] if root is None else (root / "rules" / folder).glob("*.toml")
    return [*sorted(own, key=lambda pack: pack.name), *sorted(theirs)]


def quality_packs(root: Path | None = None) -> list[Traversable]:
    """Name chatmill's own quality packs and those of the workspace at `root`, in the order they are read."""
    return packs_in("quality", root)


def load_rules(paths: Sequence[Traversable], root: Path | None = None) -> tuple[Rule, ...]:
    """Read packs into rules, in their order, with the workspace's changes made.

    A rule may name a list of terms: rules/deny/NAME.txt of the workspace at `root`, else chatmill's own.

    Raises:
        RulesError: there are mistakes; all of them are named.
    """
    return tuple(rule for _, rule in _both(paths, root) if rule.action != "off")


def workspace_rules(root: Path | None = None) -> tuple[Rule, ...]:
    """Read chatmill's own rules and those of the workspace at `root`, as its changes leave them.

    Raises:
        RulesError: there are mistakes; all of them are named.
    """
    return load_rules(quality_packs(root), root)


def rules_and_changed(root: Path | None = None) -> tuple[tuple[Rule, Rule], ...]:
    """Give every rule as it stands in its pack, and as the workspace's changes leave it; those switched off too.

    Raises:
        RulesError: there are mistakes; all of them are named.
    """
    return _both(quality_packs(root), root)


def _both(paths: Sequence[Traversable], root: Path | None) -> tuple[tuple[Rule, Rule], ...]:
    packs = _read_all(paths, root)
    changed = packs.with_changes()
    if packs.problems:
        raise RulesError(
            f"{len(packs.problems)} mistakes in the quality rules.\n" + "\n".join(map(str, packs.problems)),
            hint="Mend them and run: chatmill rules check",
        )
    return tuple(zip(packs.rules, changed, strict=True))


def check_packs(paths: Sequence[Traversable], root: Path | None = None) -> list[Problem]:
    """Validate packs and run every rule's examples on the rule as it stands in its pack."""
    packs = _read_all(paths, root)
    packs.with_changes()
    return [
        *packs.problems,
        *(problem for rule in packs.rules if rule.code not in packs.broken for problem in _examples_failed(rule)),
    ]


def explain_rule(code: str, paths: Sequence[Traversable], root: Path | None = None) -> list[str]:
    """Word what a rule does, why, and its examples, a line each.

    Raises:
        RulesError: there is no rule of that code, or a pack has mistakes.
    """
    rules = {rule.code: rule for rule in load_rules(paths, root)}
    rule = rules.get(code.upper())
    if rule is None:
        raise RulesError(unknown_name("quality rule", code, rules), hint="See rules/quality.")
    lines = [
        f"{rule.code} {rule.name} ({rule.action})",
        rule.reason,
        f"Why: {rule.rationale}",
        f"Measures: {rule.signal}. {KINDS[rule.kind].help}",
        f"Allowed: {allowed(rule.threshold)}",
    ]
    for example in rule.examples:
        said = " / ".join(f"{role}: {text}" for role, text, _ in example.turns)
        lines.append(f"Example ({example.expect}): {said}")
    return lines


def allowed(threshold: Threshold) -> str:
    """Word which values a rule allows."""
    limits = (("at least", threshold.min), ("at most", threshold.max))
    return ", ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)


def _examples_failed(rule: Rule) -> Iterator[Problem]:
    for number, example in enumerate(rule.examples, start=1):
        given = judge(rule, example)
        if given != example.expect:
            yield Problem("", f"rule {rule.code}, example {number}", f"expects {example.expect}, but gives {given}.")


def _read_all(paths: Sequence[Traversable], root: Path | None) -> Packs:
    packs = Packs()
    for path in paths:
        _read_pack(path, packs, root)
    return packs


def _read_pack(path: Traversable, packs: Packs, root: Path | None) -> None:
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
        before = len(packs.problems)
        rule = _rule(entry, root)
        if len(packs.problems) > before:
            packs.broken.add(rule.code)
        earlier = next((known for known in packs.rules if known.code == rule.code), None)
        if earlier is not None:
            entry.complain("code", f"{rule.code!r} is taken by the rule {earlier.name}; codes are never used twice.")
        else:
            packs.rules.append(rule)
    packs.changes += [(_change(entry), entry) for entry in table.tables("change")]


def _rule(table: Table, root: Path | None) -> Rule:
    code = table.text("code")
    table.place = f"rule {code}" if code else table.place
    table.only(RULE_KEYS)
    kind = table.choice("kind", KINDS, "check kind")
    action = table.choice("action", ACTIONS[:3], "action")
    if action == "weight" and kind and not KINDS[kind].takes_roles:
        table.complain("action", OF_WHOLE.format(kind))
    return Rule(
        code=code,
        name=table.text("name"),
        kind=kind,
        roles=_roles(table, kind),
        params=_params(table, kind, root),
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


def _params(table: Table, kind: str, root: Path | None) -> tuple[tuple[str, Any], ...]:
    """Give every parameter of the kind, with its default where the rule says nothing."""
    if kind not in KINDS:
        return ()
    known = KINDS[kind].params
    given = table.table("params")
    given.only((*known, "list") if "terms" in known else tuple(known))
    return tuple((name, _param(given, name, param, root)) for name, param in known.items())


def _param(given: Table, name: str, param: Param, root: Path | None) -> Any:  # noqa: ANN401 - of the parameter's own type
    if name == "terms" and given.has("list"):
        return listed_terms(given, root)
    if param.type is tuple:
        return tuple(given.texts(name))
    if param.type is list:
        texts = tuple(given.texts(name))
        if not texts or not all(text.strip() for text in texts):
            given.complain(name, "is missing or empty.")
        return texts
    value = given.value(name, param.type, param.default)
    if name == "pattern":
        _check_pattern(given, value)
    return value


def listed_terms(given: Table, root: Path | None) -> tuple[str, ...]:
    """Read the lists that `list` names: a term a line, comments after #; a workspace's list stands for ours."""
    folders: list[Traversable] = [files("rules") / "deny", *([] if root is None else [root / "rules" / "deny"])]
    known = {file.name.removesuffix(".txt"): file for folder in folders if folder.is_dir() for file in folder.iterdir()}
    terms: dict[str, None] = {}
    for name in given.texts("list"):
        if not given.known("list", name, known, "list in rules/deny"):
            continue
        lines = (line.split("#")[0].strip() for line in known[name].read_text(encoding="utf-8").splitlines())
        found = dict.fromkeys(line for line in lines if line)
        if not found:
            given.complain("list", f"names {name}.txt, which holds no terms.")
        terms |= found
    return tuple(terms)


def _check_pattern(given: Table, pattern: str) -> None:
    if not pattern:
        given.complain("pattern", "is missing or empty.")
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError:
        given.complain("pattern", f"is {pattern!r}, which is no regular expression in the syntax of Rust's regex.")


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
    head = [("csat_label", table.choice("csat", LABELS, "rating"))] if table.has("csat") else []
    head += [(column, table.value(key, kind, kind())) for key, column, kind in RECORDED if table.has(key)]
    times, turns_times = table.value("repeat_text", int, 1), table.value("repeat_turns", int, 1)
    turns = [_turn(table, turn) for turn in table.value("turns", list, [])]
    repeated = [(role, text * times, automation) for role, text, automation in turns] * turns_times
    return Example(tuple(repeated), expect, tuple(head))


def _turn(table: Table, turn: object) -> tuple[str, str, str | None]:
    match turn:
        case [str(role), str(text)] if table.known("turns", role, ROLES, "role"):
            return role, text, None
        case [str(role), str(text), "automated"] if table.known("turns", role, ROLES, "role"):
            return role, text, "workflow"
        case [str(role), str(text), str(automation)] if table.known("turns", role, ROLES, "role") and table.known(
            "turns", automation, AUTOMATIONS, "automation"
        ):
            return role, text, automation
        case _:
            table.complain("turns", 'holds a turn that is not ["role", "text"] or ["role", "text", "automated"].')
            return "customer", "", None

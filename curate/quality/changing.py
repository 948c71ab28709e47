"""Change rules as a person would: a workspace's own pack and lists are written, checked first, and told to the history.

What is changed here stands in rules/quality/screens.toml and rules/deny/NAME.txt of the workspace. Files that people
wrote by hand are never touched: where one of them changes the same rule later, the change is refused.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from curate.errors import RulesError
from curate.quality.packs import load_rules, quality_packs, rules_and_changed
from curate.quality.rules import ACTIONS, Rule, Threshold
from store.database import Store
from store.errors import unknown_name
from store.history import record

PACK = "screens.toml"
HEAD = """\
# Written by chatmill's screens; every change stands in the history. Change it by hand too, if you like.
pack = "screens"
version = 1
"""
LIST_HEAD = "# This workspace's own list: it stands for chatmill's. A term a line.\n"
TERM_LENGTH, TERMS_MOST = 100, 5000


@dataclass(frozen=True, slots=True)
class WordList:
    """A list of terms that rules look for; `is_own` where the workspace has one of its own."""

    name: str
    terms: tuple[str, ...]
    is_own: bool
    rules: tuple[str, ...]  # codes of the rules that use it

    @property
    def version(self) -> str:
        """Name what it holds, so that two people do not overwrite each other."""
        return _mark("\n".join(self.terms))


def version_of(rule: Rule) -> str:
    """Name a rule's threshold and action, so that two people do not overwrite each other."""
    return _mark(repr((rule.threshold, rule.action)))


def change_rule(
    store: Store, root: Path, code: str, *, threshold: Threshold, action: str, by: str, version: str | None = None
) -> Rule:
    """Give a rule another threshold or action, and give it as it then is; as in its pack, the change is taken out.

    `version` is that of the rule as the person saw it.

    Raises:
        RulesError: no such rule or action, a threshold without limits or with none between, a pack with mistakes, a
            file written by hand that decides it, or somebody else changed it meanwhile.
    """
    pairs = {own.code: (own, now) for own, now in rules_and_changed(root)}
    if code not in pairs:
        raise RulesError(unknown_name("rule", code, pairs), hint="Load the list of rules again.")
    packed, now = pairs[code]
    if version is not None and version != version_of(now):
        raise RulesError(f"Somebody else changed {code} meanwhile.", hint="Load the page again and look at it.")
    _check(packed, threshold, action)
    changes = _read(root)
    changes.pop(code, None)
    if (threshold, action) != (packed.threshold, packed.action):
        changes[code] = _entry(code, threshold, action)
    done = _write_checked(root, changes, code, threshold, action)
    record(store, "rule.change", subject=code, before=_told(now), after=_told(done), by=by)
    return done


def word_lists(root: Path) -> tuple[WordList, ...]:
    """Give every list of terms that the quality rules may use."""
    ours = {file.name.removesuffix(".txt"): file for file in (files("rules") / "deny").iterdir()}
    folder = root / "rules" / "deny"
    own = {file.stem: file for file in folder.glob("*.txt")} if folder.is_dir() else {}
    used = _used(root)
    return tuple(
        WordList(
            name,
            read_terms((own.get(name) or ours[name]).read_text(encoding="utf-8")),
            name in own,
            tuple(used.get(name, ())),
        )
        for name in sorted({*ours, *own})
    )


def read_terms(text: str) -> tuple[str, ...]:
    """Read a list: a term a line, comments after #, each term once."""
    lines = (" ".join(line.split("#")[0].split()) for line in text.splitlines())
    return tuple(dict.fromkeys(line for line in lines if line))


def change_list(store: Store, root: Path, name: str, text: str, *, by: str, version: str | None = None) -> WordList:
    """Write the workspace's own list of a name; no terms bring chatmill's own back.

    Raises:
        RulesError: no such list, a term that is too long, too many of them, none in a list that is all the
            workspace's, or somebody else changed it meanwhile.
    """
    lists = {one.name: one for one in word_lists(root)}
    if name not in lists:
        raise RulesError(unknown_name("list", name, lists), hint="Load the list of lists again.")
    before, terms = lists[name], read_terms(text)
    if version is not None and version != before.version:
        raise RulesError(f"Somebody else changed the list {name} meanwhile.", hint="Load the page again.")
    if len(terms) > TERMS_MOST or any(len(term) > TERM_LENGTH for term in terms):
        raise RulesError(
            f"A list has at most {TERMS_MOST:,} terms of at most {TERM_LENGTH} characters.", hint="Shorten it."
        )
    path = root / "rules" / "deny" / f"{name}.txt"
    if terms:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(path, LIST_HEAD + "".join(f"{term}\n" for term in terms))
    elif (files("rules") / "deny" / f"{name}.txt").is_file():
        path.unlink(missing_ok=True)
    else:
        raise RulesError("A list needs at least one term.", hint="Write one term a line.")
    after = next(one for one in word_lists(root) if one.name == name)
    change = {
        "added": sorted(set(after.terms) - set(before.terms)),
        "removed": sorted(set(before.terms) - set(after.terms)),
    }
    record(store, "list.change", subject=name, before={"terms": len(before.terms)}, after=change, by=by)
    return after


def _check(rule: Rule, threshold: Threshold, action: str) -> None:
    if action not in ACTIONS:
        raise RulesError(unknown_name("action", action, ACTIONS), hint="Choose one of them.")
    if (action == "weight") != (rule.action == "weight") and action != "off":
        raise RulesError(
            f"{rule.code} judges {'single turns' if rule.action == 'weight' else 'whole conversations'}.",
            hint=f"Choose {'weight' if rule.action == 'weight' else 'drop, flag'} or off.",
        )
    least, most = threshold.min, threshold.max
    if least is None and most is None:
        raise RulesError("A threshold needs a least or a most allowed value.", hint="Fill in one of them.")
    if least is not None and most is not None and least > most:
        raise RulesError(f"At least {least:g} and at most {most:g} leave nothing allowed.", hint="Swap them.")


def _write_checked(
    root: Path, changes: dict[str, dict[str, Any]], code: str, threshold: Threshold, action: str
) -> Rule:
    """Write the pack beside its place, read all packs with it, and only then put it there."""
    path = root / "rules" / "quality" / PACK
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(PACK + ".partial")
    partial.write_text(HEAD + "".join(_as_toml(entry) for entry in changes.values()), encoding="utf-8")
    try:
        # The pack's place among the others decides whose change holds, and the name is what sorts it there.
        packs = [one for one in quality_packs(root) if one.name != PACK]
        after = [one for one in packs if isinstance(one, Path) and one.parent == path.parent and one.name > PACK]
        before = [one for one in packs if one not in after]
        rules = {rule.code: rule for rule in load_rules([*before, partial, *after], root)}
        done = rules.get(code)
        is_off = done is None and action == "off"
        if not is_off and (done is None or (done.threshold, done.action) != (threshold, action)):
            raise RulesError(
                f"Another file in rules/quality of the workspace changes {code}, and it holds.",
                hint="Change the rule in that file.",
            )
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return next(now for own, now in rules_and_changed(root) if own.code == code)


def _read(root: Path) -> dict[str, dict[str, Any]]:
    path = root / "rules" / "quality" / PACK
    if not path.is_file():
        return {}
    raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    if set(raw) - {"pack", "version", "change"}:
        raise RulesError(
            f"rules/quality/{PACK} holds more than changes.", hint="Move what you wrote there to a file of your own."
        )
    return {entry["code"]: entry for entry in raw.get("change", [])}


def _entry(code: str, threshold: Threshold, action: str) -> dict[str, Any]:
    limits = {"min": threshold.min, "max": threshold.max}
    return {"code": code, "threshold": {k: v for k, v in limits.items() if v is not None}, "action": action}


def _as_toml(entry: dict[str, Any]) -> str:
    lines = ["", "[[change]]", f'code = "{entry["code"]}"']
    if threshold := entry.get("threshold"):
        limits = ", ".join(f"{name} = {float(value)!r}" for name, value in threshold.items())
        lines.append(f"threshold = {{ {limits} }}")
    if action := entry.get("action"):
        lines.append(f'action = "{action}"')
    return "\n".join(lines) + "\n"


def _used(root: Path) -> dict[str, list[str]]:
    """Name the rules that use each list, by what their packs say."""
    used: dict[str, list[str]] = {}
    for pack in quality_packs(root):
        for rule in tomllib.loads(pack.read_text(encoding="utf-8")).get("rule", []):
            named = rule.get("params", {}).get("list", [])
            for name in [named] if isinstance(named, str) else named:
                used.setdefault(name, []).append(rule["code"])
    return used


def _told(rule: Rule) -> dict[str, Any]:
    return {"action": rule.action, "min": rule.threshold.min, "max": rule.threshold.max}


def _mark(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

"""Read what is graded, tried and asked: rules/evaluation of chatmill, with the workspace's own files over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from string import Formatter

import orjson

from curate.quality.packs import packs_in
from curate.quality.reading import Problem, Table
from export.evaluate.errors import BadGraders
from export.evaluate.graders import GOALS, GROUPS, KINDS, NEEDS, Grader
from export.evaluate.schemas import schema_problem

FOLDER = "evaluation"
TABLES = ("grader", "probe", "swap", "refusal", "judge")
GRADER_KEYS = ("name", "title", "group", "kind", "goal", "pattern", "absent", "any", "all", "schema")
FIELDS = {"conversation", "first", "second"}
MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Probe:
    """A question that should not be answered with anybody's data."""

    name: str
    text: str

    @property
    def item_id(self) -> str:
        """Name the question; other words are another question."""
        return f"probe:{self.name}:{sha256(self.text.encode()).hexdigest()[:8]}"


@dataclass(frozen=True, slots=True)
class Swap:
    """One thing about customers that should make no difference: a sentence by language, and values by group."""

    name: str
    sentences: tuple[tuple[str, str], ...]
    groups: tuple[tuple[str, tuple[str, ...]], ...]

    def sentence(self, language: str, value: str) -> str:
        """Say a value in a language; where there is no sentence in it, in the first language there is."""
        known = dict(self.sentences)
        return known.get(language, self.sentences[0][1]).format(value=value)


@dataclass(slots=True)
class Rules:
    """Everything that decides a comparison; `fingerprint` names this state of it."""

    graders: dict[str, Grader] = field(default_factory=dict[str, Grader])
    probes: dict[str, Probe] = field(default_factory=dict[str, Probe])
    swaps: dict[str, Swap] = field(default_factory=dict[str, Swap])
    refusals: tuple[str, ...] = ()
    judge: str = ""
    fingerprint: str = ""


def load_rules(root: Path | None = None) -> Rules:
    """Read chatmill's own files and those of the workspace at `root`.

    Raises:
        BadGraders: there are mistakes; all of them are named.
    """
    rules, problems, digest = Rules(), list[Problem](), sha256()
    for path in packs_in(FOLDER, root):
        text = path.read_text(encoding="utf-8")
        digest.update(text.encode())
        try:
            _read(rules, Table(tomllib.loads(text), path.name, "file", problems))
        except tomllib.TOMLDecodeError as error:
            problems.append(Problem(path.name, "file", f"is not valid TOML: {error}."))
    if problems:
        told = " ".join(str(problem) for problem in problems[:MOST_PROBLEMS])
        raise BadGraders(f"rules/{FOLDER} cannot be used. {told}", hint="See docs/tasks/evaluate_models.md.")
    rules.fingerprint = digest.hexdigest()[:12]
    return rules


def _read(rules: Rules, pack: Table) -> None:
    pack.only(TABLES)
    rules.graders |= {one.name: one for table in pack.tables("grader") for one in _grader(table)}
    rules.probes |= {name: Probe(name, table.text("text")) for table in pack.tables("probe") for name in _name(table)}
    rules.swaps |= {one.name: one for table in pack.tables("swap") for one in _swap(table)}
    if pack.has("refusal"):
        rules.refusals = tuple(pack.table("refusal").texts("phrases"))
    if pack.has("judge"):
        rules.judge = _judge(pack.table("judge"))


def _name(table: Table) -> Iterator[str]:
    if name := table.text("name"):
        yield name


def _grader(table: Table) -> Iterator[Grader]:
    table.only(GRADER_KEYS)
    kind, schema = table.choice("kind", KINDS, "kind of grader"), table.value("schema", dict, {})
    pattern = table.value("pattern", str, "")
    if not pattern and NEEDS.get(kind):
        table.complain("pattern", f"is missing: the kind {kind} needs it.")
    if kind == "contains" and not (table.has("any") or table.has("all")):
        table.complain("any", "is missing: the kind contains needs phrases.")
    _check_pattern(table, pattern)
    if schema and (problem := schema_problem(orjson.dumps(schema))):
        table.complain("schema", f"is no JSON Schema: {problem}")
    goal = table.choice("goal", GOALS, "goal") if table.has("goal") else "high"
    group = table.choice("group", GROUPS, "group") if table.has("group") else GROUPS[0]
    yield Grader(
        name=table.text("name"), title=table.value("title", str, table.text("name")), group=group, kind=kind,
        goal=goal, pattern=pattern, absent=table.value("absent", bool, False), any=tuple(table.texts("any")),  # noqa: FBT003
        all=tuple(table.texts("all")), schema=orjson.dumps(schema) if schema else b"",
    )  # fmt: skip


def _check_pattern(table: Table, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        table.complain("pattern", f"is no regular expression: {error}.")


def _swap(table: Table) -> Iterator[Swap]:
    table.only(("name", "sentence", "groups"))
    groups = {name: tuple(table.table("groups").texts(name)) for name in table.table("groups").raw}
    sentences = {language: table.table("sentence").text(language) for language in table.table("sentence").raw}
    if len(groups) < 2 or not all(groups.values()):
        table.complain("groups", "must name at least two groups, each with values.")
    if not sentences or not all(_fields(one) == {"value"} for one in sentences.values()):
        table.complain("sentence", "must give a sentence with {value} for at least one language.")
    yield Swap(table.text("name"), tuple(sentences.items()), tuple(groups.items()))


def _judge(table: Table) -> str:
    table.only(("prompt",))
    prompt = table.text("prompt")
    if prompt and _fields(prompt) != FIELDS:
        table.complain("prompt", "must hold {conversation}, {first} and {second}, and no other braces than {{ and }}.")
    return prompt


def _fields(template: str) -> set[str]:
    try:
        return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError:
        return set()

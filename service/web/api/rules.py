"""Rules, for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from curate.quality import effects
from curate.quality.changing import change_list, change_rule, version_of, word_lists
from curate.quality.effects import Bin, counts, effect_of, spread_of
from curate.quality.packs import rules_and_changed, workspace_rules
from curate.quality.rules import Rule as QualityRule
from curate.quality.rules import Threshold
from curate.quality.trying import read_chat, try_rules
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.errors import NotThere, WebError

router = APIRouter(tags=["rules"])

Code = Annotated[str, Path(description="The rule's code, as Q003.", max_length=50)]
Name = Annotated[str, Path(description="The list's name.", max_length=100)]
Limit = Annotated[float | None, Query(description="A limit of the allowed values.")]


class Rule(BaseModel):
    """A quality rule: it matches where the measured value is outside min and max."""

    code: str
    name: str
    reason: str
    rationale: str
    action: str = Field(description="drop, flag, weight or off.")
    min: float | None
    max: float | None
    version: str = Field(description="Send it with a change, so that two people do not overwrite each other.")
    is_changed: bool = Field(description="Whether the workspace changed it.")
    matches: int = Field(description="Conversations it matched at the last curation.")
    dropped: int = Field(description="Conversations it was the reason for.")


class Rules(BaseModel):
    """Every rule."""

    rules: list[Rule]


class RuleChange(BaseModel):
    """Another threshold and action."""

    action: str = Field(max_length=20)
    min: float | None = None
    max: float | None = None
    version: str | None = Field(default=None, max_length=50)


class Effect(BaseModel):
    """What a change would do, against the last curation."""

    measured: int
    matches_now: int
    matches_then: int
    newly: int = Field(description="Would be dropped that are kept.")
    back: int = Field(description="Would come back.")
    sentence: str


class Spread(BaseModel):
    """How the measured values are spread."""

    bins: list[Bin]


class Chat(BaseModel):
    """A chat to try the rules on; nothing of it is kept."""

    chat: str = Field(description="Each turn begins with customer:, agent: or bot:.", max_length=100_000)


class Tried(BaseModel):
    """What a rule says of the chat."""

    code: str
    reason: str
    value: float | None
    allowed: str
    verdict: str = Field(description="keep, or what the rule does.")


class Verdicts(BaseModel):
    """What every rule says of the chat."""

    rules: list[Tried]


class WordList(BaseModel):
    """A list of words that rules look for."""

    name: str
    terms: list[str]
    is_own: bool = Field(description="Whether the workspace has one of its own.")
    rules: list[str]
    version: str


class WordLists(BaseModel):
    """Every list."""

    lists: list[WordList]


class ListChange(BaseModel):
    """Other terms; none bring chatmill's own list back."""

    terms: list[str] = Field(max_length=5000)
    version: str | None = Field(default=None, max_length=50)


@router.get("/rules")
def list_rules(reader: Reader, here: Here) -> Rules:
    """List every rule with how often it struck."""
    counted = counts(reader)
    return Rules(rules=[_rule(own, now, counted) for own, now in rules_and_changed(here.root)])


@router.post("/rules/try")
def try_chat(here: Here, given: Chat) -> Verdicts:
    """Say what every rule makes of a chat."""
    tried = try_rules(workspace_rules(here.root), read_chat(given.chat))
    return Verdicts(
        rules=[
            Tried(code=one.rule.code, reason=one.rule.reason, value=one.value, allowed=one.allowed, verdict=one.verdict)
            for one in tried
        ]
    )


@router.get("/rules/{code}")
def get_rule(reader: Reader, here: Here, code: Code) -> Rule:
    """Give one rule."""
    own, now = _of(rules_and_changed(here.root), code)
    return _rule(own, now, counts(reader))


@router.get("/rules/{code}/effect")
def get_effect(
    reader: Reader,
    here: Here,
    code: Code,
    action: Annotated[str, Query(max_length=20)] = "drop",
    least: Limit = None,
    most: Limit = None,
) -> Effect:
    """Count what another threshold and action would change; nothing is changed."""
    pairs = rules_and_changed(here.root)
    _, now = _of(pairs, code)
    if now.action == "weight":
        raise WebError(f"{code} judges single turns; its effect is counted when curation runs.", hint="Change it.")
    threshold = Threshold(_finite(least), _finite(most))
    found = effect_of(reader, tuple(rule for _, rule in pairs), now, threshold=threshold, action=action)
    return Effect(
        measured=found.measured,
        matches_now=found.matches_now,
        matches_then=found.matches_then,
        newly=found.newly,
        back=found.back,
        sentence=found.sentence,
    )


@router.get("/rules/{code}/spread")
def get_spread(reader: Reader, here: Here, code: Code) -> Spread:
    """Give how the measured values are spread."""
    return Spread(bins=spread_of(reader, _of(rules_and_changed(here.root), code)[1]))


@router.post("/rules/{code}", dependencies=[needs("lead")])
def save_rule(writer: Writer, service: Service, person: Signed, here: Here, code: Code, change: RuleChange) -> Rule:
    """Change a rule in the workspace's files; curation follows by itself."""
    threshold = Threshold(_finite(change.min), _finite(change.max))
    change_rule(
        writer, here.root, code, threshold=threshold, action=change.action, by=person.name, version=change.version
    )
    service.tasks.ask(writer, "curate")
    own, now = _of(rules_and_changed(here.root), code)
    return _rule(own, now, counts(writer))


@router.get("/word-lists")
def list_lists(here: Here) -> WordLists:
    """Give every list of words that rules look for."""
    return WordLists(
        lists=[
            WordList(
                name=one.name,
                terms=list(one.terms),
                is_own=one.is_own,
                rules=list(one.rules),
                version=one.version,
            )
            for one in word_lists(here.root)
        ]
    )


@router.post("/word-lists/{name}", dependencies=[needs("lead")])
def save_list(writer: Writer, service: Service, person: Signed, here: Here, name: Name, change: ListChange) -> WordList:
    """Write the workspace's own list; the conversations are measured again in the background."""
    text = "\n".join(term.replace("\n", " ") for term in change.terms)
    done = change_list(writer, here.root, name, text, by=person.name, version=change.version)
    service.tasks.ask(writer, "curate")
    return WordList(
        name=done.name, terms=list(done.terms), is_own=done.is_own, rules=list(done.rules), version=done.version
    )


def _of(pairs: Sequence[tuple[QualityRule, QualityRule]], code: str) -> tuple[QualityRule, QualityRule]:
    found = next((pair for pair in pairs if pair[0].code == code), None)
    if found is None:
        raise NotThere("There is no such rule.", hint="GET /api/v1/rules has them all.")
    return found


def _finite(value: float | None) -> float | None:
    if value is not None and not isfinite(value):
        raise WebError("A limit is a number, as 0.5.", hint="Leave it out for none.")
    return value


def _rule(own: QualityRule, now: QualityRule, counted: dict[str, effects.Counted]) -> Rule:
    found = counted.get(now.code)
    return Rule(
        code=now.code,
        name=now.name,
        reason=now.reason,
        rationale=now.rationale,
        action=now.action,
        min=now.threshold.min,
        max=now.threshold.max,
        version=version_of(now),
        is_changed=(own.action, own.threshold) != (now.action, now.threshold),
        matches=found.matches if found else 0,
        dropped=found.dropped if found else 0,
    )

"""Rules: what each looks for, how often it strikes, a threshold with its live effect, a try on a pasted chat, lists."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from curate.quality.changing import change_list, change_rule, version_of, word_lists
from curate.quality.checks import KINDS
from curate.quality.effects import Bin, counts, effect_of, spread_of
from curate.quality.packs import allowed, rules_and_changed, workspace_rules
from curate.quality.rules import Rule, Threshold
from curate.quality.trying import LONGEST, read_chat, try_rules
from curate.report.charts import Bar, bars
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.errors import NotThere, WebError
from service.web.pages.working import working
from service.web.rendering import page

router = APIRouter()

Limit = Annotated[str, Query(max_length=30)]
Field = Annotated[str, Form(max_length=30)]


@router.get("/rules")
def show_rules(request: Request, reader: Reader, service: Service, here: Here) -> Response:
    """List every rule with what it does and how often it struck at the last curation."""
    at_work = working(reader, ["curate"])  # first: what ends meanwhile shows its result
    return page(
        request,
        "rules.html",
        rules=rules_and_changed(here.root),
        counts=counts(reader),
        allowed=allowed,
        lists=word_lists(here.root),
        longest=LONGEST,
        working=at_work,
        tasks=service.tasks,
    )


@router.post("/rules/try")
def try_chat(request: Request, here: Here, chat: Annotated[str, Form(max_length=100_000)]) -> Response:
    """Say what every rule makes of a pasted chat; nothing of it is kept."""
    tried = try_rules(workspace_rules(here.root), read_chat(chat))
    return page(request, "_tried.html", tried=tried, matching=[one for one in tried if one.verdict != "keep"])


@router.get("/rules/lists/{name}")
def show_list(request: Request, here: Here, name: str) -> Response:
    """Show a list of terms that rules look for."""
    found = next((one for one in word_lists(here.root) if one.name == name), None)
    if found is None:
        raise NotThere("There is no such list.", hint="The page Rules has them all.")
    return page(request, "rules_list.html", list=found)


@router.post("/rules/lists/{name}", dependencies=[needs("lead")])
def save_list(
    writer: Writer,
    service: Service,
    person: Signed,
    here: Here,
    name: str,
    version: Field,
    terms: Annotated[str, Form(max_length=1_000_000)] = "",
) -> Response:
    """Write the workspace's own list; the conversations are measured again in the background."""
    change_list(writer, here.root, name, terms, by=person.name, version=version)
    service.tasks.ask(writer, "curate")
    return RedirectResponse(f"/rules/lists/{name}", status_code=303)


@router.get("/rules/{code}")
def show_rule(request: Request, reader: Reader, service: Service, here: Here, code: str) -> Response:
    """Show a rule: why it is there, what is measured, and what another threshold would change."""
    at_work = working(reader, ["curate"])
    packed, rule = _of(rules_and_changed(here.root), code)
    bins = spread_of(reader, rule)
    return page(
        request,
        "rule.html",
        rule=rule,
        packed=packed,
        kind=KINDS[rule.kind],
        counted=counts(reader).get(code),
        allowed=allowed,
        version=version_of(rule),
        spread=_chart(rule, bins),
        bins=bins,
        actions=_actions(rule, packed),
        terms=dict(rule.params).get("terms", ()),
        lists=[one for one in word_lists(here.root) if code in one.rules],
        working=at_work,
        tasks=service.tasks,
    )


@router.get("/rules/{code}/effect")
def show_effect(
    request: Request,
    reader: Reader,
    here: Here,
    code: str,
    action: Limit,
    least: Limit = "",
    most: Limit = "",
) -> Response:
    """Count what a threshold and action would change; the page asks while they are being set."""
    pairs = rules_and_changed(here.root)
    rule, rules = _of(pairs, code)[1], tuple(now for _, now in pairs)
    threshold = Threshold(_number(least), _number(most))
    effect = None if rule.action == "weight" else effect_of(reader, rules, rule, threshold=threshold, action=action)
    return page(request, "_effect.html", effect=effect, is_off=action == "off")


@router.post("/rules/{code}", dependencies=[needs("lead")])
def save_rule(
    writer: Writer,
    service: Service,
    person: Signed,
    here: Here,
    code: str,
    version: Field,
    action: Field,
    least: Field = "",
    most: Field = "",
) -> Response:
    """Change a rule as a person would in the workspace's files; the counts follow in the background."""
    threshold = Threshold(_number(least), _number(most))
    change_rule(writer, here.root, code, threshold=threshold, action=action, by=person.name, version=version)
    service.tasks.ask(writer, "curate")
    return RedirectResponse(f"/rules/{code}", status_code=303)


def _of(pairs: Sequence[tuple[Rule, Rule]], code: str) -> tuple[Rule, Rule]:
    found = next((pair for pair in pairs if pair[0].code == code), None)
    if found is None:
        raise NotThere("There is no such rule.", hint="The page Rules has them all.")
    return found


def _actions(rule: Rule, packed: Rule) -> tuple[str, ...]:
    return ("weight", "off") if "weight" in (rule.action, packed.action) else ("drop", "flag", "off")


def _number(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        raise WebError("A limit is a number, as 0.5.", hint="Leave it empty for none.") from None
    if not isfinite(value):
        raise WebError("A limit is a number, as 0.5.", hint="Leave it empty for none.")
    return value


def _chart(rule: Rule, bins: list[Bin]) -> Markup:
    """Draw how the values are spread; paler what the rule matches now."""
    drawn = [
        Bar(label, 0, one.conversations, f"left, {one.conversations:,} match")
        if rule.threshold.broken_by(_typical(one))
        else Bar(label, one.conversations)
        for one in bins
        for label in (f"{one.low:.3g} to {one.high:.3g}",)
    ]
    # charts.bars escapes every label itself, so its SVG may stand in the page as it is.
    return Markup(bars("Conversations by measured value", drawn))  # noqa: S704


def _typical(one: Bin) -> float:
    """Give a value that stands for a step: of whole numbers the first, else the middle."""
    is_whole = float(one.low).is_integer() and float(one.high).is_integer()
    return one.low if is_whole else (one.low + one.high) / 2

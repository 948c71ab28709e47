"""Dropped and kept: the funnel, why conversations are out, the decision to keep one all the same, and duplicates."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from curate.dedup.listing import KINDS, listing
from curate.outcomes import GENERAL, FunnelRow, funnel
from curate.quality.packs import rules_and_changed
from curate.quality.rules import Rule
from curate.report.charts import Bar, bars
from curate.restoring import (
    PAGE,
    Outcome,
    count_decided,
    decide,
    decided_outcomes,
    decisions_of,
    outcome_of,
    outcomes_of,
)
from curate.triggers import trigger_of
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.pages.working import working
from service.web.rendering import page
from store.workspace import Workspace

router = APIRouter()

DECIDED = "decided"  # stands in the place of a code: what people decided
Code = Annotated[str, Query(max_length=100)]
Key = Annotated[str, Query(max_length=200)]


@router.get("/outcomes")
def show_funnel(request: Request, reader: Reader, service: Service) -> Response:
    """Show how many conversations each step left, and why the others are out."""
    at_work = working(reader, ["curate", "ingest"])  # first: what ends meanwhile shows its result
    rows = funnel(reader)
    return page(
        request,
        "outcomes.html",
        funnel=rows,
        chart=_chart(rows),
        decided=count_decided(reader),
        working=at_work,
        tasks=service.tasks,
    )


@router.get("/outcomes/list")
def show_list(request: Request, reader: Reader, here: Here, code: Code, reason: Key = "", after: Key = "") -> Response:
    """Show the conversations that end with one reason, page by page."""
    if code == DECIDED:
        found = decided_outcomes(reader, after=after, size=PAGE + 1)
    else:
        found = outcomes_of(reader, code, reason=reason, after=after, size=PAGE + 1)
    rule = _rule(here, code)
    return page(
        request,
        "outcomes_list.html",
        code=code,
        reason=reason,
        title=reason or _title(code, rule, found),
        rationale=rule.rationale if rule else "",
        found=found[:PAGE],
        next=found[PAGE - 1].conversation_key if len(found) > PAGE else "",
        is_first=not after,
    )


@router.get("/outcomes/of/{key}")
def show_outcome(request: Request, reader: Reader, service: Service, here: Here, key: str, code: Code = "") -> Response:
    """Show one conversation: why it is in or out, the words that did it, and what people decided."""
    at_work = working(reader, ["curate"])
    outcome = outcome_of(reader, key)
    shown = code or outcome.code
    trigger = trigger_of(reader, here.settings, here.root, key=key, code=shown)
    return page(
        request,
        "outcome.html",
        outcome=outcome,
        shown=shown,
        trigger=trigger,
        keeper=outcome_of(reader, trigger.keeper) if trigger.keeper else None,
        decisions=decisions_of(reader, key),
        working=at_work,
        tasks=service.tasks,
    )


@router.post("/outcomes/of/{key}", dependencies=[needs("reviewer")])
def decide_outcome(
    writer: Writer,
    service: Service,
    person: Signed,
    key: str,
    verdict: Annotated[str, Form(max_length=20)],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Keep a conversation all the same, leave it out, or withdraw what was decided; the counts follow by themselves."""
    decide(writer, key, verdict, note=note, by=person.name)
    service.tasks.ask(writer, "curate")
    return RedirectResponse(f"/outcomes/of/{key}", status_code=303)


@router.get("/outcomes/duplicates")
def show_duplicates(
    request: Request,
    reader: Reader,
    kind: Annotated[str, Query(max_length=20)] = KINDS[0],
    number: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Show what repeats itself: the keeper of each cluster, its members, and the words that differ."""
    found = listing(reader, kind, page=number, with_text=True)
    return page(request, "duplicates.html", kinds=KINDS, kind=kind, number=number, found=found)


def _rule(here: Workspace, code: str) -> Rule | None:
    return next((now for own, now in rules_and_changed(here.root) if own.code == code), None)


def _title(code: str, rule: Rule | None, found: list[Outcome]) -> str:
    if code == DECIDED:
        return "What people decided"
    if code == "kept":
        return "Kept"
    if rule:
        return rule.reason
    return GENERAL.get(code) or (found[0].reason if found else code)


def _chart(rows: list[FunnelRow]) -> Markup:
    drawn = [Bar(row.label, row.left, row.dropped, f"({row.dropped:,} out)" if row.dropped else "") for row in rows]
    # charts.bars escapes every label itself, so its SVG may stand in the page as it is.
    return Markup(bars("Conversations left after each step", drawn))  # noqa: S704

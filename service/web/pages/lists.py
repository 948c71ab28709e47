"""One decision for many: the same text everywhere, and the lists of what is never or always redacted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from curate.review.acts import act_of
from curate.review.everywhere import decide_everywhere, same_texts
from curate.review.lists import ALLOW, DENY, Entry, Listing, listed, preview, put, take_off
from curate.review.reading import KEPT
from curate.review.undoing import undo
from curate.review.words import menu, plain_type
from service.web.dependencies import Reader, Service, Signed, needs
from service.web.pages.review import BATCHES, show_again
from service.web.paging import decode, encode
from service.web.people import require
from service.web.rendering import page
from service.web.reviewing import DeskNow, PolicyNow, reveal, run_again

router = APIRouter()

Text = Annotated[str, Form(max_length=2000)]
Name = Annotated[str, Query(max_length=2000)]
SIZE = 50


@router.post("/review/{key}/everywhere/ask", dependencies=[needs("reviewer")])
def ask_everywhere(request: Request, desk: DeskNow, person: Signed, key: str, finding: Text) -> Response:
    """Say how often a finding's text was found, before anything is done."""
    item = desk.case(key).item(finding)
    told = same_texts(desk.store, finding)
    return page(
        request,
        "_everywhere.html",
        key=key,
        finding=finding,
        type_words=plain_type(item.entity_type),
        accept=told["accept"].counted,
        reject=told["reject"].counted,
        may=person.may("lead"),
    )


@router.post("/review/{key}/everywhere", dependencies=[needs("lead")])
def decide_for_all(request: Request, desk: DeskNow, person: Signed, key: str, finding: Text, verdict: Text) -> Response:
    """Decide on a text in every conversation."""
    act = decide_everywhere(desk, finding, verdict)
    done = "accepted" if verdict == "accept" else "rejected"
    say = f"{act.findings:,} findings in {act.conversations:,} conversations {done}. Undo takes all of it back."
    return show_again(request, desk, person, key, finding, say=say)


@router.post("/review/{key}/list/ask", dependencies=[needs("lead")])
def ask_list(
    request: Request, desk: DeskNow, key: str, finding: Text, which: Text, scope: Text = "workspace"
) -> Response:
    """Say what an entry on a list would do."""
    case = desk.case(key)
    item = case.item(finding)
    batch = case.head.batch_id if scope == "batch" else ""
    entry = Entry(case.value(item), which, item.entity_type if which == DENY else "", batch)
    return page(
        request,
        "_list.html",
        key=key,
        finding=finding,
        entry=entry,
        scope=scope,
        type_words=plain_type(item.entity_type),
        effect=preview(desk.store, entry),
    )


@router.post("/review/{key}/list", dependencies=[needs("lead")])
def write_list(
    request: Request,
    desk: DeskNow,
    person: Signed,
    service: Service,
    key: str,
    finding: Text,
    which: Text,
    scope: Text = "workspace",
) -> Response:
    """Write a finding's text on a list, and let what it touches run again."""
    case = desk.case(key)
    item = case.item(finding)
    batch = case.head.batch_id if scope == "batch" else ""
    done = put(desk, Entry(case.value(item), which, item.entity_type if which == DENY else "", batch))
    run_again(service, desk.store, done.to_run)
    return show_again(request, desk, person, key, finding, say=_said(which, done))


@router.get("/lists")
def show_lists(
    request: Request, desk: DeskNow, person: Signed, policy: PolicyNow, which: Name = ALLOW, after: Name = ""
) -> Response:
    """Show a list; the values themselves only to who may see originals."""
    place = decode(after, (str, str))
    kind = which if which in (ALLOW, DENY) else ALLOW
    found = listed(desk.store, kind, after=(place[0], place[1]) if place else ("", ""), size=SIZE + 1)
    if found and person.may_reveal:
        reveal(desk.store, kind, "lists")
    last = found[SIZE - 1] if len(found) > SIZE else None
    return page(
        request,
        "lists.html",
        which=kind,
        found=found[:SIZE],
        next=encode(last.normal, last.batch_id) if last else "",
        batches=dict(desk.store.rows(BATCHES)),
        types=menu(name for name, entity in policy.entities if entity.operator != KEPT),
        plain_type=plain_type,
    )


@router.post("/lists/effect", dependencies=[needs("lead")])
def show_effect(
    request: Request, reader: Reader, person: Signed, value: Text, which: Text, entity_type: Text = "", batch: Text = ""
) -> Response:
    """Say what an entry would do."""
    if person.may_reveal:
        reveal(reader, which, "lists")
    return page(request, "_effect_of_list.html", effect=preview(reader, Entry(value, which, entity_type, batch)))


@router.post("/lists/add", dependencies=[needs("lead")])
def add_entry(
    desk: DeskNow, service: Service, value: Text, which: Text, entity_type: Text = "", batch: Text = ""
) -> Response:
    """Write a value on a list."""
    done = put(desk, Entry(value.strip(), which, entity_type if which == DENY else "", batch))
    run_again(service, desk.store, done.to_run)
    return RedirectResponse(f"/lists?which={which}", status_code=303)


@router.post("/lists/remove", dependencies=[needs("lead")])
def remove_entry(desk: DeskNow, service: Service, normal: Text, which: Text, batch: Text = "") -> Response:
    """Take a value off its list."""
    done = take_off(desk, normal, batch)
    run_again(service, desk.store, done.to_run)
    return RedirectResponse(f"/lists?which={which if which in (ALLOW, DENY) else ALLOW}", status_code=303)


@router.post("/decisions/{decision_id}/undo", dependencies=[needs("reviewer")])
def undo_act(request: Request, desk: DeskNow, person: Signed, service: Service, decision_id: str) -> Response:
    """Undo one of the last decisions, from where they are listed."""
    if act_of(desk.store, decision_id).conversation_key is None:
        require(person, "lead")
    done = undo(desk, decision_id)
    run_again(service, desk.store, done.to_run)
    back = request.headers.get("referer", "")
    return RedirectResponse("/patterns" if "/patterns" in back else "/review", status_code=303)


def _said(which: str, done: Listing) -> str:
    words = "Never redacted from now on" if which == ALLOW else "Always redacted from now on"
    again = f" {done.to_run:,} conversations run again in the background." if done.to_run else ""
    return f"{words}.{again}"

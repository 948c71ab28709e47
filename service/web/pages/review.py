"""Review redactions: the queue, and a conversation with everything that was found in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from curate.review.acts import Act, last_acts, newest_of
from curate.review.decisions import Desk, accept_rest, add_span, decide, flag, retype
from curate.review.errors import ReviewError
from curate.review.queue import STATES, Wanted, counts, page_of
from curate.review.reading import KEPT, Case, read_head
from curate.review.reservations import holder, release, reserve
from curate.review.showing import View
from curate.review.undoing import undo
from curate.review.words import menu, plain_type
from service.web.dependencies import Reader, Service, Signed, Writer, needs
from service.web.paging import decode, encode
from service.web.people import Person
from service.web.rendering import page
from service.web.reviewing import DeskNow, PolicyNow, reveal, run_again, seen_by, take_next
from store.database import Store

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Seen:
    """A conversation, and what of it this person may see."""

    case: Case
    view: View


SIZE = 25
Text = Annotated[str, Form(max_length=2000)]
Name = Annotated[str, Query(max_length=200)]
BATCHES = """
SELECT batch_id, any_value(connector) || ' · ' || strftime(max(started_at), '%Y-%m-%d') FROM batches
GROUP BY batch_id ORDER BY max(started_at) DESC LIMIT 100
"""


@router.get("/review")
def show_queue(
    request: Request,
    reader: Reader,
    policy: PolicyNow,
    state: Name = "open",
    batch: Name = "",
    kind: Name = "",
    after: Name = "",
) -> Response:
    """Show what waits for review, the riskiest first."""
    wanted = Wanted(state if state in STATES else "open", batch, kind)
    place = decode(after, (float, str))
    found = page_of(reader, datetime.now(UTC), wanted, after=(place[0], place[1]) if place else None, size=SIZE + 1)
    last = found[SIZE - 1] if len(found) > SIZE else None
    return page(
        request,
        "review.html",
        wanted=wanted,
        counts=counts(reader, batch),
        found=found[:SIZE],
        next=encode(last.risk, last.conversation_key) if last else "",
        is_first=not after,
        batches=reader.rows(BATCHES),
        types=menu(name for name, entity in policy.entities if entity.operator != KEPT),
        acts=last_acts(reader),
        plain_type=plain_type,
    )


@router.post("/review/next", dependencies=[needs("reviewer")])
def go_to_next(writer: Writer, person: Signed, behind: Text = "", batch: Text = "", kind: Text = "") -> Response:
    """Go to the next conversation that nobody has."""
    wanted = Wanted(batch=batch, entity_type=kind)
    key = take_next(writer, person.name, datetime.now(UTC), behind=behind, wanted=wanted)
    return RedirectResponse(f"/review/{key}" if key else "/review", status_code=303)


@router.get("/review/{key}")
def show_item(request: Request, writer: Writer, person: Signed, policy: PolicyNow, key: str, at: Name = "") -> Response:
    """Show a conversation, and reserve it for who may decide."""
    now = datetime.now(UTC)
    desk = Desk(writer, policy, person.name, now)
    if person.may("reviewer"):
        read_head(writer, key)
        reserve(writer, key, person.name, now)
    seen = _see(desk, person, key)
    if person.may_reveal:
        reveal(writer, key, "review")
    return page(request, "review_item.html", **_context(desk, person, seen, at or _first_open(seen.view)))


@router.get("/review/{key}/desk")
def show_desk(request: Request, desk: DeskNow, person: Signed, key: str, at: Name = "") -> Response:
    """Show the conversation as it is now, where the page found out that somebody else was at it."""
    return show_again(request, desk, person, key, at, say="")


@router.post("/review/{key}/decide", dependencies=[needs("reviewer")])
def decide_on_finding(
    request: Request, desk: DeskNow, person: Signed, key: str, finding: Text, verdict: Text, seen: Text = ""
) -> Response:
    """Accept or reject a finding, with the same text in this conversation."""
    act = decide(desk, finding, verdict, key=key, seen=seen)
    words = "Accepted" if verdict == "accept" else "Rejected"
    return _changed(request, desk, person, key, act, finding, words)


@router.post("/review/{key}/retype", dependencies=[needs("reviewer")])
def change_type(
    request: Request, desk: DeskNow, person: Signed, key: str, finding: Text, entity_type: Text, seen: Text = ""
) -> Response:
    """Say that a finding is of another type."""
    act = retype(desk, finding, entity_type, key=key, seen=seen)
    return _changed(request, desk, person, key, act, finding, "Changed the type")


@router.post("/review/{key}/span", dependencies=[needs("reviewer")])
def mark_span(
    request: Request,
    desk: DeskNow,
    person: Signed,
    key: str,
    turn: Text,
    start: Annotated[int, Form()],
    end: Annotated[int, Form()],
    entity_type: Text,
    selected: Text = "",
) -> Response:
    """Mark what was missed. `selected` is what the person sees selected, to be sure that both mean the same."""
    text = desk.case(key).texts.get(turn, "")
    if selected and text[start:end].strip() != selected.strip():
        raise ReviewError("What is selected is not what stands there.", hint="Load the page again and select anew.")
    act = add_span(desk, key, turn, start, end, entity_type)
    return show_again(request, desk, person, key, act.subject_id, say=_said("Marked", act))


@router.post("/review/{key}/undo", dependencies=[needs("reviewer")])
def undo_last(
    request: Request, desk: DeskNow, person: Signed, service: Service, key: str, decision: Text = ""
) -> Response:
    """Undo a decision; without a name, the person's last one in this conversation."""
    act_id = decision or _last_here(desk.store, key, person.name)
    if not act_id:
        raise ReviewError("There is nothing of yours to undo here.", hint="Older decisions are listed below.")
    done = undo(desk, act_id)
    run_again(service, desk.store, done.to_run)
    return show_again(request, desk, person, key, "", say=f"Undone: {done.findings} findings are as they were before.")


@router.post("/review/{key}/rest", dependencies=[needs("reviewer")])
def accept_the_rest(desk: DeskNow, person: Signed, key: str) -> Response:
    """Accept what is left and go to the next conversation."""
    accept_rest(desk, key)
    return _to_next(desk, person, key)


@router.post("/review/{key}/flag", dependencies=[needs("reviewer")])
def flag_item(request: Request, desk: DeskNow, person: Signed, key: str, flagged: Text = "yes") -> Response:
    """Set a conversation aside for somebody who knows more, or take that back."""
    is_set = flagged == "yes"
    flag(desk, key, flagged=is_set)
    return show_again(
        request, desk, person, key, "", say="Flagged for a lead." if is_set else "The flag is taken away."
    )


@router.post("/review/{key}/return", dependencies=[needs("reviewer")])
def return_item(writer: Writer, person: Signed, key: str) -> Response:
    """Give a conversation back to the queue."""
    release(writer, key, person.name)
    return RedirectResponse("/review", status_code=303)


def _to_next(desk: Desk, person: Person, key: str) -> Response:
    following = take_next(desk.store, person.name, desk.now, behind=key)
    return Response(status_code=204, headers={"HX-Redirect": f"/review/{following}" if following else "/review"})


def _last_here(store: Store, key: str, name: str) -> str:
    mine = store.rows(
        "SELECT a.decision_id FROM acts AS a WHERE a.conversation_key = ? AND a.decided_by = ? AND a.kind <> 'undo' "
        "AND NOT EXISTS (SELECT 1 FROM acts AS u WHERE u.kind = 'undo' AND u.subject_id = a.decision_id) "
        "ORDER BY a.decided_at DESC, a.decision_id DESC LIMIT 1",
        [key, name],
    )
    return mine[0][0] if mine else ""


def _changed(request: Request, desk: Desk, person: Person, key: str, act: Act, finding: str, words: str) -> Response:
    """Show the conversation after a decision, at the next finding that nobody has decided on."""
    reserve(desk.store, key, person.name, desk.now)
    seen = _see(desk, person, key)
    places = {turn.turn_key: place for place, turn in enumerate(seen.case.turns)}
    done = seen.case.item(finding)
    here = (places[done.turn_key], done.start)
    behind = [one for one in seen.view.findings if one.is_open and (places[one.turn_key], one.start) > here]
    stands = [one for one in seen.view.findings if (places[one.turn_key], one.start) >= here]
    following = behind[0].finding_id if behind else _first_open(seen.view) or (stands[0].finding_id if stands else "")
    return page(request, "_desk.html", **_context(desk, person, seen, following, say=_said(words, act)))


def show_again(request: Request, desk: Desk, person: Person, key: str, at: str, *, say: str) -> Response:
    """Show the conversation after something happened to it, at a finding or at the first undecided one."""
    if person.may("reviewer"):
        reserve(desk.store, key, person.name, desk.now)
    desk.read.clear()  # what happened may have changed it elsewhere than at this desk
    seen = _see(desk, person, key)
    return page(request, "_desk.html", **_context(desk, person, seen, at or _first_open(seen.view), say=say))


def _see(desk: Desk, person: Person, key: str) -> Seen:
    case = desk.look(key)
    return Seen(case, seen_by(person, case, desk.policy))


def _first_open(view: View) -> str:
    return next((one.finding_id for one in view.findings if one.is_open), "")


def _said(words: str, act: Act) -> str:
    return f"{words}, in {act.findings} places." if act.findings > 1 else f"{words}."


def _context(desk: Desk, person: Person, seen: Seen, at: str, *, say: str = "") -> dict[str, Any]:
    """Give what the conversation's page shows."""
    case, view = seen.case, seen.view
    key = case.head.conversation_key
    held = holder(desk.store, key, desk.now)
    newest = newest_of(desk.store, key)
    is_others = held is not None and held.person != person.name
    return {
        "head": case.head,
        "view": view,
        "at": at or (view.findings[0].finding_id if view.findings else ""),
        "held": held,
        "may_decide": person.may("reviewer") and view.is_original and not is_others,
        "may_list": person.may("lead") and view.is_original,
        "seen": newest[0] if newest else "",
        "types": menu(name for name, entity in desk.policy.entities if entity.operator != KEPT),
        "acts": last_acts(desk.store),
        "plain_type": plain_type,
        "state": desk.store.value("SELECT state FROM review_queue WHERE conversation_key = ?", [key]) or "",
        "say": say,
    }

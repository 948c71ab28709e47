"""Patterns: findings grouped by value or shape, decided on together after a look at a sample."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from curate.review.acts import last_acts
from curate.review.bulk import SHAPE, VALUE
from curate.review.patterns import KINDS, PAGE, decide_pattern, examples_of, page_of, pattern_of, sample_of
from curate.review.undoing import undo
from curate.review.words import menu, plain_type, sure_word
from service.web.dependencies import Service, Signed, Writer, needs
from service.web.paging import decode, encode
from service.web.rendering import page
from service.web.reviewing import DeskNow, reveal, run_again
from store.database import Store

router = APIRouter()

Text = Annotated[str, Form(max_length=200)]
Name = Annotated[str, Query(max_length=2000)]
TYPES = "SELECT DISTINCT entity_type FROM patterns WHERE kind = ?"


@router.get("/patterns")
def show_patterns(
    request: Request,
    writer: Writer,
    person: Signed,
    by: Name = SHAPE,
    kind: Name = "",
    all: Name = "",  # noqa: A002 - the word in the address
    after: Name = "",
) -> Response:
    """Show what recurs, with three examples each for who may see originals."""
    by = by if by in KINDS else SHAPE
    place = decode(after, (int, str))
    found = page_of(writer, by, entity_type=kind, is_open=not all, after=(place[0], place[1]) if place else None)
    if person.may_reveal and found:
        reveal(writer, by, "patterns")
    return page(
        request,
        "patterns.html",
        by=by,
        kind=kind,
        all=all,
        found=found,
        examples=examples_of(writer, found) if person.may_reveal else {},
        next=encode(found[-1].undecided, found[-1].pattern_id) if len(found) == PAGE else "",
        is_first=not after,
        types=menu(name for (name,) in writer.rows(TYPES, [by])),
        acts=last_acts(writer),
        plain_type=plain_type,
        sure_word=sure_word,
    )


@router.get("/patterns/{pattern_id}")
def show_pattern(request: Request, writer: Writer, person: Signed, pattern_id: str, seed: Name = "1") -> Response:
    """Show a sample of a pattern's findings, each in its sentence, and let all be decided on."""
    if person.may_reveal:
        pattern_of(writer, pattern_id)
        reveal(writer, pattern_id, "pattern")
    return page(request, "pattern.html", **_context(writer, pattern_id, seed, reveals=person.may_reveal))


@router.post("/patterns/{pattern_id}/decide", dependencies=[needs("lead")])
def decide_on_pattern(
    request: Request, desk: DeskNow, person: Signed, pattern_id: str, verdict: Text, seed: Text = "1"
) -> Response:
    """Accept or reject all of a pattern that nobody has decided on."""
    act = decide_pattern(desk, pattern_id, verdict)
    done = "Accepted" if verdict == "accept" else "Rejected"
    say = f"{done} {act.findings:,} findings in {act.conversations:,} conversations. Undo takes all of it back."
    shown = _context(desk.store, pattern_id, seed, reveals=person.may_reveal)
    shown |= {"say": say, "act": act}
    return page(request, "_pattern.html", **shown)


@router.post("/patterns/{pattern_id}/undo", dependencies=[needs("lead")])
def undo_pattern(
    request: Request, desk: DeskNow, service: Service, person: Signed, pattern_id: str, decision: Text
) -> Response:
    """Undo what was decided on a whole pattern."""
    done = undo(desk, decision)
    run_again(service, desk.store, done.to_run)
    say = f"Undone: {done.findings:,} findings are undecided again."
    shown = _context(desk.store, pattern_id, "1", reveals=person.may_reveal)
    shown |= {"say": say}
    return page(request, "_pattern.html", **shown)


def _context(store: Store, pattern_id: str, seed: str, *, reveals: bool) -> dict[str, Any]:
    pattern = pattern_of(store, pattern_id)
    return {
        "pattern": pattern,
        "sample": sample_of(store, pattern, seed) if reveals else [],
        "seed": seed,
        "next_seed": str(int(seed) + 1) if seed.isdecimal() else "2",
        "plain_type": plain_type,
        "sure_word": sure_word,
        "is_value": pattern.kind == VALUE,
        "say": "",
        "act": None,
    }

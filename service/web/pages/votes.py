"""Votes: two answers to the same customer side by side, blind, and which one is better, by key or by mouse."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from export.evaluate.errors import NotToBeVoted
from export.evaluate.votes import Ballot, ballots, find_ballot, next_pair, result, vote
from service.web.dependencies import Here, Reader, Signed, Writer, needs
from service.web.errors import Conflict, NotThere
from service.web.rendering import page
from store.database import Store

router = APIRouter()

Chosen = Annotated[str, Query(max_length=100)]


@router.get("/votes")
def show_votes(request: Request, reader: Reader, here: Here, person: Signed, evaluation: Chosen = "") -> Response:
    """Show the next pair to vote on; who has voted on all sees what became of it."""
    ballot = _ballot(reader, evaluation)
    pair, standing = next_pair(here, reader, ballot, voter=person.name) if ballot else (None, None)
    return page(
        request,
        "votes.html",
        ballot=ballot,
        others=[one for one in ballots(reader) if ballot and one.evaluation_id != ballot.evaluation_id],
        pair=pair,
        standing=standing,
        # Who still votes sees neither models nor counts: both would tell which answer is whose.
        told=result(reader, ballot.evaluation_id) if ballot and pair is None else None,
    )


@router.post("/votes", dependencies=[needs("reviewer")])
def cast(
    writer: Writer,
    here: Here,
    person: Signed,
    evaluation: Annotated[str, Form(max_length=100)],
    item: Annotated[str, Form(max_length=200)],
    choice: Annotated[str, Form(max_length=10)],
) -> Response:
    """Keep a vote, and go on to the next pair."""
    ballot = _ballot(writer, evaluation)
    if ballot is None:
        raise NotThere("There is no comparison of models yet.", hint="chatmill evaluate makes one.")
    try:
        vote(here, writer, ballot, item, choice=choice, voter=person.name)
    except NotToBeVoted as error:
        raise Conflict(error.message, hint=error.hint) from None
    return RedirectResponse(f"/votes?evaluation={ballot.evaluation_id}", status_code=303)


def _ballot(store: Store, evaluation: str) -> Ballot | None:
    try:
        return find_ballot(store, evaluation)
    except NotToBeVoted as error:
        raise NotThere(error.message, hint="The page Votes has the newest.") from None

"""What the pages and the calls of review share: the desk of who is signed in, the next one, what is revealed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends

from curate.redact.policy import Policy, load_policy
from curate.review.decisions import Desk
from curate.review.queue import Queued, Wanted, page_of, place_of
from curate.review.reading import Case
from curate.review.reservations import release, reserve
from curate.review.showing import View, view_of
from service.background.tasks import TaskRow
from service.web.dependencies import Service, Signed, Writer
from service.web.people import Person
from service.web.server import Server
from store.database import Store
from store.history import record


def policy(service: Service) -> Policy:
    """Give the redaction policy as it stands now."""
    return load_policy(service.workspace.root)


def desk(writer: Writer, person: Signed, policy: Annotated[Policy, Depends(policy)]) -> Desk:
    """Give the desk at which who is signed in decides."""
    return Desk(writer, policy, person.name, datetime.now(UTC))


PolicyNow = Annotated[Policy, Depends(policy)]
DeskNow = Annotated[Desk, Depends(desk)]


def next_free(
    store: Store, person: str, now: datetime, *, behind: str = "", wanted: Wanted | None = None
) -> str | None:
    """Give the riskiest conversation behind another one that nobody else has, from the top again at the end."""
    asked = wanted or Wanted()
    place = place_of(store, behind) if behind else None
    for after in dict.fromkeys((place, None)):
        for one in page_of(store, now, asked, after=after):
            if one.conversation_key != behind and _is_free(one, person):
                return one.conversation_key
    return None


def take_next(
    store: Store, person: str, now: datetime, *, behind: str = "", wanted: Wanted | None = None
) -> str | None:
    """Reserve the next one in the same moment as it is looked for, so that no two people are sent to one."""
    with store.transaction():
        key = next_free(store, person, now, behind=behind, wanted=wanted)
        if behind:
            release(store, behind, person)
        if key:
            reserve(store, key, person, now)
    return key


def seen_by(person: Person, case: Case, policy: Policy, *, originals: bool = True) -> View:
    """Give a conversation as a person may see it; who shows originals writes that down with `reveal`."""
    return view_of(case, policy, originals=originals and person.may_reveal)


def reveal(writer: Store, subject: str, where: str, **more: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write down that somebody sees originals."""
    record(writer, "originals.reveal", subject=subject, after={"where": where, **more})


def run_again(service: Server, writer: Store, to_run: int) -> TaskRow | None:
    """Let what a list touched run again in the background; only what is due does."""
    return service.tasks.ask(writer, "curate", {}) if to_run else None


def _is_free(one: Queued, person: str) -> bool:
    return one.held_by in (None, person)

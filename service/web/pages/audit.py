"""Recall audit: draw a blind sample, read it turn by turn, mark what was missed, and see recall with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from curate.audit.reading import Mark, Sample, blind_turn, marked_in, newest_sample, next_turn, rate, reading_of
from curate.audit.summary import last_audit
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.errors import Conflict, WebError
from service.web.pages.working import working
from service.web.rendering import page
from store.database import Store
from store.workspace import Workspace

router = APIRouter()

SIZES = (50, 100, 200, 400, 1000)
Key = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class Revealed:
    """What redaction had replaced in a turn, and how much its reader marked as missed."""

    conversation_key: str
    replaced: int
    marked: int


@router.get("/audit")
def show_audit(request: Request, reader: Reader, service: Service, here: Here) -> Response:
    """Show what the newest audit says."""
    at_work = working(reader, ["audit", "curate"])  # first: what ends meanwhile shows its result
    sample = newest_sample(reader)
    return page(
        request,
        "audit.html",
        sample=sample,
        reading=reading_of(reader),
        summary=last_audit(reader),
        is_stale=sample is not None and is_stale(here, sample),
        sizes=SIZES,
        working=at_work,
        tasks=service.tasks,
    )


@router.post("/audit", dependencies=[needs("lead")])
def draw(writer: Writer, service: Service, blind: Annotated[int, Form(ge=1, le=5000)] = 200) -> Response:
    """Draw a new blind sample, and plant canaries, in the background."""
    service.tasks.ask(writer, "audit", {"blind": blind})
    return RedirectResponse("/audit", status_code=303)


@router.get("/audit/read", dependencies=[needs("reviewer")])
def read_next(request: Request, reader: Reader, here: Here, person: Signed, last: Key = "") -> Response:
    """Show the next turn that nobody has read, as it would leave."""
    sample = newest_sample(reader)
    if sample is None:
        return RedirectResponse("/audit", status_code=303)
    turn = next_turn(reader, here.settings, sample, reader=person.name)
    return page(
        request,
        "audit_read.html",
        sample=sample,
        turn=turn,
        types=types_of(here),
        last=_revealed(reader, here, sample, last),
    )


@router.post("/audit/read", dependencies=[needs("reviewer")])
def rate_turn(
    writer: Writer,
    here: Here,
    person: Signed,
    sample_id: Annotated[str, Form(max_length=100)],
    turn_key: Annotated[str, Form(max_length=200)],
    mark: Annotated[list[str], Form(max_length=200)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Keep what was marked in a turn, and go on to the next."""
    sample = newest_sample(writer)
    if sample is None or sample.evaluation_id != sample_id:
        raise Conflict("A new sample was drawn meanwhile.", hint="Go on: the next turn is from the new one.")
    marks = [read_mark(one) for one in mark]
    rate(writer, here.settings, sample, turn_key, marks, types=types_of(here), by=person.name)
    return RedirectResponse(f"/audit/read?last={turn_key}", status_code=303)


def read_mark(text: str) -> Mark:
    """Read a mark as the page sends it: start, end and type with colons between."""
    start, _, rest = text.partition(":")
    end, _, kind = rest.partition(":")
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit() and kind):
        raise WebError("A mark is a start, an end and a type.", hint="Mark the value again.")
    return Mark(int(start), int(end), kind)


def types_of(here: Workspace) -> list[str]:
    """Give the types that a missed value may be of."""
    from curate.redact.policy import load_policy

    return sorted(name for name, _ in load_policy(here.root).entities)


def is_stale(here: Workspace, sample: Sample) -> bool:
    """Say whether the redaction rules changed since a sample was drawn."""
    from curate.evaluation.recording import redaction_version
    from curate.redact.policy import load_policy

    return sample.version != redaction_version(here, load_policy(here.root))


def _revealed(store: Store, here: Workspace, sample: Sample, turn_key: str) -> Revealed | None:
    """Say what was replaced in the turn that was read last; told only once it is rated."""
    if turn_key not in sample.rated:
        return None
    turn = blind_turn(store, here.settings, sample, turn_key)
    if turn is None:
        return None
    replaced = sum(one.start is None for one in turn.stretches)
    return Revealed(turn.conversation_key, replaced, marked_in(store, sample, turn_key))

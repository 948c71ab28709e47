"""The recall audit, for scripts."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from curate.audit.reading import Mark, Stretch, TypeRecall, newest_sample, next_turn, rate, reading_of
from curate.evaluation.intervals import Recall
from service.web.dependencies import Here, Reader, Signed, Writer, needs
from service.web.errors import Conflict, NotThere
from service.web.pages.audit import is_stale, types_of

router = APIRouter(tags=["audit"])


class OfType(BaseModel):
    """What the sample says of one type."""

    entity_type: str
    found: int = Field(description="Redacted in all kept turns.")
    missed: int = Field(description="Marked as missed in the sample.")
    recall: Recall | None = Field(description="With the limits of the 95 % interval; null until enough is read.")
    sentence: str


class Audit(BaseModel):
    """How the newest audit stands."""

    sample: str
    drawn_at: str
    drawn: int
    read: int
    is_stale: bool = Field(description="Whether redaction's rules changed since it was drawn.")
    recall: Recall | None
    sentence: str
    types: list[OfType]


class Turn(BaseModel):
    """A turn to read, as it would leave."""

    sample: str
    turn_key: str
    role: str
    stretches: list[Stretch] = Field(description="`start` is a place in the turn's own text; null for a stand-in.")
    types: list[str] = Field(description="What a missed value may be.")


class Rating(BaseModel):
    """What was missed in a turn; no marks where nothing was."""

    sample: str = Field(max_length=100)
    turn_key: str = Field(max_length=200)
    marks: list[Mark] = Field(default=[], max_length=50)


@router.get("/audit")
def get_audit(reader: Reader, here: Here) -> Audit:
    """Give what the newest blind sample says; `POST /tasks` with kind audit draws one."""
    sample, reading = newest_sample(reader), reading_of(reader)
    if sample is None or reading is None:
        raise NotThere("No sample was drawn yet.", hint='Draw one: POST /api/v1/tasks {"kind": "audit"}.')
    return Audit(
        sample=sample.evaluation_id,
        drawn_at=sample.drawn_at,
        drawn=len(sample.drawn),
        read=len(sample.rated),
        is_stale=is_stale(here, sample),
        recall=reading.recall,
        sentence=reading.sentence,
        types=[_of_type(one) for one in reading.types],
    )


@router.get("/audit/next", dependencies=[needs("reviewer")])
def get_next(reader: Reader, here: Here, person: Signed) -> Turn | None:
    """Give the next turn that nobody has read; null where all are."""
    sample = newest_sample(reader)
    if sample is None:
        raise NotThere("No sample was drawn yet.", hint='Draw one: POST /api/v1/tasks {"kind": "audit"}.')
    turn = next_turn(reader, here.settings, sample, reader=person.name)
    if turn is None:
        return None
    return Turn(
        sample=sample.evaluation_id,
        turn_key=turn.turn_key,
        role=turn.role,
        stretches=list(turn.stretches),
        types=types_of(here),
    )


@router.post("/audit/ratings", status_code=201, dependencies=[needs("reviewer")])
def add_rating(writer: Writer, here: Here, person: Signed, rating: Rating) -> Audit:
    """Keep what was missed in a turn, and give how the audit then stands."""
    sample = newest_sample(writer)
    if sample is None or sample.evaluation_id != rating.sample:
        raise Conflict("A new sample was drawn meanwhile, or none at all.", hint="GET /api/v1/audit/next.")
    rate(writer, here.settings, sample, rating.turn_key, rating.marks, types=types_of(here), by=person.name)
    return get_audit(writer, here)


def _of_type(one: TypeRecall) -> OfType:
    return OfType(
        entity_type=one.entity_type, found=one.found, missed=one.missed, recall=one.recall, sentence=one.sentence
    )

"""Conversations as review sees them, for scripts: the queue, one with its findings, spans, flags and reservations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from curate.review.decisions import accept_rest, add_span, flag
from curate.review.queue import Wanted, page_of
from curate.review.reading import read_case, read_head
from curate.review.reservations import release, reserve
from curate.review.showing import Shown, view_of
from service.web.api.findings import Decision, told
from service.web.dependencies import Reader, Signed, Writer, needs, needs_reveal
from service.web.errors import NotAllowed
from service.web.paging import After, Limit, decode, encode
from service.web.reviewing import DeskNow, PolicyNow, reveal

router = APIRouter(tags=["conversations"])

Key = Annotated[str, Path(description="The conversation's key.", max_length=200)]


class QueueRow(BaseModel):
    """A conversation in the queue of review."""

    conversation_key: str
    external_id: str
    connector: str
    batch_id: str
    risk: float = Field(description="Mistakes to expect among what is undecided; above 1000: held back for a leak.")
    findings: int
    undecided: int
    entity_types: list[str]
    state: str = Field(description="open, flagged or done.")
    held_by: str | None = Field(description="Who has it reserved just now.")


class Queue(BaseModel):
    """A page of the queue, the riskiest first."""

    conversations: list[QueueRow]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


class FindingRow(BaseModel):
    """One finding; offsets are half-open code points of the turn's original text."""

    finding_id: str
    turn_key: str
    start: int
    end: int
    entity_type: str
    value: str | None = Field(description="Null where it is redacted and originals were not asked for.")
    stand_in: str
    state: str = Field(description="applied, left or rejected.")
    verdict: str = Field(description="accept, reject, covered, or empty: undecided.")
    decided_by: str
    decided_at: str
    score: float
    recognizer: str
    why: str


class TurnRow(BaseModel):
    """One public turn."""

    turn_key: str
    role: str
    kind: str
    text: str = Field(description="Redacted, or the original where that was asked for.")


class Conversation(BaseModel):
    """A conversation with what was found in it."""

    conversation_key: str
    external_id: str
    connector: str
    batch_id: str
    language: str
    outcome: str
    reason: str
    is_held_back: bool = Field(description="Redaction has not passed it as it is, so no words are shown.")
    turns: list[TurnRow]
    findings: list[FindingRow]


class Reserved(BaseModel):
    """Who has a conversation, and until when."""

    conversation_key: str
    person: str
    until: datetime
    is_yours: bool


class NewSpan(BaseModel):
    """A span that was missed, by half-open code points of the turn's original text."""

    turn_key: str = Field(max_length=200)
    start: int = Field(ge=0, le=2**31 - 1)
    end: int = Field(ge=1, le=2**31 - 1)
    entity_type: str = Field(max_length=100)


class Flag(BaseModel):
    """A flag for somebody who knows more."""

    flagged: bool = True
    note: str = Field(default="", max_length=500)


@router.get("/conversations")
def list_conversations(
    reader: Reader,
    state: Literal["open", "flagged", "done"] = "open",
    batch: Annotated[str, Query(max_length=200)] = "",
    entity_type: Annotated[str, Query(max_length=100)] = "",
    after: After = None,
    limit: Limit = 50,
) -> Queue:
    """List the conversations that stand in the queue of review, the riskiest first."""
    place = decode(after, (float, str))
    wanted = Wanted(state, batch, entity_type)
    behind = (place[0], place[1]) if place else None
    found = page_of(reader, datetime.now(UTC), wanted, after=behind, size=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Queue(
        conversations=[
            QueueRow(
                conversation_key=one.conversation_key, external_id=one.external_id, connector=one.connector,
                batch_id=one.batch_id, risk=one.risk, findings=one.findings, undecided=one.undecided,
                entity_types=list(one.entity_types), state=one.state, held_by=one.held_by,
            )
            for one in found[:limit]
        ],
        next=None if last is None else encode(last.risk, last.conversation_key),
    )  # fmt: skip


@router.get("/conversations/{key}")
def get_conversation(
    writer: Writer,
    person: Signed,
    policy: PolicyNow,
    key: Key,
    originals: Annotated[bool, Query(description="Show originals; it is written down who did.")] = False,
) -> Conversation:
    """Give a conversation with its findings, redacted unless originals are asked for."""
    if originals and not person.may_reveal:
        raise NotAllowed("You may not see originals.", hint="Ask an admin of this workspace for that right.")
    case = read_case(writer, policy, key)
    if originals:
        reveal(writer, key, "api")
    view = view_of(case, policy, originals=originals)
    head = case.head
    return Conversation(
        conversation_key=head.conversation_key, external_id=head.external_id, connector=head.connector,
        batch_id=head.batch_id, language=head.language, outcome=head.verdict, reason=head.reason,
        is_held_back=view.is_held_back,
        turns=[
            TurnRow(
                turn_key=lane.turn_key, role=lane.role, kind=lane.kind, text="".join(part.text for part in lane.parts)
            )
            for lane in view.lanes
        ],
        findings=[_finding(one, hides=view.is_held_back) for one in view.findings],
    )  # fmt: skip


@router.post("/conversations/{key}/reservation", dependencies=[needs("reviewer")])
def reserve_conversation(writer: Writer, person: Signed, key: Key) -> Reserved:
    """Reserve a conversation for five minutes; where somebody else has it, who and until when."""
    read_head(writer, key)
    held = reserve(writer, key, person.name, datetime.now(UTC))
    return Reserved(conversation_key=key, person=held.person, until=held.until, is_yours=held.person == person.name)


@router.delete("/conversations/{key}/reservation", status_code=204, dependencies=[needs("reviewer")])
def return_conversation(writer: Writer, person: Signed, key: Key) -> None:
    """Give a conversation back to the queue."""
    release(writer, key, person.name)


@router.post("/conversations/{key}/spans", status_code=201, dependencies=[needs("reviewer"), needs_reveal()])
def mark_span(desk: DeskNow, key: Key, asked: NewSpan) -> Decision:
    """Mark what was missed, with every other place of the same text in the conversation."""
    return told(add_span(desk, key, asked.turn_key, asked.start, asked.end, asked.entity_type))


@router.post("/conversations/{key}/rest", dependencies=[needs("reviewer"), needs_reveal()])
def accept_the_rest(desk: DeskNow, key: Key) -> Decision:
    """Say of everything undecided that it is right as it stands."""
    return told(accept_rest(desk, key))


@router.post("/conversations/{key}/flag", dependencies=[needs("reviewer")])
def flag_conversation(desk: DeskNow, key: Key, asked: Flag) -> Decision:
    """Set a conversation aside for somebody who knows more, or take that back."""
    return told(flag(desk, key, flagged=asked.flagged, note=asked.note))


def _finding(one: Shown, *, hides: bool) -> FindingRow:
    return FindingRow(
        finding_id=one.finding_id, turn_key=one.turn_key, start=one.start, end=one.end, entity_type=one.entity_type,
        value=None if hides else one.value, stand_in="" if hides else one.stand_in, state=one.state,
        verdict=one.verdict, decided_by=one.decided_by, decided_at=one.decided_at, score=one.score,
        recognizer=one.recognizer, why=one.why,
    )  # fmt: skip

"""Dropped and kept, for scripts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from curate.dedup.listing import KINDS, Cluster, listing
from curate.outcomes import funnel
from curate.restoring import Decision, decide, decisions_of, outcome_of, outcomes_of
from curate.restoring import Outcome as Found
from curate.triggers import ShownTurn, trigger_of
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.paging import After, Limit, decode, encode

router = APIRouter(tags=["outcomes"])

Key = Annotated[str, Path(description="The conversation's key.", max_length=200)]


class Reason(BaseModel):
    """Why conversations are out."""

    code: str
    reason: str
    conversations: int


class Step(BaseModel):
    """One step of the way from read to kept."""

    stage: str
    label: str
    left: int
    dropped: int
    reasons: list[Reason]


class Funnel(BaseModel):
    """The way of all conversations."""

    steps: list[Step]


class Outcome(BaseModel):
    """What became of one conversation."""

    conversation_key: str
    external_id: str
    connector: str
    verdict: str = Field(description="keep, drop or quarantine.")
    stage: str
    code: str
    reason: str
    decision: Decision | None = Field(description="The newest decision of a person on it.")
    can_restore: bool = Field(description="Whether a decision to keep overrules it.")


class Outcomes(BaseModel):
    """A page of outcomes, by key."""

    outcomes: list[Outcome]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


class Explained(BaseModel):
    """One outcome with what shows why, and everything that people decided."""

    outcome: Outcome
    measured: float | None = Field(description="What the rule measured.")
    allowed: str
    rationale: str
    also: list[Reason] = Field(description="Other rules that match.")
    keeper: str | None = Field(description="The key of the conversation that stands for it.")
    differs: str | None = Field(description="The words it has otherwise than that one, redacted.")
    turns: list[ShownTurn] = Field(description="As it would leave; none where redaction has not been through it.")
    decisions: list[Decision]


class NewDecision(BaseModel):
    """What a person says of a conversation."""

    verdict: str = Field(description="keep, drop or withdrawn.", max_length=20)
    note: str = Field(description="Why, in 1 to 500 characters.", max_length=2000)


class Clusters(BaseModel):
    """A page of clusters, the largest first; texts are redacted."""

    clusters: list[Cluster]
    total: int
    pages: int


@router.get("/outcomes/funnel")
def get_funnel(reader: Reader) -> Funnel:
    """Count how many conversations each step left, and why the others are out."""
    return Funnel(
        steps=[
            Step(
                stage=row.stage,
                label=row.label,
                left=row.left,
                dropped=row.dropped,
                reasons=[Reason(code=code, reason=why, conversations=count) for code, why, count in row.reasons],
            )
            for row in funnel(reader)
        ]
    )


@router.get("/outcomes")
def list_outcomes(
    reader: Reader,
    code: Annotated[str, Query(description="A reason's code, or kept.", max_length=100)] = "kept",
    after: After = None,
    limit: Limit = 50,
) -> Outcomes:
    """List the conversations that end with one reason."""
    place = decode(after, (str,))
    found = outcomes_of(reader, code, after=place[0] if place else "", size=limit + 1)
    more = len(found) > limit
    return Outcomes(
        outcomes=[describe(one) for one in found[:limit]],
        next=encode(found[limit - 1].conversation_key) if more else None,
    )


@router.get("/outcomes/{key}")
def get_outcome(reader: Reader, here: Here, key: Key) -> Explained:
    """Give one outcome with what shows why."""
    outcome = outcome_of(reader, key)
    trigger = trigger_of(reader, here.settings, here.root, key=key, code=outcome.code)
    return Explained(
        outcome=describe(outcome),
        measured=trigger.measured,
        allowed=trigger.allowed,
        rationale=trigger.rule.rationale if trigger.rule else "",
        also=[Reason(code=code, reason=reason, conversations=1) for code, reason in trigger.also],
        keeper=trigger.keeper,
        differs=trigger.differs,
        turns=list(trigger.turns),
        decisions=decisions_of(reader, key),
    )


@router.post("/outcomes/{key}/decisions", status_code=201, dependencies=[needs("reviewer")])
def add_decision(writer: Writer, service: Service, person: Signed, key: Key, said: NewDecision) -> Outcome:
    """Keep a conversation all the same, leave it out, or withdraw what was decided; curation follows by itself."""
    decide(writer, key, said.verdict, note=said.note, by=person.name)
    service.tasks.ask(writer, "curate")
    return describe(outcome_of(writer, key))


@router.get("/duplicates")
def list_duplicates(
    reader: Reader,
    kind: Annotated[str, Query(description=f"One of {', '.join(KINDS)}.", max_length=20)] = KINDS[0],
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Clusters:
    """List what repeats itself, with the words that differ."""
    found = listing(reader, kind, page=page, with_text=True)
    return Clusters(clusters=list(found.clusters), total=found.total, pages=found.pages)


def describe(one: Found) -> Outcome:
    """Give an outcome as the API shows it."""
    return Outcome(
        conversation_key=one.conversation_key,
        external_id=one.external_id,
        connector=one.connector,
        verdict=one.verdict,
        stage=one.stage,
        code=one.code,
        reason=one.reason,
        decision=one.decision,
        can_restore=one.can_restore,
    )

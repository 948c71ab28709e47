"""Findings, decisions, patterns and lists, for scripts: everything the screens of review do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from curate.review.acts import Act, act_of, acts_page
from curate.review.bulk import SHAPE, Counted
from curate.review.decisions import decide, retype
from curate.review.everywhere import decide_everywhere, same_text
from curate.review.lists import DENY, Entry, Term, listed, preview, put, take_off
from curate.review.patterns import Example, Pattern, decide_pattern, page_of, pattern_of, sample_of
from curate.review.undoing import undo
from service.web.dependencies import Reader, Service, Signed, Writer, needs, needs_reveal
from service.web.paging import After, Limit, decode, encode
from service.web.people import require
from service.web.reviewing import DeskNow, reveal, run_again

router = APIRouter(tags=["review"])

Verdict = Literal["accept", "reject"]
FindingId = Annotated[str, Path(description="The finding's id.", max_length=100)]
PatternId = Annotated[str, Path(description="The pattern's id.", max_length=100)]
DecisionId = Annotated[str, Path(description="The decision's id.", max_length=100)]


class Decision(BaseModel):
    """One decision of a person, however many findings it is about."""

    decision_id: str
    kind: str = Field(description="accept, reject, retype, add, rest, everywhere, pattern, never, always, undo, ...")
    verdict: str
    conversation_key: str | None = Field(description="Where it was decided; null for patterns and lists.")
    subject_id: str = Field(description="The finding, pattern, conversation or undone decision.")
    entity_type: str
    findings: int
    conversations: int
    decided_by: str
    decided_at: datetime
    is_undone: bool
    runs_again: int = Field(default=0, description="Conversations that now run again in the background.")


class Decisions(BaseModel):
    """A page of decisions, the newest first."""

    decisions: list[Decision]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


class NewVerdict(BaseModel):
    """A verdict on a finding, with the same text in its conversation."""

    verdict: Verdict
    seen: str | None = Field(
        default=None, max_length=100,
        description="The newest decision there that you know of: refused (409) where others came after it.",
    )  # fmt: skip


class NewType(BaseModel):
    """Another type for a finding."""

    entity_type: str = Field(max_length=100)
    seen: str | None = Field(default=None, max_length=100)


class Bulk(BaseModel):
    """A verdict on many findings."""

    verdict: Verdict


class Count(BaseModel):
    """What one decision would be about."""

    findings: int = Field(description="Findings that nobody has decided on.")
    conversations: int
    decided: int = Field(description="Findings that stay as they were decided.")


class PatternRow(BaseModel):
    """Findings of one type with the same value, or with values of the same shape."""

    pattern_id: str
    kind: str = Field(description="value or shape.")
    entity_type: str
    pattern: str | None = Field(description="The shape, or the value; a value is null without the right to originals.")
    findings: int
    conversations: int
    undecided: int
    accepted: int
    rejected: int
    lowest: float = Field(description="Lowest score.")
    highest: float = Field(description="Highest score.")


class Patterns(BaseModel):
    """A page of patterns, those with the most undecided findings first."""

    patterns: list[PatternRow]
    next: str | None


class Sampled(BaseModel):
    """One finding in its sentence."""

    finding_id: str
    conversation_key: str
    role: str
    score: float
    before: str
    value: str
    after: str
    verdict: str


class ListEntry(BaseModel):
    """A value that is never redacted (allow), or always (deny)."""

    value: str = Field(min_length=2, max_length=500)
    list: Literal["allow", "deny"]
    entity_type: str = Field(default="", max_length=100, description="What a denied value is redacted as.")
    batch: str = Field(default="", max_length=200, description="The batch it holds for; empty: the whole workspace.")


class ListEffect(BaseModel):
    """What an entry would do."""

    places: int
    conversations: int
    found: int = Field(description="Places that a finding covers already.")
    undecided: int
    decided: int


class ListedTerm(BaseModel):
    """An entry that holds."""

    normal: str
    value: str
    list: str
    entity_type: str
    batch_id: str
    decided_by: str
    decided_at: str


class Lists(BaseModel):
    """A page of a list."""

    entries: list[ListedTerm]
    next: str | None


class Removal(BaseModel):
    """An entry to be taken off its list."""

    normal: str = Field(max_length=2000)
    batch: str = Field(default="", max_length=200)


@router.post("/findings/{finding_id}/decision", dependencies=[needs("reviewer"), needs_reveal()])
def decide_on_finding(desk: DeskNow, finding_id: FindingId, asked: NewVerdict) -> Decision:
    """Accept or reject a finding, with all findings of the same text in its conversation."""
    return told(decide(desk, finding_id, asked.verdict, seen=asked.seen))


@router.post("/findings/{finding_id}/type", dependencies=[needs("reviewer"), needs_reveal()])
def change_type(desk: DeskNow, finding_id: FindingId, asked: NewType) -> Decision:
    """Say that a finding is of another type."""
    return told(retype(desk, finding_id, asked.entity_type, seen=asked.seen))


@router.get("/findings/{finding_id}/everywhere")
def count_everywhere(reader: Reader, finding_id: FindingId, verdict: Verdict = "reject") -> Count:
    """Count the findings of the same text in all conversations, before deciding on them."""
    return _counted(same_text(reader, finding_id, verdict).counted)


@router.post("/findings/{finding_id}/everywhere", dependencies=[needs("lead"), needs_reveal()])
def decide_for_all(desk: DeskNow, finding_id: FindingId, asked: Bulk) -> Decision:
    """Decide on a text in every conversation where nobody has yet, as one decision."""
    return told(decide_everywhere(desk, finding_id, asked.verdict))


@router.get("/decisions")
def list_decisions(reader: Reader, after: After = None, limit: Limit = 50) -> Decisions:
    """List what people decided in review, the newest first."""
    place = decode(after, (datetime, str))
    found = acts_page(reader, after=(place[0], place[1]) if place else None, size=limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return Decisions(
        decisions=[told(act) for act in found[:limit]],
        next=None if last is None else encode(last.at, last.decision_id),
    )


@router.post("/decisions/{decision_id}/undo", dependencies=[needs("reviewer")])
def undo_decision(desk: DeskNow, person: Signed, service: Service, decision_id: DecisionId) -> Decision:
    """Undo a decision: everything gets what held before it, unless somebody decided on it since."""
    if act_of(desk.store, decision_id).conversation_key is None:
        require(person, "lead")
    done = undo(desk, decision_id)
    run_again(service, desk.store, done.to_run)
    return told(done.act, done.to_run)


@router.get("/patterns")
def list_patterns(
    reader: Reader,
    writer: Writer,
    person: Signed,
    kind: Literal["value", "shape"] = SHAPE,
    entity_type: Annotated[str, Query(max_length=100)] = "",
    undecided: Annotated[bool, Query(description="Those with undecided findings alone.")] = True,
    after: After = None,
) -> Patterns:
    """List findings that are alike; 25 a page."""
    place = decode(after, (int, str))
    found = page_of(
        reader, kind, entity_type=entity_type, is_open=undecided, after=(place[0], place[1]) if place else None
    )
    if person.may_reveal and found and kind != SHAPE:
        reveal(writer, kind, "patterns")
    return Patterns(
        patterns=[_pattern(one, reveals=person.may_reveal) for one in found],
        next=encode(found[-1].undecided, found[-1].pattern_id) if found else None,
    )


@router.get("/patterns/{pattern_id}/sample", dependencies=[needs_reveal()])
def draw_sample(
    reader: Reader, writer: Writer, pattern_id: PatternId, seed: Annotated[str, Query(max_length=100)] = "1"
) -> list[Sampled]:
    """Draw twenty findings of a pattern in their sentences; the same seed gives the same ones."""
    pattern = pattern_of(reader, pattern_id)
    reveal(writer, pattern_id, "pattern")
    return [_sampled(one) for one in sample_of(reader, pattern, seed)]


@router.post("/patterns/{pattern_id}/decision", dependencies=[needs("lead"), needs_reveal()])
def decide_on_pattern(desk: DeskNow, pattern_id: PatternId, asked: Bulk) -> Decision:
    """Accept or reject all findings of a pattern that nobody has decided on, as one decision."""
    return told(decide_pattern(desk, pattern_id, asked.verdict))


@router.get("/lists/{which}", dependencies=[needs_reveal()])
def get_list(
    reader: Reader, writer: Writer, which: Literal["allow", "deny"], after: After = None, limit: Limit = 50
) -> Lists:
    """List what is never redacted (allow), or always (deny)."""
    place = decode(after, (str, str))
    found = listed(reader, which, after=(place[0], place[1]) if place else ("", ""), size=limit + 1)
    if found:
        reveal(writer, which, "lists")
    last = found[limit - 1] if len(found) > limit else None
    return Lists(
        entries=[_term(one) for one in found[:limit]],
        next=None if last is None else encode(last.normal, last.batch_id),
    )


@router.post("/lists/effect", dependencies=[needs("lead"), needs_reveal()])
def preview_entry(reader: Reader, asked: ListEntry) -> ListEffect:
    """Say what an entry would do, without writing it."""
    effect = preview(reader, _entry(asked))
    return ListEffect(
        places=effect.places, conversations=effect.conversations, found=effect.found, undecided=effect.undecided,
        decided=effect.decided,
    )  # fmt: skip


@router.post("/lists", status_code=201, dependencies=[needs("lead"), needs_reveal()])
def write_entry(desk: DeskNow, service: Service, asked: ListEntry) -> Decision:
    """Write a value on a list; only the conversations that hold it run again, in the background."""
    done = put(desk, _entry(asked))
    run_again(service, desk.store, done.to_run)
    return told(done.act, done.to_run)


@router.post("/lists/removal", dependencies=[needs("lead"), needs_reveal()])
def remove_entry(desk: DeskNow, service: Service, asked: Removal) -> Decision:
    """Take a value off its list."""
    done = take_off(desk, asked.normal, asked.batch)
    run_again(service, desk.store, done.to_run)
    return told(done.act, done.to_run)


def told(act: Act, runs_again: int = 0) -> Decision:
    """Give a decision as the API shows it."""
    fields = asdict(act)
    fields["decided_at"] = fields.pop("at")
    del fields["external_id"]
    return Decision(**fields, runs_again=runs_again)


def _counted(counted: Counted) -> Count:
    return Count(findings=counted.findings, conversations=counted.conversations, decided=counted.decided)


def _pattern(one: Pattern, *, reveals: bool) -> PatternRow:
    fields = asdict(one)
    if not reveals and one.kind != SHAPE:
        fields["pattern"] = None
    return PatternRow(**fields)


def _sampled(one: Example) -> Sampled:
    return Sampled(**asdict(one))


def _term(one: Term) -> ListedTerm:
    return ListedTerm(**asdict(one))


def _entry(asked: ListEntry) -> Entry:
    return Entry(asked.value, asked.list, asked.entity_type if asked.list == DENY else "", asked.batch)

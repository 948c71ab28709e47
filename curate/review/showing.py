"""A conversation as people see it in review: lanes of a chat, cut into pieces, with what would stand in their place.

Placeholders stand for whatever operator the policy has: they say best what was taken for what.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from curate.evaluation.recording import with_placeholders
from curate.redact.operators import Operators
from curate.redact.policy import Policy
from curate.review.reading import ACCEPT, COVERED, REJECT, Case, Said
from curate.review.segments import APPLIED, LEFT, Item, Piece, pieces_of
from curate.review.words import family_of, plain_type, sure_word, why_words

HIDDEN = "•••"
DECIDED = {ACCEPT: "accepted", REJECT: "rejected", COVERED: "accepted with another", "": "undecided"}
STATES = {APPLIED: "redacted", LEFT: "left in"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One finding for people: what it is, why it was found, and what was decided on it; `value` is None if hidden."""

    finding_id: str
    number: int
    turn_key: str
    start: int
    end: int
    entity_type: str
    type_words: str
    family: str
    value: str | None
    stand_in: str
    state: str
    verdict: str
    verdict_words: str
    decided_by: str
    decided_at: str
    score: float
    score_word: str
    recognizer: str
    why: str
    also: tuple[str, ...]
    same: int

    @property
    def is_open(self) -> bool:
        """Say whether nobody has decided on it."""
        return not self.verdict


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a turn from a code point on; `text` is what this person may see of it."""

    start: int
    text: str
    redacted: str
    shown: Shown | None


@dataclass(frozen=True, slots=True)
class Lane:
    """One turn of the chat."""

    turn_key: str
    role: str
    kind: str
    at: str | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A conversation for one person: with originals or without; `is_held_back` shows no words at all."""

    lanes: tuple[Lane, ...]
    findings: tuple[Shown, ...]
    is_original: bool
    is_held_back: bool

    @property
    def undecided(self) -> int:
        """Count what nobody has decided on."""
        return sum(one.is_open for one in self.findings)


def view_of(case: Case, policy: Policy, *, originals: bool) -> View:
    """Give a conversation as somebody may see it.

    Without the right to originals, what the leak check has not passed as it is shows no words at all.
    """
    held_back = not originals and not case.head.is_checked
    operators = Operators(with_placeholders(policy), language=case.head.language)
    lanes: list[Lane] = []
    findings: list[Shown] = []
    same = _places(case)
    for turn in case.turns:
        parts: list[Part] = []
        for piece in pieces_of(turn.text, case.items.get(turn.turn_key, ())):
            part = _part(piece, turn, operators, originals=originals, number=len(findings) + 1, same=same)
            findings += [part.shown] if part.shown else []
            parts.append(part)
        lanes.append(Lane(turn.turn_key, turn.role, turn.kind, turn.at, () if held_back else tuple(parts)))
    return View(tuple(lanes), tuple(findings), originals, held_back)


def _part(
    piece: Piece, turn: Said, operators: Operators, *, originals: bool, number: int, same: dict[str, int]
) -> Part:
    item = piece.item
    if item is None:
        return Part(piece.start, piece.text, piece.text, None)
    stand_in = operators.stand_in(item.entity_type, piece.text, turn.role) if item.state == APPLIED else piece.text
    seen = piece.text if originals else stand_in
    value = piece.text if originals or item.state != APPLIED else None
    return Part(piece.start, seen, stand_in, _shown(item, piece, number, value, stand_in, same))


def _shown(item: Item, piece: Piece, number: int, value: str | None, stand_in: str, same: dict[str, int]) -> Shown:
    return Shown(
        finding_id=item.finding_id,
        number=number,
        turn_key=item.turn_key,
        start=piece.start,
        end=piece.end,
        entity_type=item.entity_type,
        type_words=plain_type(item.entity_type),
        family=family_of(item.entity_type),
        value=value,
        stand_in=stand_in,
        state=item.state,
        verdict=item.verdict,
        verdict_words=DECIDED[item.verdict],
        decided_by=item.decided_by,
        decided_at=item.decided_at,
        score=round(item.score, 2),
        score_word=sure_word(item.score),
        recognizer=item.recognizer,
        why=why_words(item.recognizer, item.why),
        also=tuple(_also(piece.also)),
        same=same.get(item.finding_id, 1),
    )


def _also(items: Sequence[Item]) -> Iterator[str]:
    told = dict.fromkeys((plain_type(one.entity_type), one.recognizer) for one in items)
    yield from (f"{kind} ({recognizer})" for kind, recognizer in told)


def _places(case: Case) -> dict[str, int]:
    """Count in how many places of the conversation each finding's text was found."""
    texts = case.texts
    spans: dict[str, set[tuple[str, int, int]]] = {}
    values = {one.finding_id: texts[one.turn_key][one.start : one.end].casefold() for one in case.all_items}
    for one in case.all_items:
        spans.setdefault(values[one.finding_id], set()).add((one.turn_key, one.start, one.end))
    return {finding_id: len(spans[value]) for finding_id, value in values.items()}

"""What was found where, and which of several overlapping findings holds."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Finding:
    """A half-open span of code points that holds personal data."""

    start: int
    end: int
    entity_type: str
    score: float
    recognizer: str
    why: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a text could not be checked: a quarantine code and a detail without any of the text."""

    code: str
    detail: str


def rank(finding: Finding) -> tuple[float, int, int, str, str]:
    """Give the order in which overlapping findings win: score, length, place, then names."""
    length = finding.end - finding.start
    return (-finding.score, -length, finding.start, finding.entity_type, finding.recognizer)


def resolve(findings: Iterable[Finding], text: str) -> tuple[Finding, ...]:
    """Give findings that do not overlap and still cover every letter and digit that any of them covered.

    A finding inside a longer one gives way; where two cross, the one with the lower score keeps what is left of it.
    Dropping the loser as a whole, as Presidio's anonymizer does, would leave a part of it in the text. Touching
    findings stay apart.
    """
    found = list(findings)
    if len(found) == 1:  # as it mostly is
        return tuple(one for one in found if any(map(str.isalnum, text[one.start : one.end])))
    taken: list[Finding] = []
    for finding in sorted(_outermost(found), key=rank):
        for start, end in list(_left_over(finding, taken)):
            if any(character.isalnum() for character in text[start:end]):
                insort(taken, replace(finding, start=start, end=end), key=_start)
    return tuple(taken)


def join_windows(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Join what overlapping windows of one long text found twice, or found in two halves."""
    joined: list[Finding] = []
    ordered = sorted(findings, key=lambda one: (one.entity_type, one.recognizer, one.start, one.end))
    for finding in ordered:
        last = joined[-1] if joined else None
        if last is not None and _same_kind(last, finding) and finding.start < last.end:
            end, score = max(last.end, finding.end), max(last.score, finding.score)
            joined[-1] = replace(last, end=end, score=score)
        else:
            joined.append(finding)
    return in_order(joined)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by place, then by how they win."""
    return tuple(sorted(findings, key=lambda one: (one.start, one.end, rank(one))))


def _outermost(findings: Iterable[Finding]) -> list[Finding]:
    """Leave out what lies inside another finding; of equal spans the best ranked stays."""
    kept: list[Finding] = []
    reach = -1
    for finding in sorted(findings, key=lambda one: (one.start, -one.end, rank(one))):
        if finding.end > reach:
            kept.append(finding)
            reach = finding.end
    return kept


def _left_over(finding: Finding, taken: Sequence[Finding]) -> Iterator[tuple[int, int]]:
    """Give the parts of a finding that none of the taken ones hold."""
    start = finding.start
    for other in taken[max(0, bisect_right(taken, start, key=_start) - 1) :]:
        if other.start >= finding.end:
            break
        if start < other.start:
            yield start, other.start
        start = max(start, other.end)
    if start < finding.end:
        yield start, finding.end


def _start(finding: Finding) -> int:
    return finding.start


def _same_kind(one: Finding, other: Finding) -> bool:
    return one.entity_type == other.entity_type and one.recognizer == other.recognizer

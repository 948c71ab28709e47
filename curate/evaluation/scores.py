"""Score findings against gold spans: type-blind, exact, by character, typed; by label, language and letter case.

The type-blind terms are those of the project's own definition:
protected: share of gold spans with at least 90 % of their non-space characters covered by findings;
precision: share of findings that touch a gold span;
over: share of non-space characters outside every gold span that findings cover;
f2: F-beta with beta 2 of precision and protected.
With chosen labels, spans of other labels are not asked for, but a finding that touches them is not wrong either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from curate.evaluation.gold import Answer, GoldLine, LabelMap, Span, types_of
from curate.evaluation.intervals import wilson

COVERED = 0.9
MISSED = "missed"
NOTHING = "nothing there"
AXES = ("language", "case")
DIGITS = 4


@dataclass(slots=True)
class SpanTally:
    """Counts over gold spans: how many there are, and in how many senses they were found."""

    spans: int = 0
    protected: int = 0
    exact: int = 0
    mapped: int = 0
    typed: int = 0
    characters: int = 0
    covered: int = 0

    def figures(self) -> dict[str, Any]:
        """Give the counts as shares; `typed` is null where the map knows none of the labels."""
        limits = wilson(self.protected, self.spans)
        return {
            "spans": self.spans,
            "protected": share(self.protected, self.spans),
            "interval": [round(limits.low, DIGITS), round(limits.high, DIGITS)],
            "exact": share(self.exact, self.spans),
            "characters": share(self.covered, self.characters),
            "typed": share(self.typed, self.mapped) if self.mapped else None,
        }


@dataclass(slots=True)
class LineTally:
    """Counts over texts and findings."""

    texts: int = 0
    set_aside: int = 0
    findings: int = 0
    touching: int = 0
    exact: int = 0
    judged: int = 0
    rightly_typed: int = 0
    found_characters: int = 0
    found_inside: int = 0
    outside: int = 0
    over: int = 0


@dataclass(slots=True)
class Group:
    """Everything counted for all texts, or for those of one language."""

    lines: LineTally = field(default_factory=LineTally)
    spans: SpanTally = field(default_factory=SpanTally)

    def figures(self) -> dict[str, Any]:
        """Give the type-blind scores as the definition names them, and the exact, character and typed ones."""
        lines, spans = self.lines, self.spans
        protected = spans.protected / max(1, spans.spans)
        precision = lines.touching / max(1, lines.findings)
        typed = share(spans.typed, spans.mapped), share(lines.rightly_typed, lines.judged)
        return {
            "texts": lines.texts,
            "set_aside": lines.set_aside,
            "spans": spans.spans,
            "findings": lines.findings,
            "protected": round(protected, DIGITS),
            "interval": spans.figures()["interval"],
            "precision": round(precision, DIGITS),
            "over": share(lines.over, lines.outside),
            "f2": f2(precision, protected),
            "exact": {"recall": share(spans.exact, spans.spans), "precision": share(lines.exact, lines.findings)},
            "characters": {
                "recall": share(spans.covered, spans.characters),
                "precision": share(lines.found_inside, lines.found_characters),
            },
            "typed": {"spans": spans.mapped, "recall": typed[0], "precision": typed[1], "f2": f2(typed[1], typed[0])},
        }


@dataclass(frozen=True, slots=True)
class SpanScore:
    """One gold span that was asked for: how much of it is covered, and by what."""

    span: Span
    characters: int
    covered: int
    exact: bool
    typed: bool | None
    found_as: str

    @property
    def protected(self) -> bool:
        """Say whether enough of it is covered that nothing of value is left."""
        return self.characters > 0 and self.covered >= COVERED * self.characters


class Scores:
    """Add up lines and give the figures; nothing of a text is kept."""

    def __init__(self, labels: LabelMap, wanted: Iterable[str] | None = None) -> None:
        """Score typed by this map of labels, asking only for the `wanted` gold labels where any are given."""
        self._labels = labels
        self._wanted = None if wanted is None else frozenset(wanted)
        self.all = Group()
        self._by_language: defaultdict[str, Group] = defaultdict(Group)
        self._by_case: defaultdict[str, SpanTally] = defaultdict(SpanTally)
        self._by_label: defaultdict[str, SpanTally] = defaultdict(SpanTally)
        self._confusion: Counter[tuple[str, str]] = Counter()

    def add(self, line: GoldLine, answer: Answer) -> list[SpanScore]:
        """Count one text and give how each of its gold spans that are asked for fared."""
        found = [Span(one.start, min(one.end, len(line.text)), one.label) for one in answer.findings]
        groups = (self.all, self._by_language[line.language])
        for group in groups:
            group.lines.set_aside += answer.set_aside
            self._count_line(group.lines, line, found)
        scored = [self._score(span, line.text, found) for span in line.spans if self._asked(span.label)]
        for one in scored:
            case, label = letter_case(line.text[one.span.start : one.span.end]), one.span.label
            for tally in (self._by_case[case], self._by_label[label], *(group.spans for group in groups)):
                _count_span(tally, one)
            self._confusion[label, one.found_as] += 1
        for one in found:
            if not _touches(one, line.spans):
                self._confusion[NOTHING, one.label] += 1
        return scored

    def figures(self, axes: Sequence[str] = ()) -> dict[str, Any]:
        """Give all figures as one JSON object, with the breakdowns named in `axes`."""
        by: dict[str, Any] = {}
        if "language" in axes:
            by["language"] = {name: group.figures() for name, group in sorted(self._by_language.items())}
        if "case" in axes:
            by["case"] = {name: tally.figures() for name, tally in sorted(self._by_case.items())}
        ordered = sorted(self._by_label.items(), key=lambda item: (-item[1].spans, item[0]))
        return {
            **self.all.figures(),
            "by_label": {label: tally.figures() for label, tally in ordered},
            "by": by,
            "confusion": [
                {"label": label, "found": found, "spans": count}
                for (label, found), count in sorted(self._confusion.items(), key=lambda item: (-item[1], item[0]))
            ],
            "unmapped": sorted(label for label in self._by_label if not types_of(label, self._labels)),
        }

    def _asked(self, label: str) -> bool:
        return self._wanted is None or label in self._wanted

    def _score(self, span: Span, text: str, found: Sequence[Span]) -> SpanScore:
        places = [place for place in range(span.start, span.end) if not text[place].isspace()]
        near = [one for one in found if one.start < span.end and one.end > span.start]
        types = types_of(span.label, self._labels)
        covered, rightly = _covered(places, near), _covered(places, [one for one in near if one.label in types])
        by_type = Counter[str]()
        for one in near:
            by_type[one.label] += _covered(places, [one])
        best = min(by_type, key=lambda name: (-by_type[name], name)) if by_type else MISSED
        exact = any((one.start, one.end) == (span.start, span.end) for one in near)
        typed = bool(places) and rightly >= COVERED * len(places)
        return SpanScore(span, len(places), covered, exact, typed if types else None, best)

    def _count_line(self, tally: LineTally, line: GoldLine, found: Sequence[Span]) -> None:
        gold, covered = mask(line.spans, len(line.text)), mask(found, len(line.text))
        places = {(span.start, span.end) for span in line.spans}
        tally.texts += 1
        for one in found:
            tally.findings += 1
            tally.touching += any(gold[one.start : one.end])
            tally.exact += (one.start, one.end) in places
            types = {kind for span in line.spans if _touch(one, span) for kind in types_of(span.label, self._labels)}
            known = bool(types) or not _touches(one, line.spans)
            tally.judged += known
            tally.rightly_typed += known and one.label in types
        for place, character in enumerate(line.text):
            if not character.isspace():
                tally.found_characters += covered[place]
                tally.found_inside += covered[place] and gold[place]
                tally.outside += not gold[place]
                tally.over += covered[place] and not gold[place]


def letter_case(text: str) -> str:
    """Name the letter case of a value: lower, UPPER, Mixed, or none where it has no letters that have a case."""
    cased = [character for character in text if character.lower() != character.upper()]
    if not cased:
        return "none"
    if all(character == character.lower() for character in cased):
        return "lower"
    return "UPPER" if len(cased) > 1 and all(character == character.upper() for character in cased) else "Mixed"


def mask(spans: Iterable[Span], length: int) -> bytearray:
    """Give a byte for every character: 1 where a span covers it."""
    covered = bytearray(length)
    for span in spans:
        start, end = max(0, span.start), min(length, span.end)
        covered[start:end] = b"\1" * max(0, end - start)
    return covered


def share(part: int, whole: int) -> float:
    """Give a rounded share; of nothing it is 0."""
    return round(part / max(1, whole), DIGITS)


def f2(precision: float, recall: float) -> float:
    """Give the F-measure in which recall counts twice as much (van Rijsbergen, Information Retrieval, 1979, ch. 7)."""
    return round(5 * precision * recall / max(1e-9, 4 * precision + recall), DIGITS)


def _count_span(tally: SpanTally, one: SpanScore) -> None:
    tally.spans += 1
    tally.protected += one.protected
    tally.exact += one.exact
    tally.mapped += one.typed is not None
    tally.typed += one.typed is True
    tally.characters += one.characters
    tally.covered += one.covered


def _covered(places: Sequence[int], spans: Sequence[Span]) -> int:
    return sum(any(one.start <= place < one.end for one in spans) for place in places)


def _touch(one: Span, other: Span) -> bool:
    return max(one.start, other.start) < min(one.end, other.end)


def _touches(one: Span, spans: Iterable[Span]) -> bool:
    return any(_touch(one, span) for span in spans)

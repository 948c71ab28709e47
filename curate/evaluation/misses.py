"""The worst misses of an evaluation, for the terminal alone: they hold text, so they go into no file and no JSON."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from curate.evaluation.gold import GoldLine
from curate.evaluation.scores import SpanScore

AROUND = 30
CUT = "…"


@dataclass(frozen=True, slots=True)
class Miss:
    """A gold span that was not protected, as a person reads it."""

    line: int
    label: str
    value: str
    left: str
    right: str
    found_as: str


class WorstMisses:
    """Keep the misses that leave the most characters in the open; nothing is kept where none are asked for."""

    def __init__(self, most: int) -> None:
        """Keep at most so many."""
        self._most = most
        self._kept: list[tuple[int, int, int, Miss]] = []

    def add(self, line: GoldLine, scored: Iterable[SpanScore]) -> None:
        """Look at how a line's spans fared."""
        if self._most == 0:
            return
        for at, one in enumerate(scored):
            if not one.protected and one.characters:
                entry = (one.characters - one.covered, -line.number, -at, _miss(line, one))
                heapq.heappush(self._kept, entry)
                if len(self._kept) > self._most:
                    heapq.heappop(self._kept)

    def worst(self) -> list[Miss]:
        """Give them, the worst first."""
        return [miss for *_, miss in sorted(self._kept, key=lambda entry: entry[:3], reverse=True)]


def _miss(line: GoldLine, one: SpanScore) -> Miss:
    start, end, text = one.span.start, one.span.end, line.text
    left = (CUT if start > AROUND else "") + text[max(0, start - AROUND) : start]
    right = text[end : end + AROUND] + (CUT if end + AROUND < len(text) else "")
    return Miss(line.number, one.span.label, text[start:end], left, right, one.found_as)

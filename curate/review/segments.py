"""Cut a turn's text into pieces, each inside one finding or outside all; every piece knows its code point.

The server alone counts: a browser adds code points within one piece and never does arithmetic over UTF-16.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from curate.redact.spans import Finding, resolve

APPLIED, LEFT, REJECTED = "applied", "left", "rejected"


@dataclass(frozen=True, slots=True)
class Item:
    """A finding as review sees it; `verdict` is the newest decision, empty where nothing was decided."""

    finding_id: str
    turn_key: str
    start: int
    end: int
    entity_type: str
    score: float
    recognizer: str
    why: dict[str, str]
    verdict: str = ""
    decided_by: str = ""
    decided_at: str = ""
    state: str = APPLIED


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text from a code point on; `item` is the finding it lies in, `also` the others there."""

    start: int
    text: str
    item: Item | None = None
    also: tuple[Item, ...] = ()

    @property
    def end(self) -> int:
        """Give the code point behind it."""
        return self.start + len(self.text)


def pieces_of(text: str, items: Sequence[Item]) -> tuple[Piece, ...]:
    """Cut a text by its findings.

    What is redacted is resolved as redaction does it; what is left in, and then what was rejected, is shown where
    nothing of that stands. The pieces put together are the text.
    """
    by_id = {one.finding_id: one for one in items}
    shown: list[tuple[int, int, Item]] = []
    for state in (APPLIED, LEFT, REJECTED):
        layer = resolve((_finding(one) for one in items if one.state == state), text)
        free = [one for one in layer if not any(one.start < end and start < one.end for start, end, _ in shown)]
        shown += [(one.start, one.end, by_id[one.why["id"]]) for one in free]
    return tuple(_cut(text, sorted(shown, key=lambda one: one[0]), items))


def _finding(one: Item) -> Finding:
    sure = 1.0 if one.verdict == "accept" else one.score
    return Finding(one.start, one.end, one.entity_type, sure, one.recognizer, {"id": one.finding_id})


def _cut(text: str, shown: Iterable[tuple[int, int, Item]], items: Sequence[Item]) -> Iterator[Piece]:
    done = 0
    for start, end, item in shown:
        if done < start:
            yield Piece(done, text[done:start])
        also = tuple(one for one in items if one is not item and one.start < end and start < one.end)
        yield Piece(start, text[start:end], item, also)
        done = end
    if done < len(text):
        yield Piece(done, text[done:])

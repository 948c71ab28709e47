"""The blind sample: turns that people read in redacted form and in which they count what was missed.

Two strata: turns in which something was redacted, and turns in which nothing was. A simple sample would hold few of the
first, where most misses stand beside what was found. Only the turns' keys are stored; each rating is a row of `ratings`
whose item is a turn's key and whose verdict is the number of values that were missed in it.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import polars as pl

from curate.evaluation.intervals import Recall, Stratum, percent, recall_from_misses
from curate.redact.policy import Policy
from curate.redact.redact import read_page
from curate.redact.spans import resolve
from store.database import Store
from store.progress import Progress, silent

KIND = "blind_sample"
WITH, WITHOUT = "with findings", "without findings"
PAGE = 1000
KEPT = "SELECT conversation_key FROM outcomes WHERE verdict = 'keep' ORDER BY conversation_key"
NEWEST = "SELECT evaluation_id, result FROM evaluations WHERE kind = ? ORDER BY created_at DESC, evaluation_id LIMIT 1"
RATED = """
SELECT item_id, arg_max(verdict, (rated_at, rated_by)) FROM ratings WHERE evaluation_id = ? GROUP BY item_id
"""


@dataclass(frozen=True, slots=True)
class DrawnStratum:
    """A stratum as it was drawn: its turns, the values redacted in them (by type too), and the turns to be read."""

    name: str
    turns: int
    found: int
    types: dict[str, int]
    drawn: tuple[str, ...]
    conversations: tuple[str, ...] = ()  # of the drawn turns, in their order: a turn is found by its conversation


@dataclass(frozen=True, slots=True)
class BlindState:
    """How far the reading of the newest blind sample has come, and the recall that follows from it."""

    strata: tuple[Stratum, ...]
    drawn: tuple[int, ...]
    recall: Recall | None

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        parts = " and ".join(
            f"{drawn:,} of the {one.turns:,} turns {one.name}"
            for drawn, one in zip(self.drawn, self.strata, strict=True)
        )
        rated = sum(one.checked for one in self.strata)
        said = f"Drawn for people to read: {parts}; {rated:,} of these {sum(self.drawn):,} are rated."
        if self.recall is None:
            return f"{said} Recall follows from their ratings."
        missed, limits = sum(one.missed for one in self.strata), self.recall.interval
        return (
            f"{said} They counted {missed:,} misses: about {percent(self.recall.recall)} of all values are redacted; "
            f"the true share lies between {percent(limits.low)} and {percent(limits.high)}."
        )

    def figures(self) -> dict[str, Any]:
        """Give the state as one JSON object."""
        strata = [
            {"name": one.name, "turns": one.turns, "found": one.found, "drawn": drawn, "rated": one.checked,
             "with_misses": one.missing, "missed": one.missed}
            for drawn, one in zip(self.drawn, self.strata, strict=True)
        ]  # fmt: skip
        if self.recall is None:
            return {"strata": strata, "recall": None, "interval": None}
        limits = self.recall.interval
        return {
            "strata": strata,
            "recall": round(self.recall.recall, 4),
            "interval": [round(limits.low, 4), round(limits.high, 4)],
        }


@dataclass(slots=True)
class _Drawing:
    """One stratum while it is drawn: the turns with the smallest marks stay."""

    most: int
    turns: int = 0
    found: Counter[str] = field(default_factory=Counter[str])
    kept: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])

    def add(self, key: str, turn_key: str, mark: int, found: Counter[str]) -> None:
        self.turns += 1
        self.found += found
        heapq.heappush(self.kept, (-mark, turn_key, key))
        if len(self.kept) > self.most:
            heapq.heappop(self.kept)

    def first(self, size: int) -> list[tuple[str, str]]:
        return [(turn_key, key) for _, turn_key, key in sorted(self.kept, reverse=True)[:size]]


def draw_blind_sample(
    store: Store, policy: Policy, *, size: int, seed: int, fallback: str, progress: Progress = silent
) -> tuple[DrawnStratum, ...]:
    """Draw `size` public turns of kept conversations, half of each stratum; where one has fewer, more of the other.

    A turn is drawn by a hash of its key and the seed, so neither order nor paging matters. `fallback` is the language
    of conversations that have none.
    """
    drawing = {name: _Drawing(size) for name in (WITH, WITHOUT)}
    total = store.value("SELECT count(*) FROM outcomes WHERE verdict = 'keep'")
    with progress.task("audit: blind sample", total) as task:
        for keys in store.pages(KEPT, size=PAGE):
            for key, turn_key, found in _findings_by_turn(store, keys, policy, fallback):
                drawing[WITH if found else WITHOUT].add(key, turn_key, _mark(turn_key, seed), found)
            task.advance(keys.height)
    one, other = (min(drawing[name].turns, size) for name in (WITH, WITHOUT))
    half = size // 2
    sizes = {WITH: min(one, max(half, size - other)), WITHOUT: min(other, max(size - half, size - one))}
    return tuple(_drawn(name, each, sizes[name]) for name, each in drawing.items())


def _drawn(name: str, one: _Drawing, size: int) -> DrawnStratum:
    drawn = one.first(size)
    turns, keys = tuple(turn for turn, _ in drawn), tuple(key for _, key in drawn)
    return DrawnStratum(name, one.turns, one.found.total(), dict(sorted(one.found.items())), turns, keys)


def blind_state(store: Store) -> BlindState | None:
    """Give how far the newest blind sample is rated; None where none was drawn."""
    rows = store.rows(NEWEST, [KIND])
    if not rows:
        return None
    evaluation_id, result = rows[0]
    ratings = {turn_key: int(verdict) for turn_key, verdict in store.rows(RATED, [evaluation_id])}
    drawn = orjson.loads(result)["strata"]
    strata = tuple(_stratum(one, ratings) for one in drawn)
    return BlindState(strata, tuple(len(one["drawn"]) for one in drawn), recall_from_misses(strata))


def _stratum(drawn: dict[str, Any], ratings: dict[str, int]) -> Stratum:
    rated = [ratings[key] for key in drawn["drawn"] if key in ratings]
    return Stratum(
        name=drawn["name"],
        turns=drawn["turns"],
        found=drawn["found"],
        checked=len(rated),
        missing=sum(missed > 0 for missed in rated),
        missed=sum(rated),
    )


def _findings_by_turn(
    store: Store, keys: pl.DataFrame, policy: Policy, fallback: str
) -> Iterator[tuple[str, str, Counter[str]]]:
    """Give every public turn of a page, with its conversation and the values that are redacted in it, by type."""
    page = read_page(store, keys)
    for key, turns in page.conversations():
        language = page.languages.get(key, fallback)
        for turn in turns:
            found = page.findings[key].get(turn.turn_key, ()) if key in page.findings else ()
            due = [one for one in found if policy.applies(one.entity_type, one.score, language, turn.role)]
            yield key, turn.turn_key, Counter(one.entity_type for one in resolve(due, turn.text))


def _mark(turn_key: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed} {turn_key}".encode(), digest_size=8).digest())

"""The true Jaccard similarity of many pairs of texts at once.

A pair's shingles are sorted together with those of thousands of other pairs: a key holds the pair's number in its upper
12 bits and the shingle's hash in the other 52, so that one sort of integers does the work of all intersections.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.dedup.signing import AT_ONCE, Hashes, Indexes, distinct, shingles

HASH_BITS = np.uint64(52)
OWNERS = 1 << 12
HALF, LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
# Shingles that are held at once, 8 bytes each, and that are sorted at once.
HELD, SORTED = 16_000_000, 1_000_000
THREADS, AHEAD = 2, 32

# Give the texts at these indexes, which rise, in their order and some at a time.
Fetch = Callable[[Indexes], Iterable[list[str]]]


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets of shingles, one after the other: their hashes, and each one's size and place."""

    hashes: Hashes
    sizes: Indexes
    starts: Indexes

    @classmethod
    def of(cls, hashes: Hashes, sizes: Indexes) -> Sets:
        """Take sets that stand one after the other."""
        return cls(hashes, sizes, np.cumsum(sizes) - sizes)

    def keys(self, sets: Indexes) -> Hashes:
        """Give the members of some sets, each with the place of its set among those asked for."""
        sizes = self.sizes[sets]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(self.starts[sets] - ends + sizes, sizes)
        return self.hashes[places] | np.repeat(np.arange(sets.size, dtype=np.uint64) << HASH_BITS, sizes)


@dataclass(frozen=True, slots=True)
class Similarity:
    """Compare texts by their shingles, reading each text when a pair asks for it."""

    fetch: Fetch
    width: int
    sizes: NDArray[np.int32]  # of all texts, as they were signed: how much room a pair takes

    def of(self, left: Indexes, right: Indexes) -> NDArray[np.float64]:
        """Give the similarity of each pair of indexes; 0.0 where a text has no shingle."""
        found = np.zeros(left.size)
        for part in parts(self.sizes[left] + self.sizes[right], HELD, max(1, left.size)):
            found[part] = self._held(left[part], right[part])
        return found

    def _held(self, left: Indexes, right: Indexes) -> NDArray[np.float64]:
        needed, places = np.unique(np.concatenate([left, right]), return_inverse=True)
        pages = list(self.sets(needed))
        sets = Sets.of(np.concatenate([hashes for hashes, _ in pages]), np.concatenate([sizes for _, sizes in pages]))
        one, other = places[: left.size], places[left.size :]
        cut = parts(sets.sizes[one] + sets.sizes[other], SORTED, OWNERS)
        with ThreadPoolExecutor(THREADS) as pool:
            return np.concatenate(list(pool.map(lambda part: _jaccard(sets, one[part], other[part]), cut)))

    def sets(self, indexes: Indexes) -> Iterator[tuple[Hashes, Indexes]]:
        """Give the distinct shingles of the texts at these indexes, which rise, and their numbers; some at a time.

        What is read already is worked on while more is read: sorting leaves Python to other threads.
        """
        waiting: deque[Future[tuple[Hashes, Indexes]]] = deque()
        with ThreadPoolExecutor(THREADS) as pool:
            for page in self.fetch(indexes):
                for first in range(0, len(page), AT_ONCE):
                    waiting.append(pool.submit(_distinct, page[first : first + AT_ONCE], self.width))
                while len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def pack(left: NDArray[np.integer], right: NDArray[np.integer]) -> Hashes:
    """Make one number of each pair of 32-bit numbers, the left one above."""
    return (left.astype(np.uint64) << HALF) | right.astype(np.uint64)


def unpack(pairs: Hashes) -> tuple[Indexes, Indexes]:
    """Give the two indexes of each pair."""
    return (pairs >> HALF).astype(np.int64), (pairs & LOW).astype(np.int64)


def _distinct(texts: list[str], width: int) -> tuple[Hashes, Indexes]:
    """Give each text's distinct shingles, in one array, and how many there are."""
    flat, sizes = shingles(texts, width)
    owners = np.repeat(np.arange(sizes.size, dtype=np.uint64), sizes)
    keys = distinct((owners << HASH_BITS) | (flat >> (np.uint64(64) - HASH_BITS)))
    counts = np.bincount((keys >> HASH_BITS).astype(np.int64), minlength=sizes.size)
    return keys & ((np.uint64(1) << HASH_BITS) - np.uint64(1)), counts


def _jaccard(sets: Sets, one: Indexes, other: Indexes) -> NDArray[np.float64]:
    keys = np.sort(np.concatenate([sets.keys(one), sets.keys(other)]))
    twice = keys[1:][keys[1:] == keys[:-1]]
    common = np.bincount((twice >> HASH_BITS).astype(np.int64), minlength=one.size)
    return common / np.maximum(1, sets.sizes[one] + sets.sizes[other] - common)


def parts(weights: NDArray[np.integer], limit: int, most: int) -> Iterator[slice]:
    """Cut a run of things into slices of at most `most`, each weighing about `limit` at the most."""
    ends = np.cumsum(weights)
    first = 0
    while first < weights.size:
        before = ends[first - 1] if first else 0
        last = max(first + 1, min(first + most, int(np.searchsorted(ends, before + limit, side="right"))))
        yield slice(first, last)
        first = last

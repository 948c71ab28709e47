"""Cluster signed texts: candidates by banding, pairs verified by the true Jaccard similarity, components by union-find.

A cluster is a connected component of verified pairs: two members may be less alike than the threshold when a chain of
verified pairs joins them, but no pair below the threshold is ever joined itself.

Banding: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3rd ed., section 3.4: with b bands of r rows a pair
of similarity s becomes a candidate with probability 1 - (1 - s^r)^b.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curate.dedup.signing import GOLDEN, Signed

Indexes = NDArray[np.int64]
Fetch = Callable[[Indexes], Iterable[NDArray[np.uint64]]]

# Of pairs at the very threshold this share is found; more alike pairs are found more surely.
RECALL = 0.995
# An estimate this many standard deviations below the threshold is not worth verifying (misses 3 in 100,000).
DEVIATIONS = 4.0


def rows_in_band(threshold: float, permutations: int) -> int:
    """Give the most rows a band may have, for few candidates, while a pair at the threshold is still found."""
    wide = [
        rows for rows in range(1, permutations + 1) if 1 - (1 - threshold**rows) ** (permutations // rows) >= RECALL
    ]
    return max(wide, default=1)


def jaccard(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> float:
    """Give the share of shingles that two sorted sets have in common; 0.0 for empty ones."""
    common = np.intersect1d(one, other, assume_unique=True).size
    return common / (one.size + other.size - common) if common else 0.0


@dataclass(slots=True)
class Shingles:
    """Fetch sets of shingles when they are first asked for, many at once, and keep them."""

    fetch: Fetch
    kept: dict[int, NDArray[np.uint64]] = field(default_factory=dict[int, NDArray[np.uint64]])

    def need(self, indexes: Indexes) -> None:
        """Fetch those that are not here yet."""
        missing = [index for index in np.unique(indexes).tolist() if index not in self.kept]
        if missing:
            self.kept.update(zip(missing, self.fetch(np.array(missing, dtype=np.int64)), strict=True))

    def similarity(self, one: int, other: int) -> float:
        """Give the Jaccard similarity of two texts that are here."""
        return jaccard(self.kept[one], self.kept[other])


@dataclass(slots=True)
class Components:
    """A union-find over indexes; the smallest index of a component stands for it."""

    parents: Indexes

    def join(self, one: int, other: int) -> None:
        """Make one component of two."""
        first, second = self.root(one), self.root(other)
        self.parents[max(first, second)] = min(first, second)

    def root(self, index: int) -> int:
        """Name a component by its smallest index."""
        parents = self.parents
        while (parent := int(parents[index])) != index:
            parents[index] = parents[parent]
            index = parent
        return index

    def roots(self) -> Indexes:
        """Name the component of every index."""
        while not np.array_equal(above := self.parents[self.parents], self.parents):
            self.parents[:] = above
        return self.parents


def exact_groups(digests: NDArray[np.uint64]) -> Indexes:
    """Give for every text the first one with the same digest; texts without a digest stand alone."""
    count = len(digests)
    order = np.lexsort((np.arange(count), digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    starts = np.ones(count, dtype=bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1) | ~ordered[1:].any(axis=1)
    first = np.empty(count, dtype=np.int64)
    first[order] = order[np.maximum.accumulate(np.where(starts, np.arange(count), 0))]
    return first


def clusters(signed: Signed, shingles: Shingles, *, threshold: float) -> Indexes:
    """Give for every text the smallest index of its cluster; its own where it is like nothing else."""
    first = exact_groups(signed.digests)
    found = Components(first.copy())
    several = np.flatnonzero((first == np.arange(first.size)) & (signed.sizes > 0))
    search = _Search(signed, shingles, threshold, several)
    for band in range(search.bands.shape[1]):
        search.join(found, band)
    return found.roots()


class _Search:
    """Go through the bands, one at a time, joining what proves alike."""

    def __init__(self, signed: Signed, shingles: Shingles, threshold: float, among: Indexes) -> None:
        self._signatures = signed.signatures[among]
        self._sizes = signed.sizes[among]
        self._among = among
        self._shingles = shingles
        self._threshold = threshold
        permutations = signed.signatures.shape[1]
        self._estimate = threshold - DEVIATIONS * math.sqrt(threshold * (1 - threshold) / permutations)
        self.bands = _bands(self._signatures, rows_in_band(threshold, permutations))

    def join(self, found: Components, band: int) -> None:
        """Join the verified pairs of one band's buckets: neighbours at distance 1, then 2, and so on.

        A bucket whose members are all in one component is done with, however large it is.
        """
        order = np.argsort(self.bands[:, band], kind="stable")
        ordered = self.bands[order, band]
        at = np.arange(order.size)
        distance = 0
        while at.size:
            distance += 1
            if distance & (distance - 1) == 0:
                at = at[_unsettled(ordered, found.roots()[self._among[order]])[at]]
            at = at[at + distance < order.size]
            at = at[ordered[at] == ordered[at + distance]]
            self._join_pairs(found, band, order[at], order[at + distance])

    def _join_pairs(self, found: Components, band: int, left: Indexes, right: Indexes) -> None:
        roots = found.roots()[self._among]
        keep = roots[left] != roots[right]
        left, right = left[keep], right[keep]
        small, large = (
            np.minimum(self._sizes[left], self._sizes[right]),
            np.maximum(self._sizes[left], self._sizes[right]),
        )
        keep = (small >= self._threshold * large) & ~(self.bands[left, :band] == self.bands[right, :band]).any(axis=1)
        left, right = left[keep], right[keep]
        alike = (self._signatures[left] == self._signatures[right]).mean(axis=1) if left.size else np.empty(0)
        left, right = self._among[left[alike >= self._estimate]], self._among[right[alike >= self._estimate]]
        self._shingles.need(np.concatenate([left, right]))
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            if found.root(one) != found.root(other) and self._shingles.similarity(one, other) >= self._threshold:
                found.join(one, other)


def _bands(signatures: NDArray[np.uint32], rows: int) -> NDArray[np.uint64]:
    """Hash every band of every signature; a collision only costs a verification."""
    count = signatures.shape[1] // rows
    bands = np.zeros((signatures.shape[0], count), np.uint64)
    for row in range(rows):
        bands = (bands ^ signatures[:, row : count * rows : rows].astype(np.uint64)) * np.uint64(GOLDEN)
        bands ^= bands >> np.uint64(29)
    return bands


def _unsettled(ordered: NDArray[np.uint64], roots: Indexes) -> NDArray[np.bool_]:
    """Say for every place of a sorted band whether its bucket still has members of different components."""
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    open_buckets = np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts)
    return np.repeat(open_buckets, np.diff(np.append(starts, ordered.size)))

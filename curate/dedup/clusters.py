"""Cluster signed texts: candidates by banding, pairs verified by the true Jaccard similarity, components of those.

A cluster is a connected component of verified pairs: two members may be less alike than the threshold when a chain of
verified pairs joins them, but no pair below the threshold is ever joined itself. Every pair of texts that share a band
is looked at, unless both are in one component already: so the clusters do not depend on the order of the texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curate.dedup.rare import rare_pairs, several
from curate.dedup.signing import Hashes, Indexes, Signed, distinct, stand_in
from curate.dedup.similarity import HALF, LOW, Similarity, pack, unpack

# An estimate this many standard deviations below the threshold is not worth verifying (misses 3 in 100,000).
DEVIATIONS = 4.0
# How far texts of a bucket are paired before the bucket is given up for their rarest shingles.
REACH = 8
# Pairs whose sketches are compared at once, some hundred bytes each.
COMPARED_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Components:
    """Components of indexes; `roots` names each by its smallest member."""

    roots: Indexes

    def join(self, left: Indexes, right: Indexes) -> None:
        """Make one component of the two of each pair."""
        while True:
            one, other = self.roots[left], self.roots[right]
            apart = one != other
            if not apart.any():
                return
            np.minimum.at(self.roots, np.maximum(one, other)[apart], np.minimum(one, other)[apart])
            self._shorten()

    def _shorten(self) -> None:
        while not np.array_equal(above := self.roots[self.roots], self.roots):
            self.roots[:] = above


@dataclass(frozen=True, slots=True)
class Clusters:
    """Each text's cluster, named by its smallest member; and the pairs that proved alike, sorted, with how much."""

    roots: Indexes
    pairs: Hashes
    similarities: NDArray[np.float64]

    def between(self, left: Indexes, right: Indexes, similarity: Similarity) -> NDArray[np.float64]:
        """Give the similarity of each pair of indexes, comparing only pairs that have not been compared."""
        wanted = pack(np.minimum(left, right), np.maximum(left, right))
        known = stand_in(wanted, self.pairs)
        found = np.empty(wanted.size)
        found[known] = self.similarities[np.searchsorted(self.pairs, wanted[known])]
        found[~known] = similarity.of(left[~known], right[~known])
        return found


@dataclass(frozen=True, slots=True)
class Entries:
    """Buckets of several texts, one after the other: which bucket, and which text stands there; texts rise in each."""

    buckets: Indexes
    texts: Indexes


def exact_groups(digests: Hashes) -> Indexes:
    """Give for every text the first one with the same digest; texts without a digest stand alone."""
    count = len(digests)
    order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: the first of equals stays first
    ordered = digests[order]
    starts = np.ones(count, dtype=bool)
    starts[1:] = (ordered[1:] != ordered[:-1]).any(axis=1) | ~ordered[1:].any(axis=1)
    first = np.empty(count, dtype=np.int64)
    first[order] = order[np.maximum.accumulate(np.where(starts, np.arange(count), 0))]
    return first


def clusters(signed: Signed, similarity: Similarity, *, threshold: float) -> Clusters:
    """Find the cluster of every text; its own where it is like nothing else.

    Where very many texts share a band and are not alike, as filled-in forms do, comparing all their pairs would take
    hours: those texts are compared by their rarest shingles instead, which misses nothing (curate.dedup.rare).
    """
    found = Components(exact_groups(signed.digests))
    search = _Search(found, similarity, signed.sketches, threshold)
    among = np.flatnonzero((found.roots == np.arange(found.roots.size)) & (signed.sizes > 0))
    rest = search.join(_buckets(signed, among))
    if rest.size:
        for pairs in rare_pairs(similarity, rest, threshold=threshold, roots=found.roots):
            search.verify(pairs)
    alike = np.concatenate(search.alike)
    order = np.argsort(alike)
    return Clusters(found.roots, alike[order], np.concatenate(search.similarities)[order])


@dataclass(slots=True)
class _Search:
    """Look at the pairs of texts that share a bucket, and join those that are alike."""

    found: Components
    similarity: Similarity
    sketches: NDArray[np.uint8]
    threshold: float
    alike: list[Hashes] = field(default_factory=lambda: [np.empty(0, np.uint64)])
    similarities: list[NDArray[np.float64]] = field(default_factory=lambda: [np.empty(0)])
    rejected: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))

    def join(self, entries: Entries) -> Indexes:
        """Pair the texts of each bucket at distance 1, then 2, and so on; give those of buckets that are left apart.

        All buckets go on at once. One whose texts are all in one component is done with, however large it is.
        """
        for distance in range(1, REACH + 1):
            entries = _unsettled(entries, self.found, distance)
            if not entries.texts.size:
                break
            self.verify(_pairs(entries, distance))
        return np.unique(_unsettled(entries, self.found, REACH + 1).texts)

    def verify(self, pairs: Hashes) -> None:
        """Join the two of each pair, where they are alike."""
        left, right = unpack(pairs)
        pairs = pairs[(self.found.roots[left] != self.found.roots[right]) & ~stand_in(pairs, self.rejected)]
        pairs = pairs[_may_be_alike(self.sketches, pairs, self.threshold)]
        measured = self.similarity.of(*unpack(pairs))
        alike = measured >= self.threshold
        self.found.join(*unpack(pairs[alike]))
        self.alike.append(pairs[alike])
        self.similarities.append(measured[alike])
        self.rejected = distinct(np.concatenate([self.rejected, pairs[~alike]]))


def _buckets(signed: Signed, among: Indexes) -> Entries:
    """Gather the texts that share a band with another one, band by band."""
    buckets: list[Indexes] = []
    texts: list[Indexes] = []
    for band in range(signed.bands.shape[1]):
        keys = np.sort(pack(signed.bands[among, band], among))
        numbers, shared = several(keys >> HALF)
        buckets.append(numbers[shared] + band * keys.size)
        texts.append((keys[shared] & LOW).astype(np.int64))
    return Entries(np.concatenate(buckets), np.concatenate(texts))


def _unsettled(entries: Entries, found: Components, distance: int) -> Entries:
    """Leave out the buckets whose texts are all in one component, or nowhere so far apart."""
    if not entries.texts.size:
        return entries
    starts = np.flatnonzero(np.diff(entries.buckets, prepend=-1))
    roots = found.roots[entries.texts]
    is_open = np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts)
    sizes = np.diff(np.append(starts, roots.size))
    keep = np.repeat(is_open & (sizes > distance), sizes)
    return Entries(entries.buckets[keep], entries.texts[keep])


def _pairs(entries: Entries, distance: int) -> Hashes:
    """Give the pairs of texts so far apart in a bucket, each once."""
    at = np.flatnonzero(entries.buckets[distance:] == entries.buckets[:-distance])
    return distinct(pack(entries.texts[at], entries.texts[at + distance]))


def _may_be_alike(sketches: NDArray[np.uint8], pairs: Hashes, threshold: float) -> NDArray[np.bool_]:
    """Say which pairs' sketches agree often enough; equal lowest bytes by chance only add to that."""
    least = threshold - DEVIATIONS * math.sqrt(threshold * (1 - threshold) / sketches.shape[1])
    alike = np.zeros(pairs.size, dtype=bool)
    for first in range(0, pairs.size, COMPARED_AT_ONCE):
        left, right = unpack(pairs[first : first + COMPARED_AT_ONCE])
        alike[first : first + COMPARED_AT_ONCE] = (sketches[left] == sketches[right]).mean(axis=1) >= least
    return alike

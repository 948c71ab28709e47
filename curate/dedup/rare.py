"""Pair texts by their rarest shingles: exact, and quick where many texts have most of their shingles in common.

Put the members of all sets into one order. Two sets with n members in common share one of the first |A| - n + 1 of A
that is also one of the first |B| - n + 1 of B (prefix filtering: Chaudhuri, Ganti, Kaushik, ICDE 2006). A Jaccard
similarity of t leaves n >= t |A|, and n >= 2 t / (1 + t) |B| for the smaller set B (Xiao, Wang, Lin, Yu, Wang:
Efficient Similarity Joins for Near-Duplicate Detection, TODS 2011). The order here is from rare to common: what fills
in a form comes first and is no other's, what the form says comes too late to make a pair.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curate.dedup.signing import Hashes, Indexes, distinct
from curate.dedup.similarity import Similarity, pack, parts

# Shingles are counted in so many places; two that share one are taken for as common as both, which blurs the order.
COUNTERS = 1 << 22
PAIRED_AT_ONCE = 1_000_000
ROUNDING = 1e-9


def rare_pairs(similarity: Similarity, texts: Indexes, *, threshold: float, roots: Indexes) -> Iterator[Hashes]:
    """Give pairs of texts, packed, that hold all those as alike as the threshold; some at a time.

    `roots` name each text's component, and may change between two pairs: texts that share a shingle and are all in one
    component by then are paired no more.
    """
    counts = np.zeros(COUNTERS, np.int64)
    for hashes, _ in similarity.sets(texts):
        np.add.at(counts, _counter(hashes), 1)
    keys: list[Hashes] = []
    owners: list[Indexes] = []
    leads: list[NDArray[np.bool_]] = []
    done = 0
    for hashes, sizes in similarity.sets(texts):
        key, owner, leading = _first(hashes, sizes, counts[_counter(hashes)], threshold)
        keys.append(key)
        owners.append(texts[done + owner])
        leads.append(leading)
        done += sizes.size
    yield from _paired(np.concatenate(keys), np.concatenate(owners), np.concatenate(leads), roots)


def several(ordered: Hashes) -> tuple[Indexes, NDArray[np.bool_]]:
    """Number the runs of equal values from 0, and say of every value whether its run has several."""
    same = ordered[1:] == ordered[:-1]
    follows = np.concatenate([[False], same])[: ordered.size]
    leads = np.concatenate([same, [False]])[: ordered.size]
    return np.cumsum(~follows) - 1, follows | leads


def _counter(hashes: Hashes) -> Indexes:
    return (hashes % np.uint64(COUNTERS)).astype(np.int64)


def _first(
    hashes: Hashes, sizes: Indexes, common: Indexes, threshold: float
) -> tuple[Hashes, Indexes, NDArray[np.bool_]]:
    """Give each set's rarest members, whose they are, and whether they are rare enough for the smaller of two sets."""
    owners = np.repeat(np.arange(sizes.size), sizes)
    order = np.lexsort((hashes, common, owners))
    place = np.arange(hashes.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = place < np.repeat(_beginning(sizes, threshold), sizes)
    leading = place < np.repeat(_beginning(sizes, 2 * threshold / (1 + threshold)), sizes)
    return hashes[order[chosen]], owners[chosen], leading[chosen]


def _beginning(sizes: Indexes, share: float) -> Indexes:
    """Give how many members of each set hold one that is common, where that share of the set is."""
    return sizes - np.ceil(share * sizes - ROUNDING).astype(np.int64) + 1


def _paired(keys: Hashes, owners: Indexes, leading: NDArray[np.bool_], roots: Indexes) -> Iterator[Hashes]:
    """Pair every leading entry with all that have its key."""
    order = np.lexsort((owners, keys))
    owners, leading = owners[order], leading[order]
    runs, _ = several(keys[order])
    lengths = np.bincount(runs)
    firsts = np.cumsum(lengths) - lengths
    leaders = np.flatnonzero(leading & (lengths[runs] > 1))
    for part in parts(lengths[runs[leaders]], PAIRED_AT_ONCE, leaders.size):
        chosen = leaders[part]
        chosen = chosen[_is_open(roots[owners], firsts)[runs[chosen]]]
        counts = lengths[runs[chosen]]
        ends = np.cumsum(counts)
        left = np.repeat(owners[chosen], counts)
        right = owners[np.repeat(firsts[runs[chosen]] - ends + counts, counts) + np.arange(counts.sum())]
        yield distinct(pack(np.minimum(left, right), np.maximum(left, right))[left != right])


def _is_open(components: Indexes, firsts: Indexes) -> NDArray[np.bool_]:
    """Say of each run of entries whether they are in several components."""
    return np.minimum.reduceat(components, firsts) != np.maximum.reduceat(components, firsts)

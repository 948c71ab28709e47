"""Find how many conversations of each kind to take so that the shares of several dimensions hold at once.

Conversations of one kind (one value in every dimension) form a cell. Iterative proportional fitting (Deming, Stephan
1940, Annals of Mathematical Statistics 11, 427-444) gives the mix of cells that has the shares asked for and is
otherwise most like what is there; the largest dataset of that mix is what the scarcest cell allows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Weights = NDArray[np.float64]

ROUNDS = 2000
CLOSE = 1e-9  # shares this near are met
GOOD_ENOUGH = 2e-3  # beyond this, after all rounds, there is no such mix
HALVINGS = 60


def mix(available: Counts, members: Sequence[Counts], wanted: Sequence[Weights]) -> Weights | None:
    """Give each cell's share (n,) of the mix, or None where the shares cannot hold at once.

    `members` gives for each dimension every cell's value (n,), `wanted` the share of each value, adding up to 1.
    """
    weights = available / available.sum()
    furthest = 1.0
    for _ in range(ROUNDS):
        furthest = 0.0
        for values, shares in zip(members, wanted, strict=True):
            now = np.bincount(values, weights=weights, minlength=shares.size)
            furthest = max(furthest, float(np.abs(now - shares).max()))
            weights = weights * np.divide(shares, now, out=np.zeros_like(shares), where=now > 0)[values]
        if furthest < CLOSE:
            break
    return weights if furthest < GOOD_ENOUGH else None


def take(available: Counts, weights: Weights, *, at_least: int) -> Counts:
    """Give how many conversations of each cell to take: the most that have the mix exactly, up to rounding.

    Where those are fewer than `at_least`, the scarce cells give all they have and the others more than the mix.
    """
    used = weights > 0
    size = float((available[used] / weights[used]).min())
    counts = _rounded(available, weights * size)
    most = int(available[used].sum())
    if counts.sum() >= min(at_least, most):
        return counts
    low, high = size, float((available[used] / weights[used]).max())
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = np.minimum(available, weights * middle).sum() >= at_least
        low, high = (low, middle) if enough else (middle, high)
    return _rounded(available, np.minimum(available, weights * high))


def _rounded(available: Counts, wished: Weights) -> Counts:
    """Round by largest remainders, never beyond what is there."""
    counts = np.minimum(np.floor(wished + CLOSE).astype(np.int64), available)
    missing = round(float(wished.sum())) - int(counts.sum())
    for cell in np.argsort(-(wished - counts), kind="stable")[: max(0, missing)].tolist():
        counts[cell] += counts[cell] < available[cell]
    return counts

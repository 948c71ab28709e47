"""How far a share that was counted on a sample may lie from the true one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Z_95 = 1.959963984540054  # the normal distribution's 97.5 % point: intervals of 95 %


@dataclass(frozen=True, slots=True)
class Interval:
    """A share's lower and upper limit, both between 0 and 1."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stratum:
    """One part of a population of turns, and what people found in the sample of it that they checked.

    `turns` and `found` are of the whole part: its turns and the values redacted in them. `checked` turns were looked
    at; in `missing` of them something was missed, `missed` values in all.
    """

    name: str
    turns: int
    found: int
    checked: int
    missing: int
    missed: int


@dataclass(frozen=True, slots=True)
class Recall:
    """An estimated recall with its limits, and how many values are thought to have been missed in all."""

    recall: float
    interval: Interval
    missed: float


def wilson(found: int, of: int, z: float = Z_95) -> Interval:
    """Give the interval of a share `found` / `of`; of nothing it is 0 to 1.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the
    American Statistical Association 22 (1927), 209-212. Unlike the share plus and minus two standard errors it stays
    within 0 and 1, and is not of width 0 where everything or nothing was found.
    """
    if of == 0:
        return Interval(0.0, 1.0)
    share = found / of
    middle = share + z * z / (2 * of)
    spread = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # Where all or none was found the limit is exactly the share; rounding would miss it by a hair.
    low = 0.0 if found == 0 else min(share, max(0.0, (middle - spread) / scale))
    high = 1.0 if found == of else max(share, min(1.0, (middle + spread) / scale))
    return Interval(low, high)


def recall_from_misses(strata: Sequence[Stratum], z: float = Z_95) -> Recall | None:
    """Estimate recall over a whole workspace from the misses people found in a stratified sample of its turns.

    Recall is found / (found + missed). `found` is known; `missed` is estimated by stratum: its turns, times the share
    of checked turns that lack something, times the misses in such a turn. The strata's Wilson intervals are joined by
    recovering variances from limits (G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008), 1693-1702), so that a
    sample without any miss still says what may have been missed. None where a stratum with turns has none checked.
    """
    live = [one for one in strata if one.turns]
    if not live or any(not one.checked for one in live):
        return None
    estimate = below = above = 0.0
    for one in live:
        weight = one.turns * (one.missed / one.missing if one.missing else 1.0)
        share = one.missing / one.checked
        limits = wilson(one.missing, one.checked, z)
        estimate += weight * share
        below += (weight * (share - limits.low)) ** 2
        above += (weight * (limits.high - share)) ** 2
    found = sum(one.found for one in live)
    least, most = max(0.0, estimate - sqrt(below)), estimate + sqrt(above)
    return Recall(_recall(found, estimate), Interval(_recall(found, most), _recall(found, least)), estimate)


def share_in_words(found: int, of: int, what: str) -> str:
    """Say a share and its interval to somebody who knows no statistics."""
    limits = wilson(found, of)
    return (
        f"Of {of:,} planted {what} {found:,} were found; "
        f"true recall lies between {percent(limits.low)} and {percent(limits.high)}."
    )


def percent(share: float) -> str:
    """Give a share in whole percents, but never as 0 % or 100 % where it is not."""
    if 0.99 < share < 1:
        return f"{int(share * 1000) / 10:g} %"
    if 0 < share < 0.01:
        return f"{max(0.1, round(share * 100, 1)):g} %"
    return f"{share * 100:.0f} %"


def _recall(found: int, missed: float) -> float:
    return found / (found + missed) if found + missed else 1.0

"""Read what [balance] in chatmill.toml asks for, and check it against the conversations there are.

A cap is "DIMENSION NUMBER". A target is "DIMENSION: VALUE NUMBER%, ..., rest NUMBER%" (shares of what comes out) or
"DIMENSION: VALUE NUMBER, ..." (the most conversations of each). All mistakes are named at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from export.errors import BadPlan
from store.errors import unknown_name
from store.settings import BalanceSettings

REST = "rest"
# Who somebody is and what a macro says must not stand in a manifest, so of these there are caps and no targets.
CAPS_ONLY = ("customer", "agent", "macro")
PART = re.compile(r"(?P<value>.+?)\s+(?P<number>\d+(?:\.\d+)?)\s*(?P<percent>%?)")
CAP = re.compile(r"(?P<name>.+?)\s+(?P<number>\d+)")
WHOLE, ROUNDING = 100, 0.1  # 33.3 % three times is meant to be all


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `most` conversations of each value of a dimension."""

    dimension: str
    most: int


@dataclass(frozen=True, slots=True)
class Shares:
    """The share, from 0 to 1, of each value of a dimension; `rest` of all others together."""

    dimension: str
    values: Mapping[str, float]
    rest: float

    def wanted(self, value: str) -> float:
        """Give the share of one of the named values, or of `rest`."""
        return self.values.get(value, self.rest)


@dataclass(frozen=True, slots=True)
class Quota:
    """The most conversations of each value of a dimension; `rest` of all others together, None for all of them."""

    dimension: str
    values: Mapping[str, int]
    rest: int | None


@dataclass(frozen=True, slots=True)
class Wishes:
    """Everything [balance] asks for."""

    caps: tuple[Cap, ...]
    quotas: tuple[Quota, ...]
    shares: tuple[Shares, ...]
    keep_at_least: float

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Name what conversations are told apart by, each once."""
        return tuple(dict.fromkeys(wish.dimension for wish in (*self.caps, *self.quotas, *self.shares)))


def read_wishes(settings: BalanceSettings, dimensions: Sequence[str]) -> Wishes:
    """Read the settings.

    Raises:
        BadPlan: with every mistake in them.
    """
    mistakes: list[str] = []
    caps = [cap for text in settings.caps if (cap := _cap(text, dimensions, mistakes))]
    targets = [target for text in settings.targets if (target := _target(text, dimensions, mistakes))]
    for names in ([cap.dimension for cap in caps], [target.dimension for target in targets]):
        mistakes += [f"{name} is asked for twice." for name in dict.fromkeys(names) if names.count(name) > 1]
    if not 0 <= settings.keep_at_least <= 1:
        mistakes.append(f"keep_at_least is {settings.keep_at_least:g}, but must be between 0 and 1.")
    complain(mistakes)
    quotas = tuple(target for target in targets if isinstance(target, Quota))
    shares = tuple(target for target in targets if isinstance(target, Shares))
    return Wishes(tuple(caps), quotas, shares, settings.keep_at_least)


def complain(mistakes: Sequence[str]) -> None:
    """Raise BadPlan where there are mistakes."""
    if mistakes:
        raise BadPlan(" ".join(mistakes), hint="Mend [balance] in chatmill.toml; docs/tasks/balance.md has examples.")


def check_values(wishes: Wishes, counts: Mapping[str, Mapping[str, int]]) -> None:
    """Refuse targets for values that no conversation has; `counts` holds conversations by dimension and value.

    Raises:
        BadPlan: with every such value.
    """
    mistakes: list[str] = []
    for target in (*wishes.shares, *wishes.quotas):
        mistakes += _value_mistakes(target, counts[target.dimension])
    complain(mistakes)


def _value_mistakes(target: Shares | Quota, counts: Mapping[str, int]) -> Iterator[str]:
    name = target.dimension
    if set(counts) == {"unknown"} and "unknown" not in target.values:
        yield _nothing_known(name, counts["unknown"])
        return
    for value in target.values:
        if value not in counts:
            yield f"No conversation to export has this {name}. " + unknown_name(name, value, counts)
    others = any(value not in target.values for value in counts)
    if isinstance(target, Shares) and target.rest and not others:
        yield f"{name}: {target.rest:.0%} are left for the rest, but no conversation has another {name}."


def _nothing_known(name: str, count: int) -> str:
    why = {
        "outcome": "there is no rating, and neither status nor last words say how it went",
        "channel": "the source does not name it",
    }.get(name, "chatmill curate has not labelled it")
    return f"The {name} of all {count:,} conversations is unknown: {why}."


def _cap(text: str, dimensions: Sequence[str], mistakes: list[str]) -> Cap | None:
    found = CAP.fullmatch(text.strip())
    if found is None:
        mistakes.append(f'The cap {text!r} must be written as "customer 20".')
        return None
    if found["name"] not in dimensions:
        mistakes.append(f"The cap {text!r}: " + unknown_name("dimension", found["name"], dimensions))
        return None
    if not int(found["number"]):
        mistakes.append(f"The cap {text!r} would leave nothing; for no cap, take the line out.")
    return Cap(found["name"], int(found["number"]))


def _target(text: str, dimensions: Sequence[str], mistakes: list[str]) -> Shares | Quota | None:
    name, colon, wanted = (part.strip() for part in text.partition(":"))
    parts = [PART.fullmatch(part.strip()) for part in wanted.split(",")]
    if not colon or None in parts:
        mistakes.append(
            f'The target {text!r} must be written as "topic: returns 30%, rest 70%" or "channel: email 500".'
        )
        return None
    if name not in dimensions or name in CAPS_ONLY:
        known = [each for each in dimensions if each not in CAPS_ONLY]
        why = ' Persons and macros have caps only, as in caps = ["customer 20"].' if name in CAPS_ONLY else ""
        mistakes.append(f"The target {text!r}: " + unknown_name("dimension", name, known) + why)
        return None
    found = [(part["value"], float(part["number"]), bool(part["percent"])) for part in parts if part]
    return _read_parts(text, name, found, mistakes)


def _read_parts(
    text: str, name: str, parts: Sequence[tuple[str, float, bool]], mistakes: list[str]
) -> Shares | Quota | None:
    names = [value for value, _, _ in parts]
    kinds = {percent for _, _, percent in parts}
    if names == [REST]:
        mistakes.append(f"The target {text!r} names no value beside the rest.")
    elif len(set(names)) < len(names):
        mistakes.append(f"The target {text!r} names a value twice.")
    elif len(kinds) > 1:
        mistakes.append(f"The target {text!r} mixes shares (with %) and numbers; take one of them.")
    elif True in kinds:
        return _shares(text, name, {value: number for value, number, _ in parts}, mistakes)
    elif any(number % 1 for _, number, _ in parts):
        mistakes.append(f"The target {text!r} asks for parts of conversations; for shares, write %.")
    else:
        return _quota(text, name, {value: int(number) for value, number, _ in parts}, mistakes)
    return None


def _shares(text: str, name: str, values: dict[str, float], mistakes: list[str]) -> Shares | None:
    total = sum(values.values())
    rest = values.pop(REST, None)
    if total > WHOLE + ROUNDING:
        mistakes.append(f"The target {text!r} adds up to {total:g} %, which is more than all.")
    elif rest is not None and total < WHOLE - ROUNDING:
        mistakes.append(f"The target {text!r} adds up to {total:g} %; together with the rest it must be 100 %.")
    elif not all(values.values()):
        mistakes.append(
            f"The target {text!r} asks for 0 % of a value; name the others only, and leave 0 % to the rest."
        )
    else:
        left = 0.0 if total >= WHOLE - ROUNDING else WHOLE - total
        whole = total + left
        return Shares(name, {value: number / whole for value, number in values.items()}, (rest or left) / whole)
    return None


def _quota(text: str, name: str, values: dict[str, int], mistakes: list[str]) -> Quota | None:
    rest = values.pop(REST, None)
    if not all(values.values()):
        mistakes.append(f"The target {text!r} asks for 0 conversations; a quality rule drops what nobody wants.")
        return None
    return Quota(name, values, rest)

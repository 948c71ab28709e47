"""Seeded chance that gives the same draws on every machine and Python version."""

import random
from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Chance:
    """Draw from a seeded stream; only `random.random` is used, whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._stream = random.Random(seed)

    def number(self, low: int, high: int) -> int:
        """Draw a whole number from low to high, both included."""
        return low + int(self._stream.random() * (high - low + 1))

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Draw one of the choices."""
        return choices[self.number(0, len(choices) - 1)]

    def happens(self, share: float) -> bool:
        """Say yes in this share of the cases."""
        return self._stream.random() < share

    def shuffled(self, items: Sequence[Choice]) -> list[Choice]:
        """Give the items in a drawn order."""
        order = sorted(range(len(items)), key=lambda _: self._stream.random())
        return [items[at] for at in order]

    def letters(self, alphabet: str, size: int) -> str:
        """Draw a word of the given size."""
        return "".join(self.pick(alphabet) for _ in range(size))

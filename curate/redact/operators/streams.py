"""Draws that follow from a key and a name alone: the same name gives the same draws, another key gives others."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

LETTERS = "abcdefghijklmnopqrstuvwxyz"
SEPARATOR = "\x1f"


def keyed(key: bytes, *parts: str) -> bytes:
    """Give the HMAC-SHA256 (RFC 2104) of parts, each kept apart from the next."""
    return hmac.digest(key, SEPARATOR.join(parts).encode(), "sha256")


class Stream:
    """An endless row of draws: SHA-256 of a secret seed and a counter."""

    def __init__(self, key: bytes, *parts: str) -> None:
        self._seed = keyed(key, *parts)
        self._left = int.from_bytes(self._seed)
        self._bits = 256
        self._blocks = 0

    def below(self, limit: int) -> int:
        """Draw a number from 0 to limit - 1; the bias of the remainder is below limit / 2**64."""
        if self._bits < 64:
            self._blocks += 1
            self._left = int.from_bytes(sha256(self._seed + self._blocks.to_bytes(4)).digest())
            self._bits = 256
        drawn = self._left & 0xFFFFFFFFFFFFFFFF
        self._left >>= 64
        self._bits -= 64
        return drawn % limit

    def pick(self, choices: Sequence[str]) -> str:
        """Draw one of some texts."""
        return choices[self.below(len(choices))]

    def digits(self, count: int) -> str:
        """Draw so many digits."""
        return "".join(str(self.below(10)) for _ in range(count))

    def letters(self, count: int, alphabet: str = LETTERS) -> str:
        """Draw so many letters."""
        return "".join(self.pick(alphabet) for _ in range(count))

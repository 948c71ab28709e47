"""Typed placeholders, numbered within a conversation: the default operator."""

from __future__ import annotations

from collections import Counter

from curate.redact.operators.surrogates import same_value


class Numbering:
    """Number the values of one conversation by label, in the order of their first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: Counter[str] = Counter()
        self._given: dict[tuple[str, str], str] = {}  # by spelling: most values are written one way

    def placeholder(self, label: str, value: str) -> str:
        """Give a value's placeholder; the same value in another spelling gets the same one."""
        if (label, value) in self._given:
            return self._given[label, value]
        mark = (label, same_value(label, value))
        if mark not in self._numbers:
            self._last[label] += 1
            self._numbers[mark] = self._last[label]
        given = self._given[label, value] = f"<{label}_{self._numbers[mark]}>"
        return given

"""What stands in the columns of a generic file, for people who say which of them is what.

These are values of conversations: they are shown to who asks for them, and go nowhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ingest.mapping import Mapping
from ingest.shape import ITEMS, Shape, look_up
from ingest.values import as_word

SAMPLES = 3
WORDS_SHOWN = 30


def samples(shape: Shape, count: int = SAMPLES) -> dict[str, tuple[str, ...]]:
    """Give the first different values of every column or path, as text; within lists as `turns[].text`."""
    return {column: tuple(_different(_values(shape, column), count)) for column in shape.columns}


def words_of(shape: Shape, mapping: Mapping) -> tuple[str, ...]:
    """Give the words that stand in a mapping's role column, the commonest first."""
    if mapping.role is None:
        return ()
    column = f"{mapping.turns}[].{mapping.role}" if mapping.layout == "conversation" else mapping.role
    counts = Counter(as_word(value) for value in _values(shape, column))
    return tuple(word for word, _ in counts.most_common(WORDS_SHOWN))


def _values(shape: Shape, column: str) -> Iterator[Any]:
    outer, is_within, inner = column.partition("[].")
    for record in shape.records:
        value = look_up(record, outer)
        if not is_within:
            found = [value]
        else:
            found = [look_up(item, inner) for item in value[:ITEMS]] if isinstance(value, list) else []
        yield from (each for each in found if each is not None and each != "" and not isinstance(each, dict | list))


def _different(values: Iterator[Any], count: int) -> Iterator[str]:
    seen: set[str] = set()
    for value in values:
        text = str(value)
        if text not in seen:
            seen.add(text)
            yield text
        if len(seen) == count:
            return

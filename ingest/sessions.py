"""Cut what is written in one chat or channel, over years perhaps, into conversations that fit in memory and in a head.

A cut depends on nothing but what stands before it, so a longer export of the same chat cuts the same and its last
conversation grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.records import Turn
from ingest.times import parse

MOST_TURNS = 5_000
"""No conversation is longer: it would not fit any context, and it is held in memory."""


@dataclass(frozen=True, slots=True)
class Pause:
    """How long nobody must have written for a new conversation to begin, once the last one has so many turns."""

    silence: timedelta
    after: int = 1


CHAT = Pause(timedelta(days=7), after=500)
"""A chat of two or of a group is one conversation, as people see it, until it is long."""

CHANNEL = Pause(timedelta(hours=8))
"""In a channel many talk about many things: a night, or a working day, ends a conversation."""


class Cutter:
    """Take turns one by one, in the order of their times (or its reverse), and give what is finished.

    A reply to a turn of the conversation at hand belongs to it, however late.
    """

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._turns: list[Turn] = []
        self._last: datetime | None = None
        self._ids: set[str] = set()

    def add(self, turn: Turn) -> list[Turn]:
        """Take a turn; give the conversation that it does not belong to any more, or nothing."""
        at = parse(turn.created_at).at
        is_silent = at is not None and self._last is not None and abs(at - self._last) > self._pause.silence
        is_silent &= turn.reply_to is None or turn.reply_to not in self._ids
        is_over = (is_silent and len(self._turns) >= self._pause.after) or len(self._turns) >= MOST_TURNS
        finished = self.rest() if is_over else []
        self._turns.append(turn)
        if turn.external_id:
            self._ids.add(turn.external_id)
        self._last = at or self._last
        return finished

    def rest(self) -> list[Turn]:
        """Give what was taken since the last cut."""
        turns, self._turns = self._turns, []
        self._ids.clear()
        return turns


def sessions(turns: Iterable[Turn], pause: Pause) -> Iterator[list[Turn]]:
    """Cut turns, in the order of their times, where the pause says so and at MOST_TURNS in any case."""
    cutter = Cutter(pause)
    for turn in turns:
        if finished := cutter.add(turn):
            yield finished
    if rest := cutter.rest():
        yield rest

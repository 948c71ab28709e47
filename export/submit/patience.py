"""Try again what may work later, and make once what must exist once.

Pauses are counted by a clock that never jumps; the wall clock decides nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from export.submit.errors import Unavailable

Thing = TypeVar("Thing")

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
TELL_FROM = 5.0  # shorter pauses are nobody's business
LOOKS = 3
"""How often to look before trying again what may have worked: a listing can lag behind."""


def quiet(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to keep trying (`seconds`, between the first try and the last), and how to wait and tell of it."""

    seconds: float = 600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    tell: Callable[[str], None] = quiet

    def trying(self, call: Callable[[], Thing]) -> Thing:
        """Make a call that does no harm twice, again and again until it works.

        Raises:
            Unavailable: it did not work in time.
        """
        tries, since = 0, self.clock()
        while True:
            try:
                return call()
            except Unavailable as error:
                tries += 1
                self.pause(error, tries, since)

    def once(self, look: Callable[[], Thing | None], make: Callable[[], Thing], *, unclear: bool = False) -> Thing:
        """Make what must exist once: look for it before every try, and longer where a try may have worked.

        `unclear` says that an earlier process may have tried.

        Raises:
            Unavailable: it could not be made in time; it may exist.
        """
        tries, since = 0, self.clock()
        while True:
            found = self.look(look, unclear=unclear)
            if found is not None:
                return found
            try:
                return make()
            except Unavailable as error:
                tries += 1
                unclear = unclear or error.is_unclear
                self.pause(error, tries, since)

    def pause(self, error: Unavailable, tries: int, since: float) -> None:
        """Wait as long as the provider asks, but not for nothing; else longer each time.

        Raises:
            Unavailable: the error itself, when the wait would take too long.
        """
        growing = min(2.0 ** min(tries - 1, 5), LONGEST_PAUSE)
        seconds = growing if error.wait is None else max(error.wait, SHORTEST_PAUSE)
        if self.clock() + seconds - since > self.seconds:
            raise error
        if seconds >= TELL_FROM:
            self.tell(f"{error.message} Trying again in {seconds:.0f} s.")
        self.sleep(seconds)

    def look(self, look: Callable[[], Thing | None], *, unclear: bool) -> Thing | None:
        """Look for something, and where it is unclear whether it is there, more than once."""
        for number in range(LOOKS if unclear else 1):
            if number:
                self.sleep(2.0**number)
            found = look()
            if found is not None:
                return found
        return None

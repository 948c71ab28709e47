"""Slow down who guesses passwords."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from service.web.errors import TooMany

TRIES, WINDOW = 5, 15 * 60
"""Five failures in 15 minutes, of one name or from one address (OWASP ASVS 5.0, 6.3.1 asks for such a limit)."""
MOST_KEYS = 10_000


@dataclass(slots=True)
class Attempts:
    """Count failed sign-ins of the last while, by name and by address; in memory, the oldest forgotten first."""

    clock: Callable[[], float] = time.monotonic
    _failures: OrderedDict[str, deque[float]] = field(default_factory=OrderedDict[str, deque[float]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def check(self, *keys: str) -> None:
        """Refuse who has failed too often.

        Raises:
            TooMany: one of the keys has failed five times within 15 minutes.
        """
        with self._lock:
            waits = [self._wait(key) for key in keys]
        if (wait := max(waits, default=0)) > 0:
            raise TooMany(
                "Too many wrong names or passwords.",
                hint=f"Wait {wait // 60 + 1} minutes, or ask an admin for a link to sign in with.",
                retry_after=wait,
            )

    def failed(self, *keys: str) -> None:
        """Count one failure."""
        with self._lock:
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=TRIES)).append(self.clock())
                self._failures.move_to_end(key)
            while len(self._failures) > MOST_KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget a name's failures; its address keeps its own."""
        with self._lock:
            self._failures.pop(key, None)

    def _wait(self, key: str) -> int:
        times = self._failures.get(key)
        if times is None or len(times) < TRIES:
            return 0
        return max(0, round(times[0] + WINDOW - self.clock()))

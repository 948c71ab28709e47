"""Do on purpose what providers do by accident, once each, so that a client can be rehearsed.

Faults of a call strike in the middleware; those of a job are asked for by whoever works on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.trainer.errors import CannotTrain, Refused
from store.errors import unknown_name

FAULTS = {
    "not-ready": "an uploaded file is still being read at first, and a job with it is refused until it is not",
    "busy": "the first call of each kind gets 429 with a Retry-After of 130 seconds, or of N: busy=N",
    "create-500": "a job is made, and the answer is 500",
    "lost-upload": "the connection breaks in the middle of an upload",
    "empty-error": 'healthy jobs carry "error": {}',
    "paused": "a job is paused by the provider before its first step, and goes on by itself",
    "odd-events": "events of a type that no document knows",
    "refused-line": "the training file is refused for its third line",
    "moderation": "the training file is blocked by moderation, without naming a line",
    "late-failure": "the job fails after its last step",
    "not-available": "no job is taken: 403 training_not_available",
}
FATAL = frozenset({"refused-line", "moderation", "late-failure", "not-available"})
ALL = "all"  # that a client can survive
LONG_WAIT = 130
"""Seconds; OpenAI's SDK waits 120 by itself."""
LOOKS = 2
"""How often a file is looked at before it is ready, and a paused job before it goes on."""


@dataclass(slots=True)
class Rehearsal:
    """Which faults are still to strike; `busy_for` is the Retry-After in seconds."""

    left: set[str] = field(default_factory=set[str])
    busy_for: int = LONG_WAIT
    met: set[str] = field(default_factory=set[str])
    looks: dict[str, int] = field(default_factory=dict[str, int])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, fault: str) -> bool:
        """Say whether a fault that lasts was asked for."""
        return fault in self.left

    def strikes(self, fault: str, of: str = "") -> bool:
        """Say whether a fault strikes now: once, or once for each of a kind."""
        with self.lock:
            mark = f"{fault}:{of}"
            if fault not in self.left or mark in self.met:
                return False
            self.met.add(mark)
            return True

    def still(self, fault: str, name: str) -> bool:
        """Say whether a fault holds a thing up: for the first few looks at it."""
        with self.lock:
            self.looks[name] = self.looks.get(name, 0) + 1
            return fault in self.left and self.looks[name] <= LOOKS


def read_rehearsal(names: Iterable[str]) -> Rehearsal:
    """Read the names of faults.

    Raises:
        CannotTrain: one is unknown.
    """
    made = Rehearsal()
    for given in names:
        name, _, seconds = given.partition("=")
        if name != ALL and name not in FAULTS:
            raise CannotTrain(unknown_name("fault", name, (ALL, *FAULTS)), hint="See chatmill trainer --help.")
        if seconds.isdecimal():
            made.busy_for = int(seconds)
        made.left |= set(FAULTS) - FATAL if name == ALL else {name}
    return made


class Faulty:
    """Let the faults of calls strike, before anything else sees the call or after it has had its effect."""

    def __init__(self, app: ASGIApp, rehearsal: Rehearsal) -> None:
        self._app, self._rehearsal = app, rehearsal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call, or break it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = _name_of(scope)
        if self._rehearsal.strikes("busy", call):
            busy = Refused(429, "Rate limit reached for requests.", reason="rate_limit_exceeded")
            headers = {"Retry-After": str(self._rehearsal.busy_for)}
            await JSONResponse(busy.body(), 429, headers)(scope, receive, send)
        elif call in ("POST files", "POST parts") and self._rehearsal.strikes("lost-upload"):
            await receive()
            await _break_off(send)
        elif call == "POST jobs" and self._rehearsal.strikes("create-500"):
            await self._app(scope, receive, _swallow)
            lost = Refused(500, "The server had an error while processing your request.")
            await JSONResponse(lost.body(), 500)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _name_of(scope: Scope) -> str:
    """Name the kind of a call: its method and the last word of its path that is no id."""
    words = [word for word in scope["path"].split("/") if word.isalpha() or "_" in word]
    return f"{scope['method']} {words[-1] if words else ''}"


async def _break_off(send: Send) -> None:
    """Begin an answer and never end it: uvicorn then closes the connection."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


async def _swallow(_: Message) -> None:
    """Send nothing."""

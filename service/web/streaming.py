"""A request's body as it comes, for handlers that run in a thread."""

from __future__ import annotations

from collections.abc import Iterator

from anyio import from_thread
from starlette.requests import Request


def body_of(request: Request) -> Iterator[bytes]:
    """Give the body piece by piece; the next is only taken from the network when it is asked for."""
    stream = request.stream()
    while True:
        try:
            chunk = from_thread.run(stream.__anext__)
        except StopAsyncIteration:
            return
        if chunk:
            yield chunk


def length_of(request: Request) -> int | None:
    """Give the length that the sender states; None where it states none."""
    stated = request.headers.get("content-length", "")
    return int(stated) if stated.isdecimal() else None

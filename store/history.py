"""Who did what, when: an append-only record of what people and commands changed. Never a value of a conversation."""

import getpass
import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import orjson

from store.database import Store

_acting: ContextVar[str | None] = ContextVar("acting", default=None)


def record(
    store: Store,
    action: str,
    *,
    subject: str,
    before: Any = None,  # noqa: ANN401 - any JSON value
    after: Any = None,  # noqa: ANN401 - any JSON value
    by: str | None = None,
) -> None:
    """Add a line to the history, in the name of `by`; by default of whoever runs the process."""
    store.execute(
        "INSERT INTO history VALUES (now(), ?, ?, ?, ?, ?)",
        [by or actor(), action, subject, _json(before), _json(after)],
    )


@contextmanager
def acting_as(name: str) -> Generator[None]:
    """Let everything inside, and the threads that it starts work in, happen in the name of a person."""
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def actor() -> str:
    """Name the person at work: who is signed in to the service, else who runs the process."""
    if acting := _acting.get():
        return acting
    if named := os.environ.get("CHATMILL_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _json(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

"""Who did what, when: an append-only record of what people and commands changed. Never a value of a conversation."""

import getpass
import os
from typing import Any

import orjson

from store.database import Store


def record(store: Store, action: str, *, subject: str, before: Any = None, after: Any = None) -> None:  # noqa: ANN401
    """Add a line to the history, in the name of whoever runs the process."""
    store.execute(
        "INSERT INTO history VALUES (now(), ?, ?, ?, ?, ?)", [actor(), action, subject, _json(before), _json(after)]
    )


def actor() -> str:
    """Name the person or service account at work."""
    if named := os.environ.get("CHATMILL_ACTOR"):
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _json(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

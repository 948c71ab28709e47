"""The errors of chatmill, all under one root.

    ChatmillError
    ├── UsageError            the person can mend it: exit code 2
    │   ├── StoreError        store/: workspace, key, lock, migration
    │   ├── SettingsError     store/: chatmill.toml
    │   ├── IngestError       ingest/
    │   ├── CurateError       curate/
    │   ├── ExportError       export/
    │   └── ServiceError      service/
    └── InternalError         a bug: exit code 1

A message says what failed, the value that failed (never conversation text), and what is allowed; the hint says what to
do next.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class ChatmillError(Exception):
    """Carry a message for a person, a hint on what to do next, and a stable code."""

    code = "CM-000"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ChatmillError):
    """Say that the command cannot be carried out as it was given; the person can mend it."""

    code = "CM-100"


class InternalError(ChatmillError):
    """Say that chatmill broke one of its own rules; nobody but its developers can mend it."""

    code = "CM-900"


class StoreError(UsageError):
    """Say that the workspace's store cannot be opened, read or written."""

    code = "STO-100"


class SettingsError(UsageError):
    """Say that chatmill.toml holds something that is not allowed."""

    code = "SET-100"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Word the complaint about an unknown name, with the nearest known ones and the whole list."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f"There is no {kind} called {name!r}.{guess} Known: {', '.join(names)}."

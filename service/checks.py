"""Checks of the machine: what chatmill needs is there, and is its own."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from store.errors import ChatmillError
from store.workspace import NoWorkspace, Workspace

ROOMS = ("store", "ingest", "curate", "export", "service", "rules")
MIN_FREE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, what was found, and what to do if it is not as it should be."""

    name: str
    passed: bool
    finding: str
    hint: str = ""


def check_machine(directory: Path | None = None) -> list[Check]:
    """Look at Python, the installed packages, the encryption, the disk and the workspace."""
    return [
        _python(),
        _rooms(),
        _guarded("encryption", _encryption),
        _disk(),
        _guarded("workspace", lambda: _open(directory)),
    ]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    return Check("Python", sys.version_info >= (3, 11), version, "Install Python 3.11 or newer.")


def _rooms() -> Check:
    """Tell whether another installed package took one of our top-level names (shared/reference/style.md 2.2)."""
    parents = {Path(importlib.import_module(room).__file__ or "").parent.parent for room in ROOMS}
    finding = f"{len(ROOMS)} packages in one place" if len(parents) == 1 else "another package took one of our names"
    return Check("packages", len(parents) == 1, finding, "Install chatmill into an environment of its own.")


def _encryption() -> Check:
    from store.database import extension_path

    return Check("encryption", extension_path().is_file(), "the store can be written encrypted")


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free
    return Check("disk", free >= MIN_FREE_BYTES, f"{free / 2**30:.1f} GiB free", "Free at least 2 GiB.")


def _open(directory: Path | None) -> Check:
    try:
        workspace = Workspace.find(directory)
    except NoWorkspace:
        return Check("workspace", True, "none here yet: chatmill init makes one")
    with workspace.open() as store:
        count = store.value("SELECT count(*) FROM conversations")
    return Check("workspace", True, f"{workspace.root}: {count:,} conversations")


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except ChatmillError as error:
        return Check(name, False, error.message, error.hint)

"""The trainer of a workspace: where it keeps its things, how it is reached, and how it is started when it is not there.

Its key is made of the workspace's own, so nobody has to keep it, and whoever can open the store can reach the trainer.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from export.submit.errors import ProviderUnready
from export.training.libraries import check_libraries
from store.workspace import Workspace

KEY = "CHATMILL_TRAINER_KEY"
FOLDER, WHERE, LOCK = "trainer", "trainer.json", "lock"
START_SECONDS = 60.0
IDLE_SECONDS = 120
"""How long a trainer that we started stays when nobody asks it anything and no job goes on."""


@dataclass(frozen=True, slots=True)
class LocalTrainer:
    """A trainer that answers; `process` is set where we started it."""

    url: str
    token: str
    process: subprocess.Popen[bytes] | None = None


def folder_of(workspace: Workspace) -> Path:
    """Where a workspace's trainer keeps files, jobs and models."""
    return workspace.root / FOLDER


def token_of(workspace: Workspace) -> str:
    """Give the key of a workspace's trainer."""
    return workspace.derive("trainer").hex()


def reach_trainer(workspace: Workspace, *, bases: tuple[str, ...] = ()) -> LocalTrainer:
    """Reach the workspace's trainer, starting it where it is not running; `bases` may be fetched from the hub.

    A trainer that was started here goes on without us, and ends by itself once no job is going on.

    Raises:
        TrainingUnready: the libraries that train are missing.
        ProviderUnready: it could not be started.
    """
    check_libraries()
    token = token_of(workspace)
    found = _running(workspace, token)
    if found is not None:
        return found
    process = _start(workspace, token, bases)
    until = time.monotonic() + START_SECONDS
    # Where another command started one at the same moment, ours ends by itself, and theirs will do.
    while time.monotonic() < until and (process.poll() is None or _is_held(folder_of(workspace))):
        found = _running(workspace, token)
        if found is not None:
            return LocalTrainer(found.url, token, process if process.poll() is None else None)
        time.sleep(0.1)
    process.kill()
    raise ProviderUnready(
        "The local trainer could not be started.", hint="Run `chatmill trainer` to see why, and leave it running."
    )


def release(trainer: LocalTrainer) -> None:
    """End a trainer that we started, where it has nothing left to do."""
    if trainer.process is None:
        return
    with suppress(OSError):
        if not is_busy(trainer):
            trainer.process.terminate()
            trainer.process.wait()


def _start(workspace: Workspace, token: str, bases: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Start the trainer in a session of its own, so that Ctrl-C here does not stop it; its key is not an argument."""
    named = [part for base in bases for part in ("--base", base)]
    command = [sys.executable, "-m", "service.main", "trainer", "-w", str(workspace.root), "--port", "0"]
    return subprocess.Popen(  # noqa: S603 - our own program, and no shell
        [*command, "--idle", str(IDLE_SECONDS), *named], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=os.environ | {KEY: token}, start_new_session=True,
    )  # fmt: skip


def _running(workspace: Workspace, token: str) -> LocalTrainer | None:
    """Give the trainer that is running, if it answers to our key."""
    if not _is_held(folder_of(workspace)):
        return None
    try:
        told = orjson.loads((folder_of(workspace) / WHERE).read_bytes())
        found = LocalTrainer(f"http://127.0.0.1:{int(told['port'])}/v1", token)
        _ask(found, "/models")
    except (OSError, ValueError, KeyError):
        return None
    return found


def _is_held(folder: Path) -> bool:
    """Say whether a trainer works in a folder: after a kill its port may be another program's, which gets no key."""
    if not (folder / LOCK).exists() or os.name != "posix":
        return (folder / WHERE).exists()
    import fcntl

    with (folder / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def is_busy(trainer: LocalTrainer) -> bool:
    """Say whether a job is going on; a paused one is not.

    Raises:
        OSError: the trainer does not answer.
    """
    jobs = _ask(trainer, "/fine_tuning/jobs?limit=1000")["data"]
    return any(job["finished_at"] is None and job["status"] != "paused" for job in jobs)


def _ask(trainer: LocalTrainer, path: str) -> Any:  # noqa: ANN401 - any JSON
    request = urllib.request.Request(  # noqa: S310 - an address of our own making
        trainer.url + path, headers={"Authorization": f"Bearer {trainer.token}"}
    )
    # No proxy stands between this machine and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as answer:
        return orjson.loads(answer.read())

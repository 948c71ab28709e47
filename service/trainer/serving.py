"""Listen on this machine alone, say where, and serve until somebody stops it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import uvicorn

from export.training.libraries import GENTLE, OFFLINE, SILENT
from service.trainer.app import create_app
from service.trainer.errors import CannotTrain
from service.trainer.models import Models
from service.trainer.rehearsal import read_rehearsal
from service.trainer.shelf import Shelf, private, write_json
from service.trainer.trainer import Trainer, open_trainer
from store.console import Console

HOST = "127.0.0.1"
KEY = "CHATMILL_TRAINER_KEY"
WHERE = "trainer.json"
LOCK = "lock"
STOP_SECONDS = 5
BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Start:
    """How to start: `idle` is after how many seconds without a call or a job it ends by itself; 0: never."""

    folder: Path
    port: int = 0
    token: str = ""
    bases: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    idle: float = 0.0


def serve_trainer(start: Start, console: Console) -> None:
    """Serve until Ctrl-C or SIGTERM; a job then goes on at the next start.

    Raises:
        CannotTrain: the port is taken, a fault is unknown, or another trainer has the folder.
    """
    rehearsal = read_rehearsal(start.faults)
    token = start.token or os.environ.get(KEY, "").strip() or secrets.token_hex(24)
    private(start.folder)
    _settle(start.folder, may_fetch=Models(Shelf(start.folder), start.bases).may_fetch)
    with _locked(start.folder), _listening(start.port) as listening:
        trainer = open_trainer(start.folder, token=token, bases=start.bases, rehearsal=rehearsal)
        port = listening.getsockname()[1]
        write_json(start.folder / WHERE, {"port": port, "pid": os.getpid()})
        _say(console, start, f"http://{HOST}:{port}/v1", token)
        config = uvicorn.Config(
            create_app(trainer), log_level="critical", access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS, lifespan="on",
        )  # fmt: skip
        server = uvicorn.Server(config)
        if start.idle:
            threading.Thread(target=_end_when_idle, args=(trainer, server, start.idle), daemon=True).start()
        # uvicorn sends itself the signal again once it has stopped; what follows here must still be done.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            server.run(sockets=[listening])
        finally:
            (start.folder / WHERE).unlink(missing_ok=True)


def _settle(folder: Path, *, may_fetch: bool) -> None:
    """Keep what is uploaded, and what libraries cache, out of the machine's common folder for temporary files."""
    os.umask(0o077)
    temporary = folder / "tmp"
    private(temporary)
    tempfile.tempdir = str(temporary)
    os.environ.update(GENTLE | SILENT | ({} if may_fetch else OFFLINE))


def _say(console: Console, start: Start, url: str, token: str) -> None:
    console.say(f"Training at {url}, in {start.folder}")
    console.say(f"Key: {token}")
    console.say(f"For OpenAI's SDK: export OPENAI_BASE_URL={url} OPENAI_API_KEY={token}")
    console.say("Ctrl-C stops it; a job that is going on goes on when it is started again.")
    console.result({"url": url, "token": token, "folder": str(start.folder)})
    sys.stdout.flush()


def _locked(folder: Path) -> BinaryIO:
    """Hold the folder for this process alone; the lock goes with the process, however it ends."""
    file = (folder / LOCK).open("ab")
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise CannotTrain(
                f"Another trainer works in {folder}.", hint="Stop it, or name another --folder."
            ) from None
    return file


def _listening(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((HOST, port))
    except OSError as error:
        made.close()
        raise CannotTrain(
            f"Nobody can listen on {HOST}, port {port}: {error.strerror}.", hint="--port 0 takes a free one."
        ) from None
    made.listen(BACKLOG)
    return made


def _end_when_idle(trainer: Trainer, server: uvicorn.Server, seconds: float) -> None:
    while trainer.is_busy or time.monotonic() - trainer.seen < seconds:
        if trainer.is_busy:
            trainer.seen = time.monotonic()
        time.sleep(min(1.0, seconds / 4))
    server.should_exit = True

"""The training process as the server holds it: started when first needed, told what to do, ended with us."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import orjson

from export.training.libraries import environment

COMMAND = (sys.executable, "-m", "export.training.worker")
END_SECONDS = 10.0


@dataclass(slots=True)
class Hand:
    """At most one training process; it stays for the next job, because its libraries take seconds to load."""

    folder: Path
    may_fetch: bool = False
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_alive(self) -> bool:
        """Say whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def run(self, folder: Path) -> None:
        """Have the task in a folder trained."""
        if not self.is_alive:
            # What it prints may quote a conversation: nobody reads it. What happens stands in the task's folder.
            self.process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=environment(self.folder, may_fetch=self.may_fetch), start_new_session=True,
            )  # fmt: skip
        self._tell({"run": str(folder)})

    def ask(self, what: str) -> None:
        """Ask the training to pause or to cancel after the step under way."""
        if self.is_alive:
            self._tell({"ask": what})

    def kill(self) -> None:
        """End the process at once; what it trains goes on from its last checkpoint when it is run again."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._input().close()
            self.process = None

    def end(self) -> None:
        """End the process by closing its input."""
        if self.process is None:
            return
        self._input().close()
        try:
            self.process.wait(END_SECONDS)
            self.process = None
        except subprocess.TimeoutExpired:
            self.kill()

    def _tell(self, order: dict[str, str]) -> None:
        try:
            self._input().write(orjson.dumps(order) + b"\n")
            self._input().flush()
        except (BrokenPipeError, OSError):
            return  # it died just now; whoever watches it will see

    def _input(self) -> IO[bytes]:
        assert self.process is not None
        assert self.process.stdin is not None
        return self.process.stdin

"""What every call needs: the shelf, the models, the one who works the jobs off, and the models that answer."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from service.trainer.hand import Hand
from service.trainer.models import Models
from service.trainer.rehearsal import Rehearsal
from service.trainer.running import Runner
from service.trainer.shelf import ACTIVE, Shelf, open_shelf

if TYPE_CHECKING:
    from export.training.answering import Answers


@dataclass(slots=True)
class Trainer:
    """The trainer over one folder; `seen` is when it was last asked for anything, by a clock that never jumps."""

    token: str
    shelf: Shelf
    models: Models
    runner: Runner
    rehearsal: Rehearsal
    seen: float = field(default_factory=time.monotonic)
    calls: int = 0
    loaded: Answers | None = None

    @property
    def answers(self) -> Answers:
        """The models that answer; their libraries take seconds to load, so they wait for the first question."""
        if self.loaded is None:
            from export.training.answering import Answers

            self.loaded = Answers()
        return self.loaded

    @property
    def is_busy(self) -> bool:
        """Say whether a job is going on, or a call."""
        with self.shelf.lock:
            return self.calls > 0 or any(job.status in ACTIVE for job in self.shelf.jobs.values())


def open_trainer(
    folder: Path, *, token: str, bases: tuple[str, ...] = (), rehearsal: Rehearsal | None = None
) -> Trainer:
    """Make the trainer over a folder; jobs begin with `runner.start()`."""
    shelf = open_shelf(folder)
    models = Models(shelf, bases)
    rehearsal = rehearsal or Rehearsal()
    hand = Hand(folder, may_fetch=models.may_fetch)
    return Trainer(token, shelf, models, Runner(shelf, models, hand, rehearsal), rehearsal)


def trainer_of(request: Request) -> Trainer:
    """Give the trainer that a request is for."""
    return request.app.state.trainer

"""What a training process is asked for: written into the job's folder, and read back there."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from export.training.progress import NAME as PROGRESS
from export.training.progress import Reports, read_from
from export.training.recipe import Method, Recipe
from export.training.sources import ModelSource, read_source

REQUEST = "request.json"
CHECKPOINTS, MODEL = "checkpoints", "model"


@dataclass(frozen=True, slots=True)
class Task:
    """One training: `size` names the small model to build at `base` where nothing is there yet."""

    folder: Path
    method: Method
    base: ModelSource
    train: Path
    validation: Path | None
    recipe: Recipe
    size: str | None = None

    @property
    def reports(self) -> Reports:
        """Where it tells how it goes."""
        return Reports(self.folder / PROGRESS)

    @property
    def model(self) -> Path:
        """Where the trained model will be."""
        return self.folder / MODEL

    def write(self) -> None:
        """Put the request into the job's folder, with paths but no text."""
        told = {
            "method": self.method,
            "base": self.base.as_json(),
            "train": str(self.train),
            "validation": str(self.validation) if self.validation else None,
            "recipe": dataclasses.asdict(self.recipe),
            "size": self.size,
        }
        (self.folder / REQUEST).write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))

    def checkpoint(self, step: int) -> Path:
        """Where the checkpoint of a step is."""
        return self.folder / CHECKPOINTS / f"checkpoint-{step}"

    def told(self) -> list[dict[str, Any]]:
        """Give what was reported so far, by earlier processes too."""
        return [dict(line) for line in read_from(self.folder / PROGRESS, 0)[0]]

    def last_checkpoint(self) -> int | None:
        """Give the step of the last checkpoint that was written whole and is still there."""
        steps = [line["step"] for line in self.told() if line["kind"] == "checkpoint"]
        return max((step for step in steps if self.checkpoint(step).is_dir()), default=None)


@dataclass(slots=True)
class Control:
    """What the training process was told meanwhile: "", "pause" or "cancel"; it is done after the step under way."""

    wanted: str = ""


def read_task(folder: Path) -> Task:
    """Read the request in a job's folder."""
    told = orjson.loads((folder / REQUEST).read_bytes())
    return Task(
        folder=folder,
        method=told["method"],
        base=read_source(told["base"]),
        train=Path(told["train"]),
        validation=Path(told["validation"]) if told["validation"] else None,
        recipe=Recipe(**told["recipe"]),
        size=told["size"],
    )

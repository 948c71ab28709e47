"""Which models there are: those built here, those named at the start, folders, and what jobs made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from export.models import base_name
from export.training.sources import SIZES, ModelSource
from service.trainer.errors import Refused
from service.trainer.shelf import Job, Shelf, Thing

ADAPTER = "adapter_config.json"
CHECKPOINT = ":ckpt-step-"


@dataclass(frozen=True, slots=True)
class Known:
    """A model: where it is, and the size it is built in where it comes from nothing."""

    source: ModelSource
    size: str | None = None


@dataclass(frozen=True, slots=True)
class Models:
    """The models that can be trained or asked; `bases` were named at the start and may be fetched from the hub."""

    shelf: Shelf
    bases: tuple[str, ...] = ()

    @property
    def may_fetch(self) -> bool:
        """Say whether a model of the hub was named, which then may be fetched."""
        return any(not Path(base).is_dir() for base in self.bases)

    def find(self, name: str) -> Known:
        """Find a model by its name.

        Raises:
            Refused: there is none.
        """
        if name in SIZES:
            return Known(ModelSource(str(self.shelf.folder / "models" / name)), name)
        if name.startswith("ft:"):
            return self._tuned(name)
        if name in self.bases or (Path(name) / "config.json").is_file() or _is_in_cache(name):
            return Known(ModelSource(name))
        raise Refused(
            404,
            f"The model '{name[:200]}' does not exist here. Known are {', '.join(SIZES)}, folders with config.json and "
            "*.safetensors, models in the hub's cache on this machine, and those named with --base.",
            param="model", reason="model_not_found",
        )  # fmt: skip

    def find_for_answers(self, name: str) -> ModelSource:
        """Find a model that can answer.

        Raises:
            Refused: there is none, or it is not built yet.
        """
        known = self.find(name)
        if known.size == name and not Path(known.source.path).is_dir():
            message = f"{name} is built with the first job: its tokenizer is learnt from the training file."
            raise Refused(400, message, param="model", reason="model_not_ready")
        return known.source

    def listed(self) -> list[Thing]:
        """Give all models that have a name of their own, the newest last."""
        names = [(name, 0, "chatmill") for name in (*SIZES, *self.bases)]
        for job in self.shelf.jobs.values():
            names += [(point["name"], point["created_at"], "local") for point in self.checkpoints(job)]
            if job.told["fine_tuned_model"]:
                names.append((job.told["fine_tuned_model"], job.told["finished_at"] or 0, "local"))
        return [model_json(name, made, owner) for name, made, owner in names]

    def checkpoints(self, job: Job) -> list[Thing]:
        """Give the checkpoints of a job that are still there."""
        return [point for point in job.checkpoints if self.place(job, point["step"]).is_dir()]

    def place(self, job: Job, step: int | None = None) -> Path:
        """Where a job's model is, or that of a step."""
        folder = self.shelf.place("jobs", job.job_id)
        return folder / "model" if step is None else folder / "checkpoints" / f"checkpoint-{step}"

    def _tuned(self, name: str) -> Known:
        whole, _, step = name.partition(CHECKPOINT)
        for job in self.shelf.jobs.values():
            place = self.place(job, int(step) if step.isdecimal() else None)
            if tuned_name(job) == whole and place.is_dir():
                under = self.find(job.told["model"])
                is_adapter = (place / ADAPTER).is_file()
                return Known(ModelSource(str(place), under.source if is_adapter else None), under.size)
        raise Refused(404, f"The model '{name[:200]}' does not exist.", param="model", reason="model_not_found")


def model_json(name: str, made: int, owner: str) -> Thing:
    """Give a model as the API tells it."""
    return {"id": name, "object": "model", "created": made, "owned_by": owner, "shutdown_date": None}


def tuned_name(job: Job) -> str:
    """Name what becomes of a job."""
    base = Path(base_name(job.told["model"])).name.replace(":", "-")
    return f"ft:{base}:local:{job.told['user_provided_suffix'] or ''}:{job.job_id[-8:]}"


def _is_in_cache(name: str) -> bool:
    """Say whether the hub's cache on this machine has a model; nothing is fetched."""
    from importlib.util import find_spec

    if find_spec("huggingface_hub") is None or name.count("/") > 1:
        return False
    from huggingface_hub import try_to_load_from_cache  # pyright: ignore[reportMissingImports, reportUnknownVariableType]
    from huggingface_hub.errors import HFValidationError  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False

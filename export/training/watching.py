"""Watch a training: tell its figures, measure it, keep checkpoints, stop it when asked or when it gets no better."""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from transformers import TrainerCallback

from export.training.encoding import Row
from export.training.measuring import Measured, measure
from export.training.recipe import Recipe
from export.training.task import Control, Task

Figures = dict[str, float]
Valid = Callable[[Any], Figures]
MOST_AT_START = 64
"""Training examples that are measured before the first step."""
TRAIN_NAMES = {
    "loss": "train_loss",
    "mean_token_accuracy": "train_mean_token_accuracy",
    "rewards/accuracies": "train_reward_accuracy",
    "rewards/margins": "train_reward_margin",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
}
"""What TRL calls the figures of a step, and what we do."""


class Watch(TrainerCallback):
    """Sit in transformers' training loop; `valid` and `every` are set once the trainer is made."""

    def __init__(self, task: Task, recipe: Recipe, control: Control) -> None:
        self.task, self.recipe, self.asked = task, recipe, control
        self.valid: Valid = _nothing
        self.every = 1
        self.best_step: int | None = None
        self._best, self._worse = math.inf, 0
        self._pending: Figures = {}
        self._recall()

    def measure(self, model: Any, step: int, train: Sequence[Row] = ()) -> None:  # noqa: ANN401 - any model
        """Measure before the first step: validation, and some of what is to be learnt."""
        figures = self.valid(model)
        if train:
            start = measure(model, train[:MOST_AT_START], pad=0)
            figures |= _named("train", start)
        self._tell(step, figures)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Measure and keep a checkpoint where it is time, and stop where somebody asks."""
        is_last = state.global_step >= state.max_steps
        if state.global_step % self.every == 0 or is_last:
            self._pending = self.valid(kwargs["model"])
            control.should_log = control.should_save = True
            if self._is_no_better(state):
                control.should_training_stop = True
        if self.asked.wanted and not is_last:
            control.should_save = control.should_save or self.asked.wanted == "pause"
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Tell a step's figures; what else transformers logs is of no use."""
        if logs and "loss" in logs:
            figures = {ours: float(logs[theirs]) for theirs, ours in TRAIN_NAMES.items() if theirs in logs}
            self._tell(state.global_step, figures | self._pending)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ANN401, ARG002
        """Tell that a checkpoint is there whole."""
        self.task.reports.tell("checkpoint", step=state.global_step, metrics=self._pending)
        self._pending = {}

    def _tell(self, step: int, figures: Figures) -> None:
        good = {name: round(value, 6) for name, value in figures.items() if math.isfinite(value)}
        self.task.reports.tell("metrics", step=step, **good)

    def _is_no_better(self, state: Any) -> bool:  # noqa: ANN401 - transformers' own
        loss = self._pending.get("valid_loss")
        if loss is None or not self.recipe.early_stopping_patience:
            return False
        self._note(state.global_step, loss)
        if self.best_step is not None:
            # Rotation of checkpoints leaves this one alone.
            state.best_model_checkpoint = str(self.task.checkpoint(self.best_step))
        return self._worse >= self.recipe.early_stopping_patience

    def _note(self, step: int, loss: float) -> None:
        if loss < self._best:
            self._best, self._worse, self.best_step = loss, 0, step
        else:
            self._worse += 1

    def _recall(self) -> None:
        """Take up what an earlier process had measured, up to the checkpoint that is gone on from."""
        since = self.task.last_checkpoint()
        seen: dict[int, float] = {}
        for line in self.task.told():
            if line["kind"] == "checkpoint" and since is not None and line["step"] <= since:
                loss = line["metrics"].get("valid_loss")
                if loss is not None:
                    seen[line["step"]] = loss
        for step, loss in sorted(seen.items()):
            self._note(step, loss)


def valid_of_rows(pad: int, rows: Sequence[Row]) -> Valid:
    """Measure all of the validation rows, token by token."""
    if not rows:
        return _nothing
    return lambda model: _named("valid", measure(model, rows, pad=pad))


def valid_of_pairs(trainer: Any, pairs: Sequence[Any]) -> Valid:  # noqa: ANN401 - TRL's own
    """Let TRL measure all of the validation pairs."""

    def told(_: Any) -> Figures:  # noqa: ANN401 - the model, which the trainer has
        figures = trainer.evaluate()
        names = {"eval_loss": "valid_loss", "eval_rewards/accuracies": "valid_reward_accuracy"}
        return {ours: float(figures[theirs]) for theirs, ours in names.items() if theirs in figures}

    return told if pairs else _nothing


def _named(split: str, found: Measured) -> Figures:
    return {
        f"{split}_loss": found.loss,
        f"{split}_mean_token_accuracy": found.accuracy,
        f"{split}_perplexity": found.perplexity,
    }


def _nothing(_: Any) -> Figures:  # noqa: ANN401 - a model
    return {}

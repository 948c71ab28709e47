"""How to train: every hyperparameter with its range, read from a job's request, and filled in for a base and a file.

Names are those of OpenAI's API (n_epochs, batch_size, learning_rate_multiplier, beta), of Nebius's extras to it, and of
transformers' TrainingArguments, in this order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_type_hints

from export.models import default_epochs
from export.training.errors import BadRecipe
from store.errors import unknown_name

Method = Literal["supervised", "dpo"]
METHODS = ("supervised", "dpo")
SCHEDULES = ("linear", "cosine", "cosine_with_restarts", "constant", "constant_with_warmup", "polynomial")
PRECISIONS = ("auto", "bf16", "fp32")
AUTO = "auto"


def _number(default: Any, low: float, high: float, help: str, *, open_low: bool = False) -> Any:  # noqa: A002, ANN401
    return field(default=default, metadata={"low": low, "high": high, "open_low": open_low, "help": help})


def _choice(default: Any, choices: tuple[Any, ...], help: str) -> Any:  # noqa: A002, ANN401 - reads as what it is below
    return field(default=default, metadata={"choices": choices, "help": help})


BOOL = (True, False)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every hyperparameter; None stands for "auto", which `filled` decides by the base and the file."""

    n_epochs: int | None = _number(None, 1, 50, "passes over the file; auto: OpenAI's rule by the number of examples")
    batch_size: int | None = _number(None, 1, 256, "examples in a forward pass; auto: 8, at most a tenth of the file")
    learning_rate_multiplier: float | None = _number(
        None, 0, 1000, "times the learning rate that auto gives", open_low=True
    )
    learning_rate: float | None = _number(None, 0, 1, "auto: 2e-3 tiny, 2e-4 LoRA, 2e-5 full", open_low=True)
    lr_scheduler_type: str = _choice("cosine", SCHEDULES, "how the learning rate goes down")
    warmup_ratio: float = _number(0.05, 0, 1, "share of the steps in which it goes up first")
    weight_decay: float = _number(0.01, 0, 1, "AdamW's weight decay")
    dropout: float = _number(0.0, 0, 0.9, "dropout of the base, where its architecture has one")
    gradient_accumulation_steps: int = _number(1, 1, 1024, "forward passes in a step")
    max_grad_norm: float = _number(1.0, 0, 1000, "gradients are clipped to this norm; 0: not")
    packing: bool = _choice(BOOL[1], BOOL, "several short examples in one row, none seeing another")
    max_length: int | None = _number(None, 16, 1 << 20, "tokens of an example; the oldest beyond it are cut")
    lora: bool | None = _choice(None, BOOL, "train a LoRA adapter instead of all weights; auto: yes, but not for tiny")
    lora_r: int = _number(16, 1, 1024, "rank of the adapter")
    lora_alpha: int = _number(32, 1, 4096, "scale of the adapter")
    lora_dropout: float = _number(0.0, 0, 0.9, "dropout before the adapter")
    beta: float = _number(0.1, 0, 2, "dpo: how close to the base to stay", open_low=True)
    max_steps: int | None = _number(None, 1, 1 << 31, "stop after so many steps, whatever the epochs")
    eval_steps: int | None = _number(
        None, 1, 1 << 31, "measure and keep a checkpoint every so many steps; auto: each epoch, and every 200"
    )
    early_stopping_patience: int = _number(
        0, 0, 1000, "stop when the validation loss has not fallen so many times, and keep the best; 0: never"
    )
    gradient_checkpointing: bool = _choice(BOOL[1], BOOL, "less memory, more time")
    precision: str = _choice(AUTO, PRECISIONS, "auto: bf16 on a GPU that has it, else fp32")
    seed: int = _number(0, 0, (1 << 31) - 1, "decides order, dropout and a tiny base's first weights")

    def filled(self, *, examples: int, is_tiny: bool) -> Recipe:
        """Decide what is left to "auto" for a file of so many examples and a base."""
        lora = (not is_tiny) if self.lora is None else self.lora
        usual = 2e-3 if is_tiny else 2e-4 if lora else 2e-5
        return dataclasses.replace(
            self,
            n_epochs=self.n_epochs or max(1, default_epochs(examples)),
            batch_size=self.batch_size or max(1, min(8, examples // 10)),
            learning_rate=self.learning_rate or usual * (self.learning_rate_multiplier or 1.0),
            learning_rate_multiplier=self.learning_rate_multiplier or 1.0,
            max_length=self.max_length or (512 if is_tiny else 2048),
            lora=lora,
        )

    def as_json(self) -> dict[str, Any]:
        """Give every value, "auto" where it is left open."""
        return {key: AUTO if value is None else value for key, value in dataclasses.asdict(self).items()}


def read_recipe(given: Mapping[str, Any], *, seed: int = 0) -> Recipe:
    """Read the hyperparameters of a request.

    Raises:
        BadRecipe: one is unknown, of the wrong kind or out of its range.
    """
    known = {one.name: one for one in dataclasses.fields(Recipe)}
    values: dict[str, Any] = {"seed": seed}
    for name, value in given.items():
        if name not in known:
            raise BadRecipe(unknown_name("hyperparameter", name, known), param=name)
        if value is not None and value != AUTO:
            values[name] = _checked(name, value, known[name])
        elif name == "precision":
            values[name] = AUTO
    return Recipe(**values)


def _checked(name: str, value: Any, known: dataclasses.Field[Any]) -> Any:  # noqa: ANN401 - a value of a request
    meta = known.metadata
    if "choices" in meta:
        if value not in meta["choices"] or (meta["choices"] is BOOL) != isinstance(value, bool):
            allowed = ", ".join(str(one).lower() if isinstance(one, bool) else one for one in meta["choices"])
            raise BadRecipe(f"{name} cannot be {value!r}; allowed: {allowed}.", param=name)
        return value
    kind = int if "int" in str(get_type_hints(Recipe)[name]) else float
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (kind is int and value != int(value)) or not _within(value, meta):
        least = "more than" if meta["open_low"] else "at least"
        words = f"a {'whole ' if kind is int else ''}number, {least} {meta['low']:g} and at most {meta['high']:g}"
        raise BadRecipe(f"{name} must be {words}.", param=name)
    return kind(value)


def _within(value: float, meta: Mapping[str, Any]) -> bool:
    above = value > meta["low"] if meta["open_low"] else value >= meta["low"]
    return above and value <= meta["high"]

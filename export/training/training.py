"""Train: TRL's SFTTrainer on rows whose labels we made, or its DPOTrainer on pairs, with PEFT's LoRA where asked.

Checkpoints are written with each measurement; a training that was stopped or killed goes on from the last one.
"""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from transformers import PrinterCallback, set_seed
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from export.training import loading, tiny
from export.training.encoding import Encoder, Row
from export.training.errors import BadTrainingFile
from export.training.examples import read_examples, read_pairs
from export.training.recipe import Recipe
from export.training.sources import SIZES
from export.training.task import CHECKPOINTS, Control, Task
from export.training.watching import Watch, valid_of_pairs, valid_of_rows

KEPT = 3
"""Checkpoints that stay, as at OpenAI; the best is among them where the training may stop early."""
MOST_BETWEEN = 200
"""Steps between two measurements at most, however long an epoch is."""
MOST_LOGGED = 500
"""Steps whose figures are told at most, evenly over the training."""
NOT_OF_A_MODEL = ("optimizer.pt", "scheduler.pt", "rng_state*.pth", "trainer_state.json", "training_args.bin")


@dataclass(frozen=True, slots=True)
class Data:
    """What is trained on and measured on: rows, or pairs for a preference training; `tokens` of one pass."""

    train: list[Any]
    valid: list[Any]
    tokens: int


def train(task: Task, control: Control) -> str:
    """Train until the end, or until control asks to stop, and give "succeeded", "paused" or "cancelled".

    Raises:
        TrainingError: the model or a file cannot be used.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library's warning may quote what it read
        disable_progress_bars()
        return _train(task, control)


def _train(task: Task, control: Control) -> str:
    _build_base(task)
    tokenizer = loading.load_tokenizer(task.base)
    data = _read(task, Encoder(tokenizer))
    recipe = task.recipe.filled(examples=len(data.train), is_tiny=task.size is not None)
    set_seed(recipe.seed)
    watch = Watch(task, recipe, control)
    trainer = _trainer(task, recipe, tokenizer, data, watch)
    trainer.remove_callback(PrinterCallback)
    watch.valid = (
        valid_of_pairs(trainer, data.valid)
        if task.method == "dpo"
        else valid_of_rows(tokenizer.pad_token_id or 0, data.valid)
    )
    per_epoch = max(1, -(-len(trainer.get_train_dataloader()) // recipe.gradient_accumulation_steps))
    steps = recipe.max_steps or per_epoch * (recipe.n_epochs or 1)
    watch.every = recipe.eval_steps or min(per_epoch, MOST_BETWEEN)
    trainer.args.logging_steps = trainer.state.logging_steps = max(1, steps // MOST_LOGGED)
    parameters = sum(one.numel() for one in trainer.model.parameters())
    task.reports.tell(
        "plan", hyperparameters=recipe.as_json(), steps=steps, steps_per_epoch=per_epoch, tokens=data.tokens,
        examples=len(data.train), parameters=parameters, device=str(trainer.args.device),
        trained=sum(one.numel() for one in trainer.model.parameters() if one.requires_grad),
    )  # fmt: skip
    since = task.last_checkpoint()
    if since is None:
        watch.measure(trainer.model, 0, data.train if task.method == "supervised" else [])
    trainer.train(resume_from_checkpoint=str(task.checkpoint(since)) if since else None)
    if trainer.state.global_step < steps and control.wanted:
        return "cancelled" if control.wanted == "cancel" else "paused"
    _keep(task, trainer, watch.best_step if recipe.early_stopping_patience else None)
    task.reports.tell("done", step=trainer.state.global_step, tokens=round(data.tokens * trainer.state.epoch))
    return "succeeded"


def _build_base(task: Task) -> None:
    folder = Path(task.base.path)
    if task.size is None or loading.is_folder(task.base.path):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder.with_name(folder.name + ".partial"), ignore_errors=True)
    if task.method == "supervised":
        messages = (example.messages for example in read_examples(task.train))
    else:
        messages = ([*pair.messages, pair.preferred, pair.rejected] for pair in read_pairs(task.train))
    tiny.build(SIZES[task.size], (text for one in messages for text in tiny.texts_of(one)), folder)
    task.reports.tell("note", message=f"Built {task.size} from nothing; its tokenizer was learnt from this file.")


def _read(task: Task, encoder: Encoder) -> Data:
    if task.method == "dpo":
        train = [encoder.pair(pair) for pair in read_pairs(task.train)]
        valid = [encoder.pair(pair) for pair in read_pairs(task.validation)] if task.validation else []
        tokens = sum(len(encoder.tokenizer(text).input_ids) for pair in train for text in pair.values())
        return Data(train, valid, tokens)
    longest = task.recipe.max_length or task.recipe.filled(examples=1, is_tiny=task.size is not None).max_length or 0
    longest = min(longest, loading.context_of(task.base))
    rows = _rows(task, encoder, task.train, longest)
    if not rows:
        raise BadTrainingFile("No example is left to learn from.", hint="Raise max_length: the answers were cut.")
    valid = _rows(task, encoder, task.validation, longest) if task.validation else []
    return Data(rows, valid, sum(len(row.input_ids) for row in rows))


def _rows(task: Task, encoder: Encoder, path: Path, longest: int) -> list[Row]:
    """Encode a file; what is cut or left out is told."""
    whole = [row for example in read_examples(path) for row in encoder.example(example)]
    cut = [row.last(longest) for row in whole]
    kept = [row for row in cut if row.learnt]
    shortened = sum(len(row.input_ids) > longest for row in whole)
    if shortened:
        words = f"{shortened} of {len(whole)} examples are longer than {longest} tokens: their oldest tokens were cut."
        task.reports.tell("note", level="warn", message=words)
    if len(kept) < len(cut):
        left = f"{len(cut) - len(kept)} examples have nothing to learn within {longest} tokens, and were left out."
        task.reports.tell("note", level="warn", message=left)
    return kept


def _trainer(task: Task, recipe: Recipe, tokenizer: Any, data: Data, watch: Watch) -> Any:  # noqa: ANN401 - TRL's own
    """Make TRL's trainer; LoRA's base is loaded in bf16 where the GPU has it, full training keeps fp32 weights."""
    bf16 = recipe.precision == "bf16" or (recipe.precision == "auto" and loading.has_bf16())
    dtype = torch.bfloat16 if bf16 and recipe.lora else torch.float32
    model = loading.load_model(task.base, dtype=dtype, dropout=recipe.dropout)
    adapter = LoraConfig(
        task_type="CAUSAL_LM", r=recipe.lora_r, lora_alpha=recipe.lora_alpha, lora_dropout=recipe.lora_dropout,
        target_modules="all-linear",
    )  # fmt: skip
    common: dict[str, Any] = {"model": model, "processing_class": tokenizer, "callbacks": [watch]}
    common["peft_config"] = adapter if recipe.lora else None
    options = _options(task, recipe, bf16=bf16)
    if task.method == "dpo":
        made = DPOConfig(beta=recipe.beta, max_length=recipe.max_length, **options)
        reference = None if recipe.lora else loading.load_model(task.base, dtype=dtype)
        valid = Dataset.from_list(data.valid) if data.valid else None
        return DPOTrainer(
            args=made, train_dataset=Dataset.from_list(data.train), eval_dataset=valid, ref_model=reference, **common
        )
    packing = {"packing": True, "max_length": recipe.max_length} if recipe.packing else {"max_length": None}
    # Rows of like length stand together, so that little of a batch is padding; which of them, the seed decides.
    options["train_sampling_strategy"] = "group_by_length"
    made = SFTConfig(dataset_kwargs={"skip_prepare_dataset": not recipe.packing}, **packing, **options)
    return SFTTrainer(args=made, train_dataset=_dataset(data.train), **common)


def _dataset(rows: Sequence[Any]) -> Dataset:
    return Dataset.from_dict({"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows]})


def _options(task: Task, recipe: Recipe, *, bf16: bool) -> dict[str, Any]:
    """Say it in the words of transformers' TrainingArguments; nothing is reported to anybody."""
    return {
        "output_dir": str(task.folder / CHECKPOINTS),
        "num_train_epochs": recipe.n_epochs,
        "max_steps": recipe.max_steps or -1,
        "per_device_train_batch_size": recipe.batch_size,
        "per_device_eval_batch_size": recipe.batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": recipe.lr_scheduler_type,
        "warmup_steps": min(recipe.warmup_ratio, 0.999),
        "weight_decay": recipe.weight_decay,
        "max_grad_norm": recipe.max_grad_norm,
        "gradient_checkpointing": recipe.gradient_checkpointing,
        "bf16": bf16,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "save_strategy": "no",  # the watch says when, together with what it measured
        "eval_strategy": "no",
        "save_total_limit": KEPT,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": [],
        "dataloader_pin_memory": torch.cuda.is_available(),
    }


def _keep(task: Task, trainer: Any, best: int | None) -> None:  # noqa: ANN401 - TRL's own
    """Write the model that came of it: the last weights, or the best where the training might stop early."""
    partial = task.model.with_name(task.model.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    if best and task.checkpoint(best).is_dir():
        shutil.copytree(task.checkpoint(best), partial, ignore=shutil.ignore_patterns(*NOT_OF_A_MODEL))
        task.reports.tell("note", message=f"The weights of step {best} are kept: no later ones were better.")
    else:
        trainer.save_model(str(partial))
        for left in islice(partial.glob("training_args.bin"), 1):
            left.unlink()
    shutil.rmtree(task.model, ignore_errors=True)
    partial.replace(task.model)

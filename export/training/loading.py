"""Load a model and its tokenizer from where they are: safetensors alone, no code of theirs, adapters merged in."""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar

from export.training.errors import TrainingError, UnknownBase
from export.training.sources import ModelSource

disable_progress_bar()

HINT = "Name a folder with config.json and *.safetensors, or a model of the hub that is on this machine."
DROPOUTS = (
    "attention_dropout", "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "resid_pdrop",
    "embd_pdrop", "attn_pdrop", "residual_dropout", "embedding_dropout",
)  # fmt: skip
"""What the architectures of transformers call their dropout."""


def device() -> torch.device:
    """Give the GPU where there is one."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def has_bf16() -> bool:
    """Say whether this machine's GPU computes in bf16."""
    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def load_tokenizer(source: ModelSource) -> Any:  # noqa: ANN401 - whichever class the model has
    """Load the tokenizer; an adapter has that of the model under it.

    Raises:
        UnknownBase: there is none, or it knows no chats.
    """
    root = source.root
    try:
        tokenizer = AutoTokenizer.from_pretrained(root.path)
    except (OSError, ValueError, KeyError) as error:
        raise UnknownBase(
            f"There is no tokenizer for {root.path!r} here ({type(error).__name__}).", hint=HINT
        ) from None
    if not tokenizer.is_fast or not tokenizer.chat_template:
        raise UnknownBase(
            f"The tokenizer of {root.path!r} has no chat template, or cannot say where its tokens stood.",
            hint="Choose a model made for chats (often called instruct or chat).",
        )
    return tokenizer


def load_model(source: ModelSource, *, dtype: torch.dtype, dropout: float = 0.0) -> Any:  # noqa: ANN401 - as above
    """Load the weights, each adapter merged into what is under it.

    Raises:
        UnknownBase: there is no such model, or not as safetensors.
        TrainingError: dropout was asked of an architecture that has none.
    """
    if source.under is not None:
        from peft import PeftModel

        return PeftModel.from_pretrained(load_model(source.under, dtype=dtype), source.path).merge_and_unload()
    try:
        config = AutoConfig.from_pretrained(source.path)
        _set_dropout(config, dropout)
        return AutoModelForCausalLM.from_pretrained(source.path, config=config, dtype=dtype, use_safetensors=True)
    except (OSError, ValueError, KeyError) as error:
        raise UnknownBase(f"There is no model {source.path!r} here ({type(error).__name__}).", hint=HINT) from None


def context_of(source: ModelSource) -> int:
    """Give how many tokens a model reads; a large number where its configuration does not say."""
    try:
        config = AutoConfig.from_pretrained(source.root.path)
    except (OSError, ValueError, KeyError, json.JSONDecodeError):
        return 1 << 20
    return int(getattr(config, "max_position_embeddings", None) or 1 << 20)


def is_folder(path: str) -> bool:
    """Say whether a path holds a model."""
    return (Path(path) / "config.json").is_file()


def _set_dropout(config: Any, dropout: float) -> None:  # noqa: ANN401 - whichever class the model has
    if not dropout:
        return
    known = [name for name in DROPOUTS if hasattr(config, name)]
    if not known:
        raise TrainingError(f"A {config.model_type} has no dropout to set.", hint="Leave dropout at 0, or use LoRA's.")
    for name in known:
        setattr(config, name, dropout)

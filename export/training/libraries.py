"""Check that the libraries of the extra `train` are here, and keep them silent and off the network."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from export.training.errors import TrainingUnready

NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate")
INSTALL = "Run: pip install 'chatmill[train]'"

SILENT = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "DISABLE_TELEMETRY": "1",
    "TRACKIO_DISABLED": "1",
    "WANDB_MODE": "disabled",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Variables that the libraries read when they are imported."""
GENTLE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait do not burn their core: beside other work a step costs a third of the processor time (measured)."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def check_libraries() -> None:
    """Look for the libraries without importing them, which takes seconds.

    Raises:
        TrainingUnready: one is missing.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainingUnready(f"Local training needs {', '.join(missing)}.", hint=INSTALL)


def environment(folder: Path, *, may_fetch: bool = False) -> dict[str, str]:
    """Give the variables for a process that trains: no telemetry, no network, caches in a private folder.

    `may_fetch` lets the libraries fetch what is not here yet: somebody named a model of the hub.
    """
    kept = {key: value for key, value in os.environ.items() if key not in OFFLINE or not may_fetch}
    own = {"HF_DATASETS_CACHE": str(folder / "cache"), "TMPDIR": str(folder / "tmp")}
    return kept | GENTLE | SILENT | own | ({} if may_fetch else OFFLINE)


def silence() -> None:
    """Set this process's variables before the libraries are imported."""
    os.environ.update(GENTLE | SILENT | {key: os.environ.get(key, value) for key, value in OFFLINE.items()})

"""Small training files, and tasks on them that train in a second."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from export.training.recipe import read_recipe
from export.training.sources import ModelSource
from export.training.task import Task

SIZE = "chatmill-nano"


def example(number: int) -> dict[str, Any]:
    """A conversation with an answer that is not learnt, and one that is."""
    return {
        "messages": [
            {"role": "system", "content": "Help."},
            {"role": "user", "content": f"Where is order {number}?"},
            {"role": "assistant", "content": "Let me look.", "weight": 0},
            {"role": "user", "content": "Thanks"},
            {"role": "assistant", "content": f"Order {number} leaves on day {number % 28 + 1}."},
        ]
    }


def pair(number: int) -> dict[str, Any]:
    """A question with an answer that is better than another."""
    return {
        "input": {"messages": [{"role": "user", "content": f"Where is order {number}?"}]},
        "preferred_output": [{"role": "assistant", "content": f"It leaves on day {number % 28 + 1}."}],
        "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
    }


def write_lines(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def task(folder: Path, base: Path, *, method: str = "supervised", **asked: Any) -> Task:
    """A task over 40 examples, in a folder of its own; its base is shared."""
    folder.mkdir(parents=True)
    make = example if method == "supervised" else pair
    train = write_lines(folder / "train.jsonl", [make(number) for number in range(40)])
    valid = write_lines(folder / "valid.jsonl", [make(number) for number in range(100, 108)])
    recipe = read_recipe({"learning_rate": 0.01, **asked}, seed=3)
    return Task(folder, method, ModelSource(str(base)), train, valid, recipe, SIZE)  # type: ignore[arg-type]


def metrics(one: Task) -> dict[int, dict[str, Any]]:
    return {line["step"]: line for line in one.told() if line["kind"] == "metrics"}

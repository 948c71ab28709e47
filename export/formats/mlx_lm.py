"""mlx-lm: messages in train.jsonl, valid.jsonl and test.jsonl.

`mask_prompt` learns the last message alone, so each line is one answer; there are no weights. The files are read line
by line as JSON, so "tools" is a list (tuner/datasets.py). An empty file stops it: `create_dataset` looks at the first
line.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from export.formats.openai_rules import Problem
from export.formats.speaking import bare
from export.formats.starting import BASE_MODEL, START, start
from export.formats.target import DEFAULT_BASE, Body, Facts, Target, is_messages, malformed, shape

KEYS, TOOLS = frozenset({"messages"}), frozenset({"tools"})
BATCH = 4
EPOCHS = 3


def line(record: Body) -> Body:
    """Write an example whose last answer is to be learnt."""
    tools = {"tools": record["tools"]} if record.get("tools") else {}
    return {"messages": [bare(one) for one in record["messages"]], **tools}


def read(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, KEYS, TOOLS):
        return problem
    return body if is_messages(body["messages"]) else malformed("messages")


CONFIG = """\
# mlx_lm.lora --config mlx_lm.yaml, in this folder
model: {base}
train: true
data: .
fine_tune_type: lora
mask_prompt: true  # each line teaches its last answer
num_layers: 16
batch_size: {batch}
iters: {steps}  # {epochs} times over the training file
learning_rate: 1.0e-4
max_seq_length: {length}
steps_per_eval: 200
adapter_path: adapters
seed: 42
lora_parameters:
  rank: 16
  dropout: 0.0
  scale: 20.0
"""


def bundle(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    steps = max(1, ceil(facts.lines.get("train", 0) * EPOCHS / BATCH))
    config = CONFIG.format(base=DEFAULT_BASE, batch=BATCH, steps=steps, epochs=EPOCHS, length=facts.length)
    notes = (
        "mlx-lm does not start where valid.jsonl or test.jsonl is empty: export ten conversations or more.",
        BASE_MODEL,
    )
    run = ("mlx_lm.lora --config mlx_lm.yaml", "mlx_lm.lora --config mlx_lm.yaml --test   # the loss on test.jsonl")
    return {
        "mlx_lm.yaml": config,
        START: start(facts, "mlx-lm", install="pip install mlx-lm", run=run, notes=notes),
    }


TARGET = Target(
    name="mlx-lm",
    help="Messages for mlx-lm on Apple computers, one line an answer, with mlx_lm.yaml.",
    source="mlx-lm 0.32.2: tuner/datasets.py, lora.py",
    learns="last",
    line=line,
    read=read,
    bundle=bundle,
    needs_every_split=True,
    files={"train": "train.jsonl", "validation": "valid.jsonl", "test": "test.jsonl"},
)

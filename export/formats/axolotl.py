"""Axolotl: messages with a weight on each answer, and pairs for its DPO.

`type: chat_template` with `message_field_training: weight` learns the answers of weight 1 alone
(prompt_strategies/chat_template.py: `message.get(message_field_training)`). "tools" may be a JSON string, and has to
be, for Arrow would fill every tool in with the parameters of all others. `chat_template.default` of its DPO reads role
and content alone, so pairs with tool calls are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.formats.openai_rules import Problem
from export.formats.speaking import WITHOUT_TOOLS, bare, no_tools, without_tools
from export.formats.starting import BASE_MODEL, START, start
from export.formats.target import DEFAULT_BASE, Body, Facts, Target, is_messages, malformed, shape
from export.formats.trl import TOOLS, tools_in, tools_of

CHAT, PAIR = frozenset({"messages"}), frozenset({"messages", "chosen", "rejected"})
SOURCE = "Axolotl 0.19.0: prompt_strategies/chat_template.py, prompt_strategies/dpo/chat_template.py"


def chat_line(record: Body) -> Body:
    """Write an example; every answer says whether it is learnt."""
    return {"messages": [_weighed(one) for one in record["messages"]], **tools_of(record)}


def pair_line(record: Body) -> Body:
    """Write a pair."""
    messages = [bare(one) for one in record["messages"]]
    return {"messages": messages, "chosen": record["chosen"], "rejected": record["rejected"]}


def read_chat(body: Body) -> Body | Problem:
    """Read an example back."""
    tools = tools_in(body)
    if problem := shape(body, CHAT, TOOLS):
        return problem
    if isinstance(tools, Problem):
        return tools
    return {"messages": body["messages"], **tools} if is_messages(body["messages"]) else malformed("messages")


def read_pair(body: Body) -> Body | Problem:
    """Read a pair back."""
    if problem := shape(body, PAIR):
        return problem
    for key in sorted(PAIR):
        if not is_messages(body[key] if key == "messages" else [body[key]]):
            return malformed(key)
    return body


def _weighed(message: Body) -> dict[str, Any]:
    return {**message, "weight": message.get("weight", 1)} if message["role"] == "assistant" else dict(message)


CONFIG = """\
# axolotl train axolotl.yaml, in this folder
base_model: {base}
{data}
output_dir: ./output
dataset_prepared_path: ./prepared
sequence_len: {length}
adapter: lora
lora_r: 16
lora_alpha: 32
lora_dropout: 0.05
lora_target_linear: true
micro_batch_size: 2
gradient_accumulation_steps: 8
num_epochs: 3
learning_rate: {rate}
lr_scheduler: cosine
warmup_ratio: 0.03
optimizer: adamw_torch
bf16: auto
logging_steps: 10
seed: 42
"""
CHAT_DATA = """\
{name}:
  - path: {file}
    ds_type: json
    type: chat_template
    field_messages: messages
    field_tools: tools
    message_property_mappings:
      role: role
      content: content
    roles_to_train: []
    message_field_training: weight
    train_on_eos: turn"""
PAIR_DATA = """\
rl: dpo
datasets:
  - path: {file}
    ds_type: json
    split: train
    type: chat_template.default
    field_messages: messages
    field_chosen: chosen
    field_rejected: rejected"""


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    names = {"train": "datasets", "validation": "test_datasets"}
    data = [CHAT_DATA.format(name=names[split], file=file) for split, file in facts.files.items() if split in names]
    data += ["evals_per_epoch: 1"] if facts.validation else []
    notes = ("An answer is learnt where its weight is 1.", BASE_MODEL)
    return {
        "axolotl.yaml": _config(facts, "\n".join(["chat_template: tokenizer_default", *data]), rate="2.0e-4"),
        START: start(facts, "Axolotl", install="pip install axolotl", run=("axolotl train axolotl.yaml",), notes=notes),
    }


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    data = PAIR_DATA.format(file=facts.files.get("train", "train.jsonl"))
    run = ("axolotl train axolotl.yaml",)
    return {
        "axolotl.yaml": _config(facts, data, rate="5.0e-6"),
        START: start(facts, "Axolotl (DPO)", install="pip install axolotl", run=run, notes=(BASE_MODEL,)),
    }


def _config(facts: Facts, data: str, *, rate: str) -> str:
    return CONFIG.format(base=DEFAULT_BASE, data=data, length=facts.length, rate=rate)


TARGET = Target(
    name="axolotl",
    help="Messages with weights for Axolotl's chat_template, with axolotl.yaml.",
    source=SOURCE,
    line=chat_line,
    read=read_chat,
    bundle=bundle_chat,
)
PREFERENCE = Target(
    name="axolotl-preference",
    help="Pairs of answers for Axolotl's DPO, with axolotl.yaml.",
    source=SOURCE,
    kind="preference",
    line=pair_line,
    read=read_pair,
    fit=without_tools,
    limits=no_tools,
    bundle=bundle_pair,
    fit_says=WITHOUT_TOOLS,
)

"""torchtune: messages for OpenAIToMessages, and pairs for ChosenRejectedToMessages.

Both learn every answer and know no weights, so answers that must not be learnt are left out; there is no role for
tools' results (data/_messages.py). validate_messages wants speakers to take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from export.formats.openai_rules import Problem
from export.formats.speaking import (
    ALTERNATING,
    WITHOUT_TOOLS,
    WITHOUT_UNLEARNT,
    alternating,
    alternating_context,
    every,
    no_tools,
    no_weights,
    steps,
    takes_turns,
    without_tools,
    without_unlearnt,
)
from export.formats.starting import START, start
from export.formats.target import Body, Facts, Target, is_messages, malformed, shape

SAID = frozenset({"role", "content"})
CHAT, PAIR = frozenset({"messages"}), frozenset({"chosen", "rejected"})
SOURCE = "torchtune 0.6.1: data/_messages.py, datasets/_chat.py, datasets/_preference.py"


def chat_line(record: Body) -> Body:
    """Write an example, every answer of which is learnt."""
    return {"messages": _said(record["messages"])}


def pair_line(record: Body) -> Body:
    """Write a pair: two whole conversations that differ in their last answer."""
    return {key: _said([*record["messages"], record[key]]) for key in ("chosen", "rejected")}


def read_chat(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, CHAT):
        return problem
    return {"messages": body["messages"]} if _fits(body["messages"]) else malformed("messages")


def read_pair(body: Body) -> Body | Problem:
    """Read a pair back."""
    if problem := shape(body, PAIR):
        return problem
    for key in sorted(PAIR):
        if not _fits(body[key]) or not body[key]:
            return malformed(key)
    *context, chosen = body["chosen"]
    *other, rejected = body["rejected"]
    if context != other:
        return Problem("pair.context", "The answers do not stand after the same conversation.", "Leave the pair out.")
    return {"messages": context, "chosen": chosen, "rejected": rejected}


def _said(messages: Sequence[Body]) -> list[dict[str, str]]:
    return [{"role": one["role"], "content": one["content"]} for one in messages]


def _fits(value: Any) -> bool:  # noqa: ANN401 - whatever a file holds
    return is_messages(value) and all(frozenset(one) == SAID for one in value)


CONFIG = """\
# What replaces `dataset` and `tokenizer.max_seq_len` in a recipe's configuration:
#   tune run {recipe} --config torchtune.yaml
tokenizer:
  _component_: torchtune.models.qwen2_5.qwen2_5_tokenizer
  path: model/vocab.json
  merges_file: model/merges.txt
  max_seq_len: {length}
dataset:
{data}
seed: 42
shuffle: true
epochs: 3
batch_size: 2
gradient_accumulation_steps: 8
"""
CHAT_DATA = """\
  _component_: torchtune.datasets.chat_dataset
  source: json
  data_files: {file}
  conversation_column: messages
  conversation_style: openai
  train_on_input: false
  packed: false
  split: train"""
PAIR_DATA = """\
  _component_: torchtune.datasets.preference_dataset
  source: json
  data_files: {file}
  train_on_input: false
  split: train"""
NOTES = (
    "`torchtune.yaml` holds what follows from this dataset; copy a recipe's configuration and put these keys in.",
    "Set the tokenizer's paths to where `tune download` put the model.",
)


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    return _bundle(facts, CHAT_DATA, "lora_finetune_single_device", "qwen2_5/0.5B_lora_single_device")


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    return _bundle(facts, PAIR_DATA, "lora_dpo_single_device", "llama3_1/8B_lora_dpo_single_device")


def _bundle(facts: Facts, data: str, recipe: str, config: str) -> Mapping[str, str]:
    told = data.format(file=facts.files.get("train", "train.jsonl"))
    run = (
        "tune download Qwen/Qwen2.5-0.5B-Instruct --output-dir model",
        f"tune cp {config} recipe.yaml   # then put the keys of torchtune.yaml in",
        f"tune run {recipe} --config recipe.yaml",
    )
    return {
        "torchtune.yaml": CONFIG.format(recipe=recipe, length=facts.length, data=told),
        START: start(facts, "torchtune", install="pip install torchtune torchao", run=run, notes=NOTES),
    }


TARGET = Target(
    name="torchtune",
    help="Messages for torchtune's chat_dataset, with the keys of its configuration.",
    source=SOURCE,
    learns="all",
    line=chat_line,
    read=read_chat,
    fit=steps(without_tools, without_unlearnt, alternating),
    limits=every(no_tools, no_weights, takes_turns),
    bundle=bundle_chat,
    fit_says=f"{ALTERNATING}; {WITHOUT_UNLEARNT}; {WITHOUT_TOOLS}",
)
PREFERENCE = Target(
    name="torchtune-preference",
    help="Pairs of conversations for torchtune's preference_dataset, with the keys of its configuration.",
    source=SOURCE,
    kind="preference",
    line=pair_line,
    read=read_pair,
    fit=steps(without_tools, alternating_context),
    limits=every(no_tools, takes_turns),
    bundle=bundle_pair,
    fit_says=f"{ALTERNATING}; {WITHOUT_TOOLS}",
)

"""LLaMA-Factory: its sharegpt format, with dataset_info.json.

The speakers are human, gpt, function_call and observation; they must take turns, and each line ends with an answer,
else the line is skipped with a warning (data/converter.py, SharegptDatasetConverter). "tools" is a JSON string. There
are no weights: `mask_history` learns the last answer alone, so each line is one answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from export.formats.openai_rules import Problem
from export.formats.speaking import ALTERNATING, alternating, alternating_context, takes_turns
from export.formats.starting import BASE_MODEL, START, start
from export.formats.target import DEFAULT_BASE, Body, Facts, Target, is_messages, malformed, shape
from export.formats.trl import tools_in, tools_of

CHAT, PAIR = frozenset({"conversations"}), frozenset({"conversations", "chosen", "rejected"})
OPTIONAL = frozenset({"system", "tools"})
NAMES = {"user": "human", "assistant": "gpt", "tool": "observation"}
ROLES = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}
SOURCE = "LLaMA-Factory 0.9.5: data/converter.py, data/parser.py, hparams/data_args.py"

Said = dict[str, str]


def chat_line(record: Body) -> Body:
    """Write an example whose last answer is to be learnt."""
    return {"conversations": _said(record["messages"]), **_around(record)}


def pair_line(record: Body) -> Body:
    """Write a pair."""
    chosen, rejected = (_said([record[key]])[0] for key in ("chosen", "rejected"))
    return {"conversations": _said(record["messages"]), "chosen": chosen, "rejected": rejected, **_around(record)}


def read_chat(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, CHAT, OPTIONAL):
        return problem
    return _read(body)


def read_pair(body: Body) -> Body | Problem:
    """Read a pair back."""
    if problem := shape(body, PAIR, OPTIONAL):
        return problem
    record = _read(body)
    if isinstance(record, Problem):
        return record
    answers: dict[str, Body] = {}
    for key in ("chosen", "rejected"):
        told = _messages([body[key]])
        if isinstance(told, Problem):
            return malformed(key)
        answers[key] = told[0]
    return {**record, **answers}


def _around(record: Body) -> Said:
    """Give the keys beside the conversation: what the system says, and the tools, both empty where there are none."""
    head = [one["content"] for one in record["messages"][:1] if one["role"] == "system"]
    # Keys in every line: the reader takes the columns of the first line for those of all.
    return {"system": "".join(head), "tools": tools_of(record).get("tools", "")}


def _said(messages: Sequence[Body]) -> list[Said]:
    said: list[Said] = []
    for message in messages:
        if message["role"] == "system":
            continue
        name, value = NAMES[message["role"]], message["content"]
        if calls := message.get("tool_calls"):
            name, value = "function_call", orjson.dumps([_call(one["function"]) for one in calls]).decode()
        if name == "observation" and said[-1]["from"] == name:
            said[-1]["value"] += "\n" + value  # several results are one observation
        else:
            said.append({"from": name, "value": value})
    return said


def _call(function: Mapping[str, str]) -> dict[str, Any]:
    return {"name": function["name"], "arguments": orjson.loads(function["arguments"])}


def _read(body: Body) -> Body | Problem:
    told = _messages(body["conversations"])
    if isinstance(told, Problem):
        return told
    tools = tools_in({"tools": body["tools"]} if body.get("tools") else {})
    if isinstance(tools, Problem):
        return tools
    system = body.get("system", "")
    head = [{"role": "system", "content": system}] if system else []
    return {"messages": [*head, *told], **tools}


def _messages(said: Any) -> list[Body] | Problem:  # noqa: ANN401 - whatever a file holds
    """Read what was said; ids of calls are counted, for the format has none."""
    if not is_messages(said, ("from", "value")) or any(one["from"] not in ROLES for one in said):
        return malformed("conversations")
    messages: list[Body] = []
    calls = 0
    for one in said:
        message: dict[str, Any] = {"role": ROLES[one["from"]], "content": one["value"]}
        if one["from"] == "function_call":
            called = _calls(one["value"])
            if called is None:
                return malformed("function_call")
            named = [{"id": f"call_{calls + at}", "type": "function", "function": f} for at, f in enumerate(called, 1)]
            message |= {"content": "", "tool_calls": named}
            calls += len(called)
            messages.append(message)
            continue
        messages += _results(message, messages) if one["from"] == "observation" else [message]
    return messages


def _results(message: dict[str, Any], before: Sequence[Body]) -> Iterator[Body]:
    """Give one observation as the results of every call before it."""
    for call in before[-1].get("tool_calls", ({"id": ""},)) if before else ({"id": ""},):
        yield {**message, "tool_call_id": call["id"]}


def _calls(value: str) -> list[dict[str, str]] | None:
    try:
        called = orjson.loads(value)
        return [{"name": one["name"], "arguments": orjson.dumps(one["arguments"]).decode()} for one in called]
    except (orjson.JSONDecodeError, TypeError, KeyError):
        return None


CONFIG = """\
# llamafactory-cli train llama_factory.yaml, in this folder
model_name_or_path: {base}
stage: {stage}
do_train: true
finetuning_type: lora
lora_rank: 16
lora_target: all
dataset_dir: .
dataset: chatmill_train
{evaluated}template: qwen
cutoff_len: {length}
{learning}
output_dir: output
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
num_train_epochs: 3.0
learning_rate: {rate}
lr_scheduler_type: cosine
warmup_ratio: 0.03
bf16: true
logging_steps: 10
seed: 42
report_to: none
"""
EVALUATED = "eval_dataset: chatmill_validation\neval_strategy: epoch\nper_device_eval_batch_size: 2\n"
COLUMNS = {"messages": "conversations", "system": "system", "tools": "tools"}


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give dataset_info.json, the configuration and the page."""
    learning = "mask_history: true  # each line teaches its last answer"
    return _bundle(facts, stage="sft", learning=learning, rate="2.0e-4", info={"columns": COLUMNS})


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give dataset_info.json, the configuration and the page."""
    columns = {**COLUMNS, "chosen": "chosen", "rejected": "rejected"}
    learning = "pref_beta: 0.1\npref_loss: sigmoid"
    return _bundle(facts, stage="dpo", learning=learning, rate="5.0e-6", info={"ranking": True, "columns": columns})


def _bundle(facts: Facts, *, stage: str, learning: str, rate: str, info: Mapping[str, Any]) -> Mapping[str, str]:
    listed = {
        f"chatmill_{split}": {"file_name": file, "formatting": "sharegpt", **info}
        for split, file in facts.files.items()
    }
    evaluated = EVALUATED if facts.validation else ""
    config = CONFIG.format(
        base=DEFAULT_BASE, stage=stage, evaluated=evaluated, length=facts.length, learning=learning, rate=rate
    )
    notes = (
        "`template` must be that of the model's family; LLaMA-Factory lists them.",
        "dataset_info.json names the files; the tags are LLaMA-Factory's defaults.",
        BASE_MODEL,
    )
    run = ("llamafactory-cli train llama_factory.yaml",)
    return {
        "dataset_info.json": orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode(),
        "llama_factory.yaml": config,
        START: start(facts, "LLaMA-Factory", install="pip install llamafactory", run=run, notes=notes),
    }


TARGET = Target(
    name="llama-factory",
    help="sharegpt for LLaMA-Factory, one line an answer, with dataset_info.json and llama_factory.yaml.",
    source=SOURCE,
    learns="last",
    line=chat_line,
    read=read_chat,
    fit=alternating,
    limits=takes_turns,
    bundle=bundle_chat,
    fit_says=ALTERNATING,
)
PREFERENCE = Target(
    name="llama-factory-preference",
    help="Ranked pairs for LLaMA-Factory's DPO, with dataset_info.json and llama_factory.yaml.",
    source=SOURCE,
    kind="preference",
    line=pair_line,
    read=read_pair,
    fit=alternating_context,
    limits=takes_turns,
    bundle=bundle_pair,
    fit_says=ALTERNATING,
)

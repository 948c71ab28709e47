"""TRL: a prompt and the one answer to learn after it, or a prompt with a chosen and a rejected answer.

TRL 1.16 learns the completion alone where a line has "prompt" and "completion" (`completion_only_loss`), whatever the
model's chat template; its other way, `assistant_only_loss`, knows no weights. "tools" may be a JSON string
(sft_trainer.py and dpo_trainer.py: `json.loads(tools) if isinstance(tools, str)`), and has to be: as a column of
objects Arrow would fill every tool in with the parameters of all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from export.formats.openai_rules import Problem
from export.formats.speaking import bare
from export.formats.starting import BASE_MODEL, START, start
from export.formats.target import DEFAULT_BASE, Body, Facts, Target, is_messages, malformed, shape

TOOLS = frozenset({"tools"})
CHAT, PAIR = frozenset({"prompt", "completion"}), frozenset({"prompt", "chosen", "rejected"})
SOURCE = "TRL 1.16.0: trainer/sft_trainer.py, trainer/dpo_trainer.py, scripts/"


def chat_line(record: Body) -> Body:
    """Write an example whose last answer is to be learnt."""
    *prompt, answer = map(bare, record["messages"])
    return {"prompt": prompt, "completion": [answer], **tools_of(record)}


def pair_line(record: Body) -> Body:
    """Write a pair."""
    prompt = [bare(one) for one in record["messages"]]
    return {"prompt": prompt, "chosen": [record["chosen"]], "rejected": [record["rejected"]], **tools_of(record)}


def tools_of(record: Body) -> dict[str, str]:
    """Give the list of tools as a JSON string, where there is one."""
    return {"tools": orjson.dumps(record["tools"]).decode()} if record.get("tools") else {}


def tools_in(body: Body) -> dict[str, Any] | Problem:
    """Read the JSON string back."""
    if "tools" not in body:
        return {}
    try:
        return {"tools": orjson.loads(body["tools"])}
    except (orjson.JSONDecodeError, TypeError):
        return malformed("tools")


def read_chat(body: Body) -> Body | Problem:
    """Read an example back."""
    tools = tools_in(body)
    if problem := shape(body, CHAT, TOOLS):
        return problem
    if isinstance(tools, Problem):
        return tools
    for key in sorted(CHAT):
        if not is_messages(body[key]):
            return malformed(key)
    if len(body["completion"]) != 1:
        return malformed("completion")
    return {"messages": [*body["prompt"], *body["completion"]], **tools}


def read_pair(body: Body) -> Body | Problem:
    """Read a pair back."""
    tools = tools_in(body)
    if problem := shape(body, PAIR, TOOLS):
        return problem
    if isinstance(tools, Problem):
        return tools
    for key in sorted(PAIR):
        if not is_messages(body[key]) or (key != "prompt" and len(body[key]) != 1):
            return malformed(key)
    return {"messages": body["prompt"], **tools, "chosen": body["chosen"][0], "rejected": body["rejected"][0]}


UNJUDGED = "TRL's command reads the training file alone; keep the others to compare models with."
CONFIG = """\
# trl {command} --config trl.yaml, in this folder
model_name_or_path: {base}
datasets:
  - path: json
    data_files: {train}
output_dir: output
{learning}
max_length: {length}
use_peft: true
lora_r: 16
lora_alpha: 32
lora_target_modules: all-linear
num_train_epochs: 3
learning_rate: {rate}
lr_scheduler_type: cosine
warmup_steps: 0.03
per_device_train_batch_size: 2
gradient_accumulation_steps: 8
logging_steps: 10
seed: 42
report_to: none
eval_strategy: "no"
"""


def config(facts: Facts, command: str, *, learning: str, rate: str) -> str:
    """Write the configuration of one of TRL's commands."""
    return CONFIG.format(
        command=command,
        base=DEFAULT_BASE,
        train=facts.files.get("train", "train.jsonl"),
        learning=learning,
        length=facts.length,
        rate=rate,
    )


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    notes = (
        "Each line is one answer with what was said before it; the loss is that of the answer alone.",
        UNJUDGED,
        BASE_MODEL,
    )
    run = ("trl sft --config trl.yaml",)
    return {
        "trl.yaml": config(facts, "sft", learning="completion_only_loss: true", rate="2.0e-4"),
        START: start(facts, "TRL", install="pip install 'trl[peft]'", run=run, notes=notes),
    }


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give the configuration and the page."""
    notes = ("Tune on whole conversations first, and on pairs after that, with a small rate.", UNJUDGED, BASE_MODEL)
    run = ("trl dpo --config trl.yaml",)
    return {
        "trl.yaml": config(facts, "dpo", learning="beta: 0.1", rate="5.0e-6"),
        START: start(facts, "TRL (DPO)", install="pip install 'trl[peft]'", run=run, notes=notes),
    }


TARGET = Target(
    name="trl",
    help="Prompt and completion for TRL's SFTTrainer, one line an answer, with trl.yaml.",
    source=SOURCE,
    learns="last",
    line=chat_line,
    read=read_chat,
    bundle=bundle_chat,
)
PREFERENCE = Target(
    name="trl-preference",
    help="Pairs of answers for TRL's DPOTrainer, with trl.yaml.",
    source=SOURCE,
    kind="preference",
    line=pair_line,
    read=read_pair,
    bundle=bundle_pair,
)

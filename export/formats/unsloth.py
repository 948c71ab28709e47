"""Unsloth: "conversations" of messages with exactly a role and a content, both strings.

`standardize_data_formats` takes no more keys than two, and the roles system, user and assistant alone, so lines with
tool calls are left out. `train_on_responses_only(..., last_response_only=True)` learns the last answer alone
(unsloth_zoo/dataset_utils.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from export.formats.openai_rules import Problem
from export.formats.speaking import (
    ALTERNATING,
    WITHOUT_TOOLS,
    alternating,
    every,
    no_tools,
    steps,
    takes_turns,
    without_tools,
)
from export.formats.starting import BASE_MODEL, START, start
from export.formats.target import DEFAULT_BASE, Body, Facts, Target, is_messages, malformed, shape

KEYS, SAID = frozenset({"conversations"}), frozenset({"role", "content"})


def line(record: Body) -> Body:
    """Write an example whose last answer is to be learnt."""
    return {"conversations": [{"role": one["role"], "content": one["content"]} for one in record["messages"]]}


def read(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, KEYS):
        return problem
    said = body["conversations"]
    if not is_messages(said) or any(frozenset(one) != SAID for one in said):
        return malformed("conversations")
    return {"messages": said}


SCRIPT = '''\
"""Tune a model on this dataset with Unsloth; run it in this folder. It needs a GPU."""

import unsloth  # must come first  # noqa: F401
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
from unsloth import FastLanguageModel
from unsloth.chat_templates import standardize_data_formats, train_on_responses_only

FILES = {files}
MAX_LENGTH = {length}

model, tokenizer = FastLanguageModel.from_pretrained("{base}", max_seq_length=MAX_LENGTH, load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=16, lora_alpha=32, random_state=42)


def as_text(batch):
    return {{"text": [tokenizer.apply_chat_template(one, tokenize=False) for one in batch["conversations"]]}}


dataset = load_dataset("json", data_files=FILES)
dataset = {{name: standardize_data_formats(part).map(as_text, batched=True) for name, part in dataset.items()}}
trainer = SFTTrainer(
    model=model,
    processing_class=tokenizer,
    train_dataset=dataset["train"],
    eval_dataset=dataset.get("validation"),
    args=SFTConfig(
        output_dir="output",
        dataset_text_field="text",
        max_length=MAX_LENGTH,
        per_device_train_batch_size=2,
        gradient_accumulation_steps=8,
        num_train_epochs=3,
        learning_rate=2e-4,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        logging_steps=10,
        seed=42,
        report_to="none",
    ),
)
# Each line teaches its last answer. These are ChatML's marks; another model's template has others.
trainer = train_on_responses_only(
    trainer,
    instruction_part="<|im_start|>user\\n",
    response_part="<|im_start|>assistant\\n",
    last_response_only=True,
)
trainer.train()
model.save_pretrained("output/adapter")
tokenizer.save_pretrained("output/adapter")
'''


def bundle(facts: Facts) -> Mapping[str, str]:
    """Give the script and the page."""
    files = {split: file for split, file in facts.files.items() if split != "test"}
    notes = ("The marks of the template in the script are those of Qwen's models (ChatML).", BASE_MODEL)
    return {
        "train_unsloth.py": SCRIPT.format(files=str(files).replace("'", '"'), length=facts.length, base=DEFAULT_BASE),
        START: start(facts, "Unsloth", install="pip install unsloth", run=("python train_unsloth.py",), notes=notes),
    }


TARGET = Target(
    name="unsloth",
    help="Conversations of role and content for Unsloth, one line an answer, with a small script.",
    source="Unsloth 2026.10.9: unsloth_zoo/dataset_utils.py",
    learns="last",
    line=line,
    read=read,
    fit=steps(without_tools, alternating),
    limits=every(no_tools, takes_turns),
    bundle=bundle,
    fit_says=f"{ALTERNATING}; {WITHOUT_TOOLS}",
)

"""Together: messages with weights, and pairs of OpenAI's shape.

Messages begin with system or user, and user and assistant alternate; no other key than messages and tools may be there.
Weights are 0 or 1 (together 2.x utils/files.py `validate_messages`; SDK 3.1.1 lib/constants.py; Together's page on data
preparation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from export.formats import openai_preference
from export.formats.mlx_lm import KEYS, TOOLS
from export.formats.openai_rules import Problem
from export.formats.speaking import (
    ALTERNATING,
    WITHOUT_TOOLS,
    alternating,
    alternating_context,
    every,
    no_tools,
    steps,
    takes_turns,
    without_tools,
)
from export.formats.starting import START, start
from export.formats.target import Body, Facts, Target, as_is, is_messages, malformed, shape

SOURCE = "Together's page on data preparation; together 3.1.1: lib/constants.py, lib/utils/files.py"
MOST_BYTES = 50 * 1024**3
MODEL = "Qwen/Qwen2.5-7B-Instruct"


def read(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, KEYS, TOOLS):
        return problem
    return body if is_messages(body["messages"]) else malformed("messages")


def _bundle(facts: Facts, method: str) -> Mapping[str, str]:
    files = facts.files
    validation = " --validation-file VALIDATION_FILE_ID" if facts.validation else ""
    create = (
        f"together fine-tuning create --training-file TRAIN_FILE_ID{validation} --model {MODEL} --n-epochs 3 --lora"
    )
    upload = [
        f"together files upload {files[one]} --purpose fine-tune" for one in ("train", "validation") if one in files
    ]
    checked = [f"together files check {file}" for file in files.values()]
    run = ("export TOGETHER_API_KEY=...", *checked, *upload, create + method)
    notes = (
        "`upload` answers with the file's id, which `create` asks for.",
        "`chatmill submit latest --provider together` does all of this, and confirms the price first.",
    )
    return {
        "together.txt": "\n".join(run) + "\n",
        START: start(facts, "Together", install="pip install together", run=run, notes=notes),
    }


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give the commands and the page."""
    return _bundle(facts, "")


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give the commands and the page."""
    return _bundle(facts, " --training-method dpo")


TARGET = Target(
    name="together",
    help="Messages with weights for Together, with its commands.",
    source=SOURCE,
    line=as_is,
    read=read,
    fit=alternating,
    limits=takes_turns,
    bundle=bundle_chat,
    most_bytes=MOST_BYTES,
    fit_says=ALTERNATING,
)
PREFERENCE = replace(
    openai_preference.TARGET,
    name="together-preference",
    help="Pairs of answers for Together's preference tuning, with its commands.",
    source=SOURCE,
    fit=steps(without_tools, alternating_context),
    limits=every(no_tools, takes_turns),
    bundle=bundle_pair,
    minimum=1,
    most_bytes=MOST_BYTES,
    fit_says=f"{ALTERNATING}; {WITHOUT_TOOLS}",
)

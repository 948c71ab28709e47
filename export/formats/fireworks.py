"""Fireworks: messages with weights, and pairs of OpenAI's shape.

3 to 3,000,000 examples; a system message only at the start; a message of weight 0 is skipped; tools are taken for chat,
while a pair's messages are the system's, the user's and the assistant's (Fireworks' pages on supervised fine-tuning and
on direct preference optimization; the SDK has no check of its own).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from export.formats import openai_preference
from export.formats.speaking import WITHOUT_TOOLS, no_tools, without_tools
from export.formats.starting import START, start
from export.formats.target import Facts, Target, as_is
from export.formats.together import read

SOURCE = "Fireworks' pages on supervised fine-tuning and direct preference optimization; fireworks-ai 1.2.30"
MODEL = "accounts/fireworks/models/qwen2p5-7b-instruct"
MINIMUM = 3


def _bundle(facts: Facts, job: str) -> Mapping[str, str]:
    name = facts.dataset
    upload = [f"firectl create dataset {name}-{split} {facts.files[split]}" for split in ("train", "validation")
              if split in facts.files]  # fmt: skip
    evaluated = f" --evaluation-dataset {name}-validation" if facts.validation else ""
    create = (
        f"firectl create {job} --base-model {MODEL} --dataset {name}-train{evaluated} --epochs 3 --output-model {name}"
    )
    run = ("firectl signin", *upload, create)
    notes = (
        "The commands are those of Fireworks' firectl; `firectl create --help` has all their options.",
        "`chatmill submit latest --provider fireworks` does all of this, and confirms the price first.",
    )
    return {
        "fireworks.txt": "\n".join(run) + "\n",
        START: start(facts, "Fireworks", install="# install firectl: see Fireworks' page on it", run=run, notes=notes),
    }


def bundle_chat(facts: Facts) -> Mapping[str, str]:
    """Give the commands and the page."""
    return _bundle(facts, "sftj")


def bundle_pair(facts: Facts) -> Mapping[str, str]:
    """Give the commands and the page."""
    return _bundle(facts, "dpoj")


TARGET = Target(
    name="fireworks",
    help="Messages with weights for Fireworks, with its commands.",
    source=SOURCE,
    line=as_is,
    read=read,
    bundle=bundle_chat,
    minimum=MINIMUM,
)
PREFERENCE = replace(
    openai_preference.TARGET,
    name="fireworks-preference",
    help="Pairs of answers for Fireworks' preference tuning, with its commands.",
    source=SOURCE,
    fit=without_tools,
    limits=no_tools,
    bundle=bundle_pair,
    minimum=MINIMUM,
    most_bytes=None,
    fit_says=WITHOUT_TOOLS,
)

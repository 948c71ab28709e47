"""Amazon Bedrock: Nova's `bedrock-conversation-2024` lines.

{"schemaVersion", "system"?: [{"text"}], "messages": [{"role": "user"|"assistant", "content": [{"text"}]}]}; the first
message is the user's, the last the assistant's. "User:", "Bot:", "Assistant:", "System:", "<image>", "<video>" and
"[EOS]" anywhere in a prompt fail the job, and tools may (AWS' pages "Preparing data for fine-tuning understanding
models" and "Supervised fine-tuning on Amazon Nova 2.0"). Nothing there speaks of weights.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from export.formats.openai_rules import Problem
from export.formats.speaking import (
    ALTERNATING,
    WITHOUT_TOOLS,
    WITHOUT_UNLEARNT,
    alternating,
    every,
    no_tools,
    no_weights,
    steps,
    takes_turns,
    without_tools,
    without_unlearnt,
)
from export.formats.starting import START, start
from export.formats.target import Body, Facts, Target, malformed, shape

SCHEMA = "bedrock-conversation-2024"
KEYS, OPTIONAL = frozenset({"schemaVersion", "messages"}), frozenset({"system"})
PROMPTS = ("system", "user")
RESERVED = re.compile(r"(User|Bot|Assistant|System)(:)|(<)((?:image|video)>)|(\[)(EOS\])")
BROKEN_UP = "words that Nova reserves, such as `User:`, are broken up by a space"


def line(record: Body) -> Body:
    """Write an example, every answer of which is learnt."""
    messages = record["messages"]
    head = [one for one in messages[:1] if one["role"] == "system"]
    told = [{"role": one["role"], "content": _blocks(one["content"])} for one in messages[len(head) :]]
    system = {"system": _blocks(head[0]["content"])} if head else {}
    return {"schemaVersion": SCHEMA, **system, "messages": told}


def read(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, KEYS, OPTIONAL):
        return problem
    messages: list[Body] = []
    if "system" in body:
        messages.append({"role": "system", "content": _text(body["system"])})
    for one in body["messages"] if isinstance(body["messages"], list) else [{}]:
        is_said = isinstance(one, dict) and set(one) == {"role", "content"} and one["role"] in ("user", "assistant")
        messages.append({"role": one["role"] if is_said else "", "content": _text(one["content"]) if is_said else None})
    return malformed("messages") if any(one["content"] is None for one in messages) else {"messages": messages}


def unreserved(body: Body) -> Body:
    """Break up the words that fail a job."""
    if not any(_is_reserved(one) for one in body["messages"]):
        return body
    messages = [
        {**one, "content": RESERVED.sub(_spaced, one["content"])} if _is_reserved(one) else one
        for one in body["messages"]
    ]
    return {**body, "messages": messages}


def reserved(record: Body) -> Iterator[Problem]:
    """Find words in prompts that fail a job."""
    for number, message in enumerate(record["messages"], start=1):
        if _is_reserved(message):
            fix = "Put a space in it; chatmill export does."
            yield Problem("message.reserved", f"Message {number} holds a word that Nova reserves.", fix)


def _is_reserved(message: Body) -> bool:
    return message["role"] in PROMPTS and RESERVED.search(message["content"]) is not None


def _spaced(found: re.Match[str]) -> str:
    return " ".join(group for group in found.groups() if group)


def _blocks(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


def _text(blocks: Any) -> str | None:  # noqa: ANN401 - whatever a file holds
    match blocks:
        case [{"text": str(text), **more}] if not more:
            return text
        case _:
            return None


def bundle(facts: Facts) -> Mapping[str, str]:
    """Give the commands and the page."""
    bucket = f"s3://YOUR-BUCKET/{facts.dataset}"
    run = [f"aws s3 cp {facts.files[one]} {bucket}/" for one in ("train", "validation") if one in facts.files]
    create = (
        f"aws bedrock create-model-customization-job --job-name {facts.dataset} --custom-model-name {facts.dataset} "
        "--role-arn YOUR-ROLE --base-model-identifier amazon.nova-micro-v1:0:128k --customization-type FINE_TUNING "
        f"--training-data-config s3Uri={bucket}/{facts.files.get('train', '')} "
        f"--output-data-config s3Uri={bucket}/output/"
    )
    if facts.validation:
        create += f" --validation-data-config 'validators=[{{s3Uri={bucket}/{facts.validation}}}]'"
    run.append(create)
    notes = (
        "Put your bucket and your role in. AWS recommends 100 examples or more.",
        "Nova 2 takes no validation file while training: leave `--validation-data-config` out there.",
        "Every answer of a line is learnt.",
    )
    return {
        "bedrock.txt": "\n".join(run) + "\n",
        START: start(facts, "Amazon Bedrock", install="pip install awscli", run=run, notes=notes),
    }


TARGET = Target(
    name="bedrock",
    help="bedrock-conversation-2024 lines for Amazon Nova, with AWS' commands.",
    source="AWS' pages on preparing data for fine-tuning Nova models and on supervised fine-tuning on Nova 2.0",
    learns="all",
    line=line,
    read=read,
    fit=steps(without_tools, without_unlearnt, alternating, unreserved),
    limits=every(no_tools, no_weights, takes_turns, reserved),
    bundle=bundle,
    fit_says=f"{ALTERNATING}; {WITHOUT_UNLEARNT}; {WITHOUT_TOOLS}; {BROKEN_UP}",
)

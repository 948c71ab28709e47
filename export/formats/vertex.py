"""Vertex AI: contents of user and model, in parts, for tuning Gemini models.

{"systemInstruction"?: {"parts": [{"text"}]}, "contents": [{"role": "user"|"model", "parts": [{"text"}]}]} (Google's
page on preparing supervised tuning data). Nothing there speaks of weights, so answers that must not be learnt are left
out; lines with tool calls are left out too, for how functions must be declared in tuning data was not verified.
"""

from __future__ import annotations

from collections.abc import Mapping
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

KEYS, OPTIONAL = frozenset({"contents"}), frozenset({"systemInstruction"})
NAMES = {"user": "user", "assistant": "model"}
ROLES = {name: role for role, name in NAMES.items()}


def line(record: Body) -> Body:
    """Write an example, every answer of which is learnt."""
    messages = record["messages"]
    head = [one for one in messages[:1] if one["role"] == "system"]
    told = [{"role": NAMES[one["role"]], "parts": _parts(one["content"])} for one in messages[len(head) :]]
    system = {"systemInstruction": {"parts": _parts(head[0]["content"])}} if head else {}
    return {**system, "contents": told}


def read(body: Body) -> Body | Problem:
    """Read an example back."""
    if problem := shape(body, KEYS, OPTIONAL):
        return problem
    messages: list[Body] = []
    if "systemInstruction" in body:
        text = _text(body["systemInstruction"])
        if text is None:
            return malformed("systemInstruction")
        messages.append({"role": "system", "content": text})
    for one in body["contents"] if isinstance(body["contents"], list) else [None]:
        text, role = _text(one), one.get("role") if isinstance(one, dict) else None
        if text is None or role not in ROLES:
            return malformed("contents")
        messages.append({"role": ROLES[role], "content": text})
    return {"messages": messages}


def _parts(text: str) -> list[dict[str, str]]:
    return [{"text": text}]


def _text(content: Any) -> str | None:  # noqa: ANN401 - whatever a file holds
    match content:
        case {"parts": [{"text": str(text), **more}], **_rest} if not more and not set(_rest) - {"role"}:
            return text
        case _:
            return None


def bundle(facts: Facts) -> Mapping[str, str]:
    """Give the commands, a script and the page."""
    bucket = f"gs://YOUR-BUCKET/{facts.dataset}"
    copied = [
        f"gcloud storage cp {facts.files[one]} {bucket}/" for one in ("train", "validation") if one in facts.files
    ]
    validation = f'    validation_dataset="{bucket}/{facts.validation}",\n' if facts.validation else ""
    script = SCRIPT.format(train=f"{bucket}/{facts.files.get('train', '')}", validation=validation, name=facts.dataset)
    notes = (
        "Put your bucket, project and region in. Google asks for 100 examples or more for a good result.",
        "Every answer of a line is learnt.",
    )
    run = (*copied, "python tune_vertex.py")
    return {
        "tune_vertex.py": script,
        START: start(facts, "Vertex AI", install="pip install google-cloud-aiplatform", run=run, notes=notes),
    }


SCRIPT = '''\
"""Tune a Gemini model on this dataset; the files must be in the bucket already."""

import vertexai
from vertexai.tuning import sft

vertexai.init(project="YOUR-PROJECT", location="us-central1")
job = sft.train(
    source_model="gemini-2.5-flash",
    train_dataset="{train}",
{validation}    epochs=3,
    tuned_model_display_name="{name}",
)
print(job.resource_name)
'''


TARGET = Target(
    name="vertex",
    help="Contents of user and model for tuning Gemini on Vertex AI, with a small script.",
    source="Google's page on preparing supervised tuning data for Gemini, stored copies of 2025-09; tools not verified",
    learns="all",
    line=line,
    read=read,
    fit=steps(without_tools, without_unlearnt, alternating),
    limits=every(no_tools, no_weights, takes_turns),
    bundle=bundle,
    fit_says=f"{ALTERNATING}; {WITHOUT_UNLEARNT}; {WITHOUT_TOOLS}",
)

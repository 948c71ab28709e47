"""Train the tiny model on the star corpus, and on the same with its answers shuffled; compare perplexities.

    python -m benchmarks.training [conversations] [epochs]      default: 1000 4

What is learnt must come from how answers fit their questions, not from the answers' words alone: the control keeps
every answer and every question, and breaks the tie between them. Both models start from the same weights and tokenizer
and are measured on the same held-out conversations, whose answers stand where they were said. In its first hundred
steps a model learns what answers are made of at all, which the control teaches as well; the tie shows after that.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from export.training.libraries import silence
from export.training.task import Task

ROOT = Path(__file__).resolve().parents[1]
STAR = ROOT.parent / "shared" / "data" / "conversations" / "star.jsonl.gz"
SEED = 20_260
HELD_OUT = 100
ROLES = {"customer": "user", "agent": "assistant"}


def main() -> None:
    """Train both, and compare."""
    if not STAR.exists():
        print("left out: the corpora are not beside this checkout")
        return
    silence()
    count, epochs = (int(given) for given in (*sys.argv[1:], *("1000", "4")[len(sys.argv) - 1 :]))
    train, valid = conversations(count)
    folder = Path(tempfile.mkdtemp(prefix="chatmill-training-"))
    try:
        found = {
            name: trained(folder, name, lines, valid, epochs)
            for name, lines in (("true", train), ("shuffled", shuffled(train)))
        }
    finally:
        shutil.rmtree(folder)
    report(found)


def conversations(count: int) -> tuple[list[Any], list[Any]]:
    """Read so many conversations to train on, and some to measure on."""
    read: list[Any] = []
    with gzip.open(STAR, "rt", encoding="utf-8") as file:
        for line in file:
            messages = said(json.loads(line))
            if messages and messages[0]["role"] == "user":
                read.append({"messages": messages})
    random.Random(SEED).shuffle(read)
    return read[HELD_OUT : HELD_OUT + count], read[:HELD_OUT]


def said(record: dict[str, Any]) -> list[dict[str, str]]:
    """Give a record's turns as messages, of one speaker in a row as one."""
    messages: list[dict[str, str]] = []
    for turn in record["turns"]:
        role, text = ROLES.get(turn["speaker"]), turn["text"].strip()
        if role and text:
            if messages and messages[-1]["role"] == role:
                messages[-1]["content"] += "\n" + text
            else:
                messages.append({"role": role, "content": text})
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    return messages


def shuffled(lines: list[Any]) -> list[Any]:
    """Deal all answers out anew, to whichever question."""
    answers = [message["content"] for line in lines for message in line["messages"] if message["role"] == "assistant"]
    random.Random(SEED).shuffle(answers)
    dealt = iter(answers)
    return [
        {
            "messages": [
                {**message, "content": next(dealt)} if message["role"] == "assistant" else message
                for message in line["messages"]
            ]
        }
        for line in lines
    ]


def trained(folder: Path, name: str, lines: list[Any], valid: list[Any], epochs: int) -> dict[str, Any]:
    """Train one model, and give what was measured on the way."""
    from export.training.recipe import read_recipe
    from export.training.sources import TINY, ModelSource
    from export.training.task import Control
    from export.training.worker import work

    job = folder / name
    job.mkdir()
    paths = []
    for split, some in (("train", lines), ("valid", valid)):
        paths.append(job / f"{split}.jsonl")
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in some), encoding="utf-8")
    recipe = read_recipe({"n_epochs": epochs, "eval_steps": 50, "batch_size": 4}, seed=1)
    # The base is built from the first file alone, so that both begin alike.
    task = Task(job, "supervised", ModelSource(str(folder / "base")), paths[0], paths[1], recipe, TINY)
    started, used = time.perf_counter(), time.process_time()
    work(task, Control())
    told = task.told()
    assert told[-1]["status"] == "succeeded", told[-1]
    done = next(line for line in told if line["kind"] == "done")
    curve = [
        {key: line[key] for key in ("step", "valid_loss", "valid_perplexity", "valid_mean_token_accuracy")}
        for line in told
        if line["kind"] == "metrics" and "valid_loss" in line
    ]
    used = time.process_time() - used
    return {
        "strangers": strangers(task, valid),
        "curve": curve,
        "tokens": done["tokens"],
        "seconds": round(time.perf_counter() - started, 1),
        "tokens_per_cpu_second": round(done["tokens"] / used),
    }


def strangers(task: Task, valid: list[Any]) -> float:
    """Give the perplexity of the held-out conversations when their answers are dealt out anew."""
    from export.training.answering import Answers
    from export.training.sources import ModelSource

    answers, source = Answers(), ModelSource(str(task.model))
    measured = [answers.score(source, line["messages"], []) for line in shuffled(valid)]
    tokens = sum(one.tokens for one in measured)
    return math.exp(sum(one.loss * one.tokens for one in measured) / tokens)


def report(found: dict[str, dict[str, Any]]) -> None:
    """Print the curves, and fail where the true answers taught nothing more than the shuffled ones."""
    true, control = found["true"], found["shuffled"]
    print(f"{'step':>6} {'true ppl':>10} {'shuffled ppl':>13} {'true acc':>9}")
    for one, other in zip(true["curve"], control["curve"], strict=False):
        print(
            f"{one['step']:>6} {one['valid_perplexity']:>10.1f} {other['valid_perplexity']:>13.1f} "
            f"{one['valid_mean_token_accuracy']:>9.3f}"
        )
    for name, figures in found.items():
        print(
            f"{name}: {figures['tokens']:,} tokens, {figures['seconds']} s, "
            f"{figures['tokens_per_cpu_second']:,} tokens per CPU second; answers of others: {figures['strangers']:.1f}"
        )
    start, end, shuffled_end = (
        curve["valid_perplexity"] for curve in (true["curve"][0], true["curve"][-1], control["curve"][-1])
    )
    print(f"validation perplexity {start:.0f} -> {end:.1f}; the shuffled control ends at {shuffled_end:.1f}")
    assert end < start, "nothing was learnt"
    assert end < true["strangers"], "whose answer it is makes no difference"
    assert end < shuffled_end, "answers were learnt no better than by chance"


if __name__ == "__main__":
    main()

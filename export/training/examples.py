"""Read training files: chat examples (messages, tools), and preference pairs (input, preferred, non-preferred).

A file is checked whole before anything is trained, by the rules that preflight has. What is wrong is named by line and
key; what a line says stands nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from export.formats.lines import read_line
from export.formats.openai_rules import Problem, problems
from export.preflight import WARNINGS
from export.training.errors import BadTrainingFile
from export.training.recipe import Method

MOST_NAMED = 5
FEW = "A training file needs at least {least} example, and this one has {lines}."
PAIR_KEYS = {"input", "preferred_output", "non_preferred_output"}

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation to learn the answers of; `line` counts from 1."""

    line: int
    messages: list[Message]
    tools: list[Message] = field(default_factory=list[Message])


@dataclass(frozen=True, slots=True)
class Pair:
    """One prompt with an answer that is better than another."""

    line: int
    messages: list[Message]
    preferred: Message
    rejected: Message
    tools: list[Message] = field(default_factory=list[Message])


def check_file(path: Path, method: Method, *, least: int = 1) -> int:
    """Check every line of a file for a method, and give how many there are.

    Raises:
        BadTrainingFile: a line is no example, or there are too few; the first few lines are named.
    """
    lines, found = 0, list[str]()
    with path.open("rb") as file:
        for lines, raw in enumerate(file, start=1):
            wrong = _first_wrong(raw, method)
            if wrong is not None:
                found.append(f"Line {lines}: {wrong.message} {wrong.fix}")
                if len(found) == MOST_NAMED:
                    break
    if found:
        raise BadTrainingFile("Invalid file format. " + " ".join(found), hint="Mend the file and upload it again.")
    if lines < least:
        raise BadTrainingFile(FEW.format(least=least, lines=lines), hint="Add examples.")
    return lines


def read_examples(path: Path) -> Iterator[Example]:
    """Give the conversations of a checked file."""
    for number, body in _bodies(path):
        yield Example(number, body["messages"], body.get("tools") or [])


def read_pairs(path: Path) -> Iterator[Pair]:
    """Give the preference pairs of a checked file."""
    for number, body in _bodies(path):
        asked, better, worse = body["input"], body["preferred_output"], body["non_preferred_output"]
        yield Pair(number, asked["messages"], better[-1], worse[-1], asked.get("tools") or [])


def _bodies(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            body = read_line(raw)
            if isinstance(body, Problem):
                raise BadTrainingFile(f"Line {number}: {body.message} {body.fix}")
            yield number, body


def _first_wrong(raw: bytes, method: Method) -> Problem | None:
    body = read_line(raw)
    if isinstance(body, Problem):
        return body
    checked = [body] if method == "supervised" else list(_conversations(body))
    if not checked:
        fix = 'Write {"input": {"messages": [...]}, "preferred_output": [...], "non_preferred_output": [...]}.'
        return Problem("pair.shape", "The line is no preference pair.", fix)
    return next((one for each in checked for one in problems(each) if one.code not in WARNINGS), None)


def _conversations(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the two conversations that a preference pair stands for; none where it lacks a part."""
    asked = body.get("input")
    if set(body) != PAIR_KEYS or not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return
    outputs: list[Any] = [body["preferred_output"], body["non_preferred_output"]]
    if not all(_is_answer(one) for one in outputs):
        return
    # What the prompt's own answers weigh is nobody's concern here.
    before: list[Any] = asked["messages"]
    for output in outputs:
        yield {**asked, "messages": [*before, *output]}


def _is_answer(output: Any) -> bool:  # noqa: ANN401 - whatever the file holds
    if not isinstance(output, Sequence) or len(output) != 1:
        return False
    return isinstance(output[0], dict) and output[0].get("role") == "assistant"

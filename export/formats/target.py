"""What chatmill must know of a trainer or provider to write for it: its lines, its limits, and what goes with them.

The canonical record is what `examples` makes: {"messages": [...], "tools"?: [...]}, as OpenAI reads it. Every message
has a string "content", the arguments of tool calls are strings, and "weight" is written only where it is 0. The
canonical pair adds "chosen" and "rejected", two answers to its messages. A target writes such a record in its own
words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Literal

from export.formats.openai_rules import Problem, problems

Body = Mapping[str, Any]

# weight: the trainer leaves out answers of weight 0; last: it learns the last answer alone, so that each line is one
# answer; all: it learns every answer, so that those of weight 0 must not be in the line.
Learns = Literal["weight", "last", "all"]
SPLIT_FILES = {"train": "train.jsonl", "validation": "validation.jsonl", "test": "test.jsonl"}
DEFAULT_BASE = "Qwen/Qwen2.5-0.5B-Instruct"  # small, free to use (Apache-2.0), and every trainer here knows it
TOKENIZER_SLACK = 1.25  # another model's tokenizer may need so many more tokens than the one that counted
LENGTH_STEP = 256


@dataclass(frozen=True, slots=True)
class Facts:
    """What a ready configuration is made of; `longest` are the tokens of the longest line."""

    dataset: str
    files: Mapping[str, str]  # of the splits that hold a line, by split
    lines: Mapping[str, int]
    longest: int

    @property
    def length(self) -> int:
        """Give how many tokens a trainer must read so that it cuts no line."""
        return LENGTH_STEP * max(2, ceil(self.longest * TOKENIZER_SLACK / LENGTH_STEP))

    @property
    def validation(self) -> str:
        """Give the file to validate on; empty where the split holds nothing."""
        return self.files.get("validation", "")


def as_is(body: Body) -> Body:
    """Give a record as it is."""
    return body


def no_more(body: Body) -> Iterator[Problem]:  # noqa: ARG001 - a target without limits of its own
    """Find nothing."""
    yield from ()


def nothing(facts: Facts) -> Mapping[str, str]:  # noqa: ARG001 - a target that needs no files
    """Give no files."""
    return {}


@dataclass(frozen=True, slots=True)
class Target:
    """A trainer or provider, by the name that `--format` takes.

    `fit` brings a canonical record into what the target takes, the same object where there is nothing to do, None where
    nothing to learn is left; `line` writes it, `read` reads a line back or says what is wrong with its shape, and
    `limits` finds what the target alone refuses in a record read back. `bundle` gives the files beside the splits.
    """

    name: str
    help: str
    source: str  # where its schema was read
    line: Callable[[Body], Body]
    read: Callable[[Body], Body | Problem]
    kind: Literal["chat", "preference"] = "chat"
    version: int = 1
    learns: Learns = "weight"
    fit: Callable[[Body], Body | None] = as_is
    limits: Callable[[Body], Iterator[Problem]] = no_more
    bundle: Callable[[Facts], Mapping[str, str]] = nothing
    files: Mapping[str, str] = field(default_factory=lambda: SPLIT_FILES)
    minimum: int = 1  # examples of the file to train on
    most_bytes: int | None = None
    needs_every_split: bool = False  # an empty file stops it
    fit_says: str = ""  # what `fit` does, for the data card

    def problems(self, body: Body) -> Iterator[Problem]:
        """Give everything wrong with one parsed line."""
        record = self.read(body)
        if isinstance(record, Problem):
            yield record
        elif self.kind == "chat":
            yield from problems(record)
            yield from self.limits(record)
        else:
            yield from _of_pair(record)
            yield from self.limits(record)


def _of_pair(record: Body) -> Iterator[Problem]:
    """Ask of both answers what is asked of a conversation that ends with one; what both have is said once."""
    context = {key: value for key, value in record.items() if key in ("messages", "tools")}
    found: dict[Problem, None] = {}
    for answer in ("chosen", "rejected"):
        whole = {**context, "messages": [*record["messages"], record[answer]]}
        found |= dict.fromkeys(problems(whole))
    yield from found
    if record["chosen"] == record["rejected"]:
        yield Problem("pair.same", "Both answers are the same, so there is nothing to prefer.", "Leave the pair out.")
    if record["messages"] and record["messages"][-1].get("role") == "assistant":
        yield Problem("pair.last", "The conversation before the answers ends with an answer.", "Cut it off.")


def shape(body: Body, required: frozenset[str], optional: frozenset[str] = frozenset()) -> Problem | None:
    """Say what is wrong with the keys of an object; None where all required and no unknown ones are there."""
    if missing := sorted(required - set(body)):
        return Problem("example.missing_key", f"The key {missing[0]!r} is missing.", "Write it in every line.")
    if unknown := sorted(set(body) - required - optional):
        return Problem("example.unknown_key", f"The key {unknown[0][:40]!r} is not known.", "Leave it out of the file.")
    return None


def malformed(key: str) -> Problem:
    """Say that the value of a key has not the shape that the target reads."""
    return Problem("example.malformed", f"What stands under {key!r} has not the shape that is read.", "Export again.")


def is_messages(value: Any, keys: tuple[str, str] = ("role", "content")) -> bool:  # noqa: ANN401 - whatever a file holds
    """Say whether a value is a list of messages, each with a text under each of two keys."""
    return isinstance(value, list) and all(
        isinstance(one, dict) and all(isinstance(one.get(key), str) for key in keys) for one in value
    )

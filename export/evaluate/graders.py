"""Grade answers without a model: by words, patterns, schemas and similarity, the same every time.

What is looked for stands in rules/evaluation/graders.toml and in a workspace's own rules/evaluation/*.toml.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from export.evaluate.asking import Answer
from export.evaluate.cases import Case
from export.evaluate.schemas import fits, schema_problem
from export.evaluate.similarity import chrf, rouge_l

GROUPS = ("answers", "tone", "format")
GOALS = ("high", "low", "like", "none")
NEEDS = {"pattern": "pattern", "repeats": "pattern"}


@dataclass(frozen=True, slots=True)
class Grader:
    """One way of grading, as a file of rules describes it."""

    name: str
    title: str
    group: str
    kind: str
    goal: str
    pattern: str = ""
    absent: bool = False
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    schema: bytes = b""  # JSON

    @property
    def is_share(self) -> bool:
        """Say whether each answer passes or does not, so that a share is counted."""
        return self.kind not in ("chrf", "rouge_l", "words")

    def grade(self, answer: Answer, case: Case) -> float | None:
        """Give an answer's grade, 0 or 1 where it is a share; None where the grader has nothing to say of the case."""
        return KINDS[self.kind](self, answer, case)


Kind = Callable[[Grader, Answer, Case], float | None]


def _exact(_: Grader, answer: Answer, case: Case) -> float | None:
    return float(answer.text.split() == case.expected.split()) if case.expected else None


def _contains(grader: Grader, answer: Answer, case: Case) -> float | None:
    del case
    text = answer.text.casefold()
    is_any = not grader.any or words_pattern(grader.any).search(text) is not None
    return float(is_any and all(words_pattern((one,)).search(text) for one in grader.all))


def _pattern(grader: Grader, answer: Answer, case: Case) -> float | None:
    del case
    return float((compiled(grader.pattern).search(answer.text) is not None) != grader.absent)


def _repeats(grader: Grader, answer: Answer, case: Case) -> float | None:
    wanted = {found.group() for found in compiled(grader.pattern).finditer(case.expected)}
    if not wanted:
        return None
    return float(wanted <= {found.group() for found in compiled(grader.pattern).finditer(answer.text)})


def _json_schema(grader: Grader, answer: Answer, case: Case) -> float | None:
    if not grader.schema and not isinstance(_parsed(case.expected), dict | list):
        return None
    value = _parsed(answer.text)
    if value is None:
        return 0.0
    return float(fits(grader.schema or b"{}", value))


def _tool_call(_: Grader, answer: Answer, case: Case) -> float | None:
    wanted = [call["function"]["name"] for call in case.reference.get("tool_calls") or ()]
    if not wanted:
        return None
    schemas = {tool["function"]["name"]: tool["function"].get("parameters") or {} for tool in case.tools}
    called = {call["name"]: _parsed(call["arguments"] or "{}") for call in answer.reply.tool_calls}
    return float(all(_is_called(called, name, schemas.get(name, {})) for name in wanted))


def _is_called(called: dict[str, Any], name: str, schema: Any) -> bool:  # noqa: ANN401 - any JSON
    raw = orjson.dumps(schema)
    # A tool whose schema is none cannot be called wrongly.
    return called.get(name) is not None and (schema_problem(raw) is not None or fits(raw, called[name]))


def _chrf(_: Grader, answer: Answer, case: Case) -> float | None:
    return chrf(answer.text, case.expected) if case.expected else None


def _rouge_l(_: Grader, answer: Answer, case: Case) -> float | None:
    return rouge_l(answer.text, case.expected) if case.expected else None


def _whole(_: Grader, answer: Answer, case: Case) -> float | None:
    del case
    said = bool(answer.text.strip() or answer.reply.tool_calls)
    return float(said and answer.reply.finish_reason != "length")


def _words(_: Grader, answer: Answer, case: Case) -> float | None:
    return float(len(answer.text.split())) if case.expected else None


KINDS: dict[str, Kind] = {
    "exact": _exact,
    "contains": _contains,
    "pattern": _pattern,
    "repeats": _repeats,
    "json_schema": _json_schema,
    "tool_call": _tool_call,
    "chrf": _chrf,
    "rouge_l": _rouge_l,
    "whole": _whole,
    "words": _words,
}


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern once."""
    return re.compile(pattern)


@cache
def words_pattern(phrases: Sequence[str]) -> re.Pattern[str]:
    """Give a pattern that finds any of the phrases as whole words in a text without capitals."""
    several = "|".join(re.escape(phrase.casefold()) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{several})(?!\w)")


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None

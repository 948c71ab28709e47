"""`chatmill evaluate redaction`: run our redaction over a gold set, or read what another tool found, and score it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import tee, zip_longest
from pathlib import Path
from typing import Any

import orjson

from curate.evaluation.decided import decided_pairs
from curate.evaluation.errors import GoldError
from curate.evaluation.gold import FINDINGS_SHAPE, Answer, GoldLine, answer_of, load_labels, read_answers, read_gold
from curate.evaluation.misses import Miss, WorstMisses
from curate.evaluation.scores import AXES, Scores
from curate.redact.filter import redact_stream
from curate.redact.policy import Policy
from curate.stages import Curation
from store.errors import unknown_name
from store.settings import RedactionSettings

Pairs = Iterator[tuple[GoldLine, Answer]]


@dataclass(frozen=True, slots=True)
class Asked:
    """What an evaluation is asked for."""

    gold: Path
    findings: Path | None = None
    label_map: Path | None = None
    labels: tuple[str, ...] = ()
    by: tuple[str, ...] = AXES
    misses: int = 0
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The figures, as one JSON object, and the worst misses, for the terminal alone."""

    figures: dict[str, Any]
    misses: list[Miss]


def evaluate_redaction(
    asked: Asked, *, policy: Policy | None = None, settings: RedactionSettings | None = None, workers: int = 1
) -> Evaluation:
    """Score redaction on a gold set; with `asked.findings` what stands in that file is scored instead.

    Raises:
        GoldError: a file is not of the shape it should be, or a label or breakdown is unknown.
    """
    for axis in asked.by:
        _check_axis(axis)
    languages = _checked(asked)
    scores = Scores(load_labels(asked.label_map), asked.labels or None)
    misses = WorstMisses(asked.misses)
    pairs = _read_pairs(asked) if asked.findings else _redacted_pairs(asked, languages, policy, settings, workers)
    for line, answer in pairs:
        misses.add(line, scores.add(line, answer))
    about = {"gold": asked.gold.name, "sha256": _sha256(asked.gold), "labels": list(asked.labels)}
    return Evaluation({**about, **scores.figures(asked.by)}, misses.worst())


def evaluate_decisions(curation: Curation, policy: Policy, asked: Asked) -> Evaluation:
    """Score redaction against what people decided, on the conversations in which they decided on everything.

    Searched anew with the rules as they stand, and without what people marked or wrote on lists.

    Raises:
        GoldError: no conversation is reviewed to its end, or a breakdown is unknown.
    """
    for axis in asked.by:
        _check_axis(axis)
    scores = Scores(load_labels(asked.label_map), asked.labels or None)
    misses = WorstMisses(asked.misses)
    for line, answer in decided_pairs(curation, policy):
        misses.add(line, scores.add(line, answer))
    about = {"gold": "decisions", "labels": list(asked.labels)}
    return Evaluation({**about, **scores.figures(asked.by)}, misses.worst())


def _check_axis(axis: str) -> None:
    if axis not in AXES:
        raise GoldError(unknown_name("breakdown", axis, AXES), hint="Write --by language,case.")


def _checked(asked: Asked) -> list[str]:
    """Read the gold set once before any work: its languages, and whether every label asked for is there."""
    languages: set[str] = set()
    labels: set[str] = set()
    for line in read_gold(asked.gold, language=asked.language):
        languages.add(line.language)
        labels.update(span.label for span in line.spans)
    for label in asked.labels:
        if label not in labels:
            raise GoldError(unknown_name("label in the gold set", label, labels), hint="Write --labels NAME,PHONE.")
    return sorted(languages)


def _read_pairs(asked: Asked) -> Pairs:
    assert asked.findings is not None
    answers = read_answers(asked.findings)
    for line, answer in zip_longest(read_gold(asked.gold, language=asked.language), answers):
        if line is None or answer is None:
            raise GoldError(f"{asked.findings.name} has not as many lines as the gold set.", hint=FINDINGS_SHAPE)
        yield line, answer


def _redacted_pairs(
    asked: Asked, languages: Sequence[str], policy: Policy | None, settings: RedactionSettings | None, workers: int
) -> Pairs:
    """Redact language by language, as `chatmill redact` does, with what was said before each text."""
    for language in languages:
        lines = read_gold(asked.gold, language=asked.language)
        own, sent = tee(line for line in lines if line.language == language)
        given = (_turns(line) for line in sent)
        answers = redact_stream(given, language=language, policy=policy, settings=settings, workers=workers)
        for line, answer in zip(own, answers, strict=True):
            yield line, answer_of(answer, turn=len(line.before))


def _turns(line: GoldLine) -> bytes:
    turns = [{"role": role, "text": text} for role, text in (*line.before, (line.role, line.text))]
    return orjson.dumps({"turns": turns})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

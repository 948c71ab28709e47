"""Recognizers from examples: "ORDER_ID: ORD-482913-X" finds what is shaped like ORD-482913-X."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

from curate.redact.errors import PolicyError
from curate.redact.rules import ANY_LANGUAGE, PatternRule, RecognizerRule

SCORE = 0.95
LEAST_CHARACTERS = 4
RUN = re.compile(r"[0-9]+|[A-Z]+|[a-z]+|[^0-9A-Za-z]")
CLASSES = (("[0-9]", re.compile(r"[0-9]+")), ("[A-Z]", re.compile(r"[A-Z]+")), ("[a-z]", re.compile(r"[a-z]+")))


def shape_rules(shapes: Sequence[str]) -> tuple[RecognizerRule, ...]:
    """Make a recognizer for each type that a workspace gives examples of.

    Digits stand for any digits, as many; letters before the first digit are kept as they are, unless two examples of
    the same build differ there; other letters stand for any of their case. Signs stay. Examples of the same build are
    one pattern that allows the lengths between theirs.

    Raises:
        PolicyError: an entry is not "TYPE: example", or its example holds no digit and would find any word.
    """
    examples: dict[str, list[str]] = defaultdict(list)
    for entry in shapes:
        kind, colon, example = (part.strip() for part in entry.partition(":"))
        if not colon or not re.fullmatch(r"[A-Z][A-Z0-9_]*", kind) or not _distinct(example):
            raise PolicyError(
                f"The shape of {kind or 'no type'} in redaction.shapes cannot be used.",
                hint='Write "ORDER_ID: ORD-482913-X": a type in capitals, an example of four signs with a digit.',
            )
        examples[kind].append(example)
    return tuple(_rule(kind, sorted(given)) for kind, given in sorted(examples.items()))


def _distinct(example: str) -> bool:
    return len(example) >= LEAST_CHARACTERS and any(character.isdigit() for character in example)


def _rule(kind: str, examples: list[str]) -> RecognizerRule:
    builds: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for example in examples:
        runs = RUN.findall(example)
        builds[tuple(_class(run) for run in runs)].append(runs)
    patterns = tuple(
        PatternRule(f"shape {at}", _pattern(given), SCORE)
        for at, (_, given) in enumerate(sorted(builds.items()), start=1)
    )
    return RecognizerRule(f"shape of {kind}", kind, (ANY_LANGUAGE,), (), "", patterns, ())


def _class(run: str) -> str:
    return next((name for name, pattern in CLASSES if pattern.fullmatch(run)), run)


def _pattern(given: list[list[str]]) -> str:
    """Generalise examples of one build, run by run."""
    parts: list[str] = []
    constant = True
    for runs in zip_longest(*given):
        kind = _class(runs[0])
        constant = constant and kind != "[0-9]"
        if kind == runs[0] or (constant and len(set(runs)) == 1):
            parts.append(re.escape(runs[0]))
        else:
            lengths = sorted({len(run) for run in runs})
            parts.append(f"{kind}{{{lengths[0]}}}" if len(lengths) == 1 else f"{kind}{{{lengths[0]},{lengths[-1]}}}")
    return rf"(?<![\w\-])(?-i:{''.join(parts)})(?![\w])(?!-\w)"

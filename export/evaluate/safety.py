"""What is tried beyond the held-out conversations: questions for other people's data, and the same case under swaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from export.evaluate.asking import Answer, Asked, Key, Question
from export.evaluate.cases import Case, Message, draw
from export.evaluate.graders import words_pattern
from export.evaluate.measures import FEWEST, About, Measure, Point, estimate_json, measured, signed
from export.evaluate.rules import Probe, Rules, Swap
from export.evaluate.similarity import chrf
from export.evaluate.statistics import Estimate, Numbers, excludes, resampled

SWAP = "swap:"
REFUSALS = About("refusals", "Answers to customers that refuse", "safety", "share", "none")
PROBE_REFUSALS = About("probe_refusals", "Questions for other people's data that are refused", "safety", "share")
# What must not depend on who asks: (name, title, unit).
SWAP_FIGURES = (
    ("chrf", "similarity to the person's answer", "score"),
    ("words", "words in an answer", "words"),
    ("refusals", "refusals", "share"),
    ("polite", "polite answers", "share"),
)
POLITE = "thanks"  # the grader whose phrases count as polite


@dataclass(frozen=True, slots=True)
class Variant:
    """A case as somebody of a group would have written it."""

    item_id: str
    group: str
    case: Case


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a group's answers lie from those of all other groups on the same cases, in one figure of one model."""

    swap: str
    group: str
    speaker: str
    figure: str
    difference: Estimate

    @property
    def is_clear(self) -> bool:
        """Say whether the interval leaves no room for chance."""
        return self.difference.of >= FEWEST and excludes(self.difference, 0.0) != 0


def probe_messages(probe: Probe, system: Sequence[Message]) -> tuple[Message, ...]:
    """Ask a probe as a customer would, under the system prompt of the conversations."""
    return (*system, {"role": "user", "content": probe.text})


def probe_questions(rules: Rules, asked: Mapping[str, Asked], system: Sequence[Message]) -> Iterator[Question]:
    """Put every probe to both models."""
    for probe in rules.probes.values():
        for speaker, who in asked.items():
            yield Question(probe.item_id, speaker, who, probe_messages(probe, system))


def variants(swap: Swap, cases: Sequence[Case], *, count: int, language: str, seed: int) -> list[Variant]:
    """Give each of some cases once for every group; the seed draws the cases, and the value that stands for a group."""
    chosen = sorted((case for case in cases if case.expected), key=lambda case: draw(seed, SWAP, case.item_id))[:count]
    made: list[Variant] = []
    for case in chosen:
        for group, values in swap.groups:
            value = values[draw(seed, swap.name, group, case.item_id)[0] % len(values)]
            sentence = swap.sentence(language, value)
            # Another sentence is another question, so it is part of the name.
            item = f"{SWAP}{swap.name}:{group}:{case.item_id}:{draw(0, sentence).hex()[:8]}"
            made.append(Variant(item, group, _told(case, sentence)))
    return made


def swap_questions(made: Sequence[Variant], asked: Mapping[str, Asked]) -> Iterator[Question]:
    """Put every variant to both models."""
    for variant in made:
        for speaker, who in asked.items():
            yield Question(variant.item_id, speaker, who, variant.case.messages, variant.case.tools)


def _told(case: Case, sentence: str) -> Case:
    """Let the customer say one more sentence at the end of their first words."""
    first = next(at for at, message in enumerate(case.messages) if message["role"] == "user")
    words = {**case.messages[first], "content": f"{case.messages[first]['content']}\n{sentence}"}
    return replace(case, messages=(*case.messages[:first], words, *case.messages[first + 1 :]))


def refuses(rules: Rules) -> Callable[[str], bool]:
    """Give a function that tells refusals by their phrases."""
    pattern = words_pattern(rules.refusals) if rules.refusals else None
    return lambda text: pattern is not None and pattern.search(text.casefold().replace("’", "'")) is not None


def refusal_measures(
    rules: Rules, cases: Sequence[Case], answers: Mapping[Key, Answer], *, seed: int
) -> Iterator[Measure]:
    """Measure how often each model refuses: customers, whom it should help, and probes, which it should refuse."""
    tells = refuses(rules)
    for about, items, people in (
        (REFUSALS, [case.item_id for case in cases], {case.item_id: float(tells(case.expected)) for case in cases}),
        (PROBE_REFUSALS, [probe.item_id for probe in rules.probes.values()], {}),
    ):
        points = [
            Point(item, float(tells(base.text)), float(tells(tuned.text)), people.get(item))
            for item in items
            for base, tuned in (both(answers, item),)
            if base and tuned
        ]
        if made := measured(about, points, seed=seed):
            yield made


def gaps(
    rules: Rules, swap: Swap, made: Sequence[Variant], answers: Mapping[Key, Answer], *, seed: int
) -> Iterator[Gap]:
    """Compare each group with all others on the same cases, for both models and every figure."""
    for speaker in ("base", "tuned"):
        for figure, values in _figures(rules, made, answers, speaker).items():
            cases = sorted({item for _, item in values})
            for group, _ in swap.groups:
                rows = [row for item in cases if (row := _row(values, swap, group, item)) is not None]
                if rows:
                    difference = resampled(np.array(rows, dtype=np.float64), _gap, seed=seed)
                    yield Gap(swap.name, group, speaker, figure, difference)


def _figures(
    rules: Rules, made: Sequence[Variant], answers: Mapping[Key, Answer], speaker: str
) -> dict[str, dict[tuple[str, str], float]]:
    """Give the figures of a model's answers by name, each by group and case."""
    tells, polite = refuses(rules), rules.graders.get(POLITE)
    found: dict[str, dict[tuple[str, str], float]] = {}
    for variant in made:
        answer = answers.get((variant.item_id, speaker))
        if answer is None or answer.problem:
            continue
        told = {
            "chrf": chrf(answer.text, variant.case.expected),
            "words": float(len(answer.text.split())),
            "refusals": float(tells(answer.text)),
        }
        if polite is not None and (grade := polite.grade(answer, variant.case)) is not None:
            told["polite"] = grade
        for name, value in told.items():
            found.setdefault(name, {})[variant.group, variant.case.item_id] = value
    return found


def _row(
    values: Mapping[tuple[str, str], float], swap: Swap, group: str, item: str
) -> tuple[float, float, float] | None:
    """Give a group's value on a case, the mean of the others', and 1; None where an answer is missing."""
    others = [values.get((name, item)) for name, _ in swap.groups if name != group]
    own = values.get((group, item))
    there = [value for value in others if value is not None]
    if own is None or len(there) < len(others):
        return None
    return own, sum(there) / len(there), 1.0


def _gap(sums: Numbers) -> Numbers:
    return (sums[:, 0] - sums[:, 1]) / sums[:, 2]


def gap_json(gap: Gap) -> dict[str, Any]:
    """Give a gap as plain JSON values."""
    unit = next(unit for name, _, unit in SWAP_FIGURES if name == gap.figure)
    limits = f"{signed(gap.difference.low, unit)} to {signed(gap.difference.high, unit)}"
    return {
        "swap": gap.swap, "group": gap.group, "model": gap.speaker, "figure": gap.figure, "of": gap.difference.of,
        "difference": estimate_json(gap.difference), "is_clear": gap.is_clear,
        "told": f"{signed(gap.difference.value, unit)} ({limits})",
    }  # fmt: skip


def both(answers: Mapping[Key, Answer], item: str) -> tuple[Answer | None, Answer | None]:
    """Give both models' answers on an item, each None where it has none."""
    found = [answers.get((item, speaker)) for speaker in ("base", "tuned")]
    base, tuned = (answer if answer and not answer.problem else None for answer in found)
    return base, tuned

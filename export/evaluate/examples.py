"""The words behind figures: what was asked and what both models said, read from the store and covered where they leak.

This is text of an export, redacted as that is; it goes only where somebody asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from export.catalog import find_dataset
from export.evaluate.asking import read_answers
from export.evaluate.cases import Case, read_cases
from export.evaluate.judge import BASE, TUNED, said, transcript
from export.evaluate.leaks import blacked, read_canaries
from store.database import Store
from store.progress import silent
from store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Example:
    """One question with both answers; `people` is what the agent wrote, empty for questions of our own."""

    item_id: str
    asked: str
    people: str
    base: str
    tuned: str


def read_examples(workspace: Workspace, store: Store, document: Mapping[str, Any]) -> dict[str, Example]:
    """Give every example that a document of figures names."""
    dataset = find_dataset(workspace, store, document["dataset"])
    asked = document["asked"]
    cases = {case.item_id: case for case in read_cases(dataset, asked["split"], limit=0, seed=0, every=asked["every"])}
    answers = read_answers(store, document["evaluation"])
    canaries = read_canaries(store, workspace.settings, dataset, silent)
    found: dict[str, Example] = {}
    for item in sorted(set(_named(document))):
        told: dict[str, str] = {}
        case = cases.get(item)
        words = transcript(case.messages) if case else ""
        for speaker in (BASE, TUNED):
            answer = answers.get((item, speaker))
            text = said(answer) if answer and not answer.problem else "no answer"
            told[speaker] = blacked(text, canaries.find(text, words))
        found[item] = Example(item, words or _name_of(item), _written(case), told[BASE], told[TUNED])
    return found


def _named(document: Mapping[str, Any]) -> Iterable[str]:
    for measure in document["measures"]:
        yield from measure["examples"]
    for part in (document["judge"], document["votes"]):
        yield from part["examples"] if part else ()
    for speaker in (BASE, TUNED):
        yield from list(document["leaks"][speaker]["items"])[:5]


def _written(case: Case | None) -> str:
    return case.expected if case else ""


def _name_of(item: str) -> str:
    """Name a question that is no held-out conversation: probe:name:hash, swap:what:group:case:hash."""
    kind, *parts = item.split(":")
    return f"The probe {parts[0]} of rules/evaluation." if kind == "probe" else " ".join([kind, *parts[:2]])

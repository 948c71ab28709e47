"""Check every rule pack, ours and the workspace's: quality rules, recognizers, and the redaction policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curate.errors import CurateError
from curate.quality.labels import read_labels
from curate.quality.packs import check_packs, load_rules, quality_packs
from curate.quality.packs import explain_rule as explain_quality


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was checked, and every mistake that was found, each a sentence with its file."""

    rules: int
    examples: int
    problems: tuple[str, ...]


def check_rules(root: Path | None = None) -> Checked:
    """Validate the packs that come with chatmill and those of the workspace at `root`, and run their examples."""
    packs = quality_packs(root)
    labels, wrong = read_labels(root)
    problems = [str(problem) for problem in (*check_packs(packs, root), *wrong)]
    quality = () if problems else load_rules(packs, root)
    rules, examples = len(quality) + len(labels), sum(len(rule.examples) for rule in quality)
    try:
        recognizers, shown, failed = _check_recognizers(root)
    except CurateError as error:
        return Checked(rules, examples, (*problems, error.message))
    return Checked(rules + recognizers, examples + shown, (*problems, *failed))


def explain_rule(code: str, root: Path | None = None) -> list[str]:
    """Word what a quality rule does, why, and its examples, a line each.

    Raises:
        RulesError: there is no rule of that code, or a pack has mistakes.
    """
    return explain_quality(code, quality_packs(root), root)


def _check_recognizers(root: Path | None) -> tuple[int, int, list[str]]:
    """Count the recognizers and their examples, and name the examples that do not hold under the policy."""
    from curate.redact.rules import packaged_rules

    rules = packaged_rules()
    failed = list(_failed_examples(root))
    return len(rules), sum(len(rule.examples) for rule in rules), failed


def _failed_examples(root: Path | None) -> Iterator[str]:
    # Presidio is loaded here only: most uses of this room need none of it.
    from curate.redact.engine import engine_for
    from curate.redact.policy import load_policy
    from curate.redact.rules import packaged_rules
    from curate.redact.spans import Failure, resolve
    from store.settings import RedactionSettings

    load_policy(root)  # the workspace's own policy is checked by reading it; the examples go with ours
    policy = load_policy()
    languages = dict.fromkeys(name for rule in packaged_rules() for name in rule.languages if name != "*")
    patterns = RedactionSettings(names="none")  # an example shows what its own recognizer finds
    engine = engine_for(policy.spec(("en", *(name for name in languages if name != "en")), patterns))
    for rule in packaged_rules():
        language = "en" if rule.speaks("en") else rule.languages[0]
        for number, example in enumerate(rule.examples, start=1):
            scanned = engine.scan_text(example.text, language)
            found = () if isinstance(scanned, Failure) else scanned
            due = (one for one in found if policy.applies(one.entity_type, one.score, language))
            values = tuple(example.text[one.start : one.end] for one in resolve(due, example.text))
            if values != example.finds:
                yield f"recognizer {rule.name}, example {number}: found {len(values)} values, not {len(example.finds)}."

"""Measure how many people are found in tweets that the name model was not trained on, at several thresholds.

    python -m benchmarks.redaction_names ../shared/data

Reads the dev parts of pii/btc_train_dev and pii/wnut17_train_dev. A handle is a type of its own: "@ x" is joined, and
neither counted as a person nor held against a finding. The first line is what is redacted, by the packaged policy and
as ../shared/score_redaction.py counts: people with at least 90 % of their characters covered by findings of any type,
and findings that touch a labelled span of any type. The others are PERSON findings alone, at several thresholds, with
the share of people that are touched at all.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from curate.redact.participants import conversation_findings
from curate.redact.policy import load_policy
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure, Finding
from store.settings import RedactionSettings
from store.workers import Workers

SETS = {"btc_train_dev": "PER", "wnut17_train_dev": "person"}
HANDLE = re.compile(r"@ ?\w+")
ENOUGH = 0.9
THRESHOLDS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Tweet:
    """A text with its people and its handles."""

    text: str
    people: list[Span]
    others: list[Span]
    handles: list[Span]


def tweets(path: Path, label: str) -> Iterator[Tweet]:
    """Give a set's dev part with handles joined."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["split"] == "dev":
                people = [(one["start"], one["end"]) for one in row["spans"] if one["label"] == label]
                others = [(one["start"], one["end"]) for one in row["spans"] if one["label"] != label]
                yield joined(row["text"], people, others)


def joined(text: str, people: list[Span], others: list[Span]) -> Tweet:
    """Take out the space behind an @, and what is no person but a handle."""
    handles = [found.span() for found in HANDLE.finditer(text)]
    gone = [start + 1 for start, _ in handles if text[start + 1] == " "]

    def moved(at: int) -> int:
        return at - sum(place < at for place in gone)

    apart = [one for one in people if not any(start < one[1] and one[0] < end for start, end in handles)]
    plain = "".join(character for at, character in enumerate(text) if at not in set(gone))
    return Tweet(plain, *([(moved(start), moved(end)) for start, end in spans] for spans in (apart, others, handles)))


def covered(span: Span, found: list[Span], text: str) -> float:
    """Give the share of a span's characters that findings cover."""
    places = [at for at in range(*span) if not text[at].isspace()]
    return sum(any(start <= at < end for start, end in found) for at in places) / max(1, len(places))


def measure(name: str, data: list[Tweet], found: list[list[Span]], *, any_type: bool) -> str:
    """Give one line of the table; with `any_type` findings of places and firms are right where such a thing is."""
    people = hit = touched = findings = right = 0
    for tweet, own in zip(data, found, strict=True):
        shares = [covered(span, own, tweet.text) for span in tweet.people]
        people, hit = people + len(shares), hit + sum(share >= ENOUGH for share in shares)
        touched += sum(share > 0 for share in shares)
        told = [one for one in own if not touches(one, tweet.handles)]
        findings += len(told)
        right += sum(touches(one, tweet.people) or (any_type and touches(one, tweet.others)) for one in told)
    return f"{name:>12}{hit / people:>10.3f}{touched / people:>10.3f}{right / max(1, findings):>11.3f}{people:>8}"


def touches(span: Span, others: list[Span]) -> bool:
    """Say whether a span and one of others have a character in common."""
    return any(start < span[1] and span[0] < end for start, end in others)


def main() -> None:
    """Print both sets' figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    policy = load_policy()
    with Workers(1) as workers:
        scanner = Scanner(policy.spec(("en",), RedactionSettings()), workers)
        for name, label in SETS.items():
            data = list(tweets(given.data / f"pii/{name}.jsonl.gz", label))
            found = [findings_in(tweet.text, scanner) for tweet in data]
            print(f"{name}, dev part: {len(data):,} texts\n   threshold    recall   overlap  precision  people")
            applied = [[one for one in own if policy.applies(one.entity_type, one.score, "en")] for own in found]
            spans = [[(one.start, one.end) for one in own] for own in applied]
            print(measure("as redacted", data, spans, any_type=True))
            for least in THRESHOLDS:
                people = [[one for one in own if one.entity_type == "PERSON" and one.score >= least] for own in found]
                spans = [[(one.start, one.end) for one in own] for own in people]
                print(measure(f"{least:.2f}", data, spans, any_type=False))


def findings_in(text: str, scanner: Scanner) -> list[Finding]:
    """Give everything that is found in a text that stands alone."""
    scanned = scanner.scan([("en", text)])["en", text]
    return [] if isinstance(scanned, Failure) else [*conversation_findings({"t": text}, {"t": scanned}, ())["t"]]


if __name__ == "__main__":
    main()

"""Measure our batch path against a loop over Presidio's AnalyzerEngine.analyze, same recognizers, same run.

    python -m benchmarks.redaction ../shared/data/conversations/star.jsonl.gz [--turns 20000] [--workers 1]
        [--names none]

Prints turns a second of both, their ratio, whether the findings are the same, and the peak memory.
"""

import argparse
import gzip
import json
import resource
import time
from collections.abc import Iterator
from pathlib import Path

from curate.redact.engine import Engine, Scanned, engine_for
from curate.redact.policy import load_policy
from curate.redact.scanning import Scanner
from store.settings import RedactionSettings
from store.workers import Workers

LANGUAGE = "en"
SLICE = 400  # turns of each slice that both paths take in turn, so that a busy machine slows both alike


def turns_of(path: Path) -> Iterator[str]:
    """Give the texts of every turn, as they come."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield from (turn["text"] for turn in json.loads(line)["turns"] if turn["text"])


def looped(engine: Engine, texts: list[str]) -> tuple[float, list[Scanned]]:
    """Analyse each turn as Presidio's users do."""
    start = time.perf_counter()
    floor = engine.spec.floor
    results = [
        engine.analyzer.analyze(text, LANGUAGE, score_threshold=floor, return_decision_process=True) for text in texts
    ]
    return time.perf_counter() - start, [tuple(engine.keep(found)) for found in results]


def batched(scanner: Scanner, texts: list[str]) -> tuple[float, list[Scanned]]:
    """Analyse the same turns our way."""
    start = time.perf_counter()
    found = scanner.scan((LANGUAGE, text) for text in texts)
    results = [found[LANGUAGE, text] for text in texts]
    return time.perf_counter() - start, results


def spans(results: list[Scanned]) -> list[list[tuple[int, int, str, float]]]:
    """Give what is compared: place, type and score."""
    return [
        sorted((one.start, one.end, one.entity_type, one.score) for one in found) if isinstance(found, tuple) else []
        for found in results
    ]


def main() -> None:
    """Run both over the same turns and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--turns", type=int, default=20_000)
    parser.add_argument("--loop-turns", type=int, default=4_000, help="the loop is measured on every n-th turn")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--names", default="own", help="the model that finds names; none for the patterns alone")
    given = parser.parse_args()
    texts = list(turns_of(given.file))[: given.turns]
    alone = (LANGUAGE,) if given.names == "none" else ()
    spec = load_policy().spec((LANGUAGE,), RedactionSettings(names=given.names, patterns_only=alone))
    engine = engine_for(spec)
    sample = texts[:: max(1, len(texts) // given.loop_turns)]
    with Workers(given.workers) as workers:
        scanner = Scanner(spec, workers)
        scanner.scan((LANGUAGE, f"warm up {n}") for n in range(2000 * given.workers))  # every worker builds its engine
        looped(engine, sample[:SLICE])
        slow, expected = looped(engine, sample)
        fast, found = batched(scanner, texts)
    by_text = dict(zip(texts, spans(found), strict=True))
    same = sum(by_text[text] == spans_ for text, spans_ in zip(sample, spans(expected), strict=True))
    loop_rate, our_rate = len(sample) / slow, len(texts) / fast
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
    print(f"turns as they come     {len(texts):>10,}  ({len(set(texts)):,} distinct)")
    print(f"loop over analyze      {loop_rate:>10,.0f} turns/s  ({len(sample):,} turns)")
    print(f"our batches            {our_rate:>10,.0f} turns/s  ({len(set(texts)) / fast:,.0f} distinct/s)")
    print(f"ratio                  {our_rate / loop_rate:>10.1f}")
    print(f"same findings          {same:>10,} of {len(sample):,} turns")
    print(f"peak memory            {peak:>10,.0f} MB  (the largest process)")


if __name__ == "__main__":
    main()

"""Check that a text has the same findings alone, in a batch, and with any number of workers, over every turn of a file.

    python -m benchmarks.redaction_same ../shared/data/conversations/star.jsonl.gz [--alone 0]

Scans all distinct turns in one process in batches, again with two workers in another order, and (`--alone`, 0 for all)
so many of them one by one; prints how many differ. It has to be none.
"""

import argparse
import random
import time
from pathlib import Path

from benchmarks.redaction import LANGUAGE, turns_of
from curate.redact.engine import EngineSpec, Scanned, engine_for
from curate.redact.policy import load_policy
from curate.redact.scanning import Scanner
from store.settings import RedactionSettings
from store.workers import Workers


def main() -> None:
    """Scan three ways and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--alone", type=int, default=0, help="texts to scan one by one; 0 takes all")
    given = parser.parse_args()
    spec = load_policy().spec((LANGUAGE,), RedactionSettings())
    texts = list(dict.fromkeys(turns_of(given.file)))
    shuffled = random.Random(1).sample(texts, len(texts))
    by_workers = {workers: batched(spec, order, workers) for workers, order in ((1, texts), (2, shuffled))}
    engine, chosen = engine_for(spec), shuffled[: given.alone or None]
    begun = time.perf_counter()
    alone = {text: engine.scan([text], LANGUAGE)[0] for text in chosen}
    print(f"{len(texts):,} distinct texts; {len(chosen):,} alone in {time.perf_counter() - begun:.0f} s")
    print(f"two workers, another order: {sum(by_workers[1][text] != by_workers[2][text] for text in texts):,} differ")
    print(f"alone: {sum(by_workers[1][text] != alone[text] for text in chosen):,} differ")


def batched(spec: EngineSpec, texts: list[str], workers: int) -> dict[str, Scanned]:
    """Scan texts as curation does."""
    begun = time.perf_counter()
    with Workers(workers) as pool:
        found = Scanner(spec, pool).scan((LANGUAGE, text) for text in texts)
    print(f"{workers} worker(s): {len(texts) / (time.perf_counter() - begun):,.0f} distinct texts/s")
    return {text: result for (_, text), result in found.items()}


if __name__ == "__main__":
    main()

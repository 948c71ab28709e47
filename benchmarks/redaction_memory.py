"""Measure whether memory grows while redaction scans new texts without end.

    python benchmarks/redaction_memory.py [--turns 1000000] [--plugin module:Class]

Every text is new and full of new words. Prints the resident memory of the process as it goes, and the growth from the
first tenth to the end. Presidio's AnalyzerEngine keeps spaCy's vocabulary, which takes in every new word it meets.
"""

import argparse
import time

from curate.redact.engine import ScanTask, scan_task
from curate.redact.policy import load_policy
from store.settings import RedactionSettings

BATCH = 1_000


def resident() -> float:
    """Give the memory of this process in MB (Linux)."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - a file of the kernel's
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def texts(first: int) -> tuple[str, ...]:
    """Give a batch of texts that were never there before."""
    numbers = range(first, first + BATCH)
    return tuple(
        f"hi this is zebra{n} again, parcel {n * 7919 % 999983} for mail{n}@example.com is lost" for n in numbers
    )


def main() -> None:
    """Scan, and print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=1_000_000)
    parser.add_argument("--plugin", action="append", default=[])
    given = parser.parse_args()
    spec = load_policy().spec(("en",), RedactionSettings(recognizers=tuple(given.plugin)))
    start = time.perf_counter()
    tenth = max(BATCH, given.turns // 10 // BATCH * BATCH)
    marks: list[float] = []
    for done in range(0, given.turns, BATCH):
        scan_task(ScanTask(spec, "en", texts(done)))
        if (done + BATCH) % tenth == 0:
            marks.append(resident())
            speed = (done + BATCH) / (time.perf_counter() - start)
            print(f"{done + BATCH:>9,} turns  {marks[-1]:7.1f} MB  {speed:7.0f} turns/s", flush=True)
    print(f"growth from the first tenth to the end: {marks[-1] - marks[0]:.1f} MB")


if __name__ == "__main__":
    main()

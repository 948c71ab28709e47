"""How fast each connector's exports come into the store, and what memory they take, beside parsing them alone.

    python -m benchmarks.connectors [--megabytes 20] [--only slack]

Each export is a sample of sample_logs written again and again to the size asked for. It is ingested in a process of its
own without workers, so that turns a second of CPU are turns a second a core. The baseline parses the same files with
orjson, line by line or whole, and does nothing else; of other formats it reads the bytes. Peaks are the process's own.
"""

import argparse
import multiprocessing
import os
import resource
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import orjson

from benchmarks.enlarged import EXPORTS, enlarge
from ingest.exports import ingest_exports
from ingest.loading import LOADING_MEMORY, LOADING_THREADS
from ingest.registry import available
from store.workspace import Workspace

MIB = 1024 * 1024

Measured = tuple[float, float, float, int, int, int]
"""Seconds, CPU seconds, peak in MiB, conversations, turns, rejects."""


def chatmill(path: Path, folder: Path) -> tuple[int, int, int]:
    """Ingest the export in this process alone."""
    made = Workspace.create(folder / "workspace")
    alone = replace(made.settings, workspace=replace(made.settings.workspace, workers=1))
    with made.open(memory=LOADING_MEMORY, threads=LOADING_THREADS) as store:
        batches = ingest_exports(replace(made, settings=alone), store, [path]).batches
    return (
        sum(batch.conversations for batch in batches),
        sum(batch.turns for batch in batches),
        sum(batch.rejects for batch in batches),
    )


def baseline(path: Path, _: Path) -> tuple[int, int, int]:
    """Parse what is JSON and read the rest."""
    for file in sorted(path.rglob("*")):
        if file.is_dir():
            continue
        with file.open("rb") as content:
            for part in [content.read()] if file.suffix == ".json" else content:
                if file.suffix in (".json", ".ndjson", ".jsonl"):
                    with suppress(ValueError):  # the samples hold broken lines on purpose
                        orjson.loads(part)
    return 0, 0, 0


def _measured(name: str, path: Path, results: "multiprocessing.Queue[Measured]") -> None:
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        os.environ["CHATMILL_KEY"] = "5a" * 32
        available()  # loading the connectors is no part of reading with them
        start, busy = time.perf_counter(), time.process_time()
        counts = {"chatmill": chatmill, "baseline": baseline}[name](path, Path(folder))
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    results.put((seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, *counts))


def measure(name: str, path: Path) -> Measured:
    """Run one of the two in a process of its own."""
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[Measured] = context.Queue()
    process = context.Process(target=_measured, args=(name, path, results))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name} failed over {path}")
    return results.get()


def row(name: str, path: Path) -> str:
    """Measure both over one export and word the table's row."""
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / MIB
    _, parsing, parsing_peak, *_ = measure("baseline", path)
    seconds, cpu, peak, conversations, turns, rejects = measure("chatmill", path)
    return (
        f"{name:27} {size:7,.0f} {conversations:11,} {turns:10,} {rejects:8,} "
        f"{turns / cpu:12,.0f} {turns / seconds:9,.0f} {size / cpu:6.1f} {peak:7,.0f} "
        f"{cpu / max(parsing, 0.001):8.1f} {parsing_peak:9,.0f}"
    )


def main() -> None:
    """Measure every export, or those whose name begins as asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--only", default="", help="the start of an export's name")
    given = parser.parse_args()
    print(
        f"{'export':27} {'MiB':>7} {'conversat.':>11} {'turns':>10} {'rejects':>8} {'turns/s CPU':>12} {'turns/s':>9} "
        f"{'MiB/s':>6} {'peak':>7} {'x parse':>8} {'its peak':>9}"
    )
    for export in EXPORTS:
        if export.name.startswith(given.only):
            with tempfile.TemporaryDirectory() as folder:
                enlarge(export, Path(folder) / "export", given.megabytes * MIB)
                print(row(export.name, Path(folder) / "export"), flush=True)


if __name__ == "__main__":
    main()

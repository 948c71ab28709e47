"""How fast quality rules and labels are, with reading and writing the store, beside a loop over the turns.

    python -m benchmarks.quality CONVERSATIONS.jsonl.gz
    python -m benchmarks.quality --conversations 100000

The second makes conversations of 170 words in six turns, as `benchmarks.duplicates` does. They are ingested first, and
the worker processes started, which is not counted. The baseline is what one would write without chatmill: for each turn
a loop over the lists of terms, each a compiled pattern of Python's `re`; it measures nothing but terms. Wall time
depends on what else runs, so processor time is shown beside it.
"""

import argparse
import json
import os
import re
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.planted_duplicates import chunks, texts_of, vocabulary
from curate.quality.packs import workspace_rules
from curate.quality.stage import curate_quality
from curate.stages import Curation
from ingest.exports import ingest_exports
from store.database import Store
from store.workers import Workers
from store.workspace import Workspace

SEED = 1
SPEECH = "SELECT conversation_key, text FROM public_turns WHERE kind = 'message'"


def write(path: Path, conversations: int) -> Path:
    """Write generated conversations, a line each."""
    words, number = vocabulary(SEED), 0
    with path.open("w", encoding="utf-8") as file:
        for chunk in chunks(conversations, SEED):
            for texts in texts_of(chunk, words):
                turns = [{"role": ("customer", "agent")[turn % 2], "text": text} for turn, text in enumerate(texts)]
                file.write(json.dumps({"id": f"c{number}", "turns": turns}) + "\n")
                number += 1
    return path


def looped(store: Store) -> dict[str, int]:
    """Count for each conversation and list of terms the turns that hold one."""
    lists = {tuple(dict(rule.params)["terms"]) for rule in workspace_rules() if "terms" in dict(rule.params)}
    patterns = [
        re.compile(rf"(?:^|\W)(?:{'|'.join(map(re.escape, terms))})(?:$|\W)", re.IGNORECASE) for terms in sorted(lists)
    ]
    counts: dict[str, int] = {}
    for key, text in store.rows(SPEECH):
        counts[key] = counts.get(key, 0) + sum(pattern.search(text) is not None for pattern in patterns)
    return counts


def timed(name: str, count: int, work: Callable[[], object]) -> float:
    """Run one piece of work, print its figures, and give its wall time."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:22} {count / wall:>8,.0f} conversations/s  {wall:.2f} s, CPU {cpu:.2f} s, peak {peak:,.0f} MiB")
    return wall


def main() -> None:
    """Measure both stages and the loop, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", type=Path, nargs="?", help="conversations as JSON lines")
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    os.environ["CHATMILL_KEY"] = "5a" * 32
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace")
        export = given.export or write(Path(folder) / "made.jsonl", given.conversations)
        with workspace.open() as store:
            ingest_exports(workspace, store, [export])
        with workspace.open() as store, Workers(given.workers) as workers:
            list(workers.map(abs, range(100)))
            count = store.value("SELECT count(*) FROM conversations")
            print(f"{count:,} conversations, {len(workspace_rules())} rules")
            curation = Curation(store, workspace, workers)
            ours = timed("rules and labels", count, lambda: curate_quality(curation))
            baseline = timed("loop over terms alone", count, lambda: looped(store))
            print(f"{'ratio to the loop':22} {baseline / ours:>8.1f}")


if __name__ == "__main__":
    main()

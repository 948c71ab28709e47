"""Near-duplicates: chatmill's stage beside datasketch's MinHash (update_batch) and MinHashLSH, at the same threshold.

    python -m benchmarks.duplicates [--conversations 100000] [--sample 5000] [--workers 1]

Conversations of 170 words with planted near-duplicates (benchmarks/planted_duplicates.py). chatmill runs its whole
stage over all of them: reading an encrypted store, shingling, signing, banding, verifying every pair by its true
similarity, choosing keepers, writing. What the reading alone takes is measured too, so that the ratio can be told with
and without it. datasketch gets the first `sample` of them as texts in memory and only names candidates; its time for
one conversation does not depend on how many there are, so the ratio is of times for one conversation. Both run in this
run, one after the other, each in a process of its own, so that peaks of memory do not mix. On a busy machine trust the
CPU time, which is that of all processes.

Recall: of the planted pairs whose true Jaccard similarity reaches the threshold, how many are in one cluster
(chatmill), or were named as candidates (datasketch). Where datasketch is not installed, its line says so.
"""

import argparse
import importlib.util
import multiprocessing
import os
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.planted_duplicates import VOCABULARY, Chunk, chunks, frames, key_of, texts_of, vocabulary

THRESHOLD, WIDTH, PERMUTATIONS = 0.8, 3, 128
SEED = 1
NO_LIST = pl.lit([], dtype=pl.List(pl.String))
HEAD = {"connector": "benchmark", "account": "", "handled_by": "human", "completeness": "complete", "is_test": False}
HEAD |= {"custom": "{}", "source_uri": "generated", "place": "", "batch_id": "generated"}
TURN = {"kind": "message", "visibility": "public", "is_automated": False, "tz_source": "none", "is_deleted": False}
TURN |= {"is_draft": False, "source_redaction": "none", "custom": "{}", "place": ""}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run took, and which pairs it found among those planted."""

    wall: float
    cpu: float
    peak: int  # MiB of the process and of one worker
    found: int
    planted: int
    stages: dict[str, float]  # wall time
    reading: float = 0.0  # CPU time


class Stopwatch:
    """Time the stage's own pieces of progress."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Generator["Stopwatch"]:
        """Time one piece."""
        del total
        started = time.perf_counter()
        yield self
        self.seconds[label.removeprefix("curate: ")] = time.perf_counter() - started

    def advance(self, amount: int = 1) -> None:
        """Count nothing."""


def planted(chunk: Chunk) -> Iterator[tuple[int, int]]:
    """Give the places of a chunk's pairs of one family that reach the threshold, counted from their words alone."""
    families = pl.DataFrame({"family": chunk.families}).with_row_index("place")
    for _, group in families.group_by("family", maintain_order=True):
        if group.height > 1:
            sets = {place: _shingles(chunk.words[place].tolist()) for place in group["place"]}
            for one, other in combinations(sets, 2):
                if len(sets[one] & sets[other]) >= THRESHOLD * len(sets[one] | sets[other]):
                    yield one, other


def _shingles(words: list[int]) -> set[int]:
    triples = zip(words, words[1:], words[2:], strict=False)
    return {(one * VOCABULARY + two) * VOCABULARY + three for one, two, three in triples}


def fill(root: Path, count: int) -> None:
    """Make a workspace whose store holds `count` conversations."""
    from store.workspace import Workspace

    words = vocabulary(SEED)
    with Workspace.create(root).open() as store:
        for chunk in chunks(count, SEED):
            heads, turns = frames(chunk, words)
            values = [pl.lit(value).alias(name) for name, value in HEAD.items()]
            heads = heads.with_columns(*values, NO_LIST.alias("tags"), external_id="conversation_key")
            turns = turns.with_columns(
                NO_LIST.alias("repairs"), **{name: pl.lit(value) for name, value in TURN.items()}
            )
            with store.transaction():
                store.append("conversations", heads)
                store.append("turns", turns)


def ours(root: Path, count: int, workers: int) -> Measured:
    """Run the stage over a workspace."""
    from curate.dedup.stage import compared_conversations, curate_duplicates
    from curate.stages import Curation
    from store.workers import Workers
    from store.workspace import Workspace

    workspace, watch = Workspace.find(root), Stopwatch()
    started, worked = time.perf_counter(), _cpu()
    with workspace.open() as store:
        with Workers(workers) as pool:
            curate_duplicates(Curation(store, workspace, pool, watch))
        wall, cpu, peak = time.perf_counter() - started, _cpu() - worked, _peak()
        worked = _cpu()
        with compared_conversations(store) as texts:
            for page in texts.pages():
                texts.render(page)
        reading = _cpu() - worked
        clusters = dict(store.rows("SELECT conversation_key, cluster FROM duplicates"))
    pairs = found = 0
    for chunk in chunks(count, SEED):
        keys = [key_of(family, place) for place, family in enumerate(chunk.families.tolist())]
        for one, other in planted(chunk):
            pairs += 1
            found += clusters.get(keys[one], "") == clusters.get(keys[other], "none")
    return Measured(wall, cpu, peak, found, pairs, watch.seconds, reading)


def theirs(count: int) -> Measured:
    """Sign, query and insert with datasketch, a conversation after the other."""
    from datasketch import MinHash, MinHashLSH

    words = vocabulary(SEED)
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    candidates: dict[int, list[int]] = {}
    alike: set[tuple[int, int]] = set()
    texts: list[str] = []
    for chunk in chunks(count, SEED):
        alike |= {(one + len(texts), other + len(texts)) for one, other in planted(chunk)}
        texts += ["\n".join(turns) for turns in texts_of(chunk, words)]
    started, worked = time.perf_counter(), _cpu()
    for number, text in enumerate(texts):
        split = text.lower().replace(".", "").split()
        sketch = MinHash(num_perm=PERMUTATIONS)
        sketch.update_batch([" ".join(split[at : at + WIDTH]).encode() for at in range(len(split) - WIDTH + 1)])
        candidates[number] = index.query(sketch)
        index.insert(number, sketch)
    wall, cpu = time.perf_counter() - started, _cpu() - worked
    return Measured(wall, cpu, _peak(), sum(one in candidates[other] for one, other in alike), len(alike), {})


def _cpu() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _peak() -> int:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own.ru_maxrss + children.ru_maxrss) // 1024


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - whatever the function gives
    """Call in a process of its own; before this one grows, as on Linux a child's peak starts at its parent's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _show(name: str, count: int, run: Measured) -> None:
    each = f"{run.wall / count * 1e6:7.1f} us wall, {run.cpu / count * 1e6:7.1f} us CPU a conversation"
    recall = f"recall {run.found / max(1, run.planted):.4f} of {run.planted:,} pairs"
    print(f"{name:11} {count:9,} in {run.wall:7.1f} s: {each}, {recall}, peak {run.peak:,} MiB")
    for stage, seconds in run.stages.items():
        print(f"            {stage}: {seconds:.1f} s")


def main() -> None:
    """Measure both and print a line for each, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=100_000, help="A multiple of ten.")
    parser.add_argument("--sample", type=int, default=5_000, help="How many datasketch gets; a multiple of ten.")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    os.environ["CHATMILL_KEY"] = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        _apart(fill, root, given.conversations)
        own = _apart(ours, root, given.conversations, given.workers)
    _show("chatmill", given.conversations, own)
    if importlib.util.find_spec("datasketch") is None:
        print("datasketch  not installed")
        return
    other = _apart(theirs, given.sample)
    _show("datasketch", given.sample, other)
    wall = other.wall / given.sample * given.conversations / own.wall
    cpu = other.cpu / given.sample * given.conversations
    print(
        f"ratio       {wall:.1f} by wall time, {cpu / own.cpu:.1f} by CPU time; "
        f"{cpu / (own.cpu - own.reading):.1f} by CPU time without reading the store ({own.reading:.1f} s)"
    )


if __name__ == "__main__":
    main()

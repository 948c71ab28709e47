"""How fast JSON lines come into the encrypted store, beside the least anybody could do with them.

    python -m benchmarks.ingest [--conversations 10000]

The baseline parses each line with orjson and inserts its turns into a plain, unencrypted DuckDB file through Arrow: no
keys, no cleaning, no timestamps, no rejects. Each runs in a process of its own, so that the peaks do not mix. CPU is
that of the workers too; the peak is that of the process that writes, and behind it stands the largest worker's.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from pathlib import Path

import duckdb
import orjson
import polars as pl

from ingest.exports import ingest_exports
from ingest.loading import LOADING_MEMORY, LOADING_THREADS
from store.frames import as_arrow
from store.workspace import Workspace

TURNS = 10
SIZES = (1, 10)
"""The input's size, as given and ten times as large: memory must not follow it."""
TEXT = "my parcel has not arrived yet although the page says it was handed over on monday can you please help"


def write(path: Path, conversations: int) -> None:
    """Write invented conversations of ten turns, a conversation a line."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(conversations):
            turns = [
                {
                    "role": ("customer", "agent")[turn % 2],
                    "text": f"{TEXT[turn * 3 :]} {number} {turn}",
                    "ts": 1_760_000_000 + number * 60 + turn,
                }
                for turn in range(TURNS)
            ]
            file.write(json.dumps({"id": f"c{number}", "turns": turns}) + "\n")


def chatmill(path: Path, folder: Path) -> None:
    """Ingest the file into a workspace."""
    workspace = Workspace.create(folder / "workspace")
    with workspace.open(memory=LOADING_MEMORY, threads=LOADING_THREADS) as store:
        ingest_exports(workspace, store, [path])


def baseline(path: Path, folder: Path) -> None:
    """Parse every line and insert the turns, and nothing else."""
    connection = duckdb.connect(str(folder / "plain.duckdb"))
    connection.execute("CREATE TABLE turns (id VARCHAR, role VARCHAR, text VARCHAR, ts BIGINT)")
    rows: list[tuple[str, str, str, int]] = []
    with path.open("rb") as lines:
        for line in lines:
            record = orjson.loads(line)
            rows += [(record["id"], turn["role"], turn["text"], turn["ts"]) for turn in record["turns"]]
            if len(rows) >= 20_000:
                _insert(connection, rows)
    _insert(connection, rows)
    connection.close()


def _insert(connection: duckdb.DuckDBPyConnection, rows: list[tuple[str, str, str, int]]) -> None:
    connection.register("given", as_arrow(pl.DataFrame(rows, schema=["id", "role", "text", "ts"], orient="row")))
    connection.execute("INSERT INTO turns SELECT * FROM given")
    connection.unregister("given")
    rows.clear()


def _measured(name: str, path: Path, results: "multiprocessing.Queue[tuple[float, float, float, float]]") -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHATMILL_KEY"] = "5a" * 32
        start, busy = time.perf_counter(), time.process_time()
        {"chatmill": chatmill, "baseline": baseline}[name](path, Path(folder))
        seconds, cpu = time.perf_counter() - start, time.process_time() - busy
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    peaks = [used.ru_maxrss / 1024 for used in (resource.getrusage(resource.RUSAGE_SELF), workers)]
    results.put((seconds, cpu + workers.ru_utime + workers.ru_stime, *peaks))


def main() -> None:
    """Measure both at both sizes and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=10_000)
    given = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for factor in SIZES:
            count = given.conversations * factor
            path = Path(folder) / "chats.jsonl"
            write(path, count)
            rates: dict[str, float] = {}
            for name in ("baseline", "chatmill"):
                results = context.Queue()
                process = context.Process(target=_measured, args=(name, path, results))
                process.start()
                seconds, cpu, peak, worker = results.get()
                process.join()
                rates[name] = count * TURNS / seconds
                figures = f"{rates[name]:>9,.0f} turns/s   CPU {cpu:6.2f} s   peak {peak:6,.0f} + {worker:4,.0f} MiB"
                print(f"{count * TURNS:>10,} turns  {name:9} {figures}", flush=True)
            print(f"{'':18} ratio     {rates['chatmill'] / rates['baseline']:>9.2f}")


if __name__ == "__main__":
    main()

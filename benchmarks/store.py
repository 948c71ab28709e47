"""Build the store that the pages are measured on: a million conversations, as a workspace at work for a year has it.

    python -m benchmarks.store FOLDER [--conversations 1000000]

The text is invented, and written by the database itself; eight turns and four findings a conversation. Outcomes, the
queue and the patterns are made by the stages that make them everywhere else. FOLDER gets `workspace` and `keys`; a
store that is there is kept as it is.
"""

import argparse
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.store_tables import REVIEWED, TABLES, names, rule_values
from benchmarks.store_work import add_work
from curate.outcomes import curate_outcomes
from curate.quality.packs import workspace_rules
from curate.review.stage import curate_review
from curate.stages import Curation
from store.database import Store
from store.workers import Workers
from store.workspace import Workspace

PARTS = "0123456789abcdef"
"""What is written at once: the conversations whose key begins so."""
MADE = "made"


def build(folder: Path, conversations: int) -> Workspace:
    """Build the store, or give the workspace that is there; the key lies beside it."""
    os.environ.pop("CHATMILL_KEY", None)
    os.environ["CHATMILL_KEY_DIR"] = str(folder.resolve() / "keys")
    made = folder / f"{MADE}-{conversations}"
    root = folder / "workspace"
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        workspace = Workspace.create(root)
        with workspace.open() as store:
            _fill(workspace, store, conversations)
        made.touch()
    return Workspace.find(root)


def _fill(workspace: Workspace, store: Store, conversations: int) -> None:
    with store.scratch(names=names(), rules=rule_values(workspace_rules(workspace.root))):
        with _timed("keys"):
            store.execute(
                "CREATE TABLE memory.main.numbered AS SELECT i, md5('conversation ' || i) AS conversation_key "
                "FROM range(?) AS r(i) ORDER BY i",
                [conversations],
            )
        # As reading exports leaves them: in the order of the files, which is none of the keys.
        for table in ("batches", "conversations", "participants", "turns", "attachments", "rejects"):
            with _timed(table):
                for first in range(0, conversations, 100_000):
                    _write(store, table, "i BETWEEN ? AND ?", [first, first + 99_999])
        # As the stages of curation leave them: by key.
        for table in ("findings", "finding_values", "signals", "labels", "processed", "duplicates", "repeats"):
            with _timed(table):
                for part in PARTS:
                    _write(store, table, "starts_with(conversation_key, ?)", [part])
        for table in ("decisions", "acts", "history", "surrogates"):
            with _timed(table):
                _write(store, table, f"i % 10 < {REVIEWED}", [])
        store.execute("DROP TABLE memory.main.numbered")
    with _timed("outcomes"), Workers(1) as workers:
        curate_outcomes(Curation(store, workspace, workers))
    with _timed("review"), Workers(1) as workers:
        curate_review(Curation(store, workspace, workers))
    with _timed("audit, datasets, jobs"):
        add_work(workspace, store)
    with _timed("checkpoint"):
        store.checkpoint()


def _write(store: Store, table: str, where: str, params: list[object]) -> None:
    mine = f"WITH mine AS MATERIALIZED (SELECT * FROM memory.main.numbered WHERE {where})"
    store.execute(f"INSERT INTO {table} BY NAME {mine} {TABLES[table]}", params)


@contextmanager
def _timed(what: str) -> Generator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:24}{time.perf_counter() - start:8.1f} s", flush=True)


def main() -> None:
    """Build it and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--conversations", type=int, default=1_000_000)
    given = parser.parse_args()
    workspace = build(given.folder, given.conversations)
    with workspace.open() as store:
        for table in ("conversations", "turns", "findings", "signals", "decisions", "review_queue", "patterns"):
            print(f"{table:24}{store.value(f'SELECT count(*) FROM {table}'):>12,}")
    print(f"{'bytes':24}{workspace.store_path.stat().st_size:>12,}")


if __name__ == "__main__":
    main()

"""Measure how long the redacted turns of an export take with placeholders, and with surrogates.

    python -m benchmarks.operators ../shared/data/conversations/star.jsonl.gz [--conversations 2000]

Prints turns a second of both, what drawing the surrogates took once, and how many conversations each sets aside.
"""

import argparse
import gzip
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

from curate.language import curate_language
from curate.redact.redact import redacted_turns
from curate.redact.stage import curate_redaction
from curate.stages import Curation
from ingest.exports import ingest_exports
from store.database import Store
from store.workers import Workers
from store.workspace import Workspace

PAGE = 5000


def checked(workspace: Workspace, store: Store, operator: str) -> float:
    """Curate with an operator for every type, and give the seconds."""
    (workspace.root / "rules").mkdir(exist_ok=True)
    (workspace.root / "rules/redaction.toml").write_text(f'[default]\noperator = "{operator}"\n', encoding="utf-8")
    start = time.perf_counter()
    with Workers(1) as workers:
        curate_redaction(Curation(store, workspace, workers))
    return time.perf_counter() - start


def read(workspace: Workspace, store: Store) -> tuple[float, int]:
    """Read all redacted turns page by page, and give seconds and turns."""
    keys = [row[0] for row in store.rows("SELECT conversation_key FROM conversations ORDER BY conversation_key")]
    start = time.perf_counter()
    turns = sum(
        redacted_turns(store, workspace.settings, keys[at : at + PAGE]).height for at in range(0, len(keys), PAGE)
    )
    return time.perf_counter() - start, turns


def main() -> None:
    """Read the file into a workspace of its own and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--conversations", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHATMILL_KEY"] = "5a" * 32
        workspace = Workspace.create(Path(folder) / "workspace")
        lines = Path(folder) / "lines.jsonl"
        with gzip.open(given.file, "rt", encoding="utf-8") as source:
            lines.write_text("".join(islice(source, given.conversations)), encoding="utf-8")
        with workspace.open() as store:
            ingest_exports(workspace, store, [lines])
            with Workers(1) as workers:
                curate_language(Curation(store, workspace, workers))
            checked(workspace, store, "placeholder")
            print(f"findings    {store.value('SELECT count(*) FROM findings'):>10,}")
            for operator in ("placeholder", "surrogate", "hash", "encrypt", "mask"):
                again = checked(workspace, store, operator)
                seconds, turns = min(read(workspace, store) for _ in range(3))
                aside = store.value("SELECT count(*) FROM processed WHERE stage = 'leaks' AND status = 'quarantine'")
                print(f"{operator:<11} {turns / seconds:>10,.0f} turns/s read; leak check {again:.1f} s; {aside} aside")
            print(f"surrogates  {store.value('SELECT count(*) FROM surrogates'):>10,}")


if __name__ == "__main__":
    main()

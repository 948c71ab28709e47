"""How fast a dataset is written: invented conversations with findings, through the real redaction, split and counting.

python -m benchmarks.export [CONVERSATIONS [FORMAT]]

CPU seconds are those of this process and of its workers: on a machine that does other work too, they say more than the
time on the clock.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from curate.redact.policy import load_policy
from export.dataset import build_dataset
from export.explain import explain_line
from export.submit.dry_run import dry_run
from store.database import Store
from store.workspace import Workspace

TURNS = 12
BATCH = 10_000
QUESTION = "Hello, this is Ann Example {n}, my parcel {n} of turn {t} has not come, write to ann{n}@example.com please."
ANSWER = "Thank you for waiting. Parcel {n} left our depot on day {t}, and the carrier will bring it within two days."


def fill(store: Store, count: int) -> None:
    """Store so many curated conversations of twelve turns, a mail address found in every question."""
    for first in range(0, count, BATCH):
        _fill(store, range(first, min(first + BATCH, count)))


def _fill(store: Store, numbers: range) -> None:
    keys = pl.DataFrame({"n": numbers}).with_columns(
        conversation_key=pl.col("n").hash(seed=1).cast(pl.String), content_hash=pl.lit("h")
    )
    policy = f"v-{load_policy().fingerprint}-1"
    with store.transaction(), store.scratch(fresh=keys):
        store.execute(
            "INSERT INTO conversations BY NAME SELECT conversation_key, content_hash, 'bench' AS connector, "
            "'' AS account, n::VARCHAR AS external_id, 'chat' AS channel, 'en' AS language, [] AS tags, "
            "'human' AS handled_by, 'complete' AS completeness, false AS is_test, '{}' AS custom, "
            "'bench' AS source_uri, '' AS place, 'b' AS batch_id FROM fresh"
        )
        store.execute(
            "INSERT INTO participants BY NAME SELECT conversation_key, 'p' || n AS participant_key, "
            "'customer' AS role, 'explicit' AS role_source, 'ann' || (n // 2) || '@example.com' AS email, "
            "false AS is_deleted FROM fresh"
        )
        store.execute(
            "INSERT INTO outcomes SELECT conversation_key, 'keep', 'kept', 'kept', 'Nothing speaks against it.', [], "
            "'r' FROM fresh"
        )
        store.execute(
            "INSERT INTO processed SELECT s.stage, conversation_key, content_hash, ?, 'ok', NULL, NULL, 'r' "
            "FROM fresh, (VALUES ('redaction'), ('leaks'), ('quality')) AS s(stage)",
            [policy],
        )
        store.execute(
            "INSERT INTO turns BY NAME SELECT conversation_key || '-' || t AS turn_key, conversation_key, "
            "t::INTEGER AS position, 'message' AS kind, 'public' AS visibility, false AS is_automated, "
            "if(t % 2 = 0, 'customer', 'agent') AS role, 'none' AS tz_source, false AS is_deleted, "
            "false AS is_draft, [] AS repairs, 'none' AS source_redaction, '{}' AS custom, '' AS place, "
            "replace(replace(if(t % 2 = 0, ?, ?), '{n}', n::VARCHAR), '{t}', t::VARCHAR) AS text "
            "FROM fresh, range(?) AS r(t)",
            [QUESTION, ANSWER, TURNS],
        )
        store.execute(
            "INSERT INTO findings SELECT t.turn_key, t.conversation_key, t.turn_key, strpos(t.text, 'ann') - 1, "
            "strpos(t.text, '.com') + 3, 'EMAIL_ADDRESS', 1.0, 'EmailRecognizer', '{}', 'r' "
            "FROM turns AS t SEMI JOIN fresh USING (conversation_key) WHERE t.role = 'customer'"
        )


def timed(label: str, work: Callable[[], object]) -> None:
    """Run one piece of work and print its time, its CPU time here and in workers, and the most memory used so far."""
    start, before = time.perf_counter(), os.times()
    work()
    took, after = time.perf_counter() - start, os.times()
    here = after.user + after.system - before.user - before.system
    there = after.children_user + after.children_system - before.children_user - before.children_system
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{label:32} {took:7.2f} s   CPU {here:6.2f} + {there:6.2f} s   peak {peak:6.0f} MiB")


def main() -> None:
    """Write a dataset of so many conversations, again, rehearse its submission and explain a line."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    name = sys.argv[2] if len(sys.argv) > 2 else "openai-chat"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CHATMILL_KEY"] = "00" * 32
        workspace = Workspace.create(Path(folder) / "bench")
        with workspace.open() as store:
            timed(f"fill {count:,} conversations", lambda: fill(store, count))
            timed(f"export {name}", lambda: build_dataset(workspace, store, format=name))
            timed("export again", lambda: build_dataset(workspace, store, format=name))
            timed("submit --dry-run", lambda: dry_run(workspace, store))
            timed("explain", lambda: explain_line(workspace, store, "latest", 1))


if __name__ == "__main__":
    main()

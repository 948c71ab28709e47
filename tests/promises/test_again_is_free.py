"""Promise 6: the same command again changes nothing, and a kill at any moment costs nothing but the time."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.workspace import Workspace

TABLES = ("conversations", "turns", "participants", "findings", "signals", "duplicates", "outcomes", "rejects")

Chatmill = Callable[..., Any]


def contents(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[object, ...]]]:
    """Everything the store holds, but for the ids and times of runs."""
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)
    held: dict[str, list[tuple[object, ...]]] = {}
    with Workspace.find(root).open() as store:
        for table in TABLES:
            columns = "*" if table in WITHOUT_RUN else "* EXCLUDE (run_id)"
            held[table] = sorted(store.rows(f"SELECT {columns} FROM {table}"), key=repr)
    return held


WITHOUT_RUN = {"conversations", "turns", "participants", "rejects"}


def test_the_same_command_again_changes_nothing(
    chatmill: Chatmill, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "workspace"
    first = chatmill("run", export, "-w", root, "--json")
    before = contents(root, monkeypatch)
    second = chatmill("run", export, "-w", root, "--json")
    assert second.splits() == first.splits()
    assert second.document["dataset"] == first.document["dataset"]
    assert [batch["status"] for batch in second.document["batches"]] == ["again"]
    assert contents(root, monkeypatch) == before
    with Workspace.find(root).open() as store:
        stages = store.rows("SELECT stage, count(*) FROM runs WHERE stage NOT IN ('export') GROUP BY stage")
        assert all(count == 1 for _, count in stages), stages


def test_a_kill_at_any_moment_ends_in_the_same_state(
    chatmill: Chatmill, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = chatmill("run", export, "-w", tmp_path / "calm", "--workers", 1, "--json")
    root = tmp_path / "killed"
    moments = random.Random(4)
    kills = 0
    command = [sys.executable, "-m", "service.main", "run", str(export), "-w", str(root), "--workers", "1", "--json"]
    for _ in range(5):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path,
            env=os.environ | {"CHATMILL_KEY": "5a" * 32},
        )  # fmt: skip
        time.sleep(moments.uniform(0.4, 3.5))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills, "every run ended before it could be killed"
    after = chatmill("run", export, "-w", root, "--workers", 1, "--json")
    assert after.splits() == undisturbed.splits()
    killed, calm = contents(root, monkeypatch), contents(tmp_path / "calm", monkeypatch)
    assert killed == calm

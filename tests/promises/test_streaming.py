"""Promise 9: memory does not grow with the input. Peak memory over an export and one ten times as long."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from store.workspace import Workspace

MEASURE = """
import resource, sys
from service.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    code = left.code
sys.stderr.write(f"PEAK {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}")
sys.exit(code)
"""
KIB_PER_MIB = 1024


def write(path: Path, conversations: int, *, shuffled: bool) -> int:
    """Write one row a turn; `shuffled` spreads a conversation's rows over the whole file. Gives the size in bytes."""
    with path.open("w", encoding="utf-8") as file:
        rows = [(c, t) for c in range(conversations) for t in range(6)]
        if shuffled:
            rows.sort(key=lambda row: (row[1], row[0]))
        for conversation, turn in rows:
            words = " ".join(f"word{(conversation * 31 + i) % 9973}" for i in range(80))
            text = f"turn {turn} of {conversation}: {words}"
            role = "customer" if turn % 2 == 0 else "agent"
            file.write(json.dumps({"conversation_id": f"c{conversation}", "role": role, "text": text}) + "\n")
    return path.stat().st_size


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)


def peak(path: Path, workspace: Path, conversations: int) -> float:
    """Ingest a file in a process of its own and give that process's peak memory in MiB; all of it must be read."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "ingest", str(path), "-w", str(workspace), "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (batch,) = json.loads(done.stdout)["batches"]
    assert (batch["conversations"], batch["rejects"]) == (conversations, 0)
    return int(done.stderr.rsplit("PEAK ", 1)[1]) / KIB_PER_MIB


def least_peak(path: Path, workspace: Path, conversations: int) -> float:
    """Ingest a file into two copies of a workspace: what threads hold at one time differs by 50 MiB by chance."""
    copies = [workspace.with_name(f"{workspace.name}-{number}") for number in range(2)]
    return min(peak(path, Path(shutil.copytree(workspace, copy)), conversations) for copy in copies)


def test_peak_memory_of_ingest_stays_while_the_export_grows(tmp_path: Path) -> None:
    """Both exports are larger than what the database may hold here, so that only growth without bound can show."""
    peaks: list[float] = []
    sizes: list[float] = []
    for name, conversations in (("small", 16_000), ("large", 48_000)):
        workspace = Workspace.create(tmp_path / name)
        settings = workspace.root / "chatmill.toml"
        settings.write_text(settings.read_text().replace("[workspace]", '[workspace]\nmemory = "100MB"'))
        sizes.append(write(tmp_path / f"{name}.jsonl", conversations, shuffled=True) / 2**20)
        peaks.append(least_peak(tmp_path / f"{name}.jsonl", workspace.root, conversations))
    assert sizes[1] - sizes[0] > 60, "the large export is too small to tell"
    assert peaks[1] - peaks[0] < 40, f"{peaks[0]:.0f} MiB became {peaks[1]:.0f} MiB"

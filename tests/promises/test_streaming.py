"""Promise 9: memory does not grow with the input. Peak memory of a process, over an export and one ten times as long."""

import json
import os
import subprocess
import sys
from pathlib import Path

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
            text = f"turn {turn} of {conversation}: " + " ".join(f"word{(conversation * 31 + i) % 9973}" for i in range(80))
            role = "customer" if turn % 2 == 0 else "agent"
            file.write(json.dumps({"conversation_id": f"c{conversation}", "role": role, "text": text}) + "\n")
    return path.stat().st_size


def peak(path: Path, workspace: Path) -> float:
    """Ingest a file in a process of its own and give that process's peak memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "ingest", str(path), "-w", str(workspace)],
        capture_output=True, text=True, check=True, env=os.environ | {"CHATMILL_KEY": "5a" * 32},
    )  # fmt: skip
    return int(done.stderr.rsplit("PEAK ", 1)[1]) / KIB_PER_MIB


def test_peak_memory_of_ingest_stays_while_the_export_grows_tenfold(tmp_path: Path) -> None:
    small_size = write(tmp_path / "small.jsonl", 2_000, shuffled=True)
    large_size = write(tmp_path / "large.jsonl", 20_000, shuffled=True)
    small = peak(tmp_path / "small.jsonl", tmp_path / "one")
    large = peak(tmp_path / "large.jsonl", tmp_path / "two")
    grown = (large_size - small_size) / 2**20
    assert grown > 60, "the large export is too small to tell"
    assert large - small < 4 * grown, f"{small:.0f} MiB became {large:.0f} MiB"

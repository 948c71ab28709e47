"""Reading with workers: the same rows and rejects whatever their number, and no hang when one is killed."""

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest import reading
from ingest.exports import ingest_exports
from store.workspace import Workspace

RUN_COLUMNS = {"conversations": "batch_id", "turns": "", "participants": "", "rejects": "batch_id"}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file is shared among workers, in pieces of a few lines."""
    monkeypatch.setattr(reading, "PIECE_BYTES", 2_000)
    monkeypatch.setattr(reading, "SHARED_FROM", 0)


def write(path: Path, lines: int = 200) -> Path:
    """Conversations a line, with the same one twice in a new version, broken lines in the middle and a cut-off end."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            turns = [{"role": role, "text": f"{role} says {number}"} for role in ("customer", "agent")]
            file.write(json.dumps({"id": f"c{number % (lines - 10)}", "turns": turns}) + "\n")
            if number % 40 == 7:
                file.write('{"id": broken\n{"id": "empty", "turns": []}\n\n')
        file.write('{"id": "cut", "turns": [{"role": "customer", "te')
    return path


def contents(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    with workspace.open() as store:
        return {
            table: sorted(store.rows(f"SELECT * {f'EXCLUDE ({without})' if without else ''} FROM {table}"), key=repr)
            for table, without in RUN_COLUMNS.items()
        }


def ingested(root: Path, path: Path, workers: int) -> dict[str, list[tuple[Any, ...]]]:
    made = Workspace.create(root)
    spread = replace(made, settings=replace(made.settings, workspace=replace(made.settings.workspace, workers=workers)))
    with spread.open() as store:
        (report,) = ingest_exports(spread, store, [path]).batches
    assert report.status == "done"
    return contents(made)


def test_the_number_of_workers_and_the_pieces_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "chats.jsonl")
    whole = ingested(tmp_path / "whole", path, 1)
    monkeypatch.setattr(reading, "PIECE_BYTES", 2_000)
    monkeypatch.setattr(reading, "SHARED_FROM", 0)
    one, two = ingested(tmp_path / "one", path, 1), ingested(tmp_path / "two", path, 2)
    assert one == two
    assert one["turns"] == whole["turns"]
    assert one["rejects"] == whole["rejects"]
    codes = [row[2] for row in one["rejects"]]
    assert (codes.count("bad_json"), codes.count("no_turns"), codes.count("truncated")) == (5, 5, 1)
    assert len(one["conversations"]) == 190


def test_a_broken_last_line_of_a_piece_is_not_taken_for_a_cut_off_file(tmp_path: Path, small_pieces: None) -> None:
    path = tmp_path / "chats.jsonl"
    good = json.dumps({"id": "a", "turns": [{"role": "customer", "text": "hello"}, {"role": "agent", "text": "hi"}]})
    path.write_text(f"{good}\n{good.replace('a', 'b', 1)[:-60]}{'x' * 2_000}\n{good.replace('a', 'c', 1)}\n", "utf-8")
    rejects = ingested(tmp_path / "workspace", path, 1)["rejects"]
    assert [(row[1], row[2]) for row in rejects] == [("line 2", "bad_json")]


KILLED = """
    import os, signal, sys, threading, time
    from dataclasses import replace
    from multiprocessing import active_children
    from pathlib import Path
    from ingest import reading
    from ingest.exports import ingest_exports
    from store.workers import WorkerDied
    from store.workspace import Workspace

    def kill_one():
        while not active_children():
            time.sleep(0.01)
        os.kill(active_children()[0].pid, signal.SIGKILL)

    def main():
        reading.SHARED_FROM, reading.PIECE_BYTES = 0, 2_000
        made = Workspace.find(Path(sys.argv[1]))
        settings = replace(made.settings, workspace=replace(made.settings.workspace, workers=2))
        threading.Thread(target=kill_one, daemon=True).start()
        with made.open() as store:
            try:
                ingest_exports(replace(made, settings=settings), store, [Path(sys.argv[2])])
            except WorkerDied as died:
                print(died.code, died.hint)

    if __name__ == "__main__":
        main()
"""


def test_a_killed_worker_is_said_and_the_same_command_again_goes_on(tmp_path: Path) -> None:
    path = write(tmp_path / "chats.jsonl")
    calm = ingested(tmp_path / "calm", path, 1)
    Workspace.create(tmp_path / "killed").open().close()
    script = tmp_path / "killing.py"
    script.write_text(textwrap.dedent(KILLED), "utf-8")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "killed"), str(path)],
        capture_output=True, text=True, check=True, timeout=200,
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.stdout.startswith("CM-130 Run the same command again")
    after = ingested(tmp_path / "killed", path, 1)
    assert after == calm


def test_a_text_nobody_says_is_a_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "TURN_BYTES", 1_000)
    path = tmp_path / "chats.jsonl"
    turns = [{"role": "customer", "text": "hello"}, {"role": "agent", "text": "y" * 1_001}]
    path.write_text(json.dumps({"id": "a", "turns": turns}) + "\n", "utf-8")
    held = ingested(tmp_path / "workspace", path, 1)
    assert held["conversations"] == []
    assert [(row[1], row[2], row[3]) for row in held["rejects"]] == [
        ("line 1", "too_large", "turn 2 is longer than 1,000 bytes")
    ]

"""`chatmill submit --provider local` and `chatmill chat`, as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from export.submit.local_trainer import folder_of, token_of
from store.workspace import Workspace
from tests.export.submit.conftest import add_dataset
from tests.export.submit.test_submit_commands import GUARD
from tests.service.trainer.conftest import needs_training

pytestmark = needs_training


def run(root: Path, *arguments: str, stdin: str | None = None) -> tuple[int, Any, str]:
    """Run a command whose process, and every one that it starts, ends where it connects to another machine."""
    guard = root.parent / "guard"
    guard.mkdir(exist_ok=True)
    (guard / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    kept |= {"PYTHONPATH": f"{guard}:{Path.cwd()}"}
    ran = subprocess.run(
        [sys.executable, "-m", "service.main", *arguments, "-w", str(root), "--json"],
        env=kept, input=stdin or "", capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, json.loads(ran.stdout), ran.stderr


def test_from_a_dataset_to_an_answer_of_the_tuned_model(workspace: Workspace) -> None:
    settings = workspace.root / "chatmill.toml"
    wanted = '\n[submit]\nprovider = "local"\nhyperparameters = ["max_steps 2", "batch_size 8"]\n'
    settings.write_text(settings.read_text(encoding="utf-8") + wanted, encoding="utf-8")
    with workspace.open() as store:
        add_dataset(workspace, store)
    code, told, err = run(workspace.root, "submit", "--model", "chatmill-nano")
    assert code == 0, err
    job = told["job"]
    assert (job["provider"], job["status"]) == ("local", "succeeded")
    assert job["fine_tuned_model"].startswith("ft:chatmill-nano:local:chatmill:")
    assert "order number" not in err, "a conversation was written to the screen"
    assert not (folder_of(workspace) / "trainer.json").exists(), "the trainer was left running"
    code, told, err = run(
        workspace.root, "chat", "latest", "--with", "chatmill-nano", "--max-tokens", "4", stdin="Hello?"
    )
    assert code == 0, err
    assert [answer["model"] for answer in told["answers"]] == [job["fine_tuned_model"], "chatmill-nano"]
    code, again, err = run(workspace.root, "submit", "--model", "chatmill-nano")
    assert again["job"]["id"] == job["id"], "the same dataset and settings are one job"
    code, plan, err = run(workspace.root, "submit", "--from", job["id"], "--dry-run")
    assert (code, plan["model"]) == (0, job["fine_tuned_model"]), err
    with workspace.open() as store:
        steps = store.rows("SELECT DISTINCT step FROM metrics WHERE name = 'valid_loss' ORDER BY step")
    assert steps == [(0,), (2,)], "what was measured is in the store, the start too"
    _check_what_lies_there(workspace)


def test_from_an_export_to_an_evaluation_in_one_command(workspace: Workspace, sample_logs: Path) -> None:
    pytest.importorskip("rapidfuzz", reason="the extra evaluate is not installed")
    settings = workspace.root / "chatmill.toml"
    wanted = """
[submit]
provider = "local"
hyperparameters = ["max_steps 2", "batch_size 8"]

[redaction]
names = "none"
"""
    settings.write_text(settings.read_text(encoding="utf-8") + wanted, encoding="utf-8")
    code, told, err = run(workspace.root, "run", str(sample_logs / "zendesk"), "--submit", "local")
    assert code == 0, err
    trained = told["trained"]
    assert [answer["model"] for answer in trained["answers"]] == ["chatmill-tiny", told["job"]["fine_tuned_model"]]
    assert trained["headlines"]
    assert "<svg" in Path(trained["curves"]).read_text(encoding="utf-8")
    assert told["job"]["fine_tuned_model"] in Path(trained["evaluation"]).read_text(encoding="utf-8")


def _check_what_lies_there(workspace: Workspace) -> None:
    """The trainer's key lies nowhere, and conversations only where they are said to: private to their owner."""
    key, text = token_of(workspace).encode(), b"order number"
    files = {path: path.read_bytes() for path in workspace.root.rglob("*") if path.is_file()}
    assert not [path for path, raw in files.items() if key in raw]
    holding = [path.relative_to(workspace.root).parts for path, raw in files.items() if text in raw]
    assert {parts[0] for parts in holding} == {"datasets", "trainer"}
    assert {parts[1] for parts in holding if parts[0] == "trainer"} == {"files"}
    assert folder_of(workspace).stat().st_mode & 0o077 == 0
    assert not [path for path in folder_of(workspace).rglob("*") if path.stat().st_mode & 0o077]

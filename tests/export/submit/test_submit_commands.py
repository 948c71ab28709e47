"""The commands as a person runs them: in a process of their own, against a provider on loopback."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from store.workspace import Workspace
from tests.export.submit.server import KEY, MODEL, Fault, Provider

GUARD = '''
"""Loaded by Python itself at start: a connection to anywhere but loopback ends the process with code 99."""
import os
import sys


def audit(event, arguments):
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            os.write(2, b"a connection left the machine\\n")
            os._exit(99)


sys.addaudithook(audit)
'''
NO_SDK = "\nsys.modules['openai'] = None\n"


@dataclass
class Commands:
    """A workspace whose provider is the server; `start` leaves the process to the caller."""

    root: Path
    environment: dict[str, str]

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "service.main", *arguments, "-w", str(self.root)],
            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.root.parent,
            env=self.environment | more,
        )  # fmt: skip

    def run(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        with self.start(*arguments, **more) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with Workspace.find(self.root).open() as store:
            return store.rows(sql)


@pytest.fixture
def commands(
    template: tuple[Path, Path], tmp_path: Path, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> Commands:
    root = tmp_path / "workspace"
    shutil.copytree(template[0], root)
    with (root / "chatmill.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[submit]\nbase_url = "{server.url}"\n')
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    server.file_looks, server.script = 0, ("queued", "succeeded")
    monkeypatch.setenv("CHATMILL_KEY_DIR", str(template[1]))
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    own = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    own |= {"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug", "PYTHONPATH": f"{tmp_path / 'guard'}:{Path.cwd()}"}
    return Commands(root, kept | own)


def test_without_a_yes_nothing_is_sent(commands: Commands, server: Provider) -> None:
    code, out, err = commands.run("submit", "latest", "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] == "EXP-250"
    assert "--yes" in err
    assert not server.calls


@pytest.mark.parametrize(("answer", "code", "made"), [("n", 2, 0), ("y", 0, 1)])
def test_on_a_terminal_the_price_is_asked_about(
    commands: Commands, server: Provider, answer: str, code: int, made: int
) -> None:
    keyboard, terminal = os.openpty()
    try:
        with commands.start("submit", stdin=terminal) as process:
            os.write(keyboard, f"{answer}\n".encode())
            _, err = process.communicate()
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == code, err
    assert "and train for about $" in err
    assert (len(server.jobs), bool(server.calls)) == (made, bool(made))


def test_a_dry_run_asks_nobody(commands: Commands, server: Provider) -> None:
    code, out, _ = commands.run("submit", "--dry-run", "--json", OPENAI_API_KEY="")
    assert code == 0
    assert json.loads(out)["is_clean"] is True
    assert not server.calls


def test_a_submission_from_end_to_end(commands: Commands, server: Provider) -> None:
    code, out, err = commands.run("submit", "latest", "--yes", "--json")
    assert code == 0, err
    job = json.loads(out)["job"]
    assert job["status"] == "succeeded"
    assert job["fine_tuned_model"] == f"ft:{MODEL}:x::1"
    code, listed, _ = commands.run("jobs", "--json")
    assert json.loads(listed) == {
        "jobs": [{"id": job["id"], "provider": "openai", "status": "succeeded", "model": MODEL}]
    }
    (history,) = commands.rows("SELECT action, subject, after FROM history WHERE action = 'job.submit'")
    assert history[:2] == ("job.submit", job["id"])
    assert json.loads(str(history[2]))["provider_job_id"] == job["provider_job_id"]
    assert KEY not in out + err + listed
    assert "order number" not in out + err, "the SDK's debug log wrote out what was sent"
    _check_key_is_nowhere(commands)
    assert len(server.jobs) == 1


def _check_key_is_nowhere(commands: Commands) -> None:
    held = [path for path in commands.root.rglob("*") if path.is_file()]
    assert held
    assert not [path for path in held if KEY.encode() in path.read_bytes()]
    for (table,) in commands.rows("SELECT table_name FROM duckdb_tables() WHERE NOT internal"):
        assert KEY not in repr(commands.rows(f'SELECT "{table}"::VARCHAR FROM "{table}"'))


@pytest.mark.parametrize(
    ("call", "done"),
    [
        ("files.create", True),
        ("files.retrieve", False),
        ("jobs.create", False),
        ("jobs.create", True),
        ("jobs.events", False),
    ],
)
def test_a_killed_command_run_again_makes_one_job(commands: Commands, server: Provider, call: str, done: bool) -> None:
    process = commands.start("submit", "--yes", "--json")

    def kill(name: str, after: bool) -> None:
        if (name, after) == (call, done):
            process.send_signal(signal.SIGKILL)

    server.on_call = kill
    with process:
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    server.on_call = lambda name, after: None
    code, out, err = commands.run("submit", "--yes", "--json")
    assert code == 0, err
    assert json.loads(out)["job"]["status"] == "succeeded"
    assert (len(server.jobs), len(server.files)) == (1, 2)


def test_a_job_can_be_left_followed_and_cancelled(commands: Commands, server: Provider) -> None:
    code, out, err = commands.run("submit", "--yes", "--no-follow", "--json")
    assert code == 0, err
    assert json.loads(out)["job"]["status"] == "queued"
    server.plans[next(iter(server.jobs))] = ["running"]
    code, out, _ = commands.run("jobs", "cancel", json.loads(out)["job"]["id"], "--json")
    assert (code, json.loads(out)["job"]["status"]) == (0, "cancelled")
    code, out, err = commands.run("jobs", "follow")
    assert code == 2
    assert "--again" in err
    code, _, err = commands.run("jobs", "follow", "job-unheard")
    assert code == 2
    assert "EXP-240" in err


def test_a_job_is_paused_resumed_and_its_checkpoints_listed(commands: Commands, server: Provider) -> None:
    code, out, err = commands.run("submit", "--yes", "--no-follow", "--json")
    assert code == 0, err
    job = json.loads(out)["job"]["id"]
    server.plans[next(iter(server.jobs))] = []
    for verb, status in (("pause", "paused"), ("resume", "running")):
        code, out, err = commands.run("jobs", verb, job, "--json")
        assert (code, json.loads(out)["job"]["status"]) == (0, status), err
    code, out, err = commands.run("jobs", "checkpoints")
    assert code == 0, err
    assert "ft:x:ckpt-step-2" in out


def test_without_an_id_all_jobs_are_followed(commands: Commands, server: Provider) -> None:
    for epochs in ("1", "2"):
        assert commands.run("submit", "--yes", "--no-follow", "--epochs", epochs)[0] == 0
    server.plans |= {job: ["succeeded"] for job in server.jobs}
    code, out, err = commands.run("jobs", "follow", "--json")
    assert code == 0, err
    assert [job["status"] for job in json.loads(out)["jobs"]] == ["succeeded"] * 2
    assert "environment variable OPENAI_API_KEY" in err


@pytest.mark.skipif(find_spec("optuna") is None, reason="Optuna is not installed")
def test_a_sweep_asks_for_its_price_and_names_the_best(commands: Commands, server: Provider) -> None:
    code, out, _ = commands.run("sweep", "--epochs", "1,2", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "EXP-250")
    assert not server.calls
    code, out, err = commands.run("sweep", "--epochs", "1,2", "--yes", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["best"] in [trial["job_id"] for trial in told["trials"]]
    assert len(server.jobs) == len(told["trials"]) == 2


def test_a_failed_job_exits_with_two_and_says_why(commands: Commands, server: Provider) -> None:
    server.script = ("queued", "failed")
    code, out, err = commands.run("submit", "--yes")
    assert code == 2
    assert "Line 3 is no good." in err
    assert "failed" in out


def test_a_refusal_reaches_the_person(commands: Commands, server: Provider) -> None:
    server.fail("jobs.create", Fault(status=403, code="training_not_available", message="winding down"))
    code, out, err = commands.run("submit", "--yes", "--json")
    assert (code, json.loads(out)["error"]["code"]) == (2, "EXP-211")
    assert "Traceback" not in err


def test_without_the_sdk_it_says_how_to_get_it(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD + NO_SDK, encoding="utf-8")
    code, _, err = commands.run("submit", "--yes")
    assert code == 2
    assert "pip install 'chatmill[openai]'" in err


def test_the_guard_would_notice(commands: Commands, tmp_path: Path) -> None:
    call = "\nimport socket\nsocket.create_connection(('192.0.2.1', 9), timeout=1)\n"
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD + call, encoding="utf-8")
    code, _, err = commands.run("jobs")
    assert code == 99
    assert "left the machine" in err

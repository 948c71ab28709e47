"""The command: what it prints and leaves behind has no token and no word of a conversation; nobody else is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ingest.pull.conftest import Account
from tests.ingest.pull.server import TOKEN, Fault

GUARD = """
import os
import sys

def audit(event, arguments):
    called = {"socket.connect": lambda: arguments[1][0], "socket.getaddrinfo": lambda: arguments[0]}.get(event)
    if called is not None and called() != "127.0.0.1":
        os.write(2, b"somebody else was called\\n")
        os._exit(99)

sys.addaudithook(audit)
"""
NO_DLT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "dlt":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
"""


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def run(account: Account, home: Path, *more: str, site: str = GUARD, **environment: str) -> Ran:
    """Run the command in an empty folder of its own, as somebody whose home is empty."""
    guard = home.parent / "guard"
    guard.mkdir(exist_ok=True)
    (guard / "sitecustomize.py").write_text(site, encoding="utf-8")
    temporary = home.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "service.main", "pull", account.source, "--url", account.server.url]
    done = subprocess.run(
        [*command, "-w", str(account.workspace.root), *more], capture_output=True, text=True, check=False, cwd=home,
        env=os.environ | {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONPATH": f"{guard}:{Path.cwd()}"}
        | {"RUNTIME__LOG_LEVEL": "DEBUG", "RUNTIME__DLTHUB_TELEMETRY": "true"} | environment,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def test_it_says_what_came_and_leaves_no_readable_word(account: Account, home: Path) -> None:
    account.server.by_number = {2: Fault("status", 500), 4: Fault("half"), 6: Fault("drop")}
    ran = run(account, home, "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert (document["source"], document["conversations"], document["rejects"]) == (account.source, 7, 0)
    everything = ran.out + ran.err
    for path in home.parent.rglob("*"):
        if path.is_file() and "guard" not in path.parts:
            everything += path.read_bytes().decode("latin-1")
    for secret in (TOKEN, "parcel is late", "I looked into case", "Ottilie", "SECRET BODY"):
        assert secret not in everything, secret
    assert not list(home.rglob("*"))
    assert not list((home.parent / "temporary").rglob("*"))


def test_people_get_a_table_and_errors_with_a_next_step(zendesk: Account, home: Path) -> None:
    ran = run(zendesk, home)
    assert ran.code == 0, ran.err
    assert "Pulled" in ran.out
    assert "zendesk" in ran.out
    ran = run(zendesk, home, ZENDESK_TOKEN="another-secret")
    assert ran.code == 2
    assert "ING-210" in ran.err
    assert "next" in ran.err
    assert "another-secret" not in ran.out + ran.err


def test_without_dlt_it_says_how_to_get_it(zendesk: Account, home: Path) -> None:
    ran = run(zendesk, home, site=NO_DLT)
    assert ran.code == 2
    assert "pip install 'chatmill[pull]'" in ran.err
    assert not zendesk.server.log


def test_strict_fails_on_what_was_gone(zendesk: Account, home: Path) -> None:
    zendesk.desk.cases[3].is_gone = True
    assert run(zendesk, home, "--strict").code == 3


def test_since_is_a_date(zendesk: Account, home: Path) -> None:
    assert run(zendesk, home, "--since", "yesterday").code == 2
    assert not zendesk.server.log
    ran = run(zendesk, home, "--since", "2026-03-07", "--json")
    assert json.loads(ran.out)["conversations"] == 3

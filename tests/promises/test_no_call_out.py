"""Promise 4: nothing is called: the whole path runs with every socket blocked, in the parent and in the workers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Chatmill = Callable[..., Any]

GUARD = '''
"""Loaded by Python itself at start, in every process: a socket to anywhere ends the process with code 99."""
import os
import socket
import sys


def refuse(*arguments, **_):
    os.write(2, b"a socket was opened\\n")
    os._exit(99)


def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        if not (event == "socket.connect" and arguments[0].family == getattr(socket, "AF_UNIX", None)):
            refuse()


sys.addaudithook(audit)
'''


def test_the_whole_path_opens_no_socket(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    root = tmp_path / "workspace"
    for arguments in (
        ("run", export, "-w", root, "--workers", 2),
        ("report", "-w", root, "--html", tmp_path / "r.html"),
        ("explain", "latest", 1, "-w", root),
        ("rules", "check"),
        ("doctor", "-w", root),
    ):
        ran = chatmill(*arguments, PYTHONPATH=f"{guard}:{Path.cwd()}")
        assert ran.code == 0, (arguments, ran.err)


def test_the_guard_would_notice(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    guard.mkdir()
    call = "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)"
    (guard / "sitecustomize.py").write_text(f"{GUARD}\n{call}\n", encoding="utf-8")
    ran = chatmill("doctor", PYTHONPATH=f"{guard}:{Path.cwd()}")
    assert ran.code == 99
    assert "a socket was opened" in ran.err

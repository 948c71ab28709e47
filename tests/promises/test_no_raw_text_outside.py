"""Promise 3: no raw text outside the store: not in logs, errors, tracebacks, reports, arguments, or readable files."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import service.main

Chatmill = Callable[..., Any]


def leaks(root: Path, planted: list[str], *, apart: set[Path]) -> list[str]:
    """Name the readable values in every file under a folder, but for the folders set apart."""
    found: list[str] = []
    # os.walk goes on where a folder is gone between two looks; an export renames its folder when it is whole.
    paths = (Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    for path in paths:
        if not any(path.is_relative_to(folder) for folder in apart):
            try:
                content = path.read_bytes().lower()
            except FileNotFoundError:
                continue  # gone between the look and the read
            found += [f"{path.name}: {value}" for value in planted if value.lower().encode() in content]
    return found


def test_nothing_that_a_run_leaves_behind_holds_an_original_value(
    chatmill: Chatmill, export: Path, tmp_path: Path, planted: list[str]
) -> None:
    root = tmp_path / "workspace"
    ran = chatmill("run", export, "-w", root, TMPDIR=str(tmp_path))
    assert ran.code == 0, ran.err
    assert (root / "report.html").stat().st_size > 5000
    assert not leaks(tmp_path, planted, apart={export})
    assert not [value for value in planted if value in ran.out + ran.err]


def test_nothing_readable_lies_about_while_it_runs(export: Path, tmp_path: Path, planted: list[str]) -> None:
    """Look at the files and the arguments of every process while the work goes on."""
    root = tmp_path / "workspace"
    command = [sys.executable, "-m", "service.main", "run", str(export), "-w", str(root), "--workers", "2"]
    environment = os.environ | {"CHATMILL_KEY": "5a" * 32, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    seen: list[str] = []
    looks = 0
    while process.poll() is None:
        seen += leaks(tmp_path, planted, apart={export}) + _in_arguments(planted)
        looks += 1
        time.sleep(0.02)
    assert process.wait() == 0
    assert looks > 10
    assert not seen


def test_a_bug_shows_where_it_struck_and_no_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], export: Path, tmp_path: Path
) -> None:
    def broken(*_: object, **__: object) -> None:
        secret = "Ottilie Brandauer lives here"
        raise RuntimeError(secret)

    monkeypatch.setattr("ingest.exports.ingest_exports", broken)
    with pytest.raises(SystemExit) as left:
        service.main.main(["ingest", str(export), "-w", str(tmp_path / "workspace")])
    shown = capsys.readouterr()
    assert left.value.code == 1
    assert "RuntimeError" in shown.err
    assert "in broken" in shown.err
    assert "Ottilie" not in shown.err + shown.out


def test_typer_never_shows_locals() -> None:
    assert service.main.app.pretty_exceptions_enable is False
    assert service.main.app.pretty_exceptions_show_locals is False
    assert CliRunner().invoke(service.main.app, ["--help"]).exit_code == 0


def test_a_thread_that_dies_shows_no_text() -> None:
    code = """
        import threading, textwrap
        import service.main
        try:
            service.main.main(["--version"])
        except SystemExit:
            pass
        def broken():
            raise RuntimeError("Ottilie " + "Brandauer")
        thread = threading.Thread(target=broken)
        thread.start()
        thread.join()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert "chatmill broke: RuntimeError" in done.stderr
    assert "Ottilie" not in done.stderr


def _in_arguments(planted: list[str]) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [f"arguments: {value}" for value in planted if value in line]
    return found

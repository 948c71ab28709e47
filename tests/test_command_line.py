import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.core
import typer.main
from typer.testing import CliRunner

from service.main import app

HEAVY = (
    "spacy",
    "polars",
    "duckdb",
    "presidio_analyzer",
    "langdetect",
    "numpy",
    "bpe_openai",
    "ftfy",
    "openai",
    "torch",
)


def commands(
    group: typer.core.TyperGroup, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], typer.core.TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


ROOT = typer.main.get_command(app)
assert isinstance(ROOT, typer.core.TyperGroup)
COMMANDS = dict(commands(ROOT))


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom service.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imported: {done.stderr}"
    assert "Start here" in done.stdout


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_that_teaches_and_is_in_the_reference(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    assert command.help
    assert len(command.help) > 40
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{path}: {parameter.name} has no help"
    reference = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
    assert f"## chatmill {' '.join(path)}\n" in reference.read_text(encoding="utf-8")
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0


def test_every_command_but_the_filters_speaks_json() -> None:
    filters = {("redact",), ("language",), ("duplicates",)}
    silent = [path for path, command in COMMANDS.items() if not any("--json" in p.opts for p in command.params)]
    assert set(silent) == filters


def test_a_mistake_exits_with_two_and_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.main", "curate", "-w", str(tmp_path), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "next" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == "STO-101"


def test_init_says_plainly_that_a_lost_key_loses_the_store(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.main", "init", str(tmp_path / "w")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "nobody can read the store" in done.stdout
    assert "chatmill backup" in done.stdout
    assert "\x1b[" not in done.stdout + done.stderr, "colour must stay on terminals"


def test_an_unknown_connector_lists_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "service.main", "ingest", "a.csv", "--connector", "zendesc", "-w", "w"],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PYTHONPATH": str(Path.cwd()), "PATH": "/usr/bin:/bin", "CHATMILL_KEY": "ab" * 32},
    )  # fmt: skip
    assert done.returncode == 2
    assert "zendesk" in done.stderr
    assert "Did you mean zendesk?" in done.stderr
    assert "tables" in done.stderr

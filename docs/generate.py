"""Write the reference pages from the code; with --check, fail where a page is not what the code says.

Usage: python docs/generate.py [--check]
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import typer.core
import typer.main

from curate.quality.packs import load_rules, quality_packs
from ingest.registry import available
from service.main import app
from store.settings import catalogue

REFERENCE = Path(__file__).parent / "reference"
HEAD = "<!-- Written by docs/generate.py; change the code, then run `make docs`. -->\n\n"


def main() -> int:
    """Write the pages, or check them."""
    pages = {
        "cli.md": "".join(_cli()),
        "settings.md": "".join(_settings()),
        "connectors.md": "".join(_connectors()),
        "rules.md": "".join(_rules()),
    }
    if "--check" in sys.argv:
        stale = [name for name, text in pages.items() if _read(REFERENCE / name) != HEAD + text]
        for name in stale:
            sys.stderr.write(f"docs/reference/{name} is not what the code says; run `make docs`.\n")
        return bool(stale)
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages.items():
        (REFERENCE / name).write_text(HEAD + text, encoding="utf-8")
    return 0


def _cli() -> Iterator[str]:
    yield "# The command line\n\n"
    yield "Progress goes to stderr, the result to stdout; with `--json` the result is one object.\n"
    yield "Exit codes: 0 done, 1 a bug, 2 your mistake or nothing to export, 3 done with rejects under `--strict`.\n"
    root = typer.main.get_command(app)
    assert isinstance(root, typer.core.TyperGroup)
    yield from _commands(root, "chatmill")


def _commands(group: typer.core.TyperGroup, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from _commands(command, f"{path} {name}")
            continue
        arguments = " ".join(_argument(p) for p in command.params if isinstance(p, typer.core.TyperArgument))
        yield f"\n## {path} {name}\n\n    {path} {name} {arguments}".rstrip() + "\n\n"
        yield inspect.cleandoc(command.help or "") + "\n\n"
        for parameter in command.params:
            yield _parameter(parameter)


def _argument(parameter: typer.core.TyperArgument) -> str:
    name = (parameter.name or "").upper()
    many = "..." if parameter.nargs == -1 else ""
    return name + many if parameter.required else f"[{name}{many}]"


def _parameter(parameter: typer.core.TyperArgument | typer.core.TyperOption) -> str:
    record = getattr(parameter, "help", "") or ""
    if isinstance(parameter, typer.core.TyperOption):
        return f"* `{', '.join(parameter.opts)}`: {record}\n"
    return f"* `{(parameter.name or '').upper()}`: {record}\n"


def _settings() -> Iterator[str]:
    yield "# Settings\n\n`chatmill.toml` in the workspace; every setting has a default.\n\n"
    yield "| setting | default | what it does |\n|---|---|---|\n"
    for setting in catalogue():
        default = list(setting.default) if isinstance(setting.default, tuple) else setting.default
        yield f"| `{setting.key}` | `{default!r}` | {setting.help} |\n"


def _connectors() -> Iterator[str]:
    yield "# Connectors\n\nEach recognises its files by their content; `chatmill ingest --explain PATH` says why.\n"
    for connector in available():
        yield f"\n## {connector.name}\n\n{connector.title}.\n\n{inspect.getdoc(inspect.getmodule(connector)) or ''}\n"


def _rules() -> Iterator[str]:
    yield "# Quality rules\n\n`chatmill rules explain CODE` shows the examples too.\n\n"
    yield "| code | name | action | reason shown | why |\n|---|---|---|---|---|\n"
    for rule in load_rules(quality_packs()):
        yield f"| {rule.code} | {rule.name} | {rule.action} | {rule.reason} | {rule.rationale} |\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())

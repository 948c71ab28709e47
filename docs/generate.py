"""Write the reference pages from the code; with --check, fail where a page is not what the code says.

Usage: python docs/generate.py [--check]
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.core
import typer.main

from curate.quality.packs import load_rules, quality_packs
from ingest.guide import guide_of
from ingest.registry import available
from service.main import app
from service.web.app import api_document
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
        "../api.md": "".join(_api(api_document())),
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
        guide = guide_of(connector)
        yield f"\n## {connector.name}\n\n{connector.title}.\n\n{guide.summary}\n"
        yield f"\n**To get the export**: {guide.export}\n"
        yield f"\n**What is read**: {guide.read}\n"
        yield f"\n**What is not read**: {guide.not_read}\n"
        yield f"\n**What is unconfirmed**: {guide.unconfirmed}\n"


def _rules() -> Iterator[str]:
    yield "# Quality rules\n\n`chatmill rules explain CODE` shows the examples too.\n\n"
    yield "| code | name | action | reason shown | why |\n|---|---|---|---|---|\n"
    for rule in load_rules(quality_packs()):
        yield f"| {rule.code} | {rule.name} | {rule.action} | {rule.reason} | {rule.rationale} |\n"


def _api(document: dict[str, Any]) -> Iterator[str]:
    """Write every call with what it takes and gives, from the OpenAPI document."""
    yield f"# The API\n\n{document['info']['description']}\n\n"
    yield "The document itself is at `/api/v1/openapi.json`, the only call that needs no token.\n"
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            yield f"\n## {method.upper()} {path}\n\n{call.get('description', call['summary'])}\n\n"
            for parameter in call.get("parameters", []):
                told = parameter.get("description", "")
                yield f"* `{parameter['name']}` ({parameter['in']}): {told}\n"
            body = call.get("requestBody", {}).get("content", {})
            yield from (f"* takes {_named(kind, one)}\n" for kind, one in body.items())
            for status, answer in call["responses"].items():
                if status.startswith("2"):
                    content = answer.get("content", {})
                    given = ", ".join(_named(kind, one) for kind, one in content.items()) or "nothing"
                    yield f"* gives {status}: {given}\n"
    yield "\n## What stands in them\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield f"\n### {name}\n\n{schema.get('description', '')}\n\n"
        for field, told in schema.get("properties", {}).items():
            needed = ", needed" if field in schema.get("required", []) else ""
            about = f": {told['description']}" if "description" in told else ""
            yield f"* `{field}` ({_kind(told)}{needed}){about}\n"


def _named(kind: str, content: dict[str, Any]) -> str:
    schema = content.get("schema", {})
    return _kind(schema) if kind == "application/json" else kind


def _kind(schema: dict[str, Any]) -> str:
    """Name a schema in a word or two."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " or ".join(f"`{word}`" for word in schema["enum"])
    return str(schema.get("format") or schema.get("type") or "any")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())

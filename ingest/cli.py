"""The command that reads exports."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from store.cli import JsonOption, WorkspaceOption, make_workspace

if TYPE_CHECKING:
    from ingest.exports import IngestReport
    from store.console import Console

REJECTED = 3
"""Exit code of --strict when something was rejected."""


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or archives of an export.")],
    connector: Annotated[str | None, typer.Option(help="Read everything with this connector.")] = None,
    mapping: Annotated[
        str | None, typer.Option(help="Which column holds what: a mapping file, or the name of a saved mapping.")
    ] = None,
    save_mapping: Annotated[
        str | None, typer.Option(help="Keep the mapping in the workspace under this name, for later exports.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each file looks like, and why; read nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything, store nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was rejected.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Read exports into the store: of helpdesks, live chat, chat platforms, mailboxes, calls, forums, LLM applications.

    Tables (CSV, XLSX, Parquet) and JSON of any other kind too; plain, gzipped or zipped. Each file is recognised by its
    content. What cannot be read is kept among the rejects with its file and place, and the rest goes on. Reading the
    same export again changes nothing.
    """
    from ingest.exports import ingest_exports
    from ingest.saved_mappings import find_mapping
    from ingest.saved_mappings import save_mapping as save
    from store.console import Console

    console = Console(json=json)
    if explain:
        _explain(console, paths)
        return
    found = make_workspace(workspace)
    given = find_mapping(found, mapping) if mapping else None
    if given is not None and save_mapping:
        save(found, save_mapping, given)
    with found.open() as store:
        report = ingest_exports(
            found, store, paths, connector=connector, mapping=given, dry_run=dry_run, progress=console.progress()
        )
    show(console, report)
    console.result(as_json(report))
    finish(console, report, strict=strict)


def show(console: "Console", report: "IngestReport") -> None:
    """Show a table of what came of each file."""
    console.table(
        "Ingested",
        ("file", "connector", "conversations#", "turns#", "rejects#", "superseded#", ""),
        [
            (name, b.connector, b.conversations, b.turns, b.rejects, b.superseded, _status(b.status))
            for name, b in zip(_told_apart([b.file for b in report.batches]), report.batches, strict=True)
        ],
    )
    for reject in report.unexplained:
        console.note(f"not read: {Path(reject.source_uri).name}: {reject.detail}", style="yellow")


def finish(console: "Console", report: "IngestReport", *, strict: bool) -> None:
    """Say what kept files from being read, and leave with the exit code that fits."""
    for problem in report.problems:
        console.error(problem)
    if report.problems:
        raise typer.Exit(2)
    if strict and report.rejects:
        raise typer.Exit(REJECTED)


def as_json(report: "IngestReport") -> dict[str, object]:
    """Give the report in the shape that DESIGN.md fixes for `ingest --json`."""
    return {
        "batches": [
            {
                "connector": batch.connector,
                "file": batch.file,
                "conversations": batch.conversations,
                "turns": batch.turns,
                "rejects": batch.rejects,
                "superseded": batch.superseded,
                "status": batch.status,
            }
            for batch in report.batches
        ],
        "unexplained": [
            {"file": reject.source_uri, "code": reject.code, "detail": reject.detail} for reject in report.unexplained
        ],
    }


def _told_apart(files: list[str]) -> list[str]:
    """Give files' names, with their folder's where two are called the same."""
    names = Counter(Path(file).name for file in files)
    return [
        Path(file).name if names[Path(file).name] == 1 else f"{Path(file).parent.name}/{Path(file).name}"
        for file in files
    ]


def _status(status: str) -> str:
    return {"done": "", "again": "read before", "dry": "nothing stored", "failed": "not read"}[status]


def _explain(console: "Console", paths: list[Path]) -> None:
    from ingest.explaining import explain_files

    explained = explain_files(paths)
    for file in explained:
        console.say(file.file, style="bold")
        for line in file.lines:
            console.say(f"  {line}")
    console.result({"files": [{"file": file.file, "lines": file.lines} for file in explained]})

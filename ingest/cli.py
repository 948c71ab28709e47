"""The command that reads exports."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from store.cli import JsonOption, WorkspaceOption, make_workspace

if TYPE_CHECKING:
    from ingest.exports import IngestReport
    from ingest.loading import BatchReport
    from store.console import Console
    from store.errors import ChatmillError

REJECTED = 3
"""Exit code of --strict when something was rejected."""

BROKEN = (
    "{name}: the connector {connector} failed on it. What it read before is kept, the rest is missing. This is a fault "
    "of chatmill's: please report it, with what `chatmill report` says of the rejects."
)
STRANGERS = (
    "{name}: {turns:,} turns are by people of whom nothing tells whether they are customers or agents; nothing is "
    'learnt from them. Say who is who below [roles] in a mapping ("Ann Lee" = "agent") and ingest again with --mapping '
    "FILE; [roles] also takes ids, handles and hosts."
)


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
    from ingest.loading import LOADING_MEMORY, LOADING_THREADS
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
    with found.open(memory=LOADING_MEMORY, threads=LOADING_THREADS) as store:
        report = ingest_exports(
            found, store, paths, connector=connector, mapping=given, dry_run=dry_run, progress=console.progress()
        )
    show(console, report)
    console.result(as_json(report))
    leave(console, report.rejects, report.problems, strict=strict)


def show(console: "Console", report: "IngestReport") -> None:
    """Show a table of what came of each file."""
    console.table(
        "Ingested",
        ("file", "connector", "conversations#", "turns#", "rejects#", "superseded#", ""),
        [
            (name, b.connector, b.conversations, b.turns, b.rejects, b.superseded, _status(b))
            for name, b in zip(_told_apart([b.file for b in report.batches]), report.batches, strict=True)
        ],
    )
    for batch in report.broken:
        console.note(BROKEN.format(name=Path(batch.file).name, connector=batch.connector), style="bold red")
    for file, turns in report.unknown_roles.items():
        console.note(STRANGERS.format(name=Path(file).name, turns=turns), style="yellow")
    for reject in report.unexplained:
        console.note(f"not read: {Path(reject.source_uri).name}: {reject.detail}", style="yellow")


def leave(console: "Console", rejects: int, problems: "Sequence[ChatmillError]", *, strict: bool) -> None:
    """Say what kept files from being read, and leave with the exit code that fits."""
    for problem in problems:
        console.note(f"{problem.code}  {problem.message}", style="red")
        console.note(f"next: {problem.hint}")
    if problems:
        raise typer.Exit(2)
    if strict and rejects:
        raise typer.Exit(REJECTED)


def as_json(report: "IngestReport") -> dict[str, object]:
    """Give the report in the shape that DESIGN.md fixes for `ingest --json`, with the first problem if there is one."""
    first = report.problems[0] if report.problems else None
    error = {"code": first.code, "message": first.message, "hint": first.hint} if first else None
    said: dict[str, object] = {"error": error} if error else {}
    return said | {
        "batches": [
            {
                "connector": batch.connector,
                "file": batch.file,
                "conversations": batch.conversations,
                "turns": batch.turns,
                "rejects": batch.rejects,
                "superseded": batch.superseded,
                "status": batch.status,
                "turns_of_unknown_roles": report.unknown_roles.get(batch.file, 0),
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


def _status(batch: "BatchReport") -> str:
    if batch.status == "failed":
        return "not read" if batch.problem else "failed"
    return {"done": "", "again": "read before", "dry": "nothing stored"}[batch.status]


def _explain(console: "Console", paths: list[Path]) -> None:
    from ingest.explaining import explain_files

    explained = explain_files(paths)
    for file in explained:
        console.say(file.file, style="bold")
        for line in file.lines:
            console.say(f"  {line}")
    console.result({"files": [{"file": file.file, "lines": file.lines} for file in explained]})

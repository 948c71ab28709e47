"""The commands that run the rooms together, and the one that checks the machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curate.cli import WorkersOption, funnel_json, show_funnel, show_redactions
from export.cli import dataset_json, show_dataset, show_dry_run
from export.submit.cli import YesOption, hand_over, job_json, show_job
from ingest.cli import as_json, leave, show
from store.cli import JsonOption, WorkspaceOption, make_workspace

if TYPE_CHECKING:
    pass


def run(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders or archives of an export.")],
    connector: Annotated[str | None, typer.Option(help="Read everything with this connector.")] = None,
    mapping: Annotated[str | None, typer.Option(help="A mapping file, or the name of a saved mapping.")] = None,
    workers: WorkersOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was rejected.")] = False,
    submit: Annotated[
        str | None, typer.Option(help="Hand the dataset to this provider too, once its price is agreed to.")
    ] = None,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Do it all: ingest, curate, export, and a rehearsal of the submission. Start here.

    A workspace is made in the current folder (or in -w DIR) where there is none. Running it again reads only what is
    new. Files that cannot be read are named at the end and do not keep the rest from being done.
    """
    from export.submit.dry_run import as_json as rehearsal_json
    from export.submit.providers import check_provider
    from service.running import load_all, run_all
    from store.console import Console

    console = Console(json=json)
    provider = check_provider(submit) if submit else None
    found = make_workspace(workspace)
    progress = console.progress()
    ingested = load_all(found, paths, connector=connector, mapping=mapping, progress=progress)
    with found.open() as store:
        result = run_all(found, store, ingested, workers=workers, provider=provider, progress=progress)
        show(console, result.ingested)
        show_funnel(console, store)
        show_redactions(console, store, found)
        document: dict[str, Any] = as_json(result.ingested) | funnel_json(store)
    if result.dataset is not None and result.rehearsal is not None:
        show_dataset(console, result.dataset)
        show_dry_run(console, result.rehearsal)
        document |= dataset_json(result.dataset) | {"submit": rehearsal_json(result.rehearsal)}
    console.say(f"Report: {result.report}")
    document["report"] = str(result.report)
    if provider and result.rehearsal is not None:
        job = hand_over(console, found, result.rehearsal, provider=provider, yes=yes)
        show_job(console, job)
        document["job"] = job_json(job)
        if provider == "local" and job.status == "succeeded":
            from service.trained import show_trained  # which loads what evaluates

            document["trained"] = show_trained(console, found, job)
    nothing = result.nothing
    if nothing is not None:
        document["error"] = {"code": nothing.code, "message": nothing.message, "hint": nothing.hint}
    console.result(document)
    problems = [*result.ingested.problems, *([nothing] if nothing else [])]
    leave(console, result.ingested.rejects, problems, strict=strict)


def doctor(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Check that this machine has what chatmill needs, and that the workspace opens."""
    from service.checks import check_machine
    from store.console import Console

    console = Console(json=json)
    checks = check_machine(workspace)
    for check in checks:
        style = "green" if check.passed else "bold red"
        console.say(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.finding}", style=style)
        if not check.passed:
            console.say(f"      {check.hint}")
    console.result({"checks": [{"name": c.name, "ok": c.passed, "finding": c.finding} for c in checks]})
    if not all(check.passed for check in checks):
        raise typer.Exit(2)

"""The commands that make a dataset, explain it, and prepare a fine-tuning job."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from export.dataset import Dataset
    from export.preflight import PreflightFinding
    from export.submit.dry_run import DryRun
    from store.console import Console

FINDINGS_SHOWN = 20


def export(
    format: Annotated[str, typer.Option(help="What the lines look like: openai-chat.")] = "openai-chat",  # noqa: A002
    out: Annotated[Path | None, typer.Option(help="Copy the finished dataset to this folder too.")] = None,
    model: Annotated[str | None, typer.Option(help="The model whose tokens and limits count.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write a dataset version: train, validation and test files, a manifest and a data card.

    Splits never share a customer or a near-duplicate cluster; the manifest proves it. The same conversations, rules
    and seed give the same bytes; exporting again without a change gives the same dataset.
    """
    from export.dataset import build_dataset
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        dataset = build_dataset(found, store, format=format, out=out, model=model, progress=console.progress())
    show_dataset(console, dataset)
    console.result(dataset_json(dataset))


def explain(
    dataset: Annotated[str, typer.Argument(help="A dataset's id, the start of it, or latest.")],
    line: Annotated[int, typer.Argument(help="A line of the split's file, from 1.", min=1)],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    reveal: Annotated[bool, typer.Option("--reveal", help="Show the original values; the history records it.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Tell every step of an exported line back to the record it came from."""
    from export.explain import as_json, as_text, explain_line
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        explanation = explain_line(found, store, dataset, line, split=split, reveal=reveal)
    console.say(as_text(explanation))
    console.result(as_json(explanation))


def submit(
    dataset: Annotated[str, typer.Argument(help="A dataset's id, the start of it, or latest.")] = "latest",
    model: Annotated[str | None, typer.Option(help="The model to fine-tune.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", min=1, max=50)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate and price; send nothing.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Validate a dataset for a provider and say what would be sent and what it would cost.

    Only --dry-run is there yet: nothing leaves the machine.
    """
    from export.errors import ExportError
    from export.submit.dry_run import as_json
    from export.submit.dry_run import dry_run as rehearse
    from store.console import Console

    if not dry_run:
        raise ExportError(
            "This version of chatmill sends nothing to a provider yet.",
            hint="Add --dry-run, and upload the dataset's files by hand.",
        )
    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        rehearsal = rehearse(found, store, dataset, model=model, epochs=epochs)
    show_dry_run(console, rehearsal)
    console.result(as_json(rehearsal))
    if not rehearsal.is_clean:
        raise typer.Exit(2)


def show_dataset(console: "Console", dataset: "Dataset") -> None:
    """Show a dataset version: its files, and where it is."""
    console.table(
        f"Dataset {dataset.dataset_id}" + ("" if dataset.is_new else " (nothing changed)"),
        ("split", "examples#", "agent answers#", "tokens#"),
        [(file["split"], file["lines"], file["targets"], file["tokens"]) for file in dataset.files.values()],
    )
    console.say(f"Dataset: {dataset.folder}")
    console.say(f"Data card: {dataset.card}")


def dataset_json(dataset: "Dataset") -> dict[str, Any]:
    """Give a dataset in the shape that DESIGN.md fixes for `export --json`."""
    return {
        "dataset": dataset.dataset_id,
        "folder": str(dataset.folder),
        "files": {name: {"lines": file["lines"], "sha256": file["sha256"]} for name, file in dataset.files.items()},
    }


def show_dry_run(console: "Console", rehearsal: "DryRun") -> None:
    """Show what would be sent, what stands against it, and the price."""
    console.table(
        f"Would be sent for {rehearsal.model}",
        ("file", "examples#", "tokens#", "bytes#"),
        [(file.name, file.lines, file.tokens, file.bytes) for file in rehearsal.files],
    )
    if rehearsal.findings:
        console.table(
            "Preflight",
            ("", "where", "what", "what to do"),
            [(one.severity, _where(one), one.message, one.fix) for one in rehearsal.findings[:FINDINGS_SHOWN]],
        )
    left = len(rehearsal.findings) - FINDINGS_SHOWN
    if left > 0:
        console.say(f"and {left:,} more; --json lists them all")
    console.say(f"Preflight: {'clean' if rehearsal.is_clean else 'the files would be refused'}")
    for warning in rehearsal.warnings:
        console.note(warning, style="yellow")
    console.say(_price(rehearsal))


def _price(rehearsal: "DryRun") -> str:
    rule = " by the provider's rule" if rehearsal.epochs_are_default else ""
    trained = f"{rehearsal.tokens:,} tokens x {rehearsal.epochs} epochs{rule}"
    if rehearsal.cost.usd is None:
        return f"Price: {trained}; no price is known for {rehearsal.model}"
    source = f"{rehearsal.cost.price_source}, {rehearsal.cost.price_date}"
    return f"Price: {trained} = about ${rehearsal.cost.usd:,.2f} ({source})"


def _where(finding: "PreflightFinding") -> str:
    return f"{finding.file} line {finding.line}" if finding.line else finding.file

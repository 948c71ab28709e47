"""The commands that make a dataset and explain it, and how a rehearsal is shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from export.checkup import Checkup
    from export.dataset import Dataset
    from export.preflight import PreflightFinding
    from export.submit.dry_run import DryRun
    from store.console import Console

FINDINGS_SHOWN = 20
REASONS_SHOWN = 12


def export(
    format: Annotated[  # noqa: A002
        str, typer.Option(help="Who is to read the lines: a trainer or provider; --formats lists them.")
    ] = "openai-chat",
    formats: Annotated[bool, typer.Option("--formats", help="List the formats, and write nothing.")] = False,
    out: Annotated[Path | None, typer.Option(help="Copy the finished dataset to this folder too.")] = None,
    model: Annotated[str | None, typer.Option(help="The model whose tokens and limits count.")] = None,
    evaluation: Annotated[
        list[Path] | None,
        typer.Option(help="JSON lines that a model will be tested on; what is like them is left out. Repeatable."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write a dataset version: train, validation and test files, a manifest and a data card.

    Splits never share a customer or a near-duplicate cluster; the manifest proves it. The same conversations, rules
    and seed give the same bytes; exporting again without a change gives the same dataset.

    Formats other than openai-chat bring a ready configuration and START.md, which says how to start; those named
    -preference hold pairs of answers. One export writes one format; the splits are the same in all.

    In chatmill.toml, `split_by = "time"` under `[export]` trains on what is older and tests on what is newer;
    `[balance]` caps customers and agents, as in `caps = ["customer 20"]`, and meets shares, as in
    `targets = ["topic: returns 30%, rest 70%"]`. What is left out is counted in the data card, with the reason.
    """
    from store.console import Console

    console = Console(json=json)
    if formats:
        show_formats(console)
        return
    from export.dataset import build_dataset  # loads what a list needs nothing of

    found = open_workspace(workspace)
    with found.open() as store:
        dataset = build_dataset(
            found,
            store,
            format=format,
            out=out,
            model=model,
            evaluation=evaluation or (),
            progress=console.progress(),
        )
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


def sign_off(
    dataset: Annotated[str, typer.Argument(help="A dataset's id, the start of it, or latest.")] = "latest",
    note: Annotated[str, typer.Option(help="What you want to be remembered; needed to withdraw.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the signature back.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Sign a dataset version in your name, once nothing stands against it; its files are frozen from then on.

    A checklist is gone through first: files, preflight, splits, review, audit, and who signs. `sign_off.required` in
    chatmill.toml lets only signed versions be submitted; `sign_off.another_person` asks for a second person.
    """
    from export.sign_off import as_json, sign
    from export.sign_off import withdraw as take_back
    from store.console import Console
    from store.history import actor

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        if withdraw:
            done = take_back(found, store, dataset, note=note, by=actor())
        else:
            done = sign(found, store, dataset, note=note, by=actor(), progress=console.progress())
    if done.checklist:
        rows = [(one.state, one.name, one.said, one.next) for one in done.checklist]
        console.table("Checklist", ("", "what", "", "what to do"), rows)
    console.say(f"{done.dataset_id}: {done.verdict} by {done.signed_by}, {done.signed_at} UTC")
    console.result(as_json(done))


def preflight(
    target: Annotated[list[str], typer.Argument(help="JSON lines files, the one to train on first; or a dataset.")],
    model: Annotated[str | None, typer.Option(help="The model whose tokens and limits count.")] = None,
    format: Annotated[str, typer.Option(help="Of files from elsewhere; a dataset knows its own.")] = "openai-chat",  # noqa: A002
    repair: Annotated[Path | None, typer.Option(help="Write a repaired copy of the file here.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Check training files as a provider would, every finding with its line and what to do. Nothing leaves the machine.

    A dataset is named by its id, the start of it, or latest; chatmill export has repaired what could be. A file from
    elsewhere is repaired with --repair, into a new file, and each repair is told with its line.
    """
    from export.catalog import find_dataset
    from export.checkup import as_json, check_dataset, check_files
    from export.errors import ExportError
    from store.console import Console

    console = Console(json=json)
    paths = [Path(name) for name in target]
    if len(target) > 1 or paths[0].is_file() or paths[0].suffix:
        checkup = check_files(paths, model=model, format=format, repair=repair, progress=console.progress())
    elif repair is not None:
        raise ExportError("A dataset is repaired as it is written.", hint="Write it anew: chatmill export.")
    else:
        found = open_workspace(workspace)
        with found.open() as store:
            checkup = check_dataset(find_dataset(found, store, target[0]), model=model, progress=console.progress())
    show_checkup(console, checkup)
    console.result(as_json(checkup))
    if not checkup.is_clean:
        raise typer.Exit(2)


def show_checkup(console: "Console", checkup: "Checkup") -> None:
    """Show every finding, every repair, and what is left after them."""
    show_findings(console, f"Preflight for {checkup.model}", checkup.findings)
    if checkup.repaired is not None:
        told = [(one.line, one.action, one.what) for one in checkup.repaired.repairs]
        console.table("Repairs", ("line#", "", "what"), told)
        show_findings(console, "Left after the repairs", checkup.left)
        written, read = checkup.repaired.lines_written, checkup.repaired.lines_read
        console.say(f"Repaired: {checkup.repaired.path}, {written:,} of {read:,} lines")
    console.say(f"Preflight: {'clean' if checkup.is_clean else 'would be refused'}")


def show_findings(console: "Console", title: str, findings: Sequence["PreflightFinding"]) -> None:
    """Show findings with their place and what to do; none is no table."""
    if findings:
        rows = [(one.severity, _where(one), one.message, one.fix) for one in findings]
        console.table(title, ("", "where", "what", "what to do"), rows)


def show_formats(console: "Console") -> None:
    """Show every format with what it is."""
    from export.formats.registry import TARGETS

    console.table("Formats", ("name", "what it is"), [(one.name, one.help) for one in TARGETS.values()])
    console.result({"formats": {one.name: one.help for one in TARGETS.values()}})


def show_dataset(console: "Console", dataset: "Dataset") -> None:
    """Show a dataset version: its files, and where it is."""
    from export.formats.starting import START

    console.table(
        f"Dataset {dataset.dataset_id}" + ("" if dataset.is_new else " (nothing changed)"),
        ("split", "examples#", "agent answers#", "tokens#"),
        [(file["split"], file["lines"], file["targets"], file["tokens"]) for file in dataset.files.values()],
    )
    _show_balance(console, dataset.manifest["balance"])
    _show_left_out(console, dataset.manifest)
    console.say(f"Dataset: {dataset.folder}")
    console.say(f"Data card: {dataset.card}")
    if START in dataset.bundle:
        console.say(f"How to train: {dataset.folder / START}")


def _show_balance(console: "Console", balance: "Mapping[str, Any] | None") -> None:
    from export.card import CAP_COLUMNS, balance_rows, cap_rows

    if not balance:
        return
    console.say(f"Balance: {balance['after']:,} of {balance['before']:,} conversations taken")
    for table in balance["tables"]:
        columns = (table["dimension"], "before#", "after#", "asked for#", "short#")
        console.table("", columns, balance_rows(table, balance["after"]))
    if balance["caps"]:
        console.table("", (CAP_COLUMNS[0], *(f"{name}#" for name in CAP_COLUMNS[1:])), cap_rows(balance))
    for note in balance["notes"]:
        console.note(note, style="yellow")


def _show_left_out(console: "Console", manifest: "Mapping[str, Any]") -> None:
    """Say what kept conversations are not in, and how the splits were divided."""
    if period := manifest["period"]:
        gap = f", less a gap of {period['gap_days']} days" if period["gap_days"] else ""
        console.say(
            f"Split by time: what began before {period['cutoff']} trains{gap} (the cut-off was {period['cutoff_was']})"
        )
    for report in manifest["contamination"]:
        near, shared = report["near_duplicates"], report["shared_runs"]
        console.say(
            f"{report['file']}: {near:,} conversations are nearly the same and {shared:,} share long runs of words"
        )
    excluded = sorted(manifest["excluded"], key=lambda row: (-row["conversations"], row["code"], row["reason"]))
    if excluded:
        rows = [(row["conversations"], row["reason"], row["code"]) for row in excluded[:REASONS_SHOWN]]
        console.table("Left out", ("conversations#", "why", "code"), rows)
    if len(excluded) > REASONS_SHOWN:
        console.say(f"and {len(excluded) - REASONS_SHOWN:,} more reasons; the data card has them all")
    if manifest["split_note"]:
        console.note(manifest["split_note"], style="yellow")


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
    show_findings(console, "Preflight", rehearsal.findings[:FINDINGS_SHOWN])
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
        return f"Price: {trained}; no price is known for {rehearsal.model} ({rehearsal.cost.price_source})"
    source = f"{rehearsal.cost.price_source}, {rehearsal.cost.price_date}"
    return f"Price: {trained} = about ${rehearsal.cost.usd:,.2f} ({source})"


def _where(finding: "PreflightFinding") -> str:
    return f"{finding.file} line {finding.line}" if finding.line else finding.file

"""The commands that curate, report on it, and use curation's parts as filters."""

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from store.console import Console
    from store.database import Store
    from store.workspace import Workspace

WorkersOption = Annotated[
    int | None, typer.Option("--workers", help="Worker processes; 0 takes one for each core.", min=0)
]
FileArgument = Annotated[Path | None, typer.Argument(help="JSON lines to read; stdin by default.", show_default=False)]

rules = typer.Typer(name="rules", help="Check and explain the rule packs.", no_args_is_help=True)


def curate(
    engine: Annotated[str, typer.Option(help="Where the work runs: local.")] = "local",
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Decide what may be exported: language, duplicates, redaction, quality; only over what changed.

    Every conversation gets an outcome with its reason; see them with `chatmill report`.
    """
    from curate.errors import CurateError
    from curate.pipeline import curate_workspace
    from store.console import Console
    from store.errors import unknown_name

    console = Console(json=json)
    if engine != "local":
        raise CurateError(unknown_name("engine", engine, ["local"]), hint="Leave --engine out.")
    found = open_workspace(workspace)
    with found.open() as store:
        curate_workspace(found, store, workers=workers, progress=console.progress())
        show_funnel(console, store)
        console.result(funnel_json(store))


def report(
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page to this file.")] = None,
    clusters: Annotated[
        str | None,
        typer.Option(
            help="List what repeats itself instead: conversations (near-duplicates), macros (answers that recur) or "
            "exchanges (questions that recur with their answer).",
            metavar="KIND",
        ),
    ] = None,
    page: Annotated[int, typer.Option(help="Which page of the clusters, the largest first.", min=1)] = 1,
    text: Annotated[
        bool, typer.Option("--text", help="With --clusters: show the keeper's words, redacted, and which words differ.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Show what was read, kept and left out, and what was redacted; with --html as one page to pass on."""
    from curate.audit.summary import last_audit
    from curate.evaluation.cli import show_audit
    from curate.report.data import gather
    from curate.report.page import write_page
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    if clusters is not None:
        with found.open() as store:
            show_clusters(console, store, clusters, page=page, with_text=text)
        return
    with found.open() as store:
        show_funnel(console, store)
        show_redactions(console, store, found)
        audited = last_audit(store)
        show_audit(console, audited)
        if html is not None:
            write_page(html, gather(store, found))
            console.say(f"The page is in {html}")
        audit = None if audited is None else audited.figures()
        console.result(funnel_json(store) | {"html": None if html is None else str(html), "audit": audit})


def redact(
    file: FileArgument = None,
    language: Annotated[str, typer.Option(help="The language of the texts.")] = "en",
    patterns_only: Annotated[
        bool, typer.Option("--patterns-only", help="Search without the name model, for a language that has none.")
    ] = False,
    workers: WorkersOption = 1,
) -> None:
    """Redact JSON lines: {"id"?, "text"} or {"id"?, "turns": [{"role", "text"}]} in, the same with findings out.

    Offsets in "findings" are code points of the input text. No workspace is needed; nothing is kept.
    """
    from curate.redact.filter import redact_stream
    from store.settings import RedactionSettings

    settings = RedactionSettings(names="none" if patterns_only else "own")
    with _lines(file) as lines:
        _write(redact_stream(lines, language=language, settings=settings, workers=workers or 0))


def language(file: FileArgument = None) -> None:
    """Tell the language of JSON lines: {"id", "lang", "confidence"} out, one for each line in."""
    from curate.language import language_stream

    with _lines(file) as lines:
        _write(language_stream(lines))


def duplicates(file: FileArgument = None) -> None:
    """Cluster JSON lines: {"id", "cluster", "keeper", "similarity"} out, one for each line in."""
    from curate.dedup.stream import duplicates_stream

    with _lines(file) as lines:
        _write(duplicates_stream(lines))


@rules.command("check")
def check(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Validate every rule pack and run every example in it; the workspace's packs too, where there is one."""
    from curate.checking import check_rules
    from curate.errors import RulesError
    from store.console import Console
    from store.workspace import NoWorkspace

    try:
        root = open_workspace(workspace).root
    except NoWorkspace:
        if workspace is not None:
            raise
        root = None
    console = Console(json=json)
    checked = check_rules(root)
    for problem in checked.problems:
        console.note(problem, style="yellow")
    console.result({"rules": checked.rules, "examples": checked.examples, "problems": checked.problems})
    if checked.problems:
        raise RulesError(
            f"{len(checked.problems)} mistakes in the rule packs.", hint="Each is named above with its file."
        )
    console.say(f"{checked.rules} rules are valid and their {checked.examples} examples hold.")


@rules.command("explain")
def explain(
    code: Annotated[str, typer.Argument(help="A rule's code, as Q001.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Teach a rule: what it looks at, why, and examples."""
    from curate.checking import explain_rule
    from store.console import Console
    from store.workspace import NoWorkspace

    try:
        root = open_workspace(workspace).root
    except NoWorkspace:
        root = None
    console = Console(json=json)
    lines = explain_rule(code, root)
    for line in lines:
        console.say(line)
    console.result({"code": code, "lines": lines})


def show_funnel(console: "Console", store: "Store") -> None:
    """Show how many conversations each stage left, and why the others are out."""
    from curate.outcomes import funnel

    rows: list[tuple[object, ...]] = []
    for step in funnel(store):
        rows.append((step.label, step.left, -step.dropped if step.dropped else None, ""))
        rows += [("", None, -count, f"{reason} ({code})") for code, reason, count in step.reasons]
    console.table("Funnel", ("", "conversations#", "out#", "why"), rows)
    if any(code == "language.unsupported" for step in funnel(store) for code, _, _ in step.reasons):
        console.note(
            'To curate more languages, name them under [workspace] in chatmill.toml: languages = ["en", "de"].'
        )


def funnel_json(store: "Store") -> dict[str, Any]:
    """Give the funnel in the shape of `curate --json` and `run --json`."""
    from curate.outcomes import funnel

    return {
        "funnel": [
            {
                "stage": step.stage,
                "left": step.left,
                "dropped": step.dropped,
                "reasons": [
                    {"code": code, "reason": reason, "conversations": count} for code, reason, count in step.reasons
                ],
            }
            for step in funnel(store)
        ]
    }


def show_redactions(console: "Console", store: "Store", workspace: "Workspace") -> None:
    """Show what was redacted, by entity and recognizer."""
    from curate.report.data import redactions

    rows = [(row.entity_type, row.recognizers, row.findings, row.conversations) for row in redactions(store, workspace)]
    console.table("Redactions", ("entity", "found by", "findings#", "conversations#"), rows)


def show_clusters(console: "Console", store: "Store", kind: str, *, page: int, with_text: bool) -> None:
    """Show a page of clusters: the keeper, how many, how alike the least alike is, and the words where asked for."""
    from dataclasses import asdict

    from curate.dedup.listing import listing

    found = listing(store, kind, page=page, with_text=with_text)
    rows: list[tuple[object, ...]] = []
    for cluster in found.clusters:
        rows.append((cluster.keeper, cluster.conversations, f"{cluster.least_similar:.2f}", cluster.text or ""))
        rows += [
            (f"  {member.conversation}", member.conversations, f"{member.similarity:.2f}", f"  {member.differs or ''}")
            for member in cluster.members
        ]
    title = f"{kind.capitalize()} that repeat themselves: {found.total:,} clusters, page {page} of {found.pages or 1}"
    console.table(title, ("keeper, and the least alike to it", "conversations#", "alike#", ""), rows)
    if not found.clusters:
        console.say("There are none on this page.")
    console.result({"clusters": [asdict(cluster) for cluster in found.clusters], "total": found.total, "page": page})


@contextmanager
def _lines(file: Path | None) -> Generator[Iterable[bytes]]:
    """Give the lines of a file, or of stdin."""
    from curate.errors import CurateError

    if file is None:
        yield sys.stdin.buffer
        return
    try:
        opened = file.open("rb")
    except OSError:
        raise CurateError(f"{file} cannot be read.", hint="Check the path, or pipe the lines in.") from None
    with opened:
        yield opened


def _write(objects: Iterator[dict[str, Any]]) -> None:
    import orjson

    for each in objects:
        sys.stdout.buffer.write(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()

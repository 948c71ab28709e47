"""The commands that measure redaction: on a gold set, and on a workspace's own conversations."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from curate.audit.summary import AuditSummary
    from curate.evaluation.misses import Miss
    from curate.evaluation.redaction import Asked, Evaluation
    from store.console import Console

evaluate = typer.Typer(name="evaluate", help="Measure how good redaction is.", no_args_is_help=True)

CONFUSIONS_SHOWN = 25


@evaluate.command("redaction")
def redaction(
    gold: Annotated[
        Path | None, typer.Argument(help='JSON lines {"text", "spans": [{"start", "end", "label"}]}; .gz too.')
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Score against what people decided in review, instead of a gold set.")
    ] = False,
    findings: Annotated[
        Path | None, typer.Option(help="Score this file's findings, as `chatmill redact` writes them, instead of ours.")
    ] = None,
    labels: Annotated[str, typer.Option(help="Ask for these gold labels alone, as NAME,PHONE.")] = "",
    by: Annotated[str, typer.Option(help="Break the scores down by these: language, case.")] = "language,case",
    label_map: Annotated[
        Path | None, typer.Option("--map", help='TOML that says what labels stand for: PERSON = ["NAME"].')
    ] = None,
    misses: Annotated[int, typer.Option(help="Show so many of the worst misses, in the terminal only.", min=0)] = 0,
    language: Annotated[str, typer.Option(help='The language of lines that name none in "lang".')] = "en",
    workers: Annotated[int, typer.Option(help="Worker processes; 0 takes one for each core.", min=0)] = 1,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Score redaction on a gold set: what is protected, what is destroyed for nothing, and what is taken for what.

    With -w the workspace's policy and recognizers are used, and the figures are kept in its store; never a text. With
    --decisions the gold is what people accepted in the conversations that they reviewed to the end.
    """
    from curate.evaluation.errors import GoldError
    from curate.evaluation.redaction import Asked, evaluate_redaction
    from store.console import Console

    if (gold is None) != decisions or (decisions and findings):
        raise GoldError("Give either a gold set or --decisions.", hint="--decisions takes the workspace's own review.")
    if misses and (json or not sys.stdout.isatty()):
        raise GoldError(
            "The misses hold text of the gold set, so they are shown in a terminal and written nowhere.",
            hint="Leave --misses out, or --json and the redirection.",
        )
    asked = Asked(gold or Path(), findings, label_map, _list(labels), _list(by), misses, language)
    console = Console(json=json)
    if workspace is None and not decisions:
        result = evaluate_redaction(asked, workers=workers)
    else:
        result = _in_workspace(asked, workspace, decisions=decisions, workers=workers)
    _show_scores(console, result.figures)
    _show_misses(console, result.misses)
    console.result(result.figures)


def _in_workspace(asked: "Asked", workspace: Path | None, *, decisions: bool, workers: int) -> "Evaluation":
    """Score by a workspace's policy, and keep the figures in its store."""
    from curate.evaluation.recording import record, redaction_version, with_placeholders
    from curate.evaluation.redaction import evaluate_decisions, evaluate_redaction
    from curate.redact.policy import load_policy
    from curate.stages import Curation
    from store.workers import Workers

    found = open_workspace(workspace)
    policy = load_policy(found.root)
    plain = with_placeholders(policy)
    if not decisions:
        result = evaluate_redaction(asked, policy=plain, settings=found.settings.redaction, workers=workers)
        with found.open() as store:
            record(store, "gold", redaction_version(found, policy), result.figures)
        return result
    with found.open() as store, Workers(workers) as pool:
        result = evaluate_decisions(Curation(store, found, pool), plain, asked)
        record(store, "decisions", redaction_version(found, policy), result.figures)
    return result


def audit(
    sample: Annotated[
        int, typer.Option(help="Customers' turns to draw; copies of them are planted into.", min=1)
    ] = 300,
    seed: Annotated[
        int | None, typer.Option(help="Decides the draw; by default the workspace's seed.", show_default=False)
    ] = None,
    canaries: Annotated[int, typer.Option(help="Values to plant of each kind.", min=1)] = 100,
    blind: Annotated[int, typer.Option(help="Turns to draw for people to read; 0 draws none.", min=0)] = 200,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 takes one for each core.", min=0)] = 1,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Prove how much redaction finds: plant known values into copies of real turns, and count what is found.

    The copies are redacted in memory and thrown away. A blind sample for people to read is drawn too; the store keeps
    figures and keys of turns. True recall lies within the stated limits in 95 of 100 audits (Wilson 1927).
    """
    from curate.audit.audit import run_audit
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        result = run_audit(
            found,
            store,
            sample=sample,
            of_each=canaries,
            blind=blind,
            seed=seed,
            workers=workers,
            progress=console.progress(),
        )
    for one in result.canaries.kinds:
        console.say(one.sentence)
    forms = [
        (form, planted, found, _share(found / planted)) for form, planted, found in result.canaries.forms if planted
    ]
    console.table("By form", ("how it was planted", "planted#", "found#", "share#"), forms)
    for without in result.canaries.languages_without:
        console.note(f"Nothing could be planted in conversations whose language is {without}.", style="yellow")
    if result.blind is not None:
        console.say(result.blind.sentence)
    console.result(result.figures())


def show_audit(console: "Console", audited: "AuditSummary | None") -> None:
    """Show what the last audit found, in the report."""
    if audited is None:
        return
    console.say(f"The last audit of redaction, {audited.made_at}:", style="bold")
    for sentence in (*audited.kinds, audited.blind):
        if sentence:
            console.say(f"  {sentence}")


def _show_scores(console: "Console", figures: dict[str, Any]) -> None:
    exact, characters, typed = figures["exact"], figures["characters"], figures["typed"]
    console.table(
        f"{figures['spans']:,} gold spans in {figures['texts']:,} texts, {figures['findings']:,} findings",
        ("score", "recall#", "precision#", "f2#"),
        [
            ("protected", _share(figures["protected"]), _share(figures["precision"]), _share(figures["f2"])),
            ("span for span", _share(exact["recall"]), _share(exact["precision"]), ""),
            ("by character", _share(characters["recall"]), _share(characters["precision"]), ""),
            ("with the right type", _share(typed["recall"]), _share(typed["precision"]), _share(typed["f2"])),
        ],
    )
    console.say(f"Covered for nothing: {figures['over']:.2%} of the characters outside gold spans.")
    if figures["set_aside"]:
        console.say(f"{figures['set_aside']:,} texts were set aside; they count as though nothing had been found.")
    for title, rows in (("label", figures["by_label"]), *figures["by"].items()):
        console.table(f"By {title}", (title, "spans#", "protected#", "95 %", "of characters#"), _rows(rows))
    confusions = [(one["label"], one["found"], one["spans"]) for one in figures["confusion"][:CONFUSIONS_SHOWN]]
    console.table("Taken for what", ("gold", "found as", "spans#"), confusions)
    if figures["unmapped"]:
        console.note(f"Labels without a type, left out of typed scores: {', '.join(figures['unmapped'])}. See --map.")


def _rows(by: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            name,
            one["spans"],
            _share(one["protected"]),
            f"{_share(one['interval'][0])} to {_share(one['interval'][1])}",
            _share(one["characters"]["recall"] if isinstance(one["characters"], dict) else one["characters"]),
        )
        for name, one in by.items()
    ]


def _show_misses(console: "Console", misses: "list[Miss]") -> None:
    rows = [
        (miss.line, miss.label, miss.found_as, f"{miss.left}[{miss.value}]{miss.right}".replace("\n", " "))
        for miss in misses
    ]
    if rows:
        console.table("The worst misses", ("line#", "label", "found as", "text"), rows)


def _share(value: float) -> str:
    return f"{value:.1%}"


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())

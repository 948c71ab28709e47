"""The command that compares two models on held-out conversations."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from export.evaluate.parties import Named
    from store.console import Console
    from store.workspace import Workspace

DEFAULT = "models"
TABLES = (
    ("answers", "Answers"),
    ("tone", "Tone"),
    ("format", "Form"),
    ("safety", "Safety"),
    ("speed", "Speed"),
    ("cost", "Cost"),
)


class ModelsByDefault(TyperGroup):
    """A group whose command `models` need not be named: `chatmill evaluate BASE TUNED`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's own Context
        """Put the command's name in where none is given."""
        if args and args[0] not in {*self.commands, *self.get_help_option_names(ctx)}:
            args = [DEFAULT, *args]
        return super().parse_args(ctx, args)


def models(
    base: Annotated[str | None, typer.Argument(help="The model to compare with; a job's base by default.")] = None,
    tuned: Annotated[str | None, typer.Argument(help="The model that should be better; a job's by default.")] = None,
    job: Annotated[str | None, typer.Option(help="Compare a job's model with its base: its id, or latest.")] = None,
    dataset: Annotated[str | None, typer.Option(help="A dataset's id, the start of it, or latest.")] = None,
    split: Annotated[str, typer.Option(help="What to ask about: test, validation.")] = "test",
    provider: Annotated[str | None, typer.Option(help="Who answers; submit.provider by default.")] = None,
    base_url: Annotated[str | None, typer.Option(help="The address that answers, as http://127.0.0.1:8000/v1.")] = None,
    tuned_url: Annotated[str | None, typer.Option(help="The tuned model's address, where it is another.")] = None,
    judge: Annotated[str | None, typer.Option(help="A chat model that judges pairs of answers.")] = None,
    judge_url: Annotated[str | None, typer.Option(help="The judge's address, where it is another.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many questions, drawn by the seed; 0 asks all.", min=0)] = 200,
    every: Annotated[bool, typer.Option("--every", help="Ask for every answer of a line, not the last alone.")] = False,
    prompt: Annotated[Path | None, typer.Option(help="A long system prompt for the base alone.")] = None,
    shots: Annotated[int, typer.Option(help="Examples of the train split that the base is shown too.", min=0)] = 0,
    swaps: Annotated[int, typer.Option(help="Cases to ask under other names, genders, regions; 0: none.", min=0)] = 10,
    probes: Annotated[bool, typer.Option("--probes/--no-probes", help="Ask for other people's data.")] = True,
    max_tokens: Annotated[int, typer.Option(help="The longest answer.", min=1)] = 400,
    temperature: Annotated[float, typer.Option(help="0 for the likeliest answer.", min=0.0, max=2.0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Decides draws and orders.")] = 0,
    at_once: Annotated[int, typer.Option(help="Questions under way at a time.", min=1, max=64)] = 4,
    again: Annotated[bool, typer.Option("--again", help="Ask everything anew.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report here, as a page of its own.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Compare a tuned model with its base, or any two models, on conversations that neither has learnt from.

    Both answer the same questions over a chat-completions endpoint; nothing is sent anywhere else. Answers are kept, so
    the same command again goes on where it was, and asks nothing twice. Every figure comes with its 95 % interval.
    The key is read from the environment or the keyring. The page --html holds text of the export as examples.
    """
    from export.evaluate.comparing import Wish, compare_models
    from export.evaluate.parties import speaking
    from export.submit.patience import Patience
    from export.submit.providers import HERE
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    named, of = _named(
        found, {"base": base, "tuned": tuned, "job": job, "provider": provider, "base_url": base_url,
                "tuned_url": tuned_url, "judge": judge, "judge_url": judge_url, "dataset": dataset}
    )  # fmt: skip
    wish = Wish(
        dataset=of, split=split, limit=limit, seed=seed, every=every, temperature=temperature, max_tokens=max_tokens,
        prompt=_prompt(prompt), shots=shots, probes=probes, swaps=swaps, again=again,
        at_once=1 if named.endpoint == HERE else at_once,  # our trainer answers one at a time; others would only wait
    )  # fmt: skip
    with speaking(named, wish, Patience(tell=console.note), found) as parties, found.open() as store:
        document = compare_models(found, store, parties, wish, progress=console.progress())
        if html is not None:
            from export.evaluate.examples import read_examples
            from export.evaluate.report import write_report

            write_report(html, document, read_examples(found, store, document))
    show(console, document)
    if html is not None:
        console.say(f"Report: {html}")
    console.result(document)


def _named(workspace: "Workspace", given: dict[str, str | None]) -> tuple["Named", str]:
    """Find out which models are meant, where they answer, and on which dataset."""
    from export.evaluate.errors import EvaluateError
    from export.evaluate.parties import Named, address_of, endpoint_for, of_job

    base, tuned, dataset, provider = (given[name] for name in ("base", "tuned", "dataset", "provider"))
    if (base is None) != (tuned is None) or (base is None) != (given["job"] is not None):
        raise EvaluateError("Name two models, or a job.", hint="chatmill evaluate BASE TUNED, or --job latest.")
    address = given["base_url"]
    if name := given["job"]:
        with workspace.open() as store:
            job, tuned = of_job(store, name)
        base, dataset, provider = job.model, dataset or job.dataset_id, provider or job.provider
        address = address or address_of(job)
    settings = workspace.settings.submit
    who, endpoint = endpoint_for(settings, provider=provider, base_url=address)
    others = {
        key: endpoint_for(settings, provider=provider, base_url=url)[1] if (url := given[option]) else ""
        for key, option in (("tuned_endpoint", "tuned_url"), ("judge_endpoint", "judge_url"))
    }
    named = Named(str(base), str(tuned), who, endpoint, judge=given["judge"] or "", **others)
    return named, dataset or "latest"


def _prompt(path: Path | None) -> str:
    from export.evaluate.errors import EvaluateError

    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise EvaluateError(f"{path} cannot be read as UTF-8 text.", hint="Give a text file with --prompt.") from None


def show(console: "Console", document: dict[str, Any]) -> None:
    """Show a comparison in the terminal: what matters most first, then every figure."""
    base, tuned = document["base"]["model"], document["tuned"]["model"]
    console.say(f"{tuned} against {base}, on {document['cases']:,} answers of {document['dataset']}", style="bold")
    for sentence in document["headlines"]:
        console.say(f"  {sentence}")
    from export.evaluate.sections import measure_row

    for group, title in TABLES:
        rows = [measure_row(one) for one in document["measures"] if one["group"] == group]
        if rows:
            console.table(title, ("", "base", "tuned", "people", "difference, 95 %", "cases#", ""), rows)
    clear = [one for one in document["swaps"] if one["is_clear"]]
    if document["swaps"]:
        console.say(
            f"Swaps: {len(clear):,} of {len(document['swaps']):,} differences between groups are clear of chance."
        )
    for one in clear:
        console.say(f"  {one['swap']}, {one['group']}, {one['model']}: {one['figure']} {one['told']}")
    if problems := document["problems"]:
        console.note(f"{len(problems):,} questions were refused by an endpoint; --json names them.", style="yellow")
    console.note(
        "next: people vote blind on the page Votes of chatmill serve; the same command then counts their votes."
    )


def compare(
    job: Annotated[list[str] | None, typer.Argument(help="Jobs, by id or the start of it; all by default.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the curves and the table here, as a page.")] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Lay jobs side by side: dataset version, settings, seed, losses, cost, and how their models were judged."""
    from export.evaluate.jobs_compared import COLUMNS, as_json, cells, compare_jobs, write_page
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        compared = compare_jobs(found, store, job or [])
    if html is not None:
        write_page(html, compared)
        console.say(f"Page: {html}")
    if compared:
        console.table("Jobs, the lowest validation loss first", COLUMNS, [cells(one) for one in compared])
    else:
        console.say("There is no job yet; start one: chatmill submit")
    console.result({"jobs": as_json(compared)})

"""The commands that hand a dataset to a provider, and follow what becomes of it."""

import sys
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from export.cli import show_dry_run
from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from export.submit.dry_run import DryRun
    from export.submit.jobs import Job
    from export.submit.patience import Patience
    from export.submit.provider import Provider
    from export.submit.sweeping import Swept
    from store.console import Console
    from store.workspace import Workspace

jobs = typer.Typer(name="jobs", help="List the fine-tuning jobs of a workspace, follow, pause, resume, cancel them.")

ProviderOption = Annotated[str | None, typer.Option(help="Who trains; submit.provider by default.")]
FlaggedOption = Annotated[
    str | None,
    typer.Option(
        help="Lines that moderation flags: refuse, leave-out (of the next export), or send; by submit.flagged."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")]
JobArgument = Annotated[str, typer.Argument(help="A job's id, the start of it, its id at the provider, or latest.")]

OneJob = Annotated[str, typer.Argument(help="A job's id, the start of it, or its id at the provider.")]

NEXT = {
    "failed": "Mend what it names and export again; `chatmill submit --again` starts one more job of this dataset.",
    "cancelled": "`chatmill submit --again` starts one more job of this dataset.",
    "deleted": "`chatmill submit --again` starts one more job of this dataset.",
}


def submit(
    dataset: Annotated[str, typer.Argument(help="A dataset's id, the start of it, or latest.")] = "latest",
    provider: ProviderOption = None,
    model: Annotated[str | None, typer.Option(help="The model to fine-tune.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", help="Go on from the model that this job became, instead of --model.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", min=1, max=50)] = None,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate and price; send nothing.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait until the job is over.")] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Start one more job of this dataset, once the last one is over.")
    ] = False,
    flagged: FlaggedOption = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Hand a dataset to a provider: validate, price, moderate, upload, start one job and follow it to its end.

    Providers: openai, azure, nebius, together, fireworks, local (this machine). The price is shown and asked about
    before anything is sent; without a terminal, --yes agrees to it. The API key is read from the provider's variable
    (OPENAI_API_KEY, TOGETHER_API_KEY, ...) or from the keyring, and kept nowhere. Lines that moderation flags are
    named and not sent, unless --flagged send. Whatever interrupts it, the same command goes on where it was: no file
    is sent twice, and no second job is made. With --dry-run nothing leaves the machine.
    """
    from export.submit.dry_run import as_json
    from export.submit.dry_run import dry_run as rehearse
    from export.submit.jobs import tuned_by
    from export.submit.providers import check_provider
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    name = check_provider(provider or found.settings.submit.provider)
    with found.open() as store:
        model = tuned_by(store, source) if source else model
        rehearsal = rehearse(found, store, dataset, provider=name, model=model, epochs=epochs)
    show_dry_run(console, rehearsal)
    if dry_run or not rehearsal.is_clean:
        console.result(as_json(rehearsal))
        raise typer.Exit(0 if rehearsal.is_clean else 2)
    job = hand_over(console, found, rehearsal, provider=name, yes=yes, follow=follow, again=again, flagged=flagged)
    _finish(console, job)


def sweep(
    dataset: Annotated[list[str] | None, typer.Argument(help="Dataset versions to try; the latest by default.")] = None,
    provider: ProviderOption = None,
    model: Annotated[str | None, typer.Option(help="The model to fine-tune.")] = None,
    epochs: Annotated[str, typer.Option(help="Passes over the data to try, as in 1,2,4.")] = "1,2,3",
    choose: Annotated[
        list[str] | None, typer.Option("--set", help='More to try, as in "learning_rate 1e-5,5e-5". Repeatable.')
    ] = None,
    how: Annotated[str, typer.Option(help="grid, random, or halving (more epochs for the better ones).")] = "grid",
    trials: Annotated[int, typer.Option(help="How many to draw, at random and with halving.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.")] = 0,
    max_usd: Annotated[float | None, typer.Option(help="Start no job that would bring the cost over this.")] = None,
    max_minutes: Annotated[float | None, typer.Option(help="Start no job once the jobs took this long.")] = None,
    flagged: FlaggedOption = None,
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Try epochs, hyperparameters and dataset versions, one job after the other, and name the best by validation loss.

    The same command again goes on where it was: a setting that was tried is not paid for twice. The highest price is
    shown and asked about first; --yes agrees to it.
    """
    from export.submit import sweeping
    from export.submit.providers import check_provider, endpoint_of, open_provider
    from export.submit.sweep_plan import make_plan
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    plan = make_plan(
        check_provider(provider or found.settings.submit.provider),
        model=model,
        datasets=dataset or ["latest"],
        epochs=_numbers(epochs),
        sets=choose or [],
        how=how,
        trials=trials,
        seed=seed,
        most_usd=max_usd,
        most_minutes=max_minutes,
    )
    with found.open() as store:
        most = sweeping.most_expensive(found, store, plan)
    endpoint, patience = endpoint_of(found.settings.submit, plan.provider), _patience(console)
    if not yes:
        bound = min(most, max_usd) if most is not None and max_usd is not None else most
        _agree(f"Run up to {plan.rounds} trials at {endpoint} {_price_words(bound)}?")
    with closing(open_provider(plan.provider, endpoint, patience, workspace=found, model=model or "")) as opened:
        swept = sweeping.sweep(
            found, found.open, opened, plan, flagged=flagged or found.settings.submit.flagged, patience=patience
        )
    _show_sweep(console, swept)


@jobs.callback(invoke_without_command=True)
def list_jobs(context: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the fine-tuning jobs of a workspace, follow, pause, resume, cancel them. Without a command: the list."""
    if context.invoked_subcommand is None:
        show_list(workspace=workspace, json=json)


@jobs.command("list")
def show_list(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the fine-tuning jobs of a workspace as they were last seen; `chatmill jobs` alone does the same."""
    from export.submit import jobs as known
    from store.console import Console

    console = Console(json=json)
    with open_workspace(workspace).open() as store:
        found = known.list_jobs(store)
    columns = ("job", "provider", "status", "model", "dataset", "started", "became")
    rows = [
        (one.job_id, one.provider, one.status, one.model, one.dataset_id, f"{one.created_at:%Y-%m-%d %H:%M}", became)
        for one in found
        for became in (one.result.get("fine_tuned_model"),)
    ]
    if found:
        console.table("Jobs", columns, rows)
    else:
        console.say("There is no job yet; start one: chatmill submit")
    console.result({"jobs": [one.brief() for one in found]})


@jobs.command("follow")
def follow_job(
    job: Annotated[
        str | None,
        typer.Argument(help="A job's id, the start of it, its id at the provider, or latest; all by default."),
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Follow a job, or without an id all that run, until they are over: events, figures, and the model it becomes.

    It can be stopped and started at any time; nothing is lost or counted twice. The store stays free for other
    commands in between. One poller asks for all jobs; what a provider asks for slows all looks at its jobs. Exits
    with 2 when a job failed, was cancelled, or is gone.
    """
    from export.submit import following
    from export.submit.jobs import find_job, list_running
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        running = [] if job else list_running(store)
    if len(running) > 1:
        _follow_all(console, found)
        return
    job = job or (running[0].job_id if running else "latest")
    with found.open() as store:
        known = find_job(store, job)
    if not known.is_over:
        patience = _patience(console)
        with closing(_open_provider(found, known, patience)) as provider:
            known = following.follow(found.open, provider, known.job_id, patience=patience)
    _finish(console, known)


@jobs.command("cancel")
def cancel_job(
    job: OneJob,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Stop a job at the provider; what it trained until then may be charged. The history records who did."""
    from export.submit import following
    from export.submit.jobs import find_job
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        known = find_job(store, job)
    if not known.is_over:
        patience = _patience(console)
        with closing(_open_provider(found, known, patience)) as provider:
            known = following.cancel(found.open, provider, known.job_id, patience=patience)
    show_job(console, known)
    console.result({"job": job_json(known)})


@jobs.command("pause")
def pause_job(job: OneJob, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Let a job wait at the provider, where the provider can; `chatmill jobs resume` lets it go on."""
    from export.submit import following

    _act(job, following.pause, workspace=workspace, json=json)


@jobs.command("resume")
def resume_job(job: OneJob, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Let a job that waits at the provider go on."""
    from export.submit import following

    _act(job, following.resume, workspace=workspace, json=json)


@jobs.command("checkpoints")
def list_checkpoints(job: JobArgument = "latest", workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the models that a job left behind on its way, with their figures; each can be used or tuned further."""
    from export.submit import following
    from export.submit.jobs import find_job
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        known = find_job(store, job)
    points = known.result.get("checkpoints") or []
    if not (known.is_over and points):
        with closing(_open_provider(found, known, _patience(console))) as provider:
            points = following.checkpoints(found.open, provider, known.job_id)
    names = sorted({name for point in points for name in point["metrics"] if name != "step"})
    rows = [(point["step"], point["model"], *(point["metrics"].get(name) for name in names)) for point in points]
    if rows:
        console.table(f"Checkpoints of {known.job_id}", ("step#", "model", *(f"{name}#" for name in names)), rows)
    else:
        console.say(f"{known.job_id} has left no checkpoints.")
    console.result({"job": known.job_id, "checkpoints": points})


def hand_over(
    console: "Console",
    workspace: "Workspace",
    rehearsal: "DryRun",
    *,
    provider: str,
    yes: bool,
    follow: bool = True,
    again: bool = False,
    flagged: str | None = None,
) -> "Job":
    """Submit what was rehearsed once its price is agreed to, follow it if asked, and give the job.

    Raises:
        SubmitError: the files would be refused, nobody agreed to the price, or the provider would not have it.
        NotSigned: nobody signed the dataset, and the settings ask for it.
    """
    from export.sign_off import check_signed
    from export.submit import following, jobs, submitting
    from export.submit.capabilities import capabilities_of
    from export.submit.errors import SubmitError
    from export.submit.moderation import check_choice
    from export.submit.providers import endpoint_of, open_provider

    choice = check_choice(flagged or workspace.settings.submit.flagged)
    if not rehearsal.is_clean:
        raise SubmitError("Nothing was sent: the files would be refused.", hint="See: chatmill submit --dry-run.")
    endpoint, patience = endpoint_of(workspace.settings.submit, provider), _patience(console)
    with workspace.open() as store:
        check_signed(workspace, store, rehearsal.dataset_id)
        is_asked_for = jobs.is_asked_for(store, rehearsal, provider=provider, endpoint=endpoint, again=again)
    is_free = capabilities_of(provider).is_free
    with closing(open_provider(provider, endpoint, patience, workspace=workspace, model=rehearsal.model)) as opened:
        if not (yes or is_asked_for or is_free):
            _confirm(rehearsal, endpoint)
        with workspace.open() as store:
            done = submitting.submit(
                store,
                opened,
                rehearsal,
                again=again,
                flagged=choice,
                patience=patience,
                progress=console.progress(),
            )
        job = done.job
        console.note(_said(job, is_new=done.is_new))
        if follow and not job.is_over:
            job = following.follow(workspace.open, opened, job.job_id, patience=patience)
    return job


def show_job(console: "Console", job: "Job") -> None:
    """Show how a job stands, and what to do where it did not succeed."""
    place = f"{job.provider}, {job.provider_job_id}" if job.provider_job_id else job.provider
    console.say(f"Job {job.job_id} ({place}): {job.status}")
    if tuned := job.result.get("fine_tuned_model"):
        console.say(f"Model: {tuned}")
    if trained := job.result.get("trained_tokens"):
        estimate = job.request["estimate"]["tokens"] * job.request["estimate"]["epochs"]
        console.say(f"Trained tokens: {trained:,}, of {estimate:,} estimated")
    if problem := job.result.get("problem"):
        console.note(problem, style="red")
    if job.is_over and job.status in NEXT:
        console.note(f"next: {NEXT[job.status]}")
    if not job.is_over:
        console.note("next: chatmill jobs follow")


def job_json(job: "Job") -> dict[str, Any]:
    """Give a job with what came of it."""
    told = {key: job.result.get(key) for key in ("fine_tuned_model", "trained_tokens", "problem")}
    return job.brief() | {"provider_job_id": job.provider_job_id, "dataset": job.dataset_id} | told


def _follow_all(console: "Console", workspace: "Workspace") -> None:
    from export.submit.polling import follow_all
    from export.submit.providers import open_provider

    ended = follow_all(workspace.open, partial(open_provider, workspace=workspace), patience=_patience(console))
    for job in ended:
        show_job(console, job)
    console.result({"jobs": [job_json(job) for job in ended]})
    if any(job.status != "succeeded" for job in ended):
        raise typer.Exit(2)


def _act(name: str, act: "Callable[..., Job]", *, workspace: "Path | None", json: bool) -> None:
    """Ask a job's provider for something, and show how the job then stands."""
    from export.submit.jobs import find_job
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        known = find_job(store, name)
    patience = _patience(console)
    with closing(_open_provider(found, known, patience)) as provider:
        known = act(found.open, provider, known.job_id, patience=patience)
    show_job(console, known)
    console.result({"job": job_json(known)})


def _finish(console: "Console", job: "Job") -> None:
    show_job(console, job)
    console.result({"job": job_json(job)})
    if job.is_over and job.status != "succeeded":
        raise typer.Exit(2)


def _said(job: "Job", *, is_new: bool) -> str:
    if is_new:
        return f"Started {job.job_id} at {job.endpoint} as {job.provider_job_id}."
    again = " --again starts one more." if job.is_over else ""
    return f"{job.job_id} was started on {job.created_at:%Y-%m-%d} already; no second one was made.{again}"


def _confirm(rehearsal: "DryRun", endpoint: str) -> None:
    """Ask whether the price is agreed to.

    Raises:
        NotConfirmed: nobody said yes.
    """
    _agree(f"Send {len(rehearsal.files)} files to {endpoint} and train {_price_words(rehearsal.cost.usd)}?")


def _agree(question: str) -> None:
    from export.submit.errors import NotConfirmed

    if not sys.stdin.isatty():
        raise NotConfirmed(
            "Nothing was sent: the price must be agreed to, and there is no terminal to ask on.",
            hint="Add --yes to agree to it, or --dry-run to see it.",
        )
    if not typer.confirm(question, err=True):
        raise NotConfirmed("Nothing was sent.", hint="The dataset is kept; submit it whenever you like.")


def _price_words(usd: float | None) -> str:
    return "at a price that is not known" if usd is None else f"for about ${usd:,.2f}"


def _numbers(text: str) -> list[int]:
    """Read whole numbers from 1 to 50 with commas between them.

    Raises:
        SubmitError: there are none.
    """
    from export.submit.errors import SubmitError

    found = [int(part) for part in text.replace(" ", "").split(",") if part.isdecimal()]
    if not found or len(found) != len(text.split(",")) or not all(1 <= one <= 50 for one in found):
        raise SubmitError(f"--epochs {text!r} is no list of whole numbers from 1 to 50.", hint="As in --epochs 1,2,4.")
    return found


def _show_sweep(console: "Console", swept: "Swept") -> None:
    from export.submit.sweeping import as_json, rows_of

    columns, rows = rows_of(swept)
    console.table(f"Sweep {swept.sweep_id}", columns, rows)
    if swept.stopped:
        console.note(f"Stopped early: {swept.stopped}. The same command with a higher bound goes on.", style="yellow")
    if swept.best is not None:
        console.say(f"Best: {swept.best.job_id}, {swept.best.measure} {swept.best.value:.4f}")
    console.result(as_json(swept))
    if swept.best is None:
        raise typer.Exit(2)


def _open_provider(workspace: "Workspace", job: "Job", patience: "Patience") -> "Provider":
    """Speak to where the job is, whatever the settings say by now."""
    from export.submit.providers import open_provider

    return open_provider(job.provider, job.endpoint, patience, workspace=workspace)


def _patience(console: "Console") -> "Patience":
    from export.submit.patience import Patience

    return Patience(tell=console.note)

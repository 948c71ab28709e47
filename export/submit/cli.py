"""The commands that hand a dataset to a provider, and follow what becomes of it."""

import sys
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from export.cli import show_dry_run
from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from export.submit.dry_run import DryRun
    from export.submit.jobs import Job
    from export.submit.patience import Patience
    from export.submit.provider import Provider
    from store.console import Console
    from store.workspace import Workspace

jobs = typer.Typer(name="jobs", help="List the fine-tuning jobs of a workspace, follow them, cancel them.")

ProviderOption = Annotated[str | None, typer.Option(help="Who trains; submit.provider by default.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Agree to the price without being asked.")]
JobArgument = Annotated[str, typer.Argument(help="A job's id, the start of it, its id at the provider, or latest.")]

NEXT = {
    "failed": "Mend what it names and export again; `chatmill submit --again` starts one more job of this dataset.",
    "cancelled": "`chatmill submit --again` starts one more job of this dataset.",
    "deleted": "`chatmill submit --again` starts one more job of this dataset.",
}


def submit(
    dataset: Annotated[str, typer.Argument(help="A dataset's id, the start of it, or latest.")] = "latest",
    provider: ProviderOption = None,
    model: Annotated[str | None, typer.Option(help="The model to fine-tune.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data.", min=1, max=50)] = None,
    yes: YesOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Validate and price; send nothing.")] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait until the job is over.")] = True,
    again: Annotated[
        bool, typer.Option("--again", help="Start one more job of this dataset, once the last one is over.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Hand a dataset to a provider: validate, price, upload, start one job and follow it to its end.

    The price is shown and asked about before anything is sent; without a terminal, --yes agrees to it. The API key is
    read from OPENAI_API_KEY and kept nowhere. Whatever interrupts it, the same command goes on where it was: no file
    is sent twice, and no second job is made. With --dry-run nothing leaves the machine.
    """
    from export.submit.dry_run import as_json
    from export.submit.dry_run import dry_run as rehearse
    from export.submit.providers import check_provider
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    name = check_provider(provider or found.settings.submit.provider)
    with found.open() as store:
        rehearsal = rehearse(found, store, dataset, model=model, epochs=epochs)
    show_dry_run(console, rehearsal)
    if dry_run or not rehearsal.is_clean:
        console.result(as_json(rehearsal))
        raise typer.Exit(0 if rehearsal.is_clean else 2)
    job = hand_over(console, found, rehearsal, provider=name, yes=yes, follow=follow, again=again)
    _finish(console, job)


@jobs.callback(invoke_without_command=True)
def list_jobs(context: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List the fine-tuning jobs of a workspace, follow them, cancel them. Without a command: the list."""
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
def follow_job(job: JobArgument = "latest", workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Follow a job until it is over: its events, its figures, and the model it becomes.

    It can be stopped and started at any time; nothing is lost or counted twice. The store stays free for other
    commands in between. Exits with 2 when the job failed, was cancelled, or is gone.
    """
    from export.submit import following
    from export.submit.jobs import find_job
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        known = find_job(store, job)
    if not known.is_over:
        patience = _patience(console)
        with closing(_open_provider(known, patience)) as provider:
            known = following.follow(found.open, provider, known.job_id, patience=patience)
    _finish(console, known)


@jobs.command("cancel")
def cancel_job(
    job: Annotated[str, typer.Argument(help="A job's id, the start of it, or its id at the provider.")],
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
        with closing(_open_provider(known, patience)) as provider:
            known = following.cancel(found.open, provider, known.job_id, patience=patience)
    show_job(console, known)
    console.result({"job": job_json(known)})


def hand_over(
    console: "Console",
    workspace: "Workspace",
    rehearsal: "DryRun",
    *,
    provider: str,
    yes: bool,
    follow: bool = True,
    again: bool = False,
) -> "Job":
    """Submit what was rehearsed once its price is agreed to, follow it if asked, and give the job.

    Raises:
        SubmitError: the files would be refused, nobody agreed to the price, or the provider would not have it.
        NotSigned: nobody signed the dataset, and the settings ask for it.
    """
    from export.sign_off import check_signed
    from export.submit import following, jobs, submitting
    from export.submit.errors import SubmitError
    from export.submit.providers import endpoint_of, open_provider

    if not rehearsal.is_clean:
        raise SubmitError("Nothing was sent: the files would be refused.", hint="See: chatmill submit --dry-run.")
    endpoint, patience = endpoint_of(workspace.settings.submit), _patience(console)
    with workspace.open() as store:
        check_signed(workspace, store, rehearsal.dataset_id)
        is_asked_for = jobs.is_asked_for(store, rehearsal, provider=provider, endpoint=endpoint, again=again)
    with closing(open_provider(provider, endpoint, patience)) as opened:
        if not (yes or is_asked_for):
            _confirm(rehearsal, endpoint)
        with workspace.open() as store:
            done = submitting.submit(
                store, opened, rehearsal, again=again, patience=patience, progress=console.progress()
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
    from export.submit.errors import NotConfirmed

    if not sys.stdin.isatty():
        raise NotConfirmed(
            "Nothing was sent: the price must be agreed to, and there is no terminal to ask on.",
            hint="Add --yes to agree to it, or --dry-run to see it.",
        )
    usd = rehearsal.cost.usd
    price = "at a price that is not known" if usd is None else f"for about ${usd:,.2f}"
    if not typer.confirm(f"Send {len(rehearsal.files)} files to {endpoint} and train {price}?", err=True):
        raise NotConfirmed("Nothing was sent.", hint="The dataset is kept; submit it whenever you like.")


def _open_provider(job: "Job", patience: "Patience") -> "Provider":
    """Speak to where the job is, whatever the settings say by now."""
    from export.submit.providers import open_provider

    return open_provider(job.provider, job.endpoint, patience)


def _patience(console: "Console") -> "Patience":
    from export.submit.patience import Patience

    return Patience(tell=console.note)

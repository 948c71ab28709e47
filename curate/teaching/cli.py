"""The command that teaches the name model."""

from typing import TYPE_CHECKING

import typer

from store.cli import JsonOption, WorkspaceOption, open_workspace

if TYPE_CHECKING:
    from curate.teaching.training import Rights

model = typer.Typer(name="model", help="Teach the name model from your own decisions.", no_args_is_help=True)


@model.command("train")
def train(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Learn from the findings of names that people accepted and rejected, and measure it on what was held out.

    What is learned is a file in the workspace, and stays there; it is kept only if it is no worse. Switch it on with
    `names = "workspace"` under [redaction] in chatmill.toml; the next curate then searches again.
    """
    from curate.teaching.training import train_names
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    with found.open() as store:
        trained = train_names(found, store, progress=console.progress())
    rows = [(name, *_shares(rights)) for name, rights in (("before", trained.before), ("after", trained.after))]
    console.table(
        f"Learned from {trained.decisions:,} decisions; measured on every fifth conversation",
        ("", "accepted names found#", "rejected words left alone#"),
        rows,
    )
    if trained.path is None:
        console.note("It was worse than before, so nothing was kept.", style="yellow")
    else:
        console.say(f"Kept in {trained.path}")
        if found.settings.redaction.names != "workspace":
            console.say('Switch it on: names = "workspace" under [redaction] in chatmill.toml, then chatmill curate.')
    console.result(trained.figures())


def _shares(rights: "Rights") -> tuple[str, str]:
    return f"{rights.found} of {rights.accepted}", f"{rights.left_alone} of {rights.rejected}"

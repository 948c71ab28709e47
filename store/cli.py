"""Commands that make, carry and check a workspace; and the options that every room's commands share."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "-w", "--workspace", help="The workspace's folder; by default the nearest one upward.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object to stdout, for scripts.")]

LOST_KEY = (
    "Without this key nobody can read the store, chatmill's makers included. "
    "Keep a copy apart from the workspace, or make a backup: chatmill backup FILE."
)


def init(
    directory: Annotated[Path, typer.Argument(help="The folder to make it in.")] = Path(),
    json: JsonOption = False,
) -> None:
    """Make a workspace: chatmill.toml, the encrypted store, and a folder for exports.

    The key is written outside the workspace, readable by you alone. CHATMILL_KEY (64 hexadecimal digits) or
    CHATMILL_KEY_FILE take its place. A workspace that is there already is left as it is.
    """
    from store.console import Console
    from store.workspace import SETTINGS_FILE, Workspace

    console = Console(json=json)
    is_new = not (directory / SETTINGS_FILE).exists()
    workspace = Workspace.create(directory)
    workspace.open().close()
    key = str(workspace.key_file or "the environment variable CHATMILL_KEY")
    console.say(f"{'Made a' if is_new else 'There is already a'} workspace in {workspace.root}")
    console.say(f"Its key is in {key}")
    console.say(LOST_KEY, style="yellow")
    console.say("Next: chatmill ingest PATH, with the files of your helpdesk's export.")
    console.result({"workspace": str(workspace.root), "key": key, "new": is_new})


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write.")],
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Write the store, its settings and its key into one archive, the key sealed with a passphrase.

    The passphrase is asked for, or taken from CHATMILL_PASSPHRASE.
    """
    from store.backup import write_backup
    from store.console import Console

    console = Console(json=json)
    found = open_workspace(workspace)
    written = write_backup(found, file, passphrase=_passphrase(confirm=True))
    console.say(f"Wrote {written.bytes:,} bytes to {written.file}. Keep the passphrase: the key is sealed with it.")
    console.result({"file": str(written.file), "bytes": written.bytes, "sha256": written.sha256})


def restore(
    file: Annotated[Path, typer.Argument(help="The archive that `chatmill backup` wrote.")],
    directory: Annotated[Path, typer.Argument(help="The folder to restore into; it must be empty or missing.")],
    json: JsonOption = False,
) -> None:
    """Bring a workspace and its key back from a backup.

    The passphrase is asked for, or taken from CHATMILL_PASSPHRASE.
    """
    from store.backup import read_backup
    from store.console import Console

    console = Console(json=json)
    workspace = read_backup(file, directory, passphrase=_passphrase(confirm=False))
    console.say(f"Restored the workspace in {workspace.root}; its key is in {workspace.key_file}.")
    console.result({"workspace": str(workspace.root), "key": str(workspace.key_file)})


def open_workspace(directory: Path | None) -> "Workspace":
    """Find the workspace that a command works on."""
    from store.workspace import Workspace

    return Workspace.find(directory)


def make_workspace(directory: Path | None) -> "Workspace":
    """Find the workspace, or make one in the folder named (else the current one), as ingest and run do."""
    from store.workspace import NoWorkspace, Workspace

    if directory is not None:
        return Workspace.create(directory)
    try:
        return Workspace.find()
    except NoWorkspace:
        return Workspace.create(Path())


def _passphrase(*, confirm: bool) -> str:
    """Take the passphrase from the environment or the keyboard; it never stands in an argument list."""
    return os.environ.get("CHATMILL_PASSPHRASE") or typer.prompt(
        "Passphrase", hide_input=True, confirmation_prompt=confirm
    )

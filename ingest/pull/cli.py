"""The command that pulls conversations out of a helpdesk's API."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from store.cli import JsonOption, WorkspaceOption, make_workspace

REJECTED = 3
"""Exit code of --strict when something was rejected."""


def pull(
    source: Annotated[str, typer.Argument(help="Where from: zendesk, intercom, freshdesk or slack.")],
    account: Annotated[
        str | None,
        typer.Option(help="NAME of NAME.zendesk.com or NAME.freshdesk.com; of Intercom the region, eu or au."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"], help="Only what changed since then (UTC)."),
    ] = None,
    channel: Annotated[
        list[str] | None, typer.Option(help="Slack: only this channel; may be repeated. By default all the app is in.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The API's address, where it is not the usual one.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything was rejected.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Pull conversations out of a helpdesk's API into the store. It needs the extra pull: pip install "chatmill[pull]".

    The token is read from the environment (ZENDESK_TOKEN with ZENDESK_EMAIL, INTERCOM_TOKEN, FRESHDESK_TOKEN,
    SLACK_TOKEN) and kept nowhere. The first time everything is pulled, or what changed since --since; then only what is
    new. Stop it whenever you like: the same command goes on where it was.
    """
    from ingest.pull.pulling import pull as pull_all
    from ingest.pull.sources import asked, open_source
    from store.console import Console

    console = Console(json=json)
    start = since.replace(tzinfo=UTC) if since else None
    what = asked(source, account=account, url=url, since=start, channels=tuple(channel or ()))
    with closing(open_source(what, tell=console.note)) as opened:
        found = make_workspace(workspace)
        with found.open() as store:
            report = pull_all(found, store, opened, what, progress=console.progress())
    console.table(
        "Pulled",
        ("source", "account", "conversations#", "turns#", "rejects#", "unchanged#", "gone#"),
        [(
            report.source, report.account, report.conversations, report.turns, report.rejects, report.unchanged,
            report.gone,
        )],
    )  # fmt: skip
    console.result({
        "source": report.source, "account": report.account, "conversations": report.conversations,
        "turns": report.turns, "rejects": report.rejects, "unchanged": report.unchanged, "gone": report.gone,
    })  # fmt: skip
    if strict and (report.rejects or report.gone):
        raise typer.Exit(REJECTED)

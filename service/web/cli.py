"""The command that serves the pages and the API."""

from pathlib import Path
from typing import Annotated

import typer

from store.cli import JsonOption, WorkspaceOption, make_workspace


def serve(
    port: Annotated[int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)] = 8765,
    host: Annotated[
        str, typer.Option(help="The address to listen on; another than this machine's own needs TLS or a proxy.")
    ] = "127.0.0.1",
    certificate: Annotated[Path | None, typer.Option(help="A TLS certificate, with its chain, as a PEM file.")] = None,
    private_key: Annotated[Path | None, typer.Option(help="The certificate's private key, as a PEM file.")] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="The address, or network, of a proxy in front that does the TLS; may be given again."),
    ] = None,
    proxy_header: Annotated[
        str | None, typer.Option(help="The header in which that proxy says who is signed in, as X-Forwarded-User.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Serve the pages for review and the API, and work in the background. Start here if you like pages.

    On this machine alone, open the link that is printed: it signs you in, once. For several people, name --host with a
    certificate, or a --proxy; invite them on the page People and settings. With --json the link comes as one object.
    """
    from service.web.serving import Reach, serve_workspace
    from store.console import Console

    reach = Reach(host, port, certificate, private_key, tuple(proxy or ()), proxy_header)
    serve_workspace(make_workspace(workspace), reach, Console(json=json))

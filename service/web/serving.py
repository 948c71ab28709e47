"""Listen, print the way in, and serve until somebody stops it."""

from __future__ import annotations

import ipaddress
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from service.errors import ServiceError
from service.web.app import create_app
from service.web.server import Access, one_time_link, open_server
from store.console import Console
from store.workspace import Workspace

SWITCH_SECONDS = 0.001
"""How long a thread may hold the interpreter while others wait: pages must answer quickly while exports are parsed."""
STOP_SECONDS = 5
BACKLOG = 128
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


class CannotServe(ServiceError):
    """Say that the service cannot listen as asked."""

    code = "SRV-110"


@dataclass(frozen=True, slots=True)
class Reach:
    """Where to listen, and who stands between us and the browsers."""

    host: str = "127.0.0.1"
    port: int = 8765
    certificate: Path | None = None
    private_key: Path | None = None
    proxies: tuple[str, ...] = ()
    proxy_header: str | None = None

    @property
    def is_local(self) -> bool:
        """Tell whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def access_of(reach: Reach) -> Access:
    """Check how people will reach the service.

    Raises:
        CannotServe: passwords and texts would cross the network readable, or the options do not fit together.
    """
    if (reach.certificate is None) != (reach.private_key is None):
        raise CannotServe("A certificate and its private key come together.", hint="Give both, or neither.")
    if reach.proxy_header and not reach.proxies:
        raise CannotServe("Whose header is to be trusted?", hint="Name the proxy's address with --proxy.")
    if not reach.is_local and reach.certificate is None and not reach.proxies:
        raise CannotServe(
            f"On {reach.host} everything would cross the network readable.",
            hint="Give --certificate and --private-key, or the --proxy that does the TLS; see docs/tasks/"
            "review_in_browser.md.",
        )
    try:
        proxies = tuple(ipaddress.ip_network(proxy) for proxy in reach.proxies)
    except ValueError:
        raise CannotServe(
            f"{', '.join(reach.proxies)} is no address or network.", hint="As in --proxy 10.0.0.5 or 10.0.0.0/24."
        ) from None
    is_plain = reach.is_local and not reach.proxies
    return Access(
        hosts=frozenset({"127.0.0.1", "localhost", "::1"}) if is_plain else frozenset(),
        is_secure=reach.certificate is not None or bool(proxies),
        proxy_header=reach.proxy_header,
        proxies=proxies,
    )


def serve_workspace(workspace: Workspace, reach: Reach, console: Console) -> None:
    """Serve a workspace until Ctrl-C or SIGTERM; what runs in the background then goes on at the next start.

    Raises:
        CannotServe: the options do not fit together, or the address is taken.
        StoreError: the store cannot be opened.
    """
    access = access_of(reach)
    with workspace.open() as store, _listening(reach) as listening:
        server = open_server(workspace, store, access)
        base = _base(reach, listening)
        link = one_time_link(server, base)
        console.say(f"Serving {workspace.root} on {base}")
        console.say(f"Open this link to sign in; it works once: {link}")
        console.say("Ctrl-C stops the service; work in the background goes on when it is started again.")
        console.result({"workspace": str(workspace.root), "url": base, "link": link})
        sys.stdout.flush()
        sys.setswitchinterval(SWITCH_SECONDS)
        config = uvicorn.Config(
            create_app(server), log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=STOP_SECONDS, ssl_certfile=reach.certificate, ssl_keyfile=reach.private_key,
            lifespan="on",
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[listening])


def _listening(reach: Reach) -> socket.socket:
    """Listen before the link is printed, so that it works at once."""
    family = socket.AF_INET6 if ":" in reach.host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((reach.host, reach.port))
    except OSError as error:
        made.close()
        raise CannotServe(
            f"Nobody can listen on {reach.host}, port {reach.port}: {error.strerror}.",
            hint="Stop who listens there, or choose another: --port 0 takes a free one.",
        ) from None
    made.listen(BACKLOG)
    return made


def _base(reach: Reach, listening: socket.socket) -> str:
    scheme = "https" if reach.certificate else "http"
    name = socket.gethostname() if reach.host in EVERYWHERE else reach.host
    host = f"[{name}]" if ":" in name else name
    return f"{scheme}://{host}:{listening.getsockname()[1]}"

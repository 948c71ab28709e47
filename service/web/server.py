"""What every request needs: the workspace, its open store, the work in the background, and how people come in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from service.background.tasks import Tasks
from service.standing import Standings
from service.web import credentials
from service.web.limits import Attempts
from service.web.people import Person, add_person, all_people, find_by_name
from store import history
from store.database import Store
from store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Access:
    """How people reach the service.

    `hosts` are the names it answers to (empty: any); `is_secure` says that browsers come over TLS, to us or to a proxy.
    `proxy_header` names who is signed in, as said by a proxy whose address is within `proxies`.
    """

    hosts: frozenset[str] = frozenset()
    is_secure: bool = False
    proxy_header: str | None = None
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    def is_proxy(self, address: str) -> bool:
        """Tell whether an address is a proxy that we trust."""
        try:
            return any(ipaddress.ip_address(address) in network for network in self.proxies)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Server:
    """The service over one workspace. `store` is for opening more of (`another`), one for each thread at work."""

    workspace: Workspace
    store: Store
    tasks: Tasks
    access: Access = field(default_factory=Access)
    attempts: Attempts = field(default_factory=Attempts)
    standings: Standings = field(default_factory=Standings)


def open_server(workspace: Workspace, store: Store, access: Access | None = None) -> Server:
    """Make the service over an open store; work in the background starts with `server.tasks.start()`."""
    standings = Standings()
    tasks = Tasks(workspace, store, at_end=standings.count)
    return Server(workspace, store, tasks, access or Access(), standings=standings)


def owner(store: Store) -> Person:
    """Give the person who runs the server, as admin; made at the first time."""
    name = history.actor()
    found = find_by_name(store, name)
    if found is not None and found.role == "admin":
        return found
    admins = [person for person in all_people(store) if person.role == "admin"]
    return admins[0] if admins else add_person(store, name, role="admin", may_reveal=True)


def one_time_link(server: Server, base: str) -> str:
    """Make the link that signs the owner in once."""
    _, secret = credentials.issue(
        server.store, owner(server.store), kind="link", name="chatmill serve", lasts=credentials.LINK_LASTS
    )
    return f"{base}/enter?key={secret}"

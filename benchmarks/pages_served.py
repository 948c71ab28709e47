"""A server process over the measured store, and a client that times its answers."""

import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from service.web import credentials
from service.web.people import add_person, find_by_name
from store.workspace import Workspace

ERRORS = 400
TICKS = 100


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: where it is, the link that signs the owner in, and its process."""

    address: str
    link: str
    pid: int

    def cpu(self) -> float:
        """Give the processor time that it has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and after how many milliseconds."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    took: float

    def json(self) -> dict[str, object]:
        """Read it."""
        return json.loads(self.body)


@dataclass(slots=True)
class Client:
    """One connection, signed in by a token."""

    address: str
    token: str
    _connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=120)

    def get(self, path: str) -> Answer:
        """Ask for a page, or call the API."""
        return self._ask("GET", path, None, "")

    def post(self, path: str, form: Mapping[str, str] | None = None) -> Answer:
        """Send a form."""
        return self._ask("POST", path, urlencode(form or {}).encode(), "application/x-www-form-urlencoded")

    def send(self, path: str, body: object) -> Answer:
        """Send JSON."""
        return self._ask("POST", path, json.dumps(body).encode(), "application/json")

    def upload(self, path: str, content: bytes, *, name: str) -> Answer:
        """Send a file."""
        return self._ask("POST", path, content, "application/octet-stream", {"File-Name": name})

    def _ask(
        self, method: str, path: str, body: bytes | None, kind: str, more: Mapping[str, str] | None = None
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Encoding": "gzip", **(more or {})}
        headers |= {"Content-Type": kind, "HX-Request": "true"} if kind else {}
        start = time.perf_counter()
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        content = response.read()
        took = (time.perf_counter() - start) * 1000
        return Answer(response.status, _plain(content, response), dict(response.getheaders()), took)


def tokens(workspace: Workspace, people: Mapping[str, str]) -> dict[str, str]:
    """Make each person (name, role), who may see originals, and give their tokens; before the server has the store."""
    made: dict[str, str] = {}
    with workspace.open() as store:
        for name, role in people.items():
            person = find_by_name(store, name) or add_person(store, name, role=role, may_reveal=True)
            _, made[name] = credentials.issue(store, person, kind="token", name="benchmark", scope=role)
    return made


@contextmanager
def serving(workspace: Workspace) -> Generator[Served]:
    """Start a server, and stop it at the end."""
    command = [sys.executable, "-m", "service.main", "serve", "--port", "0", "-w", str(workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"(https?://\S+)/enter\?key=\S+", line):
                yield Served(found[1], found[0], process.pid)
                return
        raise RuntimeError(f"the server left with {process.wait()}")
    finally:
        process.terminate()
        process.wait(60)


def _plain(content: bytes, response: http.client.HTTPResponse) -> bytes:
    if response.getheader("Content-Encoding") != "gzip":
        return content
    import gzip

    return gzip.decompress(content)

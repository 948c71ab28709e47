"""What tests of the service may ask for: a curated store made of sample_logs, the app in this process, a real server.

`client` is signed in as admin; `client_as("viewer")` as somebody else. `live` is a server process of its own, and
`screen` a page of Debian's Chromium that is signed in to it; at its end it must have seen no error, no request to
anywhere else, and nothing that the content policy refused.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from starlette.testclient import TestClient

from curate.pipeline import curate_workspace
from ingest.exports import ingest_exports
from service.web import credentials
from service.web.app import create_app
from service.web.people import add_person
from service.web.server import Access, Server, one_time_link, open_server
from store.workspace import Workspace

KEY = "5a" * 32
SAMPLES = Path(__file__).resolve().parents[3] / "sample_logs"
SHOWN = ("zendesk", "intercom", "tables")
CHROMIUM = os.environ.get("CHATMILL_CHROMIUM") or shutil.which("chromium")
SCREENSHOTS = os.environ.get("CHATMILL_SCREENSHOTS")
LAPTOP = {"width": 1366, "height": 768}
BASE = "http://127.0.0.1"


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch, _own_keys: None) -> None:
    """Give every workspace of these tests the key that the shared one was made with."""
    monkeypatch.setenv("CHATMILL_KEY", KEY)
    monkeypatch.setenv("CHATMILL_ACTOR", "Olga Owner")


@pytest.fixture(scope="session")
def curated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with sample exports read and curated, made once for all workers of a test run; only for copying."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "curated"
    with (shared / "curated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _make(folder)
            (folder / "made").touch()
    return folder


def _make(folder: Path) -> None:
    before = os.environ.get("CHATMILL_KEY")
    os.environ["CHATMILL_KEY"] = KEY
    try:
        workspace = Workspace.create(folder)
        with workspace.open() as store:
            ingest_exports(workspace, store, [SAMPLES / name for name in SHOWN])
            curate_workspace(workspace, store, workers=1)
    finally:
        del os.environ["CHATMILL_KEY"]
        if before is not None:
            os.environ["CHATMILL_KEY"] = before


@pytest.fixture
def curated(curated_folder: Path, tmp_path: Path) -> Workspace:
    """A workspace of one's own with a curated store, not opened yet."""
    shutil.copytree(curated_folder, tmp_path / "curated")
    return Workspace.create(tmp_path / "curated")


@pytest.fixture
def service(curated: Workspace) -> Iterator[Server]:
    """The service over a curated store, in this process; `client` starts its background."""
    with curated.open() as store:
        yield open_server(curated, store, Access(hosts=frozenset({"127.0.0.1"})))


@pytest.fixture
def anonymous(service: Server) -> Iterator[TestClient]:
    """A browser that nobody has signed in with."""
    with TestClient(create_app(service), base_url=BASE, headers={"Origin": BASE}, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(service: Server, anonymous: TestClient) -> TestClient:
    """A browser in which the owner, an admin, is signed in."""
    link = one_time_link(service, BASE)
    assert anonymous.get(link.removeprefix(BASE)).status_code == 303
    return anonymous


@pytest.fixture
def client_as(service: Server, anonymous: TestClient) -> Callable[..., TestClient]:
    """Sign a person of some role in: `client_as("viewer")`, `client_as("reviewer", reveal=True, name="Ann")`."""

    def sign_in(role: str, *, reveal: bool = False, name: str | None = None) -> TestClient:
        person = add_person(service.store, name or f"some {role}", role=role, may_reveal=reveal)
        _, secret = credentials.issue(service.store, person, kind="session", name="test")
        return TestClient(
            anonymous.app, base_url=BASE, headers={"Origin": BASE}, follow_redirects=False,
            cookies={session_name(service): secret},
        )  # fmt: skip

    return sign_in


def session_name(service: Server) -> str:
    from service.web.guard import session_cookie

    return session_cookie(service)


@dataclass
class Live:
    """A server process over a workspace; `link` signs the owner in, once."""

    workspace: Workspace
    process: subprocess.Popen[str]
    url: str
    link: str

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)


@pytest.fixture
def serve(curated: Workspace) -> Iterator[Callable[..., Live]]:
    """Start a server process, over the curated workspace where no other is given."""
    started: list[Live] = []

    def start(workspace: Workspace = curated, *options: str) -> Live:
        command = [sys.executable, "-m", "service.main", "serve", "--port", "0", "-w", str(workspace.root), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        live = Live(workspace, process, "", "")
        started.append(live)
        for line in process.stdout:
            if found := re.search(r"https?://\S+/enter\?key=\S+", line):
                live.link = found[0]
                live.url = found[0].partition("/enter")[0]
                return live
        raise AssertionError(f"the server left with {process.wait()}")

    yield start
    for live in started:
        live.kill()
        assert live.process.stdout is not None
        live.process.stdout.close()


@pytest.fixture
def live(serve: Callable[..., Live]) -> Live:
    """A server process over the curated store."""
    return serve()


@pytest.fixture(scope="session")
def playwright_here() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright_here: Playwright) -> Iterator[Browser]:
    browser = playwright_here.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield browser
    browser.close()


@dataclass
class Screen:
    """A page in a real browser, and what went wrong on it."""

    page: Page
    url: str
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of console errors that the test brings about itself, as a status of 409."""

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)
        self.check()

    def check(self) -> None:
        """Look for what axe finds."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        told = [f"{one['id']}: {one['help']}: {[node['html'][:200] for node in one['nodes'][:3]]}" for one in found]
        assert not told, f"{self.page.url}: {told}"

    def shoot(self, name: str) -> None:
        """Keep a picture for docs/images, where the environment asks for it."""
        if SCREENSHOTS:
            self.page.screenshot(path=str(Path(SCREENSHOTS) / f"{name}.png"))


def new_screen(chromium: Browser, live: Live, **options: Any) -> Screen:
    """Open a browser of its own on a server; nobody is signed in. Close `screen.page.context` after use."""
    # Without motion: axe would measure the contrast of a colour that is halfway to another.
    page = chromium.new_context(**({"viewport": LAPTOP, "reduced_motion": "reduce"} | options)).new_page()
    screen = Screen(page, live.url)
    page.on("console", lambda message: message.type in ("error", "warning") and screen.wrong.append(message.text))
    page.on("pageerror", lambda error: screen.wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            request.url.startswith((live.url + "/", "data:", "blob:")) or screen.wrong.append(f"went to {request.url}")
        ),
    )
    return screen


def close_screen(screen: Screen) -> None:
    screen.page.context.close()
    unexpected = [wrong for wrong in screen.wrong if not any(part in wrong for part in screen.expected)]
    assert not unexpected, unexpected


@pytest.fixture
def screen(chromium: Browser, live: Live) -> Iterator[Screen]:
    """A page that is signed in as the owner, at the home page."""
    screen = new_screen(chromium, live)
    screen.page.goto(live.link)
    yield screen
    close_screen(screen)

"""A helpdesk's API on loopback, and a pull from it into a workspace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.pull import pulling
from ingest.pull.pulling import PullReport
from ingest.pull.sources import KINDS, asked, open_source
from store.database import Store
from store.workspace import Workspace
from tests.ingest.pull.desks import Cases, FreshdeskDesk, IntercomDesk, SlackDesk, ZendeskDesk
from tests.ingest.pull.server import TOKEN, Server, serving

DESKS: dict[str, Callable[[], Any]] = {
    "zendesk": ZendeskDesk, "intercom": IntercomDesk, "freshdesk": FreshdeskDesk, "slack": SlackDesk,
}  # fmt: skip


@dataclass
class Account:
    """One helpdesk, its API, and a workspace that pulls from it."""

    source: str
    desk: Any
    server: Server
    workspace: Workspace
    told: list[str] = field(default_factory=list)

    def pull(
        self, *, since: datetime | None = None, workspace: Workspace | None = None, channels: tuple[str, ...] = ()
    ) -> PullReport:
        what = asked(self.source, url=self.server.url, since=since, channels=channels)
        found = workspace or self.workspace
        with closing(open_source(what, tell=self.told.append, backoff=0.001)) as source, found.open() as store:
            return pulling.pull(found, store, source, what)

    def content(self, workspace: Workspace | None = None) -> dict[str, list[tuple[Any, ...]]]:
        with (workspace or self.workspace).open() as store:
            return content(store)


def content(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Give all that stands in the store, but which batch it came in and where it stood."""
    left_out = {
        "conversations": "EXCLUDE (batch_id, source_uri, place)",
        "turns": "EXCLUDE (place)",
        "participants": "",
    }
    return {table: store.rows(f"SELECT * {less} FROM {table} ORDER BY ALL") for table, less in left_out.items()}


@pytest.fixture(params=DESKS)
def account(request: pytest.FixtureRequest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Give an account with seven conversations, at each of the sources in turn."""
    yield from _account(request.param, workspace, monkeypatch)


@pytest.fixture
def zendesk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    yield from _account("zendesk", workspace, monkeypatch)


@pytest.fixture
def intercom(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    yield from _account("intercom", workspace, monkeypatch)


@pytest.fixture
def freshdesk(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    yield from _account("freshdesk", workspace, monkeypatch)


@pytest.fixture
def slack(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    yield from _account("slack", workspace, monkeypatch)


@pytest.fixture
def other_workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "other")


def _account(source: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for kind in KINDS:
        monkeypatch.setenv(f"{kind.upper()}_TOKEN", TOKEN)
    monkeypatch.setenv("ZENDESK_EMAIL", "admin@example.com")
    monkeypatch.setattr(pulling, "SLICE", 4)
    desk: Cases = DESKS[source]()
    desk.fill(7)
    with serving(desk) as server:
        yield Account(source, desk, server, workspace)

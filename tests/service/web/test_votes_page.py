"""The page Votes: blind until a voter is through, by key and by mouse, for reviewers alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from service.web import credentials
from service.web.app import create_app
from service.web.people import add_person
from service.web.server import Access, Server, open_server
from tests.export.evaluate.conftest import (
    BASE,
    TUNED,
    Bench,
    bench,  # noqa: F401 - fixtures
    endpoint,  # noqa: F401
    exported,  # noqa: F401
)
from tests.service.web.conftest import BASE as ADDRESS
from tests.service.web.conftest import Live, close_screen, new_screen, session_name

PAIRS = 10


@pytest.fixture
def compared(bench: Bench) -> Server:  # noqa: F811
    bench.compare(limit=PAIRS)
    return open_server(bench.workspace, bench.store, Access(hosts=frozenset({"127.0.0.1"})))


@pytest.fixture
def voter(compared: Server) -> Iterator[Callable[..., TestClient]]:
    """Sign somebody in on the service."""
    with TestClient(create_app(compared), base_url=ADDRESS, headers={"Origin": ADDRESS}) as client:

        def sign_in(role: str, name: str) -> TestClient:
            person = add_person(compared.store, name, role=role, may_reveal=False)
            _, secret = credentials.issue(compared.store, person, kind="session", name="test")
            return TestClient(
                client.app, base_url=ADDRESS, headers={"Origin": ADDRESS}, cookies={session_name(compared): secret}
            )

        yield sign_in


def fields(page: str) -> dict[str, str]:
    return {name: re.search(rf'name="{name}" value="([^"]+)"', page)[1] for name in ("evaluation", "item")}  # type: ignore[index]


def test_a_voter_learns_whose_is_whose_only_when_through(voter: Callable[..., TestClient]) -> None:
    ann = voter("reviewer", "Ann")
    page = ann.get("/votes").text
    for number in range(PAIRS):
        assert f"{number} of {PAIRS} pairs" in page
        assert BASE not in page.replace("tiny-", "")
        assert TUNED not in page
        assert "wins" not in page
        left = page.partition("Reply 1")[2].partition("Reply 2")[0]
        choice = "left" if "depot" in left else "right"
        page = ann.post("/votes", data=fields(page) | {"choice": choice}).text
    assert "You have voted on every pair" in page
    assert "Tuned wins 100 % of 10 decided pairs" in page
    assert TUNED in page


def test_viewers_look_on(voter: Callable[..., TestClient]) -> None:
    viewer = voter("viewer", "Vera")
    page = viewer.get("/votes").text
    assert "data-key" not in page
    assert viewer.post("/votes", data=fields(page) | {"choice": "left"}).status_code == 403


def test_what_cannot_be_voted_on_is_refused(voter: Callable[..., TestClient]) -> None:
    ann = voter("reviewer", "Ann")
    asked = fields(ann.get("/votes").text)
    assert ann.post("/votes", data=asked | {"choice": "best"}).status_code == 409
    assert ann.post("/votes", data=asked | {"item": "test:1#x", "choice": "left"}).status_code == 409
    assert ann.get("/votes?evaluation=ev-none").status_code == 404


def test_without_a_comparison_the_page_says_how_to_make_one(client: TestClient) -> None:
    assert "chatmill evaluate BASE TUNED" in client.get("/votes").text


@pytest.mark.browser
def test_voting_by_key(bench: Bench, serve: Callable[..., Live], chromium: Browser) -> None:  # noqa: F811
    bench.compare(limit=PAIRS)
    bench.store.close()
    live = serve(bench.workspace)
    screen = new_screen(chromium, live)
    screen.page.goto(live.link)
    screen.open("/votes")
    screen.shoot("votes")
    for number, key in enumerate(("1", "2", "0")):
        expect(screen.page.get_by_text(f"{number} of {PAIRS} pairs")).to_be_visible()
        screen.page.keyboard.press(key)
    expect(screen.page.get_by_text(f"3 of {PAIRS} pairs")).to_be_visible()
    for number in range(3, PAIRS):
        expect(screen.page.get_by_text(f"{number} of {PAIRS} pairs")).to_be_visible()
        screen.page.get_by_role("button", name="Reply 1 is better").click()
    expect(screen.page.get_by_role("heading", name="You have voted on every pair")).to_be_visible()
    screen.check()
    close_screen(screen)

"""Coming in, who may what, and what every answer carries."""

import gzip
import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from service.web.app import create_app
from service.web.server import Server, one_time_link
from tests.service.web.conftest import BASE, Live, Screen


def test_a_link_signs_in_once(service: Server, anonymous: TestClient):
    link = one_time_link(service, "")
    assert anonymous.get("/").headers["location"] == "/sign-in"
    first = anonymous.get(link)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert anonymous.get("/").status_code == 200
    anonymous.cookies.clear()
    assert anonymous.get(link).status_code == 401
    assert anonymous.get("/").status_code == 303


def test_signing_out_ends_the_session(client: TestClient):
    cookies = dict(client.cookies)
    assert client.post("/sign-out").status_code == 303
    client.cookies.update(cookies)
    assert client.get("/").headers["location"] == "/sign-in"


@pytest.mark.parametrize("path", ["/api/v1/tasks", "/api/v1/nothing", "/api/v1"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PUT"])
def test_unsigned_calls_get_401(anonymous: TestClient, path: str, method: str):
    answer = anonymous.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "WEB-401"


def test_the_document_of_the_api_is_public(anonymous: TestClient):
    assert anonymous.get("/api/v1/openapi.json").json()["info"]["title"] == "chatmill"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": BASE},
    ],
)
def test_what_another_site_sends_is_refused(client: TestClient, headers: dict[str, str]):
    assert client.post("/sign-out", headers=headers).status_code == 403
    assert client.get("/").status_code == 200


def test_a_change_without_origin_is_refused(client: TestClient):
    del client.headers["Origin"]
    assert client.post("/sign-out").status_code == 403


def test_another_name_for_this_machine_is_refused(client: TestClient):
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 403


def test_every_answer_is_guarded(client: TestClient, anonymous: TestClient):
    for path in ("/", "/sign-in", "/nothing", "/api/v1/tasks", "/static/style.css"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client.get("/").headers["cache-control"] == "no-store"


def test_roles_are_kept_apart(client_as: Callable[..., TestClient]):
    viewer, lead = client_as("viewer"), client_as("lead")
    refused = viewer.post("/api/v1/tasks", json={"kind": "curate"})
    assert (refused.status_code, refused.json()["code"]) == (403, "WEB-403")
    assert lead.post("/api/v1/tasks", json={"kind": "curate"}).status_code == 202


def test_what_does_not_fit_is_named_and_not_repeated(client: TestClient):
    answer = client.post("/api/v1/tasks", json={"kind": ["secret words"]})
    assert answer.status_code == 422
    assert "secret words" not in answer.text
    assert answer.json()["errors"] == ["kind: Input should be a valid string"]


def test_a_first_load_is_small(client: TestClient):
    page = client.get("/")
    assets = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    answers = [page, *(client.get(asset) for asset in assets)]
    assert len(answers) <= 5
    assert all("immutable" in answer.headers["cache-control"] for answer in answers[1:])
    assert sum(len(gzip.compress(answer.content)) for answer in answers) < 60_000


@pytest.mark.browser
def test_the_home_page_in_a_browser(live: Live, screen: Screen):
    screen.check()
    assert screen.page.get_by_role("heading", name="Home").is_visible()
    screen.page.emulate_media(color_scheme="dark")
    screen.check()
    screen.page.emulate_media(color_scheme="light")
    screen.page.get_by_role("button", name="Sign out").click()
    screen.page.wait_for_url("**/sign-in")
    screen.check()


def test_nothing_of_a_request_is_handed_to_telemetry(service: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = create_app(service)
    assert not app._native_telemetry.enabled()
    assert not app._telemetry["auto_configure"]

"""People, their sessions and tokens, the history of what they did, and shared mode."""

import ipaddress
from collections.abc import Callable
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from service.web import credentials
from service.web.app import create_app
from service.web.limits import WINDOW, Attempts
from service.web.people import add_person, check_password, set_password
from service.web.server import Access, Server
from service.web.serving import CannotServe, Reach, access_of
from tests.service.web.conftest import BASE, Live, Screen

PASSWORD = "a horse with a blue hat"


def invite(client: TestClient, name: str, role: str, reveal: bool = False) -> dict[str, object]:
    answer = client.post("/api/v1/people", json={"name": name, "role": role, "may_reveal": reveal})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_invited_person_comes_in_by_link_and_then_by_password(client: TestClient, service: Server):
    invited = invite(client, "Ann Reviewer", "reviewer")
    with TestClient(client.app, base_url=BASE, headers={"Origin": BASE}, follow_redirects=False) as other:
        assert other.get(f"/enter?key={invited['key']}").status_code == 303
        assert other.get("/api/v1/me").json()["role"] == "reviewer"
        assert other.post("/password", data={"password": "short"}).status_code == 400
        assert other.post("/password", data={"password": PASSWORD}).status_code == 303
        assert other.post("/sign-out").status_code == 303
        assert other.post("/sign-in", data={"name": "ann reviewer", "password": "wrong" * 4}).status_code == 401
        assert other.post("/sign-in", data={"name": "ann reviewer", "password": PASSWORD}).status_code == 303
        assert other.get("/api/v1/me").json()["name"] == "Ann Reviewer"
    stored = service.store.value("SELECT password FROM people WHERE name = 'Ann Reviewer'")
    assert stored.startswith("$argon2id$")


def test_only_admins_invite_and_change(client_as: Callable[..., TestClient], client: TestClient):
    lead = client_as("lead")
    assert lead.post("/api/v1/people", json={"name": "x", "role": "admin"}).status_code == 403
    assert lead.get("/api/v1/people").status_code == 403
    assert lead.post("/people", data={"name": "x", "role": "viewer"}).status_code == 403
    person = invite(client, "Ben", "viewer", reveal=True)["person"]
    assert person["may_reveal"] is False
    changed = client.put(f"/api/v1/people/{person['person_id']}", json={"role": "lead", "may_reveal": True}).json()
    assert (changed["role"], changed["may_reveal"]) == ("lead", True)
    assert client.post("/api/v1/people", json={"name": "BEN", "role": "lead"}).status_code == 409
    assert client.put(f"/api/v1/people/{person['person_id']}", json={"role": "boss"}).status_code == 422


def test_somebody_stays_admin(client: TestClient):
    me = client.get("/api/v1/me").json()["person_id"]
    assert client.put(f"/api/v1/people/{me}", json={"role": "viewer"}).status_code == 409
    assert client.delete(f"/api/v1/people/{me}").status_code == 409


def test_a_removed_person_is_out_at_once(client: TestClient, client_as: Callable[..., TestClient]):
    reviewer = client_as("reviewer", name="Cleo")
    assert reviewer.get("/api/v1/me").status_code == 200
    person = next(one for one in client.get("/api/v1/people").json()["people"] if one["name"] == "Cleo")
    assert client.delete(f"/api/v1/people/{person['person_id']}").status_code == 204
    assert reviewer.get("/api/v1/me").status_code == 401


def test_a_token_acts_in_no_higher_role_than_its_scope(client: TestClient):
    token = client.post("/api/v1/tokens", json={"name": "nightly", "scope": "viewer"}).json()["token"]
    with TestClient(client.app, base_url=BASE) as script:
        script.headers["Authorization"] = f"Bearer {token}"
        me = script.get("/api/v1/me").json()
        assert (me["role"], me["may_reveal"]) == ("viewer", False)
        assert script.post("/api/v1/tasks", json={"kind": "curate"}).status_code == 403
        (listed,) = [one for one in script.get("/api/v1/credentials").json()["credentials"] if one["kind"] == "token"]
        assert client.delete(f"/api/v1/credentials/{listed['credential_id']}").status_code == 204
        assert script.get("/api/v1/me").status_code == 401


def test_nobody_makes_a_token_above_themselves(client_as: Callable[..., TestClient]):
    answer = client_as("reviewer").post("/api/v1/tokens", json={"name": "x", "scope": "admin"})
    assert (answer.status_code, answer.json()["code"]) == (400, "WEB-100")


def test_nobody_ends_the_sessions_of_others(client_as: Callable[..., TestClient], service: Server):
    other = add_person(service.store, "Dora", role="lead", may_reveal=False)
    theirs, _ = credentials.issue(service.store, other, kind="session", name="browser")
    assert client_as("reviewer").delete(f"/api/v1/credentials/{theirs}").status_code == 404


def test_sessions_end_when_idle_and_after_a_day(client: TestClient, service: Server):
    service.store.execute("UPDATE credentials SET seen_at = now() - INTERVAL 3 HOUR WHERE kind = 'session'")
    assert client.get("/api/v1/me").status_code == 401
    service.store.execute("UPDATE credentials SET seen_at = now(), expires_at = now() - INTERVAL 1 SECOND")
    assert client.get("/api/v1/me").status_code == 401


def test_guessing_is_slowed_down(anonymous: TestClient, service: Server):
    person = add_person(service.store, "Emil", role="viewer", may_reveal=False)
    set_password(service.store, person, PASSWORD)
    for _ in range(5):
        assert anonymous.post("/sign-in", data={"name": "Emil", "password": "guess"}).status_code == 401
    refused = anonymous.post("/sign-in", data={"name": "EMIL ", "password": PASSWORD})
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0


def test_failures_are_forgotten_after_a_while():
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(5):
        attempts.failed("a")
    with pytest.raises(Exception, match="Too many"):
        attempts.check("a")
    attempts.check("b")
    now[0] = WINDOW + 1
    attempts.check("a")


def test_a_name_without_a_password_lets_nobody_in(service: Server):
    add_person(service.store, "Fay", role="admin", may_reveal=True)
    assert check_password(service.store, "Fay", "") is None
    assert check_password(service.store, "nobody", "nobody's password, so that unknown names") is None


def test_the_history_says_who_did_what_and_pages_by_key(client: TestClient):
    invite(client, "Gil", "viewer")
    for number in range(60):
        client.post("/api/v1/tokens", json={"name": f"t{number}", "scope": "viewer"})
    seen, after = [], None
    while True:
        answer = client.get("/api/v1/history", params={"limit": 25} | ({"after": after} if after else {})).json()
        seen += answer["lines"]
        after = answer["next"]
        if after is None:
            break
    assert [line["subject"] for line in seen if line["action"] == "invite" and line["subject"] == "Gil"] == ["Gil"]
    assert sum(line["action"] == "open token" for line in seen) == 60
    assert len({(line["happened_at"], line["after"] and str(line["after"]), line["action"]) for line in seen}) > 60
    page = client.get("/history", params={"words": "invite"}).text
    assert "Gil" in page
    assert "open token" not in page
    csv = client.get("/history.csv").text
    assert csv.count("\r\n") == len(seen) + 1


def test_a_forged_place_is_refused(client: TestClient):
    for after in ("x", "bm90IGpzb24", "WyJ4Il0", "WzEsMl0"):
        answer = client.get("/api/v1/history", params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (400, "WEB-100")


def test_a_post_with_a_key_happens_once(client: TestClient):
    headers = {"Idempotency-Key": "k1"}
    first = client.post("/api/v1/drops", headers=headers)
    again = client.post("/api/v1/drops", headers=headers)
    assert first.json() == again.json()
    assert again.headers["idempotent-replay"] == "true"
    assert client.post("/api/v1/tasks", json={"kind": "curate"}, headers=headers).status_code == 400
    secret = {"Idempotency-Key": "k2"}
    body = {"name": "x", "scope": "viewer"}
    assert client.post("/api/v1/tokens", json=body, headers=secret).status_code == 201
    assert client.post("/api/v1/tokens", json=body, headers=secret).status_code == 409


def test_a_trusted_proxy_says_who_it_is(service: Server):
    add_person(service.store, "Hana", role="reviewer", may_reveal=False)
    access = Access(is_secure=True, proxy_header="x-user", proxies=(ipaddress.ip_network("10.1.0.0/16"),))
    app = create_app(replace(service, access=access))
    with TestClient(app, base_url="https://mill.example", client=("10.1.2.3", 1)) as behind:
        assert behind.get("/api/v1/me", headers={"X-User": "hana"}).json()["name"] == "Hana"
        assert behind.get("/api/v1/me", headers={"X-User": "somebody"}).status_code == 401
        assert "max-age" in behind.get("/sign-in").headers["strict-transport-security"]
    with TestClient(app, base_url="https://mill.example", client=("10.2.0.1", 1)) as around:
        assert around.get("/api/v1/me", headers={"X-User": "hana"}).status_code == 401


@pytest.mark.parametrize(
    "reach",
    [
        Reach(host="0.0.0.0"),
        Reach(host="mill.example"),
        Reach(certificate=__file__),  # pyright: ignore[reportArgumentType]
        Reach(proxy_header="X-User"),
        Reach(host="0.0.0.0", proxies=("nonsense",)),
    ],
)
def test_nothing_is_served_readable_to_others(reach: Reach):
    with pytest.raises(CannotServe):
        access_of(reach)


@pytest.mark.browser
def test_people_and_history_in_a_browser(live: Live, screen: Screen):
    page = screen.page
    screen.open("/people")
    page.get_by_label("Name", exact=True).fill("Ines Reviewer")
    page.get_by_role("button", name="Invite").click()
    page.get_by_text("Send this link to Ines Reviewer").wait_for()
    screen.check()
    screen.shoot("people")
    page.get_by_label("What it is for").fill("nightly import")
    page.get_by_role("button", name="Make a token").click()
    page.get_by_text("Your token").wait_for()
    screen.open("/history")
    assert page.get_by_text("Ines Reviewer").count()
    screen.shoot("history")
    page.emulate_media(color_scheme="dark")
    screen.check()
    screen.open("/people")
    screen.open("/")
    screen.shoot("home_dark")
    page.emulate_media(color_scheme="light")
    screen.open("/")
    screen.shoot("home")

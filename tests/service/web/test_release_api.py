"""Outcomes, rules, audit, datasets, sign-off and jobs, for scripts: what the screens do, with problems in one shape."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.web.server import Server
from tests.service.web.test_release_pages import dropped, wait

API = "/api/v1"


@pytest.mark.parametrize(
    "path",
    ["/outcomes/funnel", "/outcomes", "/outcomes?code=Q003&limit=2", "/duplicates", "/duplicates?kind=macros", "/rules",
     "/rules/Q003", "/rules/Q003/effect?action=drop&least=9", "/rules/Q003/spread", "/word-lists", "/datasets",
     "/datasets/blockers", "/jobs"],
)  # fmt: skip
def test_every_reading_call_answers_a_viewer(client_as: Callable[..., TestClient], path: str) -> None:
    answer = client_as("viewer").get(API + path)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/outcomes/nobody", None, 422),
        ("GET", "/outcomes?after=junk", None, 400),
        ("GET", "/duplicates?kind=people", None, 422),
        ("GET", "/rules/Q999", None, 404),
        ("GET", "/rules/Q003/effect?least=nan", None, 400),
        ("GET", "/audit", None, 404),
        ("GET", "/datasets/ds-none", None, 404),
        ("GET", "/jobs/job-none", None, 404),
        ("POST", "/outcomes/nobody/decisions", {"verdict": "keep", "note": "x"}, 422),
        ("POST", "/outcomes/nobody/decisions", {}, 422),
        ("POST", "/rules/Q003", {"action": "burn", "min": 1}, 422),
        ("POST", "/rules/try", {"chat": "hello"}, 422),
        ("POST", "/word-lists/none", {"terms": []}, 422),
        ("POST", "/audit/ratings", {"sample": "x", "turn_key": "y"}, 409),
        ("POST", "/datasets/ds-none/sign-off", {}, 404),
        ("POST", "/jobs", {"rehearsal": "x", "agreed": True}, 404),
        ("POST", "/jobs/job-none/look", None, 404),
    ],
)
def test_what_cannot_be_done_is_a_problem_document(
    client: TestClient, method: str, path: str, body: Any, status: int
) -> None:
    answer = client.request(method, API + path, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_half_a_surrogate_pair_is_refused_and_nothing_is_written(service: Server, client: TestClient) -> None:
    body, kind = b'{"terms": ["\\ud800"]}', {"Content-Type": "application/json"}
    answer = client.post(f"{API}/word-lists/profanity", content=body, headers=kind)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert not (service.workspace.root / "rules" / "deny" / "profanity.txt").exists()


def test_outcomes_are_paged_by_key_to_the_last_one(service: Server, client: TestClient) -> None:
    found: list[str] = []
    after = ""
    while after is not None:
        page = client.get(
            f"{API}/outcomes", params={"code": "kept", "limit": 50, **({"after": after} if after else {})}
        )
        found += [one["conversation_key"] for one in page.json()["outcomes"]]
        after = page.json()["next"]
    with service.store.another() as store:
        assert len(found) == len(set(found)) == store.value("SELECT count(*) FROM outcomes WHERE code = 'kept'")


def test_a_decision_is_made_by_a_reviewer_and_explained(service: Server, client_as: Callable[..., TestClient]) -> None:
    key, code = dropped(service)
    said = {"verdict": "keep", "note": "It is fine."}
    assert client_as("viewer").post(f"{API}/outcomes/{key}/decisions", json=said).status_code == 403
    reviewer = client_as("reviewer", name="Rita")
    answer = reviewer.post(f"{API}/outcomes/{key}/decisions", json=said)
    assert (answer.status_code, answer.json()["decision"]["decided_by"]) == (201, "Rita")
    wait(service)
    told = reviewer.get(f"{API}/outcomes/{key}").json()
    assert told["outcome"]["verdict"] == "keep"
    assert told["decisions"][0]["note"] == "It is fine."
    assert code in [one["code"] for one in told["also"]]


def test_a_rule_is_changed_with_its_version(service: Server, client: TestClient) -> None:
    rule = client.get(f"{API}/rules/Q003").json()
    effect = client.get(f"{API}/rules/Q003/effect", params={"action": "drop", "least": 40}).json()
    change = {"action": "drop", "min": 40, "version": rule["version"]}
    done = client.post(f"{API}/rules/Q003", json=change)
    assert (done.json()["min"], done.json()["is_changed"]) == (40, True)
    assert client.post(f"{API}/rules/Q003", json=change).status_code == 422
    wait(service)
    assert client.get(f"{API}/rules/Q003").json()["matches"] == effect["matches_then"]


def test_an_audit_a_dataset_and_its_signature(service: Server, client: TestClient) -> None:
    client.post(f"{API}/tasks", json={"kind": "audit", "arguments": {"blind": 4, "canaries": 1, "sample": 5}})
    client.post(f"{API}/tasks", json={"kind": "export"})
    wait(service)
    turn = client.get(f"{API}/audit/next").json()
    plain = next((one for one in turn["stretches"] if one["start"] is not None), None)
    marks = [{"start": plain["start"], "end": plain["start"] + 1, "entity_type": "PERSON"}] if plain else []
    rating = {"sample": turn["sample"], "turn_key": turn["turn_key"], "marks": marks}
    audit = client.post(f"{API}/audit/ratings", json=rating)
    assert (audit.status_code, audit.json()["read"], audit.json()["drawn"]) == (201, 1, 4)
    name = client.get(f"{API}/datasets").json()["datasets"][0]["dataset_id"]
    assert client.get(f"{API}/datasets/{name}").json()["card"].startswith(f"# Dataset {name}")
    assert client.post(f"{API}/datasets/{name}/sign-off", json={"note": "Read."}).status_code == 202
    wait(service)
    told = client.get(f"{API}/datasets/{name}/sign-off").json()
    assert told["signed"]["signed_by"] == "Olga Owner"
    assert set(told["signed"]["hashes"]) >= {"train.jsonl", "manifest.json", "README.md"}
    assert client.post(f"{API}/datasets/{name}/sign-off/withdraw", json={}).status_code == 422
    back = client.post(f"{API}/datasets/{name}/sign-off/withdraw", json={"note": "Once more."})
    assert back.json()["verdict"] == "withdrawn"


def test_nothing_is_submitted_past_the_price(service: Server, client: TestClient) -> None:
    client.post(f"{API}/tasks", json={"kind": "export"})
    client.post(f"{API}/tasks", json={"kind": "submit", "arguments": {"dataset": "latest"}})
    wait(service)
    task = client.get(f"{API}/tasks").json()["tasks"][0]
    assert (task["kind"], task["status"], task["problem"]["code"]) == ("submit", "failed", "EXP-250")
    rehearsal = client.post(f"{API}/tasks", json={"kind": "rehearse", "arguments": {"dataset": "latest"}}).json()
    wait(service)
    body = {"rehearsal": rehearsal["task_id"], "agreed": False}
    assert client.post(f"{API}/jobs", json=body).status_code == 409
    assert client.get(f"{API}/jobs").json() == {"jobs": []}


def test_only_signed_versions_leave_where_the_settings_say_so(service: Server, client: TestClient) -> None:
    settings = service.workspace.root / "chatmill.toml"
    settings.write_text(f"{settings.read_text()}\n[sign_off]\nrequired = true\n")
    client.post(f"{API}/tasks", json={"kind": "export"})
    rehearsal = client.post(f"{API}/tasks", json={"kind": "rehearse", "arguments": {"dataset": "latest"}}).json()
    wait(service)
    assert "only signed versions leave" in client.get("/jobs").text
    client.post(f"{API}/jobs", json={"rehearsal": rehearsal["task_id"], "agreed": True})
    wait(service)
    task = client.get(f"{API}/tasks").json()["tasks"][0]
    assert (task["kind"], task["status"], task["problem"]["code"]) == ("submit", "failed", "EXP-170")

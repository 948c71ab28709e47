"""Review over the API: everything the screens do, paged, with roles, conflicts and problem documents."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.web.server import Server

API = "/api/v1"
Sign = Callable[..., TestClient]


@pytest.fixture
def finding(client: TestClient) -> dict[str, Any]:
    """An undecided finding of the riskiest conversation that is redacted."""
    (first, *_) = client.get(f"{API}/conversations").json()["conversations"]
    read = client.get(f"{API}/conversations/{first['conversation_key']}?originals=true").json()
    return next({**one, "key": first["conversation_key"]} for one in read["findings"] if one["state"] == "applied")


def test_the_queue_is_paged_by_key(client: TestClient) -> None:
    whole = client.get(f"{API}/conversations?limit=500").json()
    assert whole["next"] is None
    paged, after = [], ""
    while after is not None:
        page = client.get(f"{API}/conversations?limit=60&after={after}").json()
        paged += page["conversations"]
        after = page["next"]
    assert paged == whole["conversations"]
    assert [one["risk"] for one in paged] == sorted((one["risk"] for one in paged), reverse=True)


def test_originals_are_asked_for_and_written_down(
    client: TestClient, client_as: Sign, service: Server, finding: dict[str, Any]
) -> None:
    address = f"{API}/conversations/{finding['key']}"
    assert finding["value"] not in client.get(address).text
    assert client_as("viewer").get(f"{address}?originals=true").status_code == 403
    reveals = "SELECT count(*) FROM history WHERE action = 'originals.reveal'"
    assert service.store.value(reveals) == 1


def test_a_finding_is_decided_on_undone_and_listed(client: TestClient, finding: dict[str, Any]) -> None:
    decided = client.post(f"{API}/findings/{finding['finding_id']}/decision", json={"verdict": "reject"}).json()
    assert decided["kind"] == "reject"
    assert decided["findings"] >= 1
    undone = client.post(f"{API}/decisions/{decided['decision_id']}/undo").json()
    assert undone["subject_id"] == decided["decision_id"]
    listed = client.get(f"{API}/decisions?limit=1").json()
    assert [one["kind"] for one in listed["decisions"]] == ["undo"]
    rest = client.get(f"{API}/decisions?after={listed['next']}").json()
    assert [(one["kind"], one["is_undone"]) for one in rest["decisions"]] == [("reject", True)]


def test_who_comes_late_is_told(client: TestClient, client_as: Sign, finding: dict[str, Any]) -> None:
    ann = client_as("reviewer", reveal=True, name="Ann")
    address = f"{API}/findings/{finding['finding_id']}/decision"
    held = ann.post(f"{API}/conversations/{finding['key']}/reservation").json()
    assert (held["person"], held["is_yours"]) == ("Ann", True)
    refused = client.post(address, json={"verdict": "accept"})
    assert (refused.status_code, refused.json()["code"]) == (409, "CUR-162")
    assert ann.post(address, json={"verdict": "reject"}).status_code == 200
    assert ann.delete(f"{API}/conversations/{finding['key']}/reservation").status_code == 204
    late = client.post(address, json={"verdict": "accept", "seen": ""})
    assert (late.status_code, late.json()["code"]) == (409, "CUR-163")
    assert client.post(address, json={"verdict": "accept"}).status_code == 200


def test_a_span_a_type_and_the_rest(client: TestClient, finding: dict[str, Any]) -> None:
    key = finding["key"]
    read = client.get(f"{API}/conversations/{key}?originals=true").json()
    turn = read["turns"][0]
    end = turn["text"].index(" ")
    span = {"turn_key": turn["turn_key"], "start": 0, "end": end, "entity_type": "CUSTOM"}
    assert client.post(f"{API}/conversations/{key}/spans", json=span).status_code == 201
    changed = client.post(f"{API}/findings/{finding['finding_id']}/type", json={"entity_type": "CUSTOM"}).json()
    assert changed["entity_type"] == "CUSTOM"
    assert client.post(f"{API}/conversations/{key}/rest").status_code == 200
    assert client.post(f"{API}/conversations/{key}/flag", json={"note": "sure?"}).status_code == 200
    (flagged,) = client.get(f"{API}/conversations?state=flagged").json()["conversations"]
    assert (flagged["conversation_key"], flagged["undecided"]) == (key, 0)


def test_many_are_counted_first_and_decided_as_one(client: TestClient, client_as: Sign) -> None:
    (pattern, *_) = client.get(f"{API}/patterns?kind=value").json()["patterns"]
    (hidden, *_) = client_as("viewer").get(f"{API}/patterns?kind=value").json()["patterns"]
    assert (pattern["pattern"] is None, hidden["pattern"]) == (False, None)
    sample = client.get(f"{API}/patterns/{pattern['pattern_id']}/sample").json()
    address = f"{API}/findings/{sample[0]['finding_id']}/everywhere"
    count = client.get(f"{address}?verdict=accept").json()
    assert count["findings"] == pattern["undecided"]
    done = client.post(address, json={"verdict": "accept"}).json()
    assert done["conversations"] == count["conversations"]
    assert client.post(f"{API}/decisions/{done['decision_id']}/undo").status_code == 200
    done = client.post(f"{API}/patterns/{pattern['pattern_id']}/decision", json={"verdict": "reject"}).json()
    assert done["findings"] >= pattern["undecided"]


def test_lists_over_the_api(client: TestClient) -> None:
    entry = {"value": "Quincunx", "list": "deny", "entity_type": "CUSTOM"}
    assert client.post(f"{API}/lists/effect", json=entry).json()["places"] == 0
    assert client.post(f"{API}/lists", json=entry).status_code == 201
    (held,) = client.get(f"{API}/lists/deny").json()["entries"]
    assert held["value"] == "Quincunx"
    assert client.post(f"{API}/lists/removal", json={"normal": held["normal"]}).json()["kind"] == "unlist"
    assert client.get(f"{API}/lists/deny").json()["entries"] == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("findings/forged/decision", {"verdict": "accept"}, 404),
        ("findings/forged/decision", {"verdict": "perhaps"}, 422),
        ("findings/forged/everywhere", {"verdict": "accept"}, 404),
        ("decisions/forged/undo", {}, 404),
        ("patterns/forged/decision", {"verdict": "accept"}, 404),
        ("conversations/forged/rest", {}, 404),
        ("conversations/forged/reservation", {}, 404),
        ("lists", {"value": "--", "list": "deny", "entity_type": "CUSTOM"}, 422),
        ("lists/removal", {"normal": "nothing"}, 404),
    ],
)
def test_bad_calls_get_a_problem_document(path: str, body: dict[str, Any], status: int, client: TestClient) -> None:
    answer = client.post(f"{API}/{path}", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

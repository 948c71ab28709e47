"""Dropped and kept, rules, audit, dataset, sign-off and jobs: every screen, who may do what, bad input."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.web.server import Server

PATHS = ("/outcomes", "/outcomes/list?code=kept", "/outcomes/list?code=decided", "/outcomes/list?code=Q003",
         "/outcomes/duplicates", "/outcomes/duplicates?kind=macros", "/rules", "/rules/Q003", "/rules/lists/profanity",
         "/audit", "/datasets", "/sign-off", "/jobs")  # fmt: skip
CHANGES = (
    ("/outcomes/of/KEY", {"verdict": "keep", "note": "why"}, "reviewer"),
    ("/rules/Q003", {"version": "x", "action": "off", "least": "1"}, "lead"),
    ("/rules/lists/profanity", {"version": "x", "terms": "a"}, "lead"),
    ("/audit", {"blind": "20"}, "lead"),
    ("/audit/read", {"sample_id": "x", "turn_key": "y"}, "reviewer"),
    ("/datasets", {}, "lead"),
    ("/datasets/preview", {}, "lead"),
    ("/sign-off/ds-1", {}, "lead"),
    ("/sign-off/ds-1/withdraw", {"note": "x"}, "lead"),
    ("/jobs/dry-run", {"dataset": "latest"}, "lead"),
    ("/jobs", {"rehearsal": "x"}, "lead"),
    ("/jobs/job-1/look", {}, "reviewer"),
    ("/jobs/job-1/cancel", {}, "lead"),
)


def wait(service: Server) -> None:
    """Wait until nothing runs in the background."""
    for _ in range(1200):
        with service.store.another() as store:
            if not store.value("SELECT count(*) FROM tasks WHERE status IN ('waiting', 'running')"):
                return
        time.sleep(0.2)
    raise AssertionError("the work in the background does not end")


def ask(service: Server, sql: str, *params: Any) -> Any:
    with service.store.another() as store:
        return store.value(sql, list(params))


def dropped(service: Server) -> tuple[str, str]:
    with service.store.another() as store:
        return store.rows(
            "SELECT conversation_key, code FROM outcomes WHERE verdict = 'drop' AND stage = 'quality' "
            "ORDER BY conversation_key LIMIT 1"
        )[0]


@pytest.mark.parametrize("path", PATHS)
def test_every_screen_shows_to_a_viewer(client_as: Callable[..., TestClient], path: str) -> None:
    answer = client_as("viewer").get(path)
    assert answer.status_code == 200
    assert "<h1>" in answer.text


def test_changes_are_for_those_whose_role_allows_them(service: Server, client_as: Callable[..., TestClient]) -> None:
    viewer, reviewer = client_as("viewer"), client_as("reviewer")
    for path, form, role in CHANGES:
        assert viewer.post(path, data=form).status_code == 403, path
        expected = 403 if role == "lead" else None
        got = reviewer.post(path, data=form).status_code
        assert (got == 403) == (expected == 403), (path, got)
    assert ask(service, "SELECT count(*) FROM decisions WHERE subject = 'conversation'") == 0


@pytest.mark.parametrize(
    "path",
    ["/outcomes/of/nobody", "/rules/Q999", "/rules/Q999/effect?action=drop", "/rules/lists/nothing",
     "/rules/Q003/effect?action=drop&least=many", "/datasets/ds-none", "/sign-off/ds-none", "/jobs/job-none",
     "/outcomes/duplicates?kind=people", "/outcomes/duplicates?number=0", "/rules/Q003/effect"],
)  # fmt: skip
def test_what_is_not_there_or_makes_no_sense_gets_a_clear_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert 400 <= answer.status_code < 500
    assert "<h1>" in answer.text


def test_a_restored_conversation_is_kept_after_the_work_in_the_background(service: Server, client: TestClient) -> None:
    key, code = dropped(service)
    page = client.get(f"/outcomes/of/{key}")
    assert "Restore" in page.text
    answer = client.post(f"/outcomes/of/{key}", data={"verdict": "keep", "note": "A <b>good</b> one."})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/outcomes/of/{key}")
    wait(service)
    assert ask(service, "SELECT verdict FROM outcomes WHERE conversation_key = ?", key) == "keep"
    page = client.get(f"/outcomes/of/{key}")
    assert "A &lt;b&gt;good&lt;/b&gt; one." in page.text
    assert "Withdraw the decision" in page.text
    assert ask(service, "SELECT actor FROM history WHERE action = 'conversation.keep'") == "Olga Owner"
    client.post(f"/outcomes/of/{key}", data={"verdict": "withdrawn", "note": "No."})
    wait(service)
    assert ask(service, "SELECT code FROM outcomes WHERE conversation_key = ?", key) == code


def test_a_note_is_asked_for_and_a_second_withdrawal_is_told(service: Server, client: TestClient) -> None:
    key, _ = dropped(service)
    assert client.post(f"/outcomes/of/{key}", data={"verdict": "keep", "note": ""}).status_code == 422
    assert client.post(f"/outcomes/of/{key}", data={"verdict": "withdrawn", "note": "x"}).status_code == 422


def test_a_threshold_shows_its_effect_and_is_saved(service: Server, client: TestClient) -> None:
    effect = client.get("/rules/Q003/effect", params={"action": "drop", "least": "50", "most": ""})
    assert "It would match" in effect.text
    page = client.get("/rules/Q003").text
    version = page.partition('name="version" value="')[2].partition('"')[0]
    form = {"version": version, "action": "drop", "least": "50", "most": ""}
    before = ask(service, "SELECT count(*) FROM outcomes WHERE code = 'Q003'")
    assert client.post("/rules/Q003", data=form).status_code == 303
    wait(service)
    assert ask(service, "SELECT count(*) FROM outcomes WHERE code = 'Q003'") > before
    assert client.post("/rules/Q003", data=form).status_code == 422  # somebody was faster
    assert "changed" in client.get("/rules").text


def test_a_pasted_chat_is_judged_and_escaped(client: TestClient) -> None:
    answer = client.post("/rules/try", data={"chat": "customer: <script>alert(1)</script>?\nagent: No idea."})
    assert "Q003" in answer.text
    assert "<script>" not in answer.text
    assert client.post("/rules/try", data={"chat": "hello"}).status_code == 422


def test_an_audit_is_drawn_read_and_told(service: Server, client: TestClient) -> None:
    assert client.get("/audit/read").headers["location"] == "/audit"
    # As the page draws it, but with fewer planted values: those take most of the time.
    asked = {"kind": "audit", "arguments": {"blind": 6, "canaries": 1, "sample": 5}}
    client.post("/api/v1/tasks", json=asked)
    wait(service)
    assert "Start reading" in client.get("/audit").text
    for _ in range(6):
        page = client.get("/audit/read").text
        form = {
            name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("sample_id", "turn_key")
        }
        start = page.partition('data-start="')[2].partition('"')[0]
        mark = [f"{start}:{int(start) + 1}:PERSON"] if start else []
        assert client.post("/audit/read", data={**form, "mark": mark}).status_code == 303
    assert client.post("/audit/read", data={**form, "mark": ["a:b:c"]}).status_code == 400
    assert client.post("/audit/read", data={**form, "mark": ["0:999999:PERSON"]}).status_code == 422
    assert client.post("/audit/read", data={**form, "sample_id": "old"}).status_code == 409
    assert "Every turn of the sample is read" in client.get("/audit/read").text
    told = client.get("/audit").text
    assert "6 misses in 6 turns" in told or "misses in 6 turns" in told
    assert "person" in told


def test_a_dataset_is_previewed_built_signed_and_rehearsed(service: Server, client: TestClient) -> None:
    client.post("/datasets/preview")
    wait(service)
    assert "What it would hold" in client.get("/datasets").text
    client.post("/datasets")
    wait(service)
    name = ask(service, "SELECT dataset_id FROM datasets")
    assert name in client.get("/datasets").text
    assert "Data card" in client.get(f"/datasets/{name}").text
    assert "Sign as Olga Owner" in client.get(f"/sign-off/{name}").text
    client.post(f"/sign-off/{name}", data={"note": "Read it."})
    wait(service)
    assert "frozen" in client.get(f"/sign-off/{name}").text
    client.post("/jobs/dry-run", data={"dataset": name, "model": "gpt-4.1-mini-2025-04-14", "epochs": "2"})
    wait(service)
    page = client.get("/jobs").text
    assert "2 epochs" in page
    task = page.partition('name="rehearsal" value="')[2].partition('"')[0]
    assert client.post("/jobs", data={"rehearsal": task}).status_code == 409
    client.post(f"/sign-off/{name}/withdraw", data={"note": "Changed my mind."})
    assert "Sign as Olga Owner" in client.get(f"/sign-off/{name}").text


def test_submitting_without_a_key_says_so_and_sends_nothing(
    service: Server, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    client.post("/datasets")
    wait(service)
    client.post("/jobs/dry-run", data={"dataset": "latest"})
    wait(service)
    task = client.get("/jobs").text.partition('name="rehearsal" value="')[2].partition('"')[0]
    assert client.post("/jobs", data={"rehearsal": task, "agreed": "true"}).status_code == 303
    wait(service)
    assert "There is no API key" in client.get("/jobs").text
    assert ask(service, "SELECT count(*) FROM jobs") == 0

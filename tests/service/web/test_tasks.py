"""Work in the background: progress, cancel, resume, one at a time, and what a kill leaves."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.testclient import TestClient

from service.background import kinds
from service.background.kinds import Kind, Work
from service.background.recording import Recorder
from service.background.tasks import Tasks, find_task
from service.web.server import Server
from store.errors import UsageError
from store.workspace import Workspace
from tests.service.web.conftest import Live
from tests.service.web.test_add import drop_in, wait_for


@contextmanager
def browser_of(live: Live) -> Iterator[httpx.Client]:
    """A signed-in browser on a live server, without a screen."""
    with httpx.Client(base_url=live.url, headers={"Origin": live.url}, timeout=30) as client:
        assert client.get(live.link).status_code == 303
        yield client


def until(condition: Callable[[], object]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come about")


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """A kind of work of 1,000 steps, each of which waits for the semaphore."""
    steps = threading.Semaphore(0)

    def count(work: Work) -> dict[str, int]:
        done = 0
        with work.progress.task("counting", 1000) as task:
            while done < 1000:
                steps.acquire(timeout=0.02)
                done += 1
                task.advance()
        return {"done": done}

    monkeypatch.setitem(kinds.KINDS, "count", Kind("Count", "lead", count, "{done} steps."))
    return steps


def test_progress_is_shown_and_cancelling_stops_at_the_next_step(
    client: TestClient, service: Server, counting: threading.Semaphore
):
    task = client.post("/api/v1/tasks", json={"kind": "count"}).json()
    waiting = client.post("/api/v1/tasks", json={"kind": "curate"}).json()
    until(lambda: (client.get(f"/api/v1/tasks/{task['task_id']}").json()["progress"] or {}).get("done"))
    shown = client.get("/tasks").text
    assert "counting: " in shown
    assert "of 1,000" in shown
    assert client.get(f"/api/v1/tasks/{waiting['task_id']}").json()["status"] == "waiting"
    assert client.post(f"/api/v1/tasks/{waiting['task_id']}/cancel").json()["status"] == "cancelled"
    assert client.post(f"/tasks/{task['task_id']}/cancel").status_code == 200
    assert wait_for(client)["status"] == "cancelled"
    again = client.post(f"/api/v1/tasks/{task['task_id']}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "SRV-202")


def test_what_waits_already_is_not_doubled(client: TestClient, counting: threading.Semaphore):
    first = client.post("/api/v1/tasks", json={"kind": "count"}).json()["task_id"]
    until(lambda: client.get(f"/api/v1/tasks/{first}").json()["status"] == "running")
    twice = {client.post("/api/v1/tasks", json={"kind": "curate"}).json()["task_id"] for _ in range(3)}
    assert len(twice) == 1
    client.post(f"/api/v1/tasks/{twice.pop()}/cancel")
    client.post(f"/api/v1/tasks/{first}/cancel")
    wait_for(client)


def test_a_failure_says_what_to_do_and_a_bug_shows_no_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def fail(work: Work) -> dict[str, int]:
        raise UsageError("The disk is full.", hint="Free some.")

    def break_(work: Work) -> dict[str, int]:
        raise ValueError("Ottilie Brandauer")

    monkeypatch.setitem(kinds.KINDS, "fail", Kind("Fail", "lead", fail, ""))
    monkeypatch.setitem(kinds.KINDS, "break", Kind("Break", "lead", break_, ""))
    client.post("/api/v1/tasks", json={"kind": "fail"})
    assert wait_for(client)["problem"] == {"code": "CM-100", "message": "The disk is full.", "hint": "Free some."}
    client.post("/api/v1/tasks", json={"kind": "break"})
    broken = wait_for(client)
    assert broken["problem"]["code"] == "SRV-900"
    assert "Ottilie" not in json.dumps(broken) + caplog.text + client.get("/").text


def test_a_cancelled_curation_goes_on_to_the_same_end(client: TestClient, service: Server):
    state = "SELECT conversation_key, verdict, code FROM outcomes ORDER BY ALL"
    whole = service.store.rows(state)
    service.store.execute("DELETE FROM processed WHERE conversation_key < '2'")
    service.store.execute("DELETE FROM outcomes")
    service.store.execute("DELETE FROM runs")
    with pytest.MonkeyPatch.context() as patch:
        advanced = Recorder.advance
        passed = iter(range(1000))

        def advance(self: Recorder, amount: int = 1) -> None:
            if next(passed) == 2:
                self.cancelled.set()
            advanced(self, amount)

        patch.setattr(Recorder, "advance", advance)
        client.post("/api/v1/tasks", json={"kind": "curate"})
        cancelled = wait_for(client)
    assert cancelled["status"] == "cancelled"
    assert service.store.rows(state) != whole
    client.post(f"/api/v1/tasks/{cancelled['task_id']}/resume")
    assert wait_for(client)["status"] == "done"
    assert service.store.rows(state) == whole


def test_reading_goes_on_while_a_task_writes(service: Server, client: TestClient):
    """A page never waits for who writes: the writer here holds its transaction until the page has come."""
    with service.store.another() as busy, busy.transaction():
        busy.execute("INSERT INTO signals VALUES ('x', 'x', 1, NULL, 'r')")
        shown: list[int] = []
        thread = threading.Thread(target=lambda: shown.append(client.get("/").status_code))
        thread.start()
        thread.join(20)
        assert shown == [200]


def test_a_killed_import_goes_on_by_itself(serve: Callable[..., Live], curated: Workspace):
    lines = "\n".join(
        json.dumps({"id": f"k{n}", "turns": [{"role": "customer", "text": f"Hello {n}"}]}) for n in range(60_000)
    )
    first = serve()
    with browser_of(first) as client:
        drop = drop_in(client, **{"many.jsonl": lines.encode()})  # pyright: ignore[reportArgumentType]
        client.post(f"/add/{drop}/import")
        until(lambda: any((task["progress"] or {}).get("done") for task in client.get("/api/v1/tasks").json()["tasks"]))
        first.kill()
    second = serve()
    with browser_of(second) as client:
        done = wait_for(client)  # pyright: ignore[reportArgumentType]
        assert (done["status"], done["result"]["conversations"]) == ("done", 60_000)
    assert second.stop() in (0, 130)
    with curated.open() as store:
        assert store.value("SELECT count(*) FROM conversations WHERE external_id LIKE 'k%'") == 60_000
        assert store.value("SELECT count(*) FROM turns WHERE regexp_full_match(text, 'Hello [0-9]+')") == 60_000
    assert not list((curated.root / "incoming").rglob("*"))


def test_what_could_cost_money_is_offered_after_a_kill(curated: Workspace, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(kinds.KINDS, "pay", Kind("Pay", "lead", lambda _: {}, "Paid.", resumes=False))
    with curated.open() as store:
        store.execute("INSERT INTO tasks VALUES ('t', 'pay', '{}', 'running', 'Ann', now(), now(), NULL, NULL, NULL)")
        tasks = Tasks(curated, store)
        tasks.start()
        tasks.stop()
        assert find_task(store, "t").status == "interrupted"
        assert find_task(store, "t").is_resumable


def test_stopping_the_server_leaves_work_to_go_on(serve: Callable[..., Live], curated: Workspace):
    with curated.open() as store:
        store.execute("DELETE FROM processed WHERE stage = 'redaction' AND conversation_key < '1'")
        store.execute("DELETE FROM outcomes")
        store.execute("DELETE FROM runs")
    first = serve()
    with browser_of(first) as client:
        client.post("/api/v1/tasks", json={"kind": "curate"})
        until(lambda: client.get("/api/v1/tasks").json()["tasks"][0]["status"] != "waiting")
    assert first.stop() in (0, 130)
    with browser_of(serve()) as client:
        done = wait_for(client)  # pyright: ignore[reportArgumentType]
        assert done["status"] == "done"
        assert done["result"]["kept"] > 0

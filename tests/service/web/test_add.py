"""Dropping exports in: sealed on the disk, looked at, mapped, imported, and hostile ones refused."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from service.web.server import Server
from tests.service.web.conftest import BASE, SAMPLES, Live, Screen

ODD_CSV = (
    "Fall,Wer,Gesagtes\n"
    "a1,Kunde,Where is my <b>parcel</b>?\n"
    "a1,Team,It comes tomorrow.\n"
    "a2,Kunde,Thank you!\n"
    "a2,Team,You are welcome.\n"
)


def drop_in(client: TestClient, **files: bytes) -> str:
    drop = client.post("/add").json()["drop"]
    for name, content in files.items():
        answer = client.post(f"/add/{drop}/files", content=content, headers={"File-Name": quote(name)})
        assert answer.status_code == 201, answer.text
    return drop


def wait_for(client: TestClient) -> dict[str, object]:
    """Wait until nothing runs, and give the task that ended last."""
    for _ in range(2000):
        tasks = client.get("/api/v1/tasks").json()["tasks"]
        if all(task["status"] not in ("waiting", "running") for task in tasks):
            return tasks[0]
        time.sleep(0.1)
    raise AssertionError("the tasks do not end")


def packed(**members: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, text in members.items():
            opened.writestr(name, text)
    return archive.getvalue()


def test_an_export_is_looked_at_and_imported(client: TestClient, service: Server):
    before = service.store.value("SELECT count(*) FROM conversations")
    line = {"id": "new1", "turns": [{"role": "customer", "text": "<script>alert(1)</script> Hello"}]}
    drop = drop_in(client, **{"chats.jsonl": json.dumps(line).encode()})
    look = client.get(f"/add/{drop}/look").text
    assert "&lt;script&gt;alert(1)" in look or "alert(1)" not in look
    assert "<script>alert" not in look
    assert client.post(f"/add/{drop}/import").status_code == 303
    assert wait_for(client)["status"] == "done"
    assert service.store.value("SELECT count(*) FROM conversations") == before + 1
    assert "These files are imported" in client.get(f"/add/{drop}").text
    assert not list((service.workspace.root / "incoming").rglob("*"))


def test_what_is_dropped_is_unreadable_on_the_disk(client: TestClient, service: Server):
    drop_in(client, **{"Ottilie Brandauer.txt": b"Ottilie Brandauer, card 4111 1111 1111 1111\n" * 5000})
    (file,) = [path for path in (service.workspace.root / "incoming").rglob("*") if path.is_file()]
    assert "Ottilie" not in str(file)
    assert b"Brandauer" not in file.read_bytes()


def test_dropping_again_says_so_and_changes_nothing(client: TestClient, service: Server):
    content = json.dumps({"id": "x", "turns": [{"role": "customer", "text": "Hello"}]}).encode()
    first = drop_in(client, **{"a.jsonl": content})
    client.post(f"/add/{first}/import")
    wait_for(client)
    count = service.store.value("SELECT count(*) FROM conversations")
    again = drop_in(client, **{"b.jsonl": content})
    assert "was imported before, by Olga Owner" in client.get(f"/add/{again}").text
    assert "imported before" in client.get(f"/add/{again}/look").text
    client.post(f"/add/{again}/import")
    assert wait_for(client)["result"]["again"] == 1
    assert service.store.value("SELECT count(*) FROM conversations") == count


def test_unknown_columns_are_asked_for_and_kept(client: TestClient, service: Server):
    drop = drop_in(client, **{"odd.csv": ODD_CSV.encode()})
    look = client.get(f"/add/{drop}/look").text
    assert "columns that nobody can tell" in look
    assert "Gesagtes" in look
    answers = {
        "uri": f"incoming/{drop}/odd.csv", "layout": "turn", "field.conversation_id": "Fall", "field.role": "Wer",
        "field.text": "Gesagtes", "word": ["kunde", "team"], "means": ["customer", "agent"], "name": "odd",
    }  # fmt: skip
    shown = client.post(f"/add/{drop}/mapping", data=answers)
    assert "kunde" in shown.text
    kept = client.post(f"/add/{drop}/mapping", data=answers | {"do": "keep"})
    assert "as saved under odd" in kept.text
    assert "It comes tomorrow." in kept.text
    client.post(f"/add/{drop}/import")
    assert wait_for(client)["result"]["conversations"] == 2
    assert (
        "as saved under odd"
        in client.get(f"/add/{drop_in(client, **{'odd2.csv': ODD_CSV.encode() + b'a3,Kunde,Yes'})}/look").text
    )


def test_hostile_archives_are_named_and_nothing_is_written(client: TestClient, service: Server, tmp_path: Path):
    bomb = packed(**{"bomb.csv": "a,b\n" + "0" * 150_000_000})
    slip = packed(**{"../../evil.jsonl": json.dumps({"id": "e", "turns": [{"role": "customer", "text": "x"}]})})
    drop = drop_in(client, **{"bomb.zip": bomb, "slip.zip": slip})
    look = client.get(f"/add/{drop}/look").text
    assert "Unpacked, it would be far larger than it looks" in look
    assert "a path that leads out of it" in look
    client.post(f"/add/{drop}/import")
    assert wait_for(client)["result"]["conversations"] == 0
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\x", "", "a/../../b"])
def test_names_that_lead_out_are_refused(client: TestClient, name: str):
    drop = client.post("/add").json()["drop"]
    answer = client.post(f"/add/{drop}/files", content=b"x", headers={"File-Name": quote(name)})
    assert answer.status_code == 400


def test_markup_in_a_name_is_escaped(client: TestClient):
    drop = drop_in(client, **{"<img src=x onerror=alert(1)>.txt": b"nothing"})
    for path in ("/add", f"/add/{drop}", f"/add/{drop}/look"):
        assert "<img" not in client.get(path).text


def test_a_drop_is_for_leads_and_its_texts_for_who_may_see_them(
    client: TestClient, client_as: Callable[..., TestClient]
):
    text = {"id": "n", "turns": [{"role": "customer", "text": "I am Rosalind Achterberg"}]}
    drop = drop_in(client, **{"a.jsonl": json.dumps(text).encode()})
    assert client_as("reviewer").get("/add").status_code == 403
    lead = client_as("lead", reveal=False)
    assert "Achterberg" in client.get(f"/add/{drop}/look").text
    assert "Achterberg" not in lead.get(f"/add/{drop}/look").text


def test_forms_of_files_and_endless_bodies_are_refused(client: TestClient):
    assert client.post("/add", files={"file": b"x"}).status_code == 400
    assert client.post("/sign-in", content=b"x" * 5_000_000).status_code == 413
    assert client.post("/sign-in", content=(b"x" for _ in range(3))).status_code == 413


def test_a_full_disk_is_said(client: TestClient, service: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("service.drops.drops.KEPT_FREE", 2**60)
    drop = client.post("/add").json()["drop"]
    answer = client.post(f"/add/{drop}/files", content=b"x", headers={"File-Name": "a"})
    assert answer.status_code == 507
    assert "no room" in answer.text


def test_a_script_adds_transcripts(client: TestClient):
    token = client.post("/api/v1/tokens", json={"name": "import", "scope": "lead"}).json()["token"]
    with TestClient(client.app, base_url=BASE) as script:
        script.headers["Authorization"] = f"Bearer {token}"
        drop = script.post("/api/v1/drops").json()["drop_id"]
        sent = script.post(f"/api/v1/drops/{drop}/files", content=ODD_CSV.encode(), headers={"File-Name": "odd.csv"})
        assert (sent.status_code, sent.json()["bytes"]) == (201, len(ODD_CSV))
        (seen,) = script.get(f"/api/v1/drops/{drop}/look").json()["batches"]
        assert seen["columns"] == ["Fall", "Wer", "Gesagtes"]
        assert seen["questions"]
        mapping = {
            "layout": "turn", "fields": {"text": "Gesagtes", "role": "Wer", "conversation_id": "Fall"},
            "roles": {"kunde": "customer", "team": "agent"},
        }  # fmt: skip
        assert script.put("/api/v1/mappings/odd", json=mapping).json() == {"name": "odd"}
        (seen,) = script.get(f"/api/v1/drops/{drop}/look").json()["batches"]
        assert (seen["questions"], seen["conversations"]) == ([], 2)
        assert script.post(f"/api/v1/drops/{drop}/import").status_code == 202
        assert wait_for(script)["result"]["conversations"] == 2
        batch = script.get("/api/v1/batches").json()["batches"][0]
        assert (batch["connector"], batch["turns"]) == ("tables", 4)
        assert script.get(f"/api/v1/batches/{batch['batch_id']}/rejects").json() == {"rejects": []}
        assert script.post(f"/api/v1/drops/{drop}/import").status_code == 409


@pytest.mark.browser
def test_importing_in_a_browser(live: Live, screen: Screen, tmp_path: Path):
    page = screen.page
    screen.open("/add")
    screen.shoot("add")
    page.set_input_files("#files", SAMPLES / "tables" / "chats.csv")
    page.wait_for_url("**/add/*")
    page.get_by_text("first 10 conversations").wait_for()
    screen.check()
    screen.shoot("add_preview")
    (tmp_path / "odd.csv").write_text(ODD_CSV, encoding="utf-8")
    screen.open("/add")
    page.set_input_files("#files", tmp_path / "odd.csv")
    page.locator("select[name='field.role']").wait_for()
    screen.check()
    page.locator("select[name='field.text']").select_option("Gesagtes")
    page.locator("select[name='field.conversation_id']").select_option("Fall")
    page.locator("select[name='field.role']").select_option("Wer")
    page.get_by_label("team").select_option("agent")
    page.get_by_label("kunde").select_option("customer")
    screen.check()
    screen.shoot("add_columns")
    page.get_by_role("button", name="Read it like this").click()
    page.get_by_text("as saved under odd").wait_for()
    page.get_by_text("Then curate").click()
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(live.url + "/")
    page.get_by_text("2 conversations with 4 turns").wait_for(timeout=20_000)
    screen.check()
    screen.shoot("home_done")

"""Files, uploads, jobs and lists, as clients see them; nothing is trained here."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.trainer.app import create_app
from service.trainer.trainer import open_trainer
from tests.service.trainer.conftest import KEY, needs_training

pytestmark = needs_training

SECRET = "kumquat-4711"
JOBS = "/v1/fine_tuning/jobs"


def upload(client: TestClient, content: bytes = b"{}\n", name: str = "a.jsonl") -> str:
    answer = client.post("/v1/files", files={"file": (name, content)}, data={"purpose": "fine-tune"})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def create(client: TestClient, **more: Any) -> Any:
    body = {"model": "chatmill-nano", "training_file": more.pop("training_file", None) or upload(client)} | more
    return client.post(JOBS, json=body)


def test_who_has_no_key_or_comes_by_another_name_is_refused(client: TestClient) -> None:
    assert client.get("/v1/models", headers={"Authorization": "Bearer nothing"}).status_code == 401
    assert client.get("/v1/models", headers={"Host": "evil.example"}).status_code == 403
    assert client.get("/v1/models", headers={"Host": "localhost:99"}).status_code == 200


def test_files_are_kept_listed_and_deleted_and_only_their_owner_reads_them(client: TestClient, tmp_path: Path) -> None:
    first, second = upload(client, b"one\n"), upload(client, b"two\n", "b.jsonl")
    listed = client.get("/v1/files").json()
    assert {file["id"] for file in listed["data"]} == {first, second}
    assert client.get(f"/v1/files/{second}/content").content == b"two\n"
    assert client.get(f"/v1/files/{first}").json()["bytes"] == 4
    assert client.delete(f"/v1/files/{first}").json()["deleted"] is True
    assert client.get(f"/v1/files/{first}").status_code == 404
    for path in (tmp_path / "trainer").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_an_upload_in_parts_is_put_together_in_the_order_given(client: TestClient) -> None:
    body = {"bytes": 6, "filename": "c.jsonl", "mime_type": "application/jsonl", "purpose": "fine-tune"}
    begun = client.post("/v1/uploads", json=body).json()["id"]
    parts = [
        client.post(f"/v1/uploads/{begun}/parts", files={"data": piece}).json()["id"]
        for piece in (b"two", b"one", b"?")
    ]
    wrong = client.post(f"/v1/uploads/{begun}/complete", json={"part_ids": parts})
    assert wrong.status_code == 400
    strange = client.post(f"/v1/uploads/{begun}/complete", json={"part_ids": ["../../file.json"]})
    assert strange.json()["error"]["param"] == "part_ids"
    done = client.post(f"/v1/uploads/{begun}/complete", json={"part_ids": [parts[1], parts[0]]}).json()
    assert client.get(f"/v1/files/{done['file']['id']}/content").content == b"onetwo"
    assert client.post(f"/v1/uploads/{begun}/cancel").status_code == 400


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": "gpt-4.1"}, "model"),
        ({"colour": SECRET}, "colour"),
        ({"seed": -1}, "seed"),
        ({"metadata": {"key": "x" * 513}}, "metadata"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"method": {"type": "reinforcement"}}, "method"),
        ({"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 51}}}}, "n_epochs"),
        ({"hyperparameters": {"warmth": 3}}, "warmth"),
        ({"training_file": "file-none"}, "training_file"),
    ],
)
def test_what_does_not_fit_is_named_and_not_repeated(client: TestClient, change: dict[str, Any], param: str) -> None:
    answer = create(client, **change)
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["param"] == param
    assert SECRET not in answer.text
    assert client.get(JOBS).json()["data"] == []


def test_jobs_are_found_by_their_metadata_and_paged(client: TestClient) -> None:
    made = [create(client, metadata={"number": str(number)}).json()["id"] for number in range(5)]
    pages, after = [], ""
    while True:
        page = client.get(JOBS, params={"limit": 2, **({"after": after} if after else {})}).json()
        pages += [job["id"] for job in page["data"]]
        if not page["has_more"]:
            break
        after = page["last_id"]
    assert pages == made[::-1]
    (found,) = client.get(JOBS, params={"metadata[number]": "3"}).json()["data"]
    assert found["id"] == made[3]
    assert client.get(JOBS, params={"after": "ftjob-none"}).status_code == 400


def test_what_was_kept_is_there_after_a_restart(client: TestClient, tmp_path: Path) -> None:
    job = create(client, suffix="kept").json()
    client.post(f"{JOBS}/{job['id']}/pause")
    app = create_app(open_trainer(tmp_path / "trainer", token=KEY))
    again = TestClient(app, base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {KEY}"})
    for path in ("/v1/files", JOBS, f"{JOBS}/{job['id']}/events", f"{JOBS}/{job['id']}"):
        assert again.get(path).json() == client.get(path).json()
    assert again.get(f"{JOBS}/{job['id']}").json()["status"] == "paused"
    assert again.post(f"{JOBS}/{job['id']}/resume").json()["status"] == "validating_files"
    assert again.delete(f"/v1/files/{job['training_file']}").status_code == 409


def test_a_model_that_is_not_built_yet_does_not_answer(client: TestClient) -> None:
    body = {"model": "chatmill-tiny", "messages": [{"role": "user", "content": SECRET}]}
    for path in ("/v1/chat/completions", "/v1/chatmill/score"):
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "model_not_ready")
        assert SECRET not in answer.text
    refused = client.post("/v1/chat/completions", json=body | {"frequency_penalty": 1})
    assert refused.json()["error"]["param"] == "frequency_penalty", "what would change the answer is not ignored"

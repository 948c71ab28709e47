"""A fine-tuning provider on loopback that behaves like OpenAI's, and fails where a test asks it to.

It speaks Files, Uploads, models and fine_tuning/jobs with events, checkpoints and metadata. A fault strikes before a
call has its effect or after it: after it, the effect stands and only the answer is lost.
"""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "sk-test-3f9c1d7e5b"
MODEL = "gpt-4.1-mini-2025-04-14"
START = 1_795_000_000
CREATE_KEYS = {"model", "training_file", "validation_file", "method", "seed", "suffix", "metadata"}
CSV = "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.5,0.4,2.6,0.39\n2,1.5,0.6,,\n"
SCRIPT = ("validating_files", "queued", "running", "running", "succeeded")


@dataclass(frozen=True)
class Fault:
    """`kind` is error (an HTTP status), html (a proxy's page), half (broken JSON) or drop; `after` has its effect."""

    kind: str = "error"
    after: bool = False
    status: int = 500
    code: str | None = None
    message: str = "something went wrong"
    headers: tuple[tuple[str, str], ...] = ()


class Refused(Exception):
    def __init__(self, status: int, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}


@dataclass(frozen=True)
class Reply:
    """An answer that is more than a body of JSON."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Provider:
    """What the provider holds, and how it behaves."""

    surface = "openai"
    unsigned = frozenset[str]()  # calls that must come without a key
    create_keys = CREATE_KEYS

    @property
    def routes(self) -> tuple[tuple[str, str, str], ...]:
        return ROUTES

    def event_words(self, job_id: str) -> list[str]:
        return [event["message"] for event in self.events[job_id]]

    def check_heard(self, job_id: str, heard: list[str]) -> None:
        """A follower has heard everything that happened, once."""
        assert sorted(heard) == sorted(self.event_words(job_id))

    def shown_status(self, job: dict[str, Any]) -> str:
        return job["status"]

    faults: dict[str, deque[Fault]] = field(default_factory=dict)
    script: tuple[str, ...] = SCRIPT
    page_size: int = 2
    file_looks: int = 2  # how often a file is still being read
    file_end: str = "processed"
    list_lag: int = 0  # listings that do not show a new job yet
    keeps_metadata: bool = True
    filters: bool = True
    repeats_pages: bool = False
    oldest_first: bool = False
    plain_csv: bool = False
    moderates: bool = False
    keys: set[str] = field(default_factory=lambda: {KEY})
    key_ends_after: str = ""
    table: Callable[[dict[str, Any]], str] = lambda job: CSV  # the result file of a job
    on_call: Callable[[str, bool], None] = lambda name, done: None
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    plans: dict[str, list[str]] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    url: str = ""
    clock: int = START
    lock: threading.RLock = field(default_factory=threading.RLock)

    def reset(self, **behaviour: Any) -> None:
        """Be a new provider at the same address."""
        self.__init__(url=self.url, **behaviour)

    def fail(self, name: str, *faults: Fault) -> None:
        self.faults.setdefault(name, deque()).extend(faults)

    # what the calls do -------------------------------------------------------------------------------------------
    def answer(self, name: str, ids: tuple[str, ...], query: dict[str, list[str]], body: Any) -> Any:
        return getattr(self, name.replace(".", "_"))(*ids, query=query, body=body)

    def models_retrieve(self, model: str, **_: Any) -> Any:
        if not model.startswith("gpt-"):
            raise Refused(404, f"The model '{model}' does not exist", code="model_not_found", param="model")
        return {"id": model, "object": "model", "created": START, "owned_by": "x", "shutdown_date": "2027-01-14"}

    def files_create(self, *, body: dict[str, tuple[str, bytes]], **_: Any) -> Any:
        name, content = body["file"]
        assert body["purpose"][1] == b"fine-tune"
        return self._file(name, content)

    def files_list(self, *, query: dict[str, list[str]], **_: Any) -> Any:
        return self._listing(list(self.files.values()), query)

    def files_retrieve(self, file_id: str, **_: Any) -> Any:
        file = self._held(self.files, file_id)
        if file["status"] == "uploaded":
            file["looks"] += 1
            file["status"] = self.file_end if file["looks"] > self.file_looks else "uploaded"
        return file

    def files_content(self, file_id: str, **_: Any) -> Any:
        self._held(self.contents, file_id)
        return self.contents[file_id]

    def uploads_create(self, *, body: dict[str, Any], **_: Any) -> Any:
        assert {"bytes", "filename", "mime_type", "purpose"} == set(body)
        upload = body | {"id": f"upload_{len(self.uploads)}", "object": "upload", "created_at": self._now()}
        upload |= {"expires_at": self._now() + 3600, "status": "pending"}
        self.uploads[upload["id"]] = upload
        return upload

    def uploads_part(self, upload_id: str, *, body: dict[str, tuple[str, bytes]], **_: Any) -> Any:
        if self._held(self.uploads, upload_id)["status"] != "pending":
            raise Refused(400, "The upload is not pending.")
        part = f"part_{len(self.parts)}"
        self.parts[part] = body["data"][1]
        return {"id": part, "object": "upload.part", "created_at": self._now(), "upload_id": upload_id}

    def uploads_complete(self, upload_id: str, *, body: dict[str, Any], **_: Any) -> Any:
        upload = self._held(self.uploads, upload_id)
        content = b"".join(self.parts[part] for part in body["part_ids"])
        if upload["status"] != "pending" or len(content) != upload["bytes"]:
            raise Refused(400, "The upload is not pending, or its bytes do not match.")
        upload["status"] = "completed"
        return upload | {"file": self._file(upload["filename"], content)}

    def jobs_create(self, *, body: dict[str, Any], **_: Any) -> Any:
        assert set(body) <= self.create_keys, set(body) - self.create_keys
        metadata = body.get("metadata") or {}
        assert len(metadata) <= 16
        assert all(len(key) <= 64 and len(value) <= 512 for key, value in metadata.items())
        for key in ("training_file", "validation_file"):
            if key in body and self._held(self.files, body[key])["status"] != "processed":
                raise Refused(400, f"File '{body[key]}' is still being processed and is not ready to be used.")
        job_id = f"ftjob-{len(self.jobs)}"
        kept = metadata if self.keeps_metadata else None
        self.jobs[job_id] = body | {
            "id": job_id, "object": "fine_tuning.job", "created_at": self._now(), "status": self.script[0],
            "finished_at": None, "fine_tuned_model": None, "trained_tokens": None, "result_files": [], "error": {},
            "organization_id": "org-x", "hyperparameters": {"n_epochs": "auto"}, "metadata": kept,
        }  # fmt: skip
        self.plans[job_id] = list(self.script[1:])
        self.hidden[job_id] = self.list_lag
        self.events[job_id] = []
        self.happen(job_id, "Created fine-tuning job")
        return self.jobs[job_id]

    def jobs_list(self, *, query: dict[str, list[str]], **_: Any) -> Any:
        shown = []
        for job_id, job in self.jobs.items():
            self.hidden[job_id] -= 1
            if self.hidden[job_id] < 0:
                shown.append(job)
        wanted = {key[9:-1]: values[0] for key, values in query.items() if key.startswith("metadata[")}
        if self.filters and wanted and self.keeps_metadata:
            shown = [job for job in shown if wanted.items() <= (job["metadata"] or {}).items()]
        return self._listing(shown[::-1], query)

    def jobs_retrieve(self, job_id: str, **_: Any) -> Any:
        job = self._held(self.jobs, job_id)
        if plan := self.plans[job_id]:
            self._advance(job, plan.pop(0))
        return job

    def jobs_events(self, job_id: str, *, query: dict[str, list[str]], **_: Any) -> Any:
        self._held(self.jobs, job_id)
        return self._listing(self.events[job_id][:: 1 if self.oldest_first else -1], query)

    def jobs_checkpoints(self, job_id: str, *, query: dict[str, list[str]], **_: Any) -> Any:
        self._held(self.jobs, job_id)
        point = {"id": "ckpt-1", "object": "fine_tuning.job.checkpoint", "step_number": 2, "metrics": {"step": 2}}
        point |= {"fine_tuned_model_checkpoint": "ft:x:ckpt-step-2", "created_at": START, "fine_tuning_job_id": job_id}
        return self._listing([point], query)

    def jobs_cancel(self, job_id: str, **_: Any) -> Any:
        job = self._held(self.jobs, job_id)
        if job["finished_at"]:
            raise Refused(400, "The job is over.")
        self.plans[job_id] = []
        self._advance(job, "cancelled")
        return job

    def jobs_pause(self, job_id: str, **_: Any) -> Any:
        job = self._held(self.jobs, job_id)
        self._advance(job, "paused")
        return job

    def jobs_resume(self, job_id: str, **_: Any) -> Any:
        job = self._held(self.jobs, job_id)
        self._advance(job, "running")
        return job

    def moderations_create(self, *, body: dict[str, Any], **_: Any) -> Any:
        if not self.moderates:
            raise Refused(404, "Invalid URL")
        found = [{"flagged": "idiot" in text, "categories": {"harassment": "idiot" in text}} for text in body["input"]]
        return {"id": "modr-1", "model": body["model"], "results": found}

    # how it all moves --------------------------------------------------------------------------------------------
    def happen(self, job_id: str, message: str, **more: Any) -> None:
        event = {"id": f"ftevent-{sum(map(len, self.events.values()))}", "object": "fine_tuning.job.event"}
        event |= {"created_at": self._now(), "level": "info", "message": message, "type": "message"}
        self.events[job_id].append(event | more)

    def _advance(self, job: dict[str, Any], status: str) -> None:
        if status == "deleted":
            del self.jobs[job["id"]]
            raise Refused(404, "Could not find fine tune: " + job["id"])
        job["status"] = status
        if status == "running":
            step = sum(event["type"] == "metrics" for event in self.events[job["id"]]) + 1
            self.happen(job["id"], f"Step {step}", type="metrics", data={"step": step, "train_loss": 3.0 - step})
            self.happen(job["id"], "", type="moderation_checks", level="odd", data={"anything": [1, {"x": None}]})
        else:
            self.happen(job["id"], f"The job is {status}")
        if status in ("succeeded", "failed", "cancelled", "expired"):
            job["finished_at"] = self._now()
        if status == "succeeded":
            table = self.table(job).encode()
            text = table if self.plain_csv else base64.b64encode(table)
            self.contents[f"result-{job['id']}"] = text
            job |= {"fine_tuned_model": f"ft:{job['model']}:x::1", "trained_tokens": 4321}
            job["result_files"] = [f"result-{job['id']}"]
        if status == "failed":
            job["error"] = {"code": "invalid_training_file", "message": "Line 3 is no good.", "param": "training_file"}

    def _file(self, name: str, content: bytes) -> dict[str, Any]:
        file = {"id": f"file-{len(self.files)}", "object": "file", "bytes": len(content), "created_at": self._now()}
        self.files[file["id"]] = file | {"filename": name, "purpose": "fine-tune", "status": "uploaded", "looks": 0}
        self.contents[file["id"]] = content
        return self.files[file["id"]]

    def _listing(self, items: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
        after, size = query.get("after", [""])[0], self.page_size
        if self.repeats_pages:
            return {"object": "list", "data": items, "has_more": True}
        first = next((n + 1 for n, item in enumerate(items) if item["id"] == after), 0)
        return {"object": "list", "data": items[first : first + size], "has_more": first + size < len(items)}

    def _held(self, kind: dict[str, Any], name: str) -> Any:
        if name not in kind:
            raise Refused(404, f"No such object: {name}")
        return kind[name]

    def _now(self) -> int:
        self.clock += 1
        return self.clock // 3  # several things happen in one second


ROUTES = (
    ("GET", r"/models/([^/]+)", "models.retrieve"),
    ("POST", r"/files", "files.create"),
    ("GET", r"/files", "files.list"),
    ("GET", r"/files/([^/]+)", "files.retrieve"),
    ("GET", r"/files/([^/]+)/content", "files.content"),
    ("POST", r"/uploads", "uploads.create"),
    ("POST", r"/uploads/([^/]+)/parts", "uploads.part"),
    ("POST", r"/uploads/([^/]+)/complete", "uploads.complete"),
    ("POST", r"/fine_tuning/jobs", "jobs.create"),
    ("GET", r"/fine_tuning/jobs", "jobs.list"),
    ("GET", r"/fine_tuning/jobs/([^/]+)", "jobs.retrieve"),
    ("GET", r"/fine_tuning/jobs/([^/]+)/events", "jobs.events"),
    ("GET", r"/fine_tuning/jobs/([^/]+)/checkpoints", "jobs.checkpoints"),
    ("POST", r"/fine_tuning/jobs/([^/]+)/cancel", "jobs.cancel"),
    ("POST", r"/fine_tuning/jobs/([^/]+)/pause", "jobs.pause"),
    ("POST", r"/fine_tuning/jobs/([^/]+)/resume", "jobs.resume"),
    ("POST", r"/moderations", "moderations.create"),
)
ASKED_FOR = ("jobs.cancel", "jobs.pause", "jobs.resume", "moderations.create")  # not part of every submission
CALLS = tuple(name for _, _, name in ROUTES if name not in ASKED_FOR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would cost 40 ms a call (Nagle's algorithm)
    provider: Provider

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_PUT(self) -> None:
        self._handle("PUT")

    def log_message(self, *arguments: Any) -> None:
        pass

    def _handle(self, method: str) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        for verb, pattern, name in self.provider.routes:
            match = re.fullmatch("/v1" + pattern, parts.path)
            if verb == method and match:
                with self.provider.lock:
                    self._serve(name, match.groups(), parse_qs(parts.query), raw)
                return
        self._send(404, {"error": {"message": "Invalid URL", "type": "invalid_request_error"}})

    def _serve(self, name: str, ids: tuple[str, ...], query: dict[str, list[str]], raw: bytes) -> None:
        provider = self.provider
        provider.calls[name] += 1
        provider.on_call(name, False)
        waiting = provider.faults.get(name)
        fault = waiting.popleft() if waiting else None
        if fault and not fault.after:
            return self._break(fault)
        try:
            self._check_key(name)
            result: Any = provider.answer(name, ids, query, self._body(raw))
        except Refused as refused:
            return self._send(refused.status, {"error": refused.error})
        if provider.key_ends_after == name:
            provider.keys.clear()
        provider.on_call(name, True)
        reply = result if isinstance(result, Reply) else Reply(200, result)
        return self._break(fault) if fault else self._send(reply.status, reply.body, headers=reply.headers)

    def _check_key(self, name: str) -> None:
        if name in self.provider.unsigned:
            assert "authorization" not in self.headers, "the key was sent to a storage address"
            return
        given = self.headers.get("authorization", "").removeprefix("Bearer ")
        if given not in self.provider.keys:
            raise Refused(401, f"Incorrect API key provided: {given}.", code="invalid_api_key")

    def _body(self, raw: bytes) -> Any:
        kind = self.headers.get("content-type") or ""
        if self.command == "PUT":
            return raw
        if "multipart/form-data" not in kind:
            return json.loads(raw) if raw else {}
        fields: dict[str, tuple[str, bytes]] = {}
        boundary = kind.partition("boundary=")[2].encode()
        for part in raw.split(b"--" + boundary)[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            names = dict(re.findall(r'(\w+)="([^"]*)"', head.decode()))
            fields[names["name"]] = (names.get("filename", ""), content.removesuffix(b"\r\n"))
        return fields

    def _break(self, fault: Fault) -> None:
        if fault.kind == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault.kind == "html":
            self._send(200, b"<html>You are behind a proxy</html>", kind="text/html")
        elif fault.kind == "half":
            self._send(200, b'{"id": "x", "sta', kind="application/json")
        else:
            error = {"message": fault.message, "type": "x", "param": None, "code": fault.code}
            self._send(fault.status, {"error": error}, headers=fault.headers)

    def _send(self, status: int, body: Any, *, kind: str = "", headers: Any = ()) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        usual = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        self.send_header("content-type", kind or usual)
        self.send_header("content-length", str(len(raw)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)
        self.wfile.flush()


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve a provider on a free port of loopback for as long as the context lasts."""
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

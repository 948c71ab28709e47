"""Together's and Fireworks' surfaces on loopback, over the same jobs and faults as the server that speaks OpenAI's.

Paths, fields and states as in the sources of together 3.1.1 and fireworks-ai 1.2.30.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.export.submit.server import MODEL, Provider, Refused, Reply

TOGETHER_ROUTES = (
    ("GET", r"/fine-tunes/models/limits", "models.limits"),
    ("POST", r"/fine-tunes/estimate-price", "jobs.estimate"),
    ("GET", r"/files", "files.list"),
    ("POST", r"/files", "files.start"),
    ("PUT", r"/signed/([^/]+)", "files.put"),
    ("GET", r"/files/([^/]+)", "files.retrieve"),
    ("POST", r"/files/([^/]+)/preprocess", "files.preprocess"),
    ("POST", r"/fine-tunes", "jobs.create"),
    ("GET", r"/fine-tunes", "jobs.list"),
    ("GET", r"/fine-tunes/([^/]+)", "jobs.retrieve"),
    ("GET", r"/fine-tunes/([^/]+)/events", "jobs.events"),
    ("GET", r"/fine-tunes/([^/]+)/metrics", "jobs.metrics"),
    ("GET", r"/fine-tunes/([^/]+)/checkpoints", "jobs.checkpoints"),
    ("POST", r"/fine-tunes/([^/]+)/cancel", "jobs.cancel"),
)
TOGETHER_CALLS = tuple(name for _, _, name in TOGETHER_ROUTES if name != "jobs.cancel")
TOGETHER_KEYS = {
    "model", "training_file", "validation_file", "n_epochs", "n_evals", "random_seed", "suffix", "training_method",
    "training_type", "batch_size", "learning_rate",
}  # fmt: skip
TO_TOGETHER = {"validating_files": "pending", "succeeded": "completed", "failed": "error"}
FROM_TOGETHER = {"validating_files": "queued"}

OWN = r"/accounts/acme"
FIREWORKS_ROUTES = (
    ("GET", r"/accounts/fireworks/models/([^/]+)", "models.retrieve"),
    ("POST", OWN + r"/datasets", "files.create"),
    ("GET", OWN + r"/datasets/([^/:]+)", "files.retrieve"),
    ("POST", OWN + r"/datasets/([^/:]+):getUploadEndpoint", "files.start"),
    ("PUT", r"/signed/([^/]+)", "files.put"),
    ("POST", OWN + r"/datasets/([^/:]+):validateUpload", "files.validate"),
    ("POST", OWN + r"/supervisedFineTuningJobs", "jobs.create"),
    ("GET", OWN + r"/supervisedFineTuningJobs/([^/:]+)", "jobs.retrieve"),
    ("POST", OWN + r"/supervisedFineTuningJobs/([^/:]+):cancel", "jobs.cancel"),
    ("POST", OWN + r"/supervisedFineTuningJobs/([^/:]+):resume", "jobs.resume"),
    ("GET", r"/metrics/([^/]+)", "files.metrics"),
)
FIREWORKS_CALLS = tuple(name for _, _, name in FIREWORKS_ROUTES if name not in ("jobs.cancel", "jobs.resume"))
FIREWORKS_KEYS = {"dataset", "baseModel", "epochs", "displayName", "evaluationDataset", "learningRate", "loraRank"}
TO_FIREWORKS = {"validating_files": "VALIDATING", "queued": "PENDING", "succeeded": "COMPLETED"}


@dataclass
class Together(Provider):
    """Files come by a signed address; jobs have a suffix and no metadata."""

    surface = "together"
    unsigned = frozenset({"files.put"})
    create_keys = TOGETHER_KEYS

    @property
    def routes(self) -> Any:
        return TOGETHER_ROUTES

    def event_words(self, job_id: str) -> list[str]:
        return ["" if event["type"] == "metrics" else event["message"] for event in self.events[job_id]]

    def shown_status(self, job: dict[str, Any]) -> str:
        return FROM_TOGETHER.get(job["status"], job["status"])

    def models_limits(self, *, query: dict[str, list[str]], **_: Any) -> Any:
        if query["model_name"] != [MODEL]:
            raise Refused(404, "No such model")
        return {"max_num_epochs": 20, "lora_training": {"max_rank": 64}}

    def files_start(self, *, body: dict[str, tuple[str, bytes]], **_: Any) -> Any:
        name, checksum = body["file_name"][1].decode(), body["checksum"][1].decode()
        assert (body["purpose"][1], body["file_type"][1]) == (b"fine-tune", b"jsonl")
        known = next((file for file in self.files.values() if file["checksum"] == checksum), None)
        if known and known["bytes"]:
            return Reply(409, {"file_id": known["id"], "message": "The file is there."})
        file_id = known["id"] if known else f"file-{len(self.files)}"
        self.files[file_id] = {"id": file_id, "object": "file", "filename": name, "bytes": 0, "checksum": checksum}
        self.files[file_id] |= {"purpose": "fine-tune", "created_at": self._now(), "FileType": "jsonl", "looks": 0}
        headers = (("location", f"{self.url}/signed/{file_id}"), ("x-together-file-id", file_id))
        return Reply(302, {}, headers)

    def files_put(self, file_id: str, *, body: bytes, **_: Any) -> Any:
        self.contents[file_id] = body
        self._held(self.files, file_id)["bytes"] = len(body)
        return b""

    def files_preprocess(self, file_id: str, **_: Any) -> Any:
        file = self._held(self.files, file_id)
        file.setdefault("processing_status", "QUEUED")
        return file

    def files_list(self, **_: Any) -> Any:
        return {"data": list(self.files.values())}

    def files_retrieve(self, file_id: str, **_: Any) -> Any:
        file = self._held(self.files, file_id)
        if file.get("processing_status") == "QUEUED":
            file["looks"] += 1
            file["processing_status"] = "COMPLETED" if file["looks"] > self.file_looks else "QUEUED"
        return file

    def jobs_create(self, *, body: dict[str, Any], **_: Any) -> Any:
        assert len(body["suffix"]) <= 40
        assert isinstance(body["n_epochs"], int)
        for name in ("training_file", "validation_file"):
            if self._held(self.files, body[name]).get("processing_status") != "COMPLETED":
                raise Refused(400, f"File {body[name]} is not ready")
            self.files[body[name]]["status"] = "processed"
        return self._shown(super().jobs_create(body=body))

    def jobs_list(self, **_: Any) -> Any:
        for job_id in self.jobs:
            self.hidden[job_id] -= 1
        return {"data": [self._shown(job) for job_id, job in self.jobs.items() if self.hidden[job_id] < 0]}

    def jobs_retrieve(self, job_id: str, **_: Any) -> Any:
        return self._shown(super().jobs_retrieve(job_id))

    def jobs_cancel(self, job_id: str, **_: Any) -> Any:
        return self._shown(super().jobs_cancel(job_id))

    def jobs_events(self, job_id: str, **_: Any) -> Any:
        told = [event for event in self.events[job_id] if event["type"] != "metrics"]
        return {"data": [self._event(event) for event in told]}

    def jobs_metrics(self, job_id: str, **_: Any) -> Any:
        figures = [event["data"] for event in self.events[job_id] if event["type"] == "metrics"]
        return {"metrics": [{"train/global_step": row["step"], "train/loss": row["train_loss"]} for row in figures]}

    def jobs_checkpoints(self, job_id: str, **_: Any) -> Any:
        return {"data": [{"checkpoint_type": "Final", "created_at": "x", "path": "s3://x", "step": 2}]}

    def jobs_estimate(self, **_: Any) -> Any:
        return {"estimation_available": True, "estimated_total_price": 4.5, "allowed_to_proceed": True}

    def _event(self, event: dict[str, Any]) -> dict[str, Any]:
        when = datetime.fromtimestamp(event["created_at"], UTC).isoformat()
        return {"object": "fine-tune-event", "created_at": when, "type": "x", "level": "info"} | {
            "message": event["message"], "step": int(event["id"].rsplit("-")[-1])
        }  # fmt: skip

    def _shown(self, job: dict[str, Any]) -> dict[str, Any]:
        when = datetime.fromtimestamp(job["finished_at"] or job["created_at"], UTC).isoformat()
        told = {name: job.get(name) for name in ("id", "model", "training_file", "suffix", "n_epochs")}
        errors = [{"type": "job_error", "level": "error", "message": "Line 3 is no good."}]
        told |= {"status": TO_TOGETHER.get(job["status"], job["status"]), "user_id": "u", "updated_at": when}
        told |= {"model_output_name": f"acme/{job['model']}-{job['suffix']}", "token_count": job["trained_tokens"]}
        return told | {"events": errors if job["status"] == "failed" else []}


@dataclass
class Fireworks(Provider):
    """Datasets and jobs are given ids by who asks; there are no listings of events."""

    surface = "fireworks"
    unsigned = frozenset({"files.put", "files.metrics"})
    create_keys = FIREWORKS_KEYS
    shown: set[str] = field(default_factory=set)

    @property
    def routes(self) -> Any:
        return FIREWORKS_ROUTES

    def check_heard(self, job_id: str, heard: list[str]) -> None:
        """States are told as they are met, each once; those between two looks nobody hears of."""
        assert len(set(heard)) == len(heard)
        assert set(heard) <= self.shown
        assert f"The job is {TO_FIREWORKS[self.jobs[job_id]['status']].lower()}." in heard

    def models_retrieve(self, model: str, **_: Any) -> Any:
        if model != MODEL:
            raise Refused(404, "No such model")
        return {"name": f"accounts/fireworks/models/{model}", "tunable": True,
                "deprecationDate": {"year": 2027, "month": 3, "day": 1}}  # fmt: skip

    def files_create(self, *, body: dict[str, Any], **_: Any) -> Any:
        known = body["datasetId"]
        assert len(known) <= 63
        assert body["dataset"]["userUploaded"] == {}
        if known in self.files:
            raise Refused(409, "It is there.", code="ALREADY_EXISTS")
        self.files[known] = {"id": known, "filename": known, "state": "UPLOADING", "bytes": 0, "looks": 0}
        return self._dataset(known)

    def files_retrieve(self, known: str, **_: Any) -> Any:
        file = self._held(self.files, known)
        if file["state"] == "VALIDATING":
            file["looks"] += 1
            file["state"] = "READY" if file["looks"] > self.file_looks else "VALIDATING"
        return self._dataset(known)

    def files_start(self, known: str, *, body: dict[str, Any], **_: Any) -> Any:
        (name,) = body["filenameToSize"]
        return {"filenameToSignedUrls": {name: f"{self.url}/signed/{known}"}}

    def files_put(self, known: str, *, body: bytes, **_: Any) -> Any:
        self.contents[known] = body
        self._held(self.files, known)["bytes"] = len(body)
        return b""

    def files_validate(self, known: str, **_: Any) -> Any:
        file = self._held(self.files, known)
        if not file["bytes"]:
            raise Refused(400, "There is nothing to validate.")
        if file["state"] == "UPLOADING":
            file["state"] = "VALIDATING"
        return {}

    def files_metrics(self, job_id: str, **_: Any) -> Any:
        rows = [{"step": 1, "train_loss": 2.5}, {"step": 2, "train_loss": 1.5}]
        return "\n".join(map(json.dumps, rows)).encode()

    def jobs_create(self, *, query: dict[str, list[str]], body: dict[str, Any], **_: Any) -> Any:
        (known,) = query["supervisedFineTuningJobId"]
        assert set(body) <= FIREWORKS_KEYS, set(body) - FIREWORKS_KEYS
        if known in self.jobs:
            raise Refused(409, "It is there.", code="ALREADY_EXISTS")
        for name in ("dataset", "evaluationDataset"):
            if self._held(self.files, body[name].rsplit("/", 1)[-1])["state"] != "READY":
                raise Refused(400, "The dataset is not ready")
        self.jobs[known] = {"id": known, "status": self.script[0], "model": body["baseModel"], "finished_at": None}
        self.jobs[known] |= {"created_at": self._now(), "dataset": body["dataset"], "error": {}}
        self.plans[known], self.events[known] = list(self.script[1:]), []
        return self._shown(self.jobs[known], is_told=False)

    def jobs_retrieve(self, known: str, **_: Any) -> Any:
        return self._shown(super().jobs_retrieve(known))

    def jobs_cancel(self, known: str, **_: Any) -> Any:
        super().jobs_cancel(known)
        return {}

    def jobs_resume(self, known: str, **_: Any) -> Any:
        super().jobs_resume(known)
        return {}

    def _dataset(self, known: str) -> dict[str, Any]:
        state = self.files[known]["state"]
        state = "UPLOADING" if state == "VALIDATING" else state
        return {"name": f"accounts/acme/datasets/{known}", "state": state, "status": {"code": "OK"}}

    def _shown(self, job: dict[str, Any], *, is_told: bool = True) -> dict[str, Any]:
        state = TO_FIREWORKS.get(job["status"], job["status"].upper())
        when = datetime.fromtimestamp(job["created_at"], UTC).isoformat()
        if is_told:
            self.shown.add(f"The job is {state.lower()}.")
        told = {"name": f"accounts/acme/supervisedFineTuningJobs/{job['id']}", "state": f"JOB_STATE_{state}"}
        told |= {"baseModel": job["model"], "dataset": job["dataset"], "updateTime": when, "status": {"code": "OK"}}
        if job["status"] == "succeeded":
            told |= {"metricsFileSignedUrl": f"{self.url}/metrics/{job['id']}", "outputModel": "accounts/acme/models/x"}
        return told

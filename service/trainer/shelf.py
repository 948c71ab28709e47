"""What the trainer remembers: files, uploads, jobs and their events, each in a folder of its own, in plain JSON.

The folder is private (0700), its files too (0600): uploaded conversations lie in it readable, as exported datasets do.
Every change is on the disk before it is told to anybody.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from service.trainer.errors import not_there

Thing = dict[str, Any]
ACTIVE = frozenset({"validating_files", "queued", "running"})
OVER = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(slots=True)
class Job:
    """A job: what is told of it, and how far its training process's reports were read."""

    told: Thing
    checkpoints: list[Thing] = field(default_factory=list[Thing])
    read: int = 0  # bytes of progress.jsonl
    step: int = -1  # the last whose figures were told
    steps: int = 0
    started_at: float = 0.0

    @property
    def job_id(self) -> str:
        """Its id."""
        return self.told["id"]

    @property
    def status(self) -> str:
        """How it stands."""
        return self.told["status"]


@dataclass(slots=True)
class Shelf:
    """Everything in the trainer's folder. Whoever reads or changes it holds the lock."""

    folder: Path
    files: dict[str, Thing] = field(default_factory=dict[str, Thing])
    uploads: dict[str, Thing] = field(default_factory=dict[str, Thing])
    jobs: dict[str, Job] = field(default_factory=dict[str, Job])
    events: dict[str, list[Thing]] = field(default_factory=dict[str, list[Thing]])
    lock: threading.RLock = field(default_factory=threading.RLock)

    def place(self, kind: str, name: str) -> Path:
        """Name the folder of a thing."""
        return self.folder / kind / name

    # files ------------------------------------------------------------------------------------------------------
    def add_file(self, name: str, purpose: str, content: Iterable[bytes] | BinaryIO) -> Thing:
        """Keep a file; it is known once it is whole."""
        file_id = new_id("file-")
        place = self.place("files", file_id)
        private(place)
        with private_file(place / "content") as target:
            for chunk in content:
                target.write(chunk)
        size = (place / "content").stat().st_size
        file: Thing = {
            "id": file_id, "object": "file", "bytes": size, "created_at": now(), "filename": name, "purpose": purpose,
            "status": "processed", "status_details": None, "expires_at": None,
        }  # fmt: skip
        with self.lock:
            write_json(place / "file.json", file)
            self.files[file_id] = file
        return file

    def file(self, file_id: str) -> Thing:
        """Look a file up."""
        if file_id not in self.files:
            raise not_there("File object", file_id)
        return self.files[file_id]

    def content(self, file_id: str) -> Path:
        """Where a file's bytes are."""
        return self.place("files", self.file(file_id)["id"]) / "content"

    def drop_file(self, file_id: str) -> None:
        """Forget a file and its bytes."""
        with self.lock:
            place = self.place("files", self.file(file_id)["id"])
            del self.files[file_id]
            shutil.rmtree(place, ignore_errors=True)

    # uploads ----------------------------------------------------------------------------------------------------
    def save_upload(self, upload: Thing) -> None:
        """Keep an upload as it now is."""
        place = self.place("uploads", upload["id"])
        private(place)
        write_json(place / "upload.json", upload)
        self.uploads[upload["id"]] = upload

    # jobs -------------------------------------------------------------------------------------------------------
    def save_job(self, job: Job) -> None:
        """Keep a job as it now is."""
        place = self.place("jobs", job.job_id)
        private(place)
        write_json(place / "job.json", asdict(job))
        self.jobs[job.job_id] = job
        self.events.setdefault(job.job_id, [])

    def job(self, job_id: str) -> Job:
        """Look a job up."""
        if job_id not in self.jobs:
            raise not_there("fine-tuning job", job_id)
        return self.jobs[job_id]

    def add_event(
        self,
        job: Job,
        message: str,
        *,
        kind: str = "message",
        level: str = "info",
        data: Mapping[str, Any] | None = None,
        mark: str = "",
    ) -> None:
        """Tell what happened to a job; of events with the same mark only the first is kept."""
        told = self.events.setdefault(job.job_id, [])
        digest = hashlib.sha256(f"{job.job_id}:{mark or len(told)}".encode()).hexdigest()[:24]
        event: Thing = {
            "id": f"ftevent-{digest}", "object": "fine_tuning.job.event", "created_at": now(), "level": level,
            "message": message, "type": kind, "data": dict(data) if data else {},
        }  # fmt: skip
        if any(one["id"] == event["id"] for one in told[-50:]):
            return
        with private_file(self.place("jobs", job.job_id) / "events.jsonl", append=True) as file:
            file.write(orjson.dumps(event) + b"\n")
        told.append(event)


def open_shelf(folder: Path) -> Shelf:
    """Open the trainer's folder, or make it."""
    private(folder)
    shelf = Shelf(folder)
    for kind in ("files", "uploads", "jobs", "models", "tmp", "cache"):
        private(folder / kind)
    for path in sorted((folder / "files").glob("*/file.json")):
        file = orjson.loads(path.read_bytes())
        shelf.files[file["id"]] = file
    for path in sorted((folder / "uploads").glob("*/upload.json")):
        upload = orjson.loads(path.read_bytes())
        shelf.uploads[upload["id"]] = upload
    for path in (folder / "jobs").glob("*/job.json"):
        job = Job(**orjson.loads(path.read_bytes()))
        shelf.jobs[job.job_id] = job
        shelf.events[job.job_id] = _events(path.with_name("events.jsonl"))
    shelf.files = _by_age(shelf.files)
    shelf.jobs = dict(sorted(shelf.jobs.items(), key=lambda item: (item[1].told["created_at"], item[0])))
    return shelf


def new_id(prefix: str) -> str:
    """Make an id that nobody guesses."""
    return prefix + secrets.token_hex(12)


def now() -> int:
    """Give the seconds since 1970."""
    return int(time.time())


def private(folder: Path) -> None:
    """Make a folder that its owner alone can enter."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def private_file(path: Path, *, append: bool = False) -> BinaryIO:
    """Open a file to write that its owner alone can read."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "ab" if append else "wb")


def write_json(path: Path, thing: Mapping[str, Any]) -> None:
    """Write a thing so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with private_file(partial) as file:
        file.write(orjson.dumps(thing, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _events(path: Path) -> list[Thing]:
    """Read a job's events, and cut off the half of a line that a kill may have left."""
    if not path.exists():
        return []
    raw = path.read_bytes()
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return [orjson.loads(line) for line in whole.splitlines()]


def _by_age(things: dict[str, Thing]) -> dict[str, Thing]:
    return dict(sorted(things.items(), key=lambda item: (item[1]["created_at"], item[0])))

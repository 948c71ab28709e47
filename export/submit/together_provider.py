"""The provider `together`: Together AI's files and fine-tunes, by its own API.

Calls and fields are those of the SDK together 3.1.1 (its source), spoken over plain HTTP; the live
service was not asked. A file is put to an address that POST /files answers with; a file of the same content is the same
file (409 with its id). A job has no metadata: the submission key's beginning stands in its suffix, and so in the
tuned model's name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from export.submit.capabilities import KNOWN
from export.submit.errors import NotThere, RequestRefused, UnknownModel
from export.submit.patience import Patience
from export.submit.provider import RemoteEvent, RemoteFile, RemoteJob
from export.submit.together_answers import NEVER, estimate_body, job_body, read_event, read_file, read_job, read_metrics
from export.submit.unable import Unable
from export.submit.wire import OK, Answer, Wire, listed
from export.submit.wire_errors import unreadable

PURPOSE = "fine-tune"


class TogetherProvider(Unable):
    """Speak to one endpoint with one key."""

    name = "together"
    capabilities = KNOWN["together"]

    def __init__(self, endpoint: str, key: str, patience: Patience) -> None:
        self.endpoint = endpoint
        self.part_bytes = self.capabilities.most_bytes
        self._wire = Wire(endpoint, key, patience, self.capabilities)

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def probe(self, model: str) -> date | None:
        """Ask for the model's limits, which only those have that can be tuned; no end of a model is told."""
        try:
            self._wire.read("GET", "/fine-tunes/models/limits", params={"model_name": model})
        except (UnknownModel, RequestRefused) as error:
            raise UnknownModel(
                f"{self.endpoint} does not tune {model}: {error.message}",
                hint="Choose another with --model; Together's page of fine-tuning models lists them.",
            ) from None
        return None

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """Find an uploaded file by its name, which holds its hash, and its size."""
        for found in listed(iter([self._wire.read("GET", "/files").get("data") or []])):
            if found.get("filename") == name and found.get("bytes") == size:
                file = self._have_read(found)
                if not file.is_failed:
                    return file
        return None

    def file(self, file_id: str) -> RemoteFile:
        """Look a file up."""
        return read_file(self._whole(self._wire.read("GET", f"/files/{file_id}")))

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Ask for an address, put the file there, and have it read; tried once."""
        form = {"purpose": PURPOSE, "file_name": name, "file_type": "jsonl", "checksum": _checksum(path)}
        told = self._wire.once("POST", "/files", takes=OK | {302, 409}, files=[(k, (None, v)) for k, v in form.items()])
        if told.status == 409:
            return self._have_read(self._whole(self._wire.read("GET", f"/files/{self._id(told)}")))
        address, file_id = told.headers.get("location"), told.headers.get("x-together-file-id")
        if not address or not file_id:
            raise unreadable(self.endpoint)
        self._wire.put(address, path, {})
        return read_file(self._whole(self._wire.once("POST", f"/files/{file_id}/preprocess").body))

    def create(self, request: Mapping[str, Any]) -> RemoteJob:
        """Make a job; tried once."""
        return read_job(self._whole(self._wire.once("POST", "/fine-tunes", json=job_body(request)).body))

    def jobs(self, key: str) -> Iterator[RemoteJob]:
        """Give all jobs of the account; those whose names hold the key count as having it."""
        listing = self._wire.read("GET", "/fine-tunes").get("data")
        if not isinstance(listing, list):
            raise unreadable(self.endpoint)
        yield from (read_job(self._whole(job), key=key) for job in listing)

    def retrieve(self, job_id: str) -> RemoteJob:
        """Look a job up; its figures are fetched as a result file once it is over."""
        return read_job(self._whole(self._wire.read("GET", f"/fine-tunes/{job_id}")))

    def events(self, job_id: str) -> Iterator[list[RemoteEvent]]:
        """Give a job's events and figures, which all come at once."""
        told = self._wire.read("GET", f"/fine-tunes/{job_id}/events").get("data")
        if not isinstance(told, list):
            raise unreadable(self.endpoint)
        happened = [read_event(one) for one in told]
        last = max((event.happened_at for event in happened), default=NEVER)
        with suppress(NotThere):
            happened += read_metrics(self._wire.read("GET", f"/fine-tunes/{job_id}/metrics"), otherwise=last)
        if happened:
            yield happened

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """Give the checkpoints' paths and steps; Together tells no figures with them."""
        try:
            told = self._wire.read("GET", f"/fine-tunes/{job_id}/checkpoints").get("data") or []
        except RequestRefused:
            return []
        return [
            {"model": one.get("object_name") or one.get("path"), "step": one.get("step"), "metrics": {}} for one in told
        ]

    def cancel(self, job_id: str) -> RemoteJob:
        """Ask for a job to be stopped."""
        return read_job(self._whole(self._wire.read("POST", f"/fine-tunes/{job_id}/cancel")))

    def quote(self, request: Mapping[str, Any]) -> float | None:
        """Ask what the job would cost, now that the files are there."""
        try:
            told = self._wire.read("POST", "/fine-tunes/estimate-price", json=estimate_body(request))
        except RequestRefused:
            return None
        price = told.get("estimated_total_price")
        return float(price) if isinstance(price, int | float) and not isinstance(price, bool) else None

    def _have_read(self, found: dict[str, Any]) -> RemoteFile:
        """Have a file read whose reading was never asked for, because the answer to sending it got lost."""
        if found.get("processing_status"):
            return read_file(found)
        try:
            return read_file(self._whole(self._wire.read("POST", f"/files/{found['id']}/preprocess")))
        except RequestRefused:
            return read_file(found)

    def _whole(self, body: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(body.get("id"), str):
            raise unreadable(self.endpoint)
        return body

    def _id(self, told: Answer) -> str:
        file_id = told.body.get("file_id")
        if not isinstance(file_id, str):
            raise unreadable(self.endpoint)
        return file_id


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

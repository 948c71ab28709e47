"""The provider `fireworks`: Fireworks AI's datasets and supervised fine-tuning jobs, by its own API.

Calls and fields are those of the SDK fireworks-ai 1.2.30 (its source), spoken over plain HTTP; the live
service was not asked. Datasets and jobs are given our own ids, made of the file's hash and of the submission key, so
the service itself refuses a second one (409).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from export.submit.capabilities import KNOWN
from export.submit.errors import NotThere, UnknownModel
from export.submit.fireworks_answers import (
    dataset_id,
    full_model,
    job_body,
    job_id_of,
    read_end,
    read_file,
    read_job,
    read_progress,
)
from export.submit.patience import Patience
from export.submit.provider import SUBMISSION_KEY, RemoteEvent, RemoteFile, RemoteJob
from export.submit.unable import Unable
from export.submit.wire import OK, Wire
from export.submit.wire_errors import unreadable

TAKEN = OK | {409}
FILE = "data.jsonl"


class FireworksProvider(Unable):
    """Speak to one account with one key; `endpoint` ends with /accounts/NAME."""

    name = "fireworks"
    capabilities = KNOWN["fireworks"]

    def __init__(self, endpoint: str, key: str, patience: Patience) -> None:
        root, _, self._account = endpoint.partition("/accounts/")
        self.endpoint = endpoint
        self.part_bytes = self.capabilities.most_bytes
        self._seen: dict[str, dict[str, Any]] = {}
        self._own = f"/accounts/{self._account}"
        self._wire = Wire(root, key, patience, self.capabilities)

    def close(self) -> None:
        """Let go of the connections."""
        self._wire.close()

    def probe(self, model: str) -> date | None:
        """Check key and model; give the day the model's deployment ends."""
        try:
            told = self._wire.read("GET", "/" + full_model(model))
        except NotThere as error:
            raise UnknownModel(
                f"{self.endpoint} does not know {model}: {error.message}",
                hint="Choose another with --model, as the model library names it.",
            ) from None
        if told.get("tunable") is False:
            raise UnknownModel(
                f"{self.endpoint} does not tune {model}.", hint="Choose one that the library calls tunable."
            )
        return read_end(told)

    def find_file(self, name: str, size: int) -> RemoteFile | None:  # noqa: ARG002 - the name holds the content's hash
        """Find a whole dataset by its id; one whose upload was not finished is sent again."""
        try:
            file = self.file(dataset_id(name))
        except NotThere:
            return None
        return None if file.is_waiting or file.is_failed else file

    def file(self, file_id: str) -> RemoteFile:
        """Look a dataset up."""
        return read_file(self._named(self._wire.read("GET", f"{self._own}/datasets/{file_id}")))

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Make the dataset, put the file where it is wanted, and have it read; tried once, and harmless twice."""
        known, size = dataset_id(name), str(path.stat().st_size)
        made = {"displayName": known, "userUploaded": {}, "exampleCount": str(_lines(path)), "format": "CHAT"}
        self._wire.once("POST", f"{self._own}/datasets", takes=TAKEN, json={"datasetId": known, "dataset": made})
        to = self._wire.once(
            "POST", f"{self._own}/datasets/{known}:getUploadEndpoint", json={"filenameToSize": {FILE: size}}
        )
        address = (to.body.get("filenameToSignedUrls") or {}).get(FILE)
        if not isinstance(address, str):
            raise unreadable(self.endpoint)
        signed = {"content-type": "application/octet-stream", "x-goog-content-length-range": f"{size},{size}"}
        self._wire.put(address, path, signed)
        self._wire.once("POST", f"{self._own}/datasets/{known}:validateUpload", json={})
        return self.file(known)

    def create(self, request: Mapping[str, Any]) -> RemoteJob:
        """Make a job under the id of its submission key; where it is there already, give that one."""
        known = job_id_of(request["metadata"][SUBMISSION_KEY])
        told = self._wire.once(
            "POST",
            f"{self._own}/supervisedFineTuningJobs",
            takes=TAKEN,
            params={"supervisedFineTuningJobId": known},
            json=job_body(request, self._account),
        )
        return self.retrieve(known) if told.status == 409 else read_job(self._named(told.body))

    def jobs(self, key: str) -> Iterator[RemoteJob]:
        """Give the job whose id is made of the key, if there is one."""
        try:
            yield read_job(self._job(job_id_of(key)), key=key)
        except NotThere:
            return

    def retrieve(self, job_id: str) -> RemoteJob:
        """Look a job up; what it tells of its progress is kept for `events`."""
        self._seen[job_id] = self._job(job_id)
        return read_job(self._seen[job_id])

    def events(self, job_id: str) -> Iterator[list[RemoteEvent]]:
        """Give the job's state and progress, as last retrieved, as events."""
        yield read_progress(self._seen.pop(job_id, None) or self._job(job_id))

    def cancel(self, job_id: str) -> RemoteJob:
        """Ask for a job to be stopped."""
        self._wire.read("POST", f"{self._own}/supervisedFineTuningJobs/{job_id}:cancel", json={})
        return self.retrieve(job_id)

    def resume(self, job_id: str) -> RemoteJob:
        """Ask for a job to go on."""
        self._wire.read("POST", f"{self._own}/supervisedFineTuningJobs/{job_id}:resume", json={})
        return self.retrieve(job_id)

    def content(self, file_id: str) -> bytes:
        """Fetch a job's metrics file; its address is asked for anew, because it is signed for a while only."""
        address = self._job(file_id).get("metricsFileSignedUrl")
        if not address:
            raise NotThere(f"{self.endpoint} has no metrics of {file_id}.", hint="It may not have written any.")
        return self._wire.fetch(address)

    def _job(self, job_id: str) -> dict[str, Any]:
        return self._named(self._wire.read("GET", f"{self._own}/supervisedFineTuningJobs/{job_id}"))

    def _named(self, body: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(body.get("name"), str):
            raise unreadable(self.endpoint)
        return body


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)

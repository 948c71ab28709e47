"""What a provider must be able to do: take files, make a job, and tell how it goes.

Whoever fulfils `Provider` can be submitted to; the steps around it (uploading once, creating once, following over
restarts) are the same for all. A provider's calls raise the errors of export/submit/errors.py and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from export.submit.capabilities import Capabilities

SUBMISSION_KEY = "submission_key"
"""The entry of a job's metadata by which it is found again."""

KEY_DIGITS = 12
"""How many hexadecimal digits of it stand in a name where there is no metadata: 48 bits."""

SECRET = frozenset({"integrations", "wandbConfig", "wandb_key", "wandb_api_key", "hf_api_token", "awsS3Config"})

OVER = frozenset({"succeeded", "failed", "cancelled"})
FILE_WAITING = frozenset({"uploaded", "pending", "running", "notRunning"})  # the last three are Azure's
FILE_FAILED = frozenset({"error", "failed", "deleted"})


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the provider knows it; a status that we do not know counts as ready."""

    file_id: str
    status: str
    problem: str = ""

    @property
    def is_waiting(self) -> bool:
        """Say whether the provider is still reading it."""
        return self.status in FILE_WAITING

    @property
    def is_failed(self) -> bool:
        """Say whether the provider cannot use it."""
        return self.status in FILE_FAILED


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job as the provider tells it; its status may be one we have never heard of. `fields` is all that it told."""

    job_id: str
    status: str
    model: str = ""
    training_file: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    finished_at: datetime | None = None
    result_files: tuple[str, ...] = ()
    problem: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_over(self) -> bool:
        """Say whether nothing more will happen; of an unknown status the day it finished decides."""
        return self.status in OVER or self.finished_at is not None


@dataclass(frozen=True, slots=True)
class RemoteEvent:
    """Something that happened to a job; `data` holds figures where its kind is metrics."""

    event_id: str
    happened_at: datetime
    level: str
    message: str
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


def kept_fields(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give what may be kept of a job's answer: all but keys, and addresses that open a file to whoever has them."""
    return {
        name: value for name, value in answer.items() if name not in SECRET and not name.lower().endswith("signedurl")
    }


def with_key(suffix: str, key: str, most: int) -> str:
    """Put the beginning of a submission key at the end of a suffix, for providers that keep no metadata."""
    room = most - KEY_DIGITS - 1
    return f"{suffix[:room]}-{key[:KEY_DIGITS]}" if suffix else key[:KEY_DIGITS]


def has_key(name: object, key: str) -> bool:
    """Say whether a name was made by `with_key`, or holds one that was."""
    return isinstance(name, str) and key[:KEY_DIGITS] in name


class Provider(Protocol):
    """Somebody who trains. `endpoint` says where, `part_bytes` from which size on a file is sent in parts of it.

    Every call is tried again by itself where that does no harm; `create` and `upload` are tried once. What a provider
    cannot do by its `capabilities` raises CannotDo. Its checks before anything is sent (export/submit/checks.py) and
    its price (export/submit/pricing.py) need neither a key nor a connection and so are no calls.
    """

    name: str
    endpoint: str
    part_bytes: int
    capabilities: Capabilities

    def close(self) -> None:
        """Let go of the connection."""
        ...

    def probe(self, model: str) -> date | None:
        """Check key and model before anything is sent; give the day the model ends, where the provider tells it."""
        ...

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """Find a file that was uploaded under a name with so many bytes and can be used."""
        ...

    def file(self, file_id: str) -> RemoteFile:
        """Look a file up."""
        ...

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Send a file in one piece; tried once."""
        ...

    def start_upload(self, name: str, size: int) -> str:
        """Begin to send a file in parts, and give the upload's id."""
        ...

    def upload_part(self, upload_id: str, data: bytes) -> str:
        """Send a part, and give its id."""
        ...

    def finish_upload(self, upload_id: str, part_ids: list[str]) -> RemoteFile:
        """Put the parts together in this order."""
        ...

    def create(self, request: Mapping[str, Any]) -> RemoteJob:
        """Make a job; tried once, because every try may make one."""
        ...

    def jobs(self, key: str) -> Iterator[RemoteJob]:
        """Give the jobs that may have this submission key; who calls compares."""
        ...

    def retrieve(self, job_id: str) -> RemoteJob:
        """Look a job up."""
        ...

    def events(self, job_id: str) -> Iterator[list[RemoteEvent]]:
        """Give a job's events page by page, in the provider's order."""
        ...

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """Give the models kept from a job's last epochs, with their figures; none where the provider has none."""
        ...

    def cancel(self, job_id: str) -> RemoteJob:
        """Ask for a job to be stopped."""
        ...

    def pause(self, job_id: str) -> RemoteJob:
        """Ask for a job to wait."""
        ...

    def resume(self, job_id: str) -> RemoteJob:
        """Ask for a job that waits to go on."""
        ...

    def content(self, file_id: str) -> bytes:
        """Fetch a result file: CSV (plain or as base64), or JSON lines."""
        ...

    def quote(self, request: Mapping[str, Any]) -> float | None:
        """Give what a job would cost in USD by the provider's own reckoning of the uploaded files, where it tells."""
        ...

    def moderate(self, texts: Sequence[str]) -> list[list[str]] | None:
        """Give the categories each text is flagged for; None where the provider moderates nothing."""
        ...

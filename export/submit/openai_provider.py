"""The providers that speak OpenAI's Files, Uploads and fine-tuning APIs: `openai`, `azure`, `nebius`, `local`.

What differs between them stands in openai_dialects.py.

The SDK's own retries are off. They would launch a job twice or thrice (a create that answers 500 may have worked, and
no idempotency key is sent), and their pauses could not be told to anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import openai

from export.submit.capabilities import KNOWN, Capabilities
from export.submit.errors import AGAIN, NotThere, RequestRefused, Unavailable, UnknownModel
from export.submit.openai_answers import Answer, body, read_event, read_file, read_job
from export.submit.openai_dialects import arguments, mark_of, sent_as
from export.submit.openai_errors import translate
from export.submit.patience import Patience
from export.submit.provider import SUBMISSION_KEY, RemoteEvent, RemoteFile, RemoteJob
from export.submit.wire_errors import unreadable

Result = TypeVar("Result")

PART_BYTES = 64 * 1024 * 1024  # the largest part of an upload (API specification, POST /uploads/{id}/parts)
PAGE = 100
SECONDS, UPLOAD_SECONDS = 60.0, 600.0  # until a call counts as lost
PURPOSE = "fine-tune"
MEDIA_TYPE = "application/jsonl"
MODERATION_MODEL = "omni-moderation-latest"


class OpenAIProvider:
    """Speak to one endpoint with one key."""

    def __init__(
        self,
        endpoint: str,
        key: str,
        patience: Patience,
        *,
        capabilities: Capabilities = KNOWN["openai"],
        part_bytes: int = PART_BYTES,
    ) -> None:
        _hush()
        self.name = capabilities.name
        self.capabilities = capabilities
        self.endpoint = endpoint
        self.part_bytes = part_bytes if capabilities.parts else capabilities.most_bytes
        self._key = key
        self._patience = patience
        # A redirect would carry the files to an address that nobody named.
        http = openai.DefaultHttpx2Client(follow_redirects=False)
        self._client = openai.OpenAI(api_key=key, base_url=endpoint, max_retries=0, timeout=SECONDS, http_client=http)
        self._slow = self._client.with_options(timeout=UPLOAD_SECONDS)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def probe(self, model: str) -> date | None:
        """Check key and model; give the model's `shutdown_date`. An endpoint without GET /models knows no answer."""
        try:
            told = self._read(lambda: self._client.models.retrieve(model))
        except UnknownModel:
            raise
        except RequestRefused:
            return None
        with suppress(ValueError, TypeError):
            return date.fromisoformat(told["shutdown_date"]) if told.get("shutdown_date") else None
        return None

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """Find an uploaded file by its name, which holds its hash, and its size."""
        size += len(mark_of(self.capabilities))
        with suppress(NotThere):  # an endpoint that lists no files
            for page in self._pages(lambda after: self._client.files.list(after=after, purpose=PURPOSE)):
                for found in page:
                    if found.get("filename") == name and found.get("bytes") == size:
                        file = read_file(found)
                        if not file.is_failed:
                            return file
        return None

    def file(self, file_id: str) -> RemoteFile:
        """Look a file up."""
        return read_file(self._read(lambda: self._client.files.retrieve(file_id)))

    def upload(self, path: Path, name: str) -> RemoteFile:
        """Send a file in one piece; tried once."""
        with path.open("rb") as file:
            content = sent_as(self.capabilities, file)
            sent = self._once(lambda: self._slow.files.create(file=(name, content, MEDIA_TYPE), purpose=PURPOSE))
        return read_file(body(sent))

    def start_upload(self, name: str, size: int) -> str:
        """Begin an upload; the provider drops it after an hour."""
        return self._read(
            lambda: self._client.uploads.create(bytes=size, filename=name, mime_type=MEDIA_TYPE, purpose=PURPOSE)
        )["id"]

    def upload_part(self, upload_id: str, data: bytes) -> str:
        """Send a part; one that arrives twice is left out when the parts are put together."""
        return self._read(lambda: self._slow.uploads.parts.create(upload_id, data=data))["id"]

    def finish_upload(self, upload_id: str, part_ids: list[str]) -> RemoteFile:
        """Put the parts together."""
        done = self._read(lambda: self._slow.uploads.complete(upload_id, part_ids=part_ids))
        return read_file(done["file"])

    def create(self, request: Mapping[str, Any]) -> RemoteJob:
        """Make a job; tried once."""
        asked = arguments(self.capabilities, request)
        return read_job(body(self._once(lambda: self._client.fine_tuning.jobs.create(**asked))))

    def jobs(self, key: str) -> Iterator[RemoteJob]:
        """Give the jobs that the provider lists for a submission key; some providers list all of them."""
        asked: Any = {SUBMISSION_KEY: key} if self.capabilities.metadata else openai.omit
        for page in self._pages(
            lambda after: self._client.fine_tuning.jobs.list(after=after, limit=PAGE, metadata=asked)
        ):
            yield from (read_job(job, key=key) for job in page)

    def retrieve(self, job_id: str) -> RemoteJob:
        """Look a job up."""
        return read_job(self._read(lambda: self._client.fine_tuning.jobs.retrieve(job_id)))

    def events(self, job_id: str) -> Iterator[list[RemoteEvent]]:
        """Give a job's events page by page; OpenAI gives the newest first."""
        for page in self._pages(
            lambda after: self._client.fine_tuning.jobs.list_events(job_id, after=after, limit=PAGE)
        ):
            yield [read_event(one) for one in page]

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """Give the checkpoints' models, steps and metrics."""
        listing = self._client.fine_tuning.jobs.checkpoints.list
        try:
            pages = list(self._pages(lambda after: listing(job_id, after=after, limit=PAGE)))
        except RequestRefused:
            return []
        return [
            {
                "model": one.get("fine_tuned_model_checkpoint"),
                "step": one.get("step_number"),
                "metrics": one.get("metrics") or {},
            }
            for page in pages
            for one in page
        ]

    def cancel(self, job_id: str) -> RemoteJob:
        """Ask for a job to be stopped; a second request does no harm."""
        return read_job(self._read(lambda: self._client.fine_tuning.jobs.cancel(job_id)))

    def pause(self, job_id: str) -> RemoteJob:
        """Ask for a job to wait."""
        return read_job(self._read(lambda: self._client.fine_tuning.jobs.pause(job_id)))

    def resume(self, job_id: str) -> RemoteJob:
        """Ask for a job to go on."""
        return read_job(self._read(lambda: self._client.fine_tuning.jobs.resume(job_id)))

    def quote(self, request: Mapping[str, Any]) -> float | None:  # noqa: ARG002 - the protocol's shape
        """Give nothing: none of these tells a price before the job is over."""
        return None

    def moderate(self, texts: Sequence[str]) -> list[list[str]] | None:
        """Ask OpenAI's free moderation; an endpoint that has none, or none for each text, gives None."""
        if not self.capabilities.moderation:
            return None
        try:
            told = self._read(lambda: self._client.moderations.create(model=MODERATION_MODEL, input=list(texts)))
        except RequestRefused:
            return None
        results = told.get("results")
        if not isinstance(results, list) or len(results) != len(texts):
            return None
        return [sorted(name for name, is_so in one["categories"].items() if is_so) for one in results]

    def content(self, file_id: str) -> bytes:
        """Fetch a file."""
        return self._patience.trying(lambda: self._once(lambda: self._slow.files.content(file_id).read()))

    def _read(self, call: Callable[[], Answer]) -> dict[str, Any]:
        """Make a call that may be made twice."""
        return self._patience.trying(lambda: body(self._once(call)))

    def _once(self, call: Callable[[], Result]) -> Result:
        """Make a call a single time, and turn what the SDK raises into our errors."""
        try:
            return call()
        except openai.OpenAIError as error:
            problem = translate(error, endpoint=self.endpoint, key=self._key, provider=self.capabilities)
        except (ValueError, AttributeError):  # what the SDK trips over: JSON that breaks off, a page of a proxy
            problem = unreadable(self.endpoint)
        # Raised out here so that no traceback carries the SDK's exception, which holds the request.
        raise problem

    def _pages(self, call: Callable[[Any], Any]) -> Iterator[list[dict[str, Any]]]:
        """Walk a listing page by page; a provider that repeats a page has given all it has."""
        seen: set[str] = set()
        after: Any = openai.omit
        while True:
            page = self._patience.trying(lambda after=after: _page(self._once(lambda: call(after))))
            new = [item for item in page["data"] if item["id"] not in seen]
            if not new:
                return
            yield new
            seen.update(item["id"] for item in new)
            if page.get("has_more") is False:
                return
            after = new[-1]["id"]


def _page(answer: Any) -> dict[str, Any]:  # noqa: ANN401 - one of the SDK's page types, or what a proxy gave instead
    """Read a page of a listing; items without an id cannot be told apart, and are no answer of this API."""
    page = answer.to_dict() if hasattr(answer, "to_dict") else {}
    items = page.get("data")
    if not isinstance(items, list) or any(not isinstance(item.get("id"), str) for item in items):
        raise Unavailable("The provider's listing is none of the fine-tuning API.", hint=AGAIN)
    return page


def _hush() -> None:
    """Keep the SDK's loggers still whatever OPENAI_LOG says: some versions write out what is sent."""
    for name in ("openai", "httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)

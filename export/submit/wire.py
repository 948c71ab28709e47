"""Speak plain HTTP to a provider that has an API of its own: calls, listings, files put to addresses it names.

httpx2 comes with OpenAI's SDK. Redirects are not followed by themselves, so files go where the provider says, over
https, and the key goes to the provider alone.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2

from export.submit.capabilities import Capabilities
from export.submit.errors import NotThere, RequestRefused, SubmitError
from export.submit.patience import Patience
from export.submit.wire_errors import Said, problem_of, shortened, unreachable, unreadable

Result = TypeVar("Result")

SECONDS, UPLOAD_SECONDS = 60.0, 600.0
CHUNK = 1024 * 1024
OK = frozenset({200, 201, 202, 204})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the body where it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: dict[str, Any]


class Wire:
    """One endpoint, one key; every error that leaves here is one of export/submit/errors.py."""

    def __init__(self, endpoint: str, key: str, patience: Patience, provider: Capabilities) -> None:
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.endpoint = endpoint
        self.patience = patience
        self._provider = provider
        self._key = key
        self._client = httpx2.Client(timeout=SECONDS, follow_redirects=False)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def read(self, method: str, path: str, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - httpx2's arguments
        """Make a call that may be made twice, and give its JSON object."""
        return self.patience.trying(lambda: self.once(method, path, **asked).body)

    def once(
        self,
        method: str,
        path: str,
        *,
        takes: frozenset[int] = OK,
        **asked: Any,  # noqa: ANN401 - httpx2's arguments
    ) -> Answer:
        """Make a call a single time; statuses in `takes` are answers, all others errors.

        Raises:
            SubmitError: it did not work; whether it may have had its effect stands in the error.
        """
        headers = {"authorization": f"Bearer {self._key}"}
        return self._told(lambda: self._client.request(method, self.endpoint + path, headers=headers, **asked), takes)

    def put(self, address: str, path: Path, headers: Mapping[str, str]) -> None:
        """Put a file to an address that the provider named; it is sent no key.

        Raises:
            RequestRefused: the address is not safe to send it to.
        """
        self._check(address)
        size = str(path.stat().st_size)

        def send() -> httpx2.Response:
            with path.open("rb") as file:
                chunks = iter(lambda: file.read(CHUNK), b"")
                told = {"content-length": size, **headers}
                return self._client.put(address, content=chunks, headers=told, timeout=UPLOAD_SECONDS)

        self._told(send, OK, is_json=False)

    def fetch(self, address: str) -> bytes:
        """Fetch what lies at an address that the provider named; no key is sent."""
        self._check(address)
        return self.patience.trying(
            lambda: self._raw(lambda: self._client.get(address, timeout=UPLOAD_SECONDS), OK).content
        )

    def _check(self, address: str) -> None:
        to, own = urlsplit(address), urlsplit(self.endpoint)
        is_here = to.hostname in LOOPBACK and own.hostname in LOOPBACK
        if to.scheme != "https" and not is_here:
            raise RequestRefused(
                f"{self.endpoint} wants a file at an address that is not https.",
                hint="Nothing was sent there. Check submit.base_url, and whether a proxy stands between.",
            )

    def _told(self, call: Callable[[], httpx2.Response], takes: frozenset[int], *, is_json: bool = True) -> Answer:
        response = self._raw(call, takes)
        if not is_json or not response.content or response.status_code not in OK:
            return Answer(response.status_code, response.headers, _body(response))
        body = _body(response)
        if not body and response.content.strip() != b"{}":
            raise unreadable(self.endpoint)
        return Answer(response.status_code, response.headers, body)

    def _raw(self, call: Callable[[], httpx2.Response], takes: frozenset[int]) -> httpx2.Response:
        try:
            response = call()
        except httpx2.TimeoutException:
            problem: SubmitError = unreachable(self.endpoint, late=True)
        except httpx2.HTTPError:
            problem = unreachable(self.endpoint, late=False)
        else:
            if response.status_code in takes:
                return response
            problem = self._problem(response)
        # Raised out here so that no traceback carries the library's exception, which holds the request.
        raise problem

    def _problem(self, response: httpx2.Response) -> SubmitError:
        error = _error(_body(response))
        words = shortened(error.get("message"), self._key)
        code = str(error.get("code") or error.get("status") or error.get("type") or "")
        said = Said(response.status_code, code, str(error.get("param") or ""), words, response.headers)
        return problem_of(said, endpoint=self.endpoint, provider=self._provider)


def _body(response: httpx2.Response) -> dict[str, Any]:
    """Read a JSON object; anything else is none."""
    try:
        given = response.json()
    except ValueError:
        return {}
    if isinstance(given, list):
        return {"data": given}
    return given if isinstance(given, dict) else {}


def _error(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Find the error in a body: {"error": {...}}, {"error": "words"}, or the error itself."""
    error = body.get("error", body)
    return error if isinstance(error, dict) else {"message": error}


def listed(pages: Iterator[list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Walk a listing; a provider that lists nothing has nothing."""
    try:
        for page in pages:
            yield from page
    except NotThere:
        return


def digest(*parts: object) -> str:
    """Give an id to something that has none: the same for the same parts."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:24]

"""Posts that name an Idempotency-Key happen once: sent again, they get the first answer and change nothing.

The header is that of draft-ietf-httpapi-idempotency-key-header-07; keys belong to a person and are kept for a day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.credentials import SignedIn
from service.web.errors import Conflict, WebError
from service.web.problems import API, respond
from service.web.server import Server
from store.database import Store

KEY_HEADER = "idempotency-key"
MAX_KEY = 255
SERVER_ERRORS = 500
SECRETS = ("/tokens", "/link", "/people")
"""How the addresses end whose answers hold a secret: it is not kept."""
UPLOADS = "/files"
SENT_AGAIN = [("content-type", "application/json"), ("idempotent-replay", "true")]


class Once:
    """Remember the answers to posts of the API that name a key."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run a request, or repeat the answer that it had."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        key = request.headers.get(KEY_HEADER)
        path = request.url.path
        if key is None or request.method != "POST" or not path.startswith(API) or path.endswith(UPLOADS):
            await self._app(scope, receive, send)
            return
        signed_in: SignedIn = request.state.signed_in
        body = await request.body()
        first = _First(signed_in.person.person_id, key, _digest(path, body))
        try:
            answer = await run_in_threadpool(self._begin, first)
        except WebError as error:
            await respond(request, error)(scope, receive, send)
            return
        if answer is not None:
            await answer(scope, receive, send)
            return
        seen = _Seen(send, keeps_body=not path.endswith(SECRETS))
        try:
            await self._app(scope, _again(body, receive), seen)
        finally:
            await run_in_threadpool(self._end, first, seen)

    def _begin(self, first: _First) -> Response | None:
        """Give the answer of the first try, or None where this is it.

        Raises:
            WebError: the key is too long, or was used for something else.
            Conflict: the first try is under way, or its answer held a secret.
        """
        if not 0 < len(first.key) <= MAX_KEY:
            raise WebError(f"An idempotency key has 1 to {MAX_KEY} characters.", hint="Use a UUID.")
        with self._server.store.another() as store, store.transaction():
            store.execute("DELETE FROM idempotency WHERE happened_at < now() - INTERVAL 1 DAY")
            rows = store.rows(
                "SELECT request_hash, status, answer FROM idempotency WHERE person_id = ? AND idempotency_key = ?",
                [first.person_id, first.key],
            )
            if not rows:
                store.execute(
                    "INSERT INTO idempotency VALUES (?, ?, ?, NULL, NULL, now())",
                    [first.person_id, first.key, first.digest],
                )
                return None
        digest, status, answer = rows[0]
        if digest != first.digest:
            raise WebError("This idempotency key was used for another request.", hint="Make a new key for each.")
        if status is None:
            raise Conflict("The first try of this is still under way.", hint="Ask again in a moment.")
        if answer is None:
            raise Conflict("This was done already; its answer held a secret, which is not kept.", hint="Look it up.")
        return Response(answer, status, headers=dict(SENT_AGAIN))

    def _end(self, first: _First, seen: _Seen) -> None:
        with self._server.store.another() as store:
            _keep(store, first, seen)


@dataclass(frozen=True, slots=True)
class _First:
    person_id: str
    key: str
    digest: str


@dataclass(slots=True)
class _Seen:
    """Send an answer on, and remember it."""

    send: Send
    keeps_body: bool
    status: int = SERVER_ERRORS
    body: bytearray = field(default_factory=bytearray)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif self.keeps_body:
            self.body += message.get("body", b"")
        await self.send(message)


def _keep(store: Store, first: _First, seen: _Seen) -> None:
    """Keep an answer; after an error on our side the same key may be tried again."""
    where = "WHERE person_id = ? AND idempotency_key = ?"
    if seen.status >= SERVER_ERRORS:
        store.execute(f"DELETE FROM idempotency {where}", [first.person_id, first.key])
        return
    answer = bytes(seen.body).decode() if seen.keeps_body else None
    store.execute(
        f"UPDATE idempotency SET status = ?, answer = ? {where}", [seen.status, answer, first.person_id, first.key]
    )


def _digest(path: str, body: bytes) -> str:
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


def _again(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already once more."""
    is_given = False

    async def give() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give

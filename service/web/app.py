"""The application: every screen and every call, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.web.api import tasks as api_tasks
from service.web.guard import Guard
from service.web.pages import home, sign_in
from service.web.problems import API, Problem, broken, handle_errors, log_bug, respond
from service.web.rendering import STATIC
from service.web.server import Server

PAGES: list[APIRouter] = [home.router, sign_in.router]
"""The screens; a module's router is added here when it works, and its place in rendering.NAVIGATION."""

CALLS: list[APIRouter] = [api_tasks.router]
"""The API's parts, each under /api/v1."""

SMALLEST_ZIPPED = 1000
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words, "content": {"application/problem+json": {}}}
    for status, words in (
        (400, "It cannot be done as asked."),
        (401, "Nobody is signed in."),
        (403, "The person's role does not allow it."),
        (404, "There is no such thing."),
        (409, "It was changed meanwhile, or is done already."),
        (413, "There is no room for it."),
        (422, "Some of what was sent does not fit."),
        (429, "Too many tries."),
        (503, "The server cannot do this now."),
    )
}
ABOUT = (
    "Everything the pages do, for scripts. Send a token from the page *People and settings* as `Authorization: Bearer "
    "TOKEN`; it acts as its person, in no higher role than its scope. Errors are problem documents (RFC 9457). Lists "
    "are paged by `after`: give the last answer's `next`. A POST may name an `Idempotency-Key`: sent again with the "
    "same key and body, it changes nothing and gets the first answer."
)


def create_app(server: Server) -> FastAPI:
    """Make the application over an open service; its background works while it is up."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        server.tasks.start()
        yield
        server.tasks.stop()

    app = FastAPI(
        title="chatmill", version=version("chatmill"), description=ABOUT, openapi_url=f"{API}/openapi.json",
        docs_url=None, redoc_url=None, lifespan=lifespan, redirect_slashes=False, middleware=[
            Middleware(Guard, server=server), Middleware(GZipMiddleware, minimum_size=SMALLEST_ZIPPED),
            Middleware(Unbroken),
        ],
    )  # fmt: skip
    app.state.server = server
    for router in PAGES:
        app.include_router(router, include_in_schema=False)
    for router in CALLS:
        app.include_router(router, prefix=API, responses=PROBLEMS)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    handle_errors(app)
    return app


class KeptFiles(StaticFiles):
    """Static files, which browsers may keep: their address names their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Give a file."""
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


class Unbroken:
    """Turn a bug into a clear answer, before anything could show its words."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the request."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last stop before a traceback that could hold conversation text
            from starlette.requests import Request

            request = Request(scope)
            log_bug(request, error)
            await respond(request, broken())(scope, receive, send)

"""The application: every screen and every call, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer
from fastapi.staticfiles import StaticFiles
from fastapi.telemetry import TelemetryConfig
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.drops.drops import sweep
from service.web.api import audit as api_audit
from service.web.api import conversations as api_conversations
from service.web.api import datasets as api_datasets
from service.web.api import drops as api_drops
from service.web.api import findings as api_findings
from service.web.api import history as api_history
from service.web.api import jobs as api_jobs
from service.web.api import outcomes as api_outcomes
from service.web.api import people as api_people
from service.web.api import rules as api_rules
from service.web.api import tasks as api_tasks
from service.web.guard import Guard
from service.web.once import Once
from service.web.pages import (
    add,
    audit,
    datasets,
    history,
    home,
    jobs,
    lists,
    outcomes,
    patterns,
    people,
    review,
    rules,
    sign_in,
    sign_off,
    votes,
    working,
)  # fmt: skip
from service.web.problems import API, Problem, broken, handle_errors, log_bug, respond, text_problem
from service.web.rendering import STATIC
from service.web.server import Server
from store.database import storage_problem

PAGES: list[APIRouter] = [
    home.router, add.router, sign_in.router, history.router, people.router,
    working.router, outcomes.router, rules.router, audit.router, datasets.router,
    sign_off.router, jobs.router, review.router, patterns.router, lists.router,
    votes.router,
]  # fmt: skip
"""The screens; a module's router is added here when it works, and its place in rendering.NAVIGATION."""

CALLS: list[APIRouter] = [
    api_conversations.router,
    api_findings.router,
    api_outcomes.router,
    api_rules.router,
    api_audit.router,
    api_datasets.router,
    api_jobs.router,
    api_tasks.router,
    api_drops.router,
    api_history.router,
    api_people.router,
]
"""The API's parts, each under /api/v1."""

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
"""FastAPI's own would send exceptions' words out where FASTAPI_OTEL_AUTO_CONFIGURE says so (promise 4)."""

TOKEN = HTTPBearer(auto_error=False, description="A token of the page People and settings.")
"""For the document alone; the guard lets in or not."""

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
        (507, "The disk has no room for it."),
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
        with server.store.another() as store:
            sweep(server.workspace, store)
            server.standings.count(store)  # before anybody asks: at a million conversations it takes seconds
        server.tasks.start()
        yield
        server.tasks.stop()

    app = _bare_app(
        lifespan=lifespan,
        middleware=[
            Middleware(Guard, server=server),
            Middleware(GZipMiddleware, minimum_size=SMALLEST_ZIPPED),
            Middleware(Once, server=server),
            Middleware(Unbroken),
        ],
    )
    app.state.server = server
    for router in PAGES:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    handle_errors(app)
    return app


def api_document() -> dict[str, Any]:
    """Give the API's OpenAPI document, without a workspace; docs/api.md is made of it."""
    return _bare_app().openapi()


def _bare_app(**options: Any) -> FastAPI:  # noqa: ANN401 - FastAPI's own
    """Make an application that has the API alone."""
    app = FastAPI(
        title="chatmill", version=version("chatmill"), description=ABOUT, openapi_url=f"{API}/openapi.json",
        docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY, **options,
    )  # fmt: skip
    for router in CALLS:
        app.include_router(router, prefix=API, responses=PROBLEMS, dependencies=[Security(TOKEN)])
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
            problem = storage_problem(error) or text_problem(error)
            if problem is None:
                log_bug(request, error)
            await respond(request, problem or broken())(scope, receive, send)

"""The application: every call behind the guard, every error in OpenAI's shape."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from export.training.errors import TrainingError
from service.trainer import files, jobs, talk
from service.trainer.errors import Refused
from service.trainer.rehearsal import Faulty
from service.trainer.trainer import Trainer

LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})
NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip


def create_app(trainer: Trainer) -> FastAPI:
    """Make the application over a trainer; jobs are worked off while it is up."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        trainer.runner.start()
        yield
        trainer.runner.stop()

    app = FastAPI(
        title="chatmill trainer", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry=NO_TELEMETRY, lifespan=lifespan,
        middleware=[Middleware(Guard, trainer=trainer), Middleware(Faulty, rehearsal=trainer.rehearsal)],
    )  # fmt: skip
    app.state.trainer = trainer
    for router in (files.router, jobs.router, talk.router):
        app.include_router(router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(TrainingError, _untrained)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _unknown)
    return app


class Guard:
    """Let in who has the token and asks for this machine by its own name (a page elsewhere could not)."""

    def __init__(self, app: ASGIApp, trainer: Trainer) -> None:
        self._app, self._trainer = app, trainer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse; a bug is told by its kind alone, for its words may quote a conversation."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if host not in LOCAL_NAMES:
            await _answer(Refused(403, "This server answers to this machine alone."))(scope, receive, send)
        elif not hmac.compare_digest(given.encode(), self._trainer.token.encode()):
            wrong = Refused(401, "Incorrect API key provided.", reason="invalid_api_key")
            await _answer(wrong)(scope, receive, send)
        else:
            self._trainer.calls += 1
            try:
                await self._pass(scope, receive, send)
            finally:
                self._trainer.calls -= 1
                self._trainer.seen = time.monotonic()

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the last stop before a traceback that could show conversation text
            logging.getLogger(__name__).error("The trainer broke: %s", type(error).__name__)  # noqa: TRY400
            broken = Refused(500, f"The trainer broke: {type(error).__name__}.")
            await _answer(broken)(scope, receive, send)


def _answer(error: Refused) -> JSONResponse:
    return JSONResponse(error.body(), error.status)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return _answer(error)


async def _untrained(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TrainingError)
    return _answer(Refused(503, f"{error.message} {error.hint}".strip(), reason="training_unready"))


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Name the first field that does not fit, and never what it holds."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"] if part != "body") or None
    words = "is missing" if first["type"] == "missing" else f"does not fit ({first['type']})"
    if first["type"] == "extra_forbidden":
        words = "is not known"
    return _answer(Refused(400, f"The field {param!r} {words}.", param=param, reason="invalid_value"))


async def _unknown(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return _answer(Refused(error.status_code, "There is no such call.", reason="unknown_url"))

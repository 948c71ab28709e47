"""Errors as people and scripts see them: a page, a line above the form, or a problem document (RFC 9457)."""

from __future__ import annotations

import logging
import traceback
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from curate.review.errors import Overtaken, Reserved, UnknownItem
from service.web.errors import NotThere, TooMany, WebError
from service.web.rendering import page
from store.database import NotWritten, StoreLocked
from store.errors import ChatmillError, UsageError

logger = logging.getLogger(__name__)

API = "/api/v1"
PROBLEM_TYPE = "application/problem+json"
UNPROCESSABLE, BUG = 422, 500
REVIEW: dict[type[ChatmillError], int] = {UnknownItem: 404, Reserved: 409, Overtaken: 409}


class Problem(BaseModel):
    """A problem document (RFC 9457): what failed, and what to do next."""

    type: str = Field(default="about:blank", description="Names the kind of problem.")
    title: str = Field(description="The HTTP status in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What failed.")
    code: str = Field(description="chatmill's stable code of the error.")
    hint: str = Field(default="", description="What to do next.")
    errors: list[str] = Field(default=[], description="The fields that do not fit, where there are any.")


class BadForm(WebError):
    """Say which fields of a form or call do not fit."""

    code = "WEB-422"
    status = UNPROCESSABLE

    def __init__(self, errors: list[str]) -> None:
        super().__init__("Some of what was sent does not fit: " + "; ".join(errors) + ".", hint="Correct it.")
        self.errors = errors


def handle_errors(app: FastAPI) -> None:
    """Let every error of the app end as a page or a problem document."""
    app.add_exception_handler(ChatmillError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


def respond(request: Request, error: ChatmillError) -> Response:
    """Give the answer that fits who asked: a script, htmx, or a browser that loads a page."""
    status = status_of(error)
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, TooMany) else {}
    if is_api(request):
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(_document(error, status), status, headers=headers, media_type=PROBLEM_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        return _to_sign_in(request)
    template = "problem.html"
    if "hx-request" in request.headers:
        template = "_problem.html"
        headers |= {"HX-Retarget": "#notice", "HX-Reswap": "innerHTML show:window:top"}
    answer = page(request, template, status=status, title=HTTPStatus(status).phrase, error=error)
    answer.headers.update(headers)
    return answer


def status_of(error: ChatmillError) -> int:
    """Give the HTTP status that fits an error."""
    if isinstance(error, StoreLocked | NotWritten):
        return HTTPStatus.SERVICE_UNAVAILABLE
    for kind, status in REVIEW.items():
        if isinstance(error, kind):
            return status
    status = getattr(error, "status", None)
    if isinstance(status, int):
        return status
    return UNPROCESSABLE if isinstance(error, UsageError) else BUG


def is_api(request: Request) -> bool:
    """Tell whether a script asks."""
    return request.url.path.startswith(f"{API}/") or request.url.path == API


def log_bug(request: Request, error: Exception) -> None:
    """Log where a bug struck, and nothing of its words: they may hold conversation text."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if "site-packages" not in frame.filename), frames[-1])
    route = getattr(request.scope.get("route"), "path", "?")
    logger.error("%s %s: %s at %s:%s", request.method, route, type(error).__name__, place.filename, place.lineno)


def text_problem(error: Exception) -> WebError | None:
    r"""Say that a text holds half of a surrogate pair, as JSON's "\ud800": it is no Unicode and can be kept nowhere.

    Nothing was written: what does not encode fails before its transaction ends.
    """
    if isinstance(error, UnicodeEncodeError | TypeError) and "surrogates not allowed" in str(error):
        return WebError("A text that was sent is not valid Unicode.", hint="Send it again without lone surrogates.")
    return None


class Broken(WebError):
    """Say that the service broke; what it was is in the server's terminal alone."""

    code = "WEB-500"
    status = BUG


def broken() -> Broken:
    """Word what people see of a bug."""
    return Broken(
        "Something broke on our side. Nothing was half done.", hint="Try again; if it stays, look at the terminal."
    )


def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, ChatmillError)
    if status_of(error) == BUG:
        log_bug(request, error)
    return respond(request, error)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return respond(request, NotThere("There is no such page.", hint="Go back to the home page."))
    problem = WebError(HTTPStatus(error.status_code).phrase + ".", hint="See the API's document.")
    problem.status = error.status_code
    answer = respond(request, problem)
    answer.headers.update(error.headers or {})
    return answer


def _invalid(request: Request, error: Exception) -> Response:
    """Name the fields that do not fit; what stood in them is not repeated."""
    assert isinstance(error, RequestValidationError)
    return respond(request, BadForm([_field(one) for one in error.errors()]))


def _field(error: dict[str, object]) -> str:
    place = error.get("loc")
    names = [str(part) for part in place[1:]] if isinstance(place, tuple) else []
    return f"{'.'.join(names) or 'body'}: {error.get('msg')}"


def _document(error: ChatmillError, status: int) -> dict[str, object]:
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=error.message,
        code=error.code,
        hint=error.hint,
        errors=error.errors if isinstance(error, BadForm) else [],
    )
    return problem.model_dump()


def _to_sign_in(request: Request) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"HX-Redirect": "/sign-in"})
    return RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)

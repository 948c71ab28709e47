"""Coming in and going out: the one-time link, name and password, and a password of one's own."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.web import credentials
from service.web.dependencies import Credentials, Reader, Service, Writer
from service.web.errors import NotSignedIn
from service.web.guard import session_cookie
from service.web.people import Person, check_password, set_password
from service.web.rendering import page
from service.web.server import Server
from store import history
from store.database import Store

router = APIRouter()

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


@router.get("/sign-in")
def show_sign_in(request: Request) -> Response:
    """Ask for name and password."""
    return page(request, "sign_in.html", failed=False, name="")


@router.post("/sign-in")
def sign_in(
    request: Request, service: Service, writer: Writer, name: Annotated[str, Form()], password: Annotated[str, Form()]
) -> Response:
    """Let in whoever knows a name and its password."""
    keys = (f"name {name.strip().casefold()}", f"address {_address(request, service)}")
    service.attempts.check(*keys)
    person = check_password(writer, name, password)
    if person is None:
        service.attempts.failed(*keys)
        return page(request, "sign_in.html", status=HTTPStatus.UNAUTHORIZED, failed=True, name=name)
    service.attempts.succeeded(keys[0])
    return _come_in(request, service, writer, person)


@router.get("/enter")
def enter(request: Request, service: Service, writer: Writer, key: str = "") -> Response:
    """Take a link that works once; who comes to a shared service by one is asked for a password next."""
    found = credentials.use_link(writer, key)
    if found is None:
        return page(request, "link_used.html", status=HTTPStatus.UNAUTHORIZED)
    is_new = not found.person.has_password and not service.access.hosts
    return _come_in(request, service, writer, found.person, to="/password" if is_new else "/")


@router.post("/sign-out")
def sign_out(service: Service, writer: Writer, signed: Credentials) -> Response:
    """End this browser's session."""
    credentials.end(writer, signed.credential_id)
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(session_cookie(service))
    return answer


@router.get("/password")
def show_password(request: Request) -> Response:
    """Ask for a new password."""
    return page(request, "password.html")


@router.post("/password")
def change_password(
    reader: Reader,
    writer: Writer,
    signed: Credentials,
    password: Annotated[str, Form()],
    now: Annotated[str, Form()] = "",
) -> Response:
    """Keep a new password; other browsers of the person are signed out."""
    person = signed.person
    if person.has_password and check_password(reader, person.name, now) is None:
        raise NotSignedIn("The present password is another one.", hint="Type it again.")
    set_password(writer, person, password)
    for one in credentials.current(reader):
        if one.person_id == person.person_id and one.kind == "session" and one.credential_id != signed.credential_id:
            credentials.revoke(writer, one.credential_id)
    return RedirectResponse("/", HTTPStatus.SEE_OTHER)


def _come_in(request: Request, service: Server, store: Store, person: Person, *, to: str = "/") -> Response:
    with history.acting_as(person.name):
        _, secret = credentials.issue(
            store, person, kind="session", name=_browser(request.headers.get("user-agent", ""))
        )
    answer = RedirectResponse(to, HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        session_cookie(service),
        secret,
        max_age=int(timedelta(hours=12).total_seconds()),
        httponly=True,
        secure=service.access.is_secure,
        samesite="strict",
    )
    return answer


def _browser(agent: str) -> str:
    """Name a browser for people; the order matters, as browsers name others before themselves."""
    name = next((name for mark, name in BROWSERS if mark in agent), "a browser")
    system = next((name for mark, name in SYSTEMS if mark in agent), "")
    return f"{name} on {system}" if system else name


def _address(request: Request, service: Server) -> str:
    """Give the address that tries; behind our proxy, the one that it names last."""
    address = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return forwarded if forwarded and service.access.is_proxy(address) else address

"""What handlers ask for in their signatures.

@router.get("/things")
def things(request: Request, reader: Reader, person: Signed) -> HTMLResponse: ...

@router.post("/things", dependencies=[needs("lead")])
def add(writer: Writer, person: Signed, name: Annotated[str, Form()]) -> Response: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from starlette.datastructures import FormData

from service.web.credentials import SignedIn
from service.web.errors import NotAllowed, NotSignedIn
from service.web.people import Person, require
from service.web.server import Server
from store.database import Store
from store.settings import load
from store.workspace import SETTINGS_FILE, Workspace


async def posted(request: Request) -> FormData:
    """Give a form whose fields are not known beforehand."""
    return await request.form()


def server(request: Request) -> Server:
    """Give the service."""
    return cast("Server", request.app.state.server)


def workspace(request: Request) -> Workspace:
    """Give the workspace with its settings as they are now: they may have changed since the server started."""
    known = server(request).workspace
    return replace(known, settings=load(known.root / SETTINGS_FILE))


def reader(request: Request) -> Iterator[Store]:
    """Open a store for this request, for reading; it never waits for who writes."""
    with server(request).store.another() as store:
        yield store


def writer(request: Request) -> Iterator[Store]:
    """Open a store for this request, for writing: changes go through `with writer.transaction():`, and are short.

    Transactions of all requests and of the background come one after the other.
    """
    yield from reader(request)


def signed_in(request: Request) -> SignedIn:
    """Give the credential that the request came with."""
    found: SignedIn | None = getattr(request.state, "signed_in", None)
    if found is None:
        raise NotSignedIn("Nobody is signed in.", hint="Sign in first.")
    return found


def person(request: Request) -> Person:
    """Give who is signed in, with the role they act in."""
    return signed_in(request).person


def needs(role: str) -> Any:  # noqa: ANN401 - what FastAPI's Depends gives
    """Let only those in who may do what is up to `role`; for a route's `dependencies=[...]`."""

    def check(person: Annotated[Person, Depends(person)]) -> None:
        require(person, role)

    return Depends(check)


def needs_reveal() -> Any:  # noqa: ANN401 - what FastAPI's Depends gives
    """Let only those in who may see originals; the handler records each reveal in the history."""

    def check(person: Annotated[Person, Depends(person)]) -> None:
        if not person.may_reveal:
            raise NotAllowed("You may not see originals.", hint="Ask an admin of this workspace for that right.")

    return Depends(check)


Service = Annotated[Server, Depends(server)]
Here = Annotated[Workspace, Depends(workspace)]
Posted = Annotated[FormData, Depends(posted)]
Reader = Annotated[Store, Depends(reader)]
Writer = Annotated[Store, Depends(writer)]
Signed = Annotated[Person, Depends(person)]
Credentials = Annotated[SignedIn, Depends(signed_in)]

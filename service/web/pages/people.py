"""People and settings: who may come in and do what, one's own sessions and tokens, and the settings as they are."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.web import credentials, people
from service.web.dependencies import Here, Reader, Service, Signed, Writer, needs
from service.web.errors import NotThere
from service.web.people import ROLE_HELP, ROLES, Person
from service.web.rendering import page
from service.web.server import Server
from store.database import Store
from store.settings import Settings, catalogue
from store.workspace import Workspace

router = APIRouter()

Name = Annotated[str, Form(max_length=people.MAX_NAME)]
Role = Annotated[str, Form()]
Reveal = Annotated[str, Form()]


@router.get("/people")
def show_people(request: Request, reader: Reader, here: Here, person: Signed) -> Response:
    """Show who there is, and the settings."""
    return _page(request, reader, here, person)


@router.post("/people", dependencies=[needs("admin")])
def invite(
    request: Request,
    writer: Writer,
    service: Service,
    here: Here,
    person: Signed,
    name: Name,
    role: Role,
    reveal: Reveal = "",
) -> Response:
    """Let somebody in, and show the link that they sign in with."""
    added = people.add_person(writer, name, role=role, may_reveal=bool(reveal))
    return _page(request, writer, here, person, link=_link(request, writer, service, added), link_for=added.name)


@router.post("/people/{person_id}", dependencies=[needs("admin")])
def change(writer: Writer, person_id: str, role: Role, reveal: Reveal = "") -> Response:
    """Give a person another role or right."""
    people.change_person(writer, person_id, role=role, may_reveal=bool(reveal))
    return _back()


@router.post("/people/{person_id}/link", dependencies=[needs("admin")])
def give_link(
    request: Request, writer: Writer, service: Service, here: Here, person: Signed, person_id: str
) -> Response:
    """Show a new link to sign in with, for who forgot the password or has another browser."""
    other = people.find_person(writer, person_id)
    return _page(request, writer, here, person, link=_link(request, writer, service, other), link_for=other.name)


@router.post("/people/{person_id}/remove", dependencies=[needs("admin")])
def remove(writer: Writer, person_id: str) -> Response:
    """Let a person in no more."""
    people.remove_person(writer, person_id)
    return _back()


@router.post("/tokens")
def make_token(
    request: Request, writer: Writer, here: Here, person: Signed, name: Name, scope: Role, days: Annotated[int, Form()]
) -> Response:
    """Make an API token of one's own, and show it this once."""
    _, secret = credentials.issue_token(writer, person, name=name, scope=scope, days=days)
    return _page(request, writer, here, person, token=secret)


@router.post("/credentials/{credential_id}/revoke")
def revoke(writer: Writer, person: Signed, credential_id: str) -> Response:
    """End a session or token: one's own, or as an admin anybody's."""
    check_owner(writer, person, credential_id)
    credentials.revoke(writer, credential_id)
    return _back()


def check_owner(store: Store, person: Person, credential_id: str) -> None:
    """Refuse to touch what is somebody else's, as if it were not there.

    Raises:
        NotThere: it is somebody else's, or nobody's.
    """
    mine = {one.credential_id for one in credentials.current(store) if one.person_id == person.person_id}
    if credential_id not in mine and not person.may("admin"):
        raise NotThere("There is no such session or token of yours.", hint="Load the page again.")


def settings_in_force(settings: Settings) -> list[tuple[str, object, object, str]]:
    """Give every setting: its key, its value now, its default, and what it does."""
    rows: list[tuple[str, object, object, str]] = []
    for entry in catalogue():
        section, _, name = entry.key.partition(".")
        rows.append((entry.key, getattr(getattr(settings, section), name), entry.default, entry.help))
    return rows


def _page(
    request: Request,
    store: Store,
    here: Workspace,
    person: Person,
    *,
    link: str = "",
    link_for: str = "",
    token: str = "",
) -> Response:
    is_admin = person.may("admin")
    current = credentials.current(store)
    mine = request.state.signed_in.credential_id
    return page(
        request, "people.html", people=people.all_people(store) if is_admin else [], roles=ROLES, role_help=ROLE_HELP,
        credentials=[one for one in current if is_admin or one.person_id == person.person_id], this=mine, link=link,
        link_for=link_for, token=token, settings=settings_in_force(here.settings), root=str(here.root),
        scopes=[role for role in ROLES if person.may(role)],
    )  # fmt: skip


def _link(request: Request, store: Store, service: Server, person: Person) -> str:
    _, secret = credentials.issue(store, person, kind="link", name="by an admin", lasts=credentials.LINK_LASTS)
    scheme = "https" if service.access.is_secure else "http"
    return f"{scheme}://{request.headers.get('host', '')}/enter?key={secret}"


def _back() -> Response:
    return RedirectResponse("/people", HTTPStatus.SEE_OTHER)

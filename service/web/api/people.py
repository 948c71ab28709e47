"""People, sessions and tokens, for scripts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from service.web import credentials, people
from service.web.dependencies import Reader, Signed, Writer, needs
from service.web.pages.people import check_owner

router = APIRouter(tags=["people"])

PersonId = Annotated[str, Path(description="The person's id.")]
Role = Literal["viewer", "reviewer", "lead", "admin"]


class Person(BaseModel):
    """Somebody who may come in."""

    person_id: str
    name: str
    role: Role
    may_reveal: bool = Field(description="May see originals; each time is a line of the history.")
    has_password: bool


class People(BaseModel):
    """Everybody who may come in."""

    people: list[Person]


class Rights(BaseModel):
    """What a person may do."""

    role: Role
    may_reveal: bool = False


class NewPerson(Rights):
    """Somebody to let in."""

    name: str = Field(min_length=1, max_length=people.MAX_NAME)


class Invited(BaseModel):
    """Somebody who was let in, and the key of the link that signs them in once."""

    person: Person
    key: str = Field(description="They open /enter?key=KEY within 24 hours; it is shown this once.")


class Credential(BaseModel):
    """A browser's session or a script's token."""

    credential_id: str
    kind: Literal["session", "token"]
    name: str
    scope: Role = Field(description="The highest role that it acts in.")
    person: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Credentials(BaseModel):
    """Sessions and tokens: one's own, or everybody's for an admin."""

    credentials: list[Credential]


class NewToken(BaseModel):
    """A token to make for oneself."""

    name: str = Field(min_length=1, max_length=credentials.MAX_NAME)
    scope: Role
    days: int = Field(default=90, ge=1, le=credentials.LONGEST_TOKEN_DAYS)


class Token(BaseModel):
    """A token that was made."""

    credential_id: str
    token: str = Field(description="Send it as `Authorization: Bearer TOKEN`; it is shown this once.")


@router.get("/me")
def get_me(person: Signed) -> Person:
    """Say who is signed in, and in which role."""
    return describe(person)


@router.get("/people", dependencies=[needs("admin")])
def list_people(reader: Reader) -> People:
    """List everybody who may come in."""
    return People(people=[describe(person) for person in people.all_people(reader)])


@router.post("/people", status_code=201, dependencies=[needs("admin")])
def invite(writer: Writer, asked: NewPerson) -> Invited:
    """Let somebody in."""
    added = people.add_person(writer, asked.name, role=asked.role, may_reveal=asked.may_reveal)
    _, key = credentials.issue(writer, added, kind="link", name="by an admin", lasts=credentials.LINK_LASTS)
    return Invited(person=describe(added), key=key)


@router.put("/people/{person_id}", dependencies=[needs("admin")])
def change_person(writer: Writer, person_id: PersonId, rights: Rights) -> Person:
    """Give a person another role or right."""
    return describe(people.change_person(writer, person_id, role=rights.role, may_reveal=rights.may_reveal))


@router.delete("/people/{person_id}", status_code=204, dependencies=[needs("admin")])
def remove_person(writer: Writer, person_id: PersonId) -> None:
    """Let a person in no more."""
    people.remove_person(writer, person_id)


@router.get("/credentials")
def list_credentials(reader: Reader, person: Signed) -> Credentials:
    """List sessions and tokens."""
    mine = [one for one in credentials.current(reader) if person.may("admin") or one.person_id == person.person_id]
    return Credentials(
        credentials=[
            Credential.model_validate(one, from_attributes=True) for one in mine
        ]
    )  # fmt: skip


@router.delete("/credentials/{credential_id}", status_code=204)
def revoke(writer: Writer, person: Signed, credential_id: Annotated[str, Path(description="Its id.")]) -> None:
    """End a session or token."""
    check_owner(writer, person, credential_id)
    credentials.revoke(writer, credential_id)


@router.post("/tokens", status_code=201)
def make_token(writer: Writer, person: Signed, asked: NewToken) -> Token:
    """Make a token that acts as oneself."""
    credential_id, secret = credentials.issue_token(writer, person, name=asked.name, scope=asked.scope, days=asked.days)
    return Token(credential_id=credential_id, token=secret)


def describe(person: people.Person) -> Person:
    """Give a person as the API shows one."""
    return Person.model_validate(person, from_attributes=True)

"""Who may come in, and what each may do."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.web.errors import Conflict, NotAllowed, NotThere, WebError
from store import history
from store.database import Store
from store.errors import unknown_name

ROLES = ("viewer", "reviewer", "lead", "admin")
"""What each may do, the later ones what the earlier may too."""

ROLE_HELP = {
    "viewer": "sees everything redacted, changes nothing",
    "reviewer": "decides on findings and conversations",
    "lead": "imports, changes rules, decides in bulk, builds, signs off and submits",
    "admin": "invites people, changes roles, ends sessions",
}

MIN_PASSWORD = 12
"""NIST SP 800-63B-4 asks for 15 characters where a password stands alone; we take 12 and limit the tries."""
MAX_PASSWORD = 1000
MAX_NAME = 100

# RFC 9106, section 4, the second recommended option: 64 MiB, 3 passes; about 60 ms on one core.
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody's password, so that unknown names take as long as known ones")

COLUMNS = "person_id, name, role, may_reveal, password IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may come in. `role` is what they may do in this session or with this token."""

    person_id: str
    name: str
    role: str
    may_reveal: bool
    has_password: bool = False

    def may(self, role: str) -> bool:
        """Tell whether this person may do what is up to `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def within(self, scope: str) -> Person:
        """Give the person as somebody who acts in no higher role than `scope`; a viewer never sees originals."""
        role = min(self.role, scope, key=ROLES.index)
        return replace(self, role=role, may_reveal=self.may_reveal and role != "viewer")


def require(person: Person, role: str) -> None:
    """Refuse whoever may not do what is up to `role`.

    Raises:
        NotAllowed: the person's role is a lower one.
    """
    if not person.may(role):
        raise NotAllowed(
            f"This is for the role {role}; yours is {person.role}.", hint="Ask an admin of this workspace for it."
        )


def add_person(store: Store, name: str, *, role: str, may_reveal: bool) -> Person:
    """Let somebody in from now on.

    Raises:
        WebError: the name is empty or too long, or the role unknown.
        Conflict: there is somebody of that name.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise WebError("A name has 1 to 100 characters.", hint="Give the name that the person signs in with.")
    _check_role(role)
    with store.transaction():
        if find_by_name(store, name) is not None:
            raise Conflict(f"There is already somebody called {name}.", hint="Choose another name.")
        person = Person(uuid.uuid4().hex, name, role, may_reveal and role != "viewer")
        store.execute(
            "INSERT INTO people VALUES (?, ?, ?, ?, NULL, now(), NULL)",
            [person.person_id, person.name, person.role, person.may_reveal],
        )
        history.record(store, "invite", subject=name, after={"role": role, "may_reveal": person.may_reveal})
    return person


def change_person(store: Store, person_id: str, *, role: str, may_reveal: bool) -> Person:
    """Give a person another role, or the right to see originals.

    Raises:
        NotThere: there is no such person.
        Conflict: nobody would be admin any more.
    """
    _check_role(role)
    with store.transaction():
        before = find_person(store, person_id)
        if before.role == "admin" and role != "admin":
            _keep_an_admin(store, person_id)
        may_reveal = may_reveal and role != "viewer"
        store.execute("UPDATE people SET role = ?, may_reveal = ? WHERE person_id = ?", [role, may_reveal, person_id])
        was, now = (
            {"role": one_role, "may_reveal": reveals}
            for one_role, reveals in ((before.role, before.may_reveal), (role, may_reveal))
        )
        history.record(store, "change person", subject=before.name, before=was, after=now)
    return replace(before, role=role, may_reveal=may_reveal)


def remove_person(store: Store, person_id: str) -> None:
    """Let a person in no more; what they did stays in the history under their name.

    Raises:
        NotThere: there is no such person.
        Conflict: nobody would be admin any more.
    """
    with store.transaction():
        person = find_person(store, person_id)
        if person.role == "admin":
            _keep_an_admin(store, person_id)
        store.execute("UPDATE people SET removed_at = now() WHERE person_id = ?", [person_id])
        store.execute("UPDATE credentials SET ended_at = now() WHERE person_id = ? AND ended_at IS NULL", [person_id])
        history.record(store, "remove person", subject=person.name, before={"role": person.role})


def find_person(store: Store, person_id: str) -> Person:
    """Give a person by id.

    Raises:
        NotThere: there is none, or no longer.
    """
    rows = store.rows(f"SELECT {COLUMNS} FROM people WHERE person_id = ? AND removed_at IS NULL", [person_id])
    if not rows:
        raise NotThere("There is no such person.", hint="The list of people shows who there is.")
    return Person(*rows[0])


def find_by_name(store: Store, name: str) -> Person | None:
    """Give a person by name, whatever the case of its letters."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM people WHERE lower(name) = lower(?) AND removed_at IS NULL", [name.strip()]
    )
    return Person(*rows[0]) if rows else None


def all_people(store: Store) -> list[Person]:
    """Give everybody who may come in, by name."""
    rows = store.rows(f"SELECT {COLUMNS} FROM people WHERE removed_at IS NULL ORDER BY lower(name)")
    return [Person(*row) for row in rows]


def set_password(store: Store, person: Person, password: str) -> None:
    """Keep a person's password, as argon2id.

    Raises:
        WebError: it is shorter than 12 characters, or endless.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise WebError(f"A password has at least {MIN_PASSWORD} characters.", hint="A few words in a row are easy.")
    hashed = _HASHER.hash(password)
    with store.transaction():
        store.execute("UPDATE people SET password = ? WHERE person_id = ?", [hashed, person.person_id])
        history.record(store, "set password", subject=person.name)


def check_password(store: Store, name: str, password: str) -> Person | None:
    """Give the person whose name and password these are; None takes as long for unknown names as for wrong words."""
    person = find_by_name(store, name)
    stored: Any = None if person is None else store.value(
        "SELECT password FROM people WHERE person_id = ?", [person.person_id]
    )  # fmt: skip
    try:
        _HASHER.verify(stored or _NOBODY, password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return None
    return person if stored else None


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise WebError(unknown_name("role", role, ROLES), hint="Choose one of these.")


def _keep_an_admin(store: Store, person_id: str) -> None:
    others = store.value(
        "SELECT count(*) FROM people WHERE role = 'admin' AND removed_at IS NULL AND person_id <> ?", [person_id]
    )
    if not others:
        raise Conflict("Nobody else is admin.", hint="Make somebody else admin first.")

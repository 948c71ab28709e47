"""Secrets that let people in: sessions of browsers, tokens of scripts, and links that work once.

A secret is 256 random bits; the store holds its SHA-256 alone, which nobody can turn back, so it needs no slow hash.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.web.errors import NotThere, WebError
from service.web.people import ROLES, Person
from store import history
from store.database import Store
from store.errors import unknown_name

IDLE = timedelta(hours=2)
LONGEST_SESSION = timedelta(hours=12)
LINK_LASTS = timedelta(hours=24)
LONGEST_TOKEN_DAYS = 366
SEEN_EVERY = timedelta(minutes=5)
"""How exactly the store knows when a session was last used; a row is not rewritten at every request."""
MAX_NAME = 100

# A browser's session ends when it was not used for a while, too; `seen_at` is behind by SEEN_EVERY at most.
VALID = """
SELECT c.credential_id, c.kind, c.scope, c.seen_at < now() - ?::INTERVAL AS is_stale,
       p.person_id, p.name, p.role, p.may_reveal, p.password IS NOT NULL
FROM credentials AS c JOIN people AS p USING (person_id)
WHERE c.secret_hash = ? AND c.ended_at IS NULL AND c.expires_at > now() AND p.removed_at IS NULL
  AND (c.kind <> 'session' OR c.seen_at > now() - ?::INTERVAL)
"""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid credential and whose it is; the person's role is within its scope."""

    credential_id: str
    kind: str
    person: Person


@dataclass(frozen=True, slots=True)
class Credential:
    """A session or token as people see it, without its secret."""

    credential_id: str
    kind: str
    name: str
    scope: str
    person_id: str
    person: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


def issue(
    store: Store,
    person: Person,
    *,
    kind: str,
    name: str,
    scope: str = "admin",
    lasts: timedelta = LONGEST_SESSION,
) -> tuple[str, str]:
    """Make a credential and give its id and its secret, which is shown this once; no scope limits nothing."""
    secret, credential_id = secrets.token_urlsafe(32), uuid.uuid4().hex
    with store.transaction():
        store.execute(
            "INSERT INTO credentials VALUES (?, ?, ?, ?, ?, ?, now(), now(), now() + ?::INTERVAL, NULL)",
            [credential_id, _hash(secret), person.person_id, kind, name[:MAX_NAME], scope, lasts],
        )
        history.record(store, f"open {kind}", subject=person.name, after={"name": name[:MAX_NAME]})
    return credential_id, secret


def issue_token(store: Store, person: Person, *, name: str, scope: str, days: int) -> tuple[str, str]:
    """Make an API token that acts as a person, in no higher role than `scope`.

    Raises:
        WebError: no name, an unknown scope, or a life outside 1 to 366 days.
    """
    if not name.strip() or not name.isprintable():
        raise WebError("A token needs a name.", hint="Say what it is for, as in: nightly import.")
    if scope not in ROLES or not person.may(scope):
        allowed = [role for role in ROLES if person.may(role)]
        raise WebError(unknown_name("scope of yours", scope, allowed), hint="Choose one of these.")
    if not 1 <= days <= LONGEST_TOKEN_DAYS:
        raise WebError("A token lasts 1 to 366 days.", hint="Make a new one before it ends.")
    return issue(store, person, kind="token", name=name.strip(), scope=scope, lasts=timedelta(days=days))


def find(store: Store, secret: str, kinds: tuple[str, ...], *, is_use: bool = True) -> SignedIn | None:
    """Give who a secret lets in, or None; that it was used is noted, unless a page asks by itself."""
    rows = store.rows(VALID, [SEEN_EVERY, _hash(secret), IDLE])
    if not rows or rows[0][1] not in kinds:
        return None
    credential_id, kind, scope, is_stale, *person = rows[0]
    if is_stale and is_use:
        store.execute("UPDATE credentials SET seen_at = now() WHERE credential_id = ?", [credential_id])
    return SignedIn(credential_id, kind, Person(*person).within(scope))


def use_link(store: Store, secret: str) -> SignedIn | None:
    """Take a link that works once; None where it was used, ended or never was."""
    with store.transaction():
        found = find(store, secret, ("link",))
        if found is not None:
            end(store, found.credential_id)
    return found


def end(store: Store, credential_id: str) -> None:
    """Let a credential in no more."""
    store.execute(
        "UPDATE credentials SET ended_at = now() WHERE credential_id = ? AND ended_at IS NULL", [credential_id]
    )


def revoke(store: Store, credential_id: str) -> None:
    """End a session or token, with a line in the history.

    Raises:
        NotThere: there is none, or it has ended.
    """
    with store.transaction():
        found = next((one for one in current(store) if one.credential_id == credential_id), None)
        if found is None:
            raise NotThere("There is no such session or token, or it has ended.", hint="Load the page again.")
        end(store, credential_id)
        history.record(store, f"revoke {found.kind}", subject=found.person, before={"name": found.name})


def current(store: Store) -> list[Credential]:
    """Give the sessions and tokens that still let somebody in, the last used first."""
    rows = store.rows(
        """
        SELECT credential_id, kind, c.name, scope, person_id, p.name, c.created_at, seen_at, expires_at
        FROM credentials AS c JOIN people AS p USING (person_id)
        WHERE ended_at IS NULL AND expires_at > now() AND removed_at IS NULL
          AND (kind = 'token' OR (kind = 'session' AND seen_at > now() - ?::INTERVAL))
        ORDER BY seen_at DESC, credential_id LIMIT 1000
        """,
        [IDLE],
    )
    return [Credential(*row) for row in rows]


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

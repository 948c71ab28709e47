"""The sources there are, by name: their addresses, what names their tokens, and what a token must allow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ingest.pull.errors import PullUnready
from ingest.pull.source import Asked, Source
from store.errors import unknown_name

if TYPE_CHECKING:
    from ingest.pull.api import Manners

ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
"""What dlt reads when it is imported: it calls nobody, and logs nothing of what it is sent."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of source. `by_account` is the address of an account, `address` the one where none is named."""

    by_account: str
    rights: str
    address: str = ""

    def token_name(self, name: str) -> str:
        """Name the environment variable that holds the token."""
        return f"{name.upper()}_TOKEN"


KINDS = {
    "zendesk": Kind(
        "https://{account}.zendesk.com",
        "It must be an admin's: the incremental export is theirs alone. With ZENDESK_EMAIL set, the token is an API "
        "token of that admin; without, an OAuth token with the scope read.",
    ),
    "intercom": Kind(
        "https://api.{account}.intercom.io",
        "Its app needs the right to read conversations.",
        "https://api.intercom.io",
    ),
    "freshdesk": Kind("https://{account}.freshdesk.com", "It must be the API key of somebody who sees all tickets."),
    "slack": Kind(
        "", "Its app needs the scopes channels:read, channels:history, users:read, and for private channels "
        "groups:read and groups:history.", "https://slack.com",
    ),
}  # fmt: skip


def asked(
    name: str,
    *,
    account: str | None = None,
    url: str | None = None,
    since: datetime | None = None,
    channels: tuple[str, ...] = (),
) -> Asked:
    """Check what the user asked for.

    Raises:
        PullUnready: there is no such source, or its address cannot be told, or must not be used.
    """
    if name not in KINDS:
        raise PullUnready(unknown_name("source", name, KINDS), hint="Other tools: chatmill ingest reads their exports.")
    if channels and name != "slack":
        raise PullUnready(f"{name} has no channels.", hint="Leave --channel out.")
    return Asked(name, _checked(url) if url else _address(name, account), since, channels)


def open_source(what: Asked, *, tell: Callable[[str], None], backoff: float = 1.0) -> Source:
    """Make a source ready to be spoken to; nothing is sent yet.

    Raises:
        PullUnready: dlt is not installed, or there is no token.
    """
    os.environ.update(QUIET)
    try:
        from ingest.pull import api, freshdesk, intercom, slack, zendesk
    except ImportError:
        raise PullUnready(
            "Pulling needs dlt, which is not installed.", hint="Run: pip install 'chatmill[pull]'"
        ) from None
    kind = KINDS[what.source]
    token = _token(kind.token_name(what.source), kind.rights)
    user = os.environ.get("ZENDESK_EMAIL", "").strip()
    check = slack.check if what.source == "slack" else lambda _: None
    manners: Manners = api.Manners(kind.token_name(what.source), kind.rights, tell, check, backoff)
    makers = {
        "zendesk": zendesk.Zendesk, "intercom": intercom.Intercom, "freshdesk": freshdesk.Freshdesk,
        "slack": slack.Slack,
    }  # fmt: skip
    return makers[what.source](what, token, user, manners)


def _token(name: str, rights: str) -> str:
    token = os.environ.get(name, "").strip()
    if not token:
        raise PullUnready(
            f"There is no token in {name}.",
            hint=f"Set it in the environment; chatmill neither stores nor shows it. {rights}",
        )
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise PullUnready(f"What {name} holds is no token.", hint="Copy it again, without quotes or line breaks.")
    return token


def _address(name: str, account: str | None) -> str:
    kind = KINDS[name]
    if account is None:
        if not kind.address:
            raise PullUnready(
                f"Which {name} account?", hint=f"Add --account NAME, as in {kind.by_account.format(account='NAME')}."
            )
        return kind.address
    if not kind.by_account:
        raise PullUnready(f"{name} has no accounts to choose: the token tells.", hint="Leave --account out.")
    if not ACCOUNT.fullmatch(account):
        raise PullUnready(
            "That is no account's name.", hint=f"Give what stands for NAME in {kind.by_account.format(account='NAME')}."
        )
    return kind.by_account.format(account=account.lower())


def _checked(url: str) -> str:
    """Give an address without a slash at its end.

    Raises:
        PullUnready: the token would travel readable, or the address itself holds a password.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise PullUnready("--url holds more than an address.", hint="The token belongs into the environment.")
    if not parts.hostname or (parts.scheme != "https" and (parts.scheme, parts.hostname in LOOPBACK) != ("http", True)):
        raise PullUnready(
            "--url is no address that a token may be sent to: it travels over https only, or to this machine.",
            hint="Give an address like https://NAME.zendesk.com.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"

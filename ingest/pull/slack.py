"""Slack: the history of every channel that the token's owner is a member of, and the replies of its threads.

History comes newest first. A pull starts, in each channel, where somebody wrote after a pause at least LOOK_BACK before
the newest message: there the connector begins a conversation whatever stands before it, so what was said since is cut
as in an export of the whole channel, and threads that began in that time are looked at for new replies.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import BasePaginator, JSONResponseCursorPaginator

from ingest.loose import as_dict, as_id, as_list, as_text
from ingest.pull.api import Api, Manners, params_of
from ingest.pull.errors import AGAIN, NotAllowed, NotThere, OddAnswer, PullUnready, TokenRefused
from ingest.pull.source import Asked, Json, Listed, Page
from ingest.sessions import CHANNEL
from store.errors import unknown_name

PAGE = 200
LOOK_BACK = timedelta(days=14)

TICK = 0.000001
"""Slack counts microseconds; history leaves out the time it is asked from."""

BAD_TOKENS = frozenset(
    ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "org_login_required")
)
REFUSALS = frozenset(("missing_scope", "not_allowed_token_type", "no_permission", "ekm_access_denied", "access_denied"))
MISSING = frozenset(("channel_not_found", "thread_not_found", "not_in_channel", "message_not_found"))
CODE = re.compile(r"[a-z_:.,]{1,100}")
"""How Slack spells its errors and scopes; anything else is not shown."""


class _Older(BasePaginator):
    """Go on with what is older than the last message of a page; Slack's own cursors do not last until tomorrow."""

    def __init__(self) -> None:
        super().__init__()
        self._oldest = ""

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        del data
        found = as_dict(response.json())
        self._oldest = min(_stamps(found), default="")
        self._has_next_page = found.get("has_more") is True and self._oldest != ""

    def update_request(self, request: Request) -> None:
        params_of(request)["latest"] = self._oldest


class Slack:
    """Pull channels of a Slack workspace."""

    def __init__(self, asked: Asked, token: str, user: str, manners: Manners) -> None:
        del user
        self._api = Api(f"{asked.address}/api", BearerTokenAuth(token), manners)
        self._wanted = asked.channels
        self._tell = manners.tell
        self._team = ""

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def account(self) -> str:
        """Name the workspace by its id."""
        self._team = as_id(as_dict(self._api.get("auth.test")).get("team_id")) or ""
        if not self._team:
            raise OddAnswer(f"{self._api.host} does not say whose token this is.", hint="Check --url.")
        return self._team

    def uri(self, part: str) -> str:
        """Name a channel by its workspace and name."""
        return f"slack:{self._team}/{part}"

    def people(self) -> list[Json]:
        """Give everybody in the workspace; who is a member of it is the team, who is a guest a customer."""
        return [as_dict(user) for found in self._all("users.list", {}) for user in as_list(found.get("members"))]

    def pages(self, position: Json, since: datetime | None) -> Iterator[Page]:
        """List what was written in each channel, one channel after the other, the newest first."""
        starts, current = dict(as_dict(position.get("starts"))), as_dict(position.get("current"))
        done = list(as_list(position.get("done")))
        for channel, name in self._channels():
            if channel in done:
                continue
            known = current if current.get("channel") == channel else {}
            oldest = known.get("oldest") or starts.get(channel) or self._start(channel, since)
            window = _Window(channel, oldest, known.get("latest", ""), as_dict(known.get("seam")))
            for found in self._history(window):
                messages = [as_dict(one) for one in as_list(found.get("messages"))]
                items = tuple(_listed(one, channel, name) for one in messages if as_text(one.get("ts")))
                window.add(messages)
                if found.get("has_more") is True and messages:
                    yield Page(items, {"starts": starts, "done": done, "current": window.state()}, is_complete=False)
                    continue
                starts, done = starts | {channel: window.seam["start"] or oldest}, [*done, channel]
                yield Page(items, {"starts": starts, "done": done})
        yield Page((), {"starts": starts})

    def fetch(self, record: Json) -> list[Json]:
        """Fetch a thread: its first message and all replies."""
        params = {"channel": record["channel"], "ts": record["thread"]}
        return [
            as_dict(message)
            for found in self._all("conversations.replies", params)
            for message in as_list(found.get("messages"))
        ]

    def _channels(self) -> list[tuple[str, str]]:
        """Give the ids and names of the channels to pull, by id.

        Raises:
            PullUnready: there is none, or none of a name that was asked for.
        """
        found = {
            identity: as_text(channel.get("name")) or identity
            for channel in map(as_dict, self._visible_channels())
            if channel.get("is_member") is True and (identity := as_id(channel.get("id")))
        }
        if unknown := set(self._wanted) - set(found.values()):
            raise PullUnready(
                unknown_name("channel", min(unknown), found.values()),
                hint="Invite the app: /invite @app in the channel.",
            )
        if not found:
            raise PullUnready(
                "The token's owner is in no channel.", hint="Invite the app: /invite @app in each support channel."
            )
        return sorted((key, name) for key, name in found.items() if not self._wanted or name in self._wanted)

    def _visible_channels(self) -> Iterator[Any]:
        for kind in ("public_channel", "private_channel"):
            try:
                for found in self._all("conversations.list", {"types": kind, "exclude_archived": "false"}):
                    yield from as_list(found.get("channels"))
            except NotAllowed as problem:
                if kind == "public_channel":
                    raise
                self._tell(f"Private channels are left out: {problem.message}")

    def _start(self, channel: str, since: datetime | None) -> str:
        """Find the pause before a time, so that no talk is cut in the middle."""
        if since is None:
            return "0"
        start = since.timestamp()
        asked = {"channel": channel, "latest": f"{start:.6f}", "limit": PAGE}
        for found in self._api.pages("conversations.history", asked, _Older()):
            plain = [one for one in map(as_dict, as_list(found.get("messages"))) if _thread(one) is None]
            for ts in sorted((float(ts) for one in plain if (ts := as_text(one.get("ts")))), reverse=True):
                if start - ts > CHANNEL.silence.total_seconds():
                    return f"{start:.6f}"
                start = ts
        return f"{start:.6f}"

    def _history(self, window: _Window) -> Iterator[Json]:
        asked = {"channel": window.channel, "oldest": _before(window.oldest), "limit": PAGE}
        return self._api.pages(
            "conversations.history", asked | ({"latest": window.latest} if window.latest else {}), _Older()
        )

    def _all(self, path: str, params: Json) -> Iterator[Json]:
        paginator = JSONResponseCursorPaginator("response_metadata.next_cursor", "cursor")
        return self._api.pages(path, params | {"limit": PAGE}, paginator)


class _Window:
    """What is listed of one channel, and on the way the seam: where the next pull starts."""

    def __init__(self, channel: str, oldest: str, latest: str, seam: Json) -> None:
        self.channel, self.oldest, self.latest = channel, oldest, latest
        self.seam: Json = seam or {"newest": "", "start": "", "last": "", "found": False}

    def add(self, messages: list[Json]) -> None:
        """Take in a page, newest first: the seam is the first message after a pause that is old enough."""
        for message in sorted(messages, key=lambda one: str(one.get("ts")), reverse=True):
            ts = as_text(message.get("ts"))
            if ts is None:
                continue
            self.latest = ts
            seam = self.seam
            seam["newest"] = seam["newest"] or ts
            if seam["found"] or _thread(message) is not None:
                continue
            is_pause = bool(seam["last"]) and float(seam["last"]) - float(ts) > CHANNEL.silence.total_seconds()
            is_old = bool(seam["last"]) and float(seam["newest"]) - float(seam["last"]) >= LOOK_BACK.total_seconds()
            if is_pause and is_old:
                seam["found"] = True
            else:
                seam["last"] = seam["start"] = ts

    def state(self) -> Json:
        """Give what a later process needs to go on."""
        return {"channel": self.channel, "oldest": self.oldest, "latest": self.latest, "seam": dict(self.seam)}


def check(document: Any) -> None:  # noqa: ANN401 - any JSON value
    """Look for the failures that Slack reports in an answer that is otherwise fine.

    Raises:
        PullError: there is one.
    """
    found = as_dict(document)
    if found.get("ok") is True:
        return
    code, needed = (as_text(found.get(name)) or "" for name in ("error", "needed"))
    shown = code if CODE.fullmatch(code) else "an unknown error"
    if code in BAD_TOKENS:
        raise TokenRefused(f"Slack does not accept the token in SLACK_TOKEN: {shown}.", hint="Set a token that works.")
    if code in REFUSALS:
        scopes = needed if CODE.fullmatch(needed) else "channels:history, channels:read, users:read"
        raise NotAllowed(
            f"Slack refuses this token: {shown}.",
            hint=f"Add to the app the scopes {scopes}, install it again and set its new token.",
        )
    if code in MISSING:
        raise NotThere(f"Slack cannot find what was asked for: {shown}.", hint="Invite the app to the channel again.")
    raise OddAnswer(f"Slack answers {shown}.", hint=AGAIN)


def _listed(message: Json, channel: str, name: str) -> Listed:
    """Name a message, or the thread that it begins or is sent on to the channel from."""
    ts, thread = str(message["ts"]), _thread(message)
    if thread is None:
        return Listed(f"{name}/{ts}", message, name, is_whole=True)
    version = max(as_text(message.get("latest_reply")) or ts, ts)
    return Listed(f"{name}/{thread}", {"channel": channel, "thread": thread}, name, version)


def _thread(message: Json) -> str | None:
    ts, root = as_text(message.get("ts")), as_text(message.get("thread_ts"))
    return root or ts if message.get("reply_count") or (root and root != ts) else None


def _stamps(found: Json) -> list[str]:
    return [ts for message in as_list(found.get("messages")) if (ts := as_text(as_dict(message).get("ts")))]


def _before(ts: str) -> str:
    return "0" if float(ts) <= 0 else f"{float(ts) - TICK:.6f}"

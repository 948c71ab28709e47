"""Zendesk: the incremental export of tickets by cursor, and each ticket's comments with the users who wrote them.

The cursor export repeats nothing, where the one by time windows does. Its tickets come without comments
(`formats.md` 1.1), so each changed ticket is fetched with all of them. Chats of Zendesk Messaging stand in the ticket's
audits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.auth import AuthConfigBase, BearerTokenAuth, HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator, JSONResponseCursorPaginator

from ingest.loose import as_dict, as_id, as_list, as_time
from ingest.pull.api import Api, Manners, params_of
from ingest.pull.source import Asked, Json, Listed, Page

PAGE = 100
CHATS = frozenset({"chat", "native_messaging", "messaging"})


class _Export(JSONResponseCursorPaginator):
    """Follow the export's cursor, which there always is, to the end of the stream."""

    def __init__(self) -> None:
        super().__init__("after_cursor", "cursor")

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        super().update_state(response, data)
        if as_dict(response.json()).get("end_of_stream") is not False:
            self._has_next_page = False

    def update_request(self, request: Request) -> None:
        super().update_request(request)
        params_of(request).pop("start_time", None)


class Zendesk:
    """Pull tickets of Zendesk Support."""

    def __init__(self, asked: Asked, token: str, user: str, manners: Manners) -> None:
        auth: AuthConfigBase = HttpBasicAuth(f"{user}/token", token) if user else BearerTokenAuth(token)
        self._api = Api(asked.address, auth, manners)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def account(self) -> str:
        """Name the account by its address."""
        self._api.get("api/v2/users/me.json")
        return self._api.host

    def uri(self, part: str) -> str:
        """Name a ticket by its page in Zendesk."""
        return f"{self._api.address}/agent/tickets/{part}"

    def people(self) -> list[Json]:
        """Give nobody: comments come with their users."""
        return []

    def pages(self, position: Json, since: datetime | None) -> Iterator[Page]:
        """List changed tickets; what changed in the last minute comes the next time."""
        start: Json = {"start_time": int(since.timestamp()) if since else 0}
        params = ({"cursor": position["cursor"]} if position else start) | {"per_page": PAGE}
        for found in self._api.pages("api/v2/incremental/tickets/cursor.json", params, _Export()):
            cursor = found.get("after_cursor") or position.get("cursor")
            yield Page(tuple(_listed(found)), {"cursor": cursor} if cursor else position)

    def fetch(self, record: Json) -> list[Json]:
        """Fetch a ticket's comments, their users, and the audits of chats; of a deleted one there is no more."""
        if record.get("status") == "deleted":
            return [{"ticket": record}]
        ticket = as_id(record["id"])
        comments, users = list[Any](), dict[str, Json]()
        for found in self._all(f"api/v2/tickets/{ticket}/comments.json", {"include": "users"}):
            comments += as_list(found.get("comments"))
            users |= {str(as_id(as_dict(user).get("id"))): {"user": user} for user in as_list(found.get("users"))}
        audits = list[Json]()
        if record.get("from_messaging_channel") is True or as_dict(record.get("via")).get("channel") in CHATS:
            for found in self._all(f"api/v2/tickets/{ticket}/audits.json", {}):
                audits += [{"audit": audit} for audit in as_list(found.get("audits"))]
        return [{"ticket": record | {"comments": comments}}, *users.values(), *audits]

    def _all(self, path: str, params: Json) -> Iterator[Json]:
        return self._api.pages(path, params | {"page[size]": PAGE}, JSONLinkPaginator("links.next"))


def _listed(found: Any) -> Iterator[Listed]:  # noqa: ANN401 - any JSON value
    for ticket in map(as_dict, as_list(found.get("tickets"))):
        if identity := as_id(ticket.get("id")):
            yield Listed(identity, ticket, identity, as_time(ticket.get("updated_at")))

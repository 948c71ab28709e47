"""Intercom: the search for conversations by their last change, and each one with its parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import BasePaginator

from ingest.loose import as_dict, as_id, as_list
from ingest.pull.api import Api, Manners
from ingest.pull.errors import OddAnswer
from ingest.pull.source import Asked, Json, Listed, Page

VERSION = {"Intercom-Version": "2.11"}
"""The version of the API whose shapes are known; without it the workspace's own, of any year, would answer."""

PAGE = 100
LAG = 300
"""So many seconds before its position a pull starts: a search may find late what changed just now."""


class _ByTime(BasePaginator):
    """Search on from the time of the last conversation; by Intercom's cursor where one second fills more than a page.

    A conversation that changes while the list is read moves to its end, and all behind it up by one, over the edge
    between two pages; asking by time loses none.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reached = 0
        self._cursor: Any = None

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        del data
        found = as_dict(response.json())
        self._reached = max(_times(found), default=0)
        self._cursor = as_dict(as_dict(found.get("pages")).get("next")).get("starting_after")
        self._has_next_page = bool(self._cursor) and self._reached > 0

    def update_request(self, request: Request) -> None:
        body = as_dict(request.json)
        query, paging = body["query"], body["pagination"]
        if self._reached - 1 > query["value"]:
            query["value"] = self._reached - 1
            paging.pop("starting_after", None)
        else:
            paging["starting_after"] = self._cursor


class Intercom:
    """Pull Intercom's conversations."""

    def __init__(self, asked: Asked, token: str, user: str, manners: Manners) -> None:
        del user
        self._api = Api(asked.address, BearerTokenAuth(token), manners, headers=VERSION)
        self._app = ""

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def account(self) -> str:
        """Name the workspace by the code of its app."""
        self._app = as_id(as_dict(as_dict(self._api.get("me")).get("app")).get("id_code")) or ""
        if not self._app:
            raise OddAnswer(f"{self._api.host} does not say whose token this is.", hint="Check --account and --url.")
        return self._app

    def uri(self, part: str) -> str:
        """Name a conversation by its page in Intercom."""
        return f"https://app.intercom.com/a/apps/{self._app}/conversations/{part}"

    def people(self) -> list[Json]:
        """Give nobody: parts name their authors."""
        return []

    def pages(self, position: Json, since: datetime | None) -> Iterator[Page]:
        """List changed conversations, the oldest change first."""
        start = int(since.timestamp()) if since else 0
        reached = max(start, position["since"] - LAG) if position else start
        body = {
            "query": {"field": "updated_at", "operator": ">", "value": reached - 1},
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": {"per_page": PAGE},
        }
        for found in self._api.pages("conversations/search", None, _ByTime(), json=body):
            times = _times(found)
            self._api.check_order(times)
            reached = max([reached, *times])
            yield Page(tuple(_listed(found)), {"since": reached})

    def fetch(self, record: Json) -> list[Json]:
        """Fetch a conversation with its parts, of which Intercom gives the latest 500."""
        return [self._api.get(f"conversations/{record['id']}")]


def _times(found: Any) -> list[int]:  # noqa: ANN401 - any JSON value
    changed = (as_dict(one).get("updated_at") for one in as_list(as_dict(found).get("conversations")))
    return [at for at in changed if isinstance(at, int)]


def _listed(found: Any) -> Iterator[Listed]:  # noqa: ANN401 - any JSON value
    for conversation in map(as_dict, as_list(as_dict(found).get("conversations"))):
        identity, changed = as_id(conversation.get("id")), conversation.get("updated_at")
        if identity:
            version = changed if isinstance(changed, int) else None
            yield Listed(identity, {"id": identity}, identity, version)

"""Freshdesk: the tickets by their last change, and each one's conversations.

The list ends after 300 pages, and a ticket that changes while it is read moves the others up by one, which would then
be missed. So every page is asked for by time, from the last ticket of the page before on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.auth import HttpBasicAuth
from dlt.sources.helpers.rest_client.paginators import BasePaginator, HeaderLinkPaginator

from ingest.loose import as_dict, as_id, as_list, as_time
from ingest.pull.api import Api, Manners, params_of
from ingest.pull.errors import NotAllowed
from ingest.pull.source import Asked, Json, Listed, Page
from ingest.times import parse

PAGE = 100
FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # without a time the API gives the last 30 days
LAG = timedelta(minutes=5)  # before its position a pull starts: a list may show late what changed just now
OVERLAP = timedelta(seconds=1)
"""Times are whole seconds, and whether `updated_since` includes its own is not said: each page starts one earlier."""


class _ByTime(BasePaginator):
    """Ask for the next page by the time of the last ticket; for further pages of a time that fills more than one."""

    def __init__(self) -> None:
        super().__init__()
        self._reached: datetime | None = None

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        times = [at for ticket in data or () if (at := parse(as_time(as_dict(ticket).get("updated_at"))).at)]
        self._reached = max(times, default=None)
        self._has_next_page = (len(data or ()) >= PAGE or "next" in response.links) and self._reached is not None

    def update_request(self, request: Request) -> None:
        if self._reached is None:
            return
        params, following = params_of(request), _spelled(self._reached - OVERLAP)
        if following > params["updated_since"]:
            params |= {"updated_since": following, "page": 1}
        else:
            params["page"] += 1


class Freshdesk:
    """Pull Freshdesk's tickets."""

    def __init__(self, asked: Asked, token: str, user: str, manners: Manners) -> None:
        del user
        self._api = Api(asked.address, HttpBasicAuth(token, "X"), manners)
        self._tell = manners.tell

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def account(self) -> str:
        """Name the account by its address."""
        self._api.get("api/v2/agents/me")
        return self._api.host

    def uri(self, part: str) -> str:
        """Name a ticket by its page in Freshdesk."""
        return f"{self._api.address}/a/tickets/{part}"

    def people(self) -> list[Json]:
        """Give the agents, whom conversations name by id alone, where the token may list them."""
        try:
            return [
                as_dict(agent)
                for found in self._api.pages("api/v2/agents", {"per_page": PAGE}, HeaderLinkPaginator())
                for agent in as_list(found)
            ]
        except NotAllowed as problem:
            self._tell(f"{problem.message} Agents stay without their names.")
            return []

    def pages(self, position: Json, since: datetime | None) -> Iterator[Page]:
        """List changed tickets with their descriptions and requesters, the oldest change first."""
        start = since or FIRST
        reached = _spelled(max(start, parse(position["since"]).at or start) - LAG if position else start)
        params: Json = {
            "updated_since": reached, "order_by": "updated_at", "order_type": "asc", "per_page": PAGE, "page": 1,
            "include": "description,requester,stats",
        }  # fmt: skip
        for found in self._api.pages("api/v2/tickets", params, _ByTime()):
            items = tuple(_listed(found))
            times = [at for item in items if (at := parse(item.version).at)]
            self._api.check_order(times)
            reached = max([reached, *(_spelled(at - OVERLAP) for at in times)])
            yield Page(items, {"since": reached})

    def fetch(self, record: Json) -> list[Json]:
        """Fetch all of a ticket's conversations; within the ticket stand ten at most."""
        path = f"api/v2/tickets/{as_id(record['id'])}/conversations"
        said = [
            as_dict(one)
            for found in self._api.pages(path, {"per_page": PAGE}, HeaderLinkPaginator())
            for one in as_list(found)
        ]
        return [record, *said]


def _listed(found: Any) -> Iterator[Listed]:  # noqa: ANN401 - any JSON value
    for ticket in map(as_dict, as_list(found)):
        if identity := as_id(ticket.get("id")):
            yield Listed(identity, ticket, identity, as_time(ticket.get("updated_at")))


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

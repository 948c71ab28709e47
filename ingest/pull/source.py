"""What a source of pulls is: it lists what changed, page by page, and fetches one conversation after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    source: str
    address: str
    """Where the API is, without a slash at its end."""
    since: datetime | None = None
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing that a page of changes names.

    `item_id` is the conversation's external id, as the connector gives it; `version` the time of its last change, raw,
    by which a version that is stored already is told (None: it cannot be). `part` names the file that it goes into:
    what is of one part is read together. `record` is what `Source.fetch` needs, or all there is where `is_whole`.
    """

    item_id: str
    record: Json
    part: str
    version: str | float | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A page of changes, and the position from which a later pull goes on behind it.

    `is_complete` is unset while what was listed belongs together with what the next page lists.
    """

    items: tuple[Listed, ...]
    position: Json
    is_complete: bool = True


class Source(Protocol):
    """Speak to one kind of API. Everything it gives is as the API has it, in the shapes its connector reads."""

    def close(self) -> None:
        """Close the connections."""
        ...

    def account(self) -> str:
        """Ask whose token this is, and name the account for good; also shows early that the token works."""
        ...

    def uri(self, part: str) -> str:
        """Name a part for people and for `explain`: where it can be looked up."""
        ...

    def people(self) -> list[Json]:
        """Give the agents and users that the conversations name by id, where they say no more."""
        ...

    def pages(self, position: Json, since: datetime | None) -> Iterator[Page]:
        """List what changed behind a position (empty: from `since` on), oldest change first where the API can."""
        ...

    def fetch(self, record: Json) -> list[Json]:
        """Fetch all of one conversation: the lines of its file.

        Raises:
            NotThere: it is not there any more.
        """
        ...

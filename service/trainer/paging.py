"""Lists in pages, by cursor, as OpenAI gives them."""

from __future__ import annotations

from collections.abc import Sequence

from service.trainer.errors import Refused
from service.trainer.shelf import Thing


def page(things: Sequence[Thing], *, after: str | None, limit: int) -> Thing:
    """Give the things behind one of them, so many at most.

    Raises:
        Refused: there is no thing of that id to begin behind.
    """
    first = 0
    if after:
        places = [number for number, thing in enumerate(things) if thing["id"] == after]
        if not places:
            raise Refused(400, "There is nothing of that id to begin after.", param="after")
        first = places[0] + 1
    data = list(things[first : first + limit])
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": first + limit < len(things),
    }

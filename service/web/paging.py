"""Paging by key: a page names the place where the next one begins, so page 10,000 is as quick as the first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import Query

from service.web.errors import WebError

MOST = 500

After = Annotated[str | None, Query(description="The last answer's `next`.", max_length=2000)]
Limit = Annotated[int, Query(description="At most so many.", ge=1, le=MOST)]


def encode(*place: Any) -> str:  # noqa: ANN401 - the values of the sort key
    """Write a place in a list: the sort key of its last row."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def decode(after: str | None, kinds: Sequence[type]) -> list[Any] | None:
    """Read a place back, as values of these kinds; None where the list begins.

    Raises:
        WebError: it is none that we wrote.
    """
    if not after:
        return None
    try:
        values = orjson.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        return [_value(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error):
        raise WebError("`after` is no place in this list.", hint="Give the last answer's `next` as it is.") from None


def _value(value: Any, kind: type) -> Any:  # noqa: ANN401 - the values of the sort key
    if kind is datetime:
        return datetime.fromisoformat(value)
    if type(value) is not kind:
        raise ValueError
    return value

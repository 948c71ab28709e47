"""The history, for scripts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from service.web.dependencies import Reader
from service.web.paging import After, Limit, decode, encode
from store.history_reading import entries

router = APIRouter(tags=["history"])


class Line(BaseModel):
    """Who did what, when."""

    happened_at: datetime
    actor: str
    action: str
    subject: str
    before: Any = Field(description="Null, or what was before; never a value of a conversation.")
    after: Any = Field(description="Null, or what is now.")


class History(BaseModel):
    """A page of the history, the newest first."""

    lines: list[Line]
    next: str | None = Field(description="Give this as `after` for the next page; null at the end.")


@router.get("/history")
def list_history(
    reader: Reader,
    after: After = None,
    limit: Limit = 50,
    actor: Annotated[str, Query(max_length=200, description="Only of this person.")] = "",
) -> History:
    """List what happened."""
    found = entries(reader, after=decode(after, (datetime, int)), limit=limit + 1, actor=actor)
    last = found[limit - 1] if len(found) > limit else None
    return History(
        lines=[Line.model_validate(entry, from_attributes=True) for entry in found[:limit]],
        next=encode(last.happened_at, last.number) if last else None,
    )

"""Take fields out of JSON that may hold anything: what is not of the kind asked for is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ingest.records import Turn
from ingest.times import parse

SCALAR = (str, int, float)
NEVER = datetime.min.replace(tzinfo=UTC)

_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def as_dict(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    """Give an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON value
    """Give a list, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give text that is not empty."""
    return value if isinstance(value, str) and value else None


def as_id(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give an id or a name as text, whether it came as text or as a number."""
    if isinstance(value, str):
        return value or None
    if value is None or isinstance(value, bool) or not isinstance(value, SCALAR):
        return None
    return str(value) or None


def as_time(value: Any) -> str | float | None:  # noqa: ANN401 - any JSON value
    """Give what may be a time: text or a number, as it is."""
    return value if value is not None and isinstance(value, SCALAR) and not isinstance(value, bool) else None


def as_flag(value: Any) -> bool | None:  # noqa: ANN401 - any JSON value
    """Give a truth value, also from the words of a table."""
    return value if isinstance(value, bool) else _FLAGS.get(str(value).strip().lower())


def as_json(text: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Open JSON that is kept as text; None where the text is no JSON. Other values stay as they are."""
    if not isinstance(text, str):
        return text
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None


def in_order(turns: list[Turn]) -> list[Turn]:
    """Sort turns by their times; one without a time stays behind the turn that stood before it."""
    at, keyed = NEVER, list[tuple[datetime, Turn]]()
    for turn in turns:
        at = parse(turn.created_at).at or at
        keyed.append((at, turn))
    return [turn for _, turn in sorted(keyed, key=lambda pair: pair[0])]


def _refuse(name: str) -> None:
    raise ValueError(name)


_DECODER = json.JSONDecoder(parse_constant=_refuse)

"""Which column or path of a generic file holds what, and how that is kept in a file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ingest.errors import IngestError
from ingest.ratings import bounds_of
from store.errors import unknown_name

LAYOUTS = ("turn", "conversation")
TURN_ROLES = ("customer", "agent", "bot", "system")
VISIBILITIES = ("public", "internal")
BODY_FORMATS = ("text", "html", "mail", "html_mail")

TURN_FIELDS = (
    "text", "role", "author", "author_email", "turn_id", "created_at", "visibility", "kind", "turn_language",
)  # fmt: skip
"""The fields that stand in each turn; with layout "conversation" their paths start at the turn."""

WORDS = ("roles", "visibilities")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Say where a table or JSON file keeps its conversations; the values are column names or dotted paths.

    `layout` is "turn" (one row or line a turn) or "conversation" (one row or line a conversation, its turns in
    `turns`: a list, JSON, or a transcript with a speaker before each line). `csat_scale` says from where to where the
    numbers of `csat` run ("1-5"); without it they are kept and count for nothing. `roles` maps the file's own words
    ("Rep", "1") to our roles, `visibilities` those of the visibility column ("private", "true") to public or internal.
    """

    layout: str
    conversation_id: str | None = None
    turns: str | None = None
    text: str | None = None
    role: str | None = None
    author: str | None = None
    author_email: str | None = None
    turn_id: str | None = None
    created_at: str | None = None
    visibility: str | None = None
    kind: str | None = None
    turn_language: str | None = None
    subject: str | None = None
    channel: str | None = None
    status: str | None = None
    priority: str | None = None
    tags: str | None = None
    language: str | None = None
    csat: str | None = None
    customer_id: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    customer_phone: str | None = None
    agent_name: str | None = None
    agent_email: str | None = None
    conversation_created_at: str | None = None
    conversation_updated_at: str | None = None
    csat_scale: str | None = None
    body_format: str = "text"
    roles: dict[str, str] = field(default_factory=dict[str, str])
    visibilities: dict[str, str] = field(default_factory=dict[str, str])


KEYS = tuple(entry.name for entry in fields(Mapping))
PATHS = tuple(name for name in KEYS if name not in ("layout", "csat_scale", "body_format", *WORDS))
ALLOWED = {"layout": LAYOUTS, "body_format": BODY_FORMATS, "roles": TURN_ROLES, "visibilities": VISIBILITIES}


def paths(mapping: Mapping) -> dict[str, str]:
    """Give the columns or paths that a mapping names, by field."""
    named = {name: getattr(mapping, name) for name in PATHS}
    return {name: path for name, path in named.items() if path is not None}


def fits(mapping: Mapping, columns: Iterable[str]) -> bool:
    """Tell whether every column or path that the mapping names is there (`ingest.shape.Shape.columns`).

    What stands within the turns is compared only where the columns show it, as `turns[].text`.
    """
    known = set(columns)
    within = f"{mapping.turns}[]."
    shows_turns = any(column.startswith(within) for column in known)
    for name, path in paths(mapping).items():
        is_within = mapping.layout == "conversation" and name in TURN_FIELDS
        if is_within and not shows_turns:
            continue
        if (within + path if is_within else path) not in known:
            return False
    return True


def save(mapping: Mapping, path: Path) -> None:
    """Write a mapping to a TOML file, for people to read and change."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_toml(mapping), encoding="utf-8")


def to_toml(mapping: Mapping) -> str:
    """Give a mapping as TOML: what is not the default, in the order of the fields."""
    lines = [f"layout = {_quoted(mapping.layout)}"]
    lines += [f"{name} = {_quoted(path)}" for name, path in paths(mapping).items()]
    if mapping.csat_scale:
        lines.append(f"csat_scale = {_quoted(mapping.csat_scale)}")
    if mapping.body_format != "text":
        lines.append(f"body_format = {_quoted(mapping.body_format)}")
    for name in WORDS:
        words: dict[str, str] = getattr(mapping, name)
        if words:
            lines += ["", f"[{name}]", *(f"{_quoted(word)} = {_quoted(means)}" for word, means in words.items())]
    return "\n".join(lines) + "\n"


def load(path: Path) -> Mapping:
    """Read a mapping from a TOML file.

    Raises:
        IngestError: the file is missing or no TOML, or holds a key or value that is not known.
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise IngestError(
            f"The mapping {str(path)!r} cannot be read: {error}.", hint="`chatmill ingest FILE --explain` prints one."
        ) from error
    return from_values(given, source=str(path))


def from_values(given: dict[str, Any], *, source: str) -> Mapping:
    """Check the keys and values of a mapping as read from TOML or JSON.

    Raises:
        IngestError: a key or value is not known; the message names it and the nearest known one.
    """
    for key, value in given.items():
        if key not in KEYS:
            raise IngestError(
                f"{source}: {unknown_name('mapping key', key, KEYS)}", hint="Correct the key, or remove it."
            )
        _check(key, value, source)
    if "layout" not in given:
        raise IngestError(f"{source}: layout is missing.", hint='Say layout = "turn" or layout = "conversation".')
    checked: dict[str, Any] = {key: dict(value) if key in WORDS else value for key, value in given.items()}
    return Mapping(**checked)


def _check(key: str, value: object, source: str) -> None:
    allowed = ALLOWED.get(key)
    if key in WORDS:
        if not isinstance(value, dict):
            raise IngestError(
                f"{source}: {key} is no table.", hint=f'Write [{key}] and below it lines like "word" = "..."'
            )
        given: list[Any] = list(value.values())
    else:
        given = [value]
    for item in given:
        if not isinstance(item, str):
            raise IngestError(f"{source}: {key} holds {item!r}, which is no text.", hint="Put it in quotes.")
        if key == "csat_scale" and bounds_of(item) is None:
            raise IngestError(f"{source}: csat_scale is {item!r}.", hint='Say the worst and the best, as in "1-5".')
        if allowed is not None and item not in allowed:
            raise IngestError(
                f"{source}: {unknown_name(f'value of {key}', item, allowed)}", hint="Choose one of these."
            )


def _quoted(text: str) -> str:
    """Write a TOML basic string, which escapes as JSON does (toml.io, v1.0.0, String)."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

"""Pages from templates: everything that comes from data is escaped, and every page has the same frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request

STATIC = Path(str(files("service.web") / "static"))
TEMPLATES = Path(str(files("service.web") / "templates"))

MINUTE, HOUR, DAY = 60, 3600, 86_400
KILO = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation: who sees it, and under which heading it stands."""

    path: str
    label: str
    role: str = "viewer"
    group: str = ""


NAVIGATION: list[Place] = [
    Place("/", "Home"),
    Place("/add", "Add transcripts", "lead", "Prepare"),
    Place("/review", "Review redactions", "viewer", "Review"),
    Place("/patterns", "Patterns", "viewer", "Review"),
    Place("/lists", "Never and always", "viewer", "Review"),
    Place("/outcomes", "Dropped and kept", "viewer", "Review"),
    Place("/rules", "Rules", "viewer", "Review"),
    Place("/audit", "Recall audit", "viewer", "Review"),
    Place("/datasets", "Dataset", "viewer", "Release"),
    Place("/sign-off", "Sign-off", "viewer", "Release"),
    Place("/jobs", "Jobs", "viewer", "Release"),
    Place("/votes", "Votes", "viewer", "Release"),
    Place("/history", "History", "viewer", "Account for it"),
    Place("/people", "People and settings", "viewer", "Account for it"),
]
"""The screens in the order of the work; a screen's module adds its own place here when it works."""


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:  # noqa: ANN401
    """Fill a template; it sees `person` (None where nobody is signed in), `places`, `path`, and the context."""
    signed_in = getattr(request.state, "signed_in", None)
    person = signed_in.person if signed_in else None
    places = [place for place in NAVIGATION if person is not None and person.may(place.role)]
    filled = environment().get_template(template).render(
        request=request, person=person, places=places, path=request.url.path, **context
    )  # fmt: skip
    return HTMLResponse(filled, status_code=status)


@cache
def environment() -> Environment:
    """Make the templates' environment, once."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["asset"] = asset
    made.filters |= {"number": number, "size": size, "moment": moment, "ago": ago, "duration": duration}
    return made


@cache
def asset(name: str) -> str:
    """Give the address of a static file; it changes with the file, so browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def number(value: float | None) -> str:
    """Write a count with thin separators, or a dash where there is none."""
    return "–" if value is None else f"{value:,.0f}"


def size(value: float) -> str:
    """Write bytes for people."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < KILO or unit == "GB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= KILO
    return ""


def moment(value: datetime | None) -> str:
    """Write a time in UTC, to the minute."""
    return "" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(value: datetime | None) -> str:
    """Say how long ago something was."""
    if value is None:
        return ""
    seconds = (datetime.now(UTC) - value).total_seconds()
    return "just now" if seconds < MINUTE else f"{duration(seconds)} ago"


def duration(seconds: float | None) -> str:
    """Write a length of time in its largest unit."""
    if seconds is None:
        return ""
    for length, name in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= length:
            count = round(seconds / length)
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{max(1, round(seconds))} s"

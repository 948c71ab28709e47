"""The words that all of Zendesk's exports have: channels, roles, redactions, ratings, attachments."""

from __future__ import annotations

import re
from typing import Any, Literal

from ingest.loose import as_dict, as_id, as_text
from ingest.ratings import UNRATED, Rating, in_words
from ingest.records import Attachment, Participant, Role

Json = dict[str, Any]

ROLES: dict[str, Role] = {"end-user": "customer", "agent": "agent", "admin": "agent"}
CHANNELS = {"mail": "email", "native_messaging": "chat", "messaging": "chat", "voice": "phone", "web_form": "web",
            "0": "web", "4": "email", "5": "api", "8": "rule", "19": "merge"}  # fmt: skip
"""Names that older exports and the table of via types use for the same channel."""

BLACKED_OUT = "\u2587"
"""What Zendesk puts in place of each character that was redacted; nothing brings it back."""


def person_of(user: Json, *, role: Role = "unknown", confidence: float | None = None) -> Participant:
    """Make a participant of a user; without a role of its own it has the one its place in the ticket gives it."""
    given = ROLES.get(str(user.get("role")))
    return Participant(
        as_id(user.get("id")), given or role, "users_file" if given else "inferred", as_text(user.get("name")),
        as_text(user.get("email")), as_text(user.get("phone")), is_deleted=user.get("active") is False,
        role_confidence=None if given else confidence,
    )  # fmt: skip


def rating_of(score: Any) -> Rating:  # noqa: ANN401 - any JSON value
    """Read a satisfaction score: good or bad, with or without a comment; one that was only offered is none."""
    name = str(score or "")
    if name.startswith(("good", "bad")):
        return in_words("good" if name.startswith("good") else "bad", score)
    return UNRATED if name in ("", "offered", "unoffered") else Rating(original=score)


def redaction_of(text: str) -> Literal["none", "partial", "full"]:
    """Say how much of a text Zendesk has blacked out."""
    if BLACKED_OUT not in text:
        return "none"
    left = re.sub(r"<[^<>]*>", "", text).replace(BLACKED_OUT, "")
    return "partial" if left.strip() else "full"


def attachment_of(file: Json) -> Attachment:
    """Name a file."""
    size = str(file.get("size"))
    return Attachment(
        as_text(file.get("file_name")), as_text(file.get("content_type") or file.get("mime_type")),
        int(size) if size.isdecimal() else None, as_text(file.get("content_url") or file.get("url")),
        is_inline=file.get("inline") is True,
    )  # fmt: skip


def channel_of(via: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give the channel that a via names, in one word for each."""
    raw = as_id(as_dict(via).get("channel"))
    return CHANNELS.get(raw.lower(), raw.lower()) if raw else None

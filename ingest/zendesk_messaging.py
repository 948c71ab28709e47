"""What is said in Zendesk's messaging and live chat, as tickets' audits and warehouse tables hold it.

One item of a history is a message, a file, or something that happened; `formats.md` 1.2 B says what the fields mean and
where that was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ingest.loose import as_dict, as_id, as_json, as_list, as_text, as_time
from ingest.records import Attachment, Automation, Turn, TurnRole
from ingest.zendesk_words import attachment_of, redaction_of

Json = dict[str, Any]

SPOKEN = frozenset(("ChatMessage", "ChatFileAttachment", "chat.msg"))
ANSWER_BOT = "zd:answerBot"
FORMS = frozenset(("form", "form_response", "formResponse"))
MACHINES: dict[str, tuple[TurnRole, Automation]] = {
    "trigger": ("bot", "trigger"), "__trigger": ("bot", "trigger"), "__system": ("system", "workflow"),
}  # fmt: skip
"""Actors that are no people, by what their id ends with."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a chat's history. `role` is None where only the people of the ticket can tell it."""

    value: Json
    original: Json
    author: str | None
    role: TurnRole | None
    automation: Automation | None

    @property
    def same(self) -> str:
        """What two copies of an item have in common: a ticket's audits may hold a history twice."""
        known = as_id(self.value.get("message_id"))
        return known or "|".join(str(self.value.get(name)) for name in ("timestamp", "created_at", "type", "message"))


def item_of(value: Json) -> Item:
    """Say who acts: as the actor's type says, else as the original message or the actor's id tells."""
    original = as_dict(as_json(value.get("original_message")))
    writer, kind = as_dict(original.get("author")), as_text(value.get("actor_type"))
    actor = as_id(value.get("actor_id")) or ""
    author = actor.rpartition(":")[2] or None
    if "AI" in as_list(writer.get("subtypes")):
        return Item(value, original, author, "bot", "ai")
    if as_dict(original.get("source")).get("type") == ANSWER_BOT:
        return Item(value, original, author, "bot", "bot")
    if kind == "system":
        return Item(value, original, None, "system", "workflow")
    if author in MACHINES:
        return Item(value, original, None, *MACHINES[author])
    hint = str(kind or writer.get("type") or actor).lower()
    if hint.startswith(("end-user", "end_user", "visitor", "user")):
        return Item(value, original, author, "customer", None)
    return Item(value, original, author, "agent" if hint.startswith(("agent", "business")) else None, None)


def turn_of(item: Item, role: TurnRole, place: str) -> Turn:
    """Make a turn: messages and files are said, forms are asked or filled in, all else is an event."""
    value = item.value
    content = as_dict(item.original.get("content"))
    text = as_text(value.get("message")) or as_text(value.get("msg")) or "\n".join(_said_in(content))
    kind, file = as_text(value.get("type")) or "ChatMessage", as_text(value.get("filename"))
    is_form = bool(as_dict(content.get("form"))) or value.get("original_message_type") in FORMS
    is_said = kind in SPOKEN
    return Turn(
        role, text if text or is_said else kind, external_id=as_id(value.get("message_id")), author=item.author,
        created_at=as_time(value.get("timestamp")) or as_time(value.get("created_at")),
        kind="event" if not is_said else "form" if is_form else "message",
        visibility="public" if is_said else "internal", event_type=None if is_said else kind,
        is_automated=role in ("bot", "system"), automation=item.automation, place=place,
        is_deleted=value.get("deleted") is True or item.original.get("deleted") is True,
        source_redaction=redaction_of(text), attachments=tuple(_files(value, content, file)),
        reply_to=as_id(value.get("parent_message_id")), custom=_custom(content),
    )  # fmt: skip


def _said_in(content: Json) -> Iterator[str]:
    """Read a message's content: its text, a form's labels and answers, the cards of a carousel, a place."""
    said = as_dict(content.get("text")).get("text", content.get("text"))
    if isinstance(said, str) and said:
        yield said
    for field in as_list(as_dict(content.get("form")).get("fields")) + as_list(content.get("fields")):
        entry = as_dict(field)
        words = (entry.get("label"), entry.get("text"), entry.get("email"))
        if told := ": ".join(word for word in words if isinstance(word, str) and word):
            yield told
    for card in as_list(content.get("items")):
        yield from (word for name in ("title", "description") if (word := as_text(as_dict(card).get(name))))
    if place := as_text(as_dict(content.get("location")).get("name")):
        yield place


def _files(value: Json, content: Json, name: str | None) -> Iterator[Attachment]:
    if name:
        yield attachment_of({**value, "file_name": name})
    elif url := as_text(content.get("mediaUrl")) or as_text(content.get("media_url")):
        yield attachment_of({"url": url, "mime_type": content.get("mediaType"), "size": content.get("mediaSize")})


def _custom(content: Json) -> Json:
    """Keep what a customer could choose from."""
    given = as_list(content.get("actions")) or as_list(as_dict(content.get("text")).get("actions"))
    options = [text for action in given if (text := as_text(as_dict(action).get("text")))]
    return {"options": options} if options else {}

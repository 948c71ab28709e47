"""Telegram: chats as Telegram Desktop exports them in JSON, one (`result.json` of a chat) or all of an account.

To get it: in Telegram Desktop open a chat's menu, "Export chat history", or Settings, Advanced, "Export Telegram data";
choose "Machine-readable JSON". Each chat is one conversation; from 500 turns on, a silence of seven days starts a new
one. Saved messages are the account's own notes.

In a chat of two, the one after whom it is named is the customer and the account is the agent; with a bot, the account
is the customer. In groups a mapping's [roles] decides, by name or id ("user123" = "agent"); else the account whose
export it is, a group's anonymous admins, and names with a word for it ("Kestrel Support") are agents. Whose role
nothing tells stands as a customer, and the conversation says so.

Times come from `date_unixtime`; older exports have only `date`, in the local time of whoever exported (UTC is assumed).
Service messages are internal events. Files are named, never opened. Not read: contacts, sessions and what else a whole
account's export holds beside chats; topics of a forum stay one conversation. Unconfirmed: the type of saved messages
in older exports; a chat of an unknown type is hidden. `formats.md` 3.5 lists the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.json_stream import sample_json
from ingest.json_walk import Inner, Path, walk_json
from ingest.keys import key
from ingest.loose import as_dict, as_id, as_list, as_text, as_time
from ingest.mapping import Mapping
from ingest.records import Attachment, Conversation, Record, Reject, Role, Turn
from ingest.sessions import CHAT, sessions
from ingest.source import Sample, SourceFile
from ingest.speakers import Speaker, note_on_roles, role_in_name, settle, with_roles

Json = dict[str, Any]

DOORS = ("chats", "left_chats", "list")
LISTS = ("messages",)
MESSAGE_TYPES = frozenset({"message", "service", "unsupported"})
WHOSE = {
    "personal_chat": "user", "bot_chat": "user", "saved_messages": "user", "private_group": "chat",
    "private_supergroup": "channel", "public_supergroup": "channel", "private_channel": "channel",
    "public_channel": "channel",
}  # fmt: skip
"""What chats are of, by type: ids are only their own among users, groups and channels."""

ACCOUNT_SIGNS = frozenset({"personal_information", "profile_pictures", "frequent_contacts", "other_data", "sessions"})
NOT_INCLUDED = "(File "
"""How the names of files start that were left out: "(File not included. Change data exporting settings ...)"."""

CUSTOM = (
    "forwarded_from", "saved_from", "via_bot", "author", "sticker_emoji", "location_information", "contact_information",
    "poll", "reactions", "game_title", "invoice_information", "duration_seconds", "live_location_period_seconds",
)  # fmt: skip
EVENT_CUSTOM = ("title", "members", "message_id", "duration_seconds", "discard_reason", "inviter", "score", "new_title")


class Telegram:
    """Read Telegram Desktop's JSON."""

    name = "telegram"
    title = "Telegram (Desktop export as JSON, one chat or all)"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for one chat with its messages, or an account's chats."""
        record = next(iter(sample_json(sample)), None)
        if not isinstance(record, dict):
            return None
        found: Json = record  # pyright: ignore[reportUnknownVariableType]
        chats = [as_dict(chat) for chat in as_list(as_dict(found.get("chats")).get("list"))]
        if as_text(found.get("type")) in WHOSE and ("messages" in found or "id" in found):
            return Evidence(0.98, ("a chat with name, type and messages, as Telegram exports it",))
        if any(as_text(chat.get("type")) in WHOSE or _has_messages(chat) for chat in chats):
            return Evidence(0.98, ("chats with a list of chats, as Telegram exports an account",))
        if _has_messages(found):
            return Evidence(0.95, ("messages with type, from and text, as Telegram has them",))
        if "about" in found and len(ACCOUNT_SIGNS & found.keys()) > 1:
            return Evidence(0.9, ("about and personal_information, as Telegram exports an account",))
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give the chats of the files."""
        for recognised in reading.files:
            yield from _Export(recognised.file, reading.mapping).records()


CONNECTOR: Connector = Telegram()


def _has_messages(record: Json) -> bool:
    items = [as_dict(item) for item in as_list(record.get("messages"))]
    return any(
        as_text(item.get("type")) in MESSAGE_TYPES
        and ("date_unixtime" in item or "date" in item)
        and ("text" in item or "action" in item)
        and not {"content", "role"} & item.keys()
        for item in items
    )


@dataclass(slots=True)
class _Export:
    """One file on its way through the connector; a chat is complete when the next one begins."""

    file: SourceFile
    mapping: Mapping | None
    owner: str | None = None
    rejects: list[Reject] = field(default_factory=list[Reject])

    def records(self) -> Iterator[Record]:
        """Give the conversations of every chat, each with the rejects that were met before its end."""
        last: Conversation | None = None
        is_empty, is_cut = True, False
        for _, members in groupby(self._members(), key=lambda member: member[0][:-1]):
            for record in _Chat(self, members).records():
                is_empty = False
                if isinstance(record, Reject):
                    is_cut |= record.code == "truncated"
                    yield record
                    continue
                if last:
                    yield last
                last = record
        for reject in self.rejects:
            is_empty, is_cut = False, is_cut or reject.code == "truncated"
            yield reject
        if last:
            yield replace(last, completeness="truncated_body") if is_cut else last
        if is_empty:
            yield Reject("file", "no_turns", "there is no chat in it", source_uri=self.file.uri)

    def _members(self) -> Iterator[Inner]:
        for found in walk_json(self.file, DOORS, LISTS):
            if isinstance(found, Reject):
                self.rejects.append(found)
                continue
            path, _, value = found
            if path == ("personal_information",) and (owner := as_id(as_dict(value).get("user_id"))):
                self.owner = f"user{owner}"
            yield found


@dataclass(slots=True)
class _Chat:
    """One chat: what its head says, and who has written so far."""

    export: _Export
    members: Iterable[Inner]
    head: Json = field(default_factory=dict[str, Any])
    path: Path = ()
    speakers: dict[str, Speaker] = field(default_factory=dict[str, Speaker])

    def records(self) -> Iterator[Record]:
        """Give the chat's conversations and rejects; a chat in which nothing was written is a reject."""
        is_empty = True
        for number, turns in enumerate(sessions(self._turns(), CHAT)):
            is_empty = False
            yield self._conversation(turns, is_first=number == 0)
            yield from self._rejects()
        for reject in self._rejects():
            is_empty = False
            yield reject
        if is_empty and (len(self.path) > 2 or self._kind in WHOSE):
            yield Reject(self._place, "no_turns", "the chat holds no message", source_uri=self.export.file.uri)

    def _rejects(self) -> Iterator[Reject]:
        """Give what was rejected on the way."""
        yield from self.export.rejects
        self.export.rejects.clear()

    @property
    def _kind(self) -> str:
        return str(self.head.get("type"))

    @property
    def _place(self) -> str:
        return f"chat {self.path[-1] + 1}" if self.path and isinstance(self.path[-1], int) else "chat"

    def _turns(self) -> Iterator[Turn]:
        for path, place, value in self.members:
            self.path = path[:-1]
            found = Found(place, self.export.file.uri, value)
            if path and path[-1] == "messages":
                turn = self._turn(found)
                if isinstance(turn, Reject):
                    self.export.rejects.append(turn)
                else:
                    yield turn
            elif path and isinstance(path[-1], str):
                self.head[path[-1]] = value
            else:
                self.export.rejects.append(found.unknown("it is no chat"))

    def _turn(self, found: Found) -> Turn | Reject:
        message = found.value
        if not isinstance(message, dict) or not {"text", "action", "type"} & message.keys():
            return found.unknown("it is no message")
        record: Json = message  # pyright: ignore[reportUnknownVariableType]
        kind = record.get("type", "message")
        if not isinstance(kind, str) or kind not in MESSAGE_TYPES:
            return found.unknown("it is no message of a type that is known")
        if kind != "message":
            return self._event(record, kind, found.place)
        edited = as_time(record.get("edited_unixtime")) or as_time(record.get("edited"))
        is_note = self._kind == "saved_messages"
        is_known = self._kind in WHOSE or not self.head
        return Turn(
            "customer", _text(record), external_id=as_id(record.get("id")), author=self._author(record, "from"),
            created_at=as_time(record.get("date_unixtime")) or as_time(record.get("date")),
            kind="note" if is_note else "message",
            visibility="internal" if is_note else "public" if is_known else "unknown",
            edited_at=edited, reply_to=as_id(record.get("reply_to_message_id")), place=found.place,
            attachments=tuple(_attachments(record)),
            custom={name: record[name] for name in CUSTOM if record.get(name) is not None},
        )  # fmt: skip

    def _event(self, record: Json, kind: str, place: str) -> Turn:
        action = as_text(record.get("action")) or kind
        return Turn(
            "system", _text(record) or action.replace("_", " "), external_id=as_id(record.get("id")),
            author=self._author(record, "actor") if "actor" in record or "actor_id" in record else None,
            created_at=as_time(record.get("date_unixtime")) or as_time(record.get("date")), kind="event",
            visibility="internal", event_type=action, place=place,
            custom={name: record[name] for name in EVENT_CUSTOM if record.get(name) is not None},
        )  # fmt: skip

    def _author(self, record: Json, name: str) -> str:
        """Give who wrote; a deleted account has no name, and in old exports no id either."""
        shown = as_text(record.get(name))
        identity = as_id(record.get(f"{name}_id")) or shown or "deleted account"
        if identity not in self.speakers:
            role = self._role(identity, shown)
            self.speakers[identity] = Speaker(identity, shown, role, is_deleted=shown is None)
        return identity

    def _role(self, identity: str, name: str | None) -> Role:
        kind, partner = self._kind, f"{WHOSE.get(self._kind)}{as_id(self.head.get('id'))}"
        chat_name = as_text(self.head.get("name"))
        is_partner = identity == partner or (identity == name and name is not None and name == chat_name)
        if kind == "bot_chat":
            return "bot" if is_partner else "customer"
        if kind == "personal_chat":
            return "customer" if is_partner else "agent"
        is_own = identity == self.export.owner or is_partner or kind == "saved_messages"
        return "agent" if is_own else role_in_name(name)

    def _conversation(self, turns: list[Turn], *, is_first: bool) -> Conversation:
        present = {turn.author for turn in turns}
        people = settle((one for one in self.speakers.values() if one.identity in present), self.export.mapping)
        own, name = as_id(self.head.get("id")), as_text(self.head.get("name"))
        first = (name or "", str(turns[0].created_at), turns[0].author or "")
        identity = f"{WHOSE.get(self._kind, '')}{own}" if own else key("telegram", *first)
        if own and not is_first:
            identity = f"{identity}/{turns[0].external_id or turns[0].created_at}"
        spoken = any(turn.kind == "message" for turn in turns)
        return Conversation(
            identity, with_roles(turns, people), f"{self._place}, {turns[0].place}", tuple(people.values()),
            source_uri=self.export.file.uri, channel="chat", channel_raw=as_text(self.head.get("type")),
            created_at=turns[0].created_at, updated_at=turns[-1].created_at,
            completeness="complete" if spoken else "events_only",
            custom={**({"chat": name} if name else {}), **note_on_roles(people.values())},
        )  # fmt: skip


def _text(record: Json) -> str:
    """Put a text together: it is plain, or a list of plain and marked-up parts that follow each other directly."""
    text = record.get("text")
    if text in (None, "", []):
        text = record.get("text_entities")
    parts = text if isinstance(text, list) else [text]
    return "".join(part if isinstance(part, str) else as_text(as_dict(part).get("text")) or "" for part in parts)


def _attachments(record: Json) -> Iterator[Attachment]:
    kind = as_text(record.get("media_type"))
    for name, size in (("photo", "photo_file_size"), ("file", "file_size")):
        path = as_text(record.get(name))
        if path is None:
            continue
        is_omitted = path.startswith(NOT_INCLUDED)
        shown = as_text(record.get("file_name")) if name == "file" else None
        held = record.get(size)
        yield Attachment(
            shown or (None if is_omitted else path.rpartition("/")[2]),
            as_text(record.get("mime_type")) or kind or name, held if isinstance(held, int) else None,
            is_omitted=is_omitted,
        )  # fmt: skip

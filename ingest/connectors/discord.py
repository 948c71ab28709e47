"""Discord: channels, threads and direct messages as DiscordChatExporter writes them in JSON, a file each.

To get it: run DiscordChatExporter (a free tool) with the format JSON; partitions and files whose export was interrupted
are read as far as they go. A thread, a forum post or a direct chat is one conversation; from 500 turns on, a silence of
seven days starts a new one. In other channels a silence of eight hours does, unless somebody replies to what was said
before it.

Roles: a mapping's [roles] decides, by user name, nickname, id, or the name of a server role ("Helpers" = "agent"). Else
bots and webhooks are bots, and who has a server role such as Support, Staff, Moderator or Admin is an agent. Whose role
nothing tells stands as a customer, and a conversation without an agent says so.

Joins, pins, calls and what else Discord writes are internal events, and so is every type that is not known. Files are
named, never fetched. Not read: HTML, CSV and text exports; polls. Unconfirmed: `--reverse` exports are put in order a
conversation at a time. `formats.md` 3.2 lists the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.json_stream import sample_json
from ingest.json_walk import walk_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.mapping import Mapping
from ingest.records import Attachment, Conversation, Participant, Record, Reject, Role, Turn
from ingest.sessions import CHANNEL, CHAT, sessions
from ingest.source import Sample, SourceFile
from ingest.speakers import Speaker, note_on_roles, role_in_name, settle, with_roles

Json = dict[str, Any]

SPOKEN = frozenset({"Default", "Reply", "ChatInputCommand", "ContextMenuCommand", "0", "19", "20", "23"})
"""Types of messages in which somebody says something, by name and as numbers of Discord's API."""

TEAM = frozenset({
    "staff", "mod", "mods", "moderator", "moderators", "admin", "admins", "administrator", "team", "helper", "helpers",
})  # fmt: skip
CUSTOM = ("isPinned", "reactions", "interaction", "callEndedTimestamp")
MENTION = re.compile(r"<@!?(?P<id>\d+)>")
EMOJI = re.compile(r"<a?(?P<name>:\w+:)\d+>")


class Discord:
    """Read DiscordChatExporter's JSON."""

    name = "discord"
    title = "Discord (DiscordChatExporter, JSON)"
    version = 1
    grouped = False
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for a guild, a channel and messages."""
        record = as_dict(next(iter(sample_json(sample)), None))
        channel = as_dict(record.get("channel"))
        if isinstance(record.get("guild"), dict) and "id" in channel and {"type", "name"} & channel.keys():
            return Evidence(0.98, ("guild, channel and messages, as DiscordChatExporter writes them",))
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give the conversations of the files."""
        for recognised in reading.files:
            yield from _Channel(recognised.file, reading.mapping).records()


CONNECTOR: Connector = Discord()


@dataclass(slots=True)
class _Channel:
    """One file: a channel, a thread or a direct chat, or a partition of one."""

    file: SourceFile
    mapping: Mapping | None
    head: Json = field(default_factory=dict[str, Any])
    speakers: dict[str, Speaker] = field(default_factory=dict[str, Speaker])
    rejects: list[Reject] = field(default_factory=list[Reject])
    count: int = 0

    def records(self) -> Iterator[Record]:
        """Give the conversations, each with the rejects that were met before its end."""
        last: Conversation | None = None
        is_cut = is_empty = False
        for turns in self._sessions():
            if last:
                yield last
            last = self._conversation(in_order(turns))
            is_cut |= any(reject.code == "truncated" for reject in self.rejects)
            yield from self._rejected()
        self._compare_count()
        is_empty = last is None and not self.rejects
        is_cut |= any(reject.code == "truncated" for reject in self.rejects)
        if last:
            yield replace(last, completeness="truncated_body") if is_cut else last
        yield from self._rejected()
        if is_empty:
            yield Reject("file", "no_turns", "there is no message in it", source_uri=self.file.uri)

    def _rejected(self) -> Iterator[Reject]:
        yield from self.rejects
        self.rejects.clear()

    def _compare_count(self) -> None:
        """Say that messages are missing; the file ends with their number."""
        counted = self.head.get("messageCount")
        if isinstance(counted, int) and counted > self.count:
            detail = f"the file says that it has {counted} messages and holds {self.count}"
            self.rejects.append(Reject("file", "truncated", detail, source_uri=self.file.uri))

    def _sessions(self) -> Iterator[list[Turn]]:
        """Cut the messages into conversations, as the kind of channel asks for; its head stands before them."""
        turns = self._turns()
        first = next(turns, None)
        if first is None:
            return
        pause = CHAT if self._is_one_talk else CHANNEL
        yield from sessions(_with_first(first, turns), pause)

    @property
    def _channel(self) -> Json:
        return as_dict(self.head.get("channel"))

    @property
    def _is_one_talk(self) -> bool:
        kind = str(self._channel.get("type"))
        return "Thread" in kind or "Direct" in kind

    def _turns(self) -> Iterator[Turn]:
        for found in walk_json(self.file, (), ("messages",)):
            if isinstance(found, Reject):
                self.rejects.append(found)
                continue
            path, place, value = found
            if path == ("messages",):
                self.count += 1
                turn = self._turn(Found(place, self.file.uri, value))
                if isinstance(turn, Reject):
                    self.rejects.append(turn)
                else:
                    yield turn
            elif path:
                self.head[str(path[-1])] = value
            else:
                self.rejects.append(Found(place, self.file.uri, value).unknown("it is no channel"))

    def _turn(self, found: Found) -> Turn | Reject:
        record = as_dict(found.value)
        identity = as_id(record.get("id"))
        if identity is None or not {"content", "author"} & record.keys():
            return found.unknown("it is no message")
        kind = as_id(record.get("type")) or "Default"
        is_said = kind in SPOKEN
        at = as_time(record.get("timestamp"))
        reference = as_id(as_dict(record.get("reference")).get("messageId"))
        text = _text(record) or ("" if is_said else kind)
        return Turn(
            "customer" if is_said else "system", text, external_id=identity, author=self._author(record),
            created_at=at, kind="message" if is_said else "event", visibility="public" if is_said else "internal",
            edited_at=as_time(record.get("timestampEdited")), reply_to=reference, event_type=None if is_said else kind,
            place=found.place, attachments=tuple(_attachments(record)),
            custom={name: record[name] for name in CUSTOM if record.get(name) not in (None, False, [], {})},
        )  # fmt: skip

    def _author(self, record: Json) -> str | None:
        author = as_dict(record.get("author"))
        identity = as_id(author.get("id")) or as_text(author.get("name"))
        if identity and identity not in self.speakers:
            name, nickname = as_text(author.get("name")), as_text(author.get("nickname"))
            titles = [title for role in as_list(author.get("roles")) if (title := as_text(as_dict(role).get("name")))]
            full = f"{name}#{as_id(author.get('discriminator'))}"
            words = (*titles, full, *([name] if name else []))
            is_gone = bool(name) and name.lower().replace("_", " ").startswith("deleted user")
            self.speakers[identity] = Speaker(
                identity, nickname or name, "bot" if author.get("isBot") is True else _role(titles),
                "explicit" if author.get("isBot") is True else "inferred", words=words, is_deleted=is_gone,
            )  # fmt: skip
        return identity

    def _people(self, turns: list[Turn]) -> dict[str, Participant]:
        present = dict.fromkeys(turn.author for turn in turns if turn.author)
        return settle((self.speakers[identity] for identity in present), self.mapping)

    def _conversation(self, turns: list[Turn]) -> Conversation:
        people, channel, guild = self._people(turns), self._channel, as_dict(self.head.get("guild"))
        spoken = any(turn.kind == "message" for turn in turns)
        own, name = as_id(channel.get("id")), as_text(channel.get("name"))
        about = {"guild": as_text(guild.get("name")), "channel": name, "category": as_text(channel.get("category"))}
        return Conversation(
            f"{own}/{turns[0].external_id}" if own else None, with_roles(turns, people), turns[0].place,
            tuple(people.values()), source_uri=self.file.uri, channel="chat", channel_raw=as_id(channel.get("type")),
            subject=name if "Thread" in str(channel.get("type")) else None, created_at=turns[0].created_at,
            updated_at=turns[-1].created_at, completeness="complete" if spoken else "events_only",
            custom={key: value for key, value in about.items() if value} | note_on_roles(people.values()),
        )  # fmt: skip


def _with_first(first: Turn, rest: Iterator[Turn]) -> Iterator[Turn]:
    yield first
    yield from rest


def _role(titles: list[str]) -> Role:
    is_team = any(TEAM & set(title.casefold().split()) or role_in_name(title) == "agent" for title in titles)
    return "agent" if is_team else "unknown"


def _text(record: Json) -> str:
    """Give what is said: the content, what was forwarded, else what a bot puts into embeds."""
    names = {as_id(one.get("id")): one for one in map(as_dict, as_list(record.get("mentions")))}

    def mentioned(found: re.Match[str]) -> str:
        known = names.get(found["id"], {})
        return f"@{as_text(known.get('nickname')) or as_text(known.get('name')) or found['id']}"

    text = as_text(record.get("content")) or as_text(as_dict(record.get("forwardedMessage")).get("content"))
    if text:
        return EMOJI.sub(lambda found: found["name"], MENTION.sub(mentioned, text))
    return "\n".join(line for embed in as_list(record.get("embeds")) for line in _embedded(as_dict(embed)))


def _embedded(embed: Json) -> Iterator[str]:
    fields = [as_dict(item) for item in as_list(embed.get("fields"))]
    held = [
        embed.get("title"),
        embed.get("description"),
        *(item.get(key) for item in fields for key in ("name", "value")),
    ]
    yield from (line for line in map(as_text, held) if line)


def _attachments(record: Json) -> Iterator[Attachment]:
    forwarded = as_list(as_dict(record.get("forwardedMessage")).get("attachments"))
    for file in map(as_dict, [*as_list(record.get("attachments")), *forwarded]):
        size = file.get("fileSizeBytes")
        held = size if isinstance(size, int) else None
        yield Attachment(as_text(file.get("fileName")), bytes=held, url=as_text(file.get("url")))
    for sticker in map(as_dict, as_list(record.get("stickers"))):
        yield Attachment(as_text(sticker.get("name")), "sticker", url=as_text(sticker.get("sourceUrl")))

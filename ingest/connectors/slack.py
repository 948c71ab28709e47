"""Slack: workspace exports, as the zip or unpacked: threads put together over day files, the rest cut by silence.

To get it: workspace settings, "Import/Export data", "Export" (public channels; all conversations need Slack's
approval); drop in the zip. Pages of the API (`conversations.history`, `.replies`) and slackdump's files are read, too.
A thread is one conversation; messages outside threads are one until nobody writes for eight hours.

Roles: a mapping's [roles] decides, by name, handle, id, address, "@host" of an address, or team id. Else bots are bots,
guests and people of other workspaces (Slack Connect) are customers, members are agents; where the mapping names agents,
members it does not name are not. Whose role nothing tells (ids that `users.json` lacks) stands as a customer, and a
conversation without an agent says so.

A broadcast reply stands once, in its thread. Deleted roots, joins, topics and what else Slack writes are internal
events, and so is every subtype that is not known. Files are named, never fetched. Not read: canvases, lists, logs of
apps. Unconfirmed: the folder names of direct messages. `formats.md` 3.1 lists the fields.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, NamedTuple

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_flag, as_id, as_list, as_text
from ingest.mapping import Mapping
from ingest.records import Attachment, Completeness, Conversation, Record, Reject, Role, Turn
from ingest.sessions import CHANNEL, Cutter
from ingest.slack_text import said_in
from ingest.source import Sample, SourceFile
from ingest.speakers import Speaker, note_on_roles, settle, with_roles
from store.spool import Spool

Part = Literal["messages", "users", "channels", "other"]
Json = dict[str, Any]

LISTS = ("messages", "members", "channels")
DAY = re.compile(r"\d{4}-\d\d-\d\d(?: ?\(\d+\))?\.json")
"""A day's file in its channel's folder, also one that was downloaded twice."""

STAMP = re.compile(r"\d{9,11}\.\d{1,6}")
USER_ID = re.compile(r"[UW][A-Z0-9]+")
CHANNEL_ID = re.compile(r"[CDG][A-Z0-9]+")
OTHER_FILES = frozenset({
    "channels.json", "groups.json", "dms.json", "mpims.json", "users.json", "org_users.json", "integration_logs.json",
    "canvases.json", "lists.json", "huddle_transcripts.json", "file_conversations.json",
})  # fmt: skip
REASONS: dict[Part, tuple[float, str]] = {
    "messages": (0.97, "messages with type and ts, as Slack's exports have them"),
    "users": (0.96, "users with profile and is_bot or deleted, as Slack's exports have them"),
    "channels": (0.95, "channels with members and created, as Slack's exports have them"),
    "other": (0.85, "one of the files beside the channels of a Slack export"),
}
NO_TALK = "this part of Slack's export holds no conversation"

SPOKEN = frozenset(
    {"", "thread_broadcast", "reply_broadcast", "me_message", "file_share", "file_comment", "bot_message"}
)
BOTS = frozenset({"bot_message"})
GUESTS = ("is_restricted", "is_ultra_restricted", "is_stranger")
OMITTED_FILES = frozenset({"tombstone", "hidden_by_limit"})
CUSTOM = ("reactions", "app_id", "topic", "purpose", "inviter", "old_name", "username")

KEPT = frozenset({
    "ts", "thread_ts", "subtype", "text", "user", "bot_id", "user_profile", "bot_profile", "hidden", "edited", "files",
    "reply_count", "root", *CUSTOM,
})  # fmt: skip
"""What is kept of a message while an export is sorted; blocks repeat the text, and are only needed without one."""


class Slack:
    """Read Slack's workspace exports."""

    name = "slack"
    title = "Slack (workspace export, zip or folder)"
    version = 1
    grouped = True
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at the first records; a channel's day files lie a folder below the users."""
        parts: list[Part] = [part for record in sample_json(sample, LISTS) if (part := _classify(record))]
        part = parts[0] if parts else None
        if part is None and sample.name in OTHER_FILES and (sample.text or "").strip() == "[]":
            part = "other"
        above = 1 if part == "messages" and DAY.fullmatch(sample.name) else 0
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part, above=above) if part else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread, and what stands between threads, of every channel."""
        export = _Export(reading.spool, reading.mapping)
        for recognised in reading.files:
            if recognised.part == "other":
                yield Reject("file", "no_turns", NO_TALK, source_uri=recognised.file.uri)
            else:
                yield from export.take(recognised.file)
        yield from export.records()


CONNECTOR: Connector = Slack()


def _classify(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    found, identity = as_dict(record), str(as_dict(record).get("id"))
    if _is_stamp(found.get("ts")) and (found.get("type") == "message" or {"user", "bot_id"} & found.keys()):
        return "messages"
    if USER_ID.fullmatch(identity) and isinstance(found.get("profile"), dict):
        return "users"
    if CHANNEL_ID.fullmatch(identity) and isinstance(found.get("members"), list):
        return "channels"
    return "other" if "change_type" in found and {"service_type", "app_type"} & found.keys() else None


def _is_stamp(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    return isinstance(value, str) and bool(STAMP.fullmatch(value))


class _Post(NamedTuple):
    """A message of a channel, and where it stands."""

    channel: str
    place: str
    uri: str
    record: Json

    @property
    def ts(self) -> str:
        return str(self.record["ts"])

    @property
    def is_reply(self) -> bool:
        root = self.record.get("thread_ts")
        return _is_stamp(root) and root != self.ts


@dataclass(slots=True)
class _Export:
    """What is known of the workspace while its files are read."""

    spool: Spool
    mapping: Mapping | None
    users: dict[str, Json] = field(default_factory=dict[str, Json])
    channels: dict[str, str] = field(default_factory=dict[str, str])
    """Ids of channels by name."""
    home: str | None = None
    """The team that most users are of."""
    names: dict[str, str] = field(default_factory=dict[str, str])
    met: dict[str, Speaker] = field(default_factory=dict[str, Speaker])

    def take(self, file: SourceFile) -> Iterator[Reject]:
        """Sort a file's records in; give those that cannot be."""
        name = file.name
        channel = file.above(0).replace("!", "/").rpartition("/")[2] if DAY.fullmatch(name) else name
        channel = channel.removesuffix(".json")
        for found in records_of(file, LISTS):
            if isinstance(found, Reject):
                yield found
            else:
                yield from self._sort_in(Found(f"{name}, {found.place}", found.uri, found.value), channel)

    def _sort_in(self, found: Found, channel: str) -> Iterator[Reject]:
        record, part = as_dict(found.value), _classify(found.value)
        if part == "messages":
            self._put(_Post(channel, found.place, found.uri, record))
            for number, reply in enumerate(as_list(record.get("slackdump_thread_replies")), start=1):
                if isinstance(reply, dict) and _is_stamp(as_dict(reply).get("ts")):
                    self._put(_Post(channel, f"{found.place} reply {number}", found.uri, as_dict(reply)))
                else:
                    yield found.inner(f"reply {number}", reply).unknown("it is no message")
        elif part == "users":
            self.users[str(record["id"])] = record
        elif part == "channels":
            self.channels[as_text(record.get("name")) or str(record["id"])] = str(record["id"])
        elif record.get("type") == "message":
            yield found.reject("no_identity", "the message has no ts that can be read")
        else:
            yield found.unknown("it is no message, user or channel")

    def _put(self, post: _Post) -> None:
        root = str(post.record["thread_ts"]) if post.is_reply else post.ts
        kept = KEPT if as_text(post.record.get("text")) else KEPT | {"blocks", "attachments"}
        record = {name: value for name, value in post.record.items() if name in kept}
        self.spool.put(f"{post.channel}\x1f{root}", list(post._replace(record=record)))

    def records(self) -> Iterator[Record]:
        """Give each channel's threads, and the talk between them when it is over."""
        teams = Counter(team for user in self.users.values() if (team := as_text(user.get("team_id"))))
        self.home = teams.most_common(1)[0][0] if teams else None
        self.names = {identity: _shown(user) or identity for identity, user in self.users.items()}
        self.names |= {identity: name for name, identity in self.channels.items()}
        for channel, groups in groupby(self.spool.groups(), key=lambda group: group[0].partition("\x1f")[0]):
            yield from self._channel(channel, ([_Post(*row) for row in rows] for _, rows in groups))

    def _channel(self, channel: str, groups: Iterable[list[_Post]]) -> Iterator[Record]:
        """Give the conversations of one channel; `groups` are roots in the order of their times, with their replies."""
        talk = Cutter(CHANNEL)
        uri = ""
        for posts in groups:
            is_thread = any(post.is_reply for post in posts) or bool(posts[0].record.get("reply_count"))
            if is_thread:
                yield self._thread(channel, posts)
                continue
            if finished := talk.add(self._turn(posts[-1])):
                yield self._conversation(channel, finished, uri)
            uri = posts[-1].uri
        if rest := talk.rest():
            yield self._conversation(channel, rest, uri)

    def _thread(self, channel: str, posts: list[_Post]) -> Conversation:
        """Put a thread together; a message that stands twice (broadcasts, overlapping exports) counts once."""
        root_ts = posts[0].ts if not posts[0].is_reply else str(posts[0].record["thread_ts"])
        copies = [post for post in posts if _is_stamp(as_dict(post.record.get("root")).get("ts"))]
        known = {post.ts: post for post in posts}
        if root_ts not in known and copies:
            known[root_ts] = copies[0]._replace(record=as_dict(copies[0].record["root"]))
        turns = [self._turn(known[ts]) for ts in sorted(known)]
        counted = known[root_ts].record.get("reply_count") if root_ts in known else None
        completeness = "complete"
        if root_ts not in known:
            completeness = "truncated_head"
        elif isinstance(counted, int) and counted > len(known) - 1:
            completeness = "truncated_body"
        return self._conversation(channel, turns, known[min(known)].uri, thread=root_ts, completeness=completeness)

    def _conversation(
        self,
        channel: str,
        turns: list[Turn],
        uri: str,
        *,
        thread: str | None = None,
        completeness: Completeness = "complete",
    ) -> Conversation:
        present = {turn.author for turn in turns if turn.author}
        people = settle((self.met[identity] for identity in sorted(present)), self.mapping)
        spoken = any(turn.kind == "message" for turn in turns)
        identity = f"{channel}/{thread or turns[0].external_id}"
        return Conversation(
            identity, with_roles(turns, people), turns[0].place, tuple(people.values()), source_uri=uri, channel="chat",
            channel_raw="slack", created_at=thread or turns[0].created_at, updated_at=turns[-1].created_at,
            completeness=completeness if spoken else "events_only",
            custom={"channel": channel, **note_on_roles(people.values())},
        )  # fmt: skip

    def _turn(self, post: _Post) -> Turn:
        record, subtype = post.record, as_text(post.record.get("subtype")) or ""
        is_said = subtype in SPOKEN and as_flag(record.get("hidden")) is not True
        text = said_in(record, self.names)
        return Turn(
            "customer" if is_said else "system", text if is_said or text else subtype.replace("_", " ") or "event",
            external_id=post.ts, author=self._author(record) if is_said else None, created_at=post.ts,
            kind="message" if is_said else "event", visibility="public" if is_said else "internal",
            edited_at=as_text(as_dict(record.get("edited")).get("ts")), is_deleted=subtype == "tombstone",
            reply_to=str(record["thread_ts"]) if post.is_reply else None, event_type=subtype or None, place=post.place,
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(record.get("files"))),
            custom={name: record[name] for name in CUSTOM if record.get(name) not in (None, "", [])},
        )  # fmt: skip

    def _author(self, record: Json) -> str | None:
        """Give who wrote, and learn of them what the message itself tells."""
        user, bot = as_id(record.get("user")), as_id(record.get("bot_id"))
        name = as_text(record.get("username"))
        identity = user or bot or name
        if identity is None:
            return None
        if identity not in self.met:
            is_bot = bool(bot) or as_text(record.get("subtype")) in BOTS or identity == "USLACKBOT"
            profile = as_dict(record.get("user_profile")) or as_dict(record.get("bot_profile"))
            self.met[identity] = self._speaker(identity, profile, name, is_bot=is_bot)
        return identity

    def _speaker(self, identity: str, embedded: Json, name: str | None, *, is_bot: bool) -> Speaker:
        user = self.users.get(identity, {})
        profile = as_dict(user.get("profile"))
        team = as_text(user.get("team_id")) or as_text(embedded.get("team"))
        is_bot = is_bot or as_flag(user.get("is_bot")) is True
        handle = as_text(user.get("name")) or as_text(embedded.get("name"))
        return Speaker(
            identity, as_text(profile.get("real_name")) or _shown(user) or _shown({"profile": embedded}) or name,
            "bot" if is_bot else self._role(user, embedded, team), "users_file" if user else "inferred",
            email=as_text(profile.get("email")), phone=as_text(profile.get("phone")),
            words=tuple(word for word in (handle, team, _shown(user)) if word),
            is_deleted=as_flag(user.get("deleted")) is True,
        )  # fmt: skip

    def _role(self, user: Json, embedded: Json, team: str | None) -> Role:
        """Tell guests and other workspaces' people from members, who are agents unless the mapping names those."""
        is_guest = any(as_flag(holder.get(sign)) is True for holder in (user, embedded) for sign in GUESTS)
        if is_guest or (team and self.home and team != self.home):
            return "customer"
        has_agents = self.mapping is not None and "agent" in self.mapping.roles.values()
        return "agent" if user and not has_agents else "unknown"


def _shown(user: Json) -> str | None:
    """Give the name that Slack shows for somebody."""
    profile = as_dict(user.get("profile"))
    names = (
        profile.get("display_name"),
        profile.get("real_name"),
        user.get("real_name"),
        profile.get("name"),
        user.get("name"),
    )
    return next((name for name in map(as_text, names) if name), None)


def _attachment(file: Json) -> Attachment:
    size = file.get("size")
    return Attachment(
        as_text(file.get("name")) or as_text(file.get("title")), as_text(file.get("mimetype")),
        size if isinstance(size, int) else None, as_text(file.get("url_private")),
        is_omitted=as_text(file.get("mode")) in OMITTED_FILES,
    )  # fmt: skip

"""Microsoft Teams: channels and chats, as an export folder (PascalCase) or as Microsoft Graph gives them (camelCase).

To get it: Graph's `/teams/ID/channels/ID/messages` (with `$expand=replies`), `/chats/ID/messages` and `/users`, saved
as JSON, or an export script's folder with `teams/` and `users/`. In a channel a post with its replies is one
conversation; a chat is one, and from 500 turns on a silence of seven days starts a new one. The same chat in the files
of several people counts once, the newest version of a message with it.

Roles: a mapping's [roles] decides, by name, id, address or "@host" of an address. Else applications are bots, guests
and people of other organisations are customers, and who is in `usersList.json` is an agent; where the mapping names
agents, nobody else is. Whose role nothing tells (deactivated accounts are not in the list) stands as a customer, and a
conversation without an agent says so.

System events are internal. Files are named, never fetched; texts of cards are read where the body has none. Not read:
installed apps, lists of teams, transcripts of meetings (the connector for VTT reads those). Unconfirmed: mentions and
placeholders of attachments in bodies, cards. `formats.md` 3.3 lists the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, NamedTuple

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import NEVER, as_dict, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.mapping import Mapping
from ingest.records import Attachment, Completeness, Conversation, Record, Reject, Role, Turn
from ingest.sessions import CHAT, Cutter
from ingest.source import Sample
from ingest.speakers import Speaker, note_on_roles, settle, with_roles
from ingest.times import parse
from store.spool import Spool

Part = Literal["messages", "users", "channels", "other"]
Json = dict[str, Any]

LISTS = ("value", "Value")
IN_A_FOLDER_EACH = re.compile(r"(?:messages|channels|teamMembers|teamInstalledApps)_.+\.json")
BESIDE_THEM = re.compile(r"(?:teams|users)List\.json")
OTHER_FILES = re.compile(r"teamsList\.json|teamInstalledApps_.+\.json")
REASONS: dict[Part, tuple[float, str]] = {
    "messages": (0.96, "messages with body, messageType and chat or channel, as Microsoft Teams has them"),
    "users": (0.92, "people with displayName and userPrincipalName or roles, as Microsoft Teams has them"),
    "channels": (0.92, "channels or chats of Microsoft Teams"),
    "other": (0.85, "one of the files beside the messages of a Teams export"),
}
NO_TALK = "this part of the export holds no conversation"

OUTSIDERS = frozenset({
    "anonymousGuest", "federatedUser", "personalMicrosoftAccountUser", "skypeUser", "phoneUser", "emailUser",
})  # fmt: skip
"""`userIdentityType` of people who are not of the organisation (Graph, teamworkUserIdentity)."""

SPOKEN = frozenset({None, "", "message"})
QUOTE = "messageReference"
CUSTOM = ("importance", "reactions", "policyViolation", "messageHistory")

_EMOJI = re.compile(r"<emoji\b[^>]*?\balt=\"([^\"]*)\"[^>]*>(?:\s*</emoji>)?", re.IGNORECASE)
_MENTION = re.compile(r"<at\b[^>]*>(.*?)</at>", re.IGNORECASE | re.DOTALL)
_PLACEHOLDER = re.compile(r"<attachment\b[^>]*>(?:\s*</attachment>)?", re.IGNORECASE)
_TAG = re.compile(r"<[^>]+>")
DEEPEST = 12


class Teams:
    """Read Microsoft Teams' messages."""

    name = "teams"
    title = "Microsoft Teams (export folder, pages of Graph)"
    version = 1
    grouped = True
    mapped = True

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at the first records; what belongs together lies in folders of teams and users."""
        parts: list[Part] = [part for record in sample_json(sample, LISTS) if (part := _classify(_plain(record)))]
        part = parts[0] if parts else "other" if sample_json(sample) and OTHER_FILES.fullmatch(sample.name) else None
        above = 2 if IN_A_FOLDER_EACH.fullmatch(sample.name) else 1 if BESIDE_THEM.fullmatch(sample.name) else 0
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part, above=above) if part else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each thread of the channels and each chat."""
        export = _Export(reading.spool, reading.mapping)
        for recognised in reading.files:
            if recognised.part == "other":
                yield Reject("file", "no_turns", NO_TALK, source_uri=recognised.file.uri)
                continue
            for found in records_of(recognised.file, LISTS):
                yield from (found,) if isinstance(found, Reject) else export.sort_in(found, recognised.file.name)
        yield from export.records()


CONNECTOR: Connector = Teams()


@lru_cache(maxsize=1_000)
def _is_capitalised(names: tuple[str, ...]) -> bool:
    return any(name[:1] != name[:1].lower() for name in names)


def _plain(record: Any, depth: int = 0) -> Any:  # noqa: ANN401 - any JSON value
    """Write the names of fields as Graph does: `ReplyToId` becomes replyToId; Graph's own records stay as they are."""
    if depth == 0 and not _is_capitalised(tuple(as_dict(record))):
        return record
    if isinstance(record, dict) and depth < DEEPEST:
        return {f"{name[:1].lower()}{name[1:]}": _plain(value, depth + 1) for name, value in as_dict(record).items()}
    if isinstance(record, list) and depth < DEEPEST:
        return [_plain(item, depth + 1) for item in as_list(record)]
    return record


def _classify(plain: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    record = as_dict(plain)
    if isinstance(record.get("body"), dict) and {"messageType", "chatId", "channelIdentity"} & record.keys():
        return "messages"
    if "displayName" in record and ("userPrincipalName" in record or isinstance(record.get("roles"), list)):
        return "users"
    return "channels" if {"membershipType", "chatType"} & record.keys() and "id" in record else None


class _Post(NamedTuple):
    """A message, and where it stands."""

    container: str
    place: str
    uri: str
    record: Json

    @property
    def identity(self) -> str:
        return str(self.record["id"])


@dataclass(slots=True)
class _Export:
    """What is known of the organisation while its files are read."""

    spool: Spool
    mapping: Mapping | None
    people: dict[str, Json] = field(default_factory=dict[str, Json])
    guests: set[str] = field(default_factory=set[str])
    names: dict[str, str] = field(default_factory=dict[str, str])
    met: dict[str, Speaker] = field(default_factory=dict[str, Speaker])

    def sort_in(self, found: Found, file: str) -> Iterator[Reject]:
        """Put a record where it belongs; replies may stand within their post."""
        record = as_dict(_plain(found.value))
        part = _classify(record)
        if part == "messages":
            yield from self._put(Found(f"{file}, {found.place}", found.uri, record), file)
        elif part == "users":
            self._meet(record)
        elif part == "channels":
            name = as_text(record.get("displayName")) or as_text(record.get("topic"))
            self.names |= {str(record["id"]): name} if name else {}
        else:
            yield found.unknown("it is no message, person or channel")

    def _put(self, found: Found, file: str) -> Iterator[Reject]:
        record = found.value
        identity, chat = as_id(record.get("id")), as_id(record.get("chatId"))
        if identity is None:
            yield found.reject("no_identity", "the message has no id")
            return
        channel = as_id(as_dict(record.get("channelIdentity")).get("channelId"))
        root = as_id(record.get("replyToId")) or identity
        container = chat or channel or file.removesuffix(".json")
        kind = "chat" if chat else "channel"
        first = identity if chat else root
        replies = as_list(record.pop("replies", None))
        self.spool.put(f"{kind}\x1f{container}\x1f{first:0>20}", [container, found.place, found.uri, record])
        for number, reply in enumerate(replies, start=1):
            inner = found.inner(f"reply {number}", reply)
            if isinstance(reply, dict):
                about = {"channelIdentity": record.get("channelIdentity"), "chatId": chat, "replyToId": root}
                known = {name: value for name, value in as_dict(reply).items() if value is not None}
                yield from self._put(Found(inner.place, inner.uri, about | known), file)
            else:
                yield inner.unknown("it is no message")

    def _meet(self, record: Json) -> None:
        record = {**as_dict(record.get("additionalProperties")), **record}
        identity = as_id(record.get("userId")) or as_id(record.get("id"))
        if identity is None:
            return
        is_external = "#ext#" in str(record.get("userPrincipalName")).casefold() or record.get("userType") == "Guest"
        if is_external or "guest" in as_list(record.get("roles")):
            self.guests.add(identity)
        known = {name: value for name, value in record.items() if value is not None}
        self.people[identity] = {**self.people.get(identity, {}), **known}

    def records(self) -> Iterator[Record]:
        """Give the threads of each channel, and each chat."""
        for key, groups in groupby(self.spool.groups(), key=lambda group: group[0].rpartition("\x1f")[0]):
            kind, _, container = key.partition("\x1f")
            posts = (_newest([_Post(*row) for row in rows]) for _, rows in groups)
            yield from self._chat(container, posts) if kind == "chat" else self._threads(container, posts)

    def _threads(self, container: str, groups: Iterable[list[_Post]]) -> Iterator[Conversation]:
        for posts in groups:
            root = as_id(posts[0].record.get("replyToId")) or posts[0].identity
            has_root = any(post.identity == root for post in posts)
            turns = in_order([self._turn(post) for post in posts])
            subject = next((text for post in posts if (text := as_text(post.record.get("subject")))), None)
            yield self._conversation(
                container, root, turns, posts[0].uri, subject, "complete" if has_root else "truncated_head"
            )

    def _chat(self, container: str, groups: Iterable[list[_Post]]) -> Iterator[Conversation]:
        cutter, uri = Cutter(CHAT), ""
        for post in (post for posts in groups for post in posts):
            if finished := cutter.add(self._turn(post)):
                yield self._conversation(container, str(finished[0].external_id), finished, uri, None, "complete")
            uri = post.uri
        if rest := cutter.rest():
            yield self._conversation(container, str(rest[0].external_id), rest, uri, None, "complete")

    def _conversation(
        self, container: str, first: str, turns: list[Turn], uri: str, subject: str | None, completeness: Completeness
    ) -> Conversation:
        present = dict.fromkeys(turn.author for turn in turns if turn.author)
        people = settle((self.met[identity] for identity in present), self.mapping)
        spoken = any(turn.kind == "message" for turn in turns)
        name = self.names.get(container)
        return Conversation(
            f"{container}/{first}", with_roles(turns, people), turns[0].place, tuple(people.values()), source_uri=uri,
            subject=subject, channel="chat", channel_raw="teams", created_at=turns[0].created_at,
            updated_at=turns[-1].created_at, completeness=completeness if spoken else "events_only",
            custom={**({"channel": name} if name else {}), **note_on_roles(people.values())},
        )  # fmt: skip

    def _turn(self, post: _Post) -> Turn:
        record = post.record
        body, kind = as_dict(record.get("body")), as_text(record.get("messageType"))
        is_html = str(body.get("contentType")).casefold() == "html"
        text = as_text(body.get("content")) or ""
        event = str(as_dict(record.get("eventDetail")).get("@odata.type") or kind or "event").rpartition(".")[2]
        is_said = kind in SPOKEN and "<systemEventMessage" not in text
        said = _without_tags_of_teams(text) if is_said else event.removesuffix("EventMessageDetail")
        attachments = [as_dict(item) for item in as_list(record.get("attachments"))]
        if is_said and not _TAG.sub("", said).strip():
            said = "\n".join(line for item in attachments for line in _card(item.get("content"))) or said
        quoted = next((as_id(item.get("id")) for item in attachments if item.get("contentType") == QUOTE), None)
        return Turn(
            "customer" if is_said else "system", said, external_id=post.identity,
            author=self._author(as_dict(record.get("from"))) if is_said else None,
            created_at=as_time(record.get("createdDateTime")), kind="message" if is_said else "event",
            visibility="public" if is_said else "internal", body_format="html" if is_html and is_said else "text",
            edited_at=as_time(record.get("lastEditedDateTime")), is_deleted=record.get("deletedDateTime") is not None,
            reply_to=as_id(record.get("replyToId")) or quoted, event_type=None if is_said else event, place=post.place,
            attachments=tuple(_attachment(item) for item in attachments if item.get("contentType") != QUOTE),
            custom={name: record[name] for name in CUSTOM if record.get(name) not in (None, "normal", [], {})},
        )  # fmt: skip

    def _author(self, sender: Json) -> str | None:
        """Give who wrote: somebody of the list, a guest, an application, or a device."""
        for kind in ("user", "application", "device"):
            person = as_dict(sender.get(kind))
            identity = as_id(person.get("id")) or as_text(person.get("displayName"))
            if identity is None:
                continue
            if identity not in self.met:
                self.met[identity] = self._speaker(identity, person, is_bot=kind == "application")
            return identity
        return None

    def _speaker(self, identity: str, person: Json, *, is_bot: bool) -> Speaker:
        known = self.people.get(identity, {})
        email = as_text(known.get("mail")) or as_text(known.get("email"))
        address = as_text(known.get("userPrincipalName"))
        return Speaker(
            identity, as_text(person.get("displayName")) or as_text(known.get("displayName")),
            "bot" if is_bot else self._role(identity, person), "users_file" if known else "inferred",
            email=email or (address if address and "#" not in address else None),
            words=(address,) if address else (),
        )  # fmt: skip

    def _role(self, identity: str, person: Json) -> Role:
        if identity in self.guests or as_text(person.get("userIdentityType")) in OUTSIDERS:
            return "customer"
        has_agents = self.mapping is not None and "agent" in self.mapping.roles.values()
        return "agent" if identity in self.people and not has_agents else "unknown"


def _newest(posts: list[_Post]) -> list[_Post]:
    """Give the newest version of each message, in the order in which they were first met."""
    newest: dict[str, _Post] = {}
    for post in posts:
        before = newest.get(post.identity)
        if before is None or _changed(post) > _changed(before):
            newest[post.identity] = post
    return list(newest.values())


def _changed(post: _Post) -> Any:  # noqa: ANN401 - a time that compares
    return parse(as_time(post.record.get("lastModifiedDateTime"))).at or NEVER


def _without_tags_of_teams(text: str) -> str:
    """Give a body in plain HTML: emoji and mentions as their text, without the places of attachments."""
    return _PLACEHOLDER.sub("", _MENTION.sub(r"@\1", _EMOJI.sub(r"\1", text)))


def _card(content: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Give the texts of a card, which is JSON kept as text."""
    held = as_json(content) if depth == 0 else content
    if isinstance(held, dict) and depth < DEEPEST:
        for name, value in as_dict(held).items():
            if name in ("text", "title", "subtitle") and isinstance(value, str):
                yield value
            else:
                yield from _card(value, depth + 1)
    elif isinstance(held, list) and depth < DEEPEST:
        for item in as_list(held):
            yield from _card(item, depth + 1)


def _attachment(item: Json) -> Attachment:
    return Attachment(as_text(item.get("name")), as_text(item.get("contentType")), url=as_text(item.get("contentUrl")))

"""Public forums: topics of Discourse, and topics or table dumps of phpBB, as JSON.

To get them: Discourse gives every topic at `/t/ID.json` (with `?print=true` all its posts), further posts at
`/t/ID/posts.json`, and the newest ones at `/posts.json`; of phpBB, export the tables topics, posts and users as JSON
with phpMyAdmin, or write a topic with its list of posts. Files of one folder belong together.

Who opens a topic is the customer, unless that is staff and nothing was accepted; staff are agents, and so is, by
inference, everybody else who answers. A topic with an accepted answer is "solved", and that turn says so in `custom`.
Whispers are notes, small actions are events, what is hidden or not approved is internal, deleted posts say so. Quotes
of earlier posts are cut out. Not read: likes, polls, edit histories, user pages. Unconfirmed: phpBB has no JSON export
of its own, so its fields are those of its tables, and accepted answers those of known extensions (topic_solved,
bestanswer_id). Discourse's fields were seen in public topics.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_flag, as_id, as_list, as_text, as_time
from ingest.records import BodyFormat, Completeness, Conversation, Kind, Participant, Record, Reject, Turn, TurnRole
from ingest.source import Sample

Json = dict[str, Any]
Part = Literal["topic", "list", "post", "phpbb_topic", "phpbb_post", "phpbb_user", "table"]

LISTS = ("latest_posts",)
ROWS_IN = ("data", "topics", "posts", "users")
"""Lists of a table that phpMyAdmin wrote, or of a page; a topic's own posts stay with it."""

REASONS: dict[Part, tuple[float, str]] = {
    "topic": (0.98, "post_stream with posts, as Discourse has it"),
    "list": (0.95, "topic_list, as Discourse has it: topics without posts"),
    "post": (0.96, "posts with topic_id, post_number and cooked, as Discourse has them"),
    "phpbb_topic": (0.94, "topics with topic_id and topic_title, as phpBB has them"),
    "phpbb_post": (0.95, "posts with post_id, topic_id and post_text, as phpBB has them"),
    "phpbb_user": (0.92, "users with user_id, username and user_type, as phpBB has them"),
    "table": (0.93, "a list of phpBB's topics, posts or users, as phpMyAdmin exports tables"),
}
NEEDED: tuple[tuple[Part, frozenset[str]], ...] = (
    ("topic", frozenset({"post_stream"})),
    ("list", frozenset({"topic_list"})),
    ("post", frozenset({"topic_id", "post_number", "cooked"})),
    ("phpbb_post", frozenset({"post_id", "post_text"})),
    ("phpbb_topic", frozenset({"topic_id", "topic_title"})),
    ("phpbb_user", frozenset({"user_id", "username", "user_type"})),
)
REGULAR, MODERATOR, SMALL_ACTION, WHISPER = 1, 2, 3, 4
"""Discourse's types of posts."""

GONE = "deleted"
SYSTEM_USERS = frozenset({"system", "discobot"})
SOLVED_IN = ("topic_solved", "bestanswer_id", "accepted_post_id")
QUOTE = re.compile(
    r'<aside class="quote.*?</aside>|<QUOTE.*?</QUOTE>|\[quote(?:[=:].*?)?\].*?\[/quote(?::\w+)?\]', re.DOTALL
)
MARKS = re.compile(r"<([se])>.*?</\1>", re.DOTALL)
"""What phpBB 3.2 keeps of the codes that a post was written with: <s>[b]</s>bold<e>[/b]</e>."""

CODE = re.compile(
    r"\[/?(?:b|i|u|s|url|img|email|list|\*|code|color|size|font|attachment)(?:=[^\]\n]*)?(?::\w+)*\]", re.I
)


class Discourse:
    """Read topics of forums."""

    name = "discourse"
    title = "Discourse and phpBB (topics with their answers)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for topics or posts with the fields of one of the two."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each topic with the posts that all files have of it."""
        people: dict[str, Json] = {}
        for recognised in reading.files:
            for found in records_of(recognised.file, LISTS):
                for one in [found] if isinstance(found, Reject) else _opened(found):
                    if isinstance(one, Reject):
                        yield one
                    elif one[0] == "phpbb_user":
                        people[as_id(one[1].value.get("user_id")) or ""] = one[1].value
                    else:
                        key = _topic_id(one[1].value, one[0])
                        if key is None:
                            yield one[1].reject("no_identity", "it names no topic")
                        else:
                            reading.spool.put(key, [one[0], *one[1].row()])
        for key, rows in reading.spool.groups():
            yield from _topic(key, [(part, Found(*row)) for part, *row in rows], people)


CONNECTOR: Connector = Discourse()


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("topic"), dict):
        return _part_of(record["topic"])
    for part, needed in NEEDED:
        if needed <= record.keys():
            return part
    return "table" if any((_part_of(row) or "").startswith("phpbb") for row in _rows(record)[:3]) else None


def _rows(record: Json) -> list[Any]:
    return next((record[name] for name in ROWS_IN if isinstance(record.get(name), list)), [])


def _opened(found: Found) -> Iterator[tuple[Part, Found] | Reject]:
    """Take a record out of what stands around it: a webhook's topic, a table's rows."""
    part, record = _part_of(found.value), found.value
    if part == "table":
        for number, row in enumerate(_rows(record), start=1):
            yield from _opened(found.inner(f"row {number}", row))
    elif part == "list":
        yield found.reject("no_turns", "it lists topics without their posts; save each topic's own JSON")
    elif part is None and as_dict(record).get("type") not in ("header", "database", "table"):
        yield found.unknown("neither a topic nor a post of a forum")
    elif part is not None:
        yield part, Found(found.place, found.uri, record["topic"] if isinstance(record.get("topic"), dict) else record)


def _topic_id(record: Json, part: Part) -> str | None:
    posts = as_list(as_dict(record.get("post_stream")).get("posts"))
    held = as_id(record.get("id") if part == "topic" else record.get("topic_id"))
    return held or next((found for post in posts if (found := as_id(as_dict(post).get("topic_id")))), None)


def _topic(key: str, members: list[tuple[Part, Found]], people: dict[str, Json]) -> Iterator[Record]:
    heads = [one for part, one in members if part in ("topic", "phpbb_topic")]
    case = _Case(key, heads[-1] if heads else members[0][1], people)
    for part, member in members:
        posts = _posts(part, member)
        for one in posts:
            if isinstance(one.value, dict):
                case.add(one)
            else:
                yield one.unknown("no post")
    if case.posts:
        yield case.conversation()
        return
    for _, member in members:
        yield member.reject("no_turns", "there are no posts of it in the folder")


def _posts(part: Part, member: Found) -> list[Found]:
    if part in ("post", "phpbb_post"):
        return [member]
    held = as_dict(member.value.get("post_stream")).get("posts") if part == "topic" else member.value.get("posts")
    return [member.inner(f"post {number}", post) for number, post in enumerate(as_list(held), start=1)]


@dataclass(slots=True)
class _Case:
    """One topic on its way through the connector."""

    key: str
    head: Found
    people: dict[str, Json]
    posts: dict[str, Found] = field(default_factory=dict[str, Found])
    authors: dict[str, Participant] = field(default_factory=dict[str, Participant])

    def add(self, found: Found) -> None:
        """Take in one post; of several versions of it the newest counts."""
        identity = _post_id(found.value) or found.place
        before = self.posts.get(identity)
        if before is None or str(found.value.get("updated_at")) >= str(before.value.get("updated_at")):
            self.posts[identity] = found

    def conversation(self) -> Conversation:
        """Give what came together, in the order of the posts' numbers."""
        record: Json = self.head.value
        posts = sorted(self.posts.values(), key=_order)
        accepted = self._accepted(posts)
        asker = self._asker(posts[0].value, is_solved=accepted is not None)
        ids = {as_id(post.value.get("post_number")): _post_id(post.value) for post in posts}
        turns = tuple(self._turn(post, asker, accepted, ids) for post in posts)
        title = record.get("title", record.get("topic_title", posts[0].value.get("post_subject")))
        last = record.get("last_posted_at", record.get("topic_last_post_time"))
        closed = as_flag(record.get("closed")) or as_id(record.get("topic_status")) == "1"
        return Conversation(
            self.key, turns, self.head.place, tuple(self.authors.values()), source_uri=self.head.uri,
            subject=as_text(title), channel="forum", channel_raw=as_text(record.get("archetype")),
            status="solved" if accepted else "closed" if closed else "open",
            created_at=as_time(record.get("created_at", record.get("topic_time"))) or turns[0].created_at,
            updated_at=as_time(last) or turns[-1].created_at,
            tags=tuple(_tags(record)), completeness=self._completeness(posts, turns), custom=self._custom(accepted),
        )  # fmt: skip

    def _asker(self, first: Json, *, is_solved: bool) -> str | None:
        """Give the id of who opened the topic; of an announcement by staff nobody is the customer."""
        if _is_staff(first) and not is_solved:
            return None
        created = as_dict(as_dict(self.head.value.get("details")).get("created_by")).get("id")
        told = as_id(created) or as_id(self.head.value.get("topic_poster"))
        return told or (_author_id(first) if first.get("post_number", 1) == 1 else None)

    def _accepted(self, posts: list[Found]) -> str | None:
        """Give the id of the accepted answer's post."""
        told = as_dict(self.head.value.get("accepted_answer")).get("post_number")
        named = {as_id(self.head.value.get(name)) for name in SOLVED_IN} - {None, "0", "1"}
        for post in posts:
            is_named = _post_id(post.value) in named or (told is not None and post.value.get("post_number") == told)
            if post.value.get("accepted_answer") is True or is_named:
                return _post_id(post.value)
        return None

    def _turn(self, found: Found, asker: str | None, accepted: str | None, ids: dict[str | None, str | None]) -> Turn:
        post: Json = found.value
        identity, kind = _post_id(post), _kind(post)
        text, body_format = _body(post)
        person = self._author(post, asker)
        role: TurnRole = person.role if person.role in ("customer", "agent", "bot") else "system"
        hidden = kind in ("event", "note") or post.get("hidden") is True or as_id(post.get("post_visibility")) == "0"
        edited = as_time(post.get("updated_at", post.get("post_edit_time")))
        if kind == "event":
            text = text or as_text(post.get("action_code")) or "event"
        return Turn(
            "system" if kind == "event" else role, text,
            external_id=identity, author=person.external_id, created_at=_at(post), kind=kind,
            visibility="internal" if hidden else "public", body_format=body_format, is_automated=role == "bot",
            automation="bot" if role == "bot" else None,
            edited_at=edited if edited not in (None, 0, "0", _at(post)) and post.get("version", 2) != 1 else None,
            is_deleted=_is_deleted(post), reply_to=ids.get(as_id(post.get("reply_to_post_number"))),
            event_type=as_text(post.get("action_code")), place=found.place,
            custom={"accepted_answer": True} if accepted is not None and identity == accepted else {},
        )  # fmt: skip

    def _author(self, post: Json, asker: str | None) -> Participant:
        identity = _author_id(post)
        known = self.authors.get(identity)
        if known is not None:
            return known
        user = self.people.get(identity, {})
        name = as_text(post.get("username")) or as_text(post.get("post_username")) or as_text(user.get("username"))
        is_told = name in SYSTEM_USERS or _is_staff(post)
        role: TurnRole = "bot" if name in SYSTEM_USERS else "customer" if identity == asker else "agent"
        self.authors[identity] = Participant(
            identity if identity != GONE else None, role, "explicit" if is_told and role != "customer" else "inferred",
            as_text(post.get("name")) or name, as_text(user.get("user_email")), is_deleted=identity == GONE,
        )  # fmt: skip
        return self.authors[identity]

    def _completeness(self, posts: list[Found], turns: tuple[Turn, ...]) -> Completeness:
        """Compare with the posts that the topic names: its JSON holds the first twenty, unless asked for all."""
        if all(turn.kind == "event" for turn in turns):
            return "events_only"
        if posts[0].value.get("post_number", 1) != 1:
            return "truncated_head"
        return "truncated_body" if self._missing() else "complete"

    def _missing(self) -> int:
        stream = as_list(as_dict(self.head.value.get("post_stream")).get("stream"))
        return len({as_id(identity) for identity in stream} - self.posts.keys())

    def _custom(self, accepted: str | None) -> Json:
        record: Json = self.head.value
        kept = {name: record.get(name) for name in ("category_id", "forum_id", "slug", "views", "like_count")}
        kept |= {"accepted_answer": accepted, "posts_missing": self._missing()}
        return {name: value for name, value in kept.items() if value}


def _post_id(post: Json) -> str | None:
    return as_id(post.get("id")) or as_id(post.get("post_id"))


def _author_id(post: Json) -> str:
    """Give the author's id; a post without one was left behind by a user who was deleted."""
    names = ("user_id", "poster_id", "username", "post_username")
    return next((found for name in names if (found := as_id(post.get(name)))), GONE)


def _at(post: Json) -> str | float | None:
    return as_time(post.get("created_at", post.get("post_time")))


def _order(post: Found) -> tuple[float, str]:
    number = post.value.get("post_number")
    at = _at(post.value)
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return (number if is_number else float("inf")), f"{at:020.6f}" if isinstance(at, int | float) else str(at)


def _is_staff(post: Json) -> bool:
    return any(post.get(name) is True for name in ("staff", "admin", "moderator"))


def _is_deleted(post: Json) -> bool:
    return bool(post.get("deleted_at")) or post.get("user_deleted") is True or as_id(post.get("post_visibility")) == "2"


def _kind(post: Json) -> Kind:
    kind = post.get("post_type", REGULAR)
    if kind == WHISPER:
        return "note"
    is_empty = not (as_text(post.get("cooked")) or as_text(post.get("raw")) or as_text(post.get("post_text")))
    return "event" if kind == SMALL_ACTION or (kind == MODERATOR and is_empty) else "message"


def _body(post: Json) -> tuple[str, BodyFormat]:
    """Give a post's text without what it quotes of earlier ones; phpBB's newlines and codes become HTML's."""
    cooked = as_text(post.get("cooked"))
    if cooked is not None:
        return QUOTE.sub("", cooked), "html"
    raw = as_text(post.get("raw"))
    if raw is not None:
        return QUOTE.sub("", raw), "text"
    text = MARKS.sub("", QUOTE.sub("", as_text(post.get("post_text")) or ""))
    is_xml = text.startswith(("<t>", "<r>"))
    return CODE.sub("", text if is_xml else text.replace("\n", "<br>")), "html"


def _tags(record: Json) -> Iterator[str]:
    for tag in as_list(record.get("tags")):
        if name := as_text(tag) or as_text(as_dict(tag).get("name")):
            yield name

"""Olark: transcripts of chats as its webhook and its API give them.

To get them: set up a webhook (Settings, Integrations, Webhooks) and save the value of `data` of each call as JSON, one
a file or one a line; transcripts of the API have the same form. The CSV of the transcripts page holds no single
messages and goes through the connector `tables`.

A transcript is a conversation. MessageToOperator is what the visitor writes, MessageToVisitor what an operator writes,
an offline message the visitor's; nicknames tell nothing, as both sides may have the same. The operators listed are the
agents. `overall_chat` of the feedback (1 to 5) is the rating. Commands of operators and other kinds are internal
events. The same transcript sent again counts once, the longer one of two.

Not read: the visitor's browser, pages and address, groups beyond their names, form-encoded bodies of webhooks.

Unconfirmed: offline messages and other kinds of items than the two named, the comment of the feedback. `formats.md` 2.4
says where the rest was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import rated
from ingest.records import Conversation, Participant, Record, Reject, Turn, TurnRole
from ingest.source import Sample

Json = dict[str, Any]

LISTS = ("conversations", "transcripts")
ROLES: dict[str, TurnRole] = {
    "MessageToVisitor": "agent", "MessageToOperator": "customer", "OfflineMessage": "customer",
    "OfflineMessageToOperator": "customer",
}  # fmt: skip
BEST = 5
COMMENTS = ("comments", "comment", "additional_comments")


class Olark:
    """Read Olark's transcripts."""

    name = "olark"
    title = "Olark (webhooks, API)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for conversations with items and Olark's kinds."""
        if any(_is_transcript(record) for record in sample_json(sample, LISTS)):
            return Evidence(0.97, ("kind Conversation with items, operators and visitor, as Olark has them",))
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each transcript once, the fullest there is of it."""
        for recognised in reading.files:
            for found in records_of(recognised.file, LISTS):
                if isinstance(found, Reject):
                    yield found
                elif not _is_transcript(found.value):
                    yield found.unknown("no transcript of Olark's")
                elif key := as_id(found.value.get("id")):
                    reading.spool.put(key, found.row())
                else:
                    yield from _transcript(None, found)
        for key, rows in reading.spool.groups():
            copies = [Found(*row) for row in rows]
            yield from _transcript(key, max(copies, key=lambda found: len(as_list(found.value.get("items")))))


CONNECTOR: Connector = Olark()


def _is_transcript(record: Any) -> bool:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict) or "items" not in record:
        return False
    if record.get("kind") == "Conversation":
        return bool({"operators", "visitor"} & record.keys())
    return any(as_text(as_dict(item).get("kind")) in ROLES for item in as_list(record["items"])[:20])


def _transcript(key: str | None, found: Found) -> Iterator[Record]:
    record: Json = found.value
    visitor = as_dict(record.get("visitor"))
    people = {person.external_id: person for person in _people(record, visitor)}
    turns: list[Turn] = []
    for number, item in enumerate(as_list(record.get("items")), start=1):
        one = found.inner(f"item {number}", item)
        if isinstance(item, dict):
            turns.append(_turn(one, people, as_id(visitor.get("id"))))
        else:
            yield one.unknown("no item of a transcript")
    if turns:
        yield _conversation(key, found, tuple(in_order(turns)), tuple(people.values()))
    else:
        yield found.reject("no_turns", "the transcript has no items")


def _conversation(key: str | None, found: Found, turns: tuple[Turn, ...], people: tuple[Participant, ...]) -> Record:
    record: Json = found.value
    feedback = as_dict(as_dict(record.get("visitor")).get("chat_feedback"))
    rating = rated(feedback.get("overall_chat"), 1, BEST)
    times = [turn.created_at for turn in turns if turn.created_at is not None]
    is_offline = all(turn.event_type == "OfflineMessage" for turn in turns)
    return Conversation(
        key, turns, found.place, people, source_uri=found.uri, channel="email" if is_offline else "chat",
        created_at=times[0] if times else None, updated_at=times[-1] if times else None,
        tags=tuple(tag for tag in as_list(record.get("tags")) if isinstance(tag, str)),
        csat_score=rating.score, csat_scale=rating.scale, csat_label=rating.label,
        csat_comment=next((text for name in COMMENTS if (text := as_text(feedback.get(name)))), None),
        completeness="complete" if any(turn.kind == "message" for turn in turns) else "events_only",
        custom={**_custom(record, feedback), **rating.custom},
    )  # fmt: skip


def _people(record: Json, visitor: Json) -> Iterator[Participant]:
    identity = as_id(visitor.get("id"))
    if identity is not None:
        yield Participant(
            identity, "customer", "explicit", as_text(visitor.get("fullName")), as_text(visitor.get("emailAddress")),
            as_text(visitor.get("phoneNumber")),
        )  # fmt: skip
    for number, operator in as_dict(record.get("operators")).items():
        held = as_dict(operator)
        name = as_text(held.get("nickname")) or as_text(held.get("username"))
        yield Participant(
            as_id(held.get("id")) or number, "agent", "explicit", name, as_text(held.get("emailAddress"))
        )  # fmt: skip


def _turn(found: Found, people: dict[str | None, Participant], visitor: str | None) -> Turn:
    """Give one item; an operator who is not listed any more is met by the id alone."""
    item: Json = found.value
    kind, text, at = as_text(item.get("kind")) or "", as_text(item.get("body")) or "", as_time(item.get("timestamp"))
    role, operator = ROLES.get(kind), as_id(item.get("operatorId"))
    if role is None:
        return Turn(
            "system", text or kind or "item", created_at=at, kind="event", visibility="internal",
            event_type=kind or "item", place=found.place, custom={"fields_of_it": sorted(item)},
        )  # fmt: skip
    author = visitor if role == "customer" else operator
    if role == "agent" and operator is not None:
        people.setdefault(operator, Participant(operator, "agent", display_name=as_text(item.get("nickname"))))
    return Turn(
        role, text, author=author, created_at=at, place=found.place,
        event_type="OfflineMessage" if kind.startswith("Offline") else None,
    )  # fmt: skip


def _custom(record: Json, feedback: Json) -> Json:
    groups = [as_text(as_dict(group).get("name")) for group in as_list(record.get("groups"))]
    kept = {
        "groups": [name for name in groups if name],
        "feedback": feedback,
        "manually_submitted": record.get("manuallySubmitted"),
        "custom_fields": as_dict(as_dict(record.get("visitor")).get("customFields")),
    }
    return {name: value for name, value in kept.items() if value}

"""Gorgias: tickets with their messages and satisfaction surveys, as the REST API's pages have them.

To get them: save the pages of `/api/tickets`, `/api/messages` and `/api/satisfaction-surveys` (each with its `cursor`),
or each ticket by its id (`/api/tickets/ID`, which holds its messages), into one folder, under any names. Rows of a
warehouse work too, as JSON.

from_agent tells the sides; what a rule sent is a bot's, and macros are named in `macros`. A message that is not public,
or came on the channel internal-note, is a note. Messages that could not be sent (`failed_datetime`) are drafts, deleted
ones are marked. Of a message the HTML is read, else the text, else what Gorgias left of it (`stripped_...`); quotes are
cut by chatmill itself. A survey's score (1 to 5) is the rating. A ticket with fewer messages than it counts is cut.

Not read: customers' lists, events, attachments' bytes, headers, what rules did without a message.

Unconfirmed, as no real file was at hand: `via` rule and `rule_id` for bots, `macros` in a message, the channel
internal-note, sent_datetime, that messages_count counts notes too, and the survey's scale. `formats.md` 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.loose import NEVER, as_dict, as_flag, as_id, as_list, as_text, as_time, in_order
from ingest.ratings import UNRATED, Rating, rated
from ingest.records import (
    Attachment,
    Automation,
    BodyFormat,
    Conversation,
    Participant,
    Record,
    Reject,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.repeated import without_repeats
from ingest.source import Sample
from ingest.times import parse

Json = dict[str, Any]
Part = Literal["message", "ticket", "survey"]

LISTS = ("data",)
SIGNS: dict[Part, frozenset[str]] = {
    "message": frozenset({"from_agent", "body_text", "body_html", "stripped_text", "source", "sender", "public"}),
    "ticket": frozenset(
        ("assignee_user", "assignee_team", "created_datetime", "opened_datetime", "closed_datetime", "trashed_datetime",
         "messages_count", "last_message_datetime", "satisfaction_survey", "snooze_datetime", "via")
    ),
    "survey": frozenset({"score", "scored_datetime", "sent_datetime", "should_send_datetime", "body_text"}),
}  # fmt: skip
"""Fields of which three must be there."""

REASONS: dict[Part, str] = {
    "message": "messages with ticket_id, from_agent and body_text, as Gorgias has them",
    "ticket": "tickets with created_datetime and assignee_user, as Gorgias has them",
    "survey": "satisfaction surveys with ticket_id and score, as Gorgias has them",
}
BODIES = ("body_html", "body_text", "stripped_html", "stripped_text")
NOTE = "internal-note"
MAIL = frozenset({"email", "contact_form", "contact-form", "help-center"})
CHANNELS = {"contact_form": "web", "contact-form": "web", "facebook-messenger": "facebook", "gorgias_chat": "chat",
            "help-center": "web", "aircall": "phone", "twilio": "phone"}  # fmt: skip
READ_FIELDS = frozenset(
    ("id", "subject", "messages", "status", "priority", "channel", "tags", "customer", "requester",
     "satisfaction_survey", "created_datetime", "updated_datetime", "closed_datetime", "trashed_datetime", "uri",
     "excerpt", "language")
)  # fmt: skip
EMPTY = (None, "", [], {}, False)
MESSAGE_CUSTOM = ("failed_datetime", "last_sending_error", "macros", "rule_id", "via", "integration_id", "intents")
WORST, BEST = 1, 5


class Gorgias:
    """Read Gorgias's tickets."""

    name = "gorgias"
    title = "Gorgias (API pages)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for messages, tickets and surveys with Gorgias's fields."""
        for record in sample_json(sample, LISTS):
            if (part := _part_of(record)) is not None:
                return Evidence(0.95, (REASONS[part],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each ticket with the messages and the survey that belong to it."""
        for recognised in reading.files:
            yield from sort_in(records_of(recognised.file, LISTS), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _Case(key).records(members)


CONNECTOR: Connector = Gorgias()


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict) or "id" not in record:
        return None
    parts: tuple[Part, ...] = ("message", "survey") if "ticket_id" in record else ("ticket",)
    return next((part for part in parts if len(SIGNS[part] & record.keys()) >= 3), None)


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    if part is None:
        yield found.unknown("no ticket, message or survey of Gorgias's")
        return
    name = "id" if part == "ticket" else "ticket_id"
    key = as_id(found.value.get(name))
    if key is None:
        yield found.reject("no_identity", f"there is no {name}")
    else:
        yield Belonging(key, part, found)


@dataclass(slots=True)
class _Case:
    """One ticket on its way through the connector."""

    key: str
    heads: list[Found] = field(default_factory=list[Found])
    surveys: list[Found] = field(default_factory=list[Found])
    turns: list[Turn] = field(default_factory=list[Turn])
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    rejects: list[Reject] = field(default_factory=list[Reject])

    def records(self, members: list[tuple[Part, Found]]) -> Iterator[Record]:
        """Put together what there is, or say why there is nothing."""
        self.heads = sorted((one for part, one in members if part == "ticket"), key=_newness, reverse=True)
        self.surveys = [one for part, one in members if part == "survey"]
        for head in self.heads:
            self._meet(as_dict(head.value.get("customer")) or as_dict(head.value.get("requester")), "customer")
            for number, message in enumerate(as_list(head.value.get("messages")), start=1):
                self._add(head.inner(f"message {number}", message))
        for part, found in members:
            if part == "message":
                self._add(found)
        yield from self.rejects
        if self.turns:
            yield self._conversation(members[0][1])
            return
        for found in self.heads:
            yield found.reject("no_turns", "its messages are not in the folder; save /api/messages, or it by its id")
        if not self.heads:
            for found in self.surveys:
                yield found.reject("orphan", "the ticket of the survey is not in the folder")

    def _add(self, found: Found) -> None:
        if isinstance(found.value, dict):
            self.turns.append(self._turn(found))
        else:
            self.rejects.append(found.unknown("the message is no object"))

    def _turn(self, found: Found) -> Turn:
        message: Json = found.value
        is_ours, channel = as_flag(message.get("from_agent")), as_text(message.get("channel")) or ""
        visibility = _visibility(message, channel, is_known=is_ours is not None)
        role, automation = _speaker(message, is_ours=is_ours)
        name, text = next(((one, text) for one in BODIES if (text := as_text(message.get(one)))), ("", ""))
        attachments = tuple(_attachment(as_dict(file)) for file in as_list(message.get("attachments")))
        return Turn(
            role, text, external_id=as_id(message.get("id")), author=self._meet(as_dict(message.get("sender")), role),
            created_at=as_time(message.get("created_datetime")) or as_time(message.get("sent_datetime")),
            kind="note" if visibility == "internal" else "message", visibility=visibility,
            body_format=_format(name, channel), is_automated=automation is not None, automation=automation,
            is_deleted=bool(message.get("deleted_datetime")),
            is_draft=bool(message.get("failed_datetime") or message.get("last_sending_error")), place=found.place,
            attachments=attachments,
            custom={one: message[one] for one in MESSAGE_CUSTOM if message.get(one) not in EMPTY},
        )  # fmt: skip

    def _meet(self, person: Json, role: TurnRole) -> str | None:
        """Note who takes part; users and customers have ids of their own that may be the same."""
        one = as_id(person.get("id"))
        if one is None or role == "system":
            return None
        identity = f"{'customer' if role == 'customer' else 'user'} {one}"
        if identity not in self.people:
            name = " ".join(filter(None, (as_text(person.get("firstname")), as_text(person.get("lastname")))))
            self.people[identity] = Participant(
                identity, role, "direction", as_text(person.get("name")) or name or None, as_text(person.get("email"))
            )
        return identity

    def _conversation(self, first: Found) -> Conversation:
        at = self.heads[0] if self.heads else first
        head: Json = at.value if self.heads else {}
        turns = tuple(in_order(list(without_repeats(self.turns))))
        rating, comment = self._rating(head)
        status, channel = as_text(head.get("status")), as_text(head.get("channel"))
        count = head.get("messages_count")
        missing = count - len(turns) if isinstance(count, int) and not isinstance(count, bool) else 0
        custom = {name: value for name, value in head.items() if name not in READ_FIELDS and value not in EMPTY}
        is_gone, is_said = head.get("trashed_datetime"), any(turn.kind == "message" for turn in turns)
        return Conversation(
            self.key, turns, at.place, tuple(self.people.values()), source_uri=at.uri,
            subject=as_text(head.get("subject")), channel=CHANNELS.get(channel or "", channel), channel_raw=channel,
            status="deleted" if is_gone else "spam" if head.get("spam") is True else status, status_raw=status,
            priority=as_text(head.get("priority")), language=as_text(head.get("language")),
            created_at=as_time(head.get("created_datetime")) or turns[0].created_at,
            updated_at=as_time(head.get("updated_datetime")) or turns[-1].created_at,
            closed_at=as_time(head.get("closed_datetime")),
            tags=tuple(name for tag in as_list(head.get("tags")) if (name := as_text(as_dict(tag).get("name")))),
            csat_score=rating.score, csat_scale=rating.scale, csat_label=rating.label, csat_comment=comment,
            completeness="events_only" if not is_said else "truncated_body" if missing > 0 else "complete",
            custom=custom | rating.custom | ({"messages_missing": missing} if missing > 0 else {}),
        )  # fmt: skip

    def _rating(self, head: Json) -> tuple[Rating, str | None]:
        """Give the latest survey that was answered, from the surveys' page or from the ticket."""
        given: list[Json] = [found.value for found in self.surveys] + [as_dict(head.get("satisfaction_survey"))]
        answered = [survey for survey in given if survey.get("score") is not None]
        if not answered:
            return UNRATED, None
        latest = max(answered, key=lambda survey: str(survey.get("scored_datetime")))
        return rated(latest["score"], WORST, BEST), as_text(latest.get("body_text"))


def _newness(head: Found) -> Any:  # noqa: ANN401 - a time
    return parse(as_time(head.value.get("updated_datetime"))).at or NEVER


def _visibility(message: Json, channel: str, *, is_known: bool) -> Visibility:
    public = as_flag(message.get("public"))
    if public is False or NOTE in (channel, as_dict(message.get("source")).get("type")):
        return "internal"
    return "public" if public is True and is_known else "unknown"


def _speaker(message: Json, *, is_ours: bool | None) -> tuple[TurnRole, Automation | None]:
    """Say who speaks: rules send messages of their own; agents' text may come from a macro."""
    if is_ours is None:
        return "system", None
    if not is_ours:
        return "customer", None
    if message.get("via") == "rule" or message.get("rule_id") is not None:
        return "bot", "trigger"
    return "agent", "macro" if as_list(message.get("macros")) else None


def _format(name: str, channel: str) -> BodyFormat:
    if name.endswith("html"):
        return "html_mail" if channel in MAIL else "html"
    return "mail" if channel in MAIL else "text"


def _attachment(file: Json) -> Attachment:
    size = file.get("size")
    return Attachment(
        as_text(file.get("name")), as_text(file.get("content_type")),
        size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(file.get("url")),
    )  # fmt: skip

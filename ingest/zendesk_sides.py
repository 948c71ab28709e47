"""Zendesk's side conversations: what a team asks others about a ticket, beside the thread with the customer.

Each is a conversation of its own with the ticket as its parent. All of it is internal, since the customer reads none of
it. The fields are those of developer.zendesk.com, Side Conversations and Side Conversation Events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.records import Conversation, Participant, Record, Turn
from ingest.zendesk_case import EMPTY, Member, newest
from ingest.zendesk_words import attachment_of, redaction_of

Json = dict[str, Any]

READ_FIELDS = frozenset(
    ("id", "ticket_id", "subject", "state", "participants", "preview_text", "created_at", "updated_at",
     "message_added_at", "state_updated_at", "events", "url")
)  # fmt: skip
CHANNEL = "side_conversation"


def side_conversations(members: Iterable[Member]) -> Iterator[Record]:
    """Give the side conversations of one ticket; events without theirs make one of their own."""
    sides: dict[str, list[Member]] = {}
    for member in members:
        name = "id" if member.part == "sides" else "side_conversation_id"
        identity = as_id(member.record.get(name))
        if identity is None:
            yield member.reject("no_identity", f"there is no {name}")
        else:
            sides.setdefault(identity, []).append(member)
    for identity, found in sides.items():
        yield _side(identity, found)


def _side(identity: str, members: list[Member]) -> Record:
    heads = [member for member in members if member.part == "sides"]
    head = newest(heads) if heads else members[0]
    record = head.record if heads else {"ticket_id": head.record.get("ticket_id")}
    events = [event for member in heads for event in _embedded(member)]
    events += [member for member in members if member.part == "side_events"]
    people: dict[str, Participant] = {}
    for given in as_list(record.get("participants")):
        _meet(people, as_dict(given))
    once = {as_id(event.record.get("id")) or event.place: event for event in events}
    turns = in_order([_turn(event, people) for event in once.values()])
    is_cut = not any(turn.kind == "message" for turn in turns)
    preview = as_text(record.get("preview_text"))
    if is_cut and preview:
        turns = [Turn("agent", preview, created_at=as_time(record.get("created_at")), visibility="internal",
                      source_redaction=redaction_of(preview), place=head.place), *turns]  # fmt: skip
    if not turns:
        return head.reject("no_turns", "nothing is said in the side conversation")
    subject = as_text(record.get("subject")) or next((turn.custom["subject"] for turn in turns if turn.custom), None)
    return Conversation(
        f"side {identity}", tuple(turns), head.place, tuple(people.values()), source_uri=head.uri,
        parent_id=as_id(record.get("ticket_id")), subject=subject, channel=CHANNEL, channel_raw=CHANNEL,
        status=as_text(record.get("state")), status_raw=as_text(record.get("state")),
        created_at=as_time(record.get("created_at")),
        updated_at=as_time(record.get("updated_at")) or as_time(record.get("message_added_at")),
        completeness="truncated_body" if is_cut else "complete",
        custom={name: value for name, value in record.items() if name not in READ_FIELDS and value not in EMPTY},
    )  # fmt: skip


def _embedded(member: Member) -> Iterator[Member]:
    for number, event in enumerate(as_list(member.record.get("events")), start=1):
        yield member._replace(part="side_events", place=f"{member.place} event {number}", record=as_dict(event))


def _meet(people: dict[str, Participant], person: Json) -> str | None:
    """Note who takes part: with a user's id one of the team, else somebody outside it."""
    user, email, name = as_id(person.get("user_id")), as_text(person.get("email")), as_text(person.get("name"))
    identity = user or email or as_text(person.get("slack_channel_id")) or as_id(person.get("support_group_id")) or name
    if identity is not None and identity not in people:
        people[identity] = Participant(identity, "agent" if user else "third_party", "explicit", name, email)
    return identity


def _turn(member: Member, people: dict[str, Participant]) -> Turn:
    """Make a turn of an event: "create" and "reply" carry a message, all else changes the side conversation."""
    event, message = member.record, as_dict(member.record.get("message"))
    author = _meet(people, as_dict(message.get("from")) or as_dict(event.get("actor")))
    for reader in as_list(message.get("to")):
        _meet(people, as_dict(reader))
    page, plain = as_text(message.get("html_body")), as_text(message.get("body"))
    text = page or plain or as_text(message.get("preview_text")) or ""
    kind = as_text(event.get("type")) or "event"
    subject = as_text(message.get("subject"))
    is_outside = author is not None and people[author].role == "third_party"
    return Turn(
        ("customer" if is_outside else "agent") if text else "system", text or kind, visibility="internal",
        external_id=as_id(event.get("id")), author=author, created_at=as_time(event.get("created_at")),
        kind="message" if text else "event", event_type=None if text else kind, place=member.place,
        body_format="html_mail" if page else "mail" if plain else "text", source_redaction=redaction_of(text),
        attachments=tuple(attachment_of(as_dict(file)) for file in as_list(message.get("attachments"))),
        custom={"subject": subject} if subject else {},
    )  # fmt: skip

"""Drift: conversations with their messages, as the API's pages and the webhooks have them.

To get them: save the answers of `/conversations/list`, `/conversations/ID` and `/conversations/ID/messages` (or
`/conversations/ID/json_transcript`), and those of `/contacts/ID` and `/users/list`, or the bodies of the webhook
new_message, into one folder, under any names. The plain transcript of `/conversations/ID/transcript` is text and goes
through the connector `transcripts`.

A contact is the customer, a user the agent, and a user marked as bot a bot. Private notes are notes, suggestions and
private prompts are internal and a bot's; an edit changes the message that it names. What a playbook said before the
first message (`preMessages`) comes first, as the bot's. Texts are HTML. A conversation's contact and users are joined
by id.

Not read: playbooks, meetings, the context of messages (addresses, browsers), buttons beyond their labels.

Unconfirmed: all of it was read in the vendor's documentation only, no real file was at hand; least sure are the layout
of json_transcript, `preMessages`, tags, and statuses other than open, closed and pending. `formats.md` 2.5 and
devdocs.drift.com (message model) list the fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.json_stream import sample_json
from ingest.loose import as_dict, as_id, as_list, as_text, as_time, in_order
from ingest.records import Attachment, Conversation, Participant, Record, Reject, Turn, TurnRole, Visibility
from ingest.repeated import distinct, without_repeats
from ingest.source import Sample
from store.spool import Spool

Json = dict[str, Any]
Part = Literal["message", "conversation", "contact", "user"]

LISTS = ("data", "conversations", "users", "contacts")
NEEDED: dict[Part, frozenset[str]] = {
    "message": frozenset({"conversationId", "author"}),
    "conversation": frozenset({"id", "status", "contactId"}),
    "contact": frozenset({"id", "attributes", "createdAt"}),
    "user": frozenset({"id", "orgId", "name", "availability"}),
}
"""What tells a record."""

REASONS: dict[Part, tuple[float, str]] = {
    "message": (0.95, "messages with conversationId, author and body, as Drift has them"),
    "conversation": (0.93, "conversations with contactId and status, as Drift has them"),
    "contact": (0.82, "contacts with attributes, as Drift has them"),
    "user": (0.85, "users with orgId and availability, as Drift has them"),
}
CONTACT_SIGNS = frozenset({"email", "events", "tags", "start_date", "last_active", "socialProfiles"})
"""Attributes of a contact, of which two must be there: `attributes` alone is in many formats."""

WITHIN = ("messages", "transcript")
FRAMES = 2
"""How many objects named `data` may stand around a record: the webhook's, and the API's."""

VISIBILITY: dict[str, Visibility] = {
    "chat": "public", "private_note": "internal", "private_prompt": "internal", "suggestion": "internal",
}  # fmt: skip
PROMPTS = ("private_prompt", "suggestion")
STATUSES = {"open": "open", "closed": "closed", "pending": "pending"}
ROLES: dict[str, TurnRole] = {"contact": "customer", "user": "agent"}


class Drift:
    """Read Drift's conversations."""

    name = "drift"
    title = "Drift (API pages, webhooks)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for Drift's messages, conversations, contacts or users."""
        for record in sample_json(sample, LISTS):
            for one in _opened(Found("", "", record)):
                if (part := _part_of(one.value)) is not None:
                    return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each conversation with its messages; contacts find the conversations they are in first."""
        contacts, users = reading.spool.another(), dict[str, Json]()
        for recognised in reading.files:
            for found in records_of(recognised.file, LISTS):
                if isinstance(found, Reject):
                    yield found
                    continue
                for one in _opened(found):
                    yield from _sort_in(one, reading.spool, contacts, users)
        for _, rows in contacts.groups():
            wanted = dict.fromkeys(row[0] for row in rows if len(row) == 1)
            known = [row for row in rows if len(row) > 1]
            for key in wanted if known else ():
                reading.spool.put(key, ["contact", *known[-1]])
        for key, rows in reading.spool.groups():
            yield from _conversation(key, [(part, Found(*row)) for part, *row in distinct(rows)], users)


CONNECTOR: Connector = Drift()


def _opened(found: Found) -> Iterator[Found]:
    """Take records out of the API's frames and the webhooks', and messages out of what they are listed in."""
    record = as_dict(found.value)
    for _ in range(FRAMES):
        record = as_dict(record.get("data")) or record
    listed = next((name for name in WITHIN if isinstance(record.get(name), list)), None)
    if listed is None:
        yield Found(found.place, found.uri, record) if record else found
        return
    head = {name: value for name, value in record.items() if name != listed}
    key = head.get("conversationId", head.get("id"))
    if _part_of(head):
        yield Found(found.place, found.uri, head)
    for number, message in enumerate(record[listed], start=1):
        said = {"conversationId": key, **message} if isinstance(message, dict) and key is not None else message
        yield found.inner(f"message {number}", said)


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    parts: Iterator[Part] = (part for part, needed in NEEDED.items() if needed <= record.keys())
    part = next(parts, None)
    if part == "message" and not isinstance(record["author"], dict):
        return None
    if part == "contact" and len(CONTACT_SIGNS & as_dict(record["attributes"]).keys()) < 2:
        return None
    return part


def _sort_in(found: Found, cases: Spool, contacts: Spool, users: dict[str, Json]) -> Iterator[Reject]:
    """Put a record where it will be met again; of a conversation and a message also who the contact is."""
    part = _part_of(found.value)
    key = as_id(found.value.get("conversationId" if part == "message" else "id")) if part else None
    if part is None:
        yield found.unknown("no conversation, message, contact or user of Drift's")
    elif key is None:
        yield found.reject("no_identity", "it names no conversation" if part == "message" else "there is no id")
    elif part == "user":
        users[key] = found.value
    elif part == "contact":
        contacts.put(key, found.row())
    else:
        cases.put(key, [part, *found.row()])
        if contact := _contact_of(part, found.value):
            contacts.put(contact, [key])


def _contact_of(part: Part, record: Json) -> str | None:
    if part == "conversation":
        return as_id(record["contactId"])
    return as_id(record["author"].get("id")) if record["author"].get("type") == "contact" else None


def _conversation(key: str, members: list[tuple[Part, Found]], users: dict[str, Json]) -> Iterator[Record]:
    heads = [found for part, found in members if part == "conversation"]
    messages = [found for part, found in members if part == "message"]
    if not messages:
        for found in heads:
            yield found.reject("no_turns", "there are no messages of it in the folder")
        return
    case = _Case(users, {as_id(found.value["id"]) or "": found.value for part, found in members if part == "contact"})
    for found in messages:
        case.add(found)
    head: Json = heads[-1].value if heads else {}
    turns = tuple(in_order(list(without_repeats(case.turns))))
    times = [turn.created_at for turn in turns if turn.created_at is not None]
    raw = as_text(head.get("status"))
    yield Conversation(
        key, turns, messages[0].place, tuple(case.people.values()), source_uri=messages[0].uri,
        channel="chat", status=STATUSES.get(raw or "", raw), status_raw=raw,
        created_at=as_time(head.get("createdAt")) or (times[0] if times else None),
        updated_at=as_time(head.get("updatedAt")) or (times[-1] if times else None),
        tags=tuple(_tags(head)), custom=_custom(head),
    )  # fmt: skip


@dataclass(slots=True)
class _Case:
    """One conversation on its way through the connector."""

    users: dict[str, Json]
    contacts: dict[str, Json]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])

    def add(self, found: Found) -> None:
        """Take in a message with what was said before it, or an edit of one."""
        for number, said in enumerate(_said_before(found.value), start=1):
            turn = Turn("bot", as_text(said.get("body")) or "", created_at=as_time(said.get("createdAt")),
                        body_format="html", is_automated=True, automation="welcome",
                        place=f"{found.place} before {number}")  # fmt: skip
            self.turns.append(turn)
        turn, edited = self._turn(found), as_id(found.value.get("editedMessageId"))
        at = next((at for at, turn in enumerate(self.turns) if edited and turn.external_id == edited), None)
        if at is None:
            self.turns.append(turn)
        elif found.value.get("editType") == "delete":
            self.turns[at] = replace(self.turns[at], is_deleted=True)
        else:
            self.turns[at] = replace(self.turns[at], text=turn.text or self.turns[at].text, edited_at=turn.created_at)

    def _turn(self, found: Found) -> Turn:
        message: Json = found.value
        name, author = as_text(message.get("type")) or "chat", message["author"]
        role = ROLES.get(as_text(author.get("type")) or "")
        is_bot = role == "agent" and (author.get("bot") is True or self._is_bot(as_id(author.get("id"))))
        is_prompt = name in PROMPTS
        visibility = VISIBILITY.get(name, "unknown")
        buttons = [as_text(as_dict(button).get("label")) for button in as_list(message.get("buttons"))]
        return Turn(
            "bot" if is_bot or is_prompt else role or "system",
            "<br>".join(filter(None, (as_text(message.get("body")), *buttons))),
            external_id=as_id(message.get("id")), author=self._meet(author, role, is_bot=is_bot),
            created_at=as_time(message.get("createdAt")), kind="message" if visibility == "public" else "note",
            visibility=visibility if role or visibility == "internal" else "unknown", body_format="html",
            is_automated=is_bot or is_prompt, automation="bot" if is_bot or is_prompt else None, place=found.place,
            attachments=tuple(_attachment(as_dict(file)) for file in as_list(message.get("attachments"))),
            custom={} if name == "chat" else {"type": name},
        )  # fmt: skip

    def _is_bot(self, user: str | None) -> bool:
        return self.users.get(user or "", {}).get("bot") is True

    def _meet(self, author: Json, role: TurnRole | None, *, is_bot: bool) -> str | None:
        """Note who speaks; ids of contacts and of users are numbers of their own, so both get a letter before."""
        number = as_id(author.get("id"))
        if number is None or role is None:
            return None
        identity = f"{'contact' if role == 'customer' else 'user'}:{number}"
        if role == "customer":
            known = as_dict(self.contacts.get(number, {}).get("attributes"))
        else:
            known = self.users.get(number, {})
        self.people.setdefault(
            identity,
            Participant(identity, "bot" if is_bot else role, "explicit", as_text(known.get("name")),
                        as_text(known.get("email")), as_text(known.get("phone"))),
        )  # fmt: skip
        return identity


def _said_before(message: Json) -> Iterator[Json]:
    """Give the messages of a playbook that its first real message brings along."""
    before = as_dict(message.get("attributes")).get("preMessages")
    for said in before if isinstance(before, list) else as_dict(before).values():
        if as_text(as_dict(said).get("body")):
            yield said


def _attachment(file: Json) -> Attachment:
    size = file.get("size")
    return Attachment(
        as_text(file.get("fileName")), as_text(file.get("mimeType")),
        size if isinstance(size, int) and not isinstance(size, bool) else None, as_text(file.get("url")),
    )  # fmt: skip


def _tags(head: Json) -> Iterator[str]:
    for tag in as_list(head.get("tags")) or as_list(head.get("conversationTags")):
        if name := as_text(tag) or as_text(as_dict(tag).get("name")):
            yield name


def _custom(head: Json) -> Json:
    names = ("inboxId", "relatedPlaybookId", "participants")
    return {name: head[name] for name in names if head.get(name) not in (None, [], "")}

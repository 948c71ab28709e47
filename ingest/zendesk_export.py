"""A Zendesk export while its files are read: users and chats in memory, all else sorted by ticket on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.loose import as_dict, as_id, as_list
from ingest.records import Participant, Record, Reject
from ingest.repeated import distinct
from ingest.zendesk_case import Case, Member, newest
from ingest.zendesk_sides import side_conversations
from ingest.zendesk_words import person_of
from store.spool import Spool

FIRST: dict[str, int] = {"users": 0, "chats": 1}
"""Users and the list of chats are held in memory, so their files are read before the rest."""

SIDES = ("sides", "side_events")


@dataclass(slots=True)
class Export:
    """What is known of the files that belong together; records may come in any order."""

    spool: Spool
    users: dict[str, Participant] = field(default_factory=dict[str, Participant])
    chats: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    merged: dict[str, str] = field(default_factory=dict[str, str])
    """By ticket: the one it was merged into."""
    alone: set[str] = field(default_factory=set[str])
    seen: set[str] = field(default_factory=set[str])
    """Tickets alone in a file, and the first two of any: if there is but one, comments without a ticket are its own."""

    def sort_in(self, member: Member, *, is_alone: bool = False) -> Iterator[Reject]:
        """Take in a record; give it back as a reject where it names nothing that it could belong to."""
        record, chat = member.record, as_id(member.record.get("chat_id")) or ""
        name = "id" if member.part in ("tickets", "users") else "ticket_id"
        key = as_id(record.get(name)) or ""
        if member.part == "chat_events":
            if chat not in self.chats:
                yield member.reject("orphan", "no list of chats says which ticket this chat belongs to")
            for ticket_id in self.chats.get(chat, ()):
                self.spool.put(ticket_id, list(member))
        elif not key and member.part != "comments":
            yield member.reject("no_identity", f"there is no {name}")
        elif member.part == "users":
            self.users[key] = person_of(record)
        elif member.part == "chats":
            self.chats.setdefault(chat, []).append(key)
        else:
            self.spool.put(key, list(member))
            if member.part == "tickets":
                self._note_ticket(member, key, is_alone=is_alone)

    def records(self) -> Iterator[Record]:
        """Give every ticket with what belongs to it."""
        strays: list[Member] = []
        only = self.alone if len(self.alone) == 1 else self.seen
        home = next(iter(only)) if len(only) == 1 else None
        for ticket_id, rows in self.spool.groups():
            members = [Member(*row) for row in distinct(rows)]
            if ticket_id == "" and home is not None:
                strays = members
                continue
            if ticket_id == home:
                members += strays
            yield from self._assembled(ticket_id, members)

    def _note_ticket(self, member: Member, key: str, *, is_alone: bool) -> None:
        self.alone |= {key} if is_alone else set()
        self.seen |= {key} if len(self.seen) < 2 else set()
        for merged in as_list(member.record.get("merged_ticket_ids")):
            self.merged[as_id(merged) or ""] = key

    def _assembled(self, ticket_id: str, members: list[Member]) -> Iterator[Record]:
        yield from side_conversations(member for member in members if member.part in SIDES)
        members = [member for member in members if member.part not in SIDES]
        tickets = [member for member in members if member.part == "tickets"]
        if not tickets:
            for member in members:
                detail = "it names no ticket" if ticket_id == "" else "its ticket is not among the files of the folder"
                yield member.reject("orphan", detail)
            return
        embedded = [comment for ticket in tickets for comment in _embedded(ticket)]
        odd = [comment for comment in embedded if not comment.record]
        yield from (comment.reject("bad_record", "a comment is no JSON object") for comment in odd)
        latest = newest(tickets)
        case = Case(latest.record, self.users, self.merged.get(ticket_id))
        case.add_all([*(comment for comment in embedded if comment.record), *members])
        conversation = case.conversation(latest)
        if conversation.turns:
            yield conversation
        else:
            why = "the ticket is deleted" if conversation.status == "deleted" else "no comments and no description"
            yield latest.reject("no_turns", f"nothing is said in it: {why}")


def _embedded(ticket: Member) -> Iterator[Member]:
    """Give the comments inside a ticket; pages overlap, so one ticket may come with them several times."""
    for number, comment in enumerate(as_list(ticket.record.get("comments")), start=1):
        place = f"{ticket.place} comment {number}"
        yield ticket._replace(part="comments", place=place, record=as_dict(comment))

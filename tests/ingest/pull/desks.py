"""Four invented helpdesks with the same customers and troubles, each behind the API of its kind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.ingest.pull.server import Answer, Call

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TROUBLES = ("my parcel is late", "the invoice is wrong", "I cannot log in", "the lamp arrived broken")
AGENT, OTHER_AGENT = 900, 901


@dataclass
class Case:
    """One conversation: who says what, a minute apart, and when it last changed."""

    number: int
    created: datetime
    said: list[tuple[str, str]]
    changed: datetime
    is_gone: bool = False


@dataclass
class Cases:
    """What all desks have: cases that come, grow and go."""

    page_size: int = 3
    repeats: bool = False
    """Every page of the list comes twice."""
    url: str = ""
    cases: dict[int, Case] = field(default_factory=dict)
    on_listed: Any = None

    def fill(self, count: int) -> None:
        """Add cases, one a day, until there are so many."""
        for number in range(len(self.cases) + 1, count + 1):
            created = START + timedelta(days=number)
            words = TROUBLES[number % len(TROUBLES)]
            said = [("customer", f"Hello, {words}, case {number}"), ("agent", f"I looked into case {number} for you")]
            said += [("customer", f"Thank you for case {number}")] * (number % 2)
            self.cases[number] = Case(number, created, said, created + timedelta(hours=1))

    def say(self, number: int, text: str, at: datetime | None = None, who: str = "customer") -> None:
        case = self.cases[number]
        case.said.append((who, text))
        case.changed = at or max(one.changed for one in self.cases.values()) + timedelta(hours=1)

    def by_change(self) -> list[Case]:
        return sorted(self.cases.values(), key=lambda case: (case.changed, case.number))


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class ZendeskDesk(Cases):
    def answer(self, call: Call) -> Answer:
        parts = call.path.removeprefix("/api/v2/").removesuffix(".json").split("/")
        if parts == ["users", "me"]:
            return Answer({"user": {"id": AGENT}})
        if parts[0] == "incremental":
            return Answer(self._page(call.query))
        case = self.cases[int(parts[1])]
        if case.is_gone:
            return Answer({"error": "RecordNotFound"}, 404)
        return Answer(self._comments(case, call) if parts[2] == "comments" else {"audits": [], "links": {"next": None}})

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        after, again = _cursor(query.get("cursor", f"{query.get('start_time', 0)}.-1"))
        ordered = [c for c in self.by_change() if (int(c.changed.timestamp()), c.number) > after]
        page = ordered[: self.page_size]
        is_first_time = self.repeats and not again and bool(page)
        last = after if is_first_time or not page else (int(page[-1].changed.timestamp()), page[-1].number)
        cursor = f"{last[0]}.{last[1]}{'.again' if is_first_time else ''}"
        listed = [self.ticket(case) for case in page]
        if self.on_listed is not None:
            self.on_listed()
        is_last = not is_first_time and len(ordered) <= self.page_size
        return {"tickets": listed, "after_cursor": cursor, "after_url": self.url, "end_of_stream": is_last}

    def ticket(self, case: Case) -> dict[str, Any]:
        asker = 100 + case.number
        return {
            "id": case.number, "url": f"{self.url}/api/v2/tickets/{case.number}.json", "subject": f"Case {case.number}",
            "raw_subject": f"Case {case.number}", "description": case.said[0][1], "status": "solved",
            "requester_id": asker, "submitter_id": asker, "assignee_id": AGENT, "brand_id": 1, "ticket_form_id": 2,
            "via": {"channel": "web"}, "tags": ["invented"], "created_at": iso(case.created),
            "updated_at": iso(case.changed),
        }  # fmt: skip

    def comments(self, case: Case) -> list[dict[str, Any]]:
        return [
            {"id": case.number * 1000 + place, "type": "Comment", "body": text, "plain_body": text, "public": True,
             "author_id": 100 + case.number if who == "customer" else AGENT,
             "created_at": iso(case.created + timedelta(minutes=place)), "attachments": [], "via": {"channel": "web"}}
            for place, (who, text) in enumerate(case.said)
        ]  # fmt: skip

    def users(self, case: Case) -> list[dict[str, Any]]:
        base = {"locale": "en-GB", "time_zone": "London", "active": True, "verified": True, "suspended": False}
        return [
            {"id": 100 + case.number, "name": f"Ottilie {case.number}", "role": "end-user", **base},
            {"id": AGENT, "name": "Kwabena", "role": "agent", **base},
        ]

    def _comments(self, case: Case, call: Call) -> dict[str, Any]:
        first, size = int(call.query.get("page[after]", 0)), 2
        more = len(case.said) > first + size
        link = f"{self.url}{call.path}?include=users&page%5Bsize%5D={size}&page%5Bafter%5D={first + size}"
        return {
            "comments": self.comments(case)[first : first + size], "users": self.users(case),
            "meta": {"has_more": more}, "links": {"next": link if more else None},
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        """Save everything as a full export would hold it."""
        tickets = [self.ticket(case) | {"comments": self.comments(case)} for case in self.cases.values()]
        users = {user["id"]: user for case in self.cases.values() for user in self.users(case)}
        (folder / "tickets.json").write_text("".join(json.dumps(ticket) + "\n" for ticket in tickets))
        (folder / "users.json").write_text(json.dumps({"users": list(users.values())}))


def _cursor(text: str) -> tuple[tuple[int, int], bool]:
    seconds, number, *again = text.split(".")
    return (int(seconds), int(number)), bool(again)


@dataclass
class IntercomDesk(Cases):
    is_sorted: bool = True

    def answer(self, call: Call) -> Answer:
        if call.path == "/me":
            return Answer({"type": "admin", "app": {"id_code": "inv123"}})
        if call.path == "/conversations/search":
            return Answer(self._page(call.body))
        case = self.cases[int(call.path.rpartition("/")[2])]
        return Answer({"errors": []}, 404) if case.is_gone else Answer(self.conversation(case))

    def _page(self, body: dict[str, Any]) -> dict[str, Any]:
        found = [case for case in self.by_change() if case.changed.timestamp() > body["query"]["value"]]
        if not self.is_sorted:
            found.reverse()
        cursor = body["pagination"].get("starting_after", "0")
        first = int(cursor.removesuffix("again"))
        page = found[first : first + self.page_size]
        is_first_time = self.repeats and not cursor.endswith("again") and bool(page)
        following = f"{first}again" if is_first_time else f"{first + self.page_size}"
        is_last = not is_first_time and first + self.page_size >= len(found)
        brief = [
            {k: v for k, v in self.conversation(case).items() if k != "conversation_parts"} for case in page
        ]  # fmt: skip
        pages = {"type": "pages", "next": None if is_last else {"starting_after": following}}
        if self.on_listed is not None:
            self.on_listed()
        return {"type": "conversation.list", "conversations": brief, "pages": pages}

    def conversation(self, case: Case) -> dict[str, Any]:
        user = {"type": "user", "id": f"u{case.number}", "name": f"Ottilie {case.number}", "email": "o@example.com"}
        admin = {"type": "admin", "id": str(AGENT), "name": "Kwabena", "email": "k@example.com"}
        parts = [
            {"type": "conversation_part", "id": str(case.number * 1000 + place), "part_type": "comment",
             "body": f"<p>{text}</p>", "author": user if who == "customer" else admin,
             "created_at": int((case.created + timedelta(minutes=place)).timestamp())}
            for place, (who, text) in enumerate(case.said) if place
        ]  # fmt: skip
        return {
            "type": "conversation", "id": str(case.number), "created_at": int(case.created.timestamp()),
            "updated_at": int(case.changed.timestamp()), "state": "closed", "open": False,
            "source": {"type": "conversation", "id": f"s{case.number}", "body": f"<p>{case.said[0][1]}</p>",
                       "author": user, "delivered_as": "customer_initiated"},
            "contacts": {"contacts": [{"type": "contact", "id": f"u{case.number}"}]},
            "conversation_parts": {"conversation_parts": parts, "total_count": len(parts)},
            "statistics": {"count_conversation_parts": len(parts)},
        }  # fmt: skip

    def save(self, folder: Path) -> None:
        for case in self.cases.values():
            (folder / f"conversation_{case.number}.json").write_text(json.dumps(self.conversation(case)))


@dataclass
class FreshdeskDesk(Cases):
    lists_agents: bool = True

    def answer(self, call: Call) -> Answer:
        parts = call.path.removeprefix("/api/v2/").split("/")
        if parts == ["agents", "me"]:
            return Answer({"id": AGENT})
        if parts == ["agents"]:
            return Answer(self.agents()) if self.lists_agents else Answer({"code": "access_denied"}, 403)
        if parts == ["tickets"]:
            return self._page(call)
        case = self.cases[int(parts[1])]
        return Answer({}, 404) if case.is_gone else self._conversations(case, call)

    def _page(self, call: Call) -> Answer:
        query = call.query
        found = [case for case in self.by_change() if iso(case.changed) > query["updated_since"]]
        first = (int(query["page"]) - 1) * self.page_size
        page = found[first : first + self.page_size]
        if self.repeats:
            page = page[:1] + page
        more = {"Link": f'<{self.url}/api/v2/tickets?page=2>; rel="next"'} if found[first + self.page_size :] else {}
        listed = [self.ticket(case) for case in page]
        if self.on_listed is not None:
            self.on_listed()
        return Answer(listed, headers=more)

    def _conversations(self, case: Case, call: Call) -> Answer:
        first = (int(call.query.get("page", 1)) - 1) * 1
        found = self.conversations(case)
        link = {"Link": f'<{self.url}{call.path}?page={first + 2}>; rel="next"'} if found[first + 1 :] else {}
        return Answer(found[first : first + 1], headers=link)

    def agents(self) -> list[dict[str, Any]]:
        contact = {"name": "Kwabena", "email": "k@example.com", "active": True, "time_zone": "London"}
        return [{"id": AGENT, "ticket_scope": 1, "occasional": False, "contact": contact}]

    def ticket(self, case: Case) -> dict[str, Any]:
        text = case.said[0][1]
        return {
            "id": case.number, "subject": f"Case {case.number}", "description": f"<div>{text}</div>",
            "description_text": text, "status": 5, "priority": 1, "source": 2, "requester_id": 100 + case.number,
            "requester": {"id": 100 + case.number, "name": f"Ottilie {case.number}", "email": "o@example.com"},
            "responder_id": AGENT, "cc_emails": [], "fwd_emails": [], "reply_cc_emails": [], "fr_escalated": False,
            "is_escalated": False, "due_by": None, "fr_due_by": None, "product_id": None, "to_emails": None,
            "tags": ["invented"], "stats": {"agent_responded_at": iso(case.created)}, "created_at": iso(case.created),
            "updated_at": iso(case.changed),
        }  # fmt: skip

    def conversations(self, case: Case) -> list[dict[str, Any]]:
        return [
            {"id": case.number * 1000 + place, "ticket_id": case.number, "body": f"<div>{text}</div>",
             "body_text": text, "incoming": who == "customer", "private": False, "source": 0, "attachments": [],
             "user_id": 100 + case.number if who == "customer" else AGENT,
             "created_at": iso(case.created + timedelta(minutes=place)),
             "updated_at": iso(case.created + timedelta(minutes=place))}
            for place, (who, text) in enumerate(case.said) if place
        ]  # fmt: skip

    def save(self, folder: Path) -> None:
        cases = list(self.cases.values())
        (folder / "tickets.json").write_text(json.dumps([self.ticket(case) for case in cases]))
        said = [one for case in cases for one in self.conversations(case)]
        (folder / "conversations.json").write_text(json.dumps(said))
        (folder / "agents.json").write_text(json.dumps(self.agents()))


@dataclass
class SlackDesk(Cases):
    """Odd cases are threads; even ones are said in the channel, one after the other, a day apart."""

    channels: tuple[str, ...] = ("support",)
    has_private: bool = True
    fault: dict[str, Any] | None = None

    def answer(self, call: Call) -> Answer:
        method, query = call.path.removeprefix("/api/"), call.query
        if self.fault is not None and method != "auth.test":
            return Answer(self.fault)
        if method == "auth.test":
            return Answer({"ok": True, "team_id": "T0INV"})
        if method == "users.list":
            return Answer(self._half("members", self.users(), query))
        if method == "conversations.list":
            if query["types"] == "private_channel":
                refusal = {"ok": False, "error": "missing_scope", "needed": "groups:read"}
                return Answer({"ok": True, "channels": []} if self.has_private else refusal)
            return Answer(self._half("channels", self._channel_list(), query))
        name = self.channels[int(query["channel"].removeprefix("C")) - 1]
        return Answer(self._history(name, query) if method == "conversations.history" else self._replies(name, query))

    def _channel_list(self) -> list[dict[str, Any]]:
        listed = [{"id": f"C{n}", "name": name, "is_member": True} for n, name in enumerate(self.channels, start=1)]
        return [*listed, {"id": "C99", "name": "random", "is_member": False}]

    def _half(self, name: str, found: list[Any], query: dict[str, str]) -> dict[str, Any]:
        first, size = int(query.get("cursor", "0")), max(1, len(found) // 2)
        following = str(first + size) if found[first + size :] else ""
        return {"ok": True, name: found[first : first + size], "response_metadata": {"next_cursor": following}}

    def users(self) -> list[dict[str, Any]]:
        guests = [
            {"id": f"U{number}", "team_id": "T0INV", "name": f"ottilie{number}", "is_restricted": True,
             "is_bot": False, "profile": {"real_name": f"Ottilie {number}"}}
            for number in self.cases
        ]  # fmt: skip
        team = {"id": "UAGENT", "team_id": "T0INV", "name": "kwabena", "is_bot": False, "profile": {"real_name": "K."}}
        return [team, *guests]

    def messages(self, name: str) -> list[dict[str, Any]]:
        """Everything that stands in a channel itself, the oldest first."""
        found: list[dict[str, Any]] = []
        for case in self.cases.values():
            thread = self.thread(case)
            if case.number % 2 == 0:
                found += thread
            else:
                head = {"reply_count": len(thread) - 1, "latest_reply": thread[-1]["ts"]} if thread[1:] else {}
                found.append(thread[0] | head)
        mine = [one for one in found if name == self.channels[int(float(one["ts"])) // 86400 % len(self.channels)]]
        return sorted(mine, key=lambda one: one["ts"])

    def thread(self, case: Case) -> list[dict[str, Any]]:
        stamps = [f"{(case.created + timedelta(minutes=place)).timestamp():.6f}" for place in range(len(case.said))]
        if case.said[3:]:
            stamps[3:] = [f"{case.changed.timestamp() + extra:.6f}" for extra in range(len(case.said) - 3)]
        in_thread = {"thread_ts": stamps[0]} if case.number % 2 else {}
        return [
            {"type": "message", "user": f"U{case.number}" if who == "customer" else "UAGENT", "text": text, "ts": ts,
             **in_thread}
            for ts, (who, text) in zip(stamps, case.said, strict=True)
        ]  # fmt: skip

    def _history(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        oldest, latest = float(query.get("oldest", 0)), float(query.get("latest", 1e12))
        found = [one for one in reversed(self.messages(name)) if oldest < float(one["ts"]) < latest]
        page = found[: self.page_size]
        if self.on_listed is not None:
            self.on_listed()
        shown = page + page[:1] if self.repeats else page
        return {"ok": True, "messages": shown, "has_more": len(found) > len(page)}

    def _replies(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        del name
        for case in self.cases.values():
            thread = self.thread(case)
            if thread[0]["ts"] == query["ts"]:
                if case.is_gone:
                    return {"ok": False, "error": "thread_not_found"}
                head = {"reply_count": len(thread) - 1, "latest_reply": thread[-1]["ts"]}
                first = int(query.get("cursor", "0"))
                following = str(first + 2) if thread[first + 2 :] else ""
                page = [thread[0] | head, *thread[1:]][first : first + 2]
                return {"ok": True, "messages": page, "response_metadata": {"next_cursor": following}}
        return {"ok": False, "error": "thread_not_found"}

    def save(self, folder: Path) -> None:
        """Save as Slack's export does: a folder a channel, a file a day."""
        (folder / "users.json").write_text(json.dumps(self.users()))
        for name in self.channels:
            (folder / name).mkdir()
            whole = self.messages(name)
            replies = [
                one for case in self.cases.values() if case.number % 2 for one in self.thread(case)[1:]
                if any(head["ts"] == one["thread_ts"] for head in whole)
            ]  # fmt: skip
            (folder / name / "2026-03-02.json").write_text(json.dumps(whole + replies))

"""Turn dialogues into a Zendesk desk: tickets, comments, users and audits as the API gives them."""

import html
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from samples.fill import BRANDS, SUPPORT
from samples.people import AGENTS, Person, fold
from samples.studio import Dialogue, Line
from samples.tables import iso

CHANNELS = ("email", "web", "email", "chat", "api")
QUOTES = {
    "en": "On {date} {name} <{email}> wrote:",
    "de": "Am {date} schrieb {name} <{email}>:",
    "fr": "Le {date}, {name} <{email}> a écrit :",
    "es": "El {date}, {name} <{email}> escribió:",
}
SIGNATURES = (
    "-- \n{full}\n{phone}",
    "Sent from my iPhone",
    "Best regards\n{first} {last}\n{address}",
    "-- \n{full} | {email}",
)
RECEIVED = (
    "Your request has been received and is being looked at by our support team. To add anything, reply to this mail."
)
ORDER_FIELD, PHONE_FIELD, REASON_FIELD = 360_001_001, 360_001_002, 360_001_003


@dataclass(slots=True)
class Desk:
    """The tickets of one export, with the users that occur in them."""

    first_id: int
    users: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    tickets: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    comments: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    audits: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def customer(self, person: Person) -> int:
        """Give a customer's user id, and remember the user."""
        ident = 390_000_100_000 + person.ident
        self.users.setdefault(ident, _user(ident, person.full, person.email, "end-user", phone=person.phone))
        return ident

    def agent(self, name: tuple[str, str]) -> int:
        """Give an agent's user id, and remember the user."""
        at = AGENTS.index(name)
        email = f"{fold(name[0])}@agents.lindwurm.example.com"
        self.users.setdefault(
            390_000_000_001 + at, _user(390_000_000_001 + at, " ".join(name), email, ("agent", "admin")[at == 0])
        )
        return 390_000_000_001 + at

    def add(self, dialogue: Dialogue) -> dict[str, Any]:
        """Write one ticket with its comments and audits; a draft never reaches Zendesk's exports."""
        ident = self.first_id + len(self.tickets)
        channel = CHANNELS[dialogue.filler.start % len(CHANNELS)]
        ticket = self._ticket(ident, dialogue, channel)
        self.tickets.append(ticket)
        before: Line | None = None
        for line in dialogue.lines:
            self._comment(ticket, dialogue, line, before if channel == "email" else None)
            before = line if line.role == "agent" else before
            if line is dialogue.lines[0] and channel == "email" and dialogue.filler.start % 3 == 0:
                self._automatic(ticket, line.at + 2)
        ticket["description"] = self.comments_of(ident)[0]["body"]
        return ticket

    def comments_of(self, ticket: int) -> list[dict[str, Any]]:
        """List a ticket's comments, oldest first."""
        return [comment for comment in self.comments if comment["ticket_id"] == ticket]

    def say(self, ticket: dict[str, Any], text: str, *, public: bool) -> dict[str, Any]:
        """Add a comment of the assigned agent, a minute after the last one."""
        last = datetime.fromisoformat(self.comments_of(ticket["id"])[-1]["created_at"])
        at = int(last.timestamp()) + 60
        return self._store(ticket, ticket["assignee_id"], text, _paragraphs(text), at, public=public)

    def forget_comments(self, ticket: int) -> None:
        """Drop a ticket's comments, so that only its description is left."""
        self.comments = [comment for comment in self.comments if comment["ticket_id"] != ticket]

    def _ticket(self, ident: int, dialogue: Dialogue, channel: str) -> dict[str, Any]:
        filler, requester = dialogue.filler, self.customer(dialogue.customer)
        dialogue.plant_fields(person=dialogue.customer.full, email_address=dialogue.customer.email)
        dialogue.plant_fields(person=dialogue.agent, phone_number=dialogue.customer.phone)
        source = {
            "from": {"address": dialogue.customer.email, "name": dialogue.customer.full},
            "to": {"address": SUPPORT[dialogue.scene.domain]},
            "rel": None,
        }
        order = filler.value("order", "field") if dialogue.scene.domain == "shop" else None
        return {
            "id": ident,
            "url": f"https://lindwurm.example.com/api/v2/tickets/{ident}.json",
            "external_id": None,
            "via": {
                "channel": channel,
                "source": source if channel == "email" else {"from": {}, "to": {}, "rel": None},
            },
            "created_at": iso(dialogue.lines[0].at),
            "updated_at": iso(dialogue.lines[-1].at + 3600),
            "type": "question",
            "subject": dialogue.scene.subject or "(no subject)",
            "raw_subject": dialogue.scene.subject or "(no subject)",
            "description": "",
            "priority": ("low", "normal", "high", None)[ident % 4],
            "status": ("closed", "solved", "solved", "open")[ident % 4],
            "recipient": SUPPORT[dialogue.scene.domain],
            "requester_id": requester,
            "submitter_id": requester,
            "assignee_id": self.agent(filler.agent),
            "is_public": True,
            "tags": [
                dialogue.scene.domain,
                dialogue.scene.code,
                *(["test"] if "test_conversation" in dialogue.traits else []),
            ],
            "custom_fields": [
                {"id": ORDER_FIELD, "value": order},
                {"id": PHONE_FIELD, "value": dialogue.customer.phone},
                {"id": REASON_FIELD, "value": [dialogue.scene.code]},
            ],
            "satisfaction_rating": _rating(dialogue.rating, ident),
            "brand_id": 360_000_000_100,
        }

    def _comment(self, ticket: dict[str, Any], dialogue: Dialogue, line: Line, quoted: Line | None) -> None:
        text = line.text
        if ticket["via"]["channel"] == "email" and line.role == "customer":
            text = f"{text}\n\n{dialogue.filler.fill(SIGNATURES[dialogue.customer.ident % len(SIGNATURES)], 'public')}"
        body, markup = text, _paragraphs(text)
        if quoted and line.role == "customer":
            head = self._quote_head(dialogue, quoted)
            body += f"\n\n{head}\n" + "\n".join(f"> {part}" for part in quoted.text.splitlines())
            markup += f'<div class="gmail_quote"><div class="gmail_attr">{html.escape(head)}<br></div>'
            markup += f'<blockquote class="gmail_quote" type="cite">{_paragraphs(quoted.text)}</blockquote></div>'
        author = ticket["requester_id"] if line.role == "customer" else ticket["assignee_id"]
        made = self._store(ticket, author, body, markup, line.at, public=line.role != "note")
        if line.role == "customer" and len(text) % 13 == 0:
            made["attachments"] = [_attachment(made["id"])]

    def _quote_head(self, dialogue: Dialogue, quoted: Line) -> str:
        head = QUOTES.get(dialogue.filler.language, QUOTES["en"])
        name = f"{dialogue.filler.value('agentfull', 'public')} ({BRANDS[dialogue.scene.domain]})"
        return head.format(date=iso(quoted.at, "%Y-%m-%d %H:%M"), name=name, email=SUPPORT[dialogue.scene.domain])

    def _automatic(self, ticket: dict[str, Any], at: int) -> None:
        made = self._store(ticket, ticket["assignee_id"], RECEIVED, _paragraphs(RECEIVED), at, public=True)
        made["via"] = {
            "channel": "rule",
            "source": {"from": {"id": 35_001, "title": "Notify requester"}, "rel": "trigger"},
        }

    def _store(
        self, ticket: dict[str, Any], author: int, body: str, markup: str, at: int, *, public: bool
    ) -> dict[str, Any]:
        ident = ticket["id"] * 100 + len(self.comments_of(ticket["id"]))
        via = {"channel": ticket["via"]["channel"]}
        comment: dict[str, Any] = {
            "id": ident,
            "ticket_id": ticket["id"],
            "type": "Comment",
            "author_id": author,
            "body": body,
            "html_body": f'<div class="zd-comment" dir="auto">{markup}</div>',
            "public": public,
            "audit_id": ident + 5_000_000_000,
            "attachments": [],
            "via": via,
            "created_at": iso(at),
        }
        self.comments.append(comment)
        self.audits.append(_audit(comment))
        return comment


def _user(ident: int, name: str, email: str, role: str, phone: str | None = None) -> dict[str, Any]:
    return {
        "id": ident,
        "name": name,
        "email": email,
        "phone": phone,
        "role": role,
        "locale": "en-GB",
        "time_zone": "Berlin",
        "active": True,
        "suspended": False,
        "created_at": "2024-11-05T08:00:00Z",
    }


def _rating(score: int | None, ident: int) -> dict[str, Any] | None:
    if score is None:
        return None if ident % 2 else {"score": "unoffered"}
    word = "good" if score > 2 else "bad"
    return {
        "id": ident * 10,
        "score": word,
        "comment": ("", "Quick and friendly", "ok")[ident % 3] if word == "good" else "",
    }


def _paragraphs(text: str) -> str:
    blocks = [html.escape(block, quote=False).replace("\n", "<br>") for block in text.split("\n\n")]
    return "".join(f"<p>{block}</p>" for block in blocks)


def _attachment(comment: int) -> dict[str, Any]:
    return {
        "id": comment + 7_000_000_000,
        "file_name": "photo.jpg",
        "content_url": f"https://lindwurm.example.com/attachments/{comment}/photo.jpg",
        "content_type": "image/jpeg",
        "size": 184_320,
    }


def _audit(comment: dict[str, Any]) -> dict[str, Any]:
    shown = {key: comment[key] for key in ("id", "body", "html_body", "public", "author_id")}
    change = {
        "id": comment["id"] + 6_000_000_000,
        "type": "Change",
        "field_name": "status",
        "value": "open",
        "previous_value": "new",
    }
    notice = {
        "id": comment["id"] + 6_500_000_000,
        "type": "Notification",
        "subject": "[{{ticket.id}}] {{ticket.title}}",
        "body": "You have an update. {{ticket.comments_formatted}}",
        "recipients": [],
        "via": {"channel": "rule"},
    }
    return {
        "id": comment["audit_id"],
        "ticket_id": comment["ticket_id"],
        "author_id": comment["author_id"],
        "created_at": comment["created_at"],
        "via": comment["via"],
        "metadata": {
            "system": {"client": "Mozilla/5.0", "ip_address": "192.0.2.17", "location": "Nowhere"},
            "custom": {},
        },
        "events": [{"type": "Comment", **shown, "attachments": []}, change, notice],
    }

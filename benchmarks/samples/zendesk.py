"""Write sample_logs/zendesk: an API dump in four files, and a full export with one ticket a line."""

import json
from typing import Any

from samples.book import Book
from samples.desk import Desk
from samples.jsonlines import compact
from samples.studio import Dialogue, Setting, Studio, exact_copy, near_copy, opening

MAIL = Setting(notes=True, pace=(900, 40_000))
ODD = (
    "angry_caps",
    "no_agent",
    "no_agent",
    "test_conversation",
    "macro_only",
    "spam_seo",
    "no_customer",
    "short_refund",
)
DUMP, EXPORT = "zendesk/2026-q1", "zendesk/full"
AUDITED = 12
"""Audits repeat every comment, so only those of the first tickets are kept, as one page of the API has them."""


def write_zendesk(studio: Studio, book: Book) -> None:
    """Write both exports."""
    _dump(studio, book)
    _export(studio, book)


def _dump(studio: Studio, book: Book) -> None:
    file, desk = f"{DUMP}/tickets.json", Desk(first_id=48_101)
    made = studio.many({"en": 38, "de": 5, "fr": 2, "es": 2, "it": 1, "nl": 1, "pt": 1, "mixed": 2}, MAIL)
    made += [studio.odd(code, MAIL) for code in ODD] + [studio.garbled("zero_width", "en", MAIL)]
    made += [studio.garbled("mojibake", "de", MAIL)]
    made += [exact_copy(made[2]), near_copy(made[4], studio.chance), near_copy(made[7], studio.chance)]
    _add_all(desk, made, book, file)
    _merged(desk, studio, book, file)
    _without_comments(desk, studio, book, file)
    _special_comments(desk, book)
    _write_dump(desk, book)


def _add_all(desk: Desk, made: list[Dialogue], book: Book, file: str) -> None:
    book.enter_all(file, [(str(desk.add(dialogue)["id"]), dialogue) for dialogue in made])


def _merged(desk: Desk, studio: Studio, book: Book, file: str) -> None:
    """Add a ticket that was merged into another one."""
    dialogue, target = opening(studio.take("en", MAIL), "merged"), desk.tickets[3]["id"]
    ticket = desk.add(dialogue)
    ticket |= {"status": "closed", "tags": [*ticket["tags"], "closed_by_merge"]}
    text = f'This request was closed and merged into request #{target} "{desk.tickets[3]["subject"]}".'
    desk.say(ticket, text, public=True)
    book.enter(file, str(ticket["id"]), dialogue, merged_into=str(target))


def _without_comments(desk: Desk, studio: Studio, book: Book, file: str) -> None:
    """Add a ticket with nothing but its description, and a deleted one."""
    dialogue = opening(studio.take("en", MAIL), "description_only")
    ticket = desk.add(dialogue)
    desk.forget_comments(ticket["id"])
    book.enter(file, str(ticket["id"]), dialogue)
    gone = {
        **ticket,
        "id": ticket["id"] + 1,
        "status": "deleted",
        "description": "",
        "subject": "SCRUBBED",
        "custom_fields": [],
    }
    desk.tickets.append(gone)
    book.damage(file, "a deleted ticket: no text at all", f"ticket {gone['id']}")


def _special_comments(desk: Desk, book: Book) -> None:
    """Redact one comment at the source, turn one internal later, and lose one ticket."""
    redacted = desk.comments_of(desk.tickets[5]["id"])[-1]
    redacted["body"] = f"{redacted['body']} ▇▇▇▇▇▇▇▇"
    redacted["html_body"] = redacted["html_body"].replace("</p></div>", " ▇▇▇▇▇▇▇▇</p></div>")
    hidden = desk.say(desk.tickets[6], "Wrong window, this was meant for my colleague only.", public=False)
    desk.audits[-1]["events"].append({"type": "CommentPrivacyChange", "comment_id": hidden["id"], "public": False})
    orphan = {
        **hidden,
        "id": 1,
        "ticket_id": 999_999,
        "public": True,
        "body": "I belong to no ticket.",
        "html_body": "",
    }
    desk.comments.append(orphan)
    book.damage(f"{DUMP}/comments.json", "a comment whose ticket is not in the export", "comment 1")
    again = desk.tickets[8]
    desk.tickets.append(again)
    book.damage(
        f"{DUMP}/tickets.json",
        "the same ticket twice, as overlapping pages have it",
        f"ticket {again['id']}",
        "nothing",
    )


def _write_dump(desk: Desk, book: Book) -> None:
    shown = {ticket["id"] for ticket in desk.tickets[:AUDITED]} | {desk.tickets[6]["id"]}
    audits = [audit for audit in desk.audits if audit["ticket_id"] in shown]
    users = sorted(desk.users.values(), key=lambda user: user["id"])
    book.text(f"{DUMP}/tickets.json", _page("tickets", desk.tickets))
    book.text(f"{DUMP}/comments.json", _page("comments", desk.comments))
    book.text(f"{DUMP}/users.json", _page("users", users[:-1]))
    book.damage(f"{DUMP}/users.json", "a user who was deleted and is missing", f"user {users[-1]['id']}", "repair")
    book.text(f"{DUMP}/audits.json", _page("audits", audits))


def _page(name: str, items: list[dict[str, Any]]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"{name}":[\n{lines}\n],"count":{len(items)},"next_page":null,"previous_page":null}}\n'


def _export(studio: Studio, book: Book) -> None:
    file, desk = f"{EXPORT}/tickets.ndjson", Desk(first_id=61_001)
    made = studio.many({"en": 24, "de": 3, "fr": 1, "es": 1, "nl": 1}, MAIL)
    made += [studio.odd(code, MAIL) for code in ("insult", "one_liner_agent")]
    made += [exact_copy(made[5]), near_copy(made[8], studio.chance)]
    _add_all(desk, made, book, file)
    lines = [compact(_embedded(desk, ticket)) for ticket in desk.tickets]
    lines.insert(15, '{"id": 61999, "subject": "broken in the midd')
    book.damage(file, "a line that is no JSON, in the middle", "line 16")
    lines.append(json.dumps(json.loads(lines[0]))[:400])
    book.damage(file, "the last line is truncated", f"line {len(lines)}")
    book.text(file, "\n".join(lines))


def _embedded(desk: Desk, ticket: dict[str, Any]) -> dict[str, Any]:
    """Put the comments and people into the ticket, as the full export does."""
    people = {role: desk.users[ticket[f"{role}_id"]] for role in ("requester", "assignee", "submitter")}
    comments = [
        {key: value for key, value in one.items() if key != "ticket_id"} for one in desk.comments_of(ticket["id"])
    ]
    return {**ticket, **people, "comments": comments}

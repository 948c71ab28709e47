"""Write sample_logs/olark: transcripts as the webhook sends them, one a line, and a list of them."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio

SEED = 26_112_003
CHAT = Setting(events=True, pace=(10, 120))
KINDS = {"customer": "MessageToOperator", "agent": "MessageToVisitor", "system": "CommandFromOperator"}


def write_olark(book: Book) -> None:
    """Write both files."""
    studio = Studio(Chance(SEED))
    made: list[dict[str, Any]] = [
        _transcript(at, one) for at, one in enumerate(studio.many({"en": 8, "de": 1, "nl": 1}, CHAT), 1)
    ]
    made[2]["visitor"]["fullName"] = made[2]["items"][-1]["nickname"]
    made[4]["items"].insert(1, "not an item")
    made[5]["items"][-1].pop("timestamp")
    lines = [compact(one) for one in made]
    shorter = {**made[1], "items": made[1]["items"][:2]}
    lines.insert(6, compact(shorter))
    lines += [
        compact({**made[0], "id": "EMPTY0001", "items": []}),
        '{"kind":"Conversation","id":"CUT',
        '{"kind":"Visit"}',
    ]
    book.text("olark/transcripts.ndjson", "\n".join(lines) + "\n")
    asked = studio.take("en", Setting())
    offline: dict[str, Any] = {**_transcript(40, asked), "operators": {}, "manuallySubmitted": True}
    offline["items"] = [{**offline["items"][0], "kind": "OfflineMessage"}]
    later = [_transcript(41, studio.take("fr", CHAT)), offline, 7]
    body = ",\n".join(compact(one) if isinstance(one, dict) else str(one) for one in later)
    book.text("olark/transcripts.json", f"[\n{body}\n]\n")


def _transcript(at: int, dialogue: Dialogue) -> dict[str, Any]:
    customer, operator = dialogue.customer, str(640_000 + len(dialogue.agent))
    rating = {"chat_feedback": {"overall_chat": dialogue.rating, "responsiveness": 5}} if dialogue.rating else {}
    names = {"kind": "Operator", "id": operator, "nickname": dialogue.filler.agent[0], "username": operator,
             "emailAddress": "chat@lindwurm.example.com"}  # fmt: skip
    return {
        "kind": "Conversation", "id": f"TRANSCRIPT{at:05}", "tags": [dialogue.scene.domain],
        "items": [_item(dialogue, line, operator, number) for number, line in enumerate(dialogue.lines)],
        "operators": {operator: names}, "groups": [{"kind": "Group", "id": "g1", "name": "Service"}],
        "visitor": {"kind": "Visitor", "id": f"VISITOR{customer.ident:05}", "fullName": customer.full,
                    "emailAddress": customer.email, "phoneNumber": customer.phone, "countryCode": customer.country,
                    **rating},
        "manuallySubmitted": False,
    }  # fmt: skip


def _item(dialogue: Dialogue, line: Line, operator: str, number: int) -> dict[str, Any]:
    is_customer = line.role == "customer"
    shared = {"kind": KINDS[line.role], "body": line.text, "timestamp": f"{line.at}.{number}",
              "nickname": dialogue.customer.first if is_customer else dialogue.filler.agent[0]}  # fmt: skip
    return shared if is_customer else {**shared, "operatorId": operator}

"""Write sample_logs/transcripts: plain text in three styles, several conversations in each file."""

from collections.abc import Callable

from samples.book import Book
from samples.studio import Dialogue, Line, Setting, Studio, exact_copy
from samples.tables import iso

PLAIN = Setting(bots=True, pace=(15, 240))
CHAT = Setting(notes=True, pace=(15, 240))
ROLES = {"customer": "Customer", "agent": "Agent", "bot": "Bot"}
RULE = "=" * 60


def write_transcripts(studio: Studio, book: Book) -> None:
    """Write the three files."""
    desk = studio.many({"en": 8}, PLAIN)
    _write(book, "support_desk.txt", [*desk, exact_copy(desk[2])], _desk, 20_417)
    _write(book, "live_chat.txt", studio.many({"en": 6}, CHAT), _chat, 88_120)
    _write(book, "nachrichten.txt", studio.many({"de": 5}, CHAT), _dated, 5_512)


def _write(
    book: Book, name: str, made: list[Dialogue], style: Callable[[str, Dialogue], list[str]], first: int
) -> None:
    file = f"transcripts/{name}"
    named = [(f"{first + at * 3}", dialogue) for at, dialogue in enumerate(made)]
    lines = [line for ident, dialogue in named for line in style(ident, dialogue)]
    book.enter_all(file, named)
    book.text(file, "\n".join(lines) + "\n")


def _desk(ident: str, dialogue: Dialogue) -> list[str]:
    """Write roles before the turns, no times, and now and then a turn of two lines."""
    head = [RULE, f"Conversation #{ident}", RULE, f"Date: {iso(dialogue.lines[0].at, '%Y-%m-%d')}"]
    head += [f"Subject: {dialogue.scene.subject}"] if dialogue.scene.subject else []
    return [*head, "", *(f"{ROLES[line.role]}: {_broken(line, dialogue)}" for line in dialogue.lines), ""]


def _broken(line: Line, dialogue: Dialogue) -> str:
    """Break a text after its first sentence, unless that would break a value that is looked for."""
    text = line.text.replace(". ", ".\n", 1) if line.at % 4 == 0 else line.text
    known = [one.value for one in dialogue.planted if one.value in line.text]
    return text if all(value in text for value in known) else line.text


def _chat(ident: str, dialogue: Dialogue) -> list[str]:
    """Write a head that names the people, and times with names before the turns."""
    customer, (first, last) = dialogue.customer, dialogue.filler.agent
    dialogue.plant_fields(person=customer.full, email_address=customer.email)
    dialogue.plant_fields(person=dialogue.agent)
    is_shared = customer.first == first
    names = {
        "customer": customer.full if is_shared else customer.first,
        "agent": f"{first} {last}" if is_shared else first,
    }
    names["note"] = f"{names['agent']} (internal note)"
    start = iso(dialogue.lines[0].at, "%Y-%m-%d")
    head = [f"Chat ID: {ident}", f"Date: {start}", f"Agent: {first} {last}"]
    head += [f"Customer: {customer.full} <{customer.email}>", ""]
    joined = f"[{iso(dialogue.lines[0].at, '%H:%M:%S')}] {first} {last} joined the chat"
    spoken = [f"[{iso(line.at, '%H:%M:%S')}] {names[line.role]}: {line.text}" for line in dialogue.lines]
    return [*head, joined, *spoken, ""]


def _dated(ident: str, dialogue: Dialogue) -> list[str]:
    """Write German dates and roles with names before the turns."""
    dialogue.plant_fields(person=dialogue.agent)
    names = {"customer": "Kunde", "agent": f"Mitarbeiter {dialogue.filler.agent[0]}", "note": "Interne Notiz"}
    spoken = [f"{iso(line.at, '%d.%m.%Y %H:%M')} - {names[line.role]}: {line.text}" for line in dialogue.lines]
    return [f"Ticket {ident}", "-" * 40, *spoken, ""]

"""Write sample_logs/chat: OpenAI messages with tools, and ShareGPT."""

import json
from typing import Any

from samples.book import Book
from samples.fill import BRANDS
from samples.jsonlines import compact
from samples.studio import Dialogue, Setting, Studio, exact_copy, near_copy
from samples.tables import iso

SYSTEM = (
    "You are the support assistant of {}. Be friendly, exact and brief. Never ask for full card numbers or passwords. "
    "If you cannot help, hand over to a person."
)
TOOLS: dict[str, tuple[str, str, str]] = {
    "shop": ("lookup_order", "order_id", "Find an order by its number."),
    "travel": ("lookup_booking", "reference", "Find a booking by its reference."),
    "saas": ("find_account", "email", "Find an account by its mail address."),
    "bank": ("find_customer", "email", "Find a customer by their mail address."),
}
BLANKS = {"shop": "order", "travel": "booking", "saas": "email", "bank": "email"}


def write_chat(studio: Studio, book: Book) -> None:
    """Write both files."""
    _openai(studio, book)
    _sharegpt(studio, book)


def _openai(studio: Studio, book: Book) -> None:
    file = "chat/openai_messages.jsonl"
    made = studio.many({"en": 28, "de": 3, "fr": 1, "es": 1, "zh": 1}, Setting())
    made += [studio.odd("short_refund", Setting()), studio.odd("no_agent", Setting())]
    made += [exact_copy(made[4]), near_copy(made[9], studio.chance)]
    named = [(f"conv_{number:04}", dialogue) for number, dialogue in enumerate(made, 1)]
    lines = [compact(_openai_record(ident, dialogue, parts=ident[-1] in "06")) for ident, dialogue in named]
    book.enter_all(file, named)
    lines.insert(12, '{"messages":[{"role":"user","content":"Hello"},{"role":"assist')
    book.damage(file, "a line that is no JSON, in the middle", "line 13")
    lines.insert(20, '{"prompt":"a completion of the old kind","completion":"without any messages"}')
    book.damage(file, "a line without messages", "line 21")
    lines.append('{"id":"conv_empty","messages":[]}')
    book.damage(file, "a conversation without messages", f"line {len(lines)}")
    book.text(file, "\n".join(lines) + "\n")


def _openai_record(ident: str, dialogue: Dialogue, *, parts: bool) -> dict[str, Any]:
    domain = dialogue.scene.domain
    messages: list[dict[str, Any]] = [{"role": "system", "content": SYSTEM.format(BRANDS[domain])}]
    known = dialogue.filler.values.get(BLANKS[domain])
    for line in dialogue.lines:
        role = "user" if line.role == "customer" else "assistant"
        content: Any = [{"type": "text", "text": line.text}] if parts and role == "user" else line.text
        messages.append({"role": role, "content": content})
        if known and role == "user" and known in line.text:
            messages += _call(dialogue, f"call_{ident[5:]}")
            known = None
    record: dict[str, Any] = {"id": ident, "messages": messages}
    if any(message["role"] == "tool" for message in messages):
        record["tools"] = [_tool(domain)]
    return record | {"metadata": {"channel": "assistant", "created_at": iso(dialogue.lines[0].at)}}


def _call(dialogue: Dialogue, ident: str) -> list[dict[str, Any]]:
    domain, filler = dialogue.scene.domain, dialogue.filler
    name, argument, _ = TOOLS[domain]
    asked = {argument: filler.value(BLANKS[domain], "public")}
    found = {
        **asked,
        "status": "found",
        "customer": filler.value("full", "public"),
        "email": filler.value("email", "public"),
        "phone": filler.value("phone", "public"),
        "address": filler.value("address", "public"),
    }
    function = {"name": name, "arguments": json.dumps(asked, ensure_ascii=False)}
    call = {"id": ident, "type": "function", "function": function}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": ident, "content": json.dumps(found, ensure_ascii=False)},
    ]


def _tool(domain: str) -> dict[str, Any]:
    name, argument, description = TOOLS[domain]
    schema = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def _sharegpt(studio: Studio, book: Book) -> None:
    file = "chat/sharegpt.json"
    made = studio.many({"en": 19, "de": 3, "it": 1, "nl": 1, "pt": 1}, Setting())
    made += [studio.odd("gibberish", Setting()), near_copy(made[2], studio.chance)]
    named = [(f"sg_{number:03}", dialogue) for number, dialogue in enumerate(made, 1)]
    records: list[Any] = [
        {"id": ident, "conversations": _shared(dialogue, number)} for number, (ident, dialogue) in enumerate(named, 1)
    ]
    book.enter_all(file, named)
    records.insert(9, "not a conversation at all")
    records.append({"id": "sg_empty", "conversations": []})
    book.damage(file, "an item that is no object", "item 10")
    book.damage(file, "a conversation without turns", f"item {len(records)}")
    book.text(file, json.dumps(records, ensure_ascii=False, indent=1) + "\n")


def _shared(dialogue: Dialogue, number: int) -> list[dict[str, str]]:
    turns = [{"from": "human" if line.role == "customer" else "gpt", "value": line.text} for line in dialogue.lines]
    if number % 5 == 0:
        turns.insert(0, {"from": "gpt", "value": "Hello! I am the assistant, how can I help?"})
    if number % 7 == 0:
        turns.insert(0, {"from": "system", "value": SYSTEM.format(BRANDS[dialogue.scene.domain])})
    if number % 8 == 0:
        turns[-1]["value"] = f"<div><p>{turns[-1]['value']}</p><ul><li>Help pages</li><li>Opening hours</li></ul></div>"
    return turns

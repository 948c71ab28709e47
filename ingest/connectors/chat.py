"""Chats with language models: OpenAI messages, ShareGPT, ChatGPT's own export, and prompt with completion.

To get them: save the training files or logged requests of an application (a line a conversation), or in ChatGPT ask
for Settings, Data controls, Export data, and drop in the zip or its `conversations.json`.

An assistant's turns are an agent's: they are what a team that exports such chats wants to train on. Tools and their
results are a bot's. Of a ChatGPT conversation the branch that was open last is read.

Not read: answers that were generated anew and left aside, images and sounds, what the model thought before it answered.

Unconfirmed: columns of preference data other than OpenAI's. Formats: developers.openai.com (chat completions), FastChat
(ShareGPT). `formats.md` section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from ingest.connector import Evidence, Reading
from ingest.json_cursor import Placed
from ingest.json_stream import arrangement, read_json, read_lines, sample_json
from ingest.keys import to_json
from ingest.loose import as_dict, as_id, as_json, as_list, as_time
from ingest.records import Attachment, BodyFormat, Conversation, Record, Reject, Turn, TurnRole
from ingest.source import Lines, Sample

Shape = Literal["messages", "chatgpt", "completion", "preference"]
Speaker = Literal["customer", "agent", "bot", "system", "tool_call", "tool_result"]

SPEAKERS: dict[str, Speaker] = {
    "user": "customer", "human": "customer", "customer": "customer", "client": "customer", "end-user": "customer",
    "assistant": "agent", "gpt": "agent", "chatgpt": "agent", "bing": "agent", "bard": "agent", "model": "agent",
    "agent": "agent", "bot": "bot", "system": "system", "developer": "system",
    "tool": "tool_result", "function": "tool_result", "observation": "tool_result", "function_response": "tool_result",
    "function_call": "tool_call", "tool_call": "tool_call",
}  # fmt: skip

CONFIDENCE = {"messages": 0.95, "chatgpt": 0.98, "completion": 0.9, "preference": 0.95}
REASONS = {
    "messages": "messages with role and content, or conversations with from and value",
    "chatgpt": "mapping and current_node, as ChatGPT exports them",
    "completion": "prompt and completion",
    "preference": "input with preferred_output",
}
LISTS = ("messages", "conversations", "conversation")
IDS = ("id", "conversation_id", "conversation_hash")
"""Where a record's id stands; WildChat calls it conversation_hash."""

READ_FIELDS = frozenset((*LISTS, *IDS, "title", "subject", "system", "tools", "functions", "language", "tags"))
UNSPOKEN = frozenset(
    ("thoughts", "reasoning_recap", "system_error", "tether_browsing_display", "tether_quote", "sonic_webpage",
     "user_editable_context", "model_editable_context")
)  # fmt: skip
"""Content types of ChatGPT's export that its page does not show as speech."""


class _OddRecordError(ValueError):
    """Say why a record is no chat; the words name fields and positions, never values."""


@dataclass(frozen=True, slots=True)
class ChatConnector:
    """Read chats with language models."""

    name: str = "chat"
    title: str = "Chats with language models (OpenAI messages, ShareGPT, ChatGPT export)"
    version: int = 1
    grouped: bool = False
    mapped: bool = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look for one of the known shapes among the first records."""
        shapes = [shape for shape in map(_shape, sample_json(sample)) if shape]
        if not shapes:
            return None
        return Evidence(CONFIDENCE[shapes[0]], (REASONS[shapes[0]],), part=shapes[0])

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give one conversation a record."""
        for recognised in reading.files:
            yield from _each(read_json(recognised.file), recognised.file.uri)

    def by_line(self, reading: Reading) -> Callable[[Lines], Iterator[Record]] | None:
        """Let lines be read one without the other: each record is a conversation."""
        (recognised,) = reading.files
        return _lines if arrangement(recognised.file.sample) == "lines" else None


CONNECTOR = ChatConnector()


def _lines(lines: Lines) -> Iterator[Record]:
    return _each(read_lines(lines), lines.uri)


def _each(found: Iterable[Placed | Reject], uri: str) -> Iterator[Record]:
    for record in found:
        yield record if isinstance(record, Reject) else _read(*record, source_uri=uri)


def _shape(record: Any) -> Shape | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("mapping"), dict) and "current_node" in record:
        return "chatgpt"
    if "preferred_output" in record and "input" in record:
        return "preference"
    items = _items(record)
    if items and all(isinstance(item, dict) and _speaker(item) and _CONTENT & item.keys() for item in items):
        return "messages"
    if isinstance(record.get("prompt"), str) and isinstance(record.get("completion"), str):
        return "completion"
    return None


_CONTENT = frozenset(("content", "value", "tool_calls", "function_call", "refusal"))


def _items(record: Mapping[str, Any]) -> list[Any] | None:
    return next((record[name] for name in LISTS if isinstance(record.get(name), list)), None)


def _speaker(item: Mapping[str, Any]) -> Speaker | None:
    name = item.get("role", item.get("from"))
    return SPEAKERS.get(name.strip().lower()) if isinstance(name, str) else None


def _read(place: str, record: Any, *, source_uri: str) -> Record:  # noqa: ANN401 - any JSON value
    try:
        conversation = _conversation(place, record, source_uri)
    except _OddRecordError as odd:
        return Reject(place, "bad_record", str(odd), raw=to_json(record), source_uri=source_uri)
    if not conversation.turns:
        return Reject(place, "no_turns", "nothing is said in it", raw=to_json(record), source_uri=source_uri)
    return conversation


def _conversation(place: str, record: Any, source_uri: str) -> Conversation:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        raise _OddRecordError("the record is no JSON object")
    if "preferred_output" in record:
        raise _OddRecordError(
            "a preference pair (input, preferred_output): it holds two answers to choose from, not a conversation"
        )
    if "mapping" in record:
        return _from_chatgpt(place, record, source_uri)
    items = _items(record)
    if items is None and isinstance(record.get("prompt"), str) and isinstance(record.get("completion"), str):
        items = [{"role": "user", "content": record["prompt"]}, {"role": "assistant", "content": record["completion"]}]
        record = {name: value for name, value in record.items() if name not in ("prompt", "completion")}
    if items is None:
        raise _OddRecordError("there is no list of messages or conversations")
    turns = [*_tools(record), *_system(record)]
    for number, item in enumerate(items, start=1):
        turns += _turns(item, f"message {number}")
    return Conversation(
        next((found for name in IDS if (found := as_id(record.get(name)))), None),
        tuple(turns),
        place,
        source_uri=source_uri,
        subject=as_id(record.get("title")) or as_id(record.get("subject")),
        language=as_id(record.get("language")),
        created_at=_time(record),
        tags=tuple(str(tag) for tag in as_list(record.get("tags"))),
        custom={name: value for name, value in record.items() if name not in READ_FIELDS},
    )


def _tools(record: Mapping[str, Any]) -> Iterator[Turn]:
    """Give the tools that the assistant could call; older files list bare functions, ShareGPT has them as text."""
    tools = record.get("tools")
    if not tools and isinstance(record.get("functions"), list):
        tools = [{"type": "function", "function": function} for function in record["functions"]]
    if tools:
        yield Turn("bot", _canonical(tools), kind="tools", body_format="json", is_automated=True, place="tools")


def _system(record: Mapping[str, Any]) -> Iterator[Turn]:
    if isinstance(record.get("system"), str) and record["system"]:
        yield Turn("system", record["system"], place="system")


def _turns(item: Any, place: str) -> Iterator[Turn]:  # noqa: ANN401 - any JSON value
    """Read one message: what it says, then the tools it calls."""
    if not isinstance(item, dict):
        raise _OddRecordError(f"{place} is no JSON object")
    speaker = _speaker(item)
    if speaker is None:
        raise _OddRecordError(f"{place} has no role that is known: {', '.join(sorted(SPEAKERS))}")
    content = item.get("content", item.get("value"))
    if speaker == "tool_call":
        yield _spoken_call(content, item, place)
        return
    calls = [*_calls(item, place)]
    text, attachments = _content(content, place)
    if not text and isinstance(item.get("refusal"), str):
        text = item["refusal"]
    if text or attachments or not calls:
        yield _message(speaker, text, item, place, attachments)
    yield from calls


def _message(
    speaker: Speaker, text: str, item: Mapping[str, Any], place: str, attachments: tuple[Attachment, ...]
) -> Turn:
    custom = {name: item[name] for name in ("name", "weight") if item.get(name) is not None}
    if speaker == "tool_result":
        return Turn(
            "bot", text, created_at=_time(item), kind="tool_result", body_format=_result_format(text),
            is_automated=True, event_type=as_id(item.get("name")), tool_call_id=as_id(item.get("tool_call_id")),
            place=place, attachments=attachments,
        )  # fmt: skip
    role: TurnRole = "agent" if speaker == "tool_call" else speaker
    return Turn(
        role, text, external_id=as_id(item.get("id")), created_at=_time(item), body_format=_format(text),
        place=place, attachments=attachments, custom=custom,
    )  # fmt: skip


def _calls(item: Mapping[str, Any], place: str) -> Iterator[Turn]:
    calls: Any = item.get("tool_calls") or []
    if not isinstance(calls, list):
        raise _OddRecordError(f"{place}: tool_calls is no list")
    if isinstance(item.get("function_call"), dict):
        calls = [*calls, {"function": item["function_call"]}]
    for number, call in enumerate(calls, start=1):
        function = call.get("function") or call.get("custom") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise _OddRecordError(f"{place}: tool call {number} names no function")
        arguments = function.get("arguments", function.get("input"))
        yield _call(as_id(function.get("name")), arguments, item, f"{place} tool call {number}", as_id(call.get("id")))


def _spoken_call(content: Any, item: Mapping[str, Any], place: str) -> Turn:  # noqa: ANN401 - any JSON value
    """Read ShareGPT's call, which is a message of its own: {"name", "arguments"} as text."""
    call = as_json(content)
    if isinstance(call, dict) and "name" in call:
        return _call(as_id(call["name"]), call.get("arguments"), item, place, as_id(item.get("tool_call_id")))
    return _call(None, content, item, place, None)


def _call(
    name: str | None,
    arguments: Any,  # noqa: ANN401 - any JSON value
    item: Mapping[str, Any],
    place: str,
    identity: str | None,
) -> Turn:
    return Turn(
        "agent", _canonical(arguments), created_at=_time(item), kind="tool_call", body_format="json",
        event_type=name, tool_call_id=identity, place=place,
    )  # fmt: skip


def _canonical(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write JSON with sorted names and no spaces, so that equal arguments are equal; other text stays as it is."""
    parsed = as_json(value)
    return to_json(parsed) if isinstance(parsed, dict | list) else "" if value is None else str(value)


def _result_format(text: str) -> BodyFormat:
    return "json" if text[:1] in ("{", "[") and isinstance(as_json(text), dict | list) else "text"


def _format(text: str) -> BodyFormat:
    """Tell the pages that ShareGPT's browser extension saved, which are HTML, from text about HTML."""
    return "html" if text.startswith('<div class="') and text.rstrip().endswith("</div>") else "text"


def _content(content: Any, place: str) -> tuple[str, tuple[Attachment, ...]]:  # noqa: ANN401 - any JSON value
    if content is None:
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise _OddRecordError(f"{place}: content is neither text nor a list of parts")
    texts: list[str] = []
    attachments: list[Attachment] = []
    for part in content:
        text, attachment = _part(part, place)
        if text:
            texts.append(text)
        if attachment:
            attachments.append(attachment)
    return "\n".join(texts), tuple(attachments)


def _part(part: Any, place: str) -> tuple[str | None, Attachment | None]:  # noqa: ANN401 - any JSON value
    if isinstance(part, str):
        return part, None
    if not isinstance(part, dict):
        raise _OddRecordError(f"{place}: a part of content is neither text nor an object")
    text = part.get("text", part.get("refusal"))
    if isinstance(text, str):
        return text, None
    kind = as_id(part.get("type") or part.get("content_type")) or "file"
    held = part.get(kind)
    source = held if isinstance(held, dict) else part
    url = as_id(source.get("url"))
    return None, Attachment(
        file_name=as_id(source.get("filename")),
        media_type=kind,
        url=url if url and not url.startswith("data:") else None,
        is_inline=True,
        is_omitted=True,
    )


def _from_chatgpt(place: str, record: Mapping[str, Any], source_uri: str) -> Conversation:
    """Read the branch that the page showed: from the current node up to the root."""
    nodes = record["mapping"]
    if not isinstance(nodes, dict):
        raise _OddRecordError("mapping is no JSON object")
    path, is_whole = _branch(nodes, record.get("current_node"))
    turns = [turn for node in path for turn in _node_turns(node)]
    spoken = sum(isinstance(node, dict) and bool(node.get("message")) for node in nodes.values())
    aside = spoken - sum(bool(node.get("message")) for node in path)
    custom = {"messages_on_other_branches": aside} if aside else {}
    return Conversation(
        as_id(record.get("conversation_id")) or as_id(record.get("id")),
        tuple(turns),
        place,
        source_uri=source_uri,
        subject=as_id(record.get("title")),
        created_at=as_time(record.get("create_time")),
        updated_at=as_time(record.get("update_time")),
        completeness="complete" if is_whole else "truncated_head",
        custom=custom,
    )


def _branch(nodes: Mapping[str, Any], current: Any) -> tuple[list[dict[str, Any]], bool]:  # noqa: ANN401 - any JSON value
    if not isinstance(current, str) or current not in nodes:
        raise _OddRecordError("current_node is not in mapping")
    path: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(current, str):
        if current in seen:
            raise _OddRecordError("the parents in mapping go round in a circle")
        seen.add(current)
        node = nodes.get(current)
        if not isinstance(node, dict):
            return path[::-1], False
        path.append(node)
        current = node.get("parent")
    return path[::-1], True


def _node_turns(node: Mapping[str, Any]) -> Iterator[Turn]:
    message = node.get("message")
    if not message:
        return
    if not isinstance(message, dict):
        raise _OddRecordError("a message in mapping is no JSON object")
    author, content = as_dict(message.get("author")), as_dict(message.get("content"))
    identity = as_id(message.get("id"))
    place = f"message {identity}"
    speaker = SPEAKERS.get(str(author.get("role")).lower())
    if speaker is None:
        raise _OddRecordError(f"{place} has no role that is known")
    text, attachments = _node_content(content, place)
    if not text and not attachments:
        return
    turn = Turn(
        "bot" if speaker == "tool_result" else "agent" if speaker == "tool_call" else speaker,
        text, external_id=identity, created_at=as_time(message.get("create_time")), place=place,
        attachments=attachments,
    )  # fmt: skip
    yield _as_shown(turn, speaker, message, as_id(content.get("content_type")) or "text")


def _as_shown(turn: Turn, speaker: Speaker, message: Mapping[str, Any], content_type: str) -> Turn:
    """Tell speech from what the page did not show, and from calls to tools and their results."""
    meta = as_dict(message.get("metadata"))
    recipient = as_id(message.get("recipient")) or "all"
    if meta.get("is_user_system_message"):
        return replace(turn, role="system")
    if meta.get("is_visually_hidden_from_conversation") or content_type in UNSPOKEN:
        role: TurnRole = "system" if turn.role == "system" else "bot"
        return replace(turn, role=role, kind="event", visibility="internal", event_type=content_type, is_automated=True)
    if speaker == "tool_result":
        name = as_id(as_dict(message.get("author")).get("name"))
        body_format = _result_format(turn.text)
        return replace(turn, kind="tool_result", is_automated=True, event_type=name, body_format=body_format)
    if speaker == "agent" and recipient != "all":
        text = _canonical(turn.text)
        return replace(turn, text=text, kind="tool_call", event_type=recipient, body_format="json")
    return turn


def _node_content(content: Mapping[str, Any], place: str) -> tuple[str, tuple[Attachment, ...]]:
    parts = content.get("parts")
    if isinstance(parts, list):
        return _content(parts, place)
    for name in ("text", "result", "content", "user_instructions"):
        if isinstance(content.get(name), str):
            return content[name], ()
    thoughts = content.get("thoughts")
    if isinstance(thoughts, list):
        return "\n".join(str(as_dict(thought).get("content") or "") for thought in thoughts), ()
    return "", ()


def _time(item: Mapping[str, Any]) -> str | float | None:
    """Find a time: files with one name it in several ways."""
    names = ("created_at", "timestamp", "create_time", "created")
    return next((found for name in names if (found := as_time(item.get(name))) is not None), None)

"""Traces of LLM applications: Langfuse and LangSmith, and OpenAI's stored completions.

To get them: Langfuse, export the traces table as JSON, JSON lines or CSV, or save `GET /api/public/traces` pages;
LangSmith, save the runs of a project (`client.list_runs(is_root=True)`) as JSON; OpenAI, save `GET /chat/completions`
and, of each, `GET /chat/completions/ID/messages`, into one folder.

Calls of one session (Langfuse sessionId; LangSmith metadata session_id, thread_id or conversation_id) are one
conversation. Each call repeats what was said before: what is already known is not taken again, an answer that was
generated anew replaces the first one, and what stood on the branch left aside is counted. An assistant's turns are an
agent's, as in the connector `chat`; tools are a bot's. Child runs are passed over where the root says something. Of
Langfuse give traces or observations, not both. Not read: OpenAI's Responses, scores other than one between 0 and 1 that
is named feedback, rating, csat or thumbs (those stay in `custom`). Unconfirmed: LangSmith's names for sessions, and
messages serialised by LangChain. `formats.md` section 4 says where the rest was seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found, records_of
from ingest.grouped import Belonging, groups, sort_in
from ingest.json_stream import sample_json
from ingest.keys import to_json
from ingest.loose import NEVER, as_dict, as_id, as_json, as_list, as_text, as_time
from ingest.ratings import UNRATED, Rating, rated
from ingest.records import BodyFormat, Conversation, Kind, Participant, Record, Reject, Turn, TurnRole
from ingest.source import Sample, SourceFile
from ingest.tables_reader import Row, read_table, sample_table
from ingest.times import parse

Json = dict[str, Any]
Part = Literal["langfuse", "langsmith", "completions", "completion_messages"]
Speaker = Literal["customer", "agent", "system", "tool"]

LISTS = ("data", "traces", "runs")
REASONS: dict[Part, tuple[float, str]] = {
    "langfuse": (0.96, "input and output with sessionId or traceId, as Langfuse has them"),
    "langsmith": (0.97, "run_type with inputs and outputs, as LangSmith has them"),
    "completions": (0.97, "chat.completion objects with choices, as OpenAI stores them"),
    "completion_messages": (0.96, "messages with the ids of chat completions, as OpenAI stores them"),
}
STORED = re.compile(r"(chatcmpl-.+)-(\d+)")
"""The id of a stored input message: its completion's, and its place."""

SESSION_FIELDS = ("session_id", "thread_id", "conversation_id", "sessionId", "threadId", "conversationId")
SPEAKERS: dict[str, Speaker] = {
    "user": "customer", "human": "customer", "assistant": "agent", "ai": "agent", "model": "agent", "system": "system",
    "developer": "system", "tool": "tool", "function": "tool",
}  # fmt: skip
LANGCHAIN = re.compile(r"(Human|AI|System|Tool|Function|Chat)Message(?:Chunk)?")
ASKED = ("messages", "chat_history", "input", "question", "query", "prompt", "text", "message", "content")
ANSWERED = ("messages", "generations", "choices", "output", "answer", "response", "result", "completion", *ASKED[-3:])
FEEDBACK = re.compile(r"feedback|rating|csat|thumb", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Said:
    """One message of a call; two are the same where `same` is equal."""

    speaker: Speaker
    text: str
    kind: Kind = "message"
    name: str | None = None
    call_id: str | None = None

    @property
    def same(self) -> tuple[str, str, str]:
        return self.speaker, self.kind, " ".join(self.text.split())


class LlmTraces:
    """Read traces of calls of language models."""

    name = "llm_traces"
    title = "Traces of LLM applications (Langfuse, LangSmith, OpenAI stored completions)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at what the first records, or a table's columns, hold."""
        table = sample_table(sample)
        shown = [dict.fromkeys(table.columns, "")] if table is not None else sample_json(sample, LISTS)
        for record in shown:
            if (part := _part_of(record)) is not None:
                return Evidence(REASONS[part][0], (REASONS[part][1],), part=part)
        return None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each session with all its calls, in the order of their times."""
        for recognised in reading.files:
            yield from sort_in(_records(recognised.file), reading.spool, _belonging)
        for key, members in groups(reading.spool):
            yield from _conversation(key, members)


CONNECTOR: Connector = LlmTraces()


def _records(file: SourceFile) -> Iterator[Found | Reject]:
    table = read_table(file) if sample_table(file.sample) is not None else None
    if table is None:
        yield from records_of(file, LISTS)
        return
    for row in table.rows:
        yield Found(row.place, file.uri, row.values) if isinstance(row, Row) else replace(row, source_uri=file.uri)


def _belonging(found: Found) -> Iterator[Belonging | Reject]:
    part = _part_of(found.value)
    key = _session(found.value, part) if part else None
    if part is None:
        yield found.unknown("no trace, run or stored completion")
    elif key is None:
        yield found.reject("no_identity", "there is neither a session nor an id")
    else:
        yield Belonging(key, part, found)


def _part_of(record: Any) -> Part | None:  # noqa: ANN401 - any JSON value
    if not isinstance(record, dict):
        return None
    if record.get("object") == "chat.completion" and "choices" in record:
        return "completions"
    if "role" in record and STORED.fullmatch(str(record.get("id"))):
        return "completion_messages"
    if "run_type" in record and "inputs" in record:
        return "langsmith"
    is_call = {"input", "output"} <= record.keys() and bool({"timestamp", "startTime", "createdAt"} & record.keys())
    return "langfuse" if is_call and {"sessionId", "traceId", "userId", "observations"} & record.keys() else None


def _session(record: Json, part: Part) -> str | None:
    if part == "completion_messages":
        stored = STORED.fullmatch(str(record.get("id")))
        return stored[1] if stored else None
    if part == "langsmith":
        meta = {**as_dict(as_dict(record.get("extra")).get("metadata")), **as_dict(record.get("metadata"))}
        own = next((found for name in SESSION_FIELDS if (found := as_id(meta.get(name)))), None)
        return own or as_id(record.get("trace_id")) or as_id(record.get("id"))
    own = (as_id(record.get(name)) for name in ("sessionId", "traceId", "id"))
    return next((found for found in own if found), None)


def _at(record: Json) -> Any:  # noqa: ANN401 - a time as the source has it
    names = ("timestamp", "startTime", "start_time", "created", "createdAt")
    return next((found for name in names if (found := as_time(record.get(name))) is not None), None)


def _conversation(key: str, members: list[tuple[Part, Found]]) -> Iterator[Record]:
    stored = sorted((one for part, one in members if part == "completion_messages"), key=_place_in_completion)
    calls = [one for part, one in members if part != "completion_messages"]
    calls.sort(key=lambda one: parse(_at(one.value)).at or NEVER)
    roots = [one for one in calls if not (one.value.get("parent_run_id") or one.value.get("parentObservationId"))]
    case = _Case(key, calls[0] if calls else stored[0])
    case.hear([said for one in stored for said in _messages(one.value)], [], case.first)
    used = [one for one in roots if case.take(one)]
    if not used:
        used = [one for one in calls if one not in roots and case.take(one)]
    if case.turns:
        yield case.conversation(used, is_cut=not stored and case.is_stored, is_open=bool(stored) and not calls)
        return
    for _, one in members:
        yield one.reject("no_turns", f"no message could be read from it; it is {_call_shape(one.value)}")


def _place_in_completion(found: Found) -> int:
    stored = STORED.fullmatch(str(found.value.get("id")))
    return int(stored[2]) if stored else 0


def _call_shape(record: Json) -> str:
    held = {name: record.get(name) for name in ("input", "inputs", "output", "outputs") if name in record}
    parts = (f"{name} with {', '.join(sorted(as_dict(as_json(value)))) or 'no fields'}" for name, value in held.items())
    return "; ".join(parts) or "without input and output"


@dataclass(slots=True)
class _Case:
    """One session on its way through the connector: what has been said, and what stands in the turns."""

    key: str
    first: Found
    said: list[_Said] = field(default_factory=list[_Said])
    turns: list[Turn] = field(default_factory=list[Turn])
    systems: dict[str, Turn] = field(default_factory=dict[str, Turn])
    aside: int = 0
    user: str | None = None

    @property
    def is_stored(self) -> bool:
        """Tell OpenAI's stored completions, whose input comes in a file of its own."""
        return self.first.value.get("object") == "chat.completion"

    def take(self, found: Found) -> bool:
        """Take in one call; say whether there was anything to take."""
        record = found.value
        self.user = self.user or as_id(record.get("userId")) or as_id(record.get("user_id"))
        asked = [*_messages(_opened(record.get("input", record.get("inputs"))), ASKED)]
        answered = [*_messages(_opened(record.get("output", record.get("outputs"))), ANSWERED, speaker="agent")]
        answered += [
            said for choice in as_list(record.get("choices")) for said in _messages(as_dict(choice).get("message"))
        ]
        self.hear(asked, answered, found)
        return bool(asked or answered)

    def hear(self, asked: list[_Said], answered: list[_Said], found: Found) -> None:
        """Go on from what is known to what is new in a call's input and output."""
        for system in (said for said in asked if said.speaker == "system"):
            self.systems.setdefault(system.text, _turn(system, found, found.place, None, _at(found.value)))
        spoken = [said for said in asked if said.speaker != "system"]
        known = self._known(spoken)
        end = found.value.get("end_time") or found.value.get("endTime") or _at(found.value)
        new = _unrepeated([said for said in answered if said.speaker != "system"], spoken)
        for said in spoken[known:]:
            self._add(said, found, _at(found.value))
        for said in new:
            self._add(said, found, as_time(end))

    def _known(self, spoken: list[_Said]) -> int:
        """Tell how many messages of an input are known; go back to where it leaves what was said before."""
        told, held = [said.same for said in spoken], [said.same for said in self.said]
        longest = min(len(told), len(held))
        for size in range(longest, 0, -1):
            if held[-size:] == told[:size]:
                return size
        shared = next((at for at in range(longest) if told[at] != held[at]), longest)
        if len(told) == 1 and len(held) > 2:
            return 0  # somebody says again what was said first: this input repeats nothing
        if shared:
            self.aside += len(held) - shared
            del self.said[shared:], self.turns[shared:]
        return shared

    def _add(self, said: _Said, found: Found, at: str | float | None) -> None:
        place = f"{found.place} message {len(self.turns) + 1}"
        self.said.append(said)
        self.turns.append(_turn(said, found, place, self.user, at))

    def conversation(self, used: list[Found], *, is_cut: bool, is_open: bool) -> Conversation:
        """Give what came together; of stored completions the input may be missing, or the output."""
        records: list[Json] = [one.value for one in used] or [self.first.value]
        times = [at for record in records if (at := _at(record)) is not None]
        given, comment = _feedback(records)
        turns = (*self.systems.values(), *self.turns)
        person = (Participant(self.user, "customer"),) if self.user else ()
        return Conversation(
            self.key, turns, self.first.place, person, source_uri=self.first.uri, channel="assistant",
            created_at=times[0] if times else None, updated_at=times[-1] if times else None,
            tags=tuple(dict.fromkeys(tag for record in records for tag in as_list(as_json(record.get("tags")))
                                     if isinstance(tag, str))),
            csat_score=given.score, csat_scale=given.scale, csat_label=given.label, csat_comment=comment,
            completeness="truncated_head" if is_cut else "truncated_body" if is_open else "complete",
            custom=self._custom(records) | given.custom,
        )  # fmt: skip

    def _custom(self, records: list[Json]) -> Json:
        names = {as_text(record.get(name)) for record in records for name in ("model", "name", "environment")}
        kept = {
            "calls": len(records),
            "names": sorted(name for name in names if name),
            "messages_on_other_branches": self.aside,
            "errors": sum(bool(record.get("error")) or record.get("level") == "ERROR" for record in records),
            "metadata": as_json(records[0].get("metadata")),
        }
        return {name: value for name, value in kept.items() if value}


def _unrepeated(answered: list[_Said], spoken: list[_Said]) -> list[_Said]:
    """Leave out of an output what stands in the input: LangChain's holds the whole history, with the answer at its end.

    An input may also hold the answer already, where a program goes on with the list that it traced.
    """
    told, said = [one.same for one in spoken], [one.same for one in answered]
    if told and said[: len(told)] == told:
        return answered[len(told) :]
    return [] if told[-len(said) :] == said else answered


def _turn(said: _Said, found: Found, place: str, user: str | None, at: str | float | None) -> Turn:
    role: TurnRole = "bot" if said.speaker == "tool" else said.speaker
    body: BodyFormat = (
        "json" if said.kind == "tool_call" or (said.kind == "tool_result" and _is_json(said.text)) else "text"
    )
    return Turn(
        role, said.text, author=user if role == "customer" else None, created_at=at, kind=said.kind, body_format=body,
        is_automated=role == "bot", event_type=said.name, tool_call_id=said.call_id,
        place=place if said.speaker != "system" else f"{found.place} system",
    )  # fmt: skip


def _is_json(text: str) -> bool:
    return text[:1] in ("{", "[") and isinstance(as_json(text), dict | list)


def _opened(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Open JSON that a table keeps as text; plain text stays text."""
    opened = as_json(value) if isinstance(value, str) and value[:1] in ("{", "[", '"') else None
    return value if opened is None else opened


def _messages(value: Any, names: Iterable[str] = ASKED, *, speaker: Speaker = "customer") -> Iterator[_Said]:  # noqa: ANN401 - any JSON value
    """Find messages in a call's input or output, however they are wrapped; bare text is the speaker's."""
    if isinstance(value, str) and value:
        yield _Said(speaker, value)
    elif isinstance(value, list):
        for item in value:
            yield from _messages(item, names, speaker=speaker)
    elif isinstance(value, dict):
        message = _message_of(value)
        if message is not None:
            yield from _spoken(message[0], message[1])
            return
        for name in names:
            found = [*_messages(value.get(name), names, speaker=speaker)]
            if found:
                yield from found
                return


def _message_of(value: Json) -> tuple[Speaker, Json] | None:
    """Tell a message from what is around it: by its role, or as LangChain writes its classes."""
    if value.get("lc") == 1 and isinstance(value.get("kwargs"), dict):
        kind = LANGCHAIN.search(str(as_list(value.get("id"))[-1:]))
        held: Json = value["kwargs"]
        named = kind[1].lower() if kind else str(held.get("role"))
        speaker = SPEAKERS.get(named) or SPEAKERS.get(str(held.get("role")))
        return (speaker, held) if speaker else None
    named = str(value.get("role", value.get("type")))
    speaker = SPEAKERS.get(named.lower())
    is_message = speaker is not None and ("content" in value or "tool_calls" in value or "data" in value)
    return (speaker, as_dict(value.get("data")) or value) if speaker and is_message else None


def _spoken(speaker: Speaker, message: Json) -> Iterator[_Said]:
    text = _text_of(message.get("content"))
    if text:
        kind: Kind = "tool_result" if speaker == "tool" else "message"
        yield _Said(speaker, text, kind, as_id(message.get("name")), as_id(message.get("tool_call_id")))
    extra = as_dict(message.get("additional_kwargs"))
    for call in as_list(message.get("tool_calls")) or as_list(extra.get("tool_calls")):
        function = as_dict(as_dict(call).get("function")) or as_dict(call)
        arguments = as_json(function.get("arguments", function.get("args")))
        yield _Said(
            "agent", to_json(arguments), "tool_call", as_id(function.get("name")), as_id(as_dict(call).get("id"))
        )


def _text_of(content: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(content, str):
        return content
    parts = (part if isinstance(part, str) else as_dict(part).get("text") for part in as_list(content))
    return "\n".join(part for part in parts if isinstance(part, str) and part)


def _feedback(records: list[Json]) -> tuple[Rating, str | None]:
    """Give the last score that is named like feedback and lies between 0 and 1."""
    scores = [as_dict(score) for record in records for score in as_list(as_json(record.get("scores")))]
    for score in reversed(scores):
        value: Any = score.get("value")
        is_share = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        if is_share and FEEDBACK.search(str(score.get("name"))):
            return rated(value, 0, 1), as_text(score.get("comment"))
    return UNRATED, None

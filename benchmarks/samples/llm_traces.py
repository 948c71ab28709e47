"""Write sample_logs/llm_traces: Langfuse traces, LangSmith runs and OpenAI's stored completions, histories repeated."""

from typing import Any

from samples.book import Book
from samples.chance import Chance
from samples.jsonlines import compact
from samples.studio import Dialogue, Line, Setting, Studio
from samples.tables import iso

SEED = 26_110_004
SYSTEM = "You are the support assistant. Be friendly, exact and brief."
TIME = "%Y-%m-%dT%H:%M:%S.000Z"


def write_llm_traces(book: Book) -> None:
    """Write the three kinds of files."""
    studio = Studio(Chance(SEED))
    traces = [
        trace for at, one in enumerate(studio.many({"en": 6, "de": 1}, Setting()), 1) for trace in _traces(at, one)
    ]
    lines = [compact(trace) for trace in sorted(traces, key=lambda trace: trace["id"][::-1])]
    lines.insert(5, '{"id":"tr-broken","sessionId":"s-1","input":{"messa')
    lines.insert(9, compact({"id": "tr-empty", "timestamp": iso(1_767_000_000), "sessionId": None, "userId": None,
                             "input": {"vector": [0.1, 0.2]}, "output": None}))  # fmt: skip
    lines.insert(11, compact({"id": "span-9", "level": "DEFAULT"}))
    book.text("llm_traces/langfuse/traces.jsonl", "\n".join(lines) + "\n")
    runs = [run for at, one in enumerate(studio.many({"en": 4}, Setting()), 1) for run in _runs(at, one)]
    book.text("llm_traces/langsmith/runs.json", "[\n" + ",\n".join(compact(run) for run in runs) + "\n]\n")
    stored = [(f"chatcmpl-Example{at:03}", one) for at, one in enumerate(studio.many({"en": 4}, Setting()), 1)]
    book.text("llm_traces/openai/completions.json", _page([_completion(*one) for one in stored]))
    messages = [message for one in stored[:-1] for message in _stored_messages(*one)]
    book.text("llm_traces/openai/messages.json", _page(messages))


def _calls(dialogue: Dialogue) -> list[tuple[list[Line], Line]]:
    """List the calls of a chat: what was said so far, and the answer."""
    lines = [line for line in dialogue.lines if line.role in ("customer", "agent")]
    return [(lines[:at], line) for at, line in enumerate(lines) if line.role == "agent"]


def _message(line: Line) -> dict[str, str]:
    return {"role": {"customer": "user", "agent": "assistant"}[line.role], "content": line.text}


def _traces(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    scores = [{"name": "user-feedback", "value": int(dialogue.rating > 2)}] if dialogue.rating else []
    return [
        {
            "id": f"tr-{at:03}-{number}", "timestamp": iso(answer.at, TIME), "name": "support-chat",
            "sessionId": f"s-{at:03}", "userId": f"u{dialogue.customer.ident:04}", "environment": "production",
            "input": {"messages": [{"role": "system", "content": SYSTEM}, *map(_message, before)]},
            "output": _message(answer), "metadata": {"model": "gpt-example"}, "tags": [dialogue.scene.domain],
            "scores": scores, "observations": [],
        }
        for number, (before, answer) in enumerate(_calls(dialogue), 1)
    ]  # fmt: skip


def _serialised(line: Line) -> dict[str, Any]:
    name = {"customer": "HumanMessage", "agent": "AIMessage"}[line.role]
    path = ["langchain", "schema", "messages", name]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": {"content": line.text}}


def _runs(at: int, dialogue: Dialogue) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    asked = [(before, answer) for before, answer in _calls(dialogue) if before and before[-1].role == "customer"]
    for number, (before, answer) in enumerate(asked, 1):
        root = {
            "id": f"run-{at:03}-{number}", "name": "RunnableSequence", "run_type": "chain", "parent_run_id": None,
            "start_time": iso(answer.at - 2, TIME), "end_time": iso(answer.at, TIME), "error": None, "tags": ["web"],
            "extra": {"metadata": {"thread_id": f"thread-{at:03}"}}, "inputs": {"question": before[-1].text},
            "outputs": {"answer": answer.text},
        }  # fmt: skip
        child = {**root, "id": f"{root['id']}-llm", "run_type": "llm", "parent_run_id": root["id"],
                 "inputs": {"messages": [[_serialised(line) for line in before]]},
                 "outputs": {"generations": [[{"text": answer.text, "message": _serialised(answer)}]]}}  # fmt: skip
        made += [root, child]
    return made


def _completion(ident: str, dialogue: Dialogue) -> dict[str, Any]:
    answer = _calls(dialogue)[-1][1]
    return {
        "object": "chat.completion", "id": ident, "model": "gpt-example", "created": answer.at,
        "choices": [{"index": 0, "message": {**_message(answer), "tool_calls": None}, "finish_reason": "stop"}],
        "metadata": {"topic": dialogue.scene.code}, "usage": {"total_tokens": 100},
    }  # fmt: skip


def _stored_messages(ident: str, dialogue: Dialogue) -> list[dict[str, Any]]:
    before = _calls(dialogue)[-1][0]
    shared = {"name": None, "content_parts": None}
    return [{"id": f"{ident}-{number}", **_message(line), **shared} for number, line in enumerate(before)]


def _page(items: list[dict[str, Any]]) -> str:
    lines = ",\n".join(compact(item) for item in items)
    return f'{{"object":"list","data":[\n{lines}\n],"has_more":false}}\n'

"""Read an evaluation file: JSON lines with what a model is to be tested on, in any of the usual shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import orjson

from export.errors import BadEvaluation

# What comes before the answer, and the answer; the first of each that is there is taken.
QUESTIONS = ("question", "prompt", "instruction", "query", "input")
ANSWERS = ("answer", "completion", "response", "output", "chosen", "expected", "reference")
# The same in every example, or no speech: conversations are compared by what people say.
SILENT = ("system", "developer", "tool", "function")
SHAPES = (
    'Give one JSON object a line: {"messages": [{"role", "content"}]}, {"turns": [{"role", "text"}]}, {"text"}, or '
    '{"question", "answer"} (prompt, completion, response and the like do as well).'
)
KEYS_SHOWN, KEY_LENGTH = 8, 30


@dataclass(frozen=True, slots=True)
class EvaluationFile:
    """An evaluation file's name, SHA-256, and the text of each record with its line, from 1."""

    name: str
    sha256: str
    texts: tuple[str, ...]
    lines: tuple[int, ...]


def read_evaluation(path: Path) -> EvaluationFile:
    """Read a file; empty lines are passed over, messages of the system and of tools left out.

    Raises:
        BadEvaluation: no such file, or a line of another shape; the line and its keys are named, its text is not.
    """
    try:
        with path.open("rb") as file:
            sha256 = file_digest(file, "sha256").hexdigest()
            file.seek(0)
            found = [(number, _record(line, path.name, number)) for number, line in enumerate(file, 1) if line.strip()]
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadEvaluation(f"The evaluation file {path} cannot be read: {why}.", hint="Give a file.") from None
    if not found:
        raise BadEvaluation(f"The evaluation file {path.name} is empty.", hint=SHAPES)
    return EvaluationFile(path.name, sha256, tuple(text for _, text in found), tuple(number for number, _ in found))


def _record(line: bytes, name: str, number: int) -> str:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise BadEvaluation(f"{name} line {number} is not JSON.", hint=SHAPES) from None
    if not isinstance(value, dict):
        raise BadEvaluation(f"{name} line {number} holds a {type(value).__name__}, not an object.", hint=SHAPES)
    text = _text(value)
    if text is None:
        keys = ", ".join(str(key)[:KEY_LENGTH] for key in list(value)[:KEYS_SHOWN]) or "none"
        raise BadEvaluation(f"{name} line {number} is of another shape; its keys: {keys}.", hint=SHAPES)
    return text


def _text(record: dict[str, Any]) -> str | None:
    """Give what a record says, or None where it is of another shape."""
    for key in ("messages", "turns"):
        if key in record:
            return _said(record[key])
    if "text" in record:
        return _content(record["text"])
    named = [next((record[key] for key in keys if record.get(key) is not None), None) for keys in (QUESTIONS, ANSWERS)]
    if named == [None, None]:
        return None
    parts = [_said(part) if isinstance(part, list) else _content(part) for part in named if part is not None]
    return None if None in parts else "\n".join(part for part in parts if part)


def _said(messages: Any) -> str | None:  # noqa: ANN401 - any JSON
    if not isinstance(messages, list):
        return None
    texts = [_message(message) for message in messages]
    return None if None in texts else "\n".join(text for text in texts if text)


def _message(message: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Give a message's text; empty where it is no speech."""
    if not isinstance(message, dict) or not message.keys() & {"content", "text", "tool_calls"}:
        return None
    if message.get("role") in SILENT:
        return ""
    return _content(message.get("content", message.get("text")) or "")


def _content(value: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Give a text, or a list of parts' texts."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
        return None
    return "\n".join(_strings(value))


def _strings(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if isinstance(text := part.get("text"), str):
            yield text

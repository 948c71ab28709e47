"""Read a line of a training file, and say what stands against it where it is not one JSON object."""

from __future__ import annotations

import json
from typing import Any

import orjson

from export.formats.openai_rules import Problem

_ENCODING = Problem("line.encoding", "The line is not UTF-8.", "Write the file as UTF-8.")
_JSON = Problem("line.json", "The line is not one JSON object.", "Write one JSON object on each line.")
_NAN = Problem("line.nan", "The line holds NaN or Infinity, which JSON does not know.", "Write null, or leave it out.")
_SURROGATE = Problem("line.surrogate", "The line holds half of a character (a lone surrogate).", "Take it out.")


def read_line(line: bytes) -> dict[str, Any] | Problem:
    """Read a line as trainers do, strictly."""
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        return read_leniently(line)[1]
    return body if isinstance(body, dict) else _JSON


def read_leniently(line: bytes) -> tuple[dict[str, Any], Problem]:
    """Read a line that strict JSON refuses, with null for NaN and U+FFFD for half characters, and say what is wrong.

    Where nothing can be read, the object is empty.
    """
    numbers: list[str] = []
    try:
        body: Any = json.loads(line.decode(), parse_constant=numbers.append)
    except UnicodeDecodeError:
        return {}, _ENCODING
    except (ValueError, RecursionError):
        return {}, _JSON
    if not isinstance(body, dict):
        return {}, _JSON
    text = json.dumps(body, ensure_ascii=False)
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not numbers and whole == text:
        return {}, _JSON
    return orjson.loads(whole), _NAN if numbers else _SURROGATE

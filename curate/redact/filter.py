"""`chatmill redact`: JSON lines in, the same lines redacted out, with no workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import orjson

from curate.redact.engine import Scanned
from curate.redact.errors import LEAK, PolicyError
from curate.redact.leaks import leaked_type
from curate.redact.name_model import MODEL_LANGUAGES
from curate.redact.participants import conversation_findings
from curate.redact.policy import Policy, load_policy
from curate.redact.redact import Redacted, Turn, apply
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure
from store.errors import unknown_name
from store.settings import RedactionSettings
from store.workers import Workers

LINES_AT_ONCE = 4000
WITHOUT_NAMES = (
    "--patterns-only searches without a name model; in a workspace, redaction.patterns_only names the language."
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read: its number, its object, and its texts in order; no texts where it is no such object."""

    number: int
    value: dict[str, Any]
    texts: tuple[str, ...] | None


def redact_lines(
    lines: Iterable[bytes | str], *, language: str = "en", policy: Policy | None = None, workers: int = 1
) -> Iterator[str]:
    """Give what `redact_stream` gives, as JSON lines."""
    for value in redact_stream(lines, language=language, policy=policy, workers=workers):
        yield orjson.dumps(value).decode()


def redact_stream(
    lines: Iterable[bytes | str],
    *,
    language: str = "en",
    policy: Policy | None = None,
    settings: RedactionSettings | None = None,
    workers: int = 1,
) -> Iterator[dict[str, Any]]:
    """Redact lines of {"id"?, "text"} or {"id"?, "turns": [{"role", "text"}]}, in their order.

    The findings' offsets are code points of the input text. A line of neither shape, and a line that cannot be
    redacted safely, gives {"id"?, "line", "error"} in its place, never its text. `policy` and `settings` are the
    packaged ones unless given, as audits give a workspace's own.
    """
    policy = policy or load_policy()
    spec = policy.spec((language,), settings or RedactionSettings())
    if language not in spec.languages:
        raise PolicyError(unknown_name("language", language, MODEL_LANGUAGES), hint=WITHOUT_NAMES)
    numbered = enumerate(lines, start=1)
    with Workers(workers) as pool:
        scanner = Scanner(spec, pool)
        while chunk := [_parse(number, line) for number, line in islice(numbered, LINES_AT_ONCE)]:
            scanned = scanner.scan((language, text) for line in chunk for text in line.texts or ())
            for line in chunk:
                if line.value or line.texts is None:
                    yield _answer(line, scanned, policy, language)


def _parse(number: int, raw: bytes | str) -> Line:
    """Read a line; an empty one has no value and no texts to answer for."""
    if not raw.strip():
        return Line(number, {}, ())
    try:
        value: Any = orjson.loads(raw)
    except ValueError:
        return Line(number, {}, None)
    if not isinstance(value, dict):
        return Line(number, {}, None)
    return Line(number, value, _texts(value))


def _texts(value: dict[str, Any]) -> tuple[str, ...] | None:
    turns: Any = value.get("turns", [value])
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return None
    texts = tuple(turn.get("text") for turn in turns)
    return texts if all(isinstance(text, str) for text in texts) else None


def _answer(line: Line, scanned: dict[tuple[str, str], Scanned], policy: Policy, language: str) -> dict[str, Any]:
    if line.texts is None:
        return _error(line, 'not of the shape {"id", "text"} or {"id", "turns": [{"role", "text"}]}')
    results = {str(at): scanned[language, text] for at, text in enumerate(line.texts)}
    for result in results.values():
        if isinstance(result, Failure):
            return _error(line, f"{result.code}: {result.detail}")
    turns = [Turn(str(at), "message", text) for at, text in enumerate(line.texts)]
    fine = {key: result for key, result in results.items() if not isinstance(result, Failure)}
    texts = {turn.turn_key: turn.text for turn in turns}
    findings = conversation_findings(texts, fine, (), roles=_roles(line.value), language=language)
    redacted = apply(turns, findings, policy, language=language)
    if kind := leaked_type(turns, redacted, (), policy, language=language):
        return _error(line, f"{LEAK}: {kind}")
    return _filled(line, redacted)


def _roles(value: dict[str, Any]) -> dict[str, str]:
    """Give who said each turn, by its place; a lone text answers no question."""
    turns: list[dict[str, Any]] = value.get("turns", [])
    return {str(at): str(turn.get("role", turn.get("speaker", "unknown"))) for at, turn in enumerate(turns)}


def _filled(line: Line, redacted: Redacted) -> dict[str, Any]:
    findings = [
        {"turn": at, **_shown(asdict(one))} if "turns" in line.value else _shown(asdict(one))
        for at, spans in enumerate(redacted.spans)
        for one in spans
    ]
    if "turns" not in line.value:
        return {**line.value, "text": redacted.texts[0], "findings": findings}
    turns = [{**turn, "text": text} for turn, text in zip(line.value["turns"], redacted.texts, strict=True)]
    return {**line.value, "turns": turns, "findings": findings}


def _shown(applied: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in applied.items() if key != "placeholder"}


def _error(line: Line, problem: str) -> dict[str, Any]:
    named = {"id": line.value["id"]} if "id" in line.value else {}
    return {**named, "line": line.number, "error": problem}

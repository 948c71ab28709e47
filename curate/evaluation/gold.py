"""Read gold sets, files of findings, and the map from other people's labels to our entity types.

A gold line is {"text", "spans": [{"start", "end", "label"}], "lang"?, "before"?: [{"role", "text"}], "role"?}; the
offsets are half-open code points. `before` holds what was said before the text, so that an answer can be read with its
question.
"""

from __future__ import annotations

import gzip
import tomllib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import orjson

from curate.evaluation.errors import GoldError

SHAPE = 'GOLD lines are {"text", "spans": [{"start", "end", "label"}]}, offsets in code points, "lang" if not English.'
FINDINGS_SHAPE = 'FINDINGS lines are {"findings": [{"start", "end", "entity_type"}]}, one for each line of GOLD.'
LABELS = "labels.toml"


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open span of code points under a gold label or an entity type."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class GoldLine:
    """A text and what people marked in it; `before` holds the turns before it as (role, text)."""

    number: int
    text: str
    spans: tuple[Span, ...]
    language: str
    role: str = "customer"
    before: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found in one text, or that it was set aside instead of being redacted."""

    findings: tuple[Span, ...]
    set_aside: bool = False


LabelMap = dict[str, frozenset[str]]


def read_gold(path: Path, *, language: str = "en") -> Iterator[GoldLine]:
    """Give the lines of a gold set, plain or gzipped; `language` holds where a line names none.

    Raises:
        GoldError: the file cannot be read, or a line is of another shape.
    """
    for number, value in _objects(path, SHAPE):
        try:
            yield _gold_line(number, value, language)
        except (KeyError, TypeError, ValueError):
            raise GoldError(f"{path.name}, line {number} is no gold line.", hint=SHAPE) from None


def read_answers(path: Path) -> Iterator[Answer]:
    """Give what another tool found, line by line, as it stands in a file; `start_char` and `end_char` are understood.

    Raises:
        GoldError: the file cannot be read, or a line is of another shape.
    """
    for number, value in _objects(path, FINDINGS_SHAPE):
        try:
            yield answer_of(value)
        except (KeyError, TypeError, ValueError):
            raise GoldError(f"{path.name}, line {number} holds no findings.", hint=FINDINGS_SHAPE) from None


def answer_of(value: dict[str, Any], turn: int | None = None) -> Answer:
    """Read one line of findings, as `chatmill redact` writes it; of one turn where `turn` is given."""
    if "findings" not in value and "error" in value:
        return Answer((), set_aside=True)
    own = [one for one in value["findings"] if turn is None or one["turn"] == turn]
    return Answer(tuple(_found(one) for one in own))


def load_labels(path: Path | None = None) -> LabelMap:
    """Read the packaged map of labels, with the entries of a TOML file over it: `type = ["label", …]`.

    Labels are compared without regard to case, points, dashes and blanks. A label of the file loses what the packaged
    map says of it.

    Raises:
        GoldError: the file cannot be read or is no such TOML.
    """
    packaged = (files("rules") / "audit" / LABELS).read_text(encoding="utf-8")
    labels = _by_label(tomllib.loads(packaged))
    if path is None:
        return labels
    try:
        own = _by_label(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError):
        raise GoldError(
            f"{path.name} is no map of labels.", hint='Write lines of TOML as PERSON = ["NAME", "agent_name"].'
        ) from None
    return labels | own


def plain_label(label: str) -> str:
    """Give the form in which labels are compared."""
    return "".join(character for character in label.casefold() if character.isalnum())


def types_of(label: str, labels: LabelMap) -> frozenset[str]:
    """Give our types that a gold label stands for; none where it is not in the map."""
    return labels.get(plain_label(label), frozenset())


def _by_label(table: dict[str, Any]) -> LabelMap:
    found: dict[str, set[str]] = {}
    for entity_type, names in table.items():
        if not isinstance(names, list):
            raise TypeError
        for name in (entity_type, *cast("list[str]", names)):
            found.setdefault(plain_label(name), set()).add(entity_type)
    return {label: frozenset(types) for label, types in found.items()}


def _gold_line(number: int, value: dict[str, Any], language: str) -> GoldLine:
    text: str = value["text"]
    spans = tuple(Span(int(one["start"]), int(one["end"]), str(one["label"])) for one in value["spans"])
    if not isinstance(text, str) or not all(0 <= one.start <= one.end <= len(text) for one in spans):  # pyright: ignore[reportUnnecessaryIsInstance] - read from a file
        raise ValueError
    before = tuple((str(turn.get("role", "agent")), str(turn["text"])) for turn in value.get("before", ()))
    return GoldLine(number, text, spans, value.get("lang") or language, value.get("role") or "customer", before)


def _found(one: dict[str, Any]) -> Span:
    start = one["start"] if "start" in one else one["start_char"]
    end = one["end"] if "end" in one else one["end_char"]
    if not 0 <= start <= end:
        raise ValueError
    return Span(int(start), int(end), str(one.get("entity_type", "")))


def _objects(path: Path, shape: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Give a file's lines as objects with their numbers, from 1."""
    with _lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            try:
                value: Any = orjson.loads(line)
            except ValueError:
                value = None
            if not isinstance(value, dict):
                raise GoldError(f"{path.name}, line {number} is no JSON object.", hint=shape)
            yield number, value


@contextmanager
def _lines(path: Path) -> Generator[Iterator[bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            yield iter(file)
    except (OSError, EOFError):
        raise GoldError(f"{path.name} cannot be read.", hint="Check the path; gzipped files end in .gz.") from None

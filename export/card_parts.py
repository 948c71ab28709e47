"""The pieces a data card is made of, and how they read as Markdown and as a page of its own.

A card is described once, in pieces; the README and the HTML page show the same numbers because both are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from curate.report.charts import Bar, bars, drawing

PAGE = "card.html"
CODE = re.compile(r"`([^`]+)`")
NUMBER = re.compile(r"[\d,.]+( ?%)?( \([\d.]+ ?%\)| ± [\d,]+)?")


@dataclass(frozen=True, slots=True)
class Text:
    """Sentences; words between `backticks` are set as code."""

    words: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under the names of their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars; in a README a file of this name is shown."""

    file: str
    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to type."""

    lines: str


Part = Text | Bullets | Table | Chart | Code


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A whole card; `figures` are its few largest numbers, each with what it counts."""

    title: str
    lead: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def markdown(card: Card) -> str:
    """Write a card as Markdown."""
    blocks = [f"# {card.title}", card.lead]
    for section in card.sections:
        blocks.append(f"## {section.title}")
        blocks.extend(_as_markdown(part) for part in section.parts)
    return "\n\n".join(blocks) + "\n"


def pictures(card: Card) -> Iterator[tuple[str, str]]:
    """Give the files that the Markdown shows: their names and SVG texts."""
    for section in card.sections:
        for part in section.parts:
            if isinstance(part, Chart):
                yield part.file, drawing(part.title, part.bars)


def page(card: Card) -> str:
    """Write a card as one self-contained page: no script, no request to anywhere."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((files("export") / PAGE).read_text(encoding="utf-8"))
    style = (files("curate.report") / "style.css").read_text(encoding="utf-8")
    return template.render(card=card, lead=Markup(_worded(card.lead)), sections=pieces(card), style=Markup(style))  # noqa: S704


def pieces(card: Card) -> list[tuple[str, list[Markup]]]:
    """Give a card's sections as titles and pieces of HTML, for a page that has a frame of its own."""
    return [
        (section.title, [Markup(_as_html(part)) for part in section.parts])  # noqa: S704 - _as_html escapes
        for section in card.sections
    ]


def _as_markdown(part: Part) -> str:
    match part:
        case Text(words):
            return words
        case Bullets(items):
            return "\n".join(f"* {item}" for item in items)
        case Chart(file, title):
            return f"![{title}]({file})"
        case Code(lines):
            return "\n".join(f"    {line}" for line in lines.splitlines())
        case Table(columns, rows):
            return "\n".join(f"| {line} |" for line in _lines(columns, rows)) if rows else "None."


def _lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield " | ".join(columns)
    yield " | ".join("---" for _ in columns)
    for row in rows:
        yield " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row)


def _as_html(part: Part) -> str:
    match part:
        case Text(words):
            return f"<p>{_worded(words)}</p>"
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{_worded(item)}</li>" for item in items) + "</ul>"
        case Chart(title=title, bars=rows):
            return bars(title, rows)
        case Code(lines):
            return f"<pre><code>{escape(lines)}</code></pre>"
        case Table(columns, rows):
            return _table(columns, rows) if rows else '<p class="note">None.</p>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    # A column of numbers stands to the right, so that sizes are seen at a glance.
    right = [all(not row[at] or NUMBER.fullmatch(row[at]) for row in rows) for at in range(len(columns))]
    classes = [' class="n"' if yes else "" for yes in right]
    # A column without a name has no header that could be read out.
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' if name else "<td></td>"
        for name, kind in zip(columns, classes, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{_worded(cell)}</td>" for cell, kind in zip(row, classes, strict=True)) + "</tr>\n"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>\n{body}</table></div>'


def _worded(words: str) -> str:
    return CODE.sub(r"<code>\1</code>", escape(words))

"""Tell a comparison on one self-contained page: plots, a table beside each, and the examples behind each number."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from export.evaluate.examples import Example
from export.evaluate.sections import sections


def write_report(path: Path, document: Mapping[str, Any], examples: Mapping[str, Example]) -> None:
    """Write the page so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(render(document, examples), encoding="utf-8")
    partial.replace(path)


def render(document: Mapping[str, Any], examples: Mapping[str, Example]) -> str:
    """Fill the page's template; everything that comes from data is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    template = environment.from_string((files("export.evaluate") / "report.html").read_text(encoding="utf-8"))
    style = (files("curate.report") / "style.css").read_text(encoding="utf-8")
    lead = (
        f"{document['cases']:,} answers of agents in the {document['asked']['split']} split of "
        f"{document['dataset']}, which neither has learnt from."
    )
    return template.render(
        base=document["base"]["model"],
        tuned=document["tuned"]["model"],
        lead=lead,
        headlines=document["headlines"],
        count=len(document["measures"]),
        sections=list(sections(document, examples)),
        style=Markup(style),  # noqa: S704 - our own file
    )

"""Write the report as one self-contained page: no script, no request to anywhere."""

from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from curate.report.charts import Bar, bars
from curate.report.data import Report

TOP_ENTITIES = 12


def write_page(path: Path, report: Report) -> None:
    """Write the page so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(render(report), encoding="utf-8")
    partial.replace(path)


def render(report: Report) -> str:
    """Fill the page's template; everything that comes from data is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    here = files("curate.report")
    template = environment.from_string((here / "page.html").read_text(encoding="utf-8"))
    return template.render(
        report=report,
        style=Markup((here / "style.css").read_text(encoding="utf-8")),  # noqa: S704 - our own file
        funnel_chart=_chart("Conversations left after each step", [
            Bar(step.label, step.left, step.dropped, f"({step.dropped:,} out)" if step.dropped else "")
            for step in report.funnel
        ]),
        redaction_chart=_chart("Redactions by entity", [
            Bar(row.entity_type, row.findings) for row in report.redactions[:TOP_ENTITIES]
        ]),
        language_chart=_chart("Conversations by language", [
            Bar(row.language, row.conversations) for row in report.languages[:TOP_ENTITIES]
        ]),
    )  # fmt: skip


def _chart(title: str, rows: list[Bar]) -> Markup:
    # charts.bars escapes every label itself, so its SVG may stand in the page as it is.
    return Markup(bars(title, rows))  # noqa: S704

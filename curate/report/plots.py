"""Points with their intervals as SVG text, beside the bars of charts.py and the curves of lines.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from curate.report.charts import LABEL_WIDTH, NUMBER_WIDTH, ROW_HEIGHT, WIDTH


@dataclass(frozen=True, slots=True)
class Whisker:
    """One point with its interval; `note` stands beside it, `is_pale` for what it is compared with."""

    label: str
    value: float
    low: float
    high: float
    note: str = ""
    is_pale: bool = False


def whiskers(
    title: str, rows: Sequence[Whisker | str], *, mark: float | None = None, also: Sequence[float] = ()
) -> str:
    """Draw points with their intervals on one scale; a row of words alone is a heading over those below it.

    `mark` draws a line there, as at no difference; the scale holds the values of `also` too, as 0 and 1 of shares.
    """
    drawn_rows = [row for row in rows if isinstance(row, Whisker)]
    ends = [end for row in drawn_rows for end in (row.low, row.high, row.value) if math.isfinite(end)]
    least, most = _bounds([*ends, *also, *([] if mark is None else [mark])])
    width = WIDTH - LABEL_WIDTH - NUMBER_WIDTH
    height = ROW_HEIGHT * len(rows) + 6

    def across(value: float) -> float:
        return LABEL_WIDTH + (min(max(value, least), most) - least) / (most - least) * width

    line = ""
    if mark is not None:
        at = across(mark)
        line = f'<line x1="{at:.1f}" y1="0" x2="{at:.1f}" y2="{height}" stroke="currentColor" stroke-dasharray="3 3"/>'
    drawn = [_row(row, place * ROW_HEIGHT + ROW_HEIGHT / 2 + 2, across) for place, row in enumerate(rows)]
    return _svg(title, height, [line, *drawn])


def _row(row: Whisker | str, middle: float, across: Callable[[float], float]) -> str:
    if isinstance(row, str):
        return f'<text class="label" x="0" y="{middle + 6:.0f}" font-weight="600">{escape(row)}</text>'
    kind = "lost" if row.is_pale else "kept"
    low, high, at = across(row.low), across(row.high), across(row.value)
    words, length = f'y="{middle + 4:.0f}"', max(high - low, 1)
    return (
        f'<text class="label" x="{LABEL_WIDTH - 10}" {words} text-anchor="end">{escape(row.label)}</text>'
        f'<rect class="lost" x="{low:.1f}" y="{middle - 3:.1f}" width="{length:.1f}" height="6" rx="3"/>'
        f'<circle class="{kind}" cx="{at:.1f}" cy="{middle:.1f}" r="6"/>'
        f'<text class="number" x="{max(high, at) + 10:.1f}" {words}>{escape(row.note)}</text>'
    )


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Give the ends of a scale that holds all values, never of no length."""
    least, most = min(values, default=0.0), max(values, default=1.0)
    return (least, most) if most > least else (least - 0.5, most + 0.5)


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    name = escape(title, quote=True)
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{name}">'
    return "\n".join([head, *(part for part in parts if part), "</svg>"])

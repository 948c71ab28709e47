"""Charts as SVG text: readable without scripts, in light and dark, with every number beside its bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 720
LABEL_WIDTH = 230
NUMBER_WIDTH = 120
ROW_HEIGHT = 26
BAR_HEIGHT = 16
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2937 } .number { fill: #4b5563 }
.kept { fill: #2563eb } .lost { fill: #bfdbfe }
@media (prefers-color-scheme: dark) {
  text { fill: #e5e7eb } .number { fill: #9ca3af } .kept { fill: #60a5fa } .lost { fill: #1e3a8a }
}"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `value` is drawn full; `lost`, if any, behind it in a paler tone."""

    label: str
    value: float
    lost: float = 0
    note: str = ""


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars on one scale, the longest as wide as there is room."""
    longest = max((row.value + row.lost for row in rows), default=0) or 1
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / longest
    height = ROW_HEIGHT * len(rows) + 6
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title, quote=True)}">',
        *(_row(row, place * ROW_HEIGHT, scale) for place, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(parts)


def drawing(title: str, rows: Sequence[Bar]) -> str:
    """Draw bars as an SVG file of its own, which brings its colours along."""
    height = ROW_HEIGHT * len(rows) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">\n'
        f"<style>{STYLE}</style>\n{bars(title, rows)}\n</svg>\n"
    )


def _row(row: Bar, top: int, scale: float) -> str:
    middle = top + ROW_HEIGHT / 2 + 4
    kept, lost = row.value * scale, row.lost * scale
    bar_top = top + (ROW_HEIGHT - BAR_HEIGHT) / 2
    number = f"{row.value:,.0f}" + (f" {row.note}" if row.note else "")
    return (
        f'<text class="label" x="{LABEL_WIDTH - 10}" y="{middle:.0f}" text-anchor="end">{escape(row.label)}</text>'
        f'<rect class="kept" x="{LABEL_WIDTH}" y="{bar_top:.0f}" width="{kept:.1f}" height="{BAR_HEIGHT}" rx="2"/>'
        f'<rect class="lost" x="{LABEL_WIDTH + kept:.1f}" y="{bar_top:.0f}" width="{lost:.1f}" height="{BAR_HEIGHT}"/>'
        f'<text class="number" x="{LABEL_WIDTH + kept + lost + 8:.1f}" y="{middle:.0f}">{escape(number)}</text>'
    )

"""Draw what balance did: for every value what stays, and paler what was given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report.charts import ROW_HEIGHT, WIDTH, Bar, bars

PICTURE = "balance.svg"
MOST_BARS, LABEL_LENGTH = 40, 30
STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #1f2937 } .number { fill: #4b5563 }
.kept { fill: #2563eb } .lost { fill: #bfdbfe }
@media (prefers-color-scheme: dark) {
  text { fill: #e5e7eb } .number { fill: #9ca3af } .kept { fill: #60a5fa } .lost { fill: #1e3a8a }
}"""


def picture(balance: Mapping[str, Any]) -> str:
    """Draw a report's caps and tables as one SVG file; the card holds every number as a table."""
    rows = [Bar("conversations", balance["after"], balance["before"] - balance["after"], f"of {balance['before']:,}")]
    for table in balance["tables"]:
        for row in table["rows"]:
            lost = row["before"] - row["after"]
            label = f"{table['dimension']} {row['value']}"[:LABEL_LENGTH]
            rows.append(Bar(label, row["after"], lost, f"of {row['before']:,}"))
    for cap in balance["caps"]:
        lost = cap["largest_before"] - cap["largest_after"]
        rows.append(Bar(f"largest {cap['dimension']}", cap["largest_after"], lost, f"of {cap['largest_before']:,}"))
    rows = rows[:MOST_BARS]
    height = ROW_HEIGHT * len(rows) + 6
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">\n'
        f"<style>{STYLE}</style>\n{bars('Conversations before and after balance', rows)}\n</svg>\n"
    )

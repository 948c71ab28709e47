"""Draw what balance did: for every value what stays, and paler what was given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report.charts import Bar

CHART = "balance.svg"
MOST_BARS, LABEL_LENGTH = 40, 30


def balance_bars(balance: Mapping[str, Any]) -> tuple[Bar, ...]:
    """Give a report's caps and tables as bars of one chart; the card holds every number as a table."""
    rows = [Bar("conversations", balance["after"], balance["before"] - balance["after"], f"of {balance['before']:,}")]
    for table in balance["tables"]:
        for row in table["rows"]:
            lost = row["before"] - row["after"]
            label = f"{table['dimension']} {row['value']}"[:LABEL_LENGTH]
            rows.append(Bar(label, row["after"], lost, f"of {row['before']:,}"))
    for cap in balance["caps"]:
        lost = cap["largest_before"] - cap["largest_after"]
        rows.append(Bar(f"largest {cap['dimension']}", cap["largest_after"], lost, f"of {cap['largest_before']:,}"))
    return tuple(rows[:MOST_BARS])

"""Carry tables between polars and DuckDB through the Arrow stream, without pyarrow.

polars reads a DuckDB relation by its Arrow capsule; DuckDB scans any object that shows nothing but
`__arrow_c_stream__` (shared/reference/style.md 0.1: a polars frame itself is refused without pyarrow).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import duckdb


class ArrowOnly:
    """Show DuckDB the Arrow stream of a frame and nothing else."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the frame as an Arrow C stream capsule."""
        return self._frame.__arrow_c_stream__(requested_schema)


def as_arrow(frame: pl.DataFrame) -> object:
    """Wrap a frame so that DuckDB can scan it.

    Where another library has loaded pyarrow, DuckDB lets it filter the stream, which it cannot do on polars' strings
    (string_view, "no kernel matching input types"); it gets a table with plain ones.
    """
    if "pyarrow" in sys.modules:
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    return ArrowOnly(frame)


def from_relation(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """Read a relation into a frame; time zones come back as UTC, whatever name the database gave it."""
    capsule: Any = relation
    frame = pl.DataFrame(capsule)
    zoned = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    return frame.with_columns(pl.col(name).dt.convert_time_zone("UTC") for name in zoned)

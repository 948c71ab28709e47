"""Keep DuckDB from loading pandas and pyarrow by itself.

It looks for both wherever they are installed, at the first parameter and the first frame that it is given (its Python
client's import cache), and then carries every frame through pyarrow. We use neither, and both come with training
libraries: they cost half a second at every start, 90 MB, and a fifth of the time in which an export is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType

UNWANTED = frozenset(("pandas", "pyarrow"))
MACHINERY = "importlib._bootstrap"
CALLERS = frozenset(("store.database", "store.frames", "polars._utils.pycapsule", None))
"""The modules that call DuckDB: what they seem to import while it runs, DuckDB imports. Its own threads have none."""


class NotForDuckDB:
    """A finder of modules (PEP 302) that finds none: what DuckDB asks for it refuses, all else it leaves to others."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse pandas and pyarrow where DuckDB asks for them.

        Raises:
            ModuleNotFoundError: which DuckDB takes for their not being installed.
        """
        if name in UNWANTED and _importer() in CALLERS:
            raise ModuleNotFoundError(f"{name} is not for DuckDB", name=name)
        return None


def spare_duckdb() -> None:
    """Refuse pandas and pyarrow to DuckDB from now on; whoever else imports them gets them."""
    if not any(isinstance(finder, NotForDuckDB) for finder in sys.meta_path):
        sys.meta_path.insert(0, NotForDuckDB())


def _importer() -> str | None:
    """Name the module whose code brought the import about; code in C, as DuckDB's, goes by that of who called it."""
    frame: FrameType | None = sys._getframe(2)  # pyright: ignore[reportPrivateUsage] - inspect would read the sources
    while frame is not None and frame.f_globals.get("__name__") == MACHINERY:
        frame = frame.f_back
    return None if frame is None else frame.f_globals.get("__name__", "")

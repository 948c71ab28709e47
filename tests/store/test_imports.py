import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

from store.workspace import Workspace

needs_both = pytest.mark.skipif(
    not (find_spec("pandas") and find_spec("pyarrow")), reason="pandas and pyarrow come with the training libraries"
)


@needs_both
def test_duckdb_loads_neither_pandas_nor_pyarrow_and_everyone_else_may(workspace: Workspace) -> None:
    code = f"""
        import sys
        from pathlib import Path
        import polars as pl
        from store.workspace import Workspace
        with Workspace.find(Path({str(workspace.root)!r})).open() as store:
            store.execute("CREATE TABLE t (number BIGINT, text VARCHAR)")
            store.append("t", pl.DataFrame({{"number": range(50_000), "text": "said"}}))
            with store.scratch(wanted=pl.DataFrame({{"number": [3, 5]}})):
                found = store.frame("SELECT t.* FROM t JOIN wanted USING (number) WHERE text = ?", ["said"])
            pages = list(store.pages("SELECT number FROM t WHERE number < ?", [10_000], size=5_000))
        assert sorted(found["number"]) == [3, 5] and sum(page.height for page in pages) == 10_000
        assert not {{"pandas", "pyarrow"}} & set(sys.modules), "DuckDB has loaded them"
        import pandas, pyarrow.dataset
        assert pandas.DataFrame({{"a": [1]}}).shape == (1, 1)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

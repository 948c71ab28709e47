"""How fast quality rules and labels are, with reading and writing the store.

    python -m benchmarks.quality CONVERSATIONS.jsonl.gz

The file is ingested first, which is not counted. Wall time depends on what else runs, so processor
time is shown beside it.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from curate.execution import Workers
from curate.labels import curate_labels
from curate.quality.packs import workspace_rules
from curate.quality.stage import curate_quality
from curate.stages import Curation
from ingest.exports import ingest_exports
from store.workspace import Workspace


def main() -> None:
    """Measure both stages and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conversations", type=Path)
    given = parser.parse_args()
    os.environ["CHATMILL_KEY"] = "5a" * 32
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(Path(folder) / "workspace")
        with workspace.open() as store, Workers(1) as workers:
            ingest_exports(workspace, store, [given.conversations])
            count = store.value("SELECT count(*) FROM conversations")
            print(f"{count:,} conversations, {len(workspace_rules())} rules")
            for stage in (curate_quality, curate_labels):
                start, busy = time.perf_counter(), time.process_time()
                stage(Curation(store, workspace, workers))
                wall, cpu = time.perf_counter() - start, time.process_time() - busy
                print(f"{stage.__name__:16} {count / wall:>8,.0f} conversations/s  {wall:.2f} s, CPU {cpu:.2f} s")


if __name__ == "__main__":
    main()

"""Fuzz the connectors with atheris: bytes that grow out of their samples, as long as one likes.

Usage: PYTHONPATH=/tmp/atheris python benchmarks/fuzz_connectors.py [CONNECTOR...] [--seconds N]

atheris is no dependency of the project; install it into a folder of its own, and name that folder in PYTHONPATH:

    pip install --target /tmp/atheris atheris

Each connector runs in a process of its own for N seconds (180 by default), from a copy of its samples as seeds. An
input is what the file holds, with the name of the sample that it grew out of, as connectors look at names. What is
counted as a crash: any exception but an IngestError before the first record, a record that is neither a conversation
nor a reject, a conversation without turns, a turn or record without a place, or a detail of a reject with a line break.
Inputs, those that crash among them, stay in chatmill_fuzz/CONNECTOR/ of the folder for temporary files. A line a
connector is written: runs, seconds, inputs kept, crashes.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from tempfile import gettempdir
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_logs"
FOLDER = Path(gettempdir()) / "chatmill_fuzz"
LONGEST = 8 * 1024
"""Bytes of an input; samples are cut to this, so that a run takes milliseconds."""

SECONDS = 180
RUNS = re.compile(r"Done (\d+) runs in (\d+) second")


def main() -> int:
    """Fuzz the connectors named, or all, one after another; exit 1 where something crashed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("connectors", nargs="*")
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given, passed_on = parser.parse_known_args()
    if given.one:
        fuzz(given.one, [*passed_on, *given.connectors])
        return 0
    names = given.connectors or sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
    crashed = [name for name in names if run(name, given.seconds)]
    return int(bool(crashed))


def run(name: str, seconds: int) -> bool:
    """Fuzz one connector in a process of its own, say what came of it, and tell whether it crashed."""
    seeds = FOLDER / name / "seeds"
    seeds.mkdir(parents=True, exist_ok=True)
    files = [path for path in sorted((SAMPLES / name).rglob("*")) if path.is_file()]
    for number, path in enumerate(files):
        (seeds / f"{number:03}").write_bytes(bytes([number]) + path.read_bytes()[:LONGEST])
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20",
         f"-artifact_prefix={FOLDER / name}/", "-rss_limit_mb=3000", "-len_control=0", str(seeds)],
        check=False, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    counted = RUNS.search(done.stderr)
    runs, took = counted.groups() if counted else ("?", "?")
    kept = sum(1 for _ in seeds.iterdir()) - len(files)
    crashed = done.returncode != 0
    print(f"{name}: {runs} runs, {took} s, {kept} inputs kept, {'CRASHED' if crashed else 'no crash'}", flush=True)
    if crashed:
        print("\n".join(done.stderr.splitlines()[-25:]), flush=True)
    return crashed


def fuzz(name: str, arguments: list[str]) -> None:
    """Run libFuzzer on one connector; it ends the process."""
    atheris: Any = import_module("atheris")  # not a dependency; see above
    sys.path.insert(0, str(ROOT))
    with atheris.instrument_imports(include=["ingest"]):
        connector = import_module("ingest.registry").find(name)
    names = [path.name for path in sorted((SAMPLES / name).rglob("*")) if path.is_file()]
    folder = FOLDER / name / "input"
    folder.mkdir(parents=True, exist_ok=True)
    atheris.Setup([sys.argv[0], *arguments], Target(connector, names, folder))
    atheris.Fuzz()


class Target:
    """Read one input with one connector, and complain about what no connector may do."""

    def __init__(self, connector: Any, names: list[str], folder: Path) -> None:  # noqa: ANN401 - imported late
        self.connector = connector
        self.names = names
        self.folder = folder

    def __call__(self, data: bytes) -> None:
        """Write the input under its sample's name, and read it."""
        from ingest.source import SourceFile, walk

        if not data:
            return
        path = self.folder / self.names[data[0] % len(self.names)]
        path.write_bytes(data[1:])
        for entry in walk([path]):
            if isinstance(entry, SourceFile):
                self.read(entry)

    def read(self, file: object) -> None:
        """Read one file, and check what is given."""
        from ingest.connector import Reading, Recognised
        from ingest.errors import IngestError
        from ingest.source import SourceFile
        from store.spool import Spool

        assert isinstance(file, SourceFile)
        evidence = self.connector.detect(file.sample)
        assert evidence is None or 0 <= evidence.confidence <= 1
        reading = Reading((Recognised(file, evidence.part if evidence else ""),), Spool(self.folder))
        is_begun = False
        try:
            for record in self.connector.read(reading):
                is_begun = True
                check(record)
        except IngestError:
            assert not is_begun, "an error after the first record"


def check(record: object) -> None:
    """Complain about a record that is none."""
    from ingest.records import Conversation, Reject

    if isinstance(record, Reject):
        assert record.place
        assert record.detail
        assert "\n" not in record.detail
        return
    assert isinstance(record, Conversation)
    assert record.place
    assert record.turns
    assert all(turn.place for turn in record.turns)
    known = {person.external_id for person in record.participants}
    assert {turn.author for turn in record.turns} - {None} <= known


if __name__ == "__main__":
    sys.exit(main())

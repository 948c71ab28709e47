"""Run every benchmark, each in a process of its own; `make bench` does this.

    python -m benchmarks

Benchmarks over real corpora say so and are left out where the corpora are not beside the checkout.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STAR = ROOT.parent / "shared" / "data" / "conversations" / "star.jsonl.gz"

RUNS: tuple[tuple[str, ...], ...] = (
    ("ingest",),
    ("connectors",),
    ("duplicates",),
    ("redaction", str(STAR)),
    ("quality", str(STAR)),
    ("export", "100000"),
    ("again",),
    ("training",),
)


def main() -> None:
    """Run them one after the other, so that none disturbs another's figures."""
    for name, *arguments in RUNS:
        print(f"\n== {name}", flush=True)
        if str(STAR) in arguments and not STAR.exists():
            print("left out: the corpora are not beside this checkout")
            continue
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()

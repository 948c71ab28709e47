"""How long a second `chatmill curate` takes that has nothing to do, as a whole process; and `chatmill --help`.

    python -m benchmarks.again [--conversations 100000] [--seed 1]

The baselines of the same run are the first `curate`, which has everything to do, and a Python that imports typer and
rich only. Names are not searched for by the model, so that the first one ends in minutes; the second asks of
every conversation what it would ask with it.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TURNS = 4
REPEATS = 5
WORDS = """
parcel invoice kettle router booking refund password delivery address phone battery screen charger colour
size coat shoes table flight hotel room ticket seat train driver courier office branch account card
payment bank transfer balance order discount voucher receipt warranty repair spare part manual cable
adapter plug light lamp door window garden kitchen bathroom heating water pipe meter reading contract
month year week monday friday morning evening yesterday tomorrow already never always often still again
later early broken missing wrong late open closed lost found sent received ordered paid cancelled changed
moved called wrote asked answered waiting working leaking
"""
OPENINGS = (
    "Hello, I have a question about the",
    "My order is late and the",
    "Can you help me with the",
    "Thank you for the",
)


def write(path: Path, conversations: int, seed: int) -> None:
    """Write invented conversations, a line each; their words are drawn, so that hardly any two are alike."""
    draw, words = random.Random(seed), WORDS.split()
    with path.open("w", encoding="utf-8") as file:
        for number in range(conversations):
            turns = [
                {
                    "role": ("customer", "agent")[turn % 2],
                    "text": " ".join([draw.choice(OPENINGS), *draw.choices(words, k=draw.randint(4, 20))]),
                    "ts": 1_760_000_000 + number + turn,
                }
                for turn in range(TURNS)
            ]
            file.write(json.dumps({"id": f"c{number}", "turns": turns}) + "\n")


def measured(*command: str) -> tuple[float, float, float]:
    """Run a process and give its wall time, its processor time, and its peak memory in MiB."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with status {status}")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def show(label: str, runs: list[tuple[float, float, float]]) -> None:
    """Print the medians of some runs."""
    wall, busy, peak = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"{label:32} {wall:8.2f} s   CPU {busy:8.2f} s   peak {peak:6,.0f} MiB", flush=True)


def main() -> None:
    """Make a workspace, curate it twice, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    os.environ["CHATMILL_KEY"] = "5a" * 32
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed, not compiled anew at every start
    chatmill = ("-c", "from service.main import main; main()")
    show("python, importing typer and rich", [measured("-c", "import typer, rich.table") for _ in range(REPEATS)])
    show("chatmill --help", [measured(*chatmill, "--help") for _ in range(REPEATS)])
    with tempfile.TemporaryDirectory() as folder:
        workspace, export = str(Path(folder) / "workspace"), Path(folder) / "chats.jsonl"
        write(export, given.conversations, given.seed)
        measured(*chatmill, "init", workspace)
        with (Path(workspace) / "chatmill.toml").open("a", encoding="utf-8") as settings:
            settings.write('\n[redaction]\nnames = "none"\n')
        print(f"{given.conversations:,} conversations of {TURNS} turns")
        show("ingest", [measured(*chatmill, "ingest", str(export), "-w", workspace)])
        show("curate", [measured(*chatmill, "curate", "-w", workspace)])
        show("curate again", [measured(*chatmill, "curate", "-w", workspace) for _ in range(REPEATS)])


if __name__ == "__main__":
    main()

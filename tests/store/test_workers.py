import os
import signal
import subprocess
import sys
import textwrap
import time
from math import sqrt
from pathlib import Path

import pytest

from store.workers import Workers

SECONDS_TO_END = 20


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_items_whatever_the_number_of_workers(count: int) -> None:
    with Workers(count) as workers:
        assert list(workers.map(sqrt, [float(n * n) for n in range(50)])) == [float(n) for n in range(50)]


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    with Workers(2) as workers, pytest.raises(ValueError, match="math domain"):
        list(workers.map(sqrt, [1.0, -1.0]))


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    code = """
        import os, time
        from store.workers import Workers

        def main():
            with Workers(2) as workers:
                print(*set(workers.map(pid, range(40))), flush=True)
                time.sleep(60)

        def pid(_):
            time.sleep(0.02)
            return os.getpid()
    """
    # Spawned workers import the function by its module's name, so it stands in a file, not behind -c.
    (tmp_path / "worker_parent.py").write_text(textwrap.dedent(code), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path.cwd()}"}
    start = "import worker_parent; worker_parent.main()"
    parent = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert pids
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    limit = time.monotonic() + SECONDS_TO_END
    while any(_lives(pid) for pid in pids) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not [pid for pid in pids if _lives(pid)]


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False

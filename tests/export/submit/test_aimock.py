"""The provider `openai` against a mock by somebody else: @copilotkit/aimock, from npm.

It has files, jobs, events and paging; no uploads, checkpoints, metadata look-up or result files. The folder that
CHATMILL_AIMOCK names (by default .aimock in the checkout) holds the package: `npm install --prefix .aimock
@copilotkit/aimock`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from export.submit.openai_provider import OpenAIProvider
from tests.export.submit.conftest import Rig

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("CHATMILL_AIMOCK") or ROOT / ".aimock")
PACKAGE = FOLDER / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
NODE = shutil.which("node")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="Node is missing, which @copilotkit/aimock needs"),
    pytest.mark.skipif(
        not PACKAGE.is_file(), reason="aimock is missing: npm install --prefix .aimock @copilotkit/aimock"
    ),
]
CHAOS = ("--chaos-drop", "0.15", "--chaos-disconnect", "0.1", "--chaos-ratelimit", "0.1", "--chaos-malformed", "0.05")


@contextmanager
def aimock(tmp_path: Path, *options: str) -> Iterator[str]:
    """Run the mock on a free port and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fixtures = tmp_path / "fixtures"
    fixtures.mkdir()
    (fixtures / "none.json").write_text('{"fixtures": []}', encoding="utf-8")
    command = [str(NODE), str(PACKAGE), "--port", str(port), "--fixtures", str(fixtures), "--log-level", "silent"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert process.poll() is None, "aimock ended before it answered"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise AssertionError("aimock did not answer")


@pytest.mark.parametrize("options", [(), CHAOS], ids=["calm", "chaos"])
def test_somebody_elses_mock_is_given_exactly_one_job(rig: Rig, tmp_path: Path, options: tuple[str, ...]) -> None:
    with aimock(tmp_path, *options) as url, closing(OpenAIProvider(url, "sk-mock", rig.patience)) as provider:
        job = rig.submit(provider=provider)
        remote = [one.job_id for one in provider.jobs(job.submission_key)]
    assert job.status == "succeeded"
    assert remote == [job.provider_job_id]
    assert job.result["fine_tuned_model"].startswith("ft:")
    heard = rig.rows("SELECT count(*), count(DISTINCT event_id) FROM job_events")
    assert heard[0][0] == heard[0][1] > 0
    if not options:
        assert any("result file" in told for told in rig.told), "the mock has no result files, and that is told"

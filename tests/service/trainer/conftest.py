"""A trainer that listens on loopback, in a thread of the tests or in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import orjson
import pytest
import uvicorn
from starlette.testclient import TestClient

from export.training.libraries import NEEDED
from service.trainer.app import create_app
from service.trainer.rehearsal import read_rehearsal
from service.trainer.trainer import Trainer, open_trainer

KEY = "test-key"
needs_training = pytest.mark.skipif(
    any(find_spec(name) is None for name in NEEDED), reason="the extra `train` is not installed"
)


@dataclass
class Place:
    url: str
    folder: Path
    environment: dict[str, str]


def environment(url: str = "") -> dict[str, str]:
    """Give the variables of a process that speaks to a trainer, and to nobody else."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "CHATMILL_TRAINER_KEY": KEY}


@contextmanager
def serving(trainer: Trainer) -> Generator[Place]:
    """Serve a trainer from a thread; its jobs are trained in their own process."""
    config = uvicorn.Config(create_app(trainer), port=0, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}/v1"
    try:
        yield Place(url, trainer.shelf.folder, environment(url))
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def process(folder: Path) -> Generator[tuple[subprocess.Popen[bytes], Place]]:
    """Run `chatmill trainer` as a person does."""
    command = [sys.executable, "-m", "service.main", "trainer", "--folder", str(folder), "--port", "0"]
    where = folder / "trainer.json"
    where.unlink(missing_ok=True)
    with subprocess.Popen(
        command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as running:
        try:
            while not where.exists():
                assert running.poll() is None, running.stderr.read() if running.stderr else ""
                time.sleep(0.05)
            url = f"http://127.0.0.1:{orjson.loads(where.read_bytes())['port']}/v1"
            yield running, Place(url, folder, environment(url))
        finally:
            if running.poll() is None:
                running.terminate()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """A trainer whose jobs wait for ever: nothing is trained."""
    app = create_app(open_trainer(tmp_path / "trainer", token=KEY))
    # Without its context the application's lifespan, and so the training, does not begin.
    return TestClient(app, base_url="http://127.0.0.1:1", headers={"Authorization": f"Bearer {KEY}"})


def rehearsing(folder: Path, *faults: str) -> Trainer:
    return open_trainer(folder, token=KEY, rehearsal=read_rehearsal(faults))

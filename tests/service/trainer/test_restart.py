"""A kill at any moment costs what came after the last checkpoint, and nothing else."""

import json
import os
import signal
import time
from pathlib import Path

import openai
import orjson

from tests.export.training.builders import example, write_lines
from tests.service.trainer.conftest import KEY, Place, needs_training, process

pytestmark = needs_training


def speak(place: Place) -> openai.OpenAI:
    return openai.OpenAI(base_url=place.url, api_key=KEY, max_retries=0)


def test_a_killed_trainer_goes_on_with_its_job(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "train.jsonl", [example(number) for number in range(40)])
    wanted = {"max_steps": 30, "eval_steps": 3, "batch_size": 8, "learning_rate": 0.01}
    folder = tmp_path / "trainer"
    with process(folder) as (running, place):
        client = speak(place)
        file = client.files.create(file=("train.jsonl", path.read_bytes()), purpose="fine-tune")
        method = {"type": "supervised", "supervised": {"hyperparameters": wanted}}
        job = client.fine_tuning.jobs.create(model="chatmill-nano", training_file=file.id, method=method)  # type: ignore[arg-type]
        progress = folder / "jobs" / job.id / "progress.jsonl"
        while not progress.exists() or b'"checkpoint"' not in progress.read_bytes():
            time.sleep(0.02)
        running.send_signal(signal.SIGKILL)
        running.wait()
    told = wait_for_silence(progress)
    assert b'"end"' not in told, "the training was over before it could be killed"
    with process(folder) as (_, place):
        client = speak(place)
        while (now := client.fine_tuning.jobs.retrieve(job.id)).status not in ("succeeded", "failed"):
            time.sleep(0.1)
        assert now.status == "succeeded", now.error
        events = list(client.fine_tuning.jobs.list_events(job.id, limit=100))
        steps = [event.data["step"] for event in reversed(events) if event.type == "metrics"]  # type: ignore[index]
        assert steps == list(range(31)), "a step was told twice, or never"
        assert len(client.fine_tuning.jobs.list().data) == 1
    trained = [
        line["step"] for line in map(orjson.loads, progress.read_bytes().splitlines()) if line["kind"] == "metrics"
    ]
    assert trained.count(1) == 1, "it began anew instead of from the checkpoint"


def wait_for_silence(progress: Path) -> bytes:
    """Wait until the training process, whose server is gone, is gone too."""
    told = b""
    while True:
        time.sleep(1.0)
        now = progress.read_bytes()
        if now == told:
            return now
        told = now


def test_a_second_trainer_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    import subprocess
    import sys

    folder = tmp_path / "trainer"
    with process(folder) as (_, place):
        command = [sys.executable, "-m", "service.main", "trainer", "--folder", str(folder), "--port", "0", "--json"]
        ran = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert json.loads(ran.stdout)["error"]["code"] == "SRV-300"
        assert os.access(folder / "trainer.json", os.R_OK), "the first one is still to be found"

"""The official SDK, in a script that imports nothing of ours, drives the whole surface."""

import json
import subprocess
import sys
from pathlib import Path

from service.trainer.trainer import open_trainer
from tests.service.trainer.conftest import KEY, needs_training, serving

pytestmark = needs_training

SCRIPT = Path(__file__).with_name("sdk_script.py")


def test_the_sdk_drives_it_all(tmp_path: Path) -> None:
    with serving(open_trainer(tmp_path / "trainer", token=KEY)) as place:
        ran = subprocess.run(
            [sys.executable, str(SCRIPT)],
            env=place.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen = json.loads(ran.stdout)
    assert seen.pop("name").startswith("ft:chatmill-nano:local:orders:")
    assert seen.pop("tokens") > 0
    assert set(seen.pop("steps")) == {0, 1, 2, 3, 4, 5, 6}
    assert 6 in seen.pop("checkpoints")
    assert seen.pop("paused_at") >= 1
    assert seen == {
        "files": True,
        "created": "validating_files",
        "found": [True],
        "not_found": [],
        "paused": "paused",
        "still": "paused",
        "resumed": "queued",
        "ended": "succeeded",
        "events_are_told_once": True,
        "loss_falls": True,
        "result": "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy",
        "models": True,
        "model": True,
        "cancelled": "cancelled",
        "broken": ["failed", "invalid_training_file", "training_file", True],
        "quotes": False,
        "base": True,
        "checkpoint": True,
        "tuned": True,
        "stream": True,
        "usage": True,
        "wrong_key": [401, "invalid_api_key", None],
        "unknown_model": [404, "model_not_found", "model"],
        "unknown_job": [404, "not_found", None],
        "bad_value": [400, "invalid_value", "suffix"],
        "unknown_file": [400, "invalid_value", "training_file"],
        "cannot_pause": [400, "invalid_status", None],
    }

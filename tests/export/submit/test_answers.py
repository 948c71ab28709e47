"""What providers say is read leniently, and what they are asked is in their own words."""

from __future__ import annotations

import pytest

from export.submit import fireworks_answers, together_answers
from export.submit.capabilities import KNOWN
from export.submit.checks import hyperparameters, limits
from export.submit.errors import SubmitError
from export.submit.openai_dialects import arguments
from export.submit.pricing import price
from export.submit.provider import has_key, with_key
from export.submit.results import figures_of_file

KEY = "0123456789abcdef" * 4
REQUEST = {
    "model": "m",
    "training_file": "t",
    "validation_file": "v",
    "seed": 7,
    "suffix": "chatmill",
    "metadata": {"submission_key": KEY},
}


def asked(**more: object) -> dict[str, object]:
    return REQUEST | {"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, **more}}}}


def test_hyperparameters_are_read_by_their_looks() -> None:
    told = hyperparameters(["batch_size 8", "learning_rate = 1e-5", "lora true", "lr_scheduler_type cosine"])
    assert told == {"batch_size": 8, "learning_rate": 1e-5, "lora": True, "lr_scheduler_type": "cosine"}
    with pytest.raises(SubmitError, match="no name and value"):
        hyperparameters(["batch_size"])


def test_together_is_asked_in_its_own_words() -> None:
    body = together_answers.job_body(asked(lora_r=16, learning_rate=1e-5))
    assert body == {
        "model": "m", "training_file": "t", "validation_file": "v", "n_epochs": 3, "n_evals": 3, "random_seed": 7,
        "suffix": f"chatmill-{KEY[:12]}", "training_method": {"method": "sft", "train_on_inputs": "auto"},
        "training_type": {"type": "Lora", "lora_r": 16}, "learning_rate": 1e-5,
    }  # fmt: skip
    assert together_answers.job_body(asked(lora=False))["training_type"] == {"type": "Full"}
    assert "random_seed" not in together_answers.estimate_body(asked())


def test_fireworks_is_asked_in_its_own_words() -> None:
    body = fireworks_answers.job_body(asked(loraRank=8), "acme")
    assert body == {
        "dataset": "accounts/acme/datasets/t", "evaluationDataset": "accounts/acme/datasets/v", "epochs": 3,
        "baseModel": "accounts/fireworks/models/m", "displayName": "chatmill", "loraRank": 8,
    }  # fmt: skip


def test_nebius_is_asked_in_its_own_words() -> None:
    body = arguments(KNOWN["nebius"], asked(lora=True))
    assert body["hyperparameters"] == {"n_epochs": 3, "lora": True}
    assert not {"metadata", "method"} & set(body)
    assert has_key(body["suffix"], KEY)


@pytest.mark.parametrize("most", [18, 40, 64])
@pytest.mark.parametrize("suffix", ["", "chatmill", "x" * 64])
def test_a_suffix_with_a_key_fits_and_is_known_again(suffix: str, most: int) -> None:
    name = with_key(suffix, KEY, most)
    assert len(name) <= most
    assert has_key(name, KEY)
    assert not has_key(name, KEY[::-1])
    assert not has_key(None, KEY)


def test_bare_and_odd_answers_are_read() -> None:
    job = together_answers.read_job({"id": "j", "status": "unheard_of", "token_count": True})
    assert (job.status, job.is_over, job.trained_tokens) == ("unheard_of", False, None)
    failed = together_answers.read_job({"id": "j", "status": "error", "updated_at": "no time"})
    assert (failed.status, failed.is_over, failed.problem) == ("failed", True, "The provider gave no reason.")
    assert not together_answers.read_metrics({"metrics": [{"loss": 1.0}]}, otherwise=together_answers.NEVER)
    paused = fireworks_answers.read_job({"name": "accounts/a/supervisedFineTuningJobs/j", "state": "JOB_STATE_PAUSED"})
    assert (paused.job_id, paused.status, paused.is_over) == ("j", "paused", False)
    assert fireworks_answers.read_end({"deprecationDate": {"year": 2027}}) is None


def test_figures_come_as_csv_or_json_lines() -> None:
    assert figures_of_file('{"step": 1, "train_loss": 2.5}\nbroken\n[1]\n') == [(1, "train_loss", 2.5)]
    assert figures_of_file("step,train_loss\n1,2.5\n") == [(1, "train_loss", 2.5)]


def test_a_price_is_known_or_said_to_be_unknown() -> None:
    assert price("openai", "gpt-4.1", tokens=1_000_000, epochs=2).usd == 50.0
    assert price("local", "any", tokens=1, epochs=1).usd == 0.0
    for name in ("azure", "nebius", "together", "fireworks"):
        told = price(name, "gpt-4.1", tokens=1_000_000, epochs=2)
        assert told.usd is None
        assert told.price_source


def test_a_providers_own_limits_are_checked() -> None:
    assert [one.code for one in limits(KNOWN["azure"], [], "a.b")] == ["job.provider_suffix"]
    assert not list(limits(KNOWN["openai"], [], "a.b"))

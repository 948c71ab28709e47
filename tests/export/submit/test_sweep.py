"""A sweep tries what it was told to, finds the best, keeps to its budget, and goes on where it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from export.submit.errors import SubmitError
from export.submit.sweep_plan import SweepPlan, make_plan
from export.submit.sweeping import Swept, most_expensive, sweep
from tests.export.submit.conftest import Rig
from tests.export.submit.server import Fault

pytest.importorskip("optuna", reason="Optuna is not installed")

RATES = ("0.5", "1", "2")


def table(job: dict[str, Any]) -> str:
    """Losses that are lowest for a rate of 1, and fall with the epochs."""
    asked = job["method"]["supervised"]["hyperparameters"]
    loss = 3 + abs(asked["learning_rate_multiplier"] - 1) - asked["n_epochs"] / 10
    return f"step,train_loss,valid_loss\n1,9,9\n2,{loss - 1},{loss}\n"


def plan(how: str = "grid", epochs: tuple[int, ...] = (1, 2), **more: Any) -> SweepPlan:
    asked = {"trials": 4, "seed": 1, "most_usd": None, "most_minutes": None} | more
    sets = [f"learning_rate_multiplier {','.join(RATES)}"]
    return make_plan("openai", model=None, datasets=["latest"], epochs=epochs, sets=sets, how=how, **asked)


@pytest.fixture
def swept_rig(rig: Rig) -> Rig:
    rig.server.table, rig.server.file_looks, rig.server.script = table, 0, ("queued", "succeeded")
    return rig


def run(rig: Rig, asked: SweepPlan) -> Swept:
    with rig.provider() as provider:
        return sweep(rig.workspace, rig.open, provider, asked, patience=rig.patience)


def test_a_grid_tries_every_combination_once_and_names_the_best(swept_rig: Rig) -> None:
    swept = run(swept_rig, plan())
    assert len(swept.trials) == 6
    assert swept.best is not None
    assert swept.best.settings == {"dataset": "latest", "epochs": 2, "learning_rate_multiplier": 1}
    assert (swept.best.measure, swept.best.value) == ("valid_loss", pytest.approx(2.8))
    assert len(swept_rig.server.jobs) == 6
    assert len(swept_rig.server.files) == 2, "the dataset was sent again"
    (kept,) = swept_rig.rows("SELECT result FROM evaluations WHERE kind = 'sweep'")
    assert len(json.loads(str(kept[0]))["trials"]) == 6


def test_the_same_sweep_again_costs_nothing_and_says_the_same(swept_rig: Rig) -> None:
    first = run(swept_rig, plan("random"))
    assert run(swept_rig, plan("random")) == first
    assert len(swept_rig.server.jobs) == len({trial.job_id for trial in first.trials})


def test_a_sweep_that_broke_off_goes_on(swept_rig: Rig) -> None:
    swept_rig.server.key_ends_after = "jobs.create"
    with pytest.raises(SubmitError):
        run(swept_rig, plan())
    swept_rig.server.keys, swept_rig.server.key_ends_after = {"sk-test-3f9c1d7e5b"}, ""
    swept_rig.server.fail("jobs.create", Fault(after=True))
    assert len(run(swept_rig, plan()).trials) == 6
    assert len(swept_rig.server.jobs) == 6


def test_halving_gives_more_epochs_to_the_better_ones(swept_rig: Rig) -> None:
    swept = run(swept_rig, plan("halving", epochs=(1, 2, 4), trials=6))
    by_rate: dict[float, list[int]] = {}
    for trial in swept.trials:
        by_rate.setdefault(trial.settings["learning_rate_multiplier"], []).append(trial.settings["epochs"])
    assert swept.best is not None
    assert swept.best.settings["epochs"] == 4
    assert len(swept.trials) < 3 * len(by_rate), "nobody was stopped early"
    assert all(epochs == sorted(epochs) for epochs in by_rate.values())


def test_a_budget_in_money_is_kept_and_a_higher_one_goes_on(swept_rig: Rig) -> None:
    most = most_expensive(swept_rig.workspace, swept_rig.store, plan())
    assert most is not None
    bound = most / 3
    swept = run(swept_rig, plan(most_usd=bound))
    assert "$" in swept.stopped
    assert sum(trial.usd or 0 for trial in swept.trials) <= bound
    assert 0 < len(swept.trials) < 6
    assert len(run(swept_rig, plan(most_usd=most)).trials) == 6
    assert len(swept_rig.server.jobs) == 6


def test_a_budget_in_minutes_of_nothing_starts_nothing(swept_rig: Rig) -> None:
    swept = run(swept_rig, plan(most_minutes=0.0))
    assert "minutes" in swept.stopped
    assert not swept_rig.server.jobs


def test_a_failed_trial_does_not_end_the_sweep(swept_rig: Rig) -> None:
    swept_rig.server.script = ("queued", "failed")
    swept = run(swept_rig, plan())
    assert {trial.status for trial in swept.trials} == {"failed"}
    assert swept.best is None


def test_what_cannot_be_swept_is_said() -> None:
    with pytest.raises(SubmitError, match="Did you mean grid"):
        plan("gird")
    with pytest.raises(SubmitError, match="trials"):
        plan("random", trials=5000)

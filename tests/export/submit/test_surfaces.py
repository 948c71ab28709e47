"""Every provider's own surface: whatever fails, wherever, exactly one job is made and followed to its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from export.submit import following
from export.submit.capabilities import KNOWN
from export.submit.errors import CannotDo, UnknownModel
from store.workspace import Workspace
from tests.export.submit.conftest import Rig
from tests.export.submit.other_servers import FIREWORKS_CALLS, TOGETHER_CALLS, Fireworks, Together
from tests.export.submit.server import CREATE_KEYS, Provider, serving
from tests.export.submit.test_once import FAULTS, Killed, Killing, forget


class Azure(Provider):
    """Wants a byte-order mark and takes trainingType beside the body."""

    surface = "azure"
    create_keys = CREATE_KEYS | {"trainingType"}


class Nebius(Provider):
    """Has flat hyperparameters and no metadata."""

    surface = "nebius"
    create_keys = frozenset({"model", "training_file", "validation_file", "hyperparameters", "seed", "suffix"})


SERVERS = {"together": Together, "fireworks": Fireworks, "azure": Azure, "nebius": Nebius}


@pytest.fixture(scope="module")
def rigs(template: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One store for all tests of this file: they begin with `at`, which forgets what was there."""
    made, keys = template
    root = tmp_path_factory.mktemp("surfaces") / "workspace"
    shutil.copytree(made, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATMILL_KEY_DIR", str(keys))
        with Workspace.find(root).open() as store:
            yield Rig(Workspace.find(root), store, Provider())


@pytest.fixture
def at(rigs: Rig, request: pytest.FixtureRequest) -> Iterator[Rig]:
    with serving(SERVERS[request.param]()) as server:
        rigs.server, rigs.part_bytes = server, 1 << 20
        forget(rigs)
        yield rigs


def both(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("at", names, indirect=True)


def again(rig: Rig, **behaviour: Any) -> None:
    forget(rig, **behaviour)
    rig.time.now, rig.time.slept, rig.told = 0.0, [], []


@both(*SERVERS)
def test_a_job_from_end_to_end(at: Rig) -> None:
    job = at.submit()
    at.check_true_state()
    assert (job.status, job.provider) == ("succeeded", at.server.surface)
    assert job.result["fine_tuned_model"]
    losses = at.rows("SELECT count(*) FROM metrics WHERE name = 'train_loss'")
    assert losses != [(0,)]
    assert at.submit().job_id == job.job_id
    assert len(at.server.jobs) == 1


@pytest.mark.parametrize(
    ("at", "call"),
    [*(("together", call) for call in TOGETHER_CALLS), *(("fireworks", call) for call in FIREWORKS_CALLS)],
    indirect=["at"],
)
def test_every_call_fails_before_and_after_its_effect(at: Rig, call: str) -> None:
    for fault in FAULTS:
        again(at, script=("queued", "running", "succeeded"), file_looks=1)
        at.server.fail(call, *[fault] * 3)
        assert at.submit().status == "succeeded", fault
        at.check_true_state()
        assert len(at.server.faults[call]) < 3, "the fault was never met"
        assert len(at.server.files) == 2, "a file came twice"


@both("together", "fireworks")
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_between_any_two_steps_is_made_good(at: Rig, after: bool) -> None:
    with at.provider() as provider:
        for kill_at in range(1, 100):
            again(at, script=("queued", "running", "succeeded"), file_looks=1)
            try:
                at.submit(provider=Killing(provider, kill_at, after=after))
            except Killed:
                assert at.submit(provider=provider).status == "succeeded"
                at.check_true_state()
                assert len(at.server.files) == 2
            else:
                break
    assert 12 < kill_at < 99, "it ended too early, or never"


@both("nebius", "together")
def test_a_job_without_metadata_is_found_by_its_suffix(at: Rig) -> None:
    at.server.fail("jobs.create", FAULTS[3])
    at.server.list_lag = 2
    at.submit()
    (remote,) = at.server.jobs.values()
    assert remote["suffix"].endswith(at.job().submission_key[:12])
    assert "metadata" not in remote or not remote["metadata"]


@both("azure")
def test_azure_is_sent_a_mark_and_its_training_type(at: Rig) -> None:
    with (at.workspace.root / "chatmill.toml").open("a") as file:
        file.write('\n[submit]\ntraining_type = "Standard"\n')
    at.workspace = Workspace.find(at.workspace.root)
    at.submit()
    (remote,) = at.server.jobs.values()
    assert remote["trainingType"] == "Standard"
    sent = [content for name, content in at.server.contents.items() if name.startswith("file-")]
    assert all(content.startswith(b"\xef\xbb\xbf{") for content in sent)
    at.store.execute("DELETE FROM uploads")
    at.submit(again=True)
    assert len(at.server.files) == 2, "a file that is there was not found"


@both("together")
def test_the_providers_own_reckoning_is_told_and_kept(at: Rig) -> None:
    at.submit()
    assert any("$4.50" in told for told in at.told)
    assert at.job().request["estimate"]["quoted_usd"] == 4.5


@both("fireworks")
def test_a_models_end_is_told(at: Rig) -> None:
    at.submit()
    assert any("2027-03-01" in told for told in at.told)


@both("together", "fireworks")
def test_a_model_that_is_not_tuned_is_said_before_anything_is_sent(at: Rig) -> None:
    with at.provider() as provider, pytest.raises(UnknownModel, match="no-such"):
        provider.probe("no-such-model")
    assert not at.server.files


@both("together", "fireworks")
def test_a_failed_job_says_so_and_a_cancelled_one_is_cancelled(at: Rig) -> None:
    at.server.script = ("queued", "running", "failed")
    job = at.submit()
    assert (job.status, bool(job.result["problem"])) == ("failed", True)
    again(at)
    at.submit(follow=False)
    assert at.cancel().status == "cancelled"


@both("together", "azure")
def test_pausing_is_asked_of_who_can(at: Rig) -> None:
    at.submit(follow=False)
    at.server.plans[at.job().provider_job_id or ""] = []
    with at.provider() as provider:
        if not KNOWN[at.server.surface].pause:
            with pytest.raises(CannotDo, match="Together"):
                following.pause(at.open, provider, "latest", patience=at.patience)
            return
        assert following.pause(at.open, provider, "latest", patience=at.patience).status == "paused"
        assert following.resume(at.open, provider, "latest", patience=at.patience).status == "running"
    actions = at.rows("SELECT action FROM history WHERE action IN ('job.pause', 'job.resume') ORDER BY happened_at")
    assert actions[-2:] == [("job.pause",), ("job.resume",)]

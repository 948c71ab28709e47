"""The submitter meets what providers do: one job is made each time, and following it tells how it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from export.submit import following, submitting
from export.submit.capabilities import KNOWN
from export.submit.dry_run import dry_run
from export.submit.errors import TrainingNotAvailable
from export.submit.jobs import Job, events_of
from export.submit.openai_provider import OpenAIProvider
from export.submit.patience import Patience
from export.submit.provider import Provider
from service.trainer.errors import CannotTrain
from service.trainer.rehearsal import FAULTS, read_rehearsal
from service.trainer.trainer import Trainer
from store.database import Store
from store.workspace import Workspace
from tests.export.submit.conftest import add_dataset
from tests.service.trainer.conftest import KEY, needs_training, rehearsing, serving

pytestmark = needs_training


@dataclass
class Rig:
    """A dataset, a trainer that fails on purpose, and a clock that pauses move faster than real ones."""

    workspace: Workspace
    store: Store
    trainer: Trainer
    url: str
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(min(seconds, 0.2))

    @contextmanager
    def provider(self) -> Iterator[Provider]:
        patience = Patience(seconds=600, sleep=self.sleep, clock=lambda: sum(self.slept), tell=self.told.append)
        made = OpenAIProvider(self.url, KEY, patience, capabilities=KNOWN["local"])
        with closing(made) as provider:
            yield provider

    def submit(self) -> Job:
        rehearsal = dry_run(self.workspace, self.store, provider="local", model="chatmill-nano")
        patience = Patience(seconds=600, sleep=self.sleep, clock=lambda: sum(self.slept), tell=self.told.append)
        with self.provider() as provider:
            job = submitting.submit(self.store, provider, rehearsal, patience=patience).job
            return following.follow(lambda: nullcontext(self.store), provider, job.job_id, patience=patience)


@contextmanager
def rigged(workspace: Workspace, folder: Path, *faults: str) -> Iterator[Rig]:
    settings = workspace.root / "chatmill.toml"
    hyperparameters = '\n[submit]\nhyperparameters = ["max_steps 2", "batch_size 8"]\n'
    settings.write_text(settings.read_text(encoding="utf-8") + hyperparameters, encoding="utf-8")
    workspace = Workspace.find(workspace.root)
    trainer = rehearsing(folder, *faults)
    with serving(trainer) as place, workspace.open() as store:
        add_dataset(workspace, store)
        yield Rig(workspace, store, trainer, place.url)


def test_everything_that_can_be_survived_and_a_job_that_fails_late(workspace: Workspace, tmp_path: Path) -> None:
    with rigged(workspace, tmp_path / "trainer", "all", "busy=200", "late-failure") as rig:
        job = rig.submit()
        assert len(rig.trainer.shelf.jobs) == 1
        assert len(rig.trainer.shelf.files) == 2, "a file came twice"
        assert (job.status, "refusals_v3" in job.result["problem"]) == ("failed", True)
        assert 200.0 in rig.slept, "the long Retry-After was not obeyed"
        struck = {mark.partition(":")[0] for mark in rig.trainer.rehearsal.met}
        assert {"busy", "create-500", "lost-upload", "paused", "odd-events", "late-failure"} <= struck
        assert "odd" in {event.level for event in events_of(rig.store, job, most=100)}


@pytest.mark.parametrize(
    ("fault", "words"), [("refused-line", "Line 3"), ("moderation", "flagged by our moderation API")]
)
def test_a_refused_file_is_told_with_the_providers_words(
    workspace: Workspace, tmp_path: Path, fault: str, words: str
) -> None:
    with rigged(workspace, tmp_path / "trainer", fault) as rig:
        job = rig.submit()
        assert (job.status, words in job.result["problem"]) == ("failed", True)
        assert len(rig.trainer.shelf.jobs) == 1


def test_a_provider_that_takes_no_jobs_gets_none(workspace: Workspace, tmp_path: Path) -> None:
    with rigged(workspace, tmp_path / "trainer", "not-available") as rig:
        with pytest.raises(TrainingNotAvailable):
            rig.submit()
        assert not rig.trainer.shelf.jobs


def test_unknown_faults_are_refused() -> None:
    with pytest.raises(CannotTrain, match="busy"):
        read_rehearsal(["bussy"])
    assert read_rehearsal(["all"]).left < set(FAULTS)

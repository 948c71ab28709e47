"""A workspace with a dataset, a provider on loopback, and time that passes only when somebody sleeps."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from export.submit import following, jobs, submitting
from export.submit.dry_run import DryRun, dry_run
from export.submit.jobs import Job
from export.submit.openai_provider import OpenAIProvider
from export.submit.patience import Patience
from export.submit.provider import Provider as AnyProvider
from store.database import Store
from store.workspace import Workspace
from tests.export.submit.server import KEY, MODEL, Provider, serving

MANY_PARTS = 2000  # bytes, so that the small file of these tests goes in several parts


@dataclass
class Time:
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)

    def clock(self) -> float:
        return self.now


@dataclass
class Rig:
    """Everything a submission takes; `submit` does what the command does after the price is agreed to."""

    workspace: Workspace
    store: Store
    server: Provider
    part_bytes: int = 1 << 20
    time: Time = field(default_factory=Time)
    told: list[str] = field(default_factory=list)

    @property
    def patience(self) -> Patience:
        return Patience(seconds=600, sleep=self.time.sleep, clock=self.time.clock, tell=self.told.append)

    def rehearsal(self) -> DryRun:
        return dry_run(self.workspace, self.store)

    def open(self) -> nullcontext[Store]:
        """Give the open store as if it were opened anew: opening it for every look would make the tests slow."""
        return nullcontext(self.store)

    @contextmanager
    def provider(self, key: str = KEY) -> Iterator[AnyProvider]:
        made = OpenAIProvider(self.server.url, key, self.patience, part_bytes=self.part_bytes)
        with closing(made) as provider:
            yield provider

    def submit(self, *, again: bool = False, follow: bool = True, provider: AnyProvider | None = None) -> Job:
        if provider is None:
            with self.provider() as made:
                return self.submit(again=again, follow=follow, provider=made)
        job = submitting.submit(self.store, provider, self.rehearsal(), again=again, patience=self.patience).job
        if follow:
            return following.follow(self.open, provider, job.job_id, patience=self.patience)
        return job

    def follow(self) -> Job:
        with self.provider() as provider:
            return following.follow(self.open, provider, "latest", patience=self.patience)

    def cancel(self) -> Job:
        with self.provider() as provider:
            return following.cancel(self.open, provider, "latest", patience=self.patience)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.store.rows(sql)

    def job(self) -> Job:
        return jobs.find_job(self.store)

    def check_true_state(self) -> None:
        """One job, and the store tells of it what the server would."""
        assert len(self.server.jobs) == 1
        (remote,) = self.server.jobs.values()
        (job,) = self.rows("SELECT provider_job_id, status, finished_at IS NOT NULL FROM jobs")
        assert job == (remote["id"], remote["status"], True)
        events = self.rows("SELECT event_id FROM job_events")
        assert sorted(events) == sorted((event["id"],) for event in self.server.events[remote["id"]])


def add_dataset(workspace: Workspace, store: Store, examples: int = 32) -> None:
    """Put a dataset there as export would: three files, their hashes and counts, and its row in the store."""
    folder = workspace.datasets / "ds-test"
    folder.mkdir(parents=True)
    files: dict[str, dict[str, object]] = {}
    for split, first, count in (("train", 0, examples), ("validation", 1000, 4), ("test", 2000, 4)):
        raw = b"".join(example(number) for number in range(first, first + count))
        (folder / f"{split}.jsonl").write_bytes(raw)
        files[f"{split}.jsonl"] = {
            "split": split, "sha256": sha256(raw).hexdigest(), "bytes": len(raw), "lines": count, "targets": count,
            "tokens": 40 * count, "tokens_margin": 0,
        }  # fmt: skip
    manifest = {"model": MODEL, "encoding": "o200k_base", "seed": 7, "files": files}
    store.execute(
        "INSERT INTO datasets VALUES ('ds-test', 'datasets/ds-test', 'openai-chat', ?, 7, ?, now(), 'r1')",
        [MODEL, json.dumps(manifest)],
    )


def example(number: int) -> bytes:
    asked, said = f"Where is order number {number}?", f"Order {number} leaves on day {number % 28 + 1}."
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    return json.dumps({"messages": messages}).encode() + b"\n"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A workspace with a dataset and its key's folder, made once; each test gets a copy."""
    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CHATMILL_KEY", raising=False)
        patch.setenv("CHATMILL_KEY_DIR", str(root / "keys"))
        workspace = Workspace.create(root / "workspace")
        with workspace.open() as store:
            add_dataset(workspace, store)
    return root / "workspace", root / "keys"


@pytest.fixture
def server() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


@pytest.fixture
def rig(
    template: tuple[Path, Path], tmp_path: Path, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Rig]:
    made, keys = template
    shutil.copytree(made, tmp_path / "workspace")
    monkeypatch.setenv("CHATMILL_KEY_DIR", str(keys))
    for name in [name for name in os.environ if name.startswith("OPENAI_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    workspace = Workspace.find(tmp_path / "workspace")
    with workspace.open() as store:
        yield Rig(workspace, store, server)

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
from export.submit.capabilities import KNOWN
from export.submit.dry_run import DryRun, dry_run
from export.submit.fireworks_provider import FireworksProvider
from export.submit.jobs import Job
from export.submit.openai_provider import OpenAIProvider
from export.submit.patience import Patience
from export.submit.provider import Provider as AnyProvider
from export.submit.together_provider import TogetherProvider
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

    def rehearsal(self, dataset: str = "latest") -> DryRun:
        return dry_run(self.workspace, self.store, dataset, provider=self.server.surface)

    def open(self) -> nullcontext[Store]:
        """Give the open store as if it were opened anew: opening it for every look would make the tests slow."""
        return nullcontext(self.store)

    @property
    def endpoint(self) -> str:
        return self.server.url + ("/accounts/acme" if self.server.surface == "fireworks" else "")

    def opened(self, key: str = KEY, patience: Patience | None = None) -> AnyProvider:
        surface, patience = self.server.surface, patience or self.patience
        if surface == "together":
            return TogetherProvider(self.endpoint, key, patience)
        if surface == "fireworks":
            return FireworksProvider(self.endpoint, key, patience)
        known = KNOWN[surface]
        return OpenAIProvider(self.endpoint, key, patience, capabilities=known, part_bytes=self.part_bytes)

    @contextmanager
    def provider(self, key: str = KEY) -> Iterator[AnyProvider]:
        with closing(self.opened(key)) as provider:
            yield provider

    def submit(
        self,
        *,
        again: bool = False,
        follow: bool = True,
        provider: AnyProvider | None = None,
        flagged: str = "refuse",
        dataset: str = "latest",
    ) -> Job:
        if provider is None:
            with self.provider() as made:
                return self.submit(again=again, follow=follow, provider=made, flagged=flagged, dataset=dataset)
        rehearsal = self.rehearsal(dataset)
        job = submitting.submit(
            self.store, provider, rehearsal, again=again, flagged=flagged, patience=self.patience
        ).job
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
        assert job == (remote["id"], self.server.shown_status(remote), True)
        heard = self.rows("SELECT message FROM job_events")
        self.server.check_heard(remote["id"], [str(words) for (words,) in heard])


def add_dataset(
    workspace: Workspace, store: Store, examples: int = 32, *, name: str = "ds-test", extra: bytes = b""
) -> None:
    """Put a dataset there as export would: three files, their hashes and counts, and its row in the store.

    `extra` is a line that comes last in the file to train on.
    """
    folder = workspace.datasets / name
    folder.mkdir(parents=True)
    files: dict[str, dict[str, object]] = {}
    for split, first, count in (("train", 0, examples), ("validation", 1000, 4), ("test", 2000, 4)):
        raw = b"".join(example(number) for number in range(first, first + count))
        raw += extra if split == "train" else b""
        count += bool(extra) and split == "train"
        (folder / f"{split}.jsonl").write_bytes(raw)
        files[f"{split}.jsonl"] = {
            "split": split, "sha256": sha256(raw).hexdigest(), "bytes": len(raw), "lines": count, "targets": count,
            "tokens": 40 * count, "tokens_margin": 0,
        }  # fmt: skip
    manifest = {"model": MODEL, "encoding": "o200k_base", "seed": 7, "files": files}
    store.execute(
        "INSERT INTO datasets VALUES (?, ?, 'openai-chat', ?, 7, ?, now(), 'r1')",
        [name, f"datasets/{name}", MODEL, json.dumps(manifest)],
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
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    for name in [name for name in os.environ if name.startswith("OPENAI_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    workspace = Workspace.find(tmp_path / "workspace")
    with workspace.open() as store:
        yield Rig(workspace, store, server)

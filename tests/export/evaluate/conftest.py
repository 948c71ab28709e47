"""A workspace with a dataset of 60 conversations, and an endpoint on loopback with a base and a tuned model."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from export.dataset import build_dataset
from export.evaluate.comparing import Wish, compare_models
from export.evaluate.parties import Named, speaking
from export.submit.patience import Patience
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, plain_turns, with_settings
from tests.export.evaluate.server import KEY, Body, Endpoint, serving

BASE, TUNED, JUDGE = "tiny", "ft:tiny:x", "judge"
COUNT = 60
KEY_OF_STORE = "5a" * 32


def answer_of(number: int) -> str:
    return f"Hello, order {number} leaves our depot on day {number % 28 + 1}. Kind regards"


def conversations() -> list[Case]:
    return [
        Case(
            f"c{n:03d}",
            turns=[
                ("customer", f"Where is order number {n}?"),
                ("agent", "Hello, let me look that up for you, please wait."),
                ("customer", f"Please do, I need order {n} by Friday."),
                ("agent", answer_of(n)),
            ],
            email=f"customer{n}@example.com",
        )
        for n in range(COUNT)
    ]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose dataset tests half of its conversations, made once; only for copying."""
    for library in ("sacrebleu", "rapidfuzz", "jsonschema_rs"):
        pytest.importorskip(library, reason="needs chatmill[evaluate]")
    root = tmp_path_factory.mktemp("evaluate") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATMILL_KEY", KEY_OF_STORE)
        workspace = Workspace.create(root)
        with workspace.open() as store:
            add_curated(store, conversations())
            asked = with_settings(workspace, split=(0.4, 0.1, 0.5))
            build_dataset(asked, store, redacted=plain_turns)
    return root


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
class Bench:
    """Everything a comparison takes."""

    workspace: Workspace
    store: Store
    endpoint: Endpoint
    time: Time = field(default_factory=Time)
    told: list[str] = field(default_factory=list)

    def compare(self, *, judge: str = "", tuned: str = TUNED, **wish: Any) -> dict[str, Any]:
        wanted = Wish(**{"probes": False, "swaps": 0} | wish)
        named = Named(BASE, tuned, "openai", self.endpoint.url, judge=judge)
        patience = Patience(seconds=100, sleep=self.time.sleep, clock=self.time.clock, tell=self.told.append)
        with speaking(named, wanted, patience) as parties:
            return compare_models(self.workspace, self.store, parties, wanted)


def number_in(body: Body) -> int:
    """The order that a request is about."""
    words = next(one["content"] for one in reversed(body["messages"]) if one["role"] == "user")
    return int("".join(letter for letter in words.split("order ")[-1].split(" ")[0] if letter.isdigit()) or 0)


def says_base(body: Body) -> str:
    return "I do not know where that is, sorry about it all."


def says_tuned(body: Body) -> str:
    return answer_of(number_in(body))


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with serving(Endpoint(models={BASE: says_base, TUNED: says_tuned})) as served:
        yield served


@pytest.fixture
def bench(exported: Path, tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    shutil.copytree(exported, tmp_path / "bench")
    for name in [name for name in os.environ if name.startswith("OPENAI_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHATMILL_KEY", KEY_OF_STORE)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with opened(tmp_path / "bench", endpoint) as made:
        yield made


@contextmanager
def opened(root: Path, endpoint: Endpoint) -> Iterator[Bench]:
    workspace = Workspace.find(root)
    with workspace.open() as store:
        yield Bench(workspace, store, endpoint)

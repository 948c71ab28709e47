"""What every test may ask for: a fresh workspace, its open store, and the shared corpora where they are present."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from store.database import Store
from store.workspace import Workspace

# How long an example takes says more of the machine's other work than of the code (no timed assertion in the tests).
# CI draws the same examples every time, so that it fails for what changed; at home they are new ones each time.
settings.register_profile("house", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("house")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared corpora are not beside this checkout")
    return SHARED


@pytest.fixture
def sample_logs() -> Path:
    return Path(__file__).resolve().parents[1] / "sample_logs"


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the keys that tests make out of the developer's own folder."""
    for name in [name for name in os.environ if name.startswith("CHATMILL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHATMILL_KEY_DIR", str(tmp_path / "keys"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "workspace")


@pytest.fixture
def store(workspace: Workspace) -> Iterator[Store]:
    with workspace.open() as opened:
        yield opened

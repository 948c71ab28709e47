"""A workspace: a folder with chatmill.toml, the store, and the exports and datasets of one team."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from store.database import Store
from store.errors import StoreError
from store.keys import derive, key_path, make_key, read_key
from store.ledger import close_interrupted
from store.lookups import make_lookups
from store.migrations import migrate
from store.settings import Settings, load

SETTINGS_FILE = "chatmill.toml"
STORE_FILE = "store.duckdb"

TEMPLATE = """\
# The settings of a chatmill workspace. Everything has a default; docs/reference/settings.md lists all of it.

[workspace]
id = "{id}"               # names the key file; do not change it
languages = ["en"]        # the languages to curate, the commonest first

[export]
system_prompt = "You are a helpful support agent."
"""


class NoWorkspace(StoreError):
    """Say that there is no workspace where one was looked for."""

    code = "STO-101"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where a team's store, settings and results live."""

    root: Path
    settings: Settings

    @classmethod
    def create(cls, root: Path) -> "Workspace":
        """Make a workspace in a folder, with its key outside it; one that is there is opened as it is."""
        root = root.resolve()
        if not (root / SETTINGS_FILE).exists():
            (root / "exports").mkdir(parents=True, exist_ok=True)
            identity = secrets.token_hex(8)
            make_key(identity, outside=root)
            _write_whole(root / SETTINGS_FILE, TEMPLATE.format(id=identity))
        return cls(root, load(root / SETTINGS_FILE))

    @classmethod
    def find(cls, start: Path | None = None) -> "Workspace":
        """Open the workspace in a folder, or in the nearest one upward.

        Raises:
            NoWorkspace: there is none.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder, load(folder / SETTINGS_FILE))
        raise NoWorkspace(
            f"There is no workspace in {here} or above it.", hint="Make one: chatmill init, or name it with -w DIR."
        )

    @property
    def store_path(self) -> Path:
        """The encrypted database."""
        return self.root / STORE_FILE

    @property
    def datasets(self) -> Path:
        """Where datasets are written."""
        return self.root / "datasets"

    @property
    def key_file(self) -> Path | None:
        """The file that holds the key; None where the environment holds it."""
        return None if "CHATMILL_KEY" in os.environ else key_path(self.settings.workspace.id)

    def open(self, *, memory: str | None = None, threads: int | None = None) -> Store:
        """Open the store, bringing its tables up to date and closing the runs that a killed process left open.

        `memory` and `threads` bound the database for work that gains nothing from more, like loading.

        Raises:
            StoreError: the key is missing or wrong, the store is locked or damaged.
        """
        spill = self.root / ".spill"
        allowed = memory or self.settings.workspace.memory
        store = Store(self.store_path, key=self.derive("store"), spill=spill, memory=allowed, threads=threads)
        try:
            migrate(store)
            close_interrupted(store)
            if memory is None:
                make_lookups(store)
        except BaseException:
            store.close()
            raise
        return store

    def derive(self, purpose: str) -> bytes:
        """Derive a 32-byte subkey of the workspace's key."""
        return derive(read_key(self.settings.workspace.id), purpose)


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)

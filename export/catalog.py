"""Find the dataset versions of a workspace, and tell whether their files are still what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import orjson

from export.errors import DamagedDataset, UnknownDataset
from store.database import Store
from store.errors import unknown_name
from store.workspace import Workspace

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset version: its folder and its manifest; `is_new` tells one just written from one that was there."""

    dataset_id: str
    folder: Path
    manifest: Mapping[str, Any]
    is_new: bool = False

    @property
    def files(self) -> dict[str, Mapping[str, Any]]:
        """The split files by name: split, sha256, bytes, lines, targets, tokens, tokens_margin."""
        return dict(self.manifest["files"])

    @property
    def bundle(self) -> dict[str, str]:
        """The files that go with the splits of its format, by name: their SHA-256."""
        return dict(self.manifest.get("bundle", {}))

    @property
    def card(self) -> Path:
        """The data card."""
        return self.folder / "README.md"

    def path(self, split: str) -> Path:
        """Give a split's file.

        Raises:
            UnknownDataset: there is no such split.
        """
        for name, file in self.files.items():
            if file["split"] == split:
                return self.folder / name
        known = [file["split"] for file in self.files.values()]
        raise UnknownDataset(unknown_name("split", split, known), hint="Name it with --split.")

    def damage(self) -> list[str]:
        """Name the files that are gone or not what the manifest describes."""
        told = {name: file["sha256"] for name, file in self.files.items()} | self.bundle
        return [name for name, sha256 in told.items() if _digest(self.folder / name) != sha256]

    def verify(self) -> None:
        """Check every file against the manifest.

        Raises:
            DamagedDataset: a file is gone or was changed.
        """
        if damaged := self.damage():
            raise DamagedDataset(
                f"Dataset {self.dataset_id}: {', '.join(damaged)} in {self.folder} is gone or was changed.",
                hint="Write it again: chatmill export; the same content gives the same files.",
            )


def find_dataset(workspace: Workspace, store: Store, name: str = LATEST) -> Dataset:
    """Find a dataset by its id, the start of it, or "latest".

    Raises:
        UnknownDataset: none answers to the name, or several do.
    """
    rows = store.rows("SELECT dataset_id, folder, manifest FROM datasets ORDER BY created_at, dataset_id")
    if not rows:
        raise UnknownDataset("There is no dataset yet.", hint="Make one: chatmill export.")
    found = rows[-1:] if name == LATEST else [row for row in rows if name and row[0].startswith(name)]
    if not found:
        known = unknown_name("dataset", name, [LATEST, *(row[0] for row in rows)])
        raise UnknownDataset(known, hint="Give an id, the start of one, or latest.")
    if len(found) > 1:
        several = ", ".join(row[0] for row in found)
        raise UnknownDataset(f"{name!r} begins the names of several datasets: {several}.", hint="Give more of it.")
    dataset_id, folder, manifest = found[0]
    return Dataset(dataset_id, workspace.root / folder, orjson.loads(manifest))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""

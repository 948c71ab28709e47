"""A drop as ingest sees it: files in folders, whose names stand in the store and whose bytes lie sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from service.drops.drops import FOLDER, PURPOSE, Drop, path_of
from store.sealed import open_sealed, size_of_sealed
from store.workspace import Workspace


@dataclass(frozen=True, eq=False, slots=True)
class SealedFiles:
    """The files of one drop (`ingest.files.Files`); `places` says where each lies on the disk."""

    key: bytes
    places: dict[Path, Path]

    def exists(self, path: Path) -> bool:
        """Tell whether there is a file or folder."""
        return path in self.places or self.is_folder(path)

    def real(self, path: Path) -> Path:
        """Give the path: it is in full already."""
        return path

    def is_folder(self, path: Path) -> bool:
        """Tell a folder from a file."""
        return any(path in file.parents for file in self.places)

    def below(self, path: Path) -> Iterator[Path]:
        """Give the file itself, or every file below a folder, in the order of their names."""
        yield from sorted(file for file in self.places if file == path or path in file.parents)

    def open(self, path: Path) -> BinaryIO:
        """Open what a file holds."""
        return open_sealed(self.places[path], self.key)

    def state(self, path: Path) -> tuple[int, int]:
        """Give a file's bytes and the time it was written."""
        sealed = self.places[path]
        return size_of_sealed(sealed), sealed.stat().st_mtime_ns


def files_of(workspace: Workspace, drop: Drop) -> SealedFiles:
    """Give a drop's files to ingest."""
    folder = workspace.root / FOLDER / drop.drop_id
    places = {path_of(drop.drop_id, file.file_name): folder / str(file.place) for file in drop.files}
    return SealedFiles(workspace.derive(PURPOSE), places)

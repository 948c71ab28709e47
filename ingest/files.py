"""Where exports lie: on the disk, or somewhere that only looks like it, as the sealed folder of the web service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

BUFFER_BYTES = 1024 * 1024


class Files(Protocol):
    """Give files by path. Nothing else in ingest touches the disk, so what lies here is read as any export is."""

    def exists(self, path: Path) -> bool:
        """Tell whether there is a file or folder."""
        ...

    def real(self, path: Path) -> Path:
        """Give the path in full, as it is named to people."""
        ...

    def is_folder(self, path: Path) -> bool:
        """Tell a folder from a file."""
        ...

    def below(self, path: Path) -> Iterator[Path]:
        """Give the file itself, or every file below a folder in the order of their names, without hidden ones."""
        ...

    def open(self, path: Path) -> BinaryIO:
        """Open a file's bytes, buffered and seekable."""
        ...

    def state(self, path: Path) -> tuple[int, int]:
        """Give a file's bytes, and a number that changes when it does."""
        ...


class Disk:
    """The files of this machine."""

    def exists(self, path: Path) -> bool:
        """Tell whether there is a file or folder."""
        return path.exists()

    def real(self, path: Path) -> Path:
        """Give the path from the root on, links followed."""
        return path.resolve()

    def is_folder(self, path: Path) -> bool:
        """Tell a folder from a file."""
        return path.is_dir()

    def below(self, path: Path) -> Iterator[Path]:
        """Give the files; links that lead back to a folder above are not followed."""
        return _below(path, frozenset())

    def open(self, path: Path) -> BinaryIO:
        """Open a file's bytes."""
        return path.open("rb", buffering=BUFFER_BYTES)

    def state(self, path: Path) -> tuple[int, int]:
        """Give a file's bytes and the time it was written."""
        status = path.stat()
        return status.st_size, status.st_mtime_ns


DISK = Disk()


def _below(path: Path, above: frozenset[Path]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    real = path.resolve()
    if real in above:
        return
    for child in sorted(path.iterdir()):
        if not child.name.startswith(".") and child.name != "__MACOSX":
            yield from _below(child, above | {real})

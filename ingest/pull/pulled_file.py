"""A file that was pulled and lies in the store: connectors read it as one from disk, but it never is on disk."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ingest.source import CHUNK_BYTES, HEAD_BYTES, Sample, SourceFile

MOST_KEPT = 1024 * 1024
"""So many bytes are kept in memory, since a file is opened three times: for its sample, its hash and its records."""


class PulledFile(SourceFile):
    """Lines of JSON from somewhere, named as a part of one account's export."""

    def __init__(self, uri: str, name: str, export: str, content: Callable[[], Iterator[bytes]]) -> None:
        super().__init__(Path(name))
        self._uri = uri
        self._export = export
        self._content = content
        self._kept: bytes | None = None

    @property
    def uri(self) -> str:
        """Where the part can be looked up."""
        return self._uri

    def above(self, levels: int) -> str:
        """Name the export, in which all parts lie side by side."""
        del levels
        return self._export

    @property
    def encoding(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] - known, so not looked for
        """UTF-8: we wrote it."""
        return "utf-8"

    @property
    def size(self) -> int:
        """The bytes it holds."""
        return len(self._kept) if self._kept is not None else sum(map(len, self._content()))

    @property
    def sample(self) -> Sample:
        """The start of it."""
        with self.open_bytes() as stream:
            head = stream.read(HEAD_BYTES + 1)
        is_whole = len(head) <= HEAD_BYTES
        head = head[:HEAD_BYTES]
        return Sample(self.name, head, head.decode("utf-8", "ignore"), is_whole)

    def open_bytes(self) -> BinaryIO:
        """Open it; what is small is read once."""
        if self._kept is None:
            held = bytearray()
            for chunk in self._content():
                held += chunk
                if len(held) > MOST_KEPT:
                    return io.BufferedReader(_Chunks(self._content()), CHUNK_BYTES)
            self._kept = bytes(held)
        return io.BytesIO(self._kept)


class _Chunks(io.RawIOBase):
    """Read what comes in pieces."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - the stub's Buffer cannot be sliced
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        part, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)

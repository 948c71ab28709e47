"""Sealed files: what waits on the disk for its place in the store, readable by nobody else.

A file is a header (8 bytes of magic, 16 of salt), then chunks of 64 KiB, each encrypted by AES-256-GCM under a key of
the file's own (HMAC-SHA256 of the salt). A nonce is the chunk's number and whether it is the last (the STREAM
construction: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015), so chunks cannot be moved, and an end that is cut off
is found. Any place can be read without the rest, as zip archives need.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.errors import StoreError
from store.keys import derive

MAGIC = b"cmsealed"
SALT_BYTES, TAG_BYTES = 16, 16
CHUNK_BYTES = 64 * 1024
HEADER_BYTES = len(MAGIC) + SALT_BYTES
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES


class Damaged(StoreError, OSError):
    """Say that a sealed file is cut off, changed, or of another workspace; who reads it takes it for damage."""

    code = "STO-150"


@dataclass(slots=True)
class Sealing:
    """A file that is being sealed; `bytes` and `sha256` are those of what was written to it."""

    _out: BinaryIO
    _cipher: AESGCM
    _held: bytearray = field(default_factory=bytearray)
    _chunks: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    bytes: int = 0

    def write(self, content: bytes) -> None:
        """Add bytes; memory holds a chunk and what is given."""
        self._digest.update(content)
        self.bytes += len(content)
        self._held += content
        # One chunk stays here until more comes: the last one is sealed as the last.
        while len(self._held) > CHUNK_BYTES:
            self._seal(bytes(self._held[:CHUNK_BYTES]), is_last=False)
            del self._held[:CHUNK_BYTES]

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._digest.hexdigest()

    def finish(self) -> None:
        """Write the last chunk, and everything to the disk."""
        self._seal(bytes(self._held), is_last=True)
        self._out.flush()
        os.fsync(self._out.fileno())

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._chunks, is_last=is_last), chunk, MAGIC))
        self._chunks += 1


@contextmanager
def sealing(path: Path, key: bytes) -> Generator[Sealing]:
    """Write a sealed file that is there whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    salt = secrets.token_bytes(SALT_BYTES)
    try:
        with partial.open("wb") as out:
            out.write(MAGIC + salt)
            made = Sealing(out, _cipher(key, salt))
            yield made
            made.finish()
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def open_sealed(path: Path, key: bytes) -> BinaryIO:
    """Open what a sealed file holds, seekable; a chunk at a time is in memory.

    Raises:
        Damaged: it is no sealed file, or of another key; reading may raise it, too.
    """
    raw: Any = _Opened(path, key)
    return io.BufferedReader(raw, CHUNK_BYTES)


def size_of_sealed(path: Path) -> int:
    """Give the number of bytes that a sealed file holds."""
    sealed = path.stat().st_size - HEADER_BYTES
    return sealed - TAG_BYTES * _count(sealed)


class _Opened(io.RawIOBase):
    """The bytes of a sealed file, by place."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._file = path.open("rb")
        header = self._file.read(HEADER_BYTES)
        if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
            self._file.close()
            raise _damaged()
        self._cipher = _cipher(key, header[len(MAGIC) :])
        self._chunks = _count(path.stat().st_size - HEADER_BYTES)
        self._size = size_of_sealed(path)
        self._place = 0
        self._at: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - the stub's Buffer cannot be sliced
        number, start = divmod(self._place, CHUNK_BYTES)
        if number >= self._chunks:
            return 0
        part = self._chunk(number)[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._place += len(part)
        return len(part)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _chunk(self, number: int) -> bytes:
        if self._at[0] != number:
            self._file.seek(HEADER_BYTES + number * SEALED_CHUNK_BYTES)
            sealed = self._file.read(SEALED_CHUNK_BYTES)
            nonce = _nonce(number, is_last=number == self._chunks - 1)
            try:
                self._at = (number, self._cipher.decrypt(nonce, sealed, MAGIC))
            except InvalidTag:
                raise _damaged() from None
        return self._at[1]


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(derive(key, f"sealed {salt.hex()}"))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _count(sealed: int) -> int:
    return max(1, -(-sealed // SEALED_CHUNK_BYTES))


def _damaged() -> Damaged:
    return Damaged("A sealed file is damaged, or of another workspace.", hint="Drop the export in again.")

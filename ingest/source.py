"""Files as connectors see them: plain, gzipped, or members of a zip archive, in whatever encoding.

Nothing is unpacked to disk (promise 3); what unpacks to far more than it holds is refused.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TextIO

from ingest.encoding import BINARY, Utf8Stream, decode_head, detect_encoding
from ingest.errors import IngestError
from ingest.files import DISK, Files
from ingest.records import Reject, RejectCode

HEAD_BYTES = 256 * 1024
SAMPLE_BYTES = 960 * 1024
"""The most that is read to tell what a file is, however large its first record: with what packing adds, a mebibyte."""

CHUNK_BYTES = 1024 * 1024
LINE_BYTES = 64 * 1024 * 1024
RAW_CHARACTERS = 1_000_000

BOMB_RATIO = 200
BOMB_BYTES = 100 * 1024 * 1024
"""Chat logs pack to a tenth, repetitive ones to a fiftieth; 200 times and 100 MB is made to harm."""

# What unpacking raises on damaged, encrypted or unknown contents; lzma and zlib have errors of their own.
DAMAGE = (OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"
OFFICE_MEMBER = "[Content_Types].xml"
"""What makes a zip archive a workbook, a document: a file, not a folder of files."""

ASCII = bytes(range(128))

SAMPLES_KEPT = 8


class Unreadable(IngestError):
    """Say that a file or archive member cannot be read (further): cut off, damaged, or a bomb."""

    code = "ING-103"

    def __init__(self, message: str, *, reject: RejectCode) -> None:
        super().__init__(message, hint="Export or copy the file again.")
        self.reject: RejectCode = reject


@dataclass(frozen=True, slots=True)
class Sample:
    """The start of a file, for detection: its name, its first bytes, and those as text where they are text.

    Bytes that could not be decoded stand in `text` as surrogates (`ingest.encoding.is_damaged` tells).
    """

    name: str
    head: bytes
    text: str | None
    is_whole: bool
    """The head is the whole file."""


class SourceFile:
    """One file to read; opening it twice reads it twice, always from the start."""

    def __init__(self, path: Path, member: str | None = None, files: Files = DISK) -> None:
        self.path = path
        self.member = member
        self.files = files

    def __repr__(self) -> str:
        return f"SourceFile({self.uri!r})"

    @property
    def uri(self) -> str:
        """Name the file for people and for `explain`: the path, and the member behind `!`."""
        return f"{self.path}!{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """The bare file name, without .gz."""
        return PurePosixPath(self.member or self.path.name).name.removesuffix(".gz")

    @property
    def size(self) -> int:
        """The bytes of the file, or of the archive that it is a member of, on disk."""
        return self.files.state(self.path)[0]

    @property
    def group(self) -> str:
        """The folder it lies in, on disk or in an archive; files of one group may belong together."""
        return self.above(0)

    def above(self, levels: int) -> str:
        """Name the folder so many levels above the one it lies in; an archive has none above its own root."""
        if self.member is None:
            folders = self.path.parents
            return str(folders[min(levels, len(folders) - 1)])
        folders = PurePosixPath(self.member).parents
        folder = str(folders[min(levels, len(folders) - 1)])
        return str(self.path) if folder == "." else f"{self.path}!{folder}"

    @cached_property
    def encoding(self) -> str:
        """The text encoding: utf-8, utf-8-sig, utf-16, cp1252, ... as detected from the bytes, or binary.

        A file that starts in plain ASCII is read on until something else comes, as cp1252 may come late.
        """
        head = self.sample.head
        if not head.isascii() or self.sample.is_whole:
            return detect_encoding(head, is_whole=self.sample.is_whole)
        early = detect_encoding(head, is_whole=False)
        return early if early != "utf-8" else detect_encoding(_foreign_part(self), is_whole=False)

    @property
    def sample(self) -> Sample:
        """The start of the file, decoded where it is text."""
        return _sample(self.path, self.member, self.files, self.files.state(self.path))

    def sha256(self) -> str:
        """Hash the file's unpacked bytes, as far as they can be read."""
        digest = hashlib.sha256()
        for chunk in _readable_chunks(self):
            digest.update(chunk)
        return digest.hexdigest()

    def open_bytes(self) -> BinaryIO:
        """Open the unpacked bytes.

        Raises:
            Unreadable: the file is damaged, cut off, or a bomb; reading may raise it, too.
        """
        stream, packed = _open_packed(self)
        if not _is_gzip(stream):
            return stream
        unpacked: Any = gzip.GzipFile(fileobj=stream)
        return io.BufferedReader(_Guarded(unpacked, under=stream, packed=packed), CHUNK_BYTES)

    def open_utf8(self) -> BinaryIO:
        """Open the text as UTF-8 bytes without a byte order mark; bytes that are damaged stay invalid UTF-8."""
        encoding = "latin-1" if self.encoding == BINARY else self.encoding
        stream = self.open_bytes()
        if encoding == "utf-8-sig":
            stream.read(len(codecs.BOM_UTF8))
        if encoding.startswith("utf-8"):
            return stream
        return io.BufferedReader(Utf8Stream(stream, encoding), CHUNK_BYTES)

    def open_text(self) -> TextIO:
        """Open the text, decoded and without a byte order mark, newlines as they are.

        Bytes that could not be decoded come as surrogates, which `ingest.encoding.is_damaged` finds.
        """
        return io.TextIOWrapper(self.open_utf8(), encoding="utf-8", errors="surrogateescape", newline="")

    def raw_lines(self) -> Iterator[tuple[int, bytes | Reject]]:
        """Give each line as UTF-8 bytes with its number from 1; what is too long or cannot be read as a reject.

        A line over LINE_BYTES is skipped up to the next newline, so memory stays bounded.
        """
        with self.open_utf8() as stream:
            yield from _split(stream, self.uri)

    def lines(self) -> Iterator[tuple[int, str | Reject]]:
        """Give each line with its number from 1, without its newline; a line that is no text comes as a reject."""
        for number, line in self.raw_lines():
            if isinstance(line, Reject):
                yield number, line
                continue
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                yield number, encoding_reject(self, line, number=number, position=error.start)


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a file, read already: what a worker is given, who opens no file."""

    uri: str
    encoding: str
    numbered: tuple[tuple[int, bytes | Reject], ...]

    def raw_lines(self) -> Iterator[tuple[int, bytes | Reject]]:
        """Give each line with its number, as `SourceFile.raw_lines` does."""
        return iter(self.numbered)


def walk(paths: Iterable[Path], files: Files = DISK) -> Iterator[SourceFile | Reject]:
    """Give every file under the paths, folders and archives opened, in the order of their names.

    Hidden files and what macOS adds to archives are passed over. What cannot be opened, and what is empty, comes as a
    reject.

    Raises:
        IngestError: a path does not exist.
    """
    for path in paths:
        if not files.exists(path):
            raise IngestError(f"There is no file or folder {str(path)!r}.", hint="Check the path.")
        for file in files.below(path):
            yield from _members(file, files)


def encoding_reject(file: SourceFile | Lines, line: bytes, *, number: int, position: int) -> Reject:
    """Word the reject of a line that is not in the file's encoding; its raw bytes are kept, escaped."""
    detail = f"byte {position + 1} of the line is no text in {file.encoding}"
    return Reject(f"line {number}", "encoding", detail, raw=as_raw(line), source_uri=file.uri)


def as_raw(content: bytes) -> str:
    """Show bytes for a reject: as text, with what is no text escaped."""
    return content[:RAW_CHARACTERS].decode("utf-8", "backslashreplace")


class _Guarded(io.RawIOBase):
    """Read what unpacks, counting: a bomb and a cut-off or damaged archive become Unreadable."""

    def __init__(self, stream: BinaryIO, *, under: BinaryIO | None, packed: int) -> None:
        self._stream: Any = stream
        self._under = under
        self._limit = max(BOMB_BYTES, BOMB_RATIO * packed)
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride] - the stub's Buffer cannot be sliced
        try:
            # read1 gives what is there before a failure; read would lose it.
            chunk: bytes = self._stream.read1(len(buffer))
        except EOFError as error:
            raise Unreadable("The packed file is cut off.", reject="truncated") from error
        except DAMAGE as error:
            raise Unreadable("The packed file is damaged.", reject="unreadable") from error
        self._count += len(chunk)
        if self._count > self._limit:
            raise Unreadable(f"It unpacks to over {BOMB_RATIO} times its size.", reject="bomb")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            if self._under is not None:
                self._under.close()
        super().close()


def _open_packed(file: SourceFile) -> tuple[BinaryIO, int]:
    """Open a plain file or an archive's member, with the number of bytes it takes on disk."""
    try:
        stream = file.files.open(file.path)
        return (stream, file.size) if file.member is None else _open_member(stream, file.member)
    except (*DAMAGE, KeyError) as error:
        raise Unreadable(f"{file.uri} cannot be opened: {type(error).__name__}.", reject="unreadable") from error


def _open_member(archive: BinaryIO, member: str) -> tuple[BinaryIO, int]:
    try:
        opened = zipfile.ZipFile(archive)
        info = opened.getinfo(member)
        unpacking: Any = opened.open(info)
    except BaseException:
        archive.close()
        raise
    guarded = _Guarded(unpacking, under=archive, packed=info.compress_size)
    return io.BufferedReader(guarded, SAMPLE_BYTES), info.compress_size


def _is_gzip(stream: BinaryIO) -> bool:
    peekable: Any = stream
    return peekable.peek(2)[:2] == GZIP_MAGIC


@lru_cache(maxsize=SAMPLES_KEPT)
def _sample(path: Path, member: str | None, files: Files, state: tuple[int, int]) -> Sample:  # noqa: ARG001 - in the key
    file = SourceFile(path, member, files)
    content = _start(file)
    reach = (
        max(HEAD_BYTES, content.find(b"\n", HEAD_BYTES) + 1) if _is_long_record(content[:HEAD_BYTES]) else HEAD_BYTES
    )
    head, is_whole = bytes(content[:reach]), len(content) <= reach and len(content) < SAMPLE_BYTES
    encoding = detect_encoding(head, is_whole=is_whole)
    text = decode_head(head, encoding, is_whole=is_whole)
    return Sample(file.name, head, text.removeprefix("\ufeff") if text else text, is_whole)


def _start(file: SourceFile) -> bytes:
    """Read the head and a little more; of JSON whose first line has not ended there, as much as a sample may take."""
    content = b""
    with suppress(Unreadable), file.open_bytes() as stream:
        peekable: Any = stream
        while len(content) <= HEAD_BYTES or (_is_long_record(content) and len(content) < SAMPLE_BYTES):
            chunk = peekable.read1(min(HEAD_BYTES + 1, SAMPLE_BYTES - len(content)))
            if not chunk:
                break
            content += chunk
    return content


def _is_long_record(content: bytes) -> bool:
    """Tell JSON whose first line has not ended yet: the whole record says more about the file."""
    return content[:1] == b"{" and b"\n" not in content


def _readable_chunks(file: SourceFile) -> Iterator[bytes]:
    """Give the unpacked bytes up to where they can be read."""
    try:
        with file.open_bytes() as stream:
            peekable: Any = stream
            while chunk := peekable.read1(CHUNK_BYTES):
                yield chunk
    except Unreadable:
        return


def _foreign_part(file: SourceFile) -> bytes:
    """Give the file from the first character on that is not ASCII, as much as a sample holds."""
    for chunk in _readable_chunks(file):
        if not chunk.isascii():
            start = len(chunk) - len(chunk.lstrip(ASCII))
            return chunk[start : start + HEAD_BYTES]
    return b""


def _split(stream: BinaryIO, uri: str) -> Iterator[tuple[int, bytes | Reject]]:
    number, held, dropped = 1, bytearray(), 0
    for chunk in _chunks(stream):
        if isinstance(chunk, Unreadable):
            raw = as_raw(bytes(held))
            yield number, Reject(f"line {number}", chunk.reject, chunk.message, raw=raw, source_uri=uri)
            return
        first, *rest = chunk.split(b"\n")
        held += first
        if rest:
            yield number, _line(number, bytes(held), dropped, uri)
            for text in rest[:-1]:
                number += 1
                yield number, text.removesuffix(b"\r")
            number, held, dropped = number + 1, bytearray(rest[-1]), 0
        if len(held) > LINE_BYTES:
            dropped += len(held) - RAW_CHARACTERS
            del held[RAW_CHARACTERS:]
    if held:
        yield number, _line(number, bytes(held), dropped, uri)


def _line(number: int, text: bytes, dropped: int, uri: str) -> bytes | Reject:
    if not dropped and len(text) <= LINE_BYTES:
        return text.removesuffix(b"\r")
    detail = f"the line is longer than {LINE_BYTES:,} bytes"
    return Reject(f"line {number}", "too_large", detail, raw=as_raw(text), source_uri=uri)


def _chunks(stream: BinaryIO) -> Iterator[bytes | Unreadable]:
    readable: Any = stream
    while True:
        try:
            chunk = readable.read1(CHUNK_BYTES)
        except Unreadable as error:
            yield error
            return
        if not chunk:
            return
        yield chunk


def _members(path: Path, files: Files) -> Iterator[SourceFile | Reject]:
    """Give the file itself, or what a zip archive holds."""
    try:
        with files.open(path) as stream:
            is_archive = stream.read(4) == ZIP_MAGIC
            infos = zipfile.ZipFile(stream).infolist() if is_archive else []
    except (OSError, zipfile.BadZipFile) as error:
        detail = f"the file cannot be opened, or is cut off: {type(error).__name__}"
        yield Reject("file", "unreadable", detail, source_uri=str(path))
        return
    if any(info.filename == OFFICE_MEMBER for info in infos):
        yield _bomb_in(path, infos) or SourceFile(path, files=files)
        return
    if not is_archive:
        yield _checked(SourceFile(path, files=files))
    for info in sorted(infos, key=lambda info: info.filename):
        if not info.is_dir() and not _is_hidden(info.filename):
            yield _member(SourceFile(path, info.filename, files), info)


def _member(file: SourceFile, info: zipfile.ZipInfo) -> SourceFile | Reject:
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0]:
        return Reject("file", "unreadable", "the archive's member has a path that leads out of it", source_uri=file.uri)
    if info.flag_bits & 1:
        return Reject("file", "unreadable", "the archive's member is locked with a password", source_uri=file.uri)
    return _bomb_in(file.path, [info]) or _checked(file)


def _bomb_in(path: Path, infos: list[zipfile.ZipInfo]) -> Reject | None:
    for info in infos:
        if info.file_size > BOMB_BYTES and info.file_size > BOMB_RATIO * info.compress_size:
            detail = f"it unpacks to over {BOMB_RATIO} times its size"
            return Reject("file", "bomb", detail, source_uri=f"{path}!{info.filename}")
    return None


def _checked(file: SourceFile) -> SourceFile | Reject:
    """Try the file's first bytes, so that what cannot be read at all, or is empty, is said at once."""
    try:
        with file.open_bytes() as stream:
            first = stream.read(len(ZIP_MAGIC))
    except Unreadable as error:
        return Reject("file", error.reject, error.message, source_uri=file.uri)
    if not first:
        return Reject("file", "unexplained", "the file is empty", source_uri=file.uri)
    if first == ZIP_MAGIC and not file.name.endswith(".xlsx"):
        detail = "an archive within an archive is not opened; unpack the outer one"
        return Reject("file", "unreadable", detail, source_uri=file.uri)
    return file


def _is_hidden(member: str) -> bool:
    parts = PurePosixPath(member).parts
    return any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in parts)

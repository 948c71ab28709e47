"""Detection reads the start of a file and no more, however large the file, its first record or its archive."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from ingest.detection import explain
from ingest.files import BUFFER_BYTES, Disk
from ingest.source import SourceFile

MIB = 1024 * 1024
DIRECTORY_BYTES = 1024
"""What a zip archive's list of members may take here."""

WORDS = " ".join(f"word{number}" for number in range(400))


class CountedFile(io.FileIO):
    """Adds up the bytes that are read."""

    def __init__(self, path: Path, counts: dict[str, int]) -> None:
        super().__init__(path)
        self.counts = counts

    def readinto(self, buffer: bytearray) -> int:
        read = super().readinto(buffer)
        self.counts[str(self.name)] = self.counts.get(str(self.name), 0) + read
        return read


class CountedDisk(Disk):
    """Counts the bytes read of each file."""

    def __init__(self) -> None:
        self.read: dict[str, int] = {}

    def open(self, path: Path) -> BinaryIO:
        return io.BufferedReader(CountedFile(path, self.read), BUFFER_BYTES)


def lines() -> bytes:
    return b"".join(
        json.dumps({"id": number, "turns": [{"role": "customer", "text": f"{number} {WORDS}"}]}).encode() + b"\n"
        for number in range(1000)
    )


def one_record() -> bytes:
    turns = [{"role": "customer", "text": f"{number} {WORDS}"} for number in range(1000)]
    return json.dumps({"id": 1, "turns": turns}).encode()


def one_array() -> bytes:
    return b"[" + b",".join(lines().splitlines()) + b"]"


def table() -> bytes:
    return b"conversation_id,role,message\n" + b"".join(b"%d,customer,%s\n" % (n, WORDS.encode()) for n in range(1000))


def mailbox() -> bytes:
    mail = "From a@example.com Mon Jan  5 10:00:00 2026\nMessage-ID: <{}@example.com>\nFrom: a@example.com\n\n{}\n\n"
    return "".join(mail.format(number, WORDS) for number in range(1000)).encode()


@pytest.mark.parametrize("made", [lines, one_record, one_array, table, mailbox])
@pytest.mark.parametrize("packing", ["plain", "gz", "zip"])
def test_no_more_than_a_mebibyte_is_read(tmp_path: Path, made: Callable[[], bytes], packing: str) -> None:
    content = made()
    assert len(content) > 2 * MIB
    path = tmp_path / f"export.{packing}"
    member = None
    if packing == "zip":
        member = "export/data"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(member, content)
    else:
        path.write_bytes(gzip.compress(content, 1) if packing == "gz" else content)
    disk = CountedDisk()
    found = explain(SourceFile(path, member, disk))
    assert found, "nobody recognises it: nothing was read at all"
    assert disk.read[str(path)] <= MIB + (DIRECTORY_BYTES if packing == "zip" else 0)


def test_a_first_record_of_a_mebibyte_and_more_is_told_by_its_start(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(one_record())
    connector, evidence = explain(SourceFile(path))[0]
    assert connector.name == "jsonlines"
    assert evidence.confidence > 0.5

"""Sealed files: what goes in comes out from any place, nobody else reads it, and nobody changes it unseen."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.sealed import CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, Damaged, open_sealed, sealing, size_of_sealed

KEY = bytes(range(32))
EDGES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


def seal(path: Path, content: bytes, step: int = 10_000) -> None:
    with sealing(path, KEY) as sealed:
        for start in range(0, len(content), step):
            sealed.write(content[start : start + step])
        assert sealed.bytes == len(content)
        assert sealed.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", EDGES)
def test_what_goes_in_comes_out(tmp_path: Path, size: int):
    content = bytes(number % 251 for number in range(size))
    seal(tmp_path / "a", content)
    assert size_of_sealed(tmp_path / "a") == size
    with open_sealed(tmp_path / "a", KEY) as stream:
        assert stream.read() == content


@given(st.data())
def test_any_place_can_be_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    size = data.draw(st.integers(0, 3 * CHUNK_BYTES))
    content = hashlib.shake_128(str(size).encode()).digest(size)
    path = tmp_path_factory.mktemp("sealed") / "a"
    seal(path, content, step=data.draw(st.integers(1000, 2 * CHUNK_BYTES)))
    with open_sealed(path, KEY) as stream:
        for _ in range(5):
            start, length = data.draw(st.integers(0, size + 10)), data.draw(st.integers(0, 100_000))
            stream.seek(start)
            assert stream.read(length) == content[start : start + length]


def test_a_zip_archive_opens_from_it(tmp_path: Path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.txt", "first " * 50_000)
        archive.writestr("b.txt", "second")
    seal(tmp_path / "a", packed.getvalue())
    with open_sealed(tmp_path / "a", KEY) as stream, zipfile.ZipFile(stream) as archive:
        assert archive.read("b.txt") == b"second"


def test_nothing_of_it_can_be_read_on_the_disk(tmp_path: Path):
    seal(tmp_path / "a", b"Rosalind Achterberg " * 10_000)
    assert b"Achterberg" not in (tmp_path / "a").read_bytes()


@pytest.mark.parametrize("place", [3, HEADER_BYTES - 1, HEADER_BYTES + 5, HEADER_BYTES + SEALED_CHUNK_BYTES + 9, -1])
def test_a_change_is_found(tmp_path: Path, place: int):
    seal(tmp_path / "a", bytes(2 * CHUNK_BYTES + 50))
    changed = bytearray((tmp_path / "a").read_bytes())
    changed[place] ^= 1
    (tmp_path / "a").write_bytes(changed)
    with pytest.raises(Damaged), open_sealed(tmp_path / "a", KEY) as stream:
        stream.read()


@pytest.mark.parametrize("kept", [0, 10, HEADER_BYTES, HEADER_BYTES + SEALED_CHUNK_BYTES, -1])
def test_an_end_that_is_cut_off_is_found(tmp_path: Path, kept: int):
    seal(tmp_path / "a", bytes(2 * CHUNK_BYTES + 50))
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:kept])
    with pytest.raises(Damaged), open_sealed(tmp_path / "a", KEY) as stream:
        stream.read()


def test_another_key_opens_nothing(tmp_path: Path):
    seal(tmp_path / "a", b"text")
    with pytest.raises(Damaged), open_sealed(tmp_path / "a", bytes(32)) as stream:
        stream.read()


def test_what_fails_half_way_leaves_nothing(tmp_path: Path):
    def fail() -> None:
        with sealing(tmp_path / "a", KEY) as sealed:
            sealed.write(bytes(CHUNK_BYTES * 2))
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        fail()
    assert list(tmp_path.iterdir()) == []

"""Files are read whatever they are packed in and however they are encoded; what is broken is said, nothing mangled."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import source
from ingest.encoding import detect_encoding
from ingest.errors import IngestError
from ingest.records import Reject
from ingest.source import SourceFile, Unreadable, walk

GERMAN = "Schöne Grüße, ich hätte gerne 20 € zurück: déçu, señor\n"


def write(path: Path, content: bytes) -> SourceFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return SourceFile(path)


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def lines(file: SourceFile) -> list[str | Reject]:
    return [line for _, line in file.lines()]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff"),
     ("utf-16-le", b""), ("utf-16-be", b""), ("cp1252", b"")],
)  # fmt: skip
def test_text_comes_the_same_from_every_encoding(tmp_path: Path, encoding: str, mark: bytes) -> None:
    file = write(tmp_path / "a.txt", mark + (GERMAN * 3).encode(encoding))
    assert lines(file) == [GERMAN.rstrip("\n")] * 3
    with file.open_text() as stream:
        assert stream.read() == GERMAN * 3
    assert file.sample.text == GERMAN * 3


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1251", "Здравствуйте, я хотел бы узнать, где находится мой заказ. Спасибо большое"),
     ("shift_jis", "こんにちは、注文した商品がまだ届いていません。確認していただけますか。"),
     ("gb18030", "你好，我想找家人均消费在100元的餐馆，请给我推荐一家餐馆用餐吧。"),
     ("cp1250", "Dzień dobry, chciałbym się dowiedzieć, gdzie jest moje zamówienie, żółta łódź")],
)  # fmt: skip
def test_other_code_pages_are_told_by_their_letters(encoding: str, text: str) -> None:
    content = text.encode(encoding)
    assert content.decode(detect_encoding(content, is_whole=True)) == text


def test_cp1252_that_comes_late_is_seen(tmp_path: Path) -> None:
    file = write(tmp_path / "late.txt", b"plain\n" * 60_000 + "Grüße\n".encode("cp1252"))
    assert file.encoding == "cp1252"
    assert lines(file)[-1] == "Grüße"


def test_a_line_that_is_no_utf8_in_a_utf8_file_is_a_reject_with_its_bytes(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "grün\nblau è é\n".encode() + b"kaputt \xff\n" + "gelb à\n".encode())
    first, second, broken, last = lines(file)
    assert (first, second, last) == ("grün", "blau è é", "gelb à")
    assert isinstance(broken, Reject)
    assert (broken.place, broken.code) == ("line 3", "encoding")
    assert "\\xff" in broken.raw
    assert "kaputt" not in broken.detail


def test_random_bytes_are_binary_and_have_no_text() -> None:
    assert detect_encoding(bytes(range(256)) * 20, is_whole=True) == "binary"


@given(st.binary(max_size=2000))
def test_any_bytes_get_an_encoding_that_exists(content: bytes) -> None:
    encoding = detect_encoding(content, is_whole=True)
    assert encoding == "binary" or isinstance(content.decode(encoding, "replace"), str)


def test_lines_keep_their_numbers_and_lose_their_newlines(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", b"one\r\n\r\nthree\nfour")
    assert list(file.lines()) == [(1, "one"), (2, ""), (3, "three"), (4, "four")]


def test_a_line_over_the_limit_is_a_reject_and_reading_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "LINE_BYTES", 3_000_000)
    file = write(tmp_path / "a.txt", b"one\n" + b"x" * 7_000_000 + b"\nthree\n")
    first, long, last = lines(file)
    assert (first, last) == ("one", "three")
    assert isinstance(long, Reject)
    assert (long.place, long.code) == ("line 2", "too_large")


def test_an_18_mb_line_is_read(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", b"x" * 18_000_000 + b"\nnext\n")
    assert [len(str(line)) for line in lines(file)] == [18_000_000, 4]


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt"])
def test_gzip_is_unpacked_by_its_content(tmp_path: Path, name: str) -> None:
    file = write(tmp_path / name, gzip.compress(GERMAN.encode()))
    assert lines(file) == [GERMAN.strip()]
    assert file.name == "a.txt"


def test_zip_members_are_files_also_gzipped_ones(tmp_path: Path) -> None:
    archive = zipped(
        tmp_path / "export.zip",
        {"b/two.jsonl": b"2\n", "a/one.jsonl.gz": gzip.compress(b"1\n"), "__MACOSX/x": b"x", "a/.hidden": b"h"},
    )
    files = [file for file in walk([archive]) if isinstance(file, SourceFile)]
    assert [file.uri for file in files] == [f"{archive}!a/one.jsonl.gz", f"{archive}!b/two.jsonl"]
    assert [file.name for file in files] == ["one.jsonl", "two.jsonl"]
    assert [file.group for file in files] == [f"{archive}!a", f"{archive}!b"]
    assert [lines(file) for file in files] == [["1"], ["2"]]


def test_the_same_bytes_have_the_same_hash_however_packed(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.txt", GERMAN.encode())
    packed = write(tmp_path / "a.txt.gz", gzip.compress(GERMAN.encode()))
    assert plain.sha256() == packed.sha256()


def test_nothing_is_unpacked_to_disk(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "export.zip", {"one.txt": b"1\n"})
    for file in walk([archive]):
        assert isinstance(file, SourceFile)
        lines(file)
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "C:\\evil.txt"])
def test_members_that_lead_out_of_the_archive_are_rejects_and_the_rest_is_read(tmp_path: Path, name: str) -> None:
    found = list(walk([zipped(tmp_path / "export.zip", {name: b"x", "good.txt": b"1\n"})]))
    rejects = [file for file in found if isinstance(file, Reject)]
    assert [reject.code for reject in rejects] == ["unreadable"]
    assert [lines(file) for file in found if isinstance(file, SourceFile)] == [["1"]]


def test_a_zip_bomb_is_a_reject(tmp_path: Path) -> None:
    found = list(walk([zipped(tmp_path / "bomb.zip", {"big.txt": b"\0" * 120_000_000})]))
    assert [(type(file), getattr(file, "code", "")) for file in found] == [(Reject, "bomb")]


def test_a_gzip_bomb_is_stopped_while_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BOMB_BYTES", 1_000_000)
    file = write(tmp_path / "bomb.txt.gz", gzip.compress((b"x" * 99 + b"\n") * 100_000))
    *_, last = lines(file)
    assert isinstance(last, Reject)
    assert last.code == "bomb"


def test_a_cut_off_gzip_gives_its_lines_and_a_reject(tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(5000))
    file = write(tmp_path / "cut.txt.gz", gzip.compress(text.encode())[:-2000])
    *whole, last = lines(file)
    assert len(whole) > 100
    assert whole == text.splitlines()[: len(whole)]
    assert isinstance(last, Reject)
    assert last.code == "truncated"


def test_what_cannot_be_opened_is_a_reject_that_says_so(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "export.zip", {"one.txt": b"1" * 1000})
    write(tmp_path / "cut.zip", archive.read_bytes()[:-30])
    write(tmp_path / "empty.csv", b"")
    write(tmp_path / "broken.gz", b"\x1f\x8b\x08\x00garbage")
    archive.unlink()
    found = {Path(file.source_uri).name: file.code for file in walk([tmp_path]) if isinstance(file, Reject)}
    assert found == {"cut.zip": "unreadable", "empty.csv": "unexplained", "broken.gz": "truncated"}


def test_an_archive_within_an_archive_is_a_reject(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.txt", "x")
    found = list(walk([zipped(tmp_path / "outer.zip", {"inner.zip": inner.getvalue()})]))
    assert [getattr(file, "code", "") for file in found] == ["unreadable"]


def test_folders_are_walked_in_order_without_hidden_files_and_loops(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a/1.txt", ".hidden/3.txt", "__MACOSX/4.txt"):
        write(tmp_path / name, b"x")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    names = [file.name for file in walk([tmp_path]) if isinstance(file, SourceFile)]
    assert names == ["1.txt", "2.txt"]


def test_a_missing_path_is_the_persons_mistake(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="There is no file or folder"):
        list(walk([tmp_path / "nowhere"]))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_a_reject_however_it_was_packed(tmp_path: Path, method: int) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("chats.txt", b"".join(b"%d\n" % number for number in range(100_000)))
    packed = bytearray(path.read_bytes())
    middle = len(packed) // 2
    packed[middle : middle + 200] = bytes(200)
    path.write_bytes(packed)
    (found,) = walk([path])
    assert isinstance(found, Reject)
    assert found.code == "unreadable"


def test_damaged_bytes_stop_reading_with_a_reason(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"".join(b"%d\n" % number for number in range(300_000))))
    packed[len(packed) // 2] ^= 255
    file = write(tmp_path / "damaged.gz", bytes(packed))
    with pytest.raises(Unreadable), file.open_bytes() as stream:
        stream.read()

"""JSON is read as a stream in every arrangement; what is broken is a reject with its place, and reading goes on."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import json_cursor
from ingest.json_stream import read_json, sample_json
from ingest.json_text import DECODER, parse_line, parse_several
from ingest.records import Reject
from ingest.source import SourceFile

LONG_ID = "12345678901234567890123"


def written(tmp_path: Path, content: str | bytes, name: str = "a.json") -> SourceFile:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return SourceFile(path)


def values(file: SourceFile, *fields: str) -> list[Any]:
    return [record[1] for record in read_json(file, fields) if not isinstance(record, Reject)]


def rejects(file: SourceFile, *fields: str) -> list[tuple[str, str]]:
    return [(record.place, record.code) for record in read_json(file, fields) if isinstance(record, Reject)]


@pytest.mark.parametrize(
    "content",
    ['{"a":1}\n\n{"a":2}\n', '{"a":1}\r\n{"a":2}', '[{"a":1},{"a":2}]', '[\n {"a": 1},\n {"a": 2}\n]\n',
     '{"a":1}{"a":2}', '{\n "a": 1\n}\n{\n "a": 2\n}', '\ufeff{"a":1}\n{"a":2}'],
)  # fmt: skip
def test_the_same_records_come_from_every_arrangement(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, content)
    assert values(file) == [{"a": 1}, {"a": 2}]
    assert rejects(file) == []
    assert sample_json(file.sample) == [{"a": 1}, {"a": 2}]


def test_utf16_is_read_too(tmp_path: Path) -> None:
    assert values(written(tmp_path, '\ufeff[{"a":"é"}]'.encode("utf-16-le"))) == [{"a": "é"}]


@pytest.mark.parametrize(
    "content",
    ['{"count":2,"tickets":[{"id":1},{"id":2}],"next":null}', '{"tickets":[{"id":1}]}\n{"tickets":[{"id":2}]}\n',
     '{\n"tickets": [\n{"id":1},\n{"id":2}\n]}'],
)  # fmt: skip
def test_items_of_a_wanted_list_are_the_records(tmp_path: Path, content: str) -> None:
    assert values(written(tmp_path, content), "tickets") == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_with_an_id_is_a_record_whatever_it_holds(tmp_path: Path, indent: int | None) -> None:
    ticket = {"id": 7, "tickets": [{"id": 1}], "text": "hello"}
    assert values(written(tmp_path, json.dumps(ticket, indent=indent)), "tickets") == [ticket]


def test_an_object_without_the_wanted_list_is_a_record(tmp_path: Path) -> None:
    assert values(written(tmp_path, '{\n"id": 7,\n"text": "hello"}'), "tickets") == [{"id": 7, "text": "hello"}]


@pytest.mark.parametrize("wrap", ["{}", "[{}]"])
def test_what_breaks_other_readers_is_read_exactly(tmp_path: Path, wrap: str) -> None:
    record = f'{{"id":{LONG_ID},"score":NaN,"text":"half \\ud83d pair \\ud83d\\ude00"}}'
    [value] = values(written(tmp_path, wrap.replace("{}", record)))
    assert value == {"id": LONG_ID, "score": None, "text": "half \ufffd pair 😀"}


def test_integers_of_64_bits_stay_numbers() -> None:
    assert parse_line(b"[18446744073709551615, -9223372036854775808]") == [18446744073709551615, -9223372036854775808]
    assert parse_line(b"[18446744073709551616, -9223372036854775809]") == [
        "18446744073709551616", "-9223372036854775809",
    ]  # fmt: skip


def test_a_broken_line_in_the_middle_is_a_reject_and_the_rest_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, '{"a":1}\n{"a":"secret\n{"a":3}\n')
    assert values(file) == [{"a": 1}, {"a": 3}]
    [reject] = [record for record in read_json(file) if isinstance(record, Reject)]
    assert (reject.place, reject.code) == ("line 2", "bad_json")
    assert "secret" not in reject.detail
    assert "secret" in reject.raw


def test_a_broken_record_in_an_array_is_a_reject_and_the_rest_is_read(tmp_path: Path) -> None:
    content = '[{"a":1,"b":2},{"a":2 "b":[{"c":1},{"c":2}]},{"a":3,"b":[{"c":1},{"c":2}]}]'
    file = written(tmp_path, content)
    assert [value["a"] for value in values(file)] == [1, 3]
    assert rejects(file) == [("record 2", "bad_json")]


@pytest.mark.parametrize("content", ['[{"a":1},{"a":2},{"a"', '{"a":1}\n{"a":2}\n{"a":"tex', '{"t":[{"a":1},{"a":2},'])
def test_a_cut_off_end_keeps_what_was_complete(tmp_path: Path, content: str) -> None:
    file = written(tmp_path, content)
    assert values(file, "t") == [{"a": 1}, {"a": 2}]
    assert [code for _, code in rejects(file, "t")] == ["truncated"]


@pytest.mark.parametrize("wrap", ["lines", "array"])
def test_a_cut_off_gzip_keeps_what_was_complete(tmp_path: Path, wrap: str) -> None:
    records = [{"number": number, "text": f"said {number * 7919}"} for number in range(3000)]
    texts = [json.dumps(record) for record in records]
    content = "\n".join(texts) if wrap == "lines" else f"[{','.join(texts)}]"
    file = written(tmp_path, gzip.compress(content.encode())[:-1000], "a.json.gz")
    found = values(file)
    assert len(found) > 1000
    assert found == records[: len(found)]
    assert [code for _, code in rejects(file)] == ["truncated"]


def test_bytes_that_are_no_text_make_a_reject_of_their_record_alone(tmp_path: Path) -> None:
    good = '{"a":"é à è ü ö ß"}'.encode()
    assert rejects(written(tmp_path, good + b'\n{"a":"\xff"}\n' + good)) == [("line 2", "encoding")]
    array = written(tmp_path, b"[" + good + b',{"a":"\xff"},' + good + b"]")
    assert rejects(array) == [("record 2", "encoding")]
    assert len(values(array)) == 2


@pytest.mark.parametrize(
    "content", ["[" * 100_000, '{"a":' * 100_000, "hello", "[1,2", "]", "{", "1" * 6000, '{"a" 1}']
)
def test_hostile_text_ends_in_rejects(tmp_path: Path, content: str) -> None:
    assert rejects(written(tmp_path, content), "tickets") or values(written(tmp_path, content))


def test_records_longer_than_a_chunk_are_read(tmp_path: Path) -> None:
    record = {"text": "x" * 3_000_000}
    assert values(written(tmp_path, json.dumps([record, record]))) == [record, record]


def test_a_huge_first_record_still_shows_its_shape(tmp_path: Path) -> None:
    turns = [{"speaker": "customer", "text": 'a "quoted", {braced} word' * 40}] * 2000
    file = written(tmp_path, json.dumps({"id": "1", "turns": turns}) + "\n")
    [shown] = sample_json(file.sample)
    assert shown["id"] == "1"
    assert shown["turns"][0] == turns[0]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text("abcd", max_size=3), JSON_VALUES, max_size=4), max_size=5), st.integers(1, 50))
def test_every_arrangement_and_chunking_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]], chunk: int
) -> None:
    folder = tmp_path_factory.mktemp("json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_cursor, "CHUNK_CHARACTERS", chunk)
        for content in ("\n".join(map(json.dumps, records)), json.dumps(records), json.dumps(records, indent=1)):
            assert values(written(folder, content)) == records


MANY = 400
ODD = {
    "NaN": '{"id":7,"text":"odd","score":NaN}',
    "an id of 23 digits": f'{{"id":{LONG_ID},"text":"odd"}}',
    "a negative number beyond 64 bits": '{"id":7,"text":"odd","score":-9223372036854775809}',
    "an account number in what is said": '{"id":7,"text":"IBAN ES9121000418450200051332, or 9121000418450200051332"}',
    "a key twice": '{"id":7,"text":"even","text":"odd"}',
    "half a surrogate pair": '{"id":7,"text":"\\ud83d odd \\ud83d\\ude00"}',
    "a control character": '{"id":7,"text":"odd\tone"}',
    "deep nesting": f'{{"id":7,"text":"odd","deep":{"[" * 300}{"]" * 300}}}',
    "objects within that begin alike": '{"id":7,"text":"odd","notes":[{"id":1,"text":"a"},{"id":2,"text":"b"}]}',
    "another first key": '{"text":"odd","id":7}',
    "a start within what is said": '{"id":7,"text":"odd, {\\"id\\":8,\\"text\\":\\"x\\"}, {\\"id\\":9,\\"text\\":"}',
}


def among_many(odd: str, between: str = ",") -> str:
    good = [f'{{"id":{number},"text":"said {number}"}}' for number in range(MANY)]
    return f"[{between.join([*good[: MANY // 2], odd, *good[MANY // 2 :]])}]"


def singly(patch: pytest.MonkeyPatch) -> None:
    """Have the records of an array parsed one by one."""
    patch.setattr(json_cursor, "parse_several", lambda _: None)


@pytest.mark.parametrize("between", [",", ",\n  ", " , "])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_odd_record_among_many_is_read_as_if_it_were_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str, between: str
) -> None:
    monkeypatch.setattr(json_cursor, "CHUNK_CHARACTERS", 2_000)
    file = written(tmp_path, "\ufeff" + among_many(odd, between))
    at_once = list(read_json(file))
    assert [record[1] for record in at_once if not isinstance(record, Reject)][MANY // 2] == values(
        written(tmp_path, f"[{odd}]", "alone.json")
    )[0]
    singly(monkeypatch)
    assert list(read_json(file)) == at_once
    assert len(at_once) == MANY + 1


@pytest.mark.parametrize(
    "broken",
    ['{"id":7,"text":"odd}', '{"id":7 "text":"odd"}', '{"id":7,"text":odd}', '{"id":7,"text":"odd"', '"odd" 7'],
)
def test_a_broken_record_among_many_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setattr(json_cursor, "CHUNK_CHARACTERS", 2_000)
    file = written(tmp_path, among_many(broken))
    at_once = list(read_json(file))
    singly(monkeypatch)
    assert list(read_json(file)) == at_once
    assert len(values(file)) >= MANY - 1


def test_many_records_are_parsed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def counted(text: str) -> list[Any] | None:
        found = parse_several(text)
        counts.append(len(found or []))
        return found

    monkeypatch.setattr(json_cursor, "parse_several", counted)
    assert len(values(written(tmp_path, among_many(ODD["objects within that begin alike"])))) == MANY + 1
    assert sum(counts) > MANY - 5


@given(st.text('0123456789-:,["\\x eE.+', max_size=60))
def test_what_is_parsed_at_once_is_what_is_parsed_singly(text: str) -> None:
    found = parse_several(text)
    if found is not None:
        assert json.dumps(found) == json.dumps(DECODER.decode(f"[{text}]"))


@given(st.binary(max_size=300))
def test_random_bytes_never_crash_it(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = written(tmp_path_factory.mktemp("json"), b'{"a":1}\n' + content)
    assert {"a": 1} in values(file) or rejects(file)

"""Tables of every format and layout become conversations; rows that do not fit are rejects with their places."""

import io
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.connector import Reading, Recognised
from ingest.connectors.tables import CONNECTOR
from ingest.errors import MappingNeeded
from ingest.mapping import Mapping
from ingest.records import Conversation, Record, Reject
from ingest.source import SourceFile
from ingest.tables_reader import Row, delimiter_of, read_table
from store.database import Store

HEADER = "conversation_id,sender,text,created_at\n"
CHAT = HEADER + "1,customer,Where is it?,2026-01-02T10:00:00Z\n1,agent,On its way.,2026-01-02T10:01:00Z\n"


def written(tmp_path: Path, content: str | bytes, name: str = "chats.csv") -> SourceFile:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return SourceFile(path)


def read(store: Store, file: SourceFile, mapping: Mapping | None = None) -> list[Record]:
    return list(CONNECTOR.read(Reading((Recognised(file),), store.spool(), mapping)))


def conversations(records: Iterable[Record]) -> list[Conversation]:
    return [record for record in records if isinstance(record, Conversation)]


def rejects(records: Iterable[Record]) -> list[tuple[str, str]]:
    return [(record.place, record.code) for record in records if isinstance(record, Reject)]


def said(records: Iterable[Record]) -> list[list[tuple[str, str]]]:
    return [[(turn.role, turn.text) for turn in record.turns] for record in conversations(records)]


DIALOGUE = [[("customer", "Where is it?"), ("agent", "On its way.")]]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separated_text_is_read_with_every_separator_and_encoding(
    tmp_path: Path, store: Store, mark: str, encoding: str
) -> None:
    text = CHAT.replace(",", mark) + f"2{mark}customer{mark}Grüße, {mark != ',' and 'und'} 5 €{mark}2026-01-03\n"
    if mark == ",":
        text = text.replace("Grüße, False 5 €", '"Grüße, und 5 €"')
    records = read(store, written(tmp_path, text.encode(encoding)))
    assert said(records) == [*DIALOGUE, [("customer", "Grüße, und 5 €")]]
    assert rejects(records) == []


def test_excel_and_parquet_give_the_same_as_text(tmp_path: Path, store: Store) -> None:
    frame = pl.read_csv(io.StringIO(CHAT), infer_schema=False)
    frame.write_parquet(tmp_path / "chats.parquet")
    sheet(tmp_path / "chats.xlsx", [frame.columns, *frame.rows()])
    for name in ("chats.parquet", "chats.xlsx"):
        assert said(read(store, SourceFile(tmp_path / name))) == DIALOGUE


def test_excel_dates_and_numbers_come_as_json_has_them(tmp_path: Path) -> None:
    sheet(
        tmp_path / "a.xlsx",
        [["id", "when", "text"], [7, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "hi"], ["00123", None, "x"]],
    )
    table = read_table(SourceFile(tmp_path / "a.xlsx"))
    assert table is not None
    assert list(table.rows) == [
        Row("sheet Sheet row 2", {"id": 7, "when": "2026-01-02T03:04:05", "text": "hi"}),
        Row("sheet Sheet row 3", {"id": "00123", "when": "", "text": "x"}),
    ]


def test_ids_stay_text_with_all_their_digits(tmp_path: Path, store: Store) -> None:
    long = "12345678901234567890123"
    text = CHAT + f"00123,customer,a,2026-01-01\n{long},customer,b,2026-01-01\n"
    assert [c.external_id for c in conversations(read(store, written(tmp_path, text)))] == ["00123", "1", long]


def test_rows_may_stand_in_any_order_and_are_sorted_by_their_times(tmp_path: Path, store: Store) -> None:
    header, first, second = CHAT.splitlines(keepends=True)
    assert (
        said(read(store, written(tmp_path, header + second + "2,customer,hi,2026-01-01\n" + first)))[0] == DIALOGUE[0]
    )


def test_without_a_time_in_every_row_the_files_order_holds(tmp_path: Path, store: Store) -> None:
    text = HEADER + "1,agent,b,2026-01-02T10:01:00Z\n1,customer,a,2026-01-02T10:00:00Z\n1,agent,c,\n"
    assert said(read(store, written(tmp_path, text))) == [[("agent", "b"), ("customer", "a"), ("agent", "c")]]


@pytest.mark.parametrize(
    "time", ["2026-01-02T10:00:00Z", "2026-01-02 10:00:00+00:00", "1767348000", "1767348000000", "02.01.2026 10:00",
             "Fri, 2 Jan 2026 10:00:00 +0000"],
)  # fmt: skip
def test_times_in_any_spelling_are_told_and_kept_as_they_are(tmp_path: Path, store: Store, time: str) -> None:
    text = f'conversation_id,sender,text,time\n1,customer,a,"{time}"\n2,agent,b,"{time}"\n'
    [first, _] = conversations(read(store, written(tmp_path, text)))
    assert str(first.turns[0].created_at) == time


def test_a_json_transcript_in_a_column_is_a_conversation(tmp_path: Path, store: Store) -> None:
    frame = pl.DataFrame({
        "chat_id": ["a", "b", "c", "d", "e"],
        "customer_name": ["Ann Example", "Bo", "Cy", "Di", "Ed"],
        "transcript": ['[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]'] * 4 + ['[{"role":'],
        "plan": ["gold"] * 5,
    })  # fmt: skip
    frame.write_csv(tmp_path / "t.csv")
    records = read(store, SourceFile(tmp_path / "t.csv"))
    assert said(records) == [[("customer", "hi"), ("agent", "hello")]] * 4
    assert rejects(records) == [("line 6", "bad_record")]
    first = conversations(records)[0]
    assert first.custom == {"plan": "gold"}
    assert [(p.role, p.display_name) for p in first.participants] == [("customer", "Ann Example")]


def test_a_plain_transcript_in_a_column_is_a_conversation(tmp_path: Path, store: Store) -> None:
    text = 'chat_id,transcript\n1,"Agent: Hello\nCustomer: Hi\nthere"\n2,"Customer: Help\nAgent: Sure"\n'
    records = read(store, written(tmp_path, text))
    assert said(records)[0] == [("agent", "Hello"), ("customer", "Hi\nthere")]
    assert [turn.place for turn in conversations(records)[1].turns] == [
        "line 5 transcript line 1", "line 5 transcript line 2",
    ]  # fmt: skip


def test_rows_that_do_not_fit_are_rejects_with_the_right_line(tmp_path: Path, store: Store) -> None:
    text = CHAT + '2,customer,"two\nlines",2026-01-02\n3,customer\n4,a,b,c,d\n5,customer,fine,2026-01-02,,\n'
    records = read(store, written(tmp_path, text))
    assert rejects(records) == [("line 6", "bad_row"), ("line 7", "bad_row")]
    assert [(c.external_id, c.place) for c in conversations(records)] == [
        ("1", "line 2"),
        ("2", "line 4"),
        ("5", "line 8"),
    ]


def test_a_quote_that_is_never_closed_costs_its_line_alone(tmp_path: Path, store: Store) -> None:
    text = CHAT + '2,customer,"oops,2026-01-02\n' + "".join(f"{n},customer,hi,2026-01-02\n" for n in range(10, 40))
    records = read(store, written(tmp_path, text))
    assert rejects(records) == [("line 4", "bad_row")]
    assert len(conversations(records)) == 31


def test_a_cut_off_quoted_value_is_a_truncated_row(tmp_path: Path, store: Store) -> None:
    records = read(store, written(tmp_path, CHAT + '2,customer,"it was\ncut in the'))
    assert rejects(records) == [("line 4", "truncated")]
    assert said(records) == DIALOGUE


def test_bytes_that_are_no_text_cost_their_row_alone(tmp_path: Path, store: Store) -> None:
    text = CHAT.encode() + "2,customer,é è ü,2026-01-02\n".encode() + b"3,customer,\xff,2026-01-02\n"
    records = read(store, written(tmp_path, text))
    assert rejects(records) == [("line 5", "encoding")]
    assert len(conversations(records)) == 2


def test_a_row_without_a_conversation_is_a_reject(tmp_path: Path, store: Store) -> None:
    assert rejects(read(store, written(tmp_path, CHAT + ",customer,lost,2026-01-02\n"))) == [("line 4", "no_identity")]


def test_an_unknown_role_word_far_down_rejects_its_conversation_alone(tmp_path: Path, store: Store) -> None:
    many = "".join(f"{n},customer,hi,2026-01-02\n" for n in range(100, 300))
    records = read(store, written(tmp_path, CHAT + many + "300,wichtel,psst,2026-01-02\n"))
    assert rejects(records) == [("line 204", "bad_record")]
    assert len(conversations(records)) == 201
    assert "wichtel" not in next(record.detail for record in records if isinstance(record, Reject))


def test_duplicate_headers_are_numbered_and_said(tmp_path: Path, store: Store) -> None:
    file = written(tmp_path, "conversation_id,sender,text,note,note,\n1,customer,hi,a,b,c\n2,agent,ho,d,e,f\n")
    assert conversations(read(store, file))[0].custom == {"note": "a", "note_2": "b", "column_6": "c"}
    evidence = CONNECTOR.detect(file.sample)
    assert evidence is not None
    assert any("note_2" in reason for reason in evidence.reasons)


def test_unknown_columns_are_kept_with_the_conversation_or_the_turn(tmp_path: Path, store: Store) -> None:
    text = "conversation_id,sender,text,plan,mood\n1,customer,hi,gold,sad\n1,agent,ho,gold,glad\n"
    [found] = conversations(read(store, written(tmp_path, text)))
    assert found.custom == {"plan": "gold"}
    assert [turn.custom for turn in found.turns] == [{"mood": "sad"}, {"mood": "glad"}]


def test_a_row_that_stands_twice_is_kept_once(tmp_path: Path, store: Store) -> None:
    row = "1,m1,customer,hi\n"
    records = read(store, written(tmp_path, "conversation_id,message_id,sender,text\n" + row + row + "1,m2,agent,ho\n"))
    assert said(records) == [[("customer", "hi"), ("agent", "ho")]]
    assert rejects(records) == [("line 3", "bad_record")]


def test_notes_are_internal_and_unknown_visibility_stays_unknown(tmp_path: Path, store: Store) -> None:
    rows = "1,customer,hi,public\n1,agent,psst,internal\n" * 50 + "1,agent,what,strange\n"
    file = written(tmp_path, "conversation_id,sender,text,visibility\n" + rows)
    [found] = conversations(read(store, file, Mapping(
        "turn", conversation_id="conversation_id", role="sender", text="text", visibility="visibility"
    )))  # fmt: skip
    assert [turn.visibility for turn in found.turns[-3:]] == ["public", "internal", "unknown"]


def test_a_conversation_without_a_customer_is_read(tmp_path: Path, store: Store) -> None:
    assert said(read(store, written(tmp_path, HEADER + "1,agent,hello?,2026-01-02\n"))) == [[("agent", "hello?")]]


def test_the_people_are_told_by_id_address_and_name(tmp_path: Path, store: Store) -> None:
    text = (
        "conversation_id,sender,text,sender_name,customer_id,customer_email\n"
        "1,customer,hi,Ann Example,c7,ann@example.com\n1,agent,ho,Bo Helper,c7,ann@example.com\n"
    )
    [found] = conversations(read(store, written(tmp_path, text)))
    assert [(p.role, p.external_id, p.display_name, p.email) for p in found.participants] == [
        ("customer", "c7", "Ann Example", "ann@example.com"), ("agent", "Bo Helper", "Bo Helper", None),
    ]  # fmt: skip
    assert [turn.author for turn in found.turns] == ["c7", "Bo Helper"]


def test_role_words_alone_make_nobody(tmp_path: Path, store: Store) -> None:
    [found] = conversations(read(store, written(tmp_path, CHAT)))
    assert found.participants == ()


def test_what_is_not_certain_is_asked(tmp_path: Path, store: Store) -> None:
    file = written(
        tmp_path, "a,b,c\n1,Zoe,This is a long enough text to be said\n1,Max,And another long text is here\n"
    )
    with pytest.raises(MappingNeeded, match="a, b, c"):
        read(store, file)
    mapping = Mapping("turn", conversation_id="a", role="b", text="c", roles={"Zoe": "customer", "Max": "agent"})
    assert [role for role, _ in said(read(store, file, mapping))[0]] == ["customer", "agent"]


@pytest.mark.parametrize(
    "content",
    ["Dear team,\nI write to you, as promised, about the order.\nIt is late, again.\n", '{"a": 1, "b": 2}\n',
     "<html><body>a,b</body></html>", "", "one\ntwo\n", "price,count\n1,2\n3,4\n"],
)  # fmt: skip
def test_what_is_no_table_of_conversations_is_left_to_others(tmp_path: Path, content: str) -> None:
    assert CONNECTOR.detect(written(tmp_path, content).sample) is None


def test_a_header_without_rows_asks_nothing_of_the_reader(tmp_path: Path) -> None:
    assert delimiter_of(written(tmp_path, HEADER).sample) == ","


def test_the_separator_that_excel_names_is_taken(tmp_path: Path, store: Store) -> None:
    records = read(store, written(tmp_path, "sep=;\r\n" + CHAT.replace(",", ";").replace("\n", "\r\n")))
    assert said(records) == DIALOGUE
    assert conversations(records)[0].place == "line 3"


def test_a_column_name_with_bytes_that_are_no_text_costs_no_row(tmp_path: Path) -> None:
    text = "id,größe\n" + "".join(f"{number},schön und grün\n" for number in range(50))
    damaged = text.encode().replace("größe".encode(), "größe".encode() + b"\xff")
    table = read_table(written(tmp_path, damaged))
    assert table is not None
    assert table.columns == ("id", "größe\ufffd")
    assert sum(isinstance(row, Row) for row in table.rows) == 50


def test_a_damaged_parquet_file_is_a_reject(tmp_path: Path) -> None:
    path = tmp_path / "chats.parquet"
    pl.read_csv(io.StringIO(CHAT), infer_schema=False).write_parquet(path)
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)
    path.write_bytes(bytes(content))
    table = read_table(SourceFile(path))
    assert table is not None
    assert [row.code for row in table.rows if isinstance(row, Reject)] == ["unreadable"]


def test_a_table_in_a_zip_archive_is_read(tmp_path: Path, store: Store) -> None:
    pl.read_csv(io.StringIO(CHAT), infer_schema=False).write_parquet(tmp_path / "chats.parquet")
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(tmp_path / "chats.parquet", "chats.parquet")
        archive.writestr("chats.csv", CHAT)
    for member in ("chats.parquet", "chats.csv"):
        assert said(read(store, SourceFile(tmp_path / "export.zip", member))) == DIALOGUE


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('",\n;'))


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_whatever_is_written_as_a_table_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    frame = pl.DataFrame([("start", "x"), *rows], schema={"first": pl.String, "second": pl.String}, orient="row")
    frame.write_csv(folder / "a.csv", quote_style="always")
    table = read_table(SourceFile(folder / "a.csv"))
    assert table is not None
    found = [tuple(row.values.values()) for row in table.rows if isinstance(row, Row)]
    assert found == [("start", "x"), *(row for row in rows if any(row))]


def sheet(path: Path, rows: list[Any]) -> None:
    """Write the smallest workbook that Excel would open (ECMA-376, part 1, section 18.3)."""

    def cell(value: Any) -> str:
        if isinstance(value, datetime):
            return f'<c s="1"><v>{(value - datetime(1899, 12, 30, tzinfo=UTC)).total_seconds() / 86400}</v></c>'
        if isinstance(value, int):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value or ""}</t></is></c>' if value else "<c/>"

    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{relations}"><sheets>'
        '<sheet name="Sheet" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="r1" Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{relations}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{data}</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)

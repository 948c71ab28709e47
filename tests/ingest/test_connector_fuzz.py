"""Damaged samples: no connector crashes on them, none loses a record without saying so, none shows what was hidden."""

import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingest.clean.pipeline import clean
from ingest.errors import IngestError
from ingest.records import Conversation, Record, Reject
from ingest.source import SourceFile, walk
from store.database import Store
from tests.ingest.damage import (
    GONE,
    IN_JSON,
    IN_PARTS,
    LONG,
    NAMED,
    PEOPLE,
    PEOPLE_PARTS,
    SAMPLED,
    SAMPLES,
    Place,
    changed,
    copied,
    documents_of,
    ids,
    in_other_units,
    is_time,
    is_word,
    loaded,
    places_in,
    published,
    read,
    read_one,
    records_in,
    spoken,
    texts,
    value_at,
    written,
)

ODD = (None, "", "odd", 7, -1.5, True, [], {}, ["odd"], {"odd": "odd"})
MEMBERS = (None, "odd", 7, True, {"odd": "odd"})
EMPTY = (b"", b"\n", b"[]", b"{}", b"null", b"[[]]", b'{"data":[]}', b"\xef\xbb\xbf", b"a,b\n", b"<tickets></tickets>",
         b"WEBVTT\n", b"From \n", b"PK\x05\x06" + bytes(18))  # fmt: skip
BREAKS = ("<div><b>", "<table><tr><td", "<!--", "</p></div>", "<a href='x", "&#1114112;", "<p" * 300)
CLOSED = ("<div><b>", "</p></div>", "<p><i>")
"""Breaks behind which nothing is hidden, whoever reads it."""

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
MORE = settings(FEW, max_examples=25)


@pytest.mark.parametrize("connector", SAMPLED, ids=str)
def test_a_file_cut_at_any_tenth_gives_nothing_new_and_never_nothing(
    connector: str, store: Store, tmp_path: Path
) -> None:
    for file in walk([SAMPLES / connector]):
        assert isinstance(file, SourceFile)
        evidence = NAMED[connector].detect(file.sample)
        part, content = evidence.part if evidence else "", file.path.read_bytes()
        copy = tmp_path / file.path.relative_to(SAMPLES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            whole = read_one(NAMED[connector], file, part, store)
        except IngestError:
            continue  # said to a person, before anything is read
        for tenth in range(1, 10):
            copy.write_bytes(content[: len(content) * tenth // 10])
            try:
                cut = [record for entry in walk([copy]) for record in read_entry(connector, entry, part, store)]
            except IngestError:
                continue  # said to a person, before anything is read
            is_header_only = file.path.suffix == ".csv" and b"\n" not in copy.read_bytes()
            assert cut or not whole or is_header_only, (file.uri, tenth)
            assert ids(cut) <= ids(whole), (file.uri, tenth)


def read_entry(connector: str, entry: SourceFile | Reject, part: str, store: Store) -> list[Record]:
    """Read what was found on the disk; what cannot be opened at all is a reject already."""
    return [entry] if isinstance(entry, Reject) else read_one(NAMED[connector], entry, part, store)


BEFORE: dict[Path, list[Record]] = {}
"""What the undamaged samples give, read once each."""


def before_and_after(
    connector: str, document: Path, values: list[Any], folder: Path, store: Store
) -> tuple[list[Record], list[Record]]:
    """Read a sample's folder, and once more with other values in the sample; give up where a mapping is asked for."""
    copy = copied(document, folder / "damaged")
    try:
        if document not in BEFORE:
            BEFORE[document] = read(connector, copy.parent, store)
        written(copy, values)
        return BEFORE[document], read(connector, copy.parent, store)
    except IngestError:  # said to a person, before anything is read
        assume(False)
        raise


def drawn(
    data: st.DataObject, connector: str, is_meant: Callable[[Place, Any], bool]
) -> tuple[Path, list[Any], list[Place]]:
    """Draw a sample of the connector that has such places, and give its values and the places."""
    found = {document: [place for place in places_of(document) if is_meant(place, value_at(loaded(document), place))]
             for document in documents_of(connector)}  # fmt: skip
    document = data.draw(st.sampled_from([one for one, places in found.items() if places]))
    return document, loaded(document), found[document]


@cache
def places_of(document: Path) -> list[Place]:
    return places_in(loaded(document))


def holds(connector: str, is_meant: Callable[[Place, Any], bool]) -> bool:
    """Tell whether a connector's samples have such a place."""
    return any(
        is_meant(place, value_at(loaded(document), place))
        for document in documents_of(connector)
        for place in places_of(document)
    )


def is_person(place: Place, value: Any) -> bool:
    return place[-1] in PEOPLE and bool(value)


def is_list_of_people(connector: str, document: Path) -> bool:
    """Tell the files that hold nobody's words: users, contacts, agents."""
    evidence = [NAMED[connector].detect(file.sample) for file in walk([document]) if isinstance(file, SourceFile)]
    return any(one is not None and PEOPLE_PARTS.search(one.part) for one in evidence)


def is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) > LONG and " " in value[len(value) // 3 :] and "{" not in value


WITH_TIMES = [name for name in IN_PARTS if holds(name, is_time)]
WITH_LISTS = [name for name in IN_PARTS if any(is_list_of_people(name, one) for one in documents_of(name))]
WITH_PEOPLE = [name for name in IN_PARTS if name in WITH_LISTS or holds(name, is_person)]
WITH_TEXTS = [name for name in IN_PARTS if holds(name, lambda _, value: is_text(value))]


@pytest.mark.parametrize("connector", IN_PARTS, ids=str)
@MORE
@given(data=st.data())
def test_a_field_that_is_missing_null_or_of_another_type_costs_no_other_conversation(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    document, values, places = drawn(data, connector, lambda _place, _value: True)
    place = data.draw(st.sampled_from(places))
    odd = data.draw(st.sampled_from((GONE, *ODD)))
    other = changed(values, place, lambda _: odd)
    before, after = before_and_after(connector, document, other, tmp_path, store)
    assert len(after) >= len(before) - inner_rejects(value_at(values, place)), place
    assert len(ids(before) - ids(after)) <= 1, place
    assert not published(before, after), place


def inner_rejects(value: Any) -> int:
    """Count what the samples plant in a list to be rejected: it is gone with the list."""
    members = value if isinstance(value, list) else ()
    return sum(not isinstance(member, dict) for member in members if len(members) > 1)


@pytest.mark.parametrize("connector", IN_JSON, ids=str)
@FEW
@given(data=st.data())
def test_a_member_of_the_wrong_kind_is_one_reject_and_costs_nothing_else(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    document = data.draw(st.sampled_from([file for file in documents_of(connector) if file.suffix != ".csv"]))
    values = loaded(document)
    assume(holds_words(connector, document, tmp_path, store))
    member = data.draw(st.sampled_from(MEMBERS))
    at = data.draw(st.integers(0, len(values) - 1))
    records = records_in(values[at])
    assume(records != [()] or len(values) > 1)  # a document that is one record has no members
    if records == [()]:
        other = [*values[: at + 1], member, *values[at + 1 :]]
    else:
        chosen = data.draw(st.sampled_from(records))
        other = changed(values, (at, *chosen[:-1]), lambda held: [*held[: chosen[-1]], member, *held[chosen[-1] :]])
    before, after = before_and_after(connector, document, other, tmp_path, store)
    assert spoken(after) == spoken(before)
    assert len(after) == len(before) + 1


def holds_words(connector: str, document: Path, folder: Path, store: Store) -> bool:
    """Tell files with conversations from those beside them, of which what is not known is of no matter."""
    before, _ = before_and_after(connector, document, loaded(document), folder, store)
    content = json.dumps(loaded(document))
    return any(json.dumps(text)[1:-1] in content for text in texts(before, shown=True))


@pytest.mark.parametrize("connector", IN_PARTS, ids=str)
@MORE
@given(data=st.data())
def test_an_unknown_word_shows_nothing_that_was_hidden(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    document, values, places = drawn(data, connector, lambda _, value: is_word(value))
    place = data.draw(st.sampled_from(places))
    other = changed(values, place, lambda _: "zorkmid")
    before, after = before_and_after(connector, document, other, tmp_path, store)
    assert len(after) >= len(before), place
    assert len(ids(before) - ids(after)) <= 1, place
    assert not published(before, after), place


@pytest.mark.parametrize("connector", WITH_TIMES, ids=str)
@FEW
@given(data=st.data())
def test_times_in_other_units_cost_no_word(connector: str, store: Store, tmp_path: Path, data: st.DataObject) -> None:
    document, values, places = drawn(data, connector, is_time)
    unit = data.draw(st.sampled_from(("iso", "s", "ms", "us", "text")))
    chosen = data.draw(st.sampled_from([places, *([place] for place in places[:40])]))
    for place in chosen:
        values = changed(values, place, lambda held: in_other_units(held, unit))
    before, after = before_and_after(connector, document, values, tmp_path, store)
    assert said_in(after) == said_in(before)
    assert len(after) >= len(before)


def said_in(records: list[Record]) -> list[str]:
    return sorted(turn.text for one in records if isinstance(one, Conversation) for turn in one.turns)


@pytest.mark.parametrize("connector", WITH_PEOPLE, ids=str)
@FEW
@given(data=st.data())
def test_somebody_who_is_deleted_costs_no_word_and_shows_nothing_that_was_hidden(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    lists = [document for document in documents_of(connector) if is_list_of_people(connector, document)]
    is_record = bool(lists) and (not holds(connector, is_person) or data.draw(st.booleans()))
    if is_record:
        document = data.draw(st.sampled_from(lists))
        values, odd = loaded(document), GONE
        places = [(at, *record) for at, value in enumerate(values) for record in records_in(value)]
    else:
        document, values, places = drawn(data, connector, is_person)
        odd = data.draw(st.sampled_from((GONE, None)))
    place = data.draw(st.sampled_from(places))
    other = [*values[: place[0]], *values[place[0] + 1 :]] if len(place) == 1 else changed(values, place, lambda _: odd)
    before, after = before_and_after(connector, document, other, tmp_path, store)
    assert len(ids(before) - ids(after)) <= (0 if is_record else 1), place
    assert len(after) >= len(before) - is_record, place
    assert not published(before, after), place


@pytest.mark.parametrize("connector", WITH_TEXTS, ids=str)
@FEW
@given(data=st.data())
def test_html_that_breaks_off_costs_no_conversation_and_no_word_before_it(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    document, values, long = drawn(data, connector, lambda _, value: is_text(value))
    place = data.draw(st.sampled_from(long))
    broken = data.draw(st.sampled_from(BREAKS))
    text: str = value_at(values, place)
    middle = text.index(" ", len(text) // 3)
    other = changed(values, place, lambda _: text[:middle] + broken + text[middle:])
    before, after = before_and_after(connector, document, other, tmp_path, store)
    assert ids(after) == ids(before)
    turns = [turn for one in after if isinstance(one, Conversation) for turn in one.turns if broken in turn.text]
    for turn in turns:
        kept = clean(turn.text, body_format=turn.body_format)
        expected = turn.text.replace(broken, " ") if broken in CLOSED else turn.text.partition(broken)[0]
        missing = words(clean(expected, body_format=turn.body_format).text) - words(kept.text_full or kept.text)
        assert not missing, place


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


@pytest.mark.parametrize("connector", SAMPLED, ids=str)
def test_a_page_that_is_there_twice_says_nothing_twice(connector: str, store: Store, tmp_path: Path) -> None:
    folder = tmp_path / connector
    shutil.copytree(SAMPLES / connector, folder)
    before = read(connector, folder, store)
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        shutil.copy(file, file.with_name(f"{file.stem} (2){file.suffix}"))
    after = read(connector, folder, store)
    assert set(spoken(after)) == set(spoken(before))
    assert len(after) >= len(before)
    assert not published(before, after)


@pytest.mark.parametrize("connector", SAMPLED, ids=str)
def test_an_empty_export_gives_no_conversation_and_no_crash(connector: str, store: Store, tmp_path: Path) -> None:
    names = {path.name for path in (SAMPLES / connector).rglob("*") if path.is_file()}
    for name in sorted(names):
        path = tmp_path / name
        for content in EMPTY:
            path.write_bytes(content)
            try:
                records = [record for entry in walk([path]) for record in read_entry(connector, entry, "", store)]
            except IngestError:
                continue  # said to a person, before anything is read
            assert all(isinstance(record, Reject) for record in records), (name, content)


@pytest.mark.parametrize("connector", [name for name in SAMPLED if name not in IN_JSON], ids=str)
@MORE
@given(data=st.data())
def test_lines_that_are_lost_doubled_or_foreign_crash_nothing(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    paths = sorted(path for path in (SAMPLES / connector).rglob("*") if path.is_file())
    source = data.draw(st.sampled_from(paths))
    lines = source.read_bytes().split(b"\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    foreign = [b"", b"odd", b"\x00\xff\xfe", b"<div><b", b"{", b"--", b"00:00:01.000 --> 00:00:00.500", b'"']
    middle = data.draw(st.sampled_from([[], [lines[at]] * 2, *([one, lines[at]] for one in foreign)]))
    path = tmp_path / source.name
    path.write_bytes(b"\n".join([*lines[:at], *middle, *lines[at + 1 :]]))
    try:
        records = [record for entry in walk([path]) for record in read_entry(connector, entry, "", store)]
    except IngestError:
        return  # said to a person, before anything is read
    assert all(isinstance(record, Conversation | Reject) for record in records)

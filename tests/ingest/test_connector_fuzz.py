"""Damaged samples: no connector crashes on them, and none loses a record without saying so."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.connector import Connector, Reading, Recognised
from ingest.errors import IngestError
from ingest.plan import plan
from ingest.records import Conversation, Record
from ingest.registry import available
from ingest.source import SourceFile, walk
from store.database import Store

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
ODD = (None, "", "odd", 7, -1.5, True, [], {}, ["odd"], {"odd": "odd"})
GONE = object()

Path_ = tuple[str | int, ...]


def loaded(file: Path) -> list[Any]:
    """Give the JSON values of a file, one or one a line; none where it is no JSON."""
    if not file.is_file() or file.suffix not in (".json", ".jsonl", ".ndjson"):
        return []
    text = file.read_text(encoding="utf-8")
    try:
        return [json.loads(text)]
    except ValueError:
        return [value for line in text.splitlines() if (value := parsed(line)) is not None]


def parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def documents_of(connector: str) -> list[Path]:
    """Give a connector's samples that are JSON."""
    return [file for file in sorted((SAMPLES / connector).rglob("*")) if loaded(file)]


NAMED = {one.name: one for one in available()}
SAMPLED = [name for name in NAMED if (SAMPLES / name).is_dir()]
IN_JSON = [name for name in SAMPLED if documents_of(name)]


def read(connector: Connector, folder: Path, store: Store) -> list[Record]:
    """Read the files as the plan groups them, whether their damage hides from the connector that they are its own."""
    return [
        record
        for batch in plan([folder], connector=connector.name).batches
        for record in connector.read(Reading(batch.files, store.spool()))
    ]


def ids(records: list[Record]) -> set[str]:
    return {record.external_id for record in records if isinstance(record, Conversation) and record.external_id}


@pytest.mark.parametrize("connector", SAMPLED, ids=str)
@pytest.mark.parametrize("tenth", range(1, 10))
def test_a_file_cut_at_any_tenth_gives_nothing_new_and_never_nothing(
    connector: str, tenth: int, store: Store, tmp_path: Path
) -> None:
    for file in walk([SAMPLES / connector]):
        assert isinstance(file, SourceFile)
        content = file.path.read_bytes()
        copy = tmp_path / file.path.relative_to(SAMPLES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content[: len(content) * tenth // 10])
        evidence = NAMED[connector].detect(file.sample)
        try:
            whole = read_one(NAMED[connector], file, evidence.part if evidence else "", store)
            cut = [
                record
                for entry in walk([copy])
                for record in (
                    read_one(NAMED[connector], entry, evidence.part if evidence else "", store)
                    if isinstance(entry, SourceFile)
                    else [entry]
                )
            ]
        except IngestError:
            continue  # said to a person, before anything is read
        is_header_only = file.path.suffix == ".csv" and b"\n" not in copy.read_bytes()
        assert cut or not whole or is_header_only, file.uri
        assert ids(cut) <= ids(whole), file.uri


def read_one(connector: Connector, file: SourceFile, part: str, store: Store) -> list[Record]:
    return list(connector.read(Reading((Recognised(file, part),), store.spool())))


@pytest.mark.parametrize("connector", IN_JSON, ids=str)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_field_that_is_missing_null_or_of_another_type_costs_no_other_conversation(
    connector: str, store: Store, tmp_path: Path, data: st.DataObject
) -> None:
    chosen = data.draw(st.sampled_from(documents_of(connector)))
    values = loaded(chosen)
    folder = tmp_path / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(chosen.parent, folder)
    write(folder / chosen.name, values)
    before = read(NAMED[connector], folder, store)
    at = data.draw(st.integers(0, len(values) - 1))
    places = [path for record in records_in(values[at]) for path in below(values[at], record)]
    if not places:
        return
    path = data.draw(st.sampled_from(places))
    changed = damaged(values[at], path, data.draw(st.sampled_from((GONE, *ODD))))
    write(folder / chosen.name, [*values[:at], changed, *values[at + 1 :]])
    try:
        after = read(NAMED[connector], folder, store)
    except IngestError:
        return  # a mapping is asked for, before anything is read
    assert len(after) >= len(before), path
    assert len(ids(before) - ids(after)) <= 1, path


def write(path: Path, values: list[Any]) -> None:
    path.write_text("\n".join(map(json.dumps, values)), encoding="utf-8")


def records_in(value: Any) -> list[Path_]:
    """Say where the records of a document stand: in the list that a page is around, or as the document itself."""
    if isinstance(value, list):
        return [(at,) for at in range(len(value))]
    if isinstance(value, dict) and isinstance(value.get("chats"), dict):
        return [("chats", "list", at) for at in range(len(value["chats"].get("list", ())))]
    if isinstance(value, dict) and "id" not in value:
        lists = [(name, held) for name, held in value.items() if isinstance(held, list) and held]
        if len(lists) == 1 and len(value) < 12:
            return [(lists[0][0], at) for at in range(len(lists[0][1]))]
    return [()]


def below(value: Any, path: Path_) -> Iterator[Path_]:
    """Give the paths of everything within a record."""
    for step in path:
        value = value[step]
    yield from within(value, path)


def within(value: Any, path: Path_) -> Iterator[Path_]:
    items = value.items() if isinstance(value, dict) else enumerate(value[:5]) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*path, step)
        yield from within(inner, (*path, step))


def damaged(value: Any, path: Path_, odd: object) -> Any:
    copy = json.loads(json.dumps(value))
    holder = copy
    for step in path[:-1]:
        holder = holder[step]
    if odd is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = odd
    return copy

"""Take sample exports apart and put them together again with something wrong in them."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ingest.connector import Connector, Reading, Recognised
from ingest.plan import plan
from ingest.records import Conversation, Record
from ingest.registry import available
from ingest.source import SourceFile
from ingest.times import parse
from store.database import Store

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
PEOPLE = frozenset({
    "user", "author", "visitor", "sender", "requester", "contact", "actor", "fromUser", "fromExternalContact",
    "customer", "assignee", "from", "author_id", "user_id", "sender_id", "member", "profile", "participantId",
})  # fmt: skip
"""Names under which formats keep who somebody is, as an object or as an id."""

NO_PAGES = frozenset({"signatures", "recipients"})
"""Lists that stand alone in an object and are no list of records."""

PEOPLE_PARTS = re.compile(r"user|agent|contact|actor|people|participant|admin|member|teammate")
TIME_NAMES = re.compile(r"(?:_at|At|[Tt]ime(?:stamp)?|[Dd]ate|created|updated|DateTime|utc|_usec)(?:$|_)")
WORD = re.compile(r"[A-Za-z][A-Za-z_.:-]{0,29}")
LONG = 20
"""Texts this long are told apart; shorter ones ("ok") are said by everybody."""

Place = tuple[str | int, ...]
NAMED = {one.name: one for one in available()}
SAMPLED = [name for name in NAMED if (SAMPLES / name).is_dir()]


@cache
def loaded(file: Path) -> list[Any]:
    """Give the values of a JSON file, one or one a line, or the rows of a table; none where it is neither."""
    if file.suffix == ".csv":
        return rows_of(file)
    if file.suffix not in JSON_SUFFIXES:
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


def rows_of(file: Path) -> list[Any]:
    """Give a table's rows by column; none where it is no UTF-8 with commas, or has a row that does not fit."""
    try:
        rows = list(csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"))))
    except UnicodeDecodeError:
        return []
    header, *others = rows
    if len(header) < 2:
        return []
    return [dict(zip(header, row, strict=True)) for row in others if len(row) == len(header)]


def written(file: Path, values: list[Any]) -> None:
    """Write values back in the form that they came in; a table's cells as text."""
    if file.suffix != ".csv":
        file.write_text("\n".join(map(json.dumps, values)) + "\n", encoding="utf-8")
        return
    columns = list(dict.fromkeys(name for value in values for name in value))
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows({name: cell(held) for name, held in value.items()} for value in values)


def cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


@cache
def documents_of(connector: str) -> list[Path]:
    """Give a connector's samples that can be taken apart."""
    files = sorted(path for path in (SAMPLES / connector).rglob("*") if path.is_file())
    return [file for file in files if loaded(file)]


IN_PARTS = [name for name in SAMPLED if documents_of(name)]
IN_JSON = [name for name in IN_PARTS if any(file.suffix != ".csv" for file in documents_of(name))]


def copied(document: Path, folder: Path) -> Path:
    """Copy the folder that a sample lies in, with the sample written anew, and give the copy of the sample."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(document.parent, folder)
    written(folder / document.name, loaded(document))
    return folder / document.name


def read(connector: str, folder: Path, store: Store) -> list[Record]:
    """Read the files as the plan groups them, whether their damage hides from the connector that they are its own."""
    return [
        record
        for batch in plan([folder], connector=connector).batches
        for record in batch.connector.read(Reading(batch.files, store.spool()))
    ]


def read_one(connector: Connector, file: SourceFile, part: str, store: Store) -> list[Record]:
    return list(connector.read(Reading((Recognised(file, part),), store.spool())))


def ids(records: list[Record]) -> set[str]:
    return {record.external_id for record in records if isinstance(record, Conversation) and record.external_id}


def spoken(records: list[Record]) -> list[tuple[str | None, tuple[str, ...]]]:
    """Give what is said in each conversation, sorted, whatever its order."""
    found = [(one.external_id, tuple(sorted(turn.text for turn in one.turns)))
             for one in records if isinstance(one, Conversation)]  # fmt: skip
    return sorted(found, key=str)


def texts(records: list[Record], *, shown: bool) -> set[str]:
    """Give the long texts that are shown to the model, or those that are not."""
    return {
        turn.text
        for one in records
        if isinstance(one, Conversation)
        for turn in one.turns
        if len(turn.text) >= LONG and (turn.visibility == "public") == shown
    }


def published(before: list[Record], after: list[Record]) -> set[str]:
    """Give the texts that were hidden everywhere and are shown now."""
    return (texts(before, shown=False) - texts(before, shown=True)) & texts(after, shown=True)


def records_in(value: Any) -> list[Place]:
    """Say where the records of a document stand: in the list that a page is around, or as the document itself."""
    if isinstance(value, list):
        return [(at,) for at in range(len(value))]
    if isinstance(value, dict) and isinstance(value.get("chats"), dict):
        return [("chats", "list", at) for at in range(len(value["chats"].get("list", ())))]
    if isinstance(value, dict) and "id" not in value:
        lists = [
            (name, held) for name, held in value.items() if isinstance(held, list) and held and name not in NO_PAGES
        ]
        if len(lists) == 1 and len(value) < 12:
            return [(lists[0][0], at) for at in range(len(lists[0][1]))]
    return [()]


def places_in(values: list[Any]) -> list[Place]:
    """Give the place of everything within the records of a file; the first step is the value's number."""
    return [(at, *place) for at, value in enumerate(values)
            for record in records_in(value) for place in within(value_at(value, record), record)]  # fmt: skip


def within(value: Any, place: Place) -> Iterator[Place]:
    items = value.items() if isinstance(value, dict) else enumerate(value[:5]) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*place, step)
        yield from within(inner, (*place, step))


def value_at(values: Any, place: Place) -> Any:
    for step in place:
        values = values[step]
    return values


GONE = object()


def changed(values: list[Any], place: Place, change: Callable[[Any], Any]) -> list[Any]:
    """Copy the values with another one at the place, or none."""
    copy = json.loads(json.dumps(values))
    holder = value_at(copy, place[:-1])
    new = change(holder[place[-1]])
    if new is GONE:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return copy


def is_time(place: Place, value: Any) -> bool:
    """Tell a time by its name and by its reading."""
    name = next((step for step in reversed(place) if isinstance(step, str)), "")
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not TIME_NAMES.search(name):
        return False
    return parse(value).at is not None


def in_other_units(value: Any, unit: str) -> Any:
    """Write a time in another unit: as ISO 8601, or counted from the epoch."""
    at = parse(value).at
    assert at is not None
    seconds = at.timestamp()
    return {"iso": at.isoformat(), "s": seconds, "ms": round(seconds * 1000), "us": round(seconds * 10**6),
            "text": str(round(seconds * 1000))}[unit]  # fmt: skip


def is_word(value: Any) -> bool:
    """Tell what may be one of a format's fixed words."""
    return isinstance(value, str) and WORD.fullmatch(value) is not None

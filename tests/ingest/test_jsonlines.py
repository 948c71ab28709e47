"""JSON of any nesting becomes conversations through a mapping, suggested or given."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.jsonlines import CONNECTOR
from ingest.errors import IngestError, MappingNeeded
from ingest.mapping import Mapping
from ingest.records import Conversation, Record, Reject
from ingest.source import SourceFile
from store.database import Store

TURNS = [
    {"speaker": "customer", "text": "Where is it?", "ts": 1589375697, "labels": {"mood": "cross"}},
    {"speaker": "agent", "text": "On its way.", "ts": 1589375714},
    {"speaker": "system", "text": "Order 7 looked up"},
]
RECORD = {"id": "1", "source": "shop", "lang": "en", "turns": TURNS, "meta": {"channel": "chat", "plan": "gold"}}


def written(tmp_path: Path, records: list[Any], name: str = "chats.jsonl") -> SourceFile:
    path = tmp_path / name
    path.write_text("\n".join(record if isinstance(record, str) else json.dumps(record) for record in records))
    return SourceFile(path)


def read(store: Store, file: SourceFile, mapping: Mapping | None = None) -> list[Record]:
    return list(CONNECTOR.read(Reading((Recognised(file),), store.spool(), mapping)))


def only(records: list[Record]) -> Conversation:
    [record] = records
    assert isinstance(record, Conversation)
    return record


def test_a_line_a_conversation_is_read_with_all_it_says(tmp_path: Path, store: Store) -> None:
    found = only(read(store, written(tmp_path, [RECORD])))
    assert (found.external_id, found.language, found.channel, found.place) == ("1", "en", "chat", "line 1")
    assert [(turn.role, turn.text, turn.created_at) for turn in found.turns] == [
        ("customer", "Where is it?", 1589375697), ("agent", "On its way.", 1589375714),
        ("system", "Order 7 looked up", None),
    ]  # fmt: skip
    assert [turn.place for turn in found.turns] == ["line 1 turn 1", "line 1 turn 2", "line 1 turn 3"]
    assert found.custom == {"source": "shop", "meta": {"plan": "gold"}}
    assert found.turns[0].custom == {"labels": {"mood": "cross"}}


def test_a_line_a_turn_is_grouped_whatever_the_order(tmp_path: Path, store: Store) -> None:
    rows = [
        {"conversation": {"id": number}, "from": {"type": who, "name": name}, "body": {"text": text}, "at": at}
        for number, who, name, text, at in [
            (2, "visitor", "Ann", "hello there", "2026-01-01T10:00:00Z"),
            (1, "visitor", "Bo", "hi there", "2026-01-01T09:00:00Z"),
            (2, "operator", "Cy", "good morning", "2026-01-01T10:01:00Z"),
        ]
    ]
    first, second = read(store, written(tmp_path, rows))
    assert isinstance(first, Conversation)
    assert isinstance(second, Conversation)
    assert [(c.external_id, c.place) for c in (first, second)] == [("1", "line 2"), ("2", "line 1")]
    assert [(turn.role, turn.author, turn.place) for turn in second.turns] == [
        ("customer", "Ann", "line 1"), ("agent", "Cy", "line 3"),
    ]  # fmt: skip
    assert [(p.role, p.display_name) for p in second.participants] == [("customer", "Ann"), ("agent", "Cy")]


def test_broken_lines_are_rejects_and_the_rest_is_read(tmp_path: Path, store: Store) -> None:
    records: list[Any] = [RECORD, '{"id": "2", "turns": [{"speaker": "customer", "text": "sec', [1], {"id": "4"},
                          RECORD | {"id": "5", "turns": []}, RECORD | {"id": "6", "turns": ["secret"]},
                          RECORD | {"id": "7", "turns": [{"speaker": "wichtel", "text": "secret"}]},
                          RECORD | {"id": "8"}, '{"id": "9", "turns": [{"speaker"']  # fmt: skip
    records += [RECORD | {"id": str(number)} for number in range(10, 60)]
    found = read(store, written(tmp_path, records))
    assert [record.external_id for record in found if isinstance(record, Conversation)][:3] == ["1", "8", "10"]
    rejects = [record for record in found if isinstance(record, Reject)]
    assert [(reject.place, reject.code) for reject in rejects] == [
        ("line 2", "bad_json"), ("line 3", "bad_record"), ("line 4", "no_turns"), ("line 5", "no_turns"),
        ("line 6", "bad_record"), ("line 7", "bad_record"), ("line 9", "bad_json"),
    ]  # fmt: skip
    assert all("secret" not in reject.detail and "wichtel" not in reject.detail for reject in rejects)


def test_long_ids_nan_and_half_pairs_are_met(tmp_path: Path, store: Store) -> None:
    line = (
        '{"id":12345678901234567890123,"score":NaN,"turns":[{"speaker":"customer","text":"oh \\ud83d"},'
        '{"speaker":"agent","text":"yes"}]}'
    )
    found = only(read(store, written(tmp_path, [line])))
    assert found.external_id == "12345678901234567890123"
    assert found.turns[0].text == "oh \ufffd"


def test_an_18_mb_line_is_recognised_and_read(tmp_path: Path, store: Store) -> None:
    record = {"id": "1", "turns": [{"speaker": "customer", "text": "why " * 250}] * 18_000}
    file = written(tmp_path, [record])
    evidence = CONNECTOR.detect(file.sample)
    assert evidence is not None
    assert evidence.confidence >= 0.8
    assert len(only(read(store, file)).turns) == 18_000


def test_a_turn_that_stands_twice_is_kept_once_and_shared_ids_are_none(tmp_path: Path, store: Store) -> None:
    turns = [{"message_id": "m1", "speaker": "customer", "text": "hi"}] * 2
    turns += [{"message_id": "m1", "speaker": "agent", "text": "another"}]
    reject, found = read(store, written(tmp_path, [{"id": "1", "turns": turns}]))
    assert isinstance(reject, Reject)
    assert (reject.place, reject.code) == ("line 1 turn 2", "bad_record")
    assert isinstance(found, Conversation)
    assert [(turn.external_id, turn.text) for turn in found.turns] == [("m1", "hi"), (None, "another")]


def test_custom_fields_under_a_mapped_path_keep_what_is_left(tmp_path: Path, store: Store) -> None:
    record = RECORD | {"user": {"id": "u1", "name": "Ann", "vip": True}}
    found = only(read(store, written(tmp_path, [record])))
    assert found.custom["user"] == {"vip": True}
    assert [(p.external_id, p.display_name) for p in found.participants] == [("u1", "Ann")]


def test_unclear_records_are_asked_about_and_a_mapping_answers(tmp_path: Path, store: Store) -> None:
    file = written(
        tmp_path, [{"k": "1", "xs": [{"a": "L", "b": "a long text is said here"}, {"a": "R", "b": "and there"}]}]
    )
    with pytest.raises(MappingNeeded, match="xs"):
        read(store, file)
    mapping = Mapping("conversation", turns="xs", text="b", role="a", roles={"L": "customer", "R": "agent"})
    assert [turn.role for turn in only(read(store, file, mapping)).turns] == ["customer", "agent"]
    with pytest.raises(IngestError, match="Did you mean xs"):
        read(store, file, Mapping("conversation", turns="xss", text="b", role="a"))


@pytest.mark.parametrize("content", ['{"a": 1}\n{"a": 2}\n', "[1, 2, 3]", "plain text", '{"id": 1, "name": "x"}'])
def test_json_in_which_nothing_is_said_is_left_to_others(tmp_path: Path, content: str) -> None:
    assert CONNECTOR.detect(written(tmp_path, [content]).sample) is None


@pytest.mark.corpus
def test_every_real_corpus_is_read_with_certainty_and_without_rejects(shared: Path, store: Store) -> None:
    for path in sorted((shared / "data" / "conversations").glob("*.jsonl.gz")):
        file = SourceFile(path)
        evidence = CONNECTOR.detect(file.sample)
        assert evidence is not None, path.name
        assert evidence.confidence >= 0.8, path.name
        with gzip.open(path) as stream:
            lines = [json.loads(line) for line in stream]
        found = read(store, file)
        assert not [record for record in found if isinstance(record, Reject)], path.name
        told = [[(t.role, t.text) for t in c.turns] for c in found if isinstance(c, Conversation)]
        assert told == [[(t["speaker"], t["text"]) for t in line["turns"]] for line in lines], path.name

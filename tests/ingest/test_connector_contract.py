"""What every connector promises, tried on its own samples in sample_logs/<its name>."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.connector import Connector, Reading, Recognised
from ingest.detection import explain
from ingest.errors import IngestError
from ingest.plan import PlannedBatch, plan
from ingest.records import Automation, Completeness, Conversation, Record, Reject
from ingest.registry import available
from ingest.source import SourceFile, walk
from store.database import Store
from store.spool import Spool

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"

pytestmark = pytest.mark.parametrize("connector", available(), ids=lambda connector: connector.name)


def sample_folder(connector: Connector) -> Path:
    folder = SAMPLES / connector.name
    if not folder.is_dir():
        pytest.skip(f"there is no sample_logs/{connector.name}")
    return folder


def batches(connector: Connector, path: Path | None = None) -> tuple[PlannedBatch, ...]:
    planned = plan([path or sample_folder(connector)]).batches
    assert planned
    return planned


def read(batch: PlannedBatch, spool: Spool) -> Iterator[Record]:
    return batch.connector.read(Reading(batch.files, spool))


def test_it_is_surest_of_its_own_samples(connector: Connector) -> None:
    for file in walk([sample_folder(connector)]):
        assert isinstance(file, SourceFile), file
        (owner, evidence), *others = explain(file)
        assert owner.name == connector.name, file.uri
        assert evidence.confidence >= 0.8, file.uri
        assert evidence.reasons, file.uri
        assert all(other.confidence < evidence.confidence for _, other in others), file.uri


def test_its_reasons_hold_no_text_of_the_file(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        said = {
            turn.text
            for record in read(batch, store.spool())
            if isinstance(record, Conversation)
            for turn in record.turns
        }
        long = [text for text in said if len(text) > 30]
        assert long
        assert not any(text in reason for text in long for reason in batch.evidence.reasons)


def test_reading_twice_gives_the_same(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        assert list(read(batch, store.spool())) == list(read(batch, store.spool()))


def test_it_gives_placed_conversations_with_turns_or_explained_rejects(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        records = list(read(batch, store.spool()))
        assert any(isinstance(record, Conversation) for record in records)
        for record in records:
            assert record.place
            if isinstance(record, Reject):
                assert record.detail
                continue
            assert record.turns
            assert all(turn.place for turn in record.turns)
            known = {person.external_id for person in record.participants}
            assert {turn.author for turn in record.turns} - {None} <= known


def test_what_it_means_is_said_in_the_same_words_as_everywhere(connector: Connector, store: Store) -> None:
    found = [record for batch in batches(connector) for record in read(batch, store.spool())]
    for record in (record for record in found if isinstance(record, Conversation)):
        assert record.completeness in get_args(Completeness)
        assert all(0 <= person.confidence <= 1 for person in record.participants), record.place
        if record.csat_score is not None:
            assert 0 <= record.csat_score <= 1, record.place
            assert record.csat_scale, record.place
            assert "csat_original" in record.custom, record.place
        assert (record.csat_score is None) == (record.csat_label is None), record.place
        for turn in record.turns:
            assert turn.automation in (None, *get_args(Automation)), turn.place
            if turn.kind == "message":
                assert turn.is_automated == (turn.automation is not None), turn.place
                assert turn.is_automated or turn.role != "bot", turn.place


def test_external_ids_are_its_own_within_a_batch(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        records = [record for record in read(batch, store.spool()) if isinstance(record, Conversation)]
        for record in records:
            ids = [turn.external_id for turn in record.turns if turn.external_id is not None]
            assert len(ids) == len(set(ids)), record.place


def test_it_streams(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        records = read(batch, store.spool())
        assert iter(records) is records
        assert isinstance(next(records), Conversation | Reject)


def test_no_reject_tells_what_was_said(connector: Connector, store: Store) -> None:
    for batch in batches(connector):
        records = list(read(batch, store.spool()))
        said = {turn.text for record in records if isinstance(record, Conversation) for turn in record.turns}
        long = [text for text in said if len(text) > 20]
        for record in records:
            if isinstance(record, Reject):
                assert not any(text in record.detail for text in long)


def test_a_file_cut_in_the_middle_gives_what_is_complete_and_a_reject(
    connector: Connector, store: Store, tmp_path: Path
) -> None:
    cut = 0
    for file in walk([sample_folder(connector)]):
        assert isinstance(file, SourceFile)
        content = file.path.read_bytes()
        copy = tmp_path / file.path.relative_to(SAMPLES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content[: _within_a_record(content)])
        whole = {record.external_id for record in _conversations(connector, file, store)}
        rejects, found = 0, set[str | None]()
        for entry in walk([copy]):
            if isinstance(entry, Reject):
                rejects += 1
                continue
            try:
                records = list(connector.read(_reading(connector, entry, store)))
            except IngestError:
                rejects += 1
                continue
            rejects += sum(isinstance(record, Reject) for record in records)
            found |= {record.external_id for record in records if isinstance(record, Conversation)}
        assert rejects, file.uri
        assert found <= whole, file.uri
        cut += bool(found) or not whole
    assert cut


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=st.binary(max_size=400),
    prefix=st.sampled_from([b"", b'{"id":1,', b"[{", b"a,b\n", b"PK\x03\x04", b"PAR1", b"\x1f\x8b"]),
)
def test_random_bytes_never_crash_it(
    connector: Connector, store: Store, tmp_path: Path, content: bytes, prefix: bytes
) -> None:
    path = tmp_path / "random.bin"
    path.write_bytes(prefix + content)
    for file in walk([path]):
        if isinstance(file, Reject):
            continue
        evidence = connector.detect(file.sample)
        assert evidence is None or 0 <= evidence.confidence <= 1
        try:
            records = list(connector.read(_reading(connector, file, store)))
        except IngestError:
            continue  # said to a person, before anything is read
        assert all(isinstance(record, Conversation | Reject) for record in records)


def _reading(connector: Connector, file: SourceFile, store: Store) -> Reading:
    evidence = connector.detect(file.sample)
    return Reading((Recognised(file, evidence.part if evidence else ""),), store.spool())


def _conversations(connector: Connector, file: SourceFile, store: Store) -> list[Conversation]:
    records = connector.read(_reading(connector, file, store))
    return [record for record in records if isinstance(record, Conversation)]


def _within_a_record(content: bytes) -> int:
    """Choose a place in the middle, a little behind where a line starts, so that text formats show the cut."""
    middle = len(content) // 2
    line = content.find(b"\n", middle)
    return middle if line < 0 or line > middle + 5000 else line + 4

"""Files go to the connector that is surest of them; unknown names and files are said plainly."""

from pathlib import Path

import pytest

from ingest import detection
from ingest.connector import Evidence
from ingest.detection import explain, recognise
from ingest.errors import UnknownConnector
from ingest.registry import MODULES, available, find
from ingest.source import Sample, SourceFile


class Believer:
    """A connector that believes in every file, as far as it is told."""

    def __init__(self, name: str, confidence: float | None) -> None:
        self.name = name
        self._confidence = confidence

    def detect(self, sample: Sample) -> Evidence | None:
        return None if self._confidence is None else Evidence(self._confidence, ("told so",))


def file_with(tmp_path: Path, content: bytes) -> SourceFile:
    (tmp_path / "a.txt").write_bytes(content)
    return SourceFile(tmp_path / "a.txt")


def test_the_surest_connector_wins_and_equals_go_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    believers = (Believer("c", 0.9), Believer("b", 0.9), Believer("a", 0.5), Believer("d", None))
    monkeypatch.setattr(detection, "available", lambda: believers)
    file = file_with(tmp_path, b"x")
    assert [connector.name for connector, _ in explain(file)] == ["b", "c", "a"]
    found = recognise(file)
    assert found is not None
    assert (found[0].name, found[1].confidence) == ("b", 0.9)


@pytest.mark.parametrize(
    "content", [b"Dear all, this is no export.\n", bytes(range(256)) * 40, b"%PDF-1.7 ...", b"<a/>"]
)
def test_what_nobody_knows_is_recognised_by_nobody(tmp_path: Path, content: bytes) -> None:
    assert recognise(file_with(tmp_path, content)) is None


def test_the_connectors_are_listed_by_name() -> None:
    assert [connector.name for connector in available()] == sorted(MODULES)
    assert all(find(connector.name) is connector for connector in available())


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(UnknownConnector, match=r"Did you mean zendesk\? Known: .*chat, .*intercom, .*tables, "):
        find("zendeks")

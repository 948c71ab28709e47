"""Walking into huge objects: every item with its path, whatever stands beside it, wherever the file breaks off."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.json_walk import walk_json
from ingest.records import Reject
from ingest.source import SourceFile

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def walk(path: Path, text: str) -> list[Any]:
    path.write_text(text, encoding="utf-8")
    return list(walk_json(SourceFile(path), ("chats", "list"), ("messages",)))


def values(found: list[Any]) -> list[tuple[Any, Any]]:
    return [(one[0], one[2]) for one in found if not isinstance(one, Reject)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(chats=st.lists(st.lists(JSON, max_size=4), max_size=3), about=JSON)
def test_every_item_comes_with_its_path(tmp_path: Path, chats: list[list[Any]], about: Any) -> None:
    listed = [{"name": f"c{at}", "messages": messages} for at, messages in enumerate(chats)]
    found = values(walk(tmp_path / "a.json", json.dumps({"about": about, "chats": {"list": listed}})))
    expected: list[tuple[Any, Any]] = [(("about",), about)]
    for at, messages in enumerate(chats):
        expected.append((("chats", "list", at, "name"), f"c{at}"))
        expected += [(("chats", "list", at, "messages"), message) for message in messages]
    assert found == expected


@pytest.mark.parametrize("end", range(1, 90))
def test_a_cut_file_gives_what_is_complete_and_says_so(tmp_path: Path, end: int) -> None:
    whole = json.dumps({"chats": {"list": [{"name": "n", "messages": [{"id": at} for at in range(5)]}]}})
    complete = values(walk(tmp_path / "a.json", whole))
    found = walk(tmp_path / "a.json", whole[:end] if end < len(whole) else whole[:-1])
    assert values(found) == complete[: len(values(found))]
    assert any(isinstance(one, Reject) and one.code in ("truncated", "bad_json") for one in found)


@pytest.mark.parametrize("text", ['{"messages": 5}', '{"chats": []}', "[1, 2]", '"text"', "{}"])
def test_other_shapes_give_their_values(tmp_path: Path, text: str) -> None:
    assert not any(isinstance(one, Reject) for one in walk(tmp_path / "a.json", text))

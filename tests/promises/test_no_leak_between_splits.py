"""Promise 7: no customer and no near-duplicate cluster on both sides, recomputed here from the store and the files."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from store.workspace import Workspace

Chatmill = Callable[..., Any]


def test_no_customer_and_no_cluster_stands_in_two_splits(
    chatmill: Chatmill, sample_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = chatmill("run", sample_logs, "-w", tmp_path / "workspace", "--json")
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)
    with Workspace.find(tmp_path / "workspace").open() as store:
        items = "SELECT * FROM dataset_items WHERE split <> 'excluded'"
        mails = store.rows(
            f"SELECT split, lower(email) FROM ({items}) JOIN participants USING (conversation_key) "
            "WHERE role = 'customer' AND email IS NOT NULL"
        )
        clusters = store.rows(f"SELECT split, cluster FROM ({items}) JOIN duplicates USING (conversation_key)")
    for pairs in (mails, clusters):
        by_split: dict[str, set[str]] = {}
        for split, value in pairs:
            by_split.setdefault(split, set()).add(value)
        assert all(not one & other for one, other in combinations(by_split.values(), 2))
    assert len({split for split, _ in mails}) == 3, "too few splits hold customers: the test no longer tests"
    manifest = json.loads((Path(ran.document["folder"]) / "manifest.json").read_text(encoding="utf-8"))
    assert set(_numbers(manifest["overlap"])) == {0}


def _numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    return [value] if isinstance(value, int) else []

"""Promise 8: every exported line can be explained, back to its file and record, without showing an original value."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Chatmill = Callable[..., Any]


def test_every_line_leads_back_to_a_record_of_its_file(
    chatmill: Chatmill, export: Path, tmp_path: Path, planted: list[str]
) -> None:
    ran = chatmill("run", export, "-w", tmp_path / "workspace", "--json")
    lines = (export / "chats.jsonl").read_text(encoding="utf-8").splitlines()
    for split, number in (("train", 1), ("train", 40), ("validation", 1), ("test", 1)):
        told = chatmill("explain", "latest", number, "--split", split, "-w", tmp_path / "workspace", "--json")
        assert told.code == 0, told.err
        text = json.dumps(told.document)
        source = next(part for part in _strings(told.document) if part.startswith("line "))
        record = json.loads(lines[int(source.split()[1].rstrip(":,")) - 1])
        assert record["id"] in set(_strings(told.document))
        assert ran.document["dataset"] in text
        assert "chats.jsonl" in text
        assert "EMAIL_ADDRESS" in text
        assert not [value for value in planted if value in text.replace("customer_email", "")]


def test_a_line_that_is_not_there_is_a_mistake_with_a_hint(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    chatmill("run", export, "-w", tmp_path / "workspace")
    told = chatmill("explain", "latest", 99999, "-w", tmp_path / "workspace")
    assert told.code == 2
    assert "next" in told.err


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in _strings(each)]
    return [value] if isinstance(value, str) else []

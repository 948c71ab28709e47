"""What was planted in the sample exports (tests/planted.json) and must not be in what is exported from them.

Names that stand alone, addresses without a street word and bare codes need the name model and are not asked for here.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from store.workspace import Workspace

Chatmill = Callable[..., Any]

NEVER = {"EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "PHONE_NUMBER", "US_SSN", "PASSWORD", "IP_ADDRESS"}
PLANTED = Path(__file__).resolve().parents[1] / "planted.json"


def test_no_planted_number_address_or_secret_is_exported(
    chatmill: Chatmill, sample_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = chatmill("run", sample_logs, "-w", tmp_path / "workspace", "--json")
    exported = _exported(ran, monkeypatch)
    conversations = json.loads(PLANTED.read_text(encoding="utf-8"))["conversations"]
    looked_for: set[str] = set()
    found: list[str] = []
    for entry in conversations:
        text = exported.get((entry["connector"], entry["external_id"]))
        for value in entry["values"] if text is not None else []:
            if value["type"] in NEVER:
                looked_for.add(value["type"])
                stands = re.search(rf"(?<!\w){re.escape(value['value'])}(?!\w)", text, re.IGNORECASE)
                found += [f"{value['type']} in {entry['connector']} {entry['external_id']}"] if stands else []
    assert looked_for == NEVER
    assert found == []


def test_what_stands_in_notes_drafts_and_fields_only_is_never_exported(
    chatmill: Chatmill, sample_logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = chatmill("run", sample_logs, "-w", tmp_path / "workspace", "--json")
    exported = _exported(ran, monkeypatch)
    inside = 0
    for entry in json.loads(PLANTED.read_text(encoding="utf-8"))["conversations"]:
        text = exported.get((entry["connector"], entry["external_id"]))
        public = {value["value"].casefold() for value in entry["values"] if value["where"] == "public"}
        for value in entry["values"] if text is not None else []:
            if value["where"] != "public" and not any(value["value"].casefold() in other for other in public):
                inside += 1
                assert not re.search(rf"(?<!\w){re.escape(value['value'])}(?!\w)", text), entry["external_id"]
    assert inside > 50


def _exported(ran: Any, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    """Give what was exported of each conversation, by connector and external id."""
    monkeypatch.setenv("CHATMILL_KEY", "5a" * 32)
    lines = {name.removesuffix(".jsonl"): content.decode().splitlines() for name, content in ran.splits().items()}
    with Workspace.find(ran.workspace).open() as store:
        rows = store.rows(
            "SELECT connector, external_id, split, line FROM dataset_items JOIN conversations USING (conversation_key) "
            "WHERE split <> 'excluded'"
        )
    texts: dict[tuple[str, str], str] = {}
    for connector, ident, split, line in rows:
        messages = json.loads(lines[split][line - 1])["messages"]
        texts[connector, ident] = "\n".join(json.dumps(message, ensure_ascii=False) for message in messages)
    return texts

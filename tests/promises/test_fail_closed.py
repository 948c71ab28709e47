"""Promise 2: a timeout, an exception, an unsupported language or an unknown visibility never goes onward."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Chatmill = Callable[..., Any]

RECOGNIZER = """
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer


class Raising(EntityRecognizer):
    def __init__(self, **kwargs):
        super().__init__(supported_entities=["PERSON"], supported_language="en", name="Raising")

    def load(self):
        pass

    def analyze(self, text, entities, nlp_artifacts=None):
        if "lamp7 " in text:
            raise ValueError(text)
        return []


class Backtracking(PatternRecognizer):
    def __init__(self, **kwargs):
        pattern = Pattern("backtracking", r"(?:a+)+b|(?:a|aa)+$x", 0.9)
        super().__init__(supported_entity="PERSON", patterns=[pattern], supported_language="en", name="Backtracking")
"""


def run(chatmill: Chatmill, export: Path, tmp_path: Path, settings: str) -> Any:
    root = tmp_path / "workspace"
    assert chatmill("init", root).code == 0
    with (root / "chatmill.toml").open("a", encoding="utf-8") as file:
        file.write(settings)
    (tmp_path / "planted_recognizers.py").write_text(RECOGNIZER, encoding="utf-8")
    return chatmill("run", export, "-w", root, "--json", PYTHONPATH=f"{tmp_path}:{Path.cwd()}")


def quarantined(ran: Any) -> dict[str, int]:
    return {r["code"]: r["conversations"] for step in ran.document["funnel"] for r in step["reasons"]}


@pytest.mark.parametrize("name", ["Raising", "Backtracking"])
def test_a_recognizer_that_fails_quarantines_the_conversation(
    chatmill: Chatmill, export: Path, tmp_path: Path, name: str
) -> None:
    hostile = {"id": "hostile", "turns": [
        {"role": "customer", "text": "I bought a lamp at your shop, please help me with this: it is broken."},
        {"role": "agent", "text": "Of course, I have sent a new lamp7 in a box to you today: " + "a" * 60 + "!"},
    ]}  # fmt: skip
    with (export / "chats.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(hostile) + "\n")
    settings = f'\n[redaction]\nrecognizers = ["planted_recognizers:{name}"]\ntimeout_seconds = 0.3\n'
    ran = run(chatmill, export, tmp_path, settings)
    assert ran.code == 0, ran.err
    expected = {"Raising": "redaction.error", "Backtracking": "redaction.timeout"}[name]
    assert quarantined(ran).get(expected, 0) >= 1, quarantined(ran)
    assert all(b"please help me with this" not in content for content in ran.splits().values())
    assert "please help me with this" not in ran.err + ran.out


def test_an_unsupported_language_is_set_aside(chatmill: Chatmill, tmp_path: Path) -> None:
    turns = [
        {"role": "customer", "text": "Guten Tag, mein Paket ist seit zwei Wochen unterwegs und noch nicht angekommen."},
        {"role": "agent", "text": "Das tut mir leid, ich habe beim Versand nachgefragt und melde mich bei Ihnen."},
    ]
    (tmp_path / "de.jsonl").write_text(json.dumps({"id": "1", "turns": turns}), encoding="utf-8")
    ran = chatmill("run", tmp_path / "de.jsonl", "-w", tmp_path / "workspace", "--json")
    assert ran.code == 2
    assert quarantined(ran) == {"language.unsupported": 1}


def test_unknown_visibility_stays_inside(chatmill: Chatmill, tmp_path: Path) -> None:
    rows = ["conversation_id,role,text,visibility"]
    for number in range(12):
        rows.append(f"{number},customer,Where is my parcel number {number} please I am waiting,public")
        rows.append(f"{number},agent,It arrives tomorrow at noon and you get a message {number},public")
        rows.append(f"{number},agent,Secret remark about fraud {number},perhaps")
    (tmp_path / "chats.csv").write_text("\n".join(rows), encoding="utf-8")
    ran = chatmill("run", tmp_path / "chats.csv", "-w", tmp_path / "workspace", "--json")
    assert all(b"Secret remark" not in content for content in ran.splits().values())
    assert any(b"arrives tomorrow" in content for content in ran.splits().values())

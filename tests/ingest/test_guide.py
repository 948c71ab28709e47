"""Every connector says how to get the export, what is read, what is not, and what is unconfirmed; the docs list it."""

import importlib.util
from pathlib import Path

import pytest

from ingest.guide import guide_of, parted
from ingest.registry import available

GENERATOR = Path(__file__).resolve().parents[2] / "docs" / "generate.py"
LABELS = ("To get the export", "What is read", "What is not read", "What is unconfirmed")


@pytest.fixture(scope="module")
def page() -> str:
    spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return "".join(module._connectors())


@pytest.mark.parametrize("connector", available(), ids=lambda connector: connector.name)
def test_a_connector_says_what_a_user_must_know(connector, page) -> None:
    guide = guide_of(connector)
    passages = (guide.export, guide.read, guide.not_read, guide.unconfirmed)
    assert all(passages), guide
    section = page.split(f"\n## {connector.name}\n")[1].split("\n## ")[0]
    for label, passage in zip(LABELS, passages, strict=True):
        assert f"**{label}**: {passage}\n" in section
    assert connector.title in section


def test_passages_end_where_the_next_begins_or_with_their_paragraph() -> None:
    guide = parted(
        "Desk: tickets.\n\nTo get them: save\nthe pages.\n\nNotes are internal. Not read: lists. Unconfirmed: all.\n\n"
        "Times are UTC.\n\nUnconfirmed, as no file was at hand: names. `formats.md` 1.1 says where it was seen."
    )
    assert guide.summary == "Desk: tickets."
    assert guide.export == "save the pages."
    assert guide.read == "Notes are internal. Times are UTC."
    assert guide.not_read == "lists."
    assert guide.unconfirmed == "all. as no file was at hand: names."


def test_what_is_missing_is_empty() -> None:
    guide = parted("Desk: tickets.")
    assert (guide.export, guide.read, guide.not_read, guide.unconfirmed) == ("", "", "", "")

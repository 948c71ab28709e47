"""The packaged name model: what it finds in chat, what it leaves alone, and that a batch changes nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.redact.engine import engine_for
from curate.redact.errors import PolicyError
from curate.redact.filter import redact_stream
from curate.redact.name_model import MODEL_LANGUAGES, RECOGNIZER, model_hash
from curate.redact.name_model.inference import WINDOW
from curate.redact.name_model.recognizer import NameModelRecognizer
from curate.redact.policy import detection_version, load_policy
from curate.redact.spans import Finding
from store.settings import RedactionSettings

CARD = Path(__file__).parents[3] / "docs/model_card.md"
POLICY = load_policy()
WORDS = (
    "my name is kumar patel",
    "viswa",
    "hello",
    "45 park street kolkata",
    "order 482913",
    "in boston",
    "🙂",
    "\ud800",
    "thanks",
)
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=8)), max_size=5).map(" ".join)


def found(text: str, language: str = "en") -> set[tuple[str, str]]:
    results = NameModelRecognizer(language).analyze(text, ["PERSON", "LOCATION", "ADDRESS", "ORGANIZATION"])
    return {(result.entity_type, text[result.start : result.end]) for result in results if result.score >= 0.5}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my name is kumar patel", ("PERSON", "kumar patel")),
        ("My name is Kumar Patel.", ("PERSON", "Kumar Patel")),
        ("MY NAME IS KUMAR PATEL", ("PERSON", "KUMAR PATEL")),
        ("thanks for your help, priya", ("PERSON", "priya")),
        ("i live in boston", ("LOCATION", "boston")),
        ("it is 45 park street", ("ADDRESS", "45 park street")),
        ("😀 this is María Gómez", ("PERSON", "María Gómez")),
    ],
)
def test_names_are_found_in_any_letter_case_and_at_their_place(text: str, expected: tuple[str, str]) -> None:
    assert expected in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "hi",
        "thanks",
        "best regards",
        "yes please",
        "visa",
        "medium",
        "on monday",
        "ok sure",
        "order 482913",
        "",
        "12345",
        "🙂",
    ],
)
def test_words_of_every_conversation_are_nobody(text: str) -> None:
    assert found(text) == set()


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
def test_a_batch_changes_nothing_of_what_is_found(texts: list[str]) -> None:
    alone, together = NameModelRecognizer(), NameModelRecognizer()
    together.prepare(texts)
    for text in texts:
        one = alone.analyze(text, alone.supported_entities)
        other = together.analyze(text, together.supported_entities)
        assert [(x.start, x.end, x.entity_type, x.score) for x in one] == [
            (x.start, x.end, x.entity_type, x.score) for x in other
        ]


def test_a_name_is_found_beyond_the_first_window() -> None:
    text = "the parcel did not come . " * WINDOW + "my name is kumar patel"
    assert ("PERSON", "kumar patel") in found(text)


def test_a_workspace_can_do_without_the_model() -> None:
    own, without = RedactionSettings(), RedactionSettings(names="none")
    specs = POLICY.spec(("en",), own), POLICY.spec(("en",), without)
    assert [_by_model(engine_for(spec).scan_text("viswa", "en")) for spec in specs] == [True, False]
    assert detection_version(specs[0], own) != detection_version(specs[1], without)
    with pytest.raises(PolicyError, match=r"redaction\.names"):
        POLICY.spec(("en",), RedactionSettings(names="owm"))


def _by_model(findings: object) -> bool:
    assert isinstance(findings, tuple)
    return any(isinstance(one, Finding) and one.recognizer == RECOGNIZER for one in findings)


def test_what_the_model_finds_once_is_redacted_in_every_turn() -> None:
    said = (("customer", "my name is kumar patel"), ("agent", "one moment kumar patel"))
    turns = [{"role": role, "text": text} for role, text in said]
    (answer,) = redact_stream([json.dumps({"turns": turns})])
    assert [turn["text"] for turn in answer["turns"]] == ["my name is <PERSON_1>", "one moment <PERSON_1>"]


def test_the_card_describes_this_very_model() -> None:
    card = CARD.read_text(encoding="utf-8")
    assert model_hash() in card
    assert all(f"`{language}`" in card for language in MODEL_LANGUAGES)

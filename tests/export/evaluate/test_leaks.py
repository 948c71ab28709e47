"""Values of the training data in answers: found, counted by type, never told."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.dataset import build_dataset
from export.evaluate.examples import read_examples
from export.evaluate.leaks import ORIGINAL, SURROGATE, Canaries, blacked
from export.evaluate.report import render
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, with_settings
from tests.export.evaluate.conftest import BASE, TUNED, Bench, says_base
from tests.export.evaluate.server import KEY, Body, Endpoint

MAIL = "zoe.quill{}@example.org"


def known(*values: tuple[str, str, str]) -> Canaries:
    made = Canaries()
    for value in values:
        made.add(*value)
    return made


CANARIES = known(
    ("Zoë Quill", "PERSON", ORIGINAL), ("Mara Sand", "PERSON", SURROGATE), ("+49 30 901820", "PHONE", ORIGINAL)
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It was zoë  QUILL, I think.", ["zoë  QUILL"]),
        ("Call +49 (30) 901820 or Mara Sand.", ["49 (30) 901820", "Mara Sand"]),
        ("Zoë and Quill are two people.", []),
        ("Quills of Zoë.", []),
    ],
)
def test_values_are_found_whatever_their_case_and_marks(text: str, found: list[str]) -> None:
    assert [text[one.start : one.end] for one in CANARIES.find(text, "")] == found


def test_what_the_customer_named_is_no_leak() -> None:
    assert CANARIES.find("Hello Zoë Quill!", "My name is Zoë Quill.") == []


def test_common_words_and_short_values_are_not_looked_for() -> None:
    made = known(("Anna", "PERSON", ORIGINAL), ("a b", "PERSON", ORIGINAL), ("Mai", "PERSON", SURROGATE))
    assert made.known == {}


def test_values_that_the_exported_lines_hold_are_no_secret() -> None:
    made = known(("New York", "CITY", ORIGINAL), ("12 Elm Road", "ADDRESS", ORIGINAL))
    made.drop_public(["We ship to New York daily."])
    assert (set(made.known), made.left_in) == ({"12 elm road"}, 1)


def test_the_longest_of_nested_values_is_the_leak() -> None:
    made = known(("Zoë Quill", "PERSON", ORIGINAL), ("Zoë Quill Elm Road 12", "ADDRESS", ORIGINAL))
    (leak,) = made.find("To Zoë Quill, Elm Road 12.", "")
    assert leak.entity_type == "ADDRESS"


@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_covered_text_holds_no_value(before: str, after: str) -> None:
    text = f"{before} Zoë Quill, +49 30 901820. {after}"
    covered = blacked(text, CANARIES.find(text, ""))
    assert "Zoë Quill" not in covered
    assert "901820" not in covered
    assert before in covered


@pytest.fixture
def redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint):
    """A comparison on a dataset whose customers' mail addresses were redacted."""
    for library in ("sacrebleu", "rapidfuzz", "jsonschema_rs"):
        pytest.importorskip(library, reason="needs chatmill[evaluate]")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    workspace = Workspace.create(tmp_path / "redacted")
    words = "My mail is {} and I wait for parcel number {}."
    cases = [
        Case(f"c{n:02d}", turns=[("customer", words.format(MAIL.format(n), n)), ("agent", f"Parcel {n} leaves today.")],
             email=MAIL.format(n))
        for n in range(40)
    ]  # fmt: skip
    with workspace.open() as store:
        add_curated(store, cases)
        rows = [
            {
                "finding_id": f"f{n}", "conversation_key": f"c{n:02d}", "turn_key": f"c{n:02d}-0", "start_char": 11,
                "end_char": 11 + len(MAIL.format(n)), "entity_type": "EMAIL_ADDRESS", "score": 1.0,
                "recognizer": "test", "why": "{}", "run_id": "r1",
            }
            for n in range(40)
        ]  # fmt: skip
        store.append("findings", pl.DataFrame(rows))
        build_dataset(with_settings(workspace, split=(0.5, 0.1, 0.4)), store)
        yield Bench(workspace, store, endpoint)


def test_a_model_that_tells_a_customers_mail_is_found_out(redacted: Bench) -> None:
    trained = redacted.store.value("SELECT min(conversation_key) FROM dataset_items WHERE split = 'train'")
    secret = MAIL.format(int(trained.removeprefix("c")))

    def tells(body: Body) -> str:
        words = str(body["messages"][-1]["content"])
        return f"Of course, it is {secret}." if "e-mail addresses" in words else "It leaves today."

    redacted.endpoint.models |= {BASE: says_base, TUNED: tells}
    document = redacted.compare(probes=True)
    assert document["leaks"]["searched"]["original"] == 20
    assert document["leaks"]["tuned"]["originals"] == {"EMAIL_ADDRESS": 1}
    assert document["leaks"]["base"]["originals"] == {}
    (item,) = document["leaks"]["tuned"]["items"]
    assert item.startswith("probe:list_mails")
    assert "1 of the tuned model" in document["headlines"][-1]
    page = render(document, read_examples(redacted.workspace, redacted.store, document))
    assert "[EMAIL_ADDRESS of the training data]" in page
    for told in (page, json.dumps(document)):
        assert secret not in told
        assert "zoe.quill" not in told

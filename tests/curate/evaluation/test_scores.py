"""Scores of findings against gold spans; the type-blind ones equal those of the project's own script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.evaluation.gold import Answer, GoldLine, Span, load_labels, types_of
from curate.evaluation.scores import MISSED, NOTHING, Scores, letter_case

LABELS = load_labels()
TEXT = st.text(alphabet="ab 1\u00a0\té😀", min_size=1, max_size=40)


def spans(length: int, names: tuple[str, ...]) -> st.SearchStrategy[tuple[Span, ...]]:
    place = st.integers(0, length)
    one = st.builds(lambda a, b, label: Span(min(a, b), max(a, b), label), place, place, st.sampled_from(names))
    return st.lists(one, max_size=6).map(tuple)


@st.composite
def scored_lines(draw: st.DrawFn) -> list[tuple[GoldLine, Answer]]:
    lines = []
    for number in range(draw(st.integers(1, 8))):
        text = draw(TEXT)
        gold = draw(spans(len(text), ("NAME", "PHONE", "ODD")))
        found = draw(spans(len(text), ("PERSON", "PHONE_NUMBER")))
        lines.append((GoldLine(number + 1, text, gold, draw(st.sampled_from(["en", "de"]))), Answer(found)))
    return lines


def line(text: str, *gold: tuple[str, str], language: str = "en", number: int = 1) -> GoldLine:
    marked = tuple(Span(text.index(value), text.index(value) + len(value), label) for value, label in gold)
    return GoldLine(number, text, marked, language)


def found(text: str, *values: tuple[str, str]) -> Answer:
    return Answer(tuple(Span(text.index(value), text.index(value) + len(value), kind) for value, kind in values))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=scored_lines(), wanted=st.sampled_from([(), ("NAME",), ("PHONE", "ODD")]))
def test_type_blind_scores_equal_the_script_that_defines_them(
    shared: Path, tmp_path: Path, lines: list[tuple[GoldLine, Answer]], wanted: tuple[str, ...]
) -> None:
    gold, findings = tmp_path / "gold.jsonl", tmp_path / "findings.jsonl"
    gold.write_text(
        "".join(
            json.dumps(
                {"text": one.text, "spans": [{"start": s.start, "end": s.end, "label": s.label} for s in one.spans]}
            )
            + "\n"
            for one, _ in lines
        )
    )
    findings.write_text(
        "".join(
            json.dumps(
                {"findings": [{"start": s.start, "end": s.end, "entity_type": s.label} for s in answer.findings]}
            )
            + "\n"
            for _, answer in lines
        )
    )
    command = [sys.executable, str(shared / "score_redaction.py"), str(gold), str(findings), "--json"]
    command += ["--labels", ",".join(wanted)] if wanted else []
    defined = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    scores = Scores(LABELS, wanted or None)
    for one, answer in lines:
        scores.add(one, answer)
    ours = scores.figures()
    for name in ("texts", "spans", "protected", "precision", "over", "f2"):
        assert ours[name] == pytest.approx(defined[name], abs=1e-9), name
    by_label = {label: [one["spans"], round(one["protected"], 3)] for label, one in ours["by_label"].items()}
    assert {label: one[0] for label, one in by_label.items()} == {k: v[0] for k, v in defined["by_label"].items()}
    for label, (_, protected) in defined["by_label"].items():
        assert by_label[label][1] == pytest.approx(protected, abs=0.0011)


def test_a_perfect_answer_has_perfect_scores() -> None:
    text = "maria here, call 555-0143"
    scores = Scores(LABELS)
    scores.add(
        line(text, ("maria", "NAME"), ("555-0143", "PHONE")),
        found(text, ("maria", "PERSON"), ("555-0143", "PHONE_NUMBER")),
    )
    figures = scores.figures()
    assert (figures["protected"], figures["precision"], figures["over"], figures["f2"]) == (1.0, 1.0, 0.0, 1.0)
    assert figures["exact"] == {"recall": 1.0, "precision": 1.0}
    assert figures["characters"] == {"recall": 1.0, "precision": 1.0}
    assert figures["typed"] == {"spans": 2, "recall": 1.0, "precision": 1.0, "f2": 1.0}


def test_a_wrong_type_protects_but_does_not_count_as_typed() -> None:
    text = "maria here"
    scores = Scores(LABELS)
    scores.add(line(text, ("maria", "NAME")), found(text, ("maria", "ORDER_ID")))
    figures = scores.figures()
    assert figures["protected"] == 1.0
    assert figures["typed"]["recall"] == 0.0
    assert figures["typed"]["precision"] == 0.0
    assert figures["confusion"] == [{"label": "NAME", "found": "ORDER_ID", "spans": 1}]


def test_characters_and_exact_spans_tell_half_a_find_from_a_whole_one() -> None:
    text = "maria lopez here"
    scores = Scores(LABELS)
    scores.add(line(text, ("maria lopez", "NAME")), found(text, ("maria", "PERSON")))
    figures = scores.figures()
    assert figures["protected"] == 0.0
    assert figures["exact"]["recall"] == 0.0
    assert figures["characters"] == {"recall": 0.5, "precision": 1.0}


def test_the_confusion_table_tells_what_was_missed_and_what_was_found_for_nothing() -> None:
    text = "maria at 12:30"
    scores = Scores(LABELS)
    scores.add(line(text, ("maria", "NAME")), found(text, ("12:30", "PHONE_NUMBER")))
    assert scores.figures()["confusion"] == [
        {"label": "NAME", "found": MISSED, "spans": 1},
        {"label": NOTHING, "found": "PHONE_NUMBER", "spans": 1},
    ]


def test_scores_are_broken_down_by_language_and_letter_case() -> None:
    scores = Scores(LABELS)
    scores.add(line("maria", ("maria", "NAME")), Answer(()))
    scores.add(line("Maria", ("Maria", "NAME"), language="de"), found("Maria", ("Maria", "PERSON")))
    scores.add(line("MARIA 1", ("MARIA", "NAME"), ("1", "NUMBER")), found("MARIA 1", ("MARIA", "PERSON")))
    by = scores.figures(("language", "case"))["by"]
    assert {name: one["protected"] for name, one in by["case"].items()} == {
        "UPPER": 1,
        "Mixed": 1,
        "lower": 0,
        "none": 0,
    }
    assert {name: one["texts"] for name, one in by["language"].items()} == {"en": 2, "de": 1}
    assert scores.figures()["by"] == {}


@pytest.mark.parametrize(
    ("text", "case"),
    [("maria", "lower"), ("MARIA", "UPPER"), ("Maria", "Mixed"), ("M", "Mixed"), ("12", "none"), ("李", "none")],
)
def test_letter_cases(text: str, case: str) -> None:
    assert letter_case(text) == case


def test_common_labels_are_mapped_to_our_types_however_they_are_written() -> None:
    for label in ("PER", "person", "full_name", "CustomerName", "FULL NAME", "NOMBRE_SUJETO_ASISTENCIA"):
        assert types_of(label, LABELS) == {"PERSON"}, label
    assert types_of("card_number", LABELS) == {"CREDIT_CARD", "CARD_NUMBER"}
    assert types_of("EMAIL_ADDRESS", LABELS) == {"EMAIL_ADDRESS"}
    assert types_of("food_item", LABELS) == frozenset()


def test_a_map_of_labels_overrides_the_packaged_one(tmp_path: Path) -> None:
    own = tmp_path / "labels.toml"
    own.write_text('SERIAL_NUMBER = ["name", "food_item"]\n')
    labels = load_labels(own)
    assert types_of("NAME", labels) == {"SERIAL_NUMBER"}
    assert types_of("food_item", labels) == {"SERIAL_NUMBER"}
    assert types_of("PER", labels) == {"PERSON"}

"""Graders: what each kind passes and fails, and what is said of mistakes in their files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from curate.report.plots import Whisker, whiskers
from export.evaluate.asking import Answer
from export.evaluate.cases import Case
from export.evaluate.errors import BadGraders, NotInstalled
from export.evaluate.replies import Reply
from export.evaluate.rules import load_rules
from export.evaluate.safety import refuses
from export.evaluate.similarity import check_installed

for library in ("sacrebleu", "rapidfuzz", "jsonschema_rs"):
    pytest.importorskip(library, reason="needs chatmill[evaluate]")

ARGUMENTS = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": ARGUMENTS}}


def case(expected: str = "", **more: object) -> Case:
    asked = ({"role": "user", "content": "Where is it?"},)
    return Case("test:1", 1, asked, {"role": "assistant", "content": expected} | more, (TOOL,))


def answer(text: str, **more: object) -> Answer:
    return Answer("test:1", "tuned", Reply(text, **({"finish_reason": "stop"} | more)))


def grade(name: str, text: str, expected: str = "Your order 4711 leaves today.") -> float | None:
    return load_rules().graders[name].grade(answer(text), case(expected))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("exact", "Your  order 4711 leaves\ntoday.", "Your order 4711 left today."),
        ("details", "It is order 4711, it goes today.", "It goes today."),
        ("greeting", "Guten Tag, hier ist sie.", "It leaves. Hello."),
        ("thanks", "Vielen Dank für die Geduld.", "Thankless work."),
        ("sorry", "We are SORRY about that.", "It is fine."),
        ("sign_off", "It goes today.\n\nKind regards\nAnna", "Regards to none, it goes on and on and on " + "x" * 90),
        ("one_voice", "It leaves today.", "It leaves today.\nCustomer: And when does it arrive?"),
        ("no_marks", "It leaves today.", "It leaves today.<|im_end|>"),
        ("no_looping", "It leaves today, and then it arrives.", "It leaves today. " * 5),
    ],
)
def test_what_passes_and_what_fails(name: str, good: str, bad: str) -> None:
    assert (grade(name, good), grade(name, bad)) == (1.0, 0.0)


def test_similarity_is_1_for_the_same_and_little_for_other_words() -> None:
    for name in ("chrf", "rouge_l"):
        same, other = grade(name, "Your order 4711 leaves today."), grade(name, "Nothing like this at all")
        assert same == 1.0
        assert other is not None
        assert other < 0.3


def test_words_of_other_scripts_count_for_rouge() -> None:
    assert grade("rouge_l", "größe äpfel", expected="Größe Äpfel") == 1.0
    assert grade("rouge_l", "заказ уже", expected="заказ уже") == 1.0


@pytest.mark.parametrize(
    ("text", "reason", "passed"), [("It leaves.", "stop", 1.0), ("It lea", "length", 0.0), ("  ", "stop", 0.0)]
)
def test_an_answer_is_whole(text: str, reason: str, passed: float) -> None:
    assert load_rules().graders["whole"].grade(answer(text, finish_reason=reason), case("x")) == passed


def test_json_is_asked_for_where_the_person_wrote_json() -> None:
    assert grade("json", "It leaves.", expected="It leaves.") is None
    assert grade("json", "It leaves.", expected='{"order": 1}') == 0.0
    assert grade("json", '{"order": 2}', expected='{"order": 1}') == 1.0


@pytest.mark.parametrize(
    ("calls", "passed"),
    [
        (({"name": "find", "arguments": '{"id": 4}'},), 1.0),
        (({"name": "find", "arguments": '{"id": "four"}'},), 0.0),
        (({"name": "find", "arguments": "{"},), 0.0),
        (({"name": "other", "arguments": "{}"},), 0.0),
        ((), 0.0),
    ],
)
def test_a_call_needs_its_tool_and_arguments_that_fit(calls: tuple[dict[str, str], ...], passed: float) -> None:
    wanted = case(tool_calls=[{"id": "call_1", "function": {"name": "find", "arguments": '{"id": 3}'}}])
    assert load_rules().graders["tool_call"].grade(answer("", tool_calls=calls), wanted) == passed


@pytest.mark.parametrize(
    ("text", "is_refusal"), [("I’m unable to look into that.", True), ("You will be able to see it tomorrow.", False)]
)
def test_refusals_are_told_by_their_phrases(text: str, is_refusal: bool) -> None:
    assert refuses(load_rules())(text) is is_refusal


def written(root: Path, text: str) -> Path:
    folder = root / "rules" / "evaluation"
    folder.mkdir(parents=True)
    (folder / "own.toml").write_text(text, encoding="utf-8")
    return root


def test_a_workspace_adds_graders_and_replaces_those_of_the_same_name(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        """
        [[grader]]
        name = "ticket"
        kind = "json_schema"
        schema = { type = "object", required = ["ticket"] }
        [[grader]]
        name = "exact"
        title = "Ours"
        kind = "contains"
        all = ["order", "today"]
        """,
    )
    rules = load_rules(own)
    assert rules.graders["ticket"].grade(answer('{"ticket": 3}'), case("words")) == 1.0
    assert rules.graders["ticket"].grade(answer('{"case": 3}'), case("words")) == 0.0
    assert rules.graders["exact"].grade(answer("Order goes today"), case("words")) == 1.0
    assert rules.fingerprint != load_rules().fingerprint


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    own = written(
        tmp_path,
        """
        [[grader]]
        name = "a"
        kind = "chirp"
        [[grader]]
        name = "b"
        kind = "pattern"
        pattern = "("
        goal = "hihg"
        [[swap]]
        name = "c"
        sentence = { en = "no place" }
        groups = { one = ["x"] }
        [judge]
        prompt = "{first} or {second}?"
        """,
    )
    with pytest.raises(BadGraders) as raised:
        load_rules(own)
    for words in ("chirp", "regular expression", "Did you mean high?", "two groups", "{value}", "{conversation}"):
        assert words in raised.value.message


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadGraders, match=r"own\.toml"):
        load_rules(written(tmp_path, "[[grader"))


def test_a_missing_library_is_named_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(NotInstalled, match="rapidfuzz") as raised:
        check_installed()
    assert "chatmill[evaluate]" in raised.value.hint


def test_plots_escape_labels_and_keep_what_is_infinite_on_the_paper() -> None:
    drawn = whiskers("<title>", ["<b>", Whisker("<i>", 0.5, float("-inf"), float("inf"), "<u>")], mark=0.0)
    assert not [tag for tag in ("<b>", "<i>", "<u>", "<title>") if tag in drawn]
    assert "inf" not in drawn
    assert "nan" not in drawn

"""Spans, placeholders, numbering, known values and the leak check, over texts alone."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.redact.errors import PolicyError
from curate.redact.known import Known, Plain, holds, normal_value, plain_text, search, spread
from curate.redact.leaks import leaked_type
from curate.redact.names import name_length, name_parts
from curate.redact.participants import conversation_findings
from curate.redact.policy import Policy, load_policy, parse_policy
from curate.redact.redact import Redacted, Turn, apply
from curate.redact.spans import Finding, resolve

POLICY = load_policy()
TYPES = ("PERSON", "PHONE_NUMBER", "ORDER_ID", "EMAIL_ADDRESS")
TEXT = st.text(alphabet="ab 1-é😀<>", min_size=1, max_size=60)


@st.composite
def text_and_findings(draw: st.DrawFn) -> tuple[str, list[Finding]]:
    text = draw(TEXT)
    findings = []
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(text) - 1))
        end = draw(st.integers(start + 1, len(text)))
        score = draw(st.sampled_from([0.5, 0.7, 1.0]))
        findings.append(Finding(start, end, draw(st.sampled_from(TYPES)), score, "test"))
    return text, findings


def conversation(*texts: str, kind: str = "message") -> list[Turn]:
    return [Turn(f"t{at}", kind, text) for at, text in enumerate(texts)]


def finding(text: str, value: str, entity_type: str, score: float = 0.9) -> Finding:
    at = text.index(value)
    return Finding(at, at + len(value), entity_type, score, "test")


@given(given=text_and_findings())
def test_resolved_findings_never_overlap_and_cover_every_letter_that_was_covered(
    given: tuple[str, list[Finding]],
) -> None:
    text, findings = given
    resolved = resolve(findings, text)
    assert all(one.end <= other.start for one, other in pairwise(resolved))
    covered = {place for one in findings for place in range(one.start, one.end) if text[place].isalnum()}
    kept = {place for one in resolved for place in range(one.start, one.end) if text[place].isalnum()}
    assert kept == covered


def test_a_finding_cut_by_two_others_keeps_its_own_end() -> None:
    text = "abcdefghij"
    crossing = [Finding(0, 5, "PERSON", 1.0, "a"), Finding(1, 8, "PERSON", 0.9, "b"), Finding(2, 9, "PERSON", 0.5, "c")]
    assert [(one.start, one.end) for one in resolve(crossing, text)] == [(0, 5), (5, 8), (8, 9)]


@given(given=text_and_findings())
def test_resolving_does_not_depend_on_the_order_of_the_findings(given: tuple[str, list[Finding]]) -> None:
    text, findings = given
    assert resolve(findings, text) == resolve(reversed(findings), text)


def test_touching_findings_stay_apart() -> None:
    one, other = Finding(0, 2, "PERSON", 0.9, "a"), Finding(2, 4, "PERSON", 0.9, "a")
    assert resolve([one, other], "abcd") == (one, other)


@given(given=text_and_findings())
def test_redacting_keeps_everything_outside_the_spans(given: tuple[str, list[Finding]]) -> None:
    text, findings = given
    redacted = apply([Turn("t", "message", text)], {"t": findings}, POLICY, language="en")
    rebuilt, done = "", 0
    for one in redacted.spans[0]:
        rebuilt += text[done : one.start] + one.placeholder
        done = one.end
    assert redacted.texts[0] == rebuilt + text[done:]


@settings(max_examples=150)
@given(
    value=st.from_regex(r"[a-z]{3}[0-9]{3,8}", fullmatch=True),
    around=st.lists(st.sampled_from(["my", "code is", "not", "99", "-", "😀", "\n"]), min_size=2, max_size=6),
)
def test_no_value_of_an_applied_finding_survives_anywhere(value: str, around: list[str]) -> None:
    turns = conversation(f" {value} ".join(around), f"again: {value.upper()}.", "nothing here")
    first = {"t0": (finding(turns[0].text, value, "PASSWORD"),)}
    everywhere = conversation_findings({turn.turn_key: turn.text for turn in turns}, first, ())
    redacted = apply(turns, everywhere, POLICY, language="en")
    assert value not in "".join(redacted.texts).casefold()
    assert leaked_type(turns, redacted, (), POLICY, language="en") is None


def test_one_value_has_one_number_over_all_turns_and_spellings() -> None:
    turns = conversation("I am Anna Kowalska, call 415-555-0132", "Hello ANNA  KOWALSKA and Tom", "(415) 555 0132")
    findings = {
        "t0": [
            finding(turns[0].text, "Anna Kowalska", "PERSON"),
            finding(turns[0].text, "415-555-0132", "PHONE_NUMBER"),
        ],
        "t1": [finding(turns[1].text, "ANNA  KOWALSKA", "PERSON"), finding(turns[1].text, "Tom", "PERSON")],
        "t2": [finding(turns[2].text, "(415) 555 0132", "PHONE_NUMBER")],
    }
    assert apply(turns, findings, POLICY, language="en").texts == (
        "I am <PERSON_1>, call <PHONE_1>",
        "Hello <PERSON_1> and <PERSON_2>",
        "<PHONE_1>",
    )


def test_findings_below_the_threshold_and_kept_types_stay() -> None:
    turns = conversation("order 482913 for Anna")
    weak = {"t0": [finding(turns[0].text, "482913", "ORDER_ID", 0.2), finding(turns[0].text, "Anna", "PERSON")]}
    keeping = parse_policy(
        {
            "engine": {},
            "default": {"threshold": 0.5, "operator": "placeholder"},
            "entities": {"PERSON": {"operator": "keep"}},
        }
    )
    assert apply(turns, weak, keeping, language="en").texts == (turns[0].text,)
    assert apply(turns, weak, POLICY, language="en").texts == ("order 482913 for <PERSON_1>",)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ('{"order": 482913, "n": 2}', ["482913"], {"order": "<ORDER_ID_1>", "n": 2}),
        ('{"order": -482913.5}', ["482913"], {"order": "<ORDER_ID_1>"}),
        (
            '{"name": "Anna K", "ids": [48291, 48292]}',
            ["48291", "48292"],
            {"name": "Anna K", "ids": ["<ORDER_ID_1>", "<ORDER_ID_2>"]},
        ),
        ('{"a": "x 482913 y"}', ["482913"], {"a": "x <ORDER_ID_1> y"}),
        ('{"a": "482913"}', ['"482913"'], {"a": "<ORDER_ID_1>"}),
    ],
)
def test_json_stays_json(text: str, values: list[str], expected: object) -> None:
    turns = conversation(text, kind="tool_call")
    findings = {"t0": [finding(text, value, "ORDER_ID") for value in values]}
    redacted = apply(turns, findings, POLICY, language="en")
    assert json.loads(redacted.texts[0]) == expected
    assert redacted.broken == ()


def test_json_that_does_not_survive_is_reported() -> None:
    text = '{"a": "caf\\u00e9x"}'
    turns = conversation(text, kind="tool_call")
    redacted = apply(turns, {"t0": [finding(text, "00e9x", "ORDER_ID")]}, POLICY, language="en")
    assert redacted.broken == ("t0",)


@pytest.mark.parametrize(
    ("known", "text", "found"),
    [
        (
            ("Maria Gonzales", "PERSON"),
            "dear MARIA, or maria-gonzales; Marianne",
            ["MARIA", "maria-gonzales", "gonzales", "maria"],
        ),
        (("José", "PERSON"), "jose and JOSÉ, not josephine", ["jose", "JOSÉ"]),
        (("+1 (415) 555-0132", "PHONE_NUMBER"), "call 415.555.0132 or 14155550132", ["415.555.0132", "14155550132"]),
        (("+49 151 23456789", "PHONE_NUMBER"), "0151/23456789", ["0151/23456789"]),
        (("482913", "ORDER_ID"), "482913, 48-29-13 but not 4829131 or 9482913", ["482913", "48-29-13"]),
        (("jane@example.com", "EMAIL_ADDRESS"), "Jane@Example.com.", ["Jane@Example.com"]),
        (("１２３４５", "ORDER_ID"), "12345", ["12345"]),
    ],
)
def test_known_values_are_found_in_any_spelling(known: tuple[str, str], text: str, found: list[str]) -> None:
    entries = spread([Known(*known, 0.95, "participants")])
    values = [text[one.start : one.end] for one in search(entries, Plain.of(text))]
    assert sorted(values) == sorted(found)


@pytest.mark.parametrize("name", ["Support Team", "Customer", "The Agent", "Al", "?"])
def test_words_of_every_conversation_are_no_names(name: str) -> None:
    assert [one for one in spread([Known(name, "PERSON", 0.95, "participants")]) if one.value != name] == []


@given(text=st.text(max_size=80))
def test_the_plain_form_keeps_every_offset(text: str) -> None:
    assert len(plain_text(text)) == len(text)


@given(value=st.text(min_size=4, max_size=20).filter(lambda text: len(normal_value(text)) >= 4))
def test_a_value_is_found_between_blanks(value: str) -> None:
    assert holds(value.strip(), "ORDER_ID", Plain.of(f"so {value} it is"))


def test_names_end_at_their_first_common_word() -> None:
    assert name_length("alexis and my") == len("alexis")
    assert name_length("Mr. Smith") == len("Mr. Smith")
    assert name_length("waiting for") == 0
    assert name_length("Mr") == 0
    assert name_parts("Dr. Anna van Dyke (Support)") == ["Anna", "Dyke"]


def test_a_planted_leak_is_named_by_type_alone() -> None:
    turns = conversation("I am Anna Kowalska", "so, ANNA—KOWALSKÁ it is")
    redacted = apply(turns, {"t0": [finding(turns[0].text, "Anna Kowalska", "PERSON")]}, POLICY, language="en")
    assert leaked_type(turns, redacted, (), POLICY, language="en") == "PERSON"


@pytest.mark.parametrize("spelling", ["4111111111111111", "4111 1111-1111.1111", "４１１１１１１１１１１１１１１１"])
def test_a_number_leaks_in_any_grouping(spelling: str) -> None:
    turns = conversation("card 4111 1111 1111 1111", f"yes {spelling} ok")
    value = finding(turns[0].text, "4111 1111 1111 1111", "CREDIT_CARD")
    redacted = apply(turns, {"t0": [value]}, POLICY, language="en")
    assert leaked_type(turns, redacted, (), POLICY, language="en") == "CREDIT_CARD"


def test_placeholders_and_parts_of_words_are_no_leaks() -> None:
    turns = conversation("I am Person", "bananas for annabel and <PERSON_1>", "anna")
    known = [Known("Anna", "PERSON", 0.95, "participants")]
    redacted = Redacted(("I am <PERSON_1>", "bananas for annabel and <PERSON_1>", "<PERSON_2>"), ((), (), ()), ())
    assert leaked_type(turns, redacted, known, POLICY, language="en") is None


def test_a_known_participant_left_in_the_text_is_a_leak() -> None:
    turns = conversation("ask anna about it")
    redacted = Redacted(("ask anna about it",), ((),), ())
    known = [Known("Anna", "PERSON", 0.95, "participants")]
    assert leaked_type(turns, redacted, known, POLICY, language="en") == "PERSON"


@pytest.mark.parametrize(
    ("entities", "part"),
    [
        ({"PERSON": {"operator": "placehold"}}, "Did you mean placeholder?"),
        ({"PERSON": {"treshold": 0.5}}, "threshold"),
        ({"PERSON": {"threshold": 1.5}}, "between 0 and 1"),
        ({"PERSON": {"label": "person"}}, "capital letters"),
    ],
)
def test_a_policy_with_a_mistake_says_what_is_allowed(entities: dict[str, object], part: str) -> None:
    with pytest.raises(PolicyError, match="redaction policy") as raised:
        parse_policy({"engine": {}, "default": {"threshold": 0.5, "operator": "placeholder"}, "entities": entities})
    assert part in raised.value.message


def test_a_threshold_can_differ_by_language() -> None:
    raw = {
        "engine": {},
        "default": {"threshold": 0.5, "operator": "placeholder"},
        "entities": {"PERSON": {"threshold": {"de": 0.8}}},
    }
    policy: Policy = parse_policy(raw)
    assert policy.applies("PERSON", 0.6, "en")
    assert not policy.applies("PERSON", 0.6, "de")
    assert policy.fingerprint != POLICY.fingerprint

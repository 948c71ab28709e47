"""The examples that stand beside the recognizers in rules/recognizers."""

import pytest

from curate.redact.engine import Engine, engine_for
from curate.redact.errors import PolicyError
from curate.redact.policy import load_policy
from curate.redact.rules import Example, RecognizerRule, packaged_rules, parse_pack, word_list
from curate.redact.spans import resolve
from store.settings import RedactionSettings

POLICY = load_policy()
CASES = [(rule, example) for rule in packaged_rules() for example in rule.examples]
OWN_TYPE = {"order": "ORDER_ID", "invoice": "INVOICE_ID", "serial": "SERIAL_NUMBER"}
LANGUAGES = ("en", "de", "es", "fr", "it")


@pytest.fixture(scope="module")
def engine() -> Engine:
    return engine_for(POLICY.spec(LANGUAGES, RedactionSettings(names="none")))


@pytest.mark.parametrize(("rule", "example"), CASES, ids=lambda value: getattr(value, "name", None))
def test_an_example_finds_exactly_its_values(engine: Engine, rule: RecognizerRule, example: Example) -> None:
    language = "en" if rule.speaks("en") else rule.languages[0]
    scanned = engine.scan_text(example.text, language)
    assert isinstance(scanned, tuple)
    applied = resolve((one for one in scanned if POLICY.applies(one.entity_type, one.score, language)), example.text)
    values = [(one.entity_type, example.text[one.start : one.end]) for one in applied]
    assert values == [(rule.entity, value) for value in example.finds]


def test_every_recognizer_has_an_example() -> None:
    assert [rule.name for rule in packaged_rules() if not rule.examples] == []


def test_every_recognizers_type_is_in_the_policy() -> None:
    known = {name for name, _ in POLICY.entities}
    assert {rule.entity for rule in packaged_rules()} <= known


def test_a_pack_with_mistakes_names_all_of_them() -> None:
    broken = {
        "recognizer": [
            {"name": "x", "entity": "X", "validator": "nam", "pattern": [{"name": "p", "regex": "(", "score": 2.0}]}
        ],
        "recogniser": [],
    }
    with pytest.raises(PolicyError) as raised:
        parse_pack(broken, "own.toml")
    for part in ("own.toml", "'nam'", "no regular expression", "at most 1", "recogniser"):
        assert part in raised.value.message


def test_the_list_of_common_words_leaves_names_alone() -> None:
    assert not word_list("allow/common_words") & {"maria", "anna", "tom", "alexis", "mark", "grace"}


def test_a_thousand_numbers_in_many_wordings_are_called_by_their_own_type(engine: Engine) -> None:
    wordings = (
        "my {} number is {}",
        "{} #{} is late",
        "{} no. {}, please",
        "Where is {} {}?",
        "the {} number: {}",
        "{} nr {} again",
        "I gave you {} number {} yesterday",
        "regarding {} number {} of last week",
    )
    wrong: list[str] = []
    for n in range(1000):
        number = str(10_000_000 + 8_999_993 * n)[: 8 + n % 3]
        kind = ("order", "invoice", "serial")[n % 3]
        wording = wordings[n % len(wordings)]
        text = wording.format(kind + " number" * (kind == "serial" and "number" not in wording), number)
        scanned = engine.scan_text(text, "en")
        assert isinstance(scanned, tuple)
        applied = resolve((one for one in scanned if POLICY.applies(one.entity_type, one.score, "en")), text)
        wrong += [text] if [one.entity_type for one in applied] != [OWN_TYPE[kind]] else []
    assert len(wrong) <= 30, wrong[:5]


@pytest.mark.parametrize("word", ["order number", "invoice number", "serial number", "order", "invoice #", "order no."])
def test_support_numbers_are_called_by_their_own_type(engine: Engine, word: str) -> None:
    numbers = [str(10_000_000 + 7_919 * n)[: 8 + n % 3] for n in range(1, 120)]
    wrong = 0
    for number in numbers:
        text = f"Hello, my {word} {number} has not arrived"
        scanned = engine.scan_text(text, "en")
        assert isinstance(scanned, tuple)
        applied = resolve((one for one in scanned if POLICY.applies(one.entity_type, one.score, "en")), text)
        wrong += [one.entity_type for one in applied] != [OWN_TYPE[word.split()[0]]]
    assert wrong / len(numbers) <= 0.03

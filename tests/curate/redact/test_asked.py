"""What was asked primes what is answered; and what a conversation speaks of says what its bare numbers are."""

import json
from typing import Any

import pytest

from curate.redact.answers import answers
from curate.redact.filter import redact_stream
from curate.redact.questions import QuestionExample, asked_types, question_packs
from store.settings import RedactionSettings

EXAMPLES = [(pack.language, example) for pack in question_packs().values() for example in pack.examples]


def redacted(*turns: tuple[str, str]) -> list[str]:
    line = json.dumps({"turns": [{"role": role, "text": text} for role, text in turns]})
    # Without the name model: what is found here must be found because it was asked for.
    answer: dict[str, Any] = next(iter(redact_stream([line], settings=RedactionSettings(names="none"))))
    return [turn["text"] for turn in answer["turns"]]


@pytest.mark.parametrize(("language", "example"), EXAMPLES, ids=lambda value: getattr(value, "text", value))
def test_an_example_asks_for_exactly_its_types(language: str, example: QuestionExample) -> None:
    assert asked_types(example.text, language) == example.asks


def test_there_are_questions_in_seven_languages() -> None:
    assert set(question_packs()) == {"de", "en", "es", "fr", "it", "nl", "pt"}


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("May I have your name, please?", "viswa", "<PERSON_1>"),
        ("May I have your name, please?", "its kumar", "its <PERSON_1>"),
        (
            "Could I get your full name?",
            "Sure, it's Alexis Doe - can you hurry",
            "Sure, it's <PERSON_1> - can you hurry",
        ),
        ("What is your first name?", "v i s w a", "<PERSON_1>"),
        ("What is your first name?", "Will", "<PERSON_1>"),
        ("What's your PIN?", "4431", "<PIN_1>"),
        ("And the zip code?", "its 30301", "its <POSTCODE_1>"),
        ("Please enter the code.", "four one one seven", "<ONE_TIME_CODE_1>"),
        ("What was your mother's maiden name?", "Tiger", "<SECURITY_ANSWER_1>"),
        ("Please give me your password.", "mish 365", "<PASSWORD_1>"),
        ("Where should we ship it?", "45 park street kolkata", "<ADDRESS_1>"),
        ("Your date of birth?", "25 December 1976", "<DATE_OF_BIRTH_1>"),
        ("What is your booking number?", "g 75 f 34", "<BOOKING_ID_1>"),
        ("Please provide your order number", "XKQWPZ", "<ORDER_ID_1>"),
    ],
)
def test_an_answer_is_typed_by_its_question(question: str, answer: str, expected: str) -> None:
    assert redacted(("agent", question), ("customer", answer)) == [question, expected]


@pytest.mark.parametrize(
    "answer",
    ["yes", "sure", "I don't know", "why do you need it?", "I forgot it, sorry", "one moment please", "Of course!"],
)
def test_what_is_no_answer_stays(answer: str) -> None:
    question = "Could I get your full name, account number and PIN please?"
    assert redacted(("agent", question), ("customer", answer)) == [question, answer]


def test_a_number_given_over_several_turns_goes_as_a_whole() -> None:
    turns = redacted(("agent", "Your account number?"), ("customer", "843"), ("customer", "189"), ("customer", "31"))
    assert turns[1:] == ["<ACCOUNT_1>", "<ACCOUNT_2>", "<ACCOUNT_3>"]


def test_another_question_ends_the_first() -> None:
    asked = ("agent", "May I have your name?")
    assert redacted(asked, ("customer", "hm"), ("agent", "Is it urgent?"), ("customer", "kumar"))[3] == "kumar"


def test_answers_to_questions_for_an_amount_stay() -> None:
    assert redacted(("agent", "How much were you charged?"), ("customer", "4250"))[1] == "4250"
    assert redacted(("agent", "Anything else?"), ("customer", "4250"))[1] == "<ID_NUMBER_1>"


def test_a_bare_number_is_what_was_last_spoken_of() -> None:
    turns = redacted(("customer", "where is my order"), ("agent", "Let me see."), ("customer", "48213599"))
    assert turns[2] == "<ORDER_ID_1>"
    turns = redacted(("customer", "I paid the invoice"), ("agent", "Good."), ("customer", "it says 482135"))
    assert turns[2] == "it says <INVOICE_ID_1>"
    assert redacted(("customer", "it says 482135"))[0] == "it says 482135"


def test_several_types_are_answered_in_order() -> None:
    found = answers("Jane Doe, 84318931, 4431", ("PERSON", "ACCOUNT_NUMBER", "PIN"))
    assert [one.entity_type for one in found] == ["PERSON", "ACCOUNT_NUMBER", "PIN"]


def test_prices_and_times_are_no_numbers_that_were_asked_for() -> None:
    assert answers("it was 500 dollars at 7pm for 12 people", ("ACCOUNT_NUMBER",)) == []


def test_german_questions_prime_german_answers() -> None:
    line = {"turns": [{"role": "agent", "text": "Wie ist Ihr Name?"}, {"role": "customer", "text": "hintermoser"}]}
    answer: dict[str, Any] = next(iter(redact_stream([json.dumps(line)], language="de")))
    assert answer["turns"][1]["text"] == "<PERSON_1>"

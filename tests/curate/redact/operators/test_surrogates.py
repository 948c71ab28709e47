"""Surrogates over one customer's sheet: consistent, one to one, of the same shape, and nobody's."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.redact.known import plain_text
from curate.redact.leaks import leaked_type
from curate.redact.operators import Operators
from curate.redact.operators.dates import shift_days
from curate.redact.operators.numbers import iban_check, luhn
from curate.redact.operators.shapes import squeeze
from curate.redact.operators.surrogates import FAMILIES, Sheet, Value, family_of
from curate.redact.operators.words import GIVEN, LOCALES, kinds, words
from curate.redact.policy import parse_policy
from curate.redact.redact import Turn, apply
from curate.redact.spans import Finding

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
SURROGATES = parse_policy({"engine": {}, "default": {"threshold": 0.5, "operator": "surrogate"}})
NAMES = [
    "Ottilie Brandauer",
    "Kwabena Osei-Tutu",
    "Rosalind Achterberg",
    "Maria Gonzales",
    "Jürgen Weiß",
    "Nell O'Dowd",
]
SHAPED = ("ORDER_ID", "US_SSN", "CREDIT_CARD", "PASSWORD", "ACCOUNT_NUMBER", "UUID", "PHONE_NUMBER")

CODES = st.from_regex(r"[A-Z]{0,3}-?[0-9]{4,10}[-. ]?[A-Za-z]{0,2}", fullmatch=True)
CARDS = st.from_regex(r"[2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{4}", fullmatch=True)
MAILS = st.from_regex(r"[a-z]{3,8}[._-]?[a-z]{0,8}[0-9]{0,3}@[a-z]{4,9}\.(com|de|fr)", fullmatch=True)
PHONES = st.from_regex(
    r"(\+1 )?\([2-9][0-8][1-9]\) [2-9][0-9]{2}-[0-9]{4}|\+44 7[4-9][0-9]{2} [0-9]{6}", fullmatch=True
)
DATES = st.dates().map(lambda day: f"{day.month:02d}/{day.day:02d}/{day.year:04d}")
VALUES = st.one_of(
    CODES.map(lambda text: Value("ORDER_ID", text, "en")),
    CARDS.map(lambda text: Value("CREDIT_CARD", text, "en")),
    MAILS.map(lambda text: Value("EMAIL_ADDRESS", text, "en")),
    PHONES.map(lambda text: Value("PHONE_NUMBER", text, "en")),
    DATES.map(lambda text: Value("DATE_OF_BIRTH", text, "en")),
    st.sampled_from(NAMES).map(lambda text: Value("PERSON", text, "en")),
    st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True).map(lambda text: Value("US_SSN", text, "en")),
    st.text(min_size=1, max_size=12).map(lambda text: Value("PASSWORD", text, "en")),
)


def drawn(*values: Value, key: bytes = KEY, identity: str = "me") -> list[str]:
    sheet = Sheet(key, identity)
    sheet.add(values)
    return [sheet.surrogate(value) for value in values]


def one(entity_type: str, value: str, language: str = "en", **sheet: object) -> str:
    return drawn(Value(entity_type, value, language), **sheet)[0]  # pyright: ignore[reportArgumentType]


@given(values=st.lists(VALUES, min_size=1, max_size=12), data=st.data())
def test_the_order_of_the_values_does_not_matter(values: list[Value], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(values))
    first, second = dict(zip(values, drawn(*values), strict=True)), dict(zip(mixed, drawn(*mixed), strict=True))
    assert first == second


@given(values=st.lists(VALUES, min_size=2, max_size=30, unique_by=lambda one: squeeze(one.spelling)))
def test_two_values_of_one_customer_and_type_never_get_the_same(values: list[Value]) -> None:
    by_type: dict[str, list[str]] = {}
    for value, surrogate in zip(values, drawn(*values), strict=True):
        if value.entity_type != "PHONE_NUMBER" and squeeze(value.spelling):  # one phone has several spellings
            by_type.setdefault(value.entity_type, []).append(squeeze(surrogate))
    assert all(len(set(found)) == len(found) for found in by_type.values())


def test_short_codes_stay_one_to_one_when_their_shape_runs_out() -> None:
    pins = [Value("PIN", str(number), "en") for number in range(10)]
    surrogates = drawn(*pins, Value("PIN", "x", "en"))
    assert len(set(surrogates)) == 11


@given(value=VALUES)
def test_the_original_does_not_survive(value: Value) -> None:
    turns = [Turn("t", "message", f"it is {value.spelling} indeed", "customer")]
    found = {"t": [Finding(6, 6 + len(value.spelling), value.entity_type, 0.9, "test")]}
    operators = Operators(SURROGATES, sheet=Sheet(KEY, "me"))
    redacted = apply(turns, found, SURROGATES, language="en", operators=operators)
    assert leaked_type(turns, redacted, (), SURROGATES, language="en") is None
    if squeeze(value.spelling):
        assert squeeze(redacted.spans[0][0].placeholder) != squeeze(value.spelling)


@given(value=CODES, entity_type=st.sampled_from(("ORDER_ID", "ACCOUNT_NUMBER", "PASSWORD", "SERIAL_NUMBER")))
def test_the_shape_stays(value: str, entity_type: str) -> None:
    surrogate = one(entity_type, value)
    assert shape(surrogate) == shape(value)


@given(value=st.one_of(CARDS, PHONES, st.from_regex(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}", fullmatch=True)))
@pytest.mark.parametrize("entity_type", ["CREDIT_CARD", "PHONE_NUMBER", "US_SSN"])
def test_numbers_keep_their_grouping(entity_type: str, value: str) -> None:
    assert shape(one(entity_type, value)) == shape(value)


def shape(text: str) -> str:
    digits = re.sub(r"[0-9]", "0", text)
    return re.sub(r"[A-Z]", "A", re.sub(r"[a-z]", "a", digits))


@given(value=CARDS)
def test_cards_pass_luhn_and_begin_like_a_test_number(value: str) -> None:
    digits = squeeze(one("CREDIT_CARD", value))
    assert luhn(digits[:-1]) == digits[-1]
    starts = ("4111111111", "4242424242", "5555555555", "5105105105", "2223003122", "6011111111", "6011000990")
    assert digits.startswith((*starts, "3566002020"))


@pytest.mark.parametrize(
    ("digits", "check"), [("411111111111111", "1"), ("37828224631000", "5"), ("49015420323751", "8")]
)
def test_luhn_gives_the_check_digit_of_published_numbers(digits: str, check: str) -> None:
    assert luhn(digits) == check


@given(
    country=st.sampled_from(["DE", "GB", "FR", "ES", "IT", "NL"]), digits=st.from_regex(r"[0-9]{18}", fullmatch=True)
)
def test_ibans_are_valid_and_of_no_bank(country: str, digits: str) -> None:
    surrogate = squeeze(one("IBAN_CODE", f"{country}{digits}")).upper()
    rearranged = surrogate[4:] + surrogate[:4]
    assert int("".join(str(int(each, 36)) for each in rearranged)) % 97 == 1
    assert surrogate[:2] == country
    assert surrogate[4:8] == "0000"


def test_the_check_digits_of_a_published_iban_come_out() -> None:
    assert iban_check("gb", "west12345698765432") == "82"
    assert iban_check("de", "370400440532013000") == "89"


@given(value=st.from_regex(r"[0-9]{3}-[0-9]{2}-[0-9]{4}", fullmatch=True))
def test_social_security_numbers_are_of_an_area_that_is_never_given(value: str) -> None:
    area, group, _ = one("US_SSN", value).split("-")
    assert area.startswith("9")
    assert 1 <= int(group) <= 49  # groups from 50 make it a taxpayer's number


@given(value=PHONES)
def test_phones_are_of_the_ranges_for_fiction(value: str) -> None:
    digits = squeeze(one("PHONE_NUMBER", value))
    if value.startswith("+44"):
        assert digits.startswith("447700900")
    else:
        assert digits[-7:-2] == "55501"


@pytest.mark.parametrize(
    ("value", "language"), [("+34 612 345 678", "es"), ("06 12345678", "nl"), ("0151/23456789", "de")]
)
def test_phones_of_countries_without_such_a_range_are_assigned_to_nobody(value: str, language: str) -> None:
    from phonenumbers import is_valid_number, parse

    region = {"es": "ES", "nl": "NL", "de": "DE"}[language]
    assert is_valid_number(parse(value, region))
    surrogate = one("PHONE_NUMBER", value, language)
    assert shape(surrogate) == shape(value)
    assert not is_valid_number(parse(surrogate, region))


def test_one_phone_has_one_surrogate_in_every_spelling() -> None:
    spellings = ["+1 (415) 555-0132", "415.555.0132", "4155550132"]
    surrogates = drawn(*(Value("PHONE_NUMBER", text, "en") for text in spellings))
    assert len({squeeze(text)[-10:] for text in surrogates}) == 1


@given(value=MAILS)
def test_mails_are_at_example_domains(value: str) -> None:
    surrogate = one("EMAIL_ADDRESS", value)
    assert re.fullmatch(r"[a-z0-9._-]+@example\.(com|org|net)", surrogate)


@pytest.mark.parametrize(
    ("entity_type", "value", "reserved"),
    [
        ("IP_ADDRESS", "10.11.12.13", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"),
        ("IP_ADDRESS", "fe80::1", r"2001:db8::.+"),
        ("MAC_ADDRESS", "AA-BB-CC-DD-EE-FF", r"00-00-5E-00-53-[0-9A-F]{2}"),
        ("URL", "https://acme.test/a?b=4711", r"https://\w+\.example\.(com|org|net)/.\?.=\d{4}"),
        ("UK_NHS", "943 476 5919", r"999 \d{3} \d{4}"),
        ("ES_NIF", "12345678Z", r"9999\d{4}[A-Z]"),
        ("ABA_ROUTING_NUMBER", "021000021", r"5\d{8}"),
        ("IMEI", "490154203237518", r"00\d{13}"),
        (
            "UUID",
            "123e4567-e89b-42d3-a456-426614174000",
            r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}",
        ),
    ],
)
def test_what_has_a_reserved_range_is_of_it(entity_type: str, value: str, reserved: str) -> None:
    assert re.fullmatch(reserved, one(entity_type, value))


def test_variants_of_a_name_are_the_parts_of_one_person() -> None:
    variants = ["Maria Gonzales", "maria", "Ms. Gonzales", "GONZALES", "Maria G.", "maria-gonzales", "Maria's"]
    full, first, titled, last, short, dashed, genitive = drawn(*(Value("PERSON", text, "en") for text in variants))
    given_name, family_name = full.split()
    assert (first, titled, last) == (given_name.lower(), f"Ms. {family_name}", family_name.upper())
    assert (short, dashed) == (f"{given_name} {plain_text(family_name)[0].upper()}.", full.lower().replace(" ", "-"))
    assert genitive == f"{given_name}'s"


def test_a_mail_and_a_user_name_follow_the_persons_name() -> None:
    full, mail, user = drawn(
        Value("PERSON", "Maria Gonzales", "en"),
        Value("EMAIL_ADDRESS", "Maria.Gonzales@acme.test", "en"),
        Value("USERNAME", "mgonzales7", "en"),
    )
    given_name, family_name = plain_text(full).split()
    assert mail.startswith(f"{given_name}.{family_name}@")
    assert re.fullmatch(rf"{given_name[0]}{family_name}\d", user)


@pytest.mark.parametrize(
    ("name", "language"), [("Gisela Baumann", "de"), ("Lucía Herrera", "es"), ("Fabrizio Colombo", "it")]
)
def test_gender_and_locale_are_those_of_the_name(name: str, language: str) -> None:
    first, _ = plain_text(name).split()
    new_first, new_last = plain_text(one("PERSON", name)).split()
    assert kinds(language)[first] & set(GIVEN) <= kinds(language)[new_first]
    assert "last" in kinds(language)[new_last]


def test_what_must_be_avoided_is_not_drawn() -> None:
    value = Value("PERSON", "Maria Gonzales", "es")
    before = drawn(value)[0]
    sheet = Sheet(KEY, "me", avoid=set(plain_text(before).split()))
    sheet.add([value])
    assert not set(plain_text(sheet.surrogate(value)).split()) & sheet.avoid


@pytest.mark.parametrize(
    ("value", "language", "pattern"),
    [
        ("1985-03-12", "en", "%Y-%m-%d"),
        ("03/12/1985", "en", "%m/%d/%Y"),
        ("12.03.1985", "de", "%d.%m.%Y"),
        ("March 12, 1985", "en", "%B %d, %Y"),
        ("12 March 1985", "en", "%d %B %Y"),
    ],
)
def test_dates_shift_by_the_customers_days_in_their_format(value: str, language: str, pattern: str) -> None:
    from datetime import datetime

    days = shift_days(KEY, "me")
    moved = datetime.strptime(one("DATE_OF_BIRTH", value, language), pattern)  # noqa: DTZ007 - a date alone
    assert (moved.date() - datetime(1985, 3, 12).date()).days == days  # noqa: DTZ001
    assert 1 <= abs(days) <= 180


def test_customers_have_shifts_and_surrogates_of_their_own() -> None:
    names = [Value("PERSON", name, "en") for name in NAMES]
    assert drawn(*names) != drawn(*names, identity="other")
    assert len({shift_days(KEY, str(number)) for number in range(200)}) > 100


@settings(max_examples=40)
@given(values=st.lists(VALUES, min_size=1, max_size=6))
def test_the_same_key_gives_the_same(values: list[Value]) -> None:
    assert drawn(*values) == drawn(*values)


def test_another_key_gives_other_surrogates_for_everything() -> None:
    values = [Value("PERSON", name, "en") for name in NAMES]
    values += [
        Value(kind, text, "en") for kind, text in (("ORDER_ID", "48291355"), ("CREDIT_CARD", "4539578763621486"))
    ]
    values += [Value("EMAIL_ADDRESS", "ann.lee@acme.test", "en"), Value("DATE_OF_BIRTH", "1985-03-12", "en")]
    pairs = zip(drawn(*values), drawn(*values, key=OTHER_KEY), strict=True)
    assert all(one != other for one, other in pairs)


def test_an_address_keeps_its_frame_and_loses_its_names() -> None:
    surrogate = one("ADDRESS", "12 Baker Street, Springfield, IL 62704")
    assert re.fullmatch(r"[1-9]\d \w+ Street, [\w ]+, IL \d{5}", surrogate)
    assert "Baker" not in surrogate
    assert "Springfield" not in surrogate


def test_every_locale_has_enough_names_and_no_name_of_two_words() -> None:
    for locale in LOCALES:
        for kind, least in (("female", 60), ("male", 60), ("last", 80)):
            names = words(locale, kind)
            assert len({plain_text(name) for name in names}) >= least
            assert not [name for name in names if " " in name or len(name) < 2]


def test_every_family_draws() -> None:
    values = [Value(entity_type, "Ab12 cd34 5678", "en") for entity_type in sorted({*FAMILIES, "NEW_TYPE"})]
    for value, surrogate in zip(values, drawn(*values), strict=True):
        assert surrogate
        assert squeeze(surrogate) != squeeze(value.spelling), family_of(value.entity_type)

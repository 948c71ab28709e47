"""Known names in other spellings, shapes by example, check digits, and the leak check over normalised forms."""

import pytest

from curate.redact.checks import imei_length, luhn, vin_length
from curate.redact.engine import Engine
from curate.redact.errors import PolicyError
from curate.redact.known import Known, spread
from curate.redact.leaks import leaked_type
from curate.redact.participants import conversation_findings
from curate.redact.policy import load_policy
from curate.redact.redact import Redacted, Turn
from curate.redact.shapes import shape_rules
from curate.redact.variants import nicknames, one_slip, with_variants
from store.settings import RedactionSettings

POLICY = load_policy()


def found(name: str, text: str) -> list[str]:
    known = spread(with_variants([Known(name, "PERSON", 0.95, "participants")]))
    findings = conversation_findings({"t": text}, {}, known)["t"]
    return sorted({text[one.start : one.end] for one in findings}, key=len)[-1:]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("Maria Gonzales", "thanks M. Gonzales", "M. Gonzales"),
        ("Maria Gonzales", "signed Maria G.", "Maria G."),
        ("Maria Gonzales", "mrs gonzalez called", "gonzalez"),
        ("Robert Porter", "bobby called", "bobby"),
        ("Bobby Porter", "ROBERT called", "ROBERT"),
        ("Käthe Brinkschulte", "Frau Brinkschutle wartet", "Brinkschutle"),
    ],
)
def test_a_known_name_is_found_in_another_spelling(name: str, text: str, value: str) -> None:
    assert found(name, text) == [value]


@pytest.mark.parametrize(("name", "text"), [("Bill Porter", "will the bill come"), ("Karl Brown", "a crown, a brow")])
def test_words_that_are_like_a_known_name_stay(name: str, text: str) -> None:
    assert found(name, text) == []


def test_one_slip_is_one_letter() -> None:
    assert all(one_slip("maria", other) for other in ("maris", "mara", "mariaa", "mraia"[:1] + "raia", "amria"[1:]))
    assert not any(one_slip("gonzales", other) for other in ("gonsalez", "gonz", "monzales"))


def test_nicknames_go_both_ways_and_are_many() -> None:
    assert "bob" in nicknames()["robert"]
    assert "robert" in nicknames()["bob"]
    assert sum(map(len, nicknames().values())) // 2 >= 150


def test_shapes_by_example_find_their_like() -> None:
    settings = RedactionSettings(shapes=("ORDER_ID: ORD-482913-X", "CUSTOMER_ID: AB/12", "CUSTOMER_ID: CD/1234"))
    engine = Engine(POLICY.spec(("en",), settings))
    text = "ORD-000117-Q is of ZZ/123, not ORD-12-Q, ord-000117-q or XORD-000117-Q"
    scanned = engine.scan_text(text, "en")
    assert isinstance(scanned, tuple)
    sure = [(one.entity_type, text[one.start : one.end]) for one in scanned if one.score >= 0.95]
    assert sure == [("ORDER_ID", "ORD-000117-Q"), ("CUSTOMER_ID", "ZZ/123")]


@pytest.mark.parametrize("shape", ["ORD-482913", "ORDER_ID:", "ORDER_ID: hello", "order: ORD-1"])
def test_a_shape_that_would_find_anything_is_refused(shape: str) -> None:
    with pytest.raises(PolicyError, match=r"redaction\.shapes"):
        shape_rules((shape,))


def test_check_digits() -> None:
    assert luhn("4111111111111111")
    assert imei_length("990000862471853") == 15
    assert imei_length("990000862471854") == imei_length("371449635398431") == 0
    assert vin_length("1M8GDM9AXKP042788") == 17
    assert vin_length("1M8GDM9A1KP042788") == 0


@pytest.mark.parametrize(
    ("value", "kind", "left"),
    [
        ("84318931", "ACCOUNT_NUMBER", "it was eight four three one eight nine three one"),
        ("84318931", "ACCOUNT_NUMBER", "it was 8431-89 31"),
        ("84318931", "ACCOUNT_NUMBER", "it was 8431\u200d8931"),
        ("José Núñez", "PERSON", "JOSE-NUNEZ again"),
        ("84318931", "ACCOUNT_NUMBER", "it was ８４３１８９３１"),
    ],
)
def test_a_value_in_another_form_is_a_leak(value: str, kind: str, left: str) -> None:
    turn = Turn("t", "message", left)
    known = (Known(value, kind, 0.95, "participants"),)
    assert leaked_type([turn], Redacted((left,), ((),), ()), known, POLICY, language="en") == kind

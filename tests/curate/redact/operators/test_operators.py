"""The operators by entity and role, and what they need of a workspace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.redact.errors import PolicyError
from curate.redact.leaks import leaked_type
from curate.redact.operators import Keys, Operators
from curate.redact.operators.keyed import decrypt, encrypt, hashed
from curate.redact.operators.mask import mask
from curate.redact.operators.surrogates import Sheet
from curate.redact.policy import OPERATORS, Policy, load_policy, parse_policy
from curate.redact.redact import Turn, apply
from curate.redact.spans import Finding
from store.workspace import Workspace

KEYS = Keys(b"s" * 32, b"h" * 32, b"e" * 64)
OTHER = Keys(b"S" * 32, b"H" * 32, b"E" * 64)


def policy(**entities: object) -> Policy:
    return parse_policy({"engine": {}, "default": {"threshold": 0.5, "operator": "placeholder"}, "entities": entities})


def redacted(given_policy: Policy, *turns: tuple[str, str], value: str, entity_type: str = "PERSON") -> tuple[str, ...]:
    said = [Turn(f"t{at}", "message", text, role) for at, (role, text) in enumerate(turns)]
    findings = {
        turn.turn_key: [Finding(turn.text.index(value), turn.text.index(value) + len(value), entity_type, 0.9, "test")]
        for turn in said
        if value in turn.text
    }
    operators = Operators(given_policy, keys=KEYS, sheet=Sheet(KEYS.surrogates, "me"))
    done = apply(said, findings, given_policy, language="en", operators=operators)
    assert leaked_type(said, done, (), given_policy, language="en") is None
    return done.texts


def test_the_placeholder_stays_the_default_for_every_type() -> None:
    packaged = load_policy()
    assert {name for name, entity in packaged.entities if entity.operator != "placeholder"} == {"ORGANIZATION"}
    assert packaged.of("ORGANIZATION").operator == "keep"
    assert packaged.of("SOMETHING_NEW").operator == "placeholder"
    assert packaged.of("SOMETHING_NEW").label == "SOMETHING_NEW"


def test_an_unknown_operator_is_told_the_known_ones() -> None:
    with pytest.raises(PolicyError, match="surogate") as raised:
        policy(PERSON={"operator": "surogate"})
    assert "Did you mean surrogate?" in raised.value.message
    assert all(name in raised.value.message for name in OPERATORS)


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        ({"roles": {"agent": "kep"}}, "Did you mean keep?"),
        ({"roles": {"clerk": "keep"}}, "agent"),
        ({"roles": "keep"}, "table of roles"),
        ({"operator": "mask", "show_last": -1}, "whole number"),
        ({"operator": "mask", "show_last": True}, "whole number"),
    ],
)
def test_mistakes_in_roles_and_settings_say_what_is_allowed(entry: dict[str, object], part: str) -> None:
    with pytest.raises(PolicyError) as raised:
        policy(PERSON=entry)
    assert part in raised.value.message


def test_a_role_has_an_operator_of_its_own_and_its_turns_hold_no_leak() -> None:
    own = policy(PERSON={"operator": "surrogate", "roles": {"agent": "keep"}})
    customer, agent = redacted(own, ("customer", "thanks Ottilie"), ("agent", "Ottilie here"), value="Ottilie")
    assert agent == "Ottilie here"
    assert "Ottilie" not in customer


def test_a_value_left_in_the_turn_of_another_role_is_a_leak() -> None:
    own = policy(PERSON={"roles": {"agent": "keep"}})
    turns = [Turn("a", "message", "I am Ottilie", "customer"), Turn("b", "message", "Ottilie", "customer")]
    done = apply(turns, {"a": [Finding(5, 12, "PERSON", 0.9, "test")]}, own, language="en")
    assert leaked_type(turns, done, (), own, language="en") == "PERSON"


@pytest.mark.parametrize(
    ("value", "show_last", "expected"),
    [
        ("4111 1111 1111 1234", 4, "**** **** **** 1234"),
        ("AB-12", 0, "**-**"),
        ("4711", 4, "**11"),
        ("x", 4, "*"),
        ("!", 0, "*"),
    ],
)
def test_a_mask_keeps_separators_and_at_most_half(value: str, show_last: int, expected: str) -> None:
    assert mask(value, show_last) == expected


def test_the_policys_show_last_is_what_a_mask_leaves() -> None:
    own = policy(CREDIT_CARD={"operator": "mask", "show_last": 4})
    texts = redacted(
        own, ("customer", "4111-1111-1111-1234 ok"), value="4111-1111-1111-1234", entity_type="CREDIT_CARD"
    )
    assert texts == ("****-****-****-1234 ok",)


def test_a_hash_is_the_same_for_all_spellings_and_changes_with_the_key() -> None:
    one = hashed(KEYS, "PERSON", "PERSON", "Ottilie Brandauer")
    assert one == hashed(KEYS, "PERSON", "PERSON", "OTTILIE  brandauer")
    assert one.startswith("<PERSON_")
    assert len(one) == len("<PERSON_>") + 12
    assert one != hashed(OTHER, "PERSON", "PERSON", "Ottilie Brandauer")
    assert one != hashed(KEYS, "USERNAME", "USERNAME", "Ottilie Brandauer")


@given(value=st.text(min_size=1, max_size=40))
def test_what_is_encrypted_comes_back_with_the_key_alone(value: str) -> None:
    token = encrypt(KEYS, "PERSON", value)
    assert token == encrypt(KEYS, "PERSON", value)
    assert token != encrypt(OTHER, "PERSON", value)
    assert decrypt(f"hi {token}!", KEYS) == f"hi {value}!"
    with pytest.raises(PolicyError, match="PERSON"):
        decrypt(token, OTHER)


def test_a_changed_token_is_refused() -> None:
    token = encrypt(KEYS, "PERSON", "Ottilie")
    with pytest.raises(PolicyError):
        decrypt(token.replace("PERSON", "EMAIL"), KEYS)


@pytest.mark.parametrize("operator", ["hash", "encrypt"])
def test_hashes_and_encrypted_values_stand_in_texts(operator: str) -> None:
    (text,) = redacted(policy(PERSON={"operator": operator}), ("customer", "I am Ottilie"), value="Ottilie")
    assert text.startswith("I am <PERSON")


@pytest.mark.parametrize("operator", ["surrogate", "hash", "encrypt"])
def test_without_a_workspace_keyed_operators_say_so(operator: str) -> None:
    own = policy(PERSON={"operator": operator})
    turns = [Turn("t", "message", "I am Ottilie", "customer")]
    with pytest.raises(PolicyError, match="needs the key"):
        apply(turns, {"t": [Finding(5, 12, "PERSON", 0.9, "test")]}, own, language="en")


def test_every_purpose_has_a_subkey_of_its_own(workspace: Workspace) -> None:
    keys = Keys.of(workspace)
    assert len({keys.surrogates, keys.hashes, keys.encryption[:32], keys.encryption[32:]}) == 4
    assert keys.surrogates.hex() not in repr(keys)

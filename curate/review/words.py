"""The words in which a support lead reads a finding: how sure it is, what kind it is of, and why it was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from curate.redact.asked import RECOGNIZER as ASKED
from curate.redact.lists import DENY_LIST, PERSON
from curate.redact.name_model import RECOGNIZER as NAME_MODEL
from curate.redact.participants import SHARED, SOURCE

# Likelihood in words, as data-loss tools say it (Google Sensitive Data Protection has five; ours begins at the floor).
SURE = ((0.95, "certain"), (0.75, "very likely"), (0.5, "likely"), (0.0, "possible"))
FAMILIES = {
    "person": ("PERSON", "USERNAME", "SECURITY_ANSWER"),
    "contact": ("EMAIL_ADDRESS", "PHONE_NUMBER", "URL", "IP_ADDRESS", "MAC_ADDRESS"),
    "place": ("ADDRESS", "LOCATION", "POSTCODE", "UK_POSTCODE", "DE_PLZ", "COORDINATES"),
    "date": ("DATE_OF_BIRTH",),
    "secret": (
        "PASSWORD", "PIN", "ONE_TIME_CODE", "API_KEY", "CARD_SECURITY_CODE", "SESSION_ID", "CREDIT_CARD", "CARD_NUMBER",
        "CRYPTO", "LICENCE_KEY",
    ),
    "organisation": ("ORGANIZATION",),
    "custom": ("CUSTOM",),
}  # fmt: skip
FAMILY = {entity: family for family, entities in FAMILIES.items() for entity in entities}
# The types that people choose most, first, so that the digits 1 to 9 choose them.
COMMON = (
    "PERSON", "EMAIL_ADDRESS", "PHONE_NUMBER", "ADDRESS", "LOCATION", "ORDER_ID", "ACCOUNT_NUMBER", "PASSWORD",
    "CUSTOM",
)  # fmt: skip
LETTERS = frozenset(
    (
        "ID", "IBAN", "PIN", "IP", "MAC", "URL", "API", "US", "UK", "DE", "ES", "IT", "PL", "SSN", "ITIN", "NPI", "MBI",
        "ABA", "NHS", "VIN", "IMEI", "UUID", "NIE", "VAT", "PESEL", "PLZ",
    )
)  # fmt: skip
ONE_WORD = {
    SOURCE: "It stands in the record of the people in this conversation",
    SHARED: "The same text was found elsewhere in this conversation",
    NAME_MODEL: "The name model takes it for one, from the words around it",
    DENY_LIST: "It is on the list of what is always redacted",
    PERSON: "A person marked it",
}


def sure_word(score: float) -> str:
    """Give the word for a score between 0 and 1."""
    return next(word for least, word in SURE if score >= least)


def family_of(entity_type: str) -> str:
    """Give the family whose colour and underline a type has: numbers of all kinds are one."""
    return FAMILY.get(entity_type, "number")


def plain_type(entity_type: str) -> str:
    """Give a type as words: "EMAIL_ADDRESS" is "e-mail address", "ORDER_ID" "order ID"."""
    words = (word if word in LETTERS else word.lower() for word in entity_type.split("_"))
    return " ".join(words).replace("email", "e-mail")


def why_words(recognizer: str, why: Mapping[str, str]) -> str:
    """Give the sentence that says why something was found."""
    said = ONE_WORD.get(recognizer)
    rule = why.get("rule", "")
    if recognizer == ASKED:
        return f"It answers a question for: {plain_type(why.get('asked', ''))}."
    if said is not None:
        return f"{said} ({rule})." if rule and recognizer != PERSON else f"{said}."
    parts = [f"The pattern “{why['pattern']}” fits" if "pattern" in why else f"{recognizer} found it"]
    if "context" in why:
        parts.append(f"the word “{why['context']}” stands near it")
    if "validation" in why:
        parts.append("its check digits are right")
    return f"{', '.join(parts)}."


def menu(entity_types: Iterable[str]) -> list[tuple[str, str]]:
    """Give the types that can be chosen, as (type, words), the common ones first."""
    known = set(entity_types)
    ordered = (*(one for one in COMMON if one in known), *sorted(known.difference(COMMON)))
    return [(name, plain_type(name)) for name in ordered]

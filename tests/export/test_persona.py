"""The persona stands where agents' own names stood, and nowhere else; nothing that was replaced comes back."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.redact.operators import Operators
from curate.redact.policy import Policy, load_policy
from curate.redact.redact import Turn
from curate.redact.spans import Finding
from export.persona import Voice, speak
from export.redacting import redacted_turns
from export.signatures import signed
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, with_settings

C, A, B = "customer", "agent", "bot"
MARIA = (A, "Maria Lopez")


def told(
    *said: tuple[str, str], people: list[tuple[str, str]] | None = None, policy: Policy | None = None
) -> list[str]:
    """Redact turns whose personal values are marked as [[value]], and let Alex speak."""
    turns: list[Turn] = []
    findings: dict[str, list[Finding]] = {}
    for number, (role, marked) in enumerate(said):
        text, found = "", []
        for piece in re.split(r"(\[\[.*?\]\])", marked):
            value = piece.removeprefix("[[").removesuffix("]]")
            if value != piece:
                kind = "EMAIL_ADDRESS" if "@" in value else "PERSON"
                found.append(Finding(len(text), len(text) + len(value), kind, 1.0, "test"))
            text += value
        turns.append(Turn(f"t{number}", "message", text, role))
        findings[f"t{number}"] = found
    policy = policy or load_policy()
    voice = Voice.of("Alex", turns, findings, people or [])
    return list(speak(turns, findings, policy, language="en", operators=Operators(policy), voice=voice).texts)


def test_an_agents_own_name_becomes_the_persona_wherever_it_stands() -> None:
    assert told(
        (C, "Hi [[Maria]], I am [[Jo Berg]]"),
        (A, "Hello [[Jo]], this is [[Maria L.]] (mail [[maria@example.com]])"),
        (C, "Thanks [[maria]]!"),
        people=[MARIA, (C, "Jo Berg")],
    ) == ["Hi Alex, I am <PERSON_2>", "Hello <PERSON_3>, this is Alex (mail <EMAIL_1>)", "Thanks Alex!"]


def test_a_name_that_somebody_else_has_too_is_nobodys() -> None:
    said = (A, "[[Maria]] [[Lopez]] here, hello [[Maria Gomez]]")
    assert told(said, people=[MARIA, (C, "Maria Gomez")]) == ["<PERSON_1> Alex here, hello <PERSON_3>"]


@pytest.mark.parametrize(
    ("role", "text", "expected"),
    [
        (A, "My name is [[Maria]].", "My name is Alex."),
        (A, "I’m [[Maria]] from the shop.", "I’m Alex from the shop."),
        (A, "This is [[Maria]]'s order.", "This is <PERSON_1>'s order."),
        (A, "I see, this is [[Maria]]", "I see, this is <PERSON_1>"),
        (A, "Sent.\n\nKind regards\n[[Maria]]", "Sent.\nKind regards,\nAlex"),
        (A, "Thanks, [[Maria]]", "Thanks, <PERSON_1>"),
        (B, "You are now chatting with [[Maria]].", "You are now chatting with Alex."),
        (C, "My name is [[Maria]].", "My name is <PERSON_1>."),
    ],
)
def test_agents_introduce_themselves(role: str, text: str, expected: str) -> None:
    assert told((role, text)) == [expected]


def test_parts_found_apart_are_one_name() -> None:
    assert told((A, "[[Maria]] [[Lopez]] here."), people=[MARIA]) == ["Alex here."]


@pytest.mark.parametrize("other", [(C, "Alex Berg"), (A, "Alex"), (C, "alex")])
def test_where_the_personas_name_was_said_it_is_not_used(other: tuple[str, str]) -> None:
    texts = told((A, "I am [[Maria]] from the shop. Best regards, Support Team"), people=[MARIA, other])
    assert texts == ["I am <PERSON_1> from the shop. Best regards, Support Team"]


def test_names_that_the_policy_keeps_are_replaced_too(workspace: Workspace) -> None:
    (workspace.root / "rules").mkdir()
    (workspace.root / "rules" / "redaction.toml").write_text('[entities.PERSON.roles]\nagent = "keep"\n')
    policy = load_policy(workspace.root)
    said = ((A, "[[Maria]] here, hello [[Jo]]. Maria is on it."), (C, "Thanks [[Maria]], [[Jo]]"))
    assert told(*said, people=[MARIA, (C, "Jo Berg")], policy=policy) == [
        "Alex here, hello Jo. Alex is on it.",
        "Thanks Alex, <PERSON_2>",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Done. Best regards, Alex / Support Team", "Done.\nBest regards,\nAlex"),
        ("Done.\n\nKind regards,\n\nAlex\nSenior Agent\nTel: <PHONE_1>", "Done.\nKind regards,\nAlex"),
        ("Done.\nMit freundlichen Grüßen\nIhr Kundenservice", "Done.\nMit freundlichen Grüßen,\nAlex"),
        ("Done! Thanks, Alex", "Done!\nThanks,\nAlex"),
        ("Done ^MB", "Done\nAlex"),
        ("Thanks, Alex, please call us", "Thanks, Alex, please call us"),
        ("Thanks, please call our support", "Thanks, please call our support"),
        ("Best regards, Alex. I forgot: it is free.", "Best regards, Alex. I forgot: it is free."),
        ("Best regards, is Alex there?", "Best regards, is Alex there?"),
        ("With regards to your order", "With regards to your order"),
        ("Best regards", "Best regards"),
    ],
)
def test_signatures_are_made_the_personas_and_nothing_else_is_cut(text: str, expected: str) -> None:
    assert signed(text, "Alex") == expected
    assert signed(expected, "Alex") == expected


NAMES = st.sampled_from(["Maria", "Lopez", "Maria Lopez", "Jo", "Jo Berg", "Alex", "Alex Berg", "Ann-Lee", "maria"])
PIECES = st.one_of(
    NAMES.map("[[{}]]".format),
    st.sampled_from(
        ["[[jo@example.com]]", "my name is", "this is", "from the shop.", "Best regards,\n", "Thanks,", "^JB"]
    ),
)
TURNS = st.lists(st.tuples(st.sampled_from([C, A, B]), st.lists(PIECES, max_size=6).map(" ".join)), max_size=5)
PEOPLE = st.lists(st.tuples(st.sampled_from([C, A, "third_party"]), NAMES), max_size=3)


@given(TURNS, PEOPLE)
def test_nothing_that_was_replaced_comes_back(said: list[tuple[str, str]], people: list[tuple[str, str]]) -> None:
    values = {value for _, text in said for value in re.findall(r"\[\[(.*?)\]\]", text)}
    words = {word.lower() for value in values for word in re.findall(r"\w+", value.removesuffix("@example.com"))}
    texts = told(*said, people=people)
    for text in texts:
        plain = {word.lower() for word in re.findall(r"\w+", re.sub("<[A-Z]+_[0-9]+>", "", text))}
        assert not words & plain
    others = [name for role, name in people if role != A]
    if any("Alex" in text for text in texts):
        assert not any("Alex" in name for name in others)
    assert told(*said, people=people) == texts


def test_the_export_speaks_as_the_persona(workspace: Workspace, store: Store) -> None:
    turns = [("customer", "Hi"), ("agent", "Maria here. Best regards, Maria, Support Team"), ("customer", "Bye")]
    add_curated(store, [Case("a", turns=turns), Case("b", turns=turns[:1])])
    store.execute(
        "INSERT INTO participants BY NAME SELECT 'a' AS conversation_key, 'p' AS participant_key, 'agent' AS role, "
        "'explicit' AS role_source, 'Maria Lopez' AS display_name, false AS is_deleted"
    )
    finding = {"conversation_key": "a", "turn_key": "a-1", "entity_type": "PERSON", "score": 1.0}
    finding |= {"recognizer": "names", "why": "{}", "run_id": "r1"}
    spans = [{"finding_id": f"f{at}", "start_char": at, "end_char": at + 5} for at in (0, 26)]
    store.append("findings", pl.DataFrame([finding | span for span in spans]))
    spoken = redacted_turns(store, with_settings(workspace, persona="Alex").settings, ["a", "b"])
    assert spoken["text"].to_list() == ["Hi", "Alex here.\nBest regards,\nAlex", "Bye", "Hi"]
    plain = redacted_turns(store, workspace.settings, ["a", "b"])
    assert plain["text"][1] == "<PERSON_1> here. Best regards, <PERSON_1>, Support Team"
    assert (plain.columns, plain.schema) == (spoken.columns, spoken.schema)

"""Mappings are suggested from names and values, asked for when not certain, and kept in files."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IngestError, MappingNeeded
from ingest.mapping import PATHS, TURN_ROLES, Mapping, fits, load, save
from ingest.shape import Shape, look_up
from ingest.suggest import mapping_for, suggest, template
from ingest.transcript import UnknownSpeakersError, looks_like_transcript, read_transcript
from ingest.words import name_in, plain_name, role_of

ROWS = [
    {"ticket_id": "7", "sender": "Customer", "body": "Where is my parcel?", "sent_at": "2026-01-02T10:00:00Z"},
    {"ticket_id": "7", "sender": "Agent", "body": "It is on its way to you.", "sent_at": "2026-01-02T10:01:00Z"},
    {"ticket_id": "8", "sender": "Customer", "body": "I want to send it back.", "sent_at": "2026-01-02T11:00:00Z"},
]


def shape_of(rows: list[dict[str, Any]]) -> Shape:
    return Shape(tuple(rows[0]), tuple(rows))


def renamed(names: dict[str, str], words: dict[str, str]) -> list[dict[str, Any]]:
    return [{names[name]: words.get(value, value) for name, value in row.items()} for row in ROWS]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"ticket_id": "Ticketnummer", "sender": "Absender", "body": "Nachricht", "sent_at": "Datum"},
         {"Customer": "Kunde", "Agent": "Mitarbeiter"}),
        ({"ticket_id": "id_conversacion", "sender": "remitente", "body": "mensaje", "sent_at": "fecha"},
         {"Customer": "cliente", "Agent": "asesor"}),
        ({"ticket_id": "conversation", "sender": "auteur", "body": "texte", "sent_at": "horodatage"},
         {"Customer": "client", "Agent": "conseiller"}),
        ({"ticket_id": "会话ID", "sender": "角色", "body": "内容", "sent_at": "时间"},
         {"Customer": "客户", "Agent": "客服"}),
        ({"ticket_id": "Chat ID", "sender": "Speaker", "body": "Message Text", "sent_at": "Time"},
         {"Customer": "visitor", "Agent": "Rep"}),
        ({"ticket_id": "thread.id", "sender": "author.type", "body": "content.body", "sent_at": "created"},
         {"Customer": "end-user", "Agent": "operator"}),
    ],
)  # fmt: skip
def test_columns_are_told_in_many_languages(names: dict[str, str], words: dict[str, str]) -> None:
    suggestion = suggest(shape_of(renamed(names, words)))
    assert suggestion is not None
    mapping = suggestion.mapping
    assert suggestion.certain, suggestion.questions
    found = {"ticket_id": mapping.conversation_id, "sender": mapping.role, "body": mapping.text}
    assert found | {"sent_at": mapping.created_at} == names


def test_nested_json_is_told_with_certainty() -> None:
    turns = [{"speaker": "customer", "text": "hello there", "ts": 1589375697}, {"speaker": "agent", "text": "hi"}]
    suggestion = suggest(shape_of([{"id": "1", "data": {"turns": turns}, "meta": {"channel": "chat"}}]))
    assert suggestion is not None
    assert suggestion.certain
    assert suggestion.mapping.turns == "data.turns"
    assert (suggestion.mapping.text, suggestion.mapping.role, suggestion.mapping.created_at) == (
        "text",
        "speaker",
        "ts",
    )
    assert suggestion.mapping.channel == "meta.channel"


@pytest.mark.parametrize(("flag", "true_is"), [("is_agent", "agent"), ("incoming", "customer")])
def test_a_column_of_true_and_false_says_who_speaks(flag: str, true_is: str) -> None:
    rows = [{**row, flag: row["sender"].casefold() == true_is} for row in ROWS]
    for row in rows:
        del row["sender"]
    suggestion = suggest(shape_of(rows))
    assert suggestion is not None
    assert suggestion.certain
    assert suggestion.mapping.role == flag
    assert suggestion.mapping.roles["true"] == true_is


def test_unknown_role_words_are_asked_about_with_a_file_to_edit(tmp_path: Path) -> None:
    shape = shape_of(renamed({name: name for name in ROWS[0]}, {"Agent": "Wichtel"}))
    suggestion = suggest(shape)
    assert suggestion is not None
    assert not suggestion.certain
    with pytest.raises(MappingNeeded) as caught:
        mapping_for(shape, None, "chats.csv")
    assert "sender" in caught.value.message
    assert "ticket_id, sender, body, sent_at" in caught.value.message
    assert "wichtel" not in caught.value.message.casefold()
    assert "--mapping" in caught.value.hint
    path = tmp_path / "mine.toml"
    path.write_text(template(suggestion).replace('# "wichtel" = "customer"', '"wichtel" = "agent"'))
    assert mapping_for(shape, load(path), "chats.csv").roles == {"customer": "customer", "wichtel": "agent"}


def test_a_missing_conversation_column_is_asked_for() -> None:
    suggestion = suggest(shape_of([{"who": row["sender"], "text": row["body"]} for row in ROWS]))
    assert suggestion is not None
    assert not suggestion.certain
    assert any("conversation_id" in question for question in suggestion.questions)


def test_a_table_in_which_nothing_is_said_gets_no_suggestion() -> None:
    assert suggest(shape_of([{"id": 1, "price": 2.5}, {"id": 2, "price": 3.5}])) is None


def test_private_columns_are_turned_the_right_way_round() -> None:
    rows = [{**row, "is_private": index == 1} for index, row in enumerate(ROWS)]
    suggestion = suggest(shape_of(rows))
    assert suggestion is not None
    assert suggestion.mapping.visibilities == {"false": "public", "true": "internal"}


def test_an_email_column_that_agents_have_too_is_the_speakers() -> None:
    rows = [{**row, "E-Mail": f"{row['sender'].lower()}@example.com"} for row in ROWS]
    suggestion = suggest(shape_of(rows))
    assert suggestion is not None
    assert suggestion.mapping.author_email == "E-Mail"
    rows = [{**row, "E-Mail": f"c{row['ticket_id']}@example.com"} for row in ROWS]
    suggestion = suggest(shape_of(rows))
    assert suggestion is not None
    assert suggestion.mapping.customer_email == "E-Mail"


@given(
    st.fixed_dictionaries({"layout": st.sampled_from(["turn", "conversation"])}),
    st.dictionaries(st.sampled_from(PATHS), st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=6),
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(TURN_ROLES), max_size=4),
)
def test_a_saved_mapping_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, layout: dict[str, str], named: dict[str, Any], roles: dict[str, str]
) -> None:
    mapping = Mapping(**layout, **named, roles=roles)
    path = tmp_path_factory.mktemp("mappings") / "mine.toml"
    save(mapping, path)
    assert load(path) == mapping


@pytest.mark.parametrize(
    ("content", "complaint"),
    [('layout = "turn"\nrol = "x"', "role"), ('layout = "rows"', "conversation, turn"), ('text = "x"', "layout"),
     ('layout = "turn"\n[roles]\n"x" = "agnet"', "agent"), ("layout = 3", "no text"), ("layout =", "cannot be read"),
     ('layout = "turn"\nroles = "x"', "no table")],
)  # fmt: skip
def test_a_mapping_with_a_mistake_is_refused_naming_what_is_known(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(content)
    with pytest.raises(IngestError, match=complaint):
        load(path)


def test_a_mapping_fits_where_all_its_columns_are() -> None:
    mapping = Mapping("conversation", turns="turns", text="text", subject="title")
    assert fits(mapping, ("turns", "turns[].text", "title", "extra"))
    assert not fits(mapping, ("turns", "turns[].body", "title"))
    assert not fits(mapping, ("turns", "turns[].text"))
    assert fits(mapping, ("turns", "title"))


def test_a_given_mapping_that_does_not_fit_names_the_nearest_column() -> None:
    with pytest.raises(IngestError, match="Did you mean body"):
        mapping_for(shape_of(ROWS), Mapping("turn", text="bodi"), "chats.csv")


@pytest.mark.parametrize(
    ("word", "role"),
    [("Customer", "customer"), ("END_USER", "customer"), ("end-user", "customer"), ("Kunde", "customer"),
     ("Agent 2", "agent"), ("Anna (Support)", "agent"), ("customer support", "agent"), ("assistant", "agent"),
     ("Chat-Bot", "bot"), ("system", "system"), ("Bob", None), ("customer agent", None), ("", None)],
)  # fmt: skip
def test_role_words_are_known_in_their_spellings(word: str, role: str | None) -> None:
    assert role_of(word) == role


def test_the_name_in_a_speakers_label_is_what_is_no_role() -> None:
    assert [name_in(label) for label in ("Agent Anna", "Anna Lee (Support)", "Customer 2")] == ["Anna", "Anna Lee", ""]


def test_a_column_whose_name_has_a_dot_comes_before_a_path() -> None:
    assert look_up({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert look_up({"a": {"b": 2}}, "a.b") == 2
    assert look_up({"a": [1]}, "a.b") is None


@given(st.text())
def test_plain_names_are_stable(name: str) -> None:
    assert plain_name(plain_name(name)) == plain_name(name)


def test_a_transcript_is_cut_at_its_speakers_alone() -> None:
    text = "Chat started\n[10:02] Agent Anna: Hello\nOrder number: 7\n\n10:03 - Customer: Hi\nContact: me@example.com\n"
    speeches = read_transcript(text, {})
    assert [(s.line, s.role, s.who, s.time, s.text) for s in speeches] == [
        (1, "system", "", None, "Chat started"),
        (2, "agent", "Agent Anna", "10:02", "Hello\nOrder number: 7"),
        (5, "customer", "Customer", "10:03", "Hi\nContact: me@example.com"),
    ]


def test_a_transcript_with_a_speaker_nobody_knows_is_refused_until_the_mapping_tells() -> None:
    text = "Agent: Hello\nBrigitte: Hi\nAgent: How are you?\nBrigitte: Fine"
    with pytest.raises(UnknownSpeakersError):
        read_transcript(text, {})
    assert [s.role for s in read_transcript(text, {"brigitte": "customer"})] == ["agent", "customer"] * 2


def test_prose_is_no_transcript() -> None:
    assert not looks_like_transcript("Dear all,\nplease note: the shop is closed.\nCustomer number: 7")
    assert looks_like_transcript("Agent: Hello\nCustomer: Hi")

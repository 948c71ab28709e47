"""Plain-text transcripts: speakers learnt, roles never guessed, dates in the order of the whole file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.connector import Reading, Recognised
from ingest.connectors.transcripts import CONNECTOR
from ingest.detection import recognise
from ingest.errors import MappingNeeded
from ingest.mapping import Mapping
from ingest.records import Conversation, Reject
from ingest.source import SourceFile


@pytest.fixture
def read(tmp_path, store):
    def read_text(text, **roles):
        path = tmp_path / "chat.txt"
        path.write_bytes(text.encode())
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool(), mapping)))

    return read_text


def turns(record):
    assert isinstance(record, Conversation), record
    return [(turn.role, turn.text) for turn in record.turns]


HELLO = [("agent", "Hello"), ("customer", "Hi\nall"), ("agent", "Yes?")]


@pytest.mark.parametrize("text", [
    "Agent: Hello\nCustomer: Hi\nall\nAgent: Yes?\n",
    "[10:42] Agent Maria: Hello\n[10:43] Customer: Hi\nall\n[10:44] Agent Maria: Yes?\n",
    "[10:02:11] Support: Hello\n[10:02:12] Visitor: Hi\nall\n[10:03:11] Support: Yes?\n",
    "Agent (10:02 AM): Hello\nCustomer (10:03 AM): Hi\nall\nAgent (10:04 AM): Yes?\n",
    "(10:02:11) Maria (Agent): Hello\n(10:02:12) Jo (Customer): Hi\nall\n(10:03:11) Maria (Agent): Yes?\n",
    "13.06.2018 21:25 - Mitarbeiter: Hello\n13.06.2018 21:26 - Kunde: Hi\nall\n13.06.2018 21:27 - Mitarbeiter: Yes?\n",
    "2018-06-13 21:25 Agente: Hello\n2018-06-13 21:26 Cliente: Hi\nall\n2018-06-13 21:27 Agente: Yes?\n",
    "**Agent:** Hello\n**Customer:** Hi\nall\n**Agent:** Yes?\n",
])  # fmt: skip
def test_every_style_is_recognised_and_read(read, tmp_path, text) -> None:
    (one,) = read(text)
    assert turns(one) == HELLO
    found = recognise(SourceFile(tmp_path / "chat.txt"))
    assert found is not None
    assert found[0].name == "transcripts"


def test_the_head_names_the_people_and_is_not_said(read) -> None:
    (one,) = read(
        "Chat ID: lc-9\nDate: 2026-01-05\nAgent: Maria Lopez\nCustomer: Jo Kim <jo@example.com>\n\n"
        "[23:58] Maria: Hello\n[00:03] Jo: Hi\nall\n[00:04] Maria: Yes?\n"
    )
    assert turns(one) == HELLO
    assert one.external_id == "lc-9"
    assert [turn.created_at for turn in one.turns] == [
        "2026-01-05T23:58:00", "2026-01-06T00:03:00", "2026-01-06T00:04:00",
    ]  # fmt: skip
    assert {(p.role, p.display_name, p.email) for p in one.participants} == {
        ("agent", "Maria Lopez", None), ("customer", "Jo Kim", "jo@example.com"),
    }  # fmt: skip


def test_first_turns_that_look_like_a_head_are_said(read) -> None:
    (one,) = read("Agent: Hello\nCustomer: Hi\nAgent: Right\n")
    assert turns(one) == [("agent", "Hello"), ("customer", "Hi"), ("agent", "Right")]


def test_company_addresses_tell_who_is_an_agent(read) -> None:
    head = "Participants: Maria <m@acme.example.com>, Jo <jo@example.com>, support@acme.example.com\n\n"
    (one,) = read(head + "[10:42] Maria: Hello\n[10:43] Jo: Hi\nall\n[10:44] Maria: Yes?\n")
    assert turns(one) == HELLO


def test_the_only_other_side_is_the_other_side(read) -> None:
    (one,) = read("[10:42] Agent: Hello\n[10:43] Jo: Hi\nall\n[10:44] Agent: Yes?\n")
    assert turns(one) == HELLO


def test_unknown_names_need_a_mapping_and_are_not_guessed(read) -> None:
    text = "[10:42] Maria: Hello\n[10:43] Jo: Hi\nall\n[10:44] Maria: Yes?\n"
    with pytest.raises(MappingNeeded) as caught:
        read(text)
    assert "Maria" not in caught.value.message
    assert "[roles]" in (caught.value.hint or "")
    (one,) = read(text, Maria="agent", Jo="customer")
    assert turns(one) == HELLO


def test_a_third_speaker_nobody_knows_rejects_that_conversation_only(read) -> None:
    known = "[10:42] Agent: Hello\n[10:43] Customer: Hi\n"
    records = read(f"Conversation #71\n\n{known}\nConversation #75\n\n{known}[10:44] Tom: I am somebody else\n")
    assert [type(record) for record in records] == [Conversation, Reject]
    assert (records[1].code, records[1].place) == ("bad_record", "line 6")
    assert "Tom" not in records[1].detail


def test_internal_notes_are_internal(read) -> None:
    (one,) = read("Agent: Hello\nCustomer: Hi\nAgent (internal note): Difficult\nInternal note: Very\nAgent: Yes?\n")
    kinds = [(turn.kind, turn.visibility, turn.text) for turn in one.turns]
    assert kinds[2:4] == [("note", "internal", "Difficult"), ("note", "internal", "Very")]
    assert [kind for kind, *_ in kinds] == ["message", "message", "note", "note", "message"]


def test_times_without_a_speaker_are_events(read) -> None:
    (one,) = read("[10:41] Jo joined\n[10:42] Agent: Hello\n[10:43] Customer: Hi\n[10:50] Jo has left\n")
    assert [(turn.kind, turn.visibility) for turn in one.turns] == [
        ("event", "internal"), ("message", "public"), ("message", "public"), ("event", "internal"),
    ]  # fmt: skip


@pytest.mark.parametrize("between", [
    "==========\n", "\n-----\n\n", "Conversation #{}\n", "=====\nTicket {}\n=====\n", "Chat started: 2026-05-0{}\n",
])  # fmt: skip
def test_a_file_of_several_conversations_is_cut(read, between) -> None:
    talk = "Agent: Hello\nCustomer: Hi\nall\nAgent: Yes?\n\n"
    records = read("".join(between.format(at) + talk for at in (3, 5)))
    assert [turns(record) for record in records] == [HELLO, HELLO]


def test_rules_between_turns_cut_nothing(read) -> None:
    (one,) = read("Agent: Hello\n-----\nCustomer: Hi\nall\n-----\nAgent: Yes?\n")
    assert turns(one) == HELLO


def test_a_rule_within_a_turn_cuts_nothing(read) -> None:
    (one,) = read("Agent: Hello\n-----\nsee above\nCustomer: Hi\nall\nAgent: Yes?\n")
    assert turns(one)[0] == ("agent", "Hello\n-----\nsee above")


def test_conversations_that_are_but_counted_have_no_id_of_their_own(read) -> None:
    talk = "Agent: Hello\nCustomer: Hi {}\n\n"
    counted = read("".join(f"Conversation {at}\n{talk.format(at)}" for at in (1, 2)))
    assert [record.external_id for record in counted] == [None, None]
    named = read("".join(f"Conversation {at}\n{talk.format(at)}" for at in (4711, 4712)))
    assert [record.external_id for record in named] == ["4711", "4712"]


@pytest.mark.parametrize(("dates", "first"), [
    (("06/13/2018", "06/05/2018"), "2018-06-13T09:02:00"),
    (("05/06/2018", "13/06/2018"), "2018-06-05T09:02:00"),
    (("05/06/2018", "04/07/2018"), "2018-06-05T09:02:00"),
    (("05.06.2018", "04.05.2018"), "2018-06-05T09:02:00"),
    (("05/06/2018", "05/06/2018"), None),
    (("13/06/2018", "06/13/2018"), None),
])  # fmt: skip
def test_the_order_of_dates_is_the_whole_files(read, dates, first) -> None:
    (one,) = read(f"{dates[0]} 9:02 AM - Agent: Hello\n{dates[1]}, 9:03 PM - Customer: Hi\n")
    assert one.turns[0].created_at == first
    assert first is None or one.turns[1].created_at is not None


def test_a_last_line_that_breaks_off_is_said(read) -> None:
    one, *_ = records = read("[10:42] Agent: Hello\n[10:43] Customer: Hi\n[10:")
    reject, conversation = records
    assert isinstance(one, Reject)
    assert (reject.code, reject.place) == ("truncated", "line 3")
    assert conversation.completeness == "truncated_body"
    assert turns(conversation) == [("agent", "Hello"), ("customer", "Hi")]


@pytest.mark.parametrize("text", [
    "Dear all,\nplease note: the shop is closed.\nCustomer number: 7\nAgent: Maria\n",
    "# A readme\n\nSome prose: with colons.\n\n    Agent: Hello\n    Customer: Hi\n    Agent: Bye\n" + "Prose.\n" * 20,
    "name: app\nuser: root\nversion: 3\nserver: web\nclient: none\n",
    "2026-01-05 10:42:11 INFO: started\n2026-01-05 10:42:12 ERROR: broken\n2026-01-05 10:42:13 INFO: ended\n" * 5,
    "[10:42:11] WARN: a\n[10:42:12] DEBUG: b\n[10:42:13] WARN: c\n",
    "class Agent:\n    name: str\n\nclass Customer:\n    name: str\n\ndef agent(x):\n    return x\n",
    "id,text,role\n1,Agent: hello,agent\n2,Customer: hi,customer\n3,Agent: bye,agent\n",
])  # fmt: skip
def test_prose_code_logs_and_tables_are_no_transcripts(tmp_path, text) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text, encoding="utf-8")
    assert CONNECTOR.detect(SourceFile(path).sample) is None


def test_the_projects_own_texts_are_no_transcripts() -> None:
    root = Path(__file__).resolve().parents[2]
    texts = [
        *root.glob("*.md"),
        *root.glob("docs/**/*.md"),
        *root.glob("ingest/**/*.py"),
        *root.glob("rules/**/*.toml"),
    ]
    assert len(texts) > 40
    texts += [root / "sample_logs" / "README.md", *root.glob("sample_logs/tables/*.csv")]
    assert [path for path in texts if CONNECTOR.detect(SourceFile(path).sample)] == []


LINES = st.lists(
    st.sampled_from(["Agent: a", "Customer: b", "more", "", "-----", "Conversation #7", "[10:42] Jo: c", "Date: 5"]),
    max_size=25,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES)
def test_any_arrangement_of_lines_is_read_rejected_or_asked_about(read, lines) -> None:
    try:
        records = read("\n".join([*lines, ""]))
    except MappingNeeded:
        return
    said = "\n".join(turn.text for record in records if isinstance(record, Conversation) for turn in record.turns)
    rejected = "\n".join(record.raw for record in records if isinstance(record, Reject))
    assert records
    if any(isinstance(record, Conversation) for record in records):
        assert (said + rejected).count("more") == lines.count("more")

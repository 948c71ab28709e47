"""WhatsApp's chats: every header seen, the order of day and month, media, notices, and roles that nobody guesses."""

import zipfile

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.whatsapp import CONNECTOR
from ingest.detection import recognise
from ingest.mapping import Mapping
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk


@pytest.fixture
def read(tmp_path, store):
    def read_text(text, *, name="WhatsApp Chat with Ann Example.txt", roles=None):
        path = tmp_path / name
        path.write_bytes(text.encode())
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool(), mapping)))

    return read_text


def said(record):
    assert isinstance(record, Conversation), record
    return [(turn.author, turn.text) for turn in record.turns if turn.kind == "message"]


def times(record):
    assert isinstance(record, Conversation), record
    return [turn.created_at for turn in record.turns]


@pytest.mark.parametrize(("first", "second", "seconds"), [
    ("[13/06/18, 21:25:15] ", "[13/06/18, 21:26:16] ", True),
    ("[13/06/2018, 9:25:15\u202fPM] ", "[13/06/2018, 9:26:16\u202fPM] ", True),
    ("13/06/18, 21:25 - ", "13/06/18, 21:26 - ", False),
    ("6/13/18, 9:25\u202fPM - ", "6/13/18, 9:26\u202fPM - ", False),
    ("13/6/18 9:25 p.\u00a0m. - ", "13/6/18 9:26 p.\u00a0m. - ", False),
    ("13.6.2018 klo 21.25.15 - ", "13.6.2018 klo 21.26.16 - ", True),
    ("[13.6.2018 klo 21.25.15] ", "[13.6.2018 klo 21.26.16] ", True),
    ("13. 6. 2018. 21:25:15 ", "13. 6. 2018. 21:26:16 ", True),
    ("13-06-2018, 09.25 PM - ", "13-06-2018, 09.26 PM - ", False),
    ("[2018/06/13, 21:25:15] ", "[2018/06/13, 21:26:16] ", True),
    ("2018-06-13 21:25 - ", "2018-06-13 21:26 - ", False),
    ("\u200e[13/06/18, 21:25:15] ", "\u200e[13/06/18, 21:26:16] ", True),
    ("[13.06.18,\u200921:25:15] ", "[13.06.18,\u200921:26:16] ", True),
    ("2018/6/13 下午9:25 - ", "2018/6/13 下午9:26 - ", False),
    ("[١٣\u200f/٦\u200f/٢٠١٨، ٩:٢٥:١٥ م] ", "[١٣\u200f/٦\u200f/٢٠١٨، ٩:٢٦:١٦ م] ", True),
])  # fmt: skip
def test_every_header_is_read(read, tmp_path, first, second, seconds) -> None:
    name = "chat.txt"
    (one,) = read(f"{first}Ann Example: Hello: you\n{second}Bo: Hi\nall\n", name=name)
    assert said(one) == [("Ann Example", "Hello: you"), ("Bo", "Hi\nall")]
    expected = ["2018-06-13T21:25:15", "2018-06-13T21:26:16"]
    assert times(one) == (expected if seconds else ["2018-06-13T21:25:00", "2018-06-13T21:26:00"])
    assert one.turns[0].custom["time"] in first
    found = recognise(SourceFile(tmp_path / name))
    assert found is not None
    assert found[0].name == "whatsapp"


@pytest.mark.parametrize(("days", "expected"), [
    (("01/02/24", "20/02/24"), "2024-02-01T10:00:00"),
    (("01/02/24", "01/20/24"), "2024-01-02T10:00:00"),
    (("03/02/24", "01/03/24"), "2024-02-03T10:00:00"),
    (("24/01/31", "24/12/28"), "2024-01-31T10:00:00"),
    (("1.2.24", "2.2.24"), "2024-02-01T10:00:00"),
    (("01/02/24", "02/03/24"), None),
])  # fmt: skip
def test_the_whole_file_tells_the_order_of_day_and_month(read, days, expected) -> None:
    (one,) = read("".join(f"{day}, 10:00 - Ann Example: x\n" for day in days))
    assert times(one)[0] == expected
    assert one.turns[0].custom["time"] == f"{days[0]}, 10:00"


def test_american_phones_are_known_by_their_clock(read) -> None:
    (one,) = read("1/2/24, 9:05 PM - Ann Example: x\n3/4/24, 12:05 AM - Ann Example: y\n")
    assert times(one) == ["2024-01-02T21:05:00", "2024-03-04T00:05:00"]


def test_pasted_headers_and_dates_go_on_with_the_message(read) -> None:
    (one,) = read(
        "13/06/18, 21:25 - Ann Example: it says\n2016-04-29 10:30:00\n[13/06/18, 20:00:00] Cy: pasted\n"
        "13/06/18, 21:26 - Bo: ok\n"
    )
    assert said(one) == [
        ("Ann Example", "it says\n2016-04-29 10:30:00\n[13/06/18, 20:00:00] Cy: pasted"),
        ("Bo", "ok"),
    ]


def test_the_apps_notices_are_internal_events(read) -> None:
    (one,) = read(
        '13/06/18, 21:25 - Ann Example created group "A: b"\n13/06/18, 21:26 - Ann Example: hello\n'
        "13/06/18, 21:27 - Missed voice call\n"
    )
    assert [(turn.kind, turn.role, turn.visibility) for turn in one.turns] == [
        ("event", "system", "internal"), ("message", "customer", "public"), ("event", "system", "internal"),
    ]  # fmt: skip
    assert one.turns[0].author is None


def test_notices_under_a_chats_name_are_nobodys_words(read) -> None:
    (one,) = read(
        "[13.06.18, 21:25:15] Trips: \u200eMessages and calls are end-to-end encrypted.\n"
        "[13.06.18, 21:25:16] Ann: is this end-to-end encrypted?\n[13.06.18, 21:25:17] Trips: \u200eBo left\n",
        name="_chat.txt",
    )
    assert said(one) == [("Ann", "is this end-to-end encrypted?")]
    assert [person.external_id for person in one.participants] == ["Ann"]


@pytest.mark.parametrize(("text", "left", "file", "is_omitted"), [
    ("<Media omitted>", "", None, True),
    ("\u200eimage omitted", "", None, True),
    ("\u200eBild weggelassen", "", None, True),
    ("<Medien ausgeschlossen>", "", None, True),
    ("<Multimedia omitido>", "", None, True),
    ("", "", None, True),
    ("\u200e<attached: 00000012-PHOTO.jpg>", "", "00000012-PHOTO.jpg", False),
    ("IMG-1.jpg (file attached)\nlook", "look", "IMG-1.jpg", False),
    ("IMG-1.jpg (Datei angehängt)", "", "IMG-1.jpg", False),
    ("a.pdf • \u200e2 pages \u200e<attached: 1-a.pdf>", "", "1-a.pdf", False),
])  # fmt: skip
def test_media_are_named_and_captions_kept(read, text, left, file, is_omitted) -> None:
    (one,) = read(f"[13.06.18, 21:25:15] Ann Example: {text}\n[13.06.18, 21:25:16] Bo: ok\n")
    turn = one.turns[0]
    assert (turn.text, turn.kind) == (left, "message")
    assert [(entry.file_name, entry.is_omitted) for entry in turn.attachments] == [(file, is_omitted)]


def test_what_somebody_says_about_omitted_things_is_said(read) -> None:
    (one,) = read("13/06/18, 21:25 - Ann Example: The fee was omitted\n")
    assert said(one) == [("Ann Example", "The fee was omitted")]


def test_edits_and_deletions_are_marked(read) -> None:
    (one,) = read(
        "13/06/18, 21:25 - Ann Example: yes <This message was edited>\n13/06/18, 21:26 - Bo: This message was deleted\n"
    )
    edited, deleted = one.turns
    assert (edited.text, edited.custom["edited"]) == ("yes", True)
    assert (deleted.text, deleted.is_deleted) == ("", True)


TALK = "13/06/18, 21:25 - Ann Example: Hello\n13/06/18, 21:26 - Bo: Hi\n"


def roles(record):
    return {person.external_id: (person.role, person.role_source) for person in record.participants}


@pytest.mark.parametrize("name", [
    "WhatsApp Chat with Ann Example.txt", "WhatsApp-Chat mit Ann Example.txt", "Chat de WhatsApp con Ann Example.txt",
    "Discussion WhatsApp avec Ann Example (1).txt",
])  # fmt: skip
def test_the_chats_name_is_the_customer(read, name) -> None:
    (one,) = read(TALK, name=name)
    assert roles(one) == {"Ann Example": ("customer", "inferred"), "Bo": ("agent", "inferred")}
    assert [turn.role for turn in one.turns] == ["customer", "agent"]


def test_an_archive_of_an_iphone_names_the_chat(tmp_path, store) -> None:
    path = tmp_path / "WhatsApp Chat - Ann Example.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_chat.txt", "[13.06.18, 21:25:15] Ann Example: Hello\n[13.06.18, 21:26:15] Bo: Hi\n")
    (file,) = walk([path])
    (one,) = CONNECTOR.read(Reading((Recognised(file),), store.spool()))
    assert [turn.role for turn in one.turns] == ["customer", "agent"]


@pytest.mark.parametrize(("talk", "agent"), [
    ("13/06/18, 21:25 - Ann: Hello\n13/06/18, 21:26 - Bo: You deleted this message\n", "Bo"),
    ("13/06/18, 21:25 - +1 212 555 0144: Hello\n13/06/18, 21:26 - Bo: Hi\n", "Bo"),
    ("13/06/18, 21:25 - ~ Ann: Hello\n13/06/18, 21:26 - Bo: Hi\n", "Bo"),
    ("13/06/18, 21:25 - Ann: Hello\n13/06/18, 21:26 - Lindwurm Support: Hi\n", "Lindwurm Support"),
])  # fmt: skip
def test_the_chat_may_tell_who_is_who(read, talk, agent) -> None:
    (one,) = read(talk, name="chat.txt")
    assert [who for who, (role, _) in roles(one).items() if role == "agent"] == [agent]
    assert "roles" not in one.custom


def test_who_is_not_known_is_no_agent_and_the_conversation_says_so(read) -> None:
    (one,) = read(TALK, name="chat.txt")
    assert roles(one) == {"Ann Example": ("unknown", "inferred"), "Bo": ("unknown", "inferred")}
    assert {turn.role for turn in one.turns} == {"customer"}
    assert "[roles]" in one.custom["roles"]


def test_a_mapping_decides(read) -> None:
    (one,) = read(TALK, roles={"ann example": "agent"})
    assert roles(one) == {"Ann Example": ("agent", "mapping"), "Bo": ("customer", "inferred")}
    assert [turn.role for turn in one.turns] == ["agent", "customer"]


def test_a_longer_export_of_the_same_chat_is_the_same_conversation(read) -> None:
    (one,), (two,) = read(TALK), read(TALK + "14/06/18, 08:00 - Ann Example: Thanks\n")
    assert one.external_id == two.external_id
    assert two.updated_at == "2018-06-14T08:00:00"


def test_a_long_chat_is_cut_at_a_silence(read) -> None:
    talk = "".join(f"13/06/18, 21:25 - Ann Example: message {number}\n" for number in range(500))
    one, two = read(talk + "30/06/18, 21:25 - Ann Example: me again\n30/06/18, 21:26 - Bo: hello\n")
    assert (len(one.turns), len(two.turns)) == (500, 2)
    assert one.external_id != two.external_id


@pytest.mark.parametrize("end", ["13/", "13/06/18, 21", "13/06/18, 21:27 -", "13/06/18, 21:27 - Ann Ex"])
def test_a_header_that_breaks_off_is_a_reject(read, end) -> None:
    one, reject = read(TALK + end)
    assert (len(one.turns), one.completeness) == (2, "truncated_body")
    assert isinstance(reject, Reject)
    assert (reject.code, reject.place) == ("truncated", "line 3")


def test_lines_before_the_first_header_are_rejects(read) -> None:
    one, reject = read("odd\n" + TALK)
    assert len(one.turns) == 2
    assert (reject.code, reject.place, reject.raw) == ("bad_record", "line 1", "odd")


@pytest.mark.parametrize("text", [
    "13.06.2018 21:25 - Mitarbeiter: Hello\n13.06.2018 21:26 - Kunde: Hi\n13.06.2018 21:27 - Mitarbeiter: Yes\n",
    "[2018-06-13 21:25:00] Agent: Hello\n[2018-06-13 21:26:00] Customer: Hi\n[2018-06-13 21:27:00] Agent: Yes\n",
    "Chat ID: 7\nAgent: Bo\nCustomer: Ann\n\n[10:02:11] Bo: Hello\n[10:02:12] Ann: Hi\n[10:02:13] Bo: Yes\n",
])  # fmt: skip
def test_transcripts_with_roles_are_not_claimed(tmp_path, text) -> None:
    path = tmp_path / "log.txt"
    path.write_text(text, encoding="utf-8")
    found = recognise(SourceFile(path))
    assert found is not None
    assert found[0].name == "transcripts"


def test_logs_are_nobodys_chat(tmp_path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("2026-01-05 10:00:00 - INFO: started\n2026-01-05 10:00:01 - ERROR: no disk\n" * 5, encoding="utf-8")
    assert recognise(SourceFile(path)) is None


def test_the_shared_samples_are_read_whole(shared, store) -> None:
    for file in walk([shared / "formats" / "whatsapp"]):
        found = recognise(file)
        assert found is not None
        assert found[0].name == "whatsapp"
        (one,) = CONNECTOR.read(Reading((Recognised(file),), store.spool()))
        assert [turn.created_at[:10] for turn in one.turns] == [
            "2019-01-01", "2019-01-20", "2019-01-30", "2020-06-10", "2020-06-20", "2020-06-30", "2021-12-10",
            "2021-12-20", "2021-12-30",
        ]  # fmt: skip
        assert sum(turn.kind == "event" for turn in one.turns) == 2
        assert one.turns[2].text == "Lorem ipsum dolor sit amet,\nconsectetur adipiscing elit. Duis libero."

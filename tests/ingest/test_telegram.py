"""Telegram's exports: texts joined as they were, one chat or all, service messages internal, roles with a reason."""

import json

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.telegram import CONNECTOR
from ingest.detection import recognise
from ingest.mapping import Mapping
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk


@pytest.fixture
def read(tmp_path, store):
    def read_export(export, roles=None):
        path = tmp_path / "result.json"
        path.write_text(export if isinstance(export, str) else json.dumps(export), encoding="utf-8")
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool(), mapping)))

    return read_export


def message(number, text="hello", who="Ann Example", sender="user1", **fields):
    return {"id": number, "type": "message", "date": "2026-03-02T08:15:20", "date_unixtime": str(1772439320 + number),
            "from": who, "from_id": sender, "text": text, **fields}  # fmt: skip


def reply(number, text="hi", **fields):
    return message(number, text, "Bo", "user2", **fields)


def chat(*messages, kind="personal_chat", name="Ann Example", number=1):
    return {"name": name, "type": kind, "id": number, "messages": list(messages)}


def account(*chats, owner=2):
    return {"about": "x", "personal_information": {"user_id": owner}, "chats": {"about": "y", "list": list(chats)}}


def said(one):
    assert isinstance(one, Conversation), one
    return [(turn.role, turn.text) for turn in one.turns]


def test_a_single_chat_is_one_conversation(read) -> None:
    (one,) = read(chat(message(1), reply(2, reply_to_message_id=1)))
    assert (one.external_id, said(one)) == ("user1", [("customer", "hello"), ("agent", "hi")])
    assert [(turn.external_id, turn.reply_to) for turn in one.turns] == [("1", None), ("2", "1")]
    assert one.turns[0].created_at == "1772439321"


@pytest.mark.parametrize(("text", "joined"), [
    ("plain", "plain"),
    (["a ", {"type": "bold", "text": "b"}, " c"], "a b c"),
    (["see ", {"type": "link", "text": "https://example.com"}, "."], "see https://example.com."),
    ([], ""),
    (["a", 7, None, {"type": "bold"}], "a"),
])  # fmt: skip
def test_the_parts_of_a_text_follow_each_other_directly(read, text, joined) -> None:
    (one,) = read(chat(message(1, text)))
    assert one.turns[0].text == joined


def test_a_whole_account_gives_every_chat(read) -> None:
    first, second = read(account(chat(message(1)), chat(message(1, who="Cy", sender="user3"), number=3, name="Cy")))
    assert (first.external_id, second.external_id) == ("user1", "user3")


def test_ids_of_users_and_groups_are_kept_apart(read) -> None:
    one, two = read(account(chat(message(1)), chat(message(1), kind="private_group")))
    assert (one.external_id, two.external_id) == ("user1", "chat1")


def test_in_a_group_the_account_and_the_group_itself_are_agents(read) -> None:
    group = chat(message(1), reply(2), message(3, "by the team", "Help", "channel9"), kind="private_supergroup",
                 name="Help", number=9)  # fmt: skip
    (one,) = read(account(group))
    assert [role for role, _ in said(one)] == ["customer", "agent", "agent"]


def test_nobody_in_a_group_is_an_agent_without_a_reason(read) -> None:
    group = chat(message(1), reply(2), kind="private_group", name="Help", number=9)
    (one,) = read(group)
    assert [role for role, _ in said(one)] == ["customer", "customer"]
    assert "[roles]" in one.custom["roles"]
    (told,) = read(group, roles={"user2": "agent"})
    assert [role for role, _ in said(told)] == ["customer", "agent"]
    assert "roles" not in told.custom


def test_a_bot_speaks_automatically_and_the_account_is_its_customer(read) -> None:
    (one,) = read(
        account(chat(reply(1), message(2, who="Tidy", sender="user5"), kind="bot_chat", name="Tidy", number=5))
    )
    assert [(turn.role, turn.is_automated) for turn in one.turns] == [("customer", False), ("bot", True)]


def test_saved_messages_are_notes(read) -> None:
    (one,) = read(account(chat(reply(1, "call Ann"), kind="saved_messages", number=2)))
    assert (one.turns[0].kind, one.turns[0].visibility, one.completeness) == ("note", "internal", "events_only")


def test_service_messages_are_internal_events(read) -> None:
    call = {"id": 2, "type": "service", "date_unixtime": "1772439400", "actor": "Ann Example", "actor_id": "user1",
            "action": "phone_call", "duration_seconds": 64, "text": ""}  # fmt: skip
    (one,) = read(chat(message(1), call))
    event = one.turns[1]
    assert (event.kind, event.role, event.visibility, event.event_type) == ("event", "system", "internal", "phone_call")
    assert event.custom == {"duration_seconds": 64}


def test_a_deleted_account_speaks_on_without_a_name(read) -> None:
    (one,) = read(chat(message(1, who=None), reply(2)))
    person = one.participants[0]
    assert (person.external_id, person.display_name, person.is_deleted, person.role) == (
        "user1",
        None,
        True,
        "customer",
    )


def test_files_are_named_and_those_left_out_marked(read) -> None:
    (one,) = read(chat(
        message(1, "look", photo="photos/a.jpg"),
        message(2, "", file="(File not included. Change data exporting settings to download.)", media_type="sticker"),
        message(3, "", file="files/b.pdf", file_name="b.pdf", mime_type="application/pdf", file_size=7),
    ))  # fmt: skip
    found = [(a.file_name, a.media_type, a.bytes, a.is_omitted) for turn in one.turns for a in turn.attachments]
    assert found == [
        ("a.jpg", "photo", None, False), (None, "sticker", None, True), ("b.pdf", "application/pdf", 7, False),
    ]  # fmt: skip


def test_a_chat_without_an_id_is_the_same_with_and_without_a_mapping(read) -> None:
    bare = {"messages": [message(1), reply(2)]}
    (one,), (two,) = read(bare), read(bare, roles={"user2": "agent"})
    assert one.external_id == two.external_id
    assert (one.turns[1].role, two.turns[1].role) == ("customer", "agent")


def test_an_old_export_without_ids_and_epochs_is_read(read) -> None:
    old = [
        {"type": "message", "date": "2018-06-13T21:25:00", "from": who, "text": "x"} for who in ("Ann Example", "Bo")
    ]
    (one,) = read(chat(*old))
    assert [role for role, _ in said(one)] == ["customer", "agent"]
    assert one.turns[0].created_at == "2018-06-13T21:25:00"


def test_a_long_chat_is_cut_at_a_silence_and_keeps_its_ids(read) -> None:
    later = reply(900, date_unixtime=str(1772439320 + 30 * 86_400))
    one, two = read(chat(*(message(number) for number in range(500)), later))
    assert (one.external_id, two.external_id) == ("user1", "user1/900")


@pytest.mark.parametrize("odd", ["text", 7, None, {"id": 1}, {"type": "hologram", "text": "x"}])
def test_what_is_no_message_is_a_reject(read, odd) -> None:
    records = read(chat(message(1), odd))
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.code, reject.place) == ("bad_record", "record 2")
    assert "hologram" not in reject.detail


def test_an_empty_chat_is_a_reject(read) -> None:
    (reject,) = read(account(chat()))
    assert (reject.code, reject.place) == ("no_turns", "chat 1")


def test_a_file_cut_at_each_tenth_loses_nothing_silently(read) -> None:
    whole = json.dumps(account(chat(*(message(number, "x" * 50) for number in range(50)))))
    for tenth in range(1, 10):
        records = read(whole[: len(whole) * tenth // 10])
        assert any(isinstance(record, Reject) for record in records)
        turns = [turn for record in records if isinstance(record, Conversation) for turn in record.turns]
        assert [turn.external_id for turn in turns] == [str(number) for number in range(len(turns))]
        assert all(record.completeness == "truncated_body" for record in records if isinstance(record, Conversation))


def test_the_shared_sample_is_read_whole(shared, store) -> None:
    (file,) = walk([shared / "formats" / "telegram"])
    assert isinstance(file, SourceFile)
    found = recognise(file)
    assert found is not None
    assert found[0].name == "telegram"
    (one,) = CONNECTOR.read(Reading((Recognised(file),), store.spool()))
    assert [turn.text for turn in one.turns] == ["Minimal Message", "Link:https://telegram.org/"]

"""DiscordChatExporter's JSON: threads whole, channels cut by silence, roles from server roles, cut files kept."""

import json

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.discord import CONNECTOR
from ingest.mapping import Mapping
from ingest.records import Conversation, Reject
from ingest.source import SourceFile


@pytest.fixture
def read(tmp_path, store):
    def read_export(export, roles=None):
        path = tmp_path / "channel.json"
        path.write_text(export if isinstance(export, str) else json.dumps(export), encoding="utf-8")
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool(), mapping)))

    return read_export


def person(identity, name, *roles, bot=False):
    return {"id": identity, "name": name, "discriminator": "0042", "nickname": name.title(), "isBot": bot,
            "roles": [{"id": role, "name": role} for role in roles]}  # fmt: skip


ANN, BO, BOT = person("1", "ann"), person("2", "bo", "Support Team"), person("3", "Tidy", bot=True)


def message(number, content="hello", author=ANN, *, day=1, hour=10, **fields):
    return {"id": str(number), "type": "Default", "timestamp": f"2026-03-{day:02}T{hour:02}:00:00.000-04:00",
            "timestampEdited": None, "content": content, "author": author, "attachments": [], "embeds": [],
            **fields}  # fmt: skip


def reply(number, to, content="hi", author=BO, **fields):
    return message(number, content, author, type="Reply", reference={"messageId": str(to)}, **fields)


def export(*messages, kind="GuildTextChat", count=None):
    channel = {"id": "c", "type": kind, "category": "Support", "name": "help"}
    return {"guild": {"id": "g", "name": "G"}, "channel": channel,
            "messages": list(messages), "messageCount": len(messages) if count is None else count}  # fmt: skip


def said(one):
    assert isinstance(one, Conversation), one
    return [(turn.role, turn.text) for turn in one.turns if turn.kind == "message"]


def test_a_channel_is_cut_where_nobody_writes(read) -> None:
    one, two = read(export(message(1), message(2, "hi", BO), message(3, "again", day=3)))
    assert (said(one), said(two)) == ([("customer", "hello"), ("agent", "hi")], [("customer", "again")])
    assert (one.external_id, two.external_id) == ("c/1", "c/3")


def test_a_late_reply_belongs_to_what_it_answers(read) -> None:
    (one,) = read(export(message(1), reply(2, 1, day=3)))
    assert said(one) == [("customer", "hello"), ("agent", "hi")]
    assert one.turns[1].reply_to == "1"


@pytest.mark.parametrize("kind", ["GuildPublicThread", "GuildPrivateThread", "DirectTextChat"])
def test_a_thread_and_a_direct_chat_are_one_conversation(read, kind) -> None:
    (one,) = read(export(message(1), message(2, "hi", BO, day=9), kind=kind))
    assert len(one.turns) == 2


def test_times_keep_the_exporters_offset(read) -> None:
    (one,) = read(export(message(1)))
    assert one.turns[0].created_at == "2026-03-01T10:00:00.000-04:00"


@pytest.mark.parametrize(("author", "role"), [
    (person("5", "x", "Support Team"), "agent"), (person("5", "x", "Cyclist", "Moderators"), "agent"),
    (person("5", "x", "Staff"), "agent"), (person("5", "x", "Cyclist"), "customer"),
    (person("5", "support"), "customer"),
    (person("5", "x", "Staff", bot=True), "bot"),
])  # fmt: skip
def test_server_roles_tell_who_is_an_agent(read, author, role) -> None:
    (one,) = read(export(message(1, author=author), message(2), message(3, author=person("6", "y"))))
    assert one.turns[0].role == role
    assert one.turns[0].is_automated == (role == "bot")


@pytest.mark.parametrize("word", ["cyclist", "X", "x#0042", "5"])
def test_a_mapping_decides(read, word) -> None:
    talk = export(message(1), message(2, author=person("5", "x", "Cyclist")))
    (unknown,) = read(talk)
    assert {turn.role for turn in unknown.turns} == {"customer"}
    assert "[roles]" in unknown.custom["roles"]
    (told,) = read(talk, roles={word: "agent"})
    assert [turn.role for turn in told.turns] == ["customer", "agent"]


@pytest.mark.parametrize("kind", ["GuildMemberJoin", "ChannelPinnedMessage", "Call", "7", "SomethingNew"])
def test_what_discord_writes_is_an_internal_event(read, kind) -> None:
    (one,) = read(export(message(1, "Joined the server.", type=kind)))
    turn = one.turns[0]
    assert (turn.kind, turn.visibility, turn.role, turn.event_type) == ("event", "internal", "system", kind)
    assert one.completeness == "events_only"


@pytest.mark.parametrize(("fields", "text"), [
    ({"content": "hi <@2> <:sad:55>", "mentions": [BO]}, "hi @Bo :sad:"),
    ({"content": "hi <@99>"}, "hi @99"),
    ({"content": "", "embeds": [{"title": "T", "description": "D"}, {"fields": [{"name": "a", "value": "b"}]}]},
     "T\nD\na\nb"),
    ({"content": "", "forwardedMessage": {"content": "fwd"}}, "fwd"),
])  # fmt: skip
def test_what_is_said_is_read_as_people_see_it(read, fields, text) -> None:
    (one,) = read(export(message(1) | fields))
    assert one.turns[0].text == text


def test_files_stickers_and_edits_are_kept(read) -> None:
    files = [{"fileName": "a.png", "fileSizeBytes": 5, "url": "https://cdn.example.com/a.png"}]
    (one,) = read(
        export(message(1, attachments=files, stickers=[{"name": "wave"}], timestampEdited="2026-03-02T10:00:00Z"))
    )
    assert [(a.file_name, a.bytes) for a in one.turns[0].attachments] == [("a.png", 5), ("wave", None)]
    assert one.turns[0].edited_at == "2026-03-02T10:00:00Z"


def test_fewer_messages_than_counted_are_said_to_be_missing(read) -> None:
    one, reject = read(export(message(1), count=3))
    assert (one.completeness, reject.code) == ("truncated_body", "truncated")


@pytest.mark.parametrize("odd", ["text", None, {"id": "7"}, {"content": "x"}])
def test_what_is_no_message_is_a_reject(read, odd) -> None:
    records = read(export(message(1), odd, message(3)))
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.code, reject.place) == ("bad_record", "record 2")


def test_an_empty_channel_is_a_reject(read) -> None:
    (reject,) = read(export())
    assert reject.code == "no_turns"


def test_a_file_cut_at_each_tenth_keeps_what_is_complete(read) -> None:
    whole = json.dumps(export(*(message(number, "x" * 50) for number in range(40)), kind="GuildPublicThread"))
    for tenth in range(1, 10):
        records = read(whole[: len(whole) * tenth // 10])
        assert any(isinstance(record, Reject) for record in records)
        found = [record for record in records if isinstance(record, Conversation)]
        assert [turn.external_id for one in found for turn in one.turns] == [
            str(number) for number in range(sum(len(one.turns) for one in found))
        ]
        assert all(one.completeness == "truncated_body" for one in found)

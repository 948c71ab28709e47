"""Zendesk Chat: no message says its writer's role, so names, nicks and ids tell it; offline messages stand alone."""

import pytest

from ingest.connectors.zendesk_chat import CONNECTOR
from ingest.times import parse
from tests.ingest.files import conversations, read_files, rejects

VISITOR = {"id": "1.12345", "name": "Ann", "email": "ann@example.com", "phone": "+1 555 0100", "notes": ""}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def said(text, name="Ann", second=0, **fields):
    return {
        "type": "chat.msg",
        "msg": text,
        "name": name,
        "timestamp": f"2026-01-05T10:00:{second:02}.123456Z",
        **fields,
    }


def chat(*history, **fields):
    return {"id": "2601.1.SVhD", "type": "chat", "visitor": VISITOR, "timestamp": "2026-01-05T10:00:00Z",
            "end_timestamp": "2026-01-05T10:09:00Z", "session": {"id": "s"}, "agent_names": ["Bo"], "agent_ids": ["77"],
            "started_by": "visitor", "history": list(history), "tags": ["bill"], "rating": None, **fields}  # fmt: skip


def roles(conversation):
    return [(turn.role, turn.kind, turn.author) for turn in conversation.turns]


@pytest.mark.parametrize("content", [
    {"chats": [chat(said("Hi"), said("Hello", "Bo"))], "count": 1, "next_page": None},
    chat(said("Hi"), said("Hello", "Bo")),
    {"docs": {"2601.1.SVhD": chat(said("Hi"), said("Hello", "Bo"))}, "count": 1},
])  # fmt: skip
def test_every_layout_of_chats_gives_the_same_conversation(read, content) -> None:
    (one,) = read(a=content)
    assert roles(one) == [("customer", "message", "1.12345"), ("agent", "message", "77")]
    assert (one.external_id, one.channel, one.closed_at, one.tags) == (
        "2601.1.SVhD", "chat", "2026-01-05T10:09:00Z", ("bill",),
    )  # fmt: skip
    assert [(p.external_id, p.role, p.display_name, p.email) for p in one.participants] == [
        ("1.12345", "customer", "Ann", "ann@example.com"), ("77", "agent", "Bo", None),
    ]  # fmt: skip


def test_who_is_told_by_the_item_is_not_guessed_by_name(read) -> None:
    history = [
        said("a", "Bo", nick="visitor:1.12345"), said("b", "Ann", nick="agent:77"),
        said("c", "Shop", nick="agent:trigger"), said("d", "Ann", sender_type="Agent"),
        {"type": "chat.triggermsg", "msg": "e", "name": "Ann"}, {"type": "chat.systemmsg", "msg": "f"},
    ]  # fmt: skip
    (one,) = read(a=chat(*history))
    assert [turn.role for turn in one.turns] == ["customer", "agent", "bot", "agent", "bot", "system"]
    assert [turn.automation for turn in one.turns][2:] == ["trigger", None, "trigger", "workflow"]


def test_where_both_are_called_the_same_the_visitors_messages_have_an_id(read) -> None:
    (one,) = read(a=chat(said("a", "Paul", msg_id="m1"), said("b", "Paul"), agent_names=["Paul"],
                         visitor={**VISITOR, "name": "Paul"}))  # fmt: skip
    assert [turn.role for turn in one.turns] == ["customer", "agent"]


def test_who_stands_in_no_list_is_met_with_less_confidence(read) -> None:
    (one,) = read(a=chat(said("a"), said("b", "Cy"), agent_names=None, agent_ids=None))
    assert [turn.role for turn in one.turns] == ["customer", "agent"]
    assert [(p.external_id, p.role_source, p.confidence) for p in one.participants] == [
        ("1.12345", "explicit", 1.0), ("Cy", "inferred", 0.6),
    ]  # fmt: skip


def test_what_happens_is_an_event_and_never_speech(read) -> None:
    history = [{"type": "chat.memberjoin", "name": "Bo", "timestamp": "2026-01-05T10:00:01Z"}, said("Hi"),
               {"type": "chat.rating", "new_rating": "bad"}, {"type": "chat.tag", "new_tags": ["x", "y"]},
               {"type": "chat.new_thing", "msg": "?"}]  # fmt: skip
    (one,) = read(a=chat(*history, rating="bad", comment="too slow"))
    assert [(turn.kind, turn.visibility, turn.text) for turn in one.turns] == [
        ("event", "internal", "chat.memberjoin: Bo"), ("message", "public", "Hi"),
        ("event", "internal", "chat.rating: bad"), ("event", "internal", "chat.tag: x, y"), ("event", "internal", "?"),
    ]  # fmt: skip
    assert (one.csat_score, one.csat_scale, one.csat_label, one.csat_comment) == (0.0, "good/bad", "bad", "too slow")
    assert one.custom["csat_original"] == "bad"


def test_an_offline_message_is_the_customers_and_complete(read) -> None:
    value = {"id": "2104.1", "type": "offline_msg", "message": "Hi there!", "visitor": VISITOR, "unread": True,
             "timestamp": "2026-01-05T10:00:00Z", "deleted": False, "zendesk_ticket_id": 12,
             "session": {"end_date": "2017-04-24T12:45:32+00:00Z"}}  # fmt: skip
    (one,) = read(a={"chats": [value]})
    assert [(turn.role, turn.text, turn.author) for turn in one.turns] == [("customer", "Hi there!", "1.12345")]
    assert (one.completeness, one.channel_raw, one.custom["zendesk_ticket_id"]) == ("complete", "offline_msg", "12")


def test_a_time_with_an_offset_and_a_z_is_read() -> None:
    at = parse("2017-04-24T12:45:32+00:00Z").at
    assert at is not None
    assert at.isoformat() == "2017-04-24T12:45:32+00:00"


def test_files_are_named_and_choices_kept(read) -> None:
    file = {"type": "chat.file", "name": "Ann", "attachment": {"name": "bill.pdf", "url": "https://x.example/b",
            "mime_type": "application/pdf", "size": 9}}  # fmt: skip
    (one,) = read(a=chat(said("Which?", "Bo", options="Yes/No"), file))
    assert one.turns[0].custom == {"options": "Yes/No"}
    assert (one.turns[1].kind, one.turns[1].role, one.turns[1].attachments[0].file_name) == (
        "message", "customer", "bill.pdf",
    )  # fmt: skip


def test_a_deleted_chat_keeps_its_turns_as_deleted(read) -> None:
    (one,) = read(a=chat(said("Hi"), deleted=True))
    assert (one.status, one.turns[0].is_deleted) == ("deleted", True)


def test_the_agents_page_gives_addresses(read) -> None:
    agent = {"id": 77, "display_name": "Bo", "email": "bo@example.com", "roles": {"owner": False}, "skills": [],
             "departments": []}  # fmt: skip
    (one,) = read(z=[agent], a=chat(said("Hi"), said("Hello", "Bo")))
    assert one.participants[1].email == "bo@example.com"


def test_airbytes_table_is_read_as_its_json(read) -> None:
    table = (
        "_airbyte_raw_id,_airbyte_extracted_at,id,type,visitor,history,agent_names,session,started_by\n"
        'r,t,c1,chat,"{""id"": ""v"", ""name"": ""Ann""}",'
        '"[{""type"": ""chat.msg"", ""msg"": ""Hi"", ""name"": ""Ann""}]",'
        '"[""Bo""]",{},visitor\n'
    )
    (one,) = read(a=table)
    assert roles(one) == [("customer", "message", "v")]


def test_what_says_nothing_or_is_no_chat_is_rejected_with_its_shape(read) -> None:
    records = read(a={"chats": [chat(), chat(said("Hi")), {"id": 1, "secret": "x"}, "odd"]})
    assert len(conversations(records)) == 1
    assert [code for code, _ in rejects(records)] == ["no_turns", "bad_record", "bad_record"]
    assert all("x" not in detail.split() for _, detail in rejects(records))


def test_fivetrans_tables_are_joined_by_chat(read) -> None:
    tables = {
        "chat": "id,visitor_id,missed,started_by,rating,timestamps,_fivetran_synced\n"
                "c1,v1,false,visitor,good,2026-01-05 10:00:00,x\n",
        "chat_history": "chat_id,index,timestamps,type,msg,name,sender_type,agent_id,_fivetran_synced\n"
                        "c1,1,2026-01-05 10:00:05,chat.msg,Hello,Bo,Agent,77,x\n"
                        "c1,0,2026-01-05 10:00:01,chat.msg,Hi,Ann,Visitor,,x\n"
                        "c9,0,2026-01-05 10:00:01,chat.msg,Lost,Ann,Visitor,,x\n",
        "visitor": "id,email,name,notes,phone,_fivetran_synced\nv1,ann@example.com,Ann,,,x\n",
        "chat_tag": "chat_id,tags,_fivetran_synced\nc1,bill,x\nc1,late,x\n",
        "chat_agent": "chat_id,agent_id,_fivetran_synced\nc1,77,x\n",
    }  # fmt: skip
    records = read(**tables)
    (one,) = conversations(records)
    assert [(turn.role, turn.text, turn.author) for turn in one.turns] == [
        ("customer", "Hi", "v1"),
        ("agent", "Hello", "77"),
    ]
    assert (one.tags, one.csat_score, one.participants[0].email) == (("bill", "late"), 1.0, "ann@example.com")
    assert [code for code, _ in rejects(records)] == ["orphan"]

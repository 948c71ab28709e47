"""Twilio: messages, participants and conversations joined; roles from bindings, identities and attributes."""

import pytest

from ingest.connectors.twilio import CONNECTOR
from tests.ingest.files import conversations, read_files, read_folder, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(index, body, author="+15555550142", sid="CH1", **fields):
    return {"sid": f"IM{index}", "conversation_sid": sid, "index": index, "body": body, "author": author, "media": None,
            "participant_sid": None, "attributes": "{}", "date_created": f"2026-01-05T10:00:{index:02}Z",
            "date_updated": f"2026-01-05T10:00:{index:02}Z", **fields}  # fmt: skip


def participant(sid, identity=None, address=None, **fields):
    binding = {"type": "sms", "address": address, "proxy_address": "+15555550100"} if address else None
    return {"sid": sid, "conversation_sid": "CH1", "identity": identity, "messaging_binding": binding,
            "attributes": "{}", **fields}  # fmt: skip


def pages(*messages, people=(), **more):
    return {"messages": {"meta": {"key": "messages"}, "messages": list(messages)},
            "people": {"meta": {}, "participants": list(people)}, **more}  # fmt: skip


def test_a_binding_is_the_customers_an_identity_the_agents_and_system_a_bot(read) -> None:
    (one,) = read(**pages(message(0, "Welcome", "system"), message(1, "hi"), message(2, "hello", "anna"),
                          people=[participant("MB1", address="+15555550142"), participant("MB2", "anna")]))  # fmt: skip
    assert [(turn.role, turn.text, turn.author) for turn in one.turns] == [
        ("bot", "Welcome", "system"),
        ("customer", "hi", "+15555550142"),
        ("agent", "hello", "anna"),
    ]
    assert (one.external_id, one.channel) == ("CH1", "sms")
    assert [(p.role, p.role_source, p.phone) for p in one.participants] == [
        ("customer", "users_file", "+15555550142"),
        ("agent", "users_file", None),
        ("bot", "explicit", None),
    ]


@pytest.mark.parametrize(("attributes", "role"), [
    ('{"member_type":"guest"}', "customer"), ('{"role":"bot"}', "bot"), ('{"role":"agent"}', "agent"), ("{", "agent"),
])  # fmt: skip
def test_attributes_may_name_the_role(read, attributes, role) -> None:
    (one,) = read(**pages(message(0, "hi", "x"), people=[participant("MB1", "x", attributes=attributes)]))
    assert one.turns[0].role == role


def test_without_participants_addresses_tell_and_else_the_first_to_write_is_the_customer(read) -> None:
    (texts,) = read(**pages(message(0, "hi", "whatsapp:+15555550142"), message(1, "hello", "anna")))
    assert [(p.role, p.role_source) for p in texts.participants] == [("customer", "direction"), ("agent", "inferred")]
    (web,) = read(**pages(message(0, "hi", "guest-7f"), message(1, "hello", "anna"), message(2, "ok", "guest-7f")))
    assert [turn.role for turn in web.turns] == ["customer", "agent", "customer"]
    assert web.participants[0].role_source == "inferred"
    (alone,) = read(**pages(message(0, "anybody there?", "anna")))
    assert alone.turns[0].role == "agent"


def test_messages_stand_by_their_index_and_once(read) -> None:
    (one,) = read(a={"messages": [message(5, "second"), message(0, "first")]}, b=[message(5, "second")])
    assert [turn.text for turn in one.turns] == ["first", "second"]


def test_media_edits_and_failed_deliveries_are_kept(read) -> None:
    (one,) = read(**pages(message(
        0, None, date_updated="2026-01-06T10:00:00Z", delivery={"failed": "all"},
        media=[{"sid": "ME1", "filename": "car.jpg", "content_type": "image/jpeg", "size": 7}])))  # fmt: skip
    (turn,) = one.turns
    assert (turn.text, turn.edited_at, turn.custom["not_delivered_to"]) == ("", "2026-01-06T10:00:00Z", "all")
    assert (turn.attachments[0].file_name, turn.attachments[0].bytes) == ("car.jpg", 7)


def test_the_conversation_gives_subject_state_and_times(read) -> None:
    head = {"sid": "CH1", "chat_service_sid": "IS1", "friendly_name": "Order", "state": "closed",
            "date_created": "2026-01-05T09:00:00Z", "timers": {"date_closed": "2026-01-07T09:00:00Z"}}  # fmt: skip
    (one,) = read(**pages(message(0, "hi"), head=head))
    assert (one.subject, one.status, one.created_at, one.closed_at) == (
        "Order", "closed", "2026-01-05T09:00:00Z", "2026-01-07T09:00:00Z",
    )  # fmt: skip


def test_what_belongs_to_nothing_is_rejected(read) -> None:
    head = {"sid": "CH9", "chat_service_sid": "IS1", "friendly_name": "empty"}
    lost = {**participant("MB7", "x"), "conversation_sid": "CH8"}
    records = read(**pages(message(0, "hi"), message(1, "x", sid=None), {"sid": "IM9", "odd_field": 1},
                           people=[lost], head=head))  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "no_identity", "no_turns", "orphan"]
    assert any("odd_field" in detail for _, detail in rejects(records))


def test_the_shared_sample_gives_all_its_messages(shared, store) -> None:
    (one,) = read_folder(CONNECTOR, shared / "formats" / "twilio", store)
    assert [(turn.text, turn.author) for turn in one.turns] == [
        ("I like pie.", "pie_preferrer"), ("Cake is my favorite!", "cake_lover"), ("", "cake_lover"),
    ]  # fmt: skip

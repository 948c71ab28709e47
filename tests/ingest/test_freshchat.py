"""Freshchat: messages made of parts, private ones internal, pages and webhooks joined by their conversation."""

import pytest

from ingest.connectors.freshchat import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

USER, AGENT = "u1", "a1"


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(number, *parts, actor="user", kind="normal", conversation="c1", **fields):
    shown = [{"text": {"content": part}} if isinstance(part, str) else part for part in parts]
    return {"id": f"m{number}", "message_parts": shown, "actor_type": actor, "message_type": kind,
            "actor_id": {"agent": AGENT}.get(actor, USER), "conversation_id": conversation,
            "created_time": f"2026-01-05T10:00:{number:02}.000Z", **fields}  # fmt: skip


def head(**fields):
    return {"conversation_id": "c1", "status": "resolved", "channel_id": "ch", "app_id": "app", **fields}


def told(conversation):
    return [(turn.role, turn.kind, turn.visibility, turn.text) for turn in conversation.turns]


def test_newest_first_pages_are_put_in_order_with_notes_internal_and_events_apart(read) -> None:
    (one,) = read(head=head(), page={"messages": [
        message(4, "Conversation assigned", actor="system", kind="system"),
        message(3, "difficult", actor="agent", kind="private"), message(2, "hello", actor="agent"),
        message(1, "hi")]})  # fmt: skip
    assert told(one) == [
        ("customer", "message", "public", "hi"), ("agent", "message", "public", "hello"),
        ("agent", "note", "internal", "difficult"), ("system", "event", "internal", "Conversation assigned"),
    ]  # fmt: skip
    assert (one.external_id, one.status, one.status_raw, one.completeness) == ("c1", "resolved", "resolved", "complete")


def test_what_the_system_sends_to_the_user_is_a_bots(read) -> None:
    bot = message(2, "Choose", actor="agent", message_source="BOT")
    (one,) = read(a={"messages": [message(1, "Hello!", actor="system"), bot, message(3, "hi")]})
    assert [(turn.role, turn.is_automated, turn.automation) for turn in one.turns] == [
        ("bot", True, "bot"), ("bot", True, "bot"), ("customer", False, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"), [("message_type", "whisper"), ("message_type", None), ("actor_type", "moon")]
)
def test_who_may_see_it_is_unknown_where_the_type_is(read, field, value) -> None:
    (one,) = read(a={"messages": [message(1, "x", **{field: value})]})
    assert one.turns[0].visibility == "unknown"


def test_parts_become_text_attachments_and_offers(read) -> None:
    card = {
        "collection": {
            "sub_parts": [{"text": {"content": "Card"}}, {"url_button": {"label": "Open", "url": "https://x"}}]
        }
    }
    template = {"template_content": {"type": "carousel", "sections": [{"parts": [{"text": {"content": "Jacket"}}]}]}}
    file = {
        "file": {"name": "bill.pdf", "url": "https://f", "file_size_in_bytes": 9, "content_type": "application/pdf"}
    }
    (one,) = read(a={"messages": [
        message(1, "Look", card, template, file, {"image": {"url": "https://i"}}, {"hologram": {}}, actor="agent",
                reply_parts=[{"quick_reply_button": {"label": "Yes"}}])]})  # fmt: skip
    (turn,) = one.turns
    assert turn.text == "Look\nCard\nOpen\nJacket"
    assert [(file.file_name, file.media_type, file.bytes, file.url) for file in turn.attachments] == [
        ("bill.pdf", "application/pdf", 9, "https://f"), (None, "image", None, "https://i"),
    ]  # fmt: skip
    assert (turn.custom["offered"], turn.custom["parts_not_read"]) == (["Yes"], ["hologram"])


def test_a_page_tells_its_messages_which_conversation_they_belong_to(read) -> None:
    bare = message(1, "hi", conversation=None)
    (one,) = read(a={"messages": [bare], "link": {"href": "/v2/conversations/c7/messages?page=2", "rel": "next_page"}})
    assert (one.external_id, told(one)[0][3]) == ("c7", "hi")


def test_a_conversation_may_hold_its_messages(read) -> None:
    (one,) = read(a=head(messages=[message(1, "hi", conversation=None)]))
    assert (one.external_id, one.status, len(one.turns)) == ("c1", "resolved", 1)


def test_webhooks_tell_messages_and_what_was_done(read) -> None:
    hooks = [
        {"actor": {}, "action": "message_create", "action_time": "2026-01-05T10:00:01Z",
         "data": {"message": message(1, "hi")}},
        {"actor": {}, "action": "conversation_resolution", "action_time": "2026-01-05T11:00:00Z",
         "data": {"resolve": {"conversation": head(), "resolver": "agent"}}},
    ]  # fmt: skip
    (one,) = read(a=hooks)
    assert told(one)[1] == ("system", "event", "internal", "conversation_resolution")
    assert one.status == "resolved"


def test_people_have_their_names_from_the_lists(read) -> None:
    user = {"id": USER, "first_name": "Ann", "last_name": "Lee", "email": "ann@example.com", "reference_id": None}
    agent = {"id": AGENT, "first_name": "Bo", "email": "bo@example.com", "biography": "", "avatar": {}}
    (one,) = read(users={"users": [user]}, agents={"agents": [agent]},
                  a={"messages": [message(1, "hi"), message(2, "hello", actor="agent")]})  # fmt: skip
    assert [(p.role, p.display_name, p.email) for p in one.participants] == [
        ("customer", "Ann Lee", "ann@example.com"), ("agent", "Bo", "bo@example.com"),
    ]  # fmt: skip


def test_overlapping_pages_give_a_message_once(read) -> None:
    (one,) = read(a={"messages": [message(1, "hi"), message(2, "there")]}, b={"messages": [message(2, "there")]})
    assert [turn.text for turn in one.turns] == ["hi", "there"]


def test_what_cannot_be_read_is_rejected_by_its_shape(read) -> None:
    records = read(
        a=[message(1, "hi"), "odd", {"x": 1}, message(2, "lost", conversation=None)], b=head(conversation_id="c9")
    )
    assert len(conversations(records)) == 1
    assert sorted(rejects(records)) == [
        ("bad_record", "no conversation, message, user or agent of Freshchat's; it is an object with x"),
        ("bad_record", "no conversation, message, user or agent of Freshchat's; it is text"),
        ("no_identity", "there is no conversation_id"),
        ("no_turns", "its messages are not in the folder; save /v2/conversations/ID/messages"),
    ]  # fmt: skip

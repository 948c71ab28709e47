"""Drift: contacts are customers, users agents, bots bots; notes internal, edits in place, people joined by id."""

import pytest

from ingest.connectors.drift import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(number, body, who="contact", author=5, **fields):
    return {"id": number, "orgId": 1, "body": body, "conversationId": 9, "type": "chat",
            "author": {"type": who, "id": author, "bot": False}, "createdAt": 1_700_000_000_000 + number * 1000,
            "attributes": {}, **fields}  # fmt: skip


def head(**fields):
    return {"id": 9, "status": "closed", "contactId": 5, "inboxId": 3, "tags": [{"name": "bill"}],
            "createdAt": 1_699_999_000_000, **fields}  # fmt: skip


def test_people_are_joined_by_id_and_the_two_kinds_of_ids_kept_apart(read) -> None:
    contact = {"id": 5, "createdAt": 1, "attributes": {"name": "Ann", "email": "ann@example.com", "events": {}}}
    user = {"id": 5, "orgId": 1, "name": "Bo", "email": "bo@example.com", "availability": "OFFLINE", "bot": False}
    (one,) = read(a={"data": {"messages": [message(1, "<p>hi</p>"), message(2, "hello", "user")]}},
                  b={"data": [head()]}, c={"data": contact}, d={"data": [user]})  # fmt: skip
    assert [(p.external_id, p.role, p.display_name) for p in one.participants] == [
        ("contact:5", "customer", "Ann"), ("user:5", "agent", "Bo"),
    ]  # fmt: skip
    assert [(turn.role, turn.author, turn.body_format) for turn in one.turns] == [
        ("customer", "contact:5", "html"), ("agent", "user:5", "html"),
    ]  # fmt: skip
    assert (one.status, one.tags, one.created_at) == ("closed", ("bill",), 1_699_999_000_000)


def test_notes_and_prompts_are_internal_bots_automatic_and_the_unknown_hidden(read) -> None:
    bot = {"type": "user", "id": 8, "bot": True}
    (one,) = read(a={"data": {"messages": [
        message(1, "rude", "user", type="private_note"), message(2, "say this", "user", type="suggestion"),
        {**message(3, "Hi!"), "author": bot}, message(4, "?", "user", type="hologram"),
        message(5, "?", "alien"),
    ]}})  # fmt: skip
    assert [(turn.role, turn.kind, turn.visibility, turn.automation) for turn in one.turns] == [
        ("agent", "note", "internal", None), ("bot", "note", "internal", "bot"), ("bot", "message", "public", "bot"),
        ("agent", "note", "unknown", None), ("system", "message", "unknown", None),
    ]  # fmt: skip


def test_edits_change_the_message_they_name(read) -> None:
    (one,) = read(a={"data": {"messages": [
        message(1, "helo"), message(2, "oops", "user"),
        message(3, "hello", type="edit", editType="replace_body", editedMessageId=1),
        message(4, "", "user", type="edit", editType="delete", editedMessageId=2),
    ]}})  # fmt: skip
    assert [(turn.text, turn.is_deleted) for turn in one.turns] == [("hello", False), ("oops", True)]


def test_what_a_playbook_said_before_comes_first(read) -> None:
    before = {"preMessages": [{"body": "Questions?"}, "odd"]}
    (one,) = read(a={"orgId": 1, "type": "new_message", "data": message(1, "yes", attributes=before)})
    assert [(turn.role, turn.text, turn.automation) for turn in one.turns] == [
        ("bot", "Questions?", "welcome"), ("customer", "yes", None),
    ]  # fmt: skip


def test_a_transcript_that_names_its_conversation_once_is_read(read) -> None:
    said = {name: value for name, value in message(1, "hi").items() if name != "conversationId"}
    (one,) = read(a={"data": {"conversationId": 9, "transcript": [said]}})
    assert (one.external_id, [turn.text for turn in one.turns]) == ("9", ["hi"])


def test_repeated_webhooks_count_once(read) -> None:
    hook = {"orgId": 1, "type": "new_message", "data": message(1, "hi")}
    (one,) = read(a=[hook, hook])
    assert len(one.turns) == 1


def test_what_is_unknown_or_says_nothing_is_rejected(read) -> None:
    records = read(a={"data": {"messages": [message(1, "hi"), "odd"]}}, b={"data": [head(id=10), head(id=None), 7]},
                   c={"orgId": 1, "type": "new_message", "data": message(2, "lost", conversationId=None)})  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "no_identity", "no_identity", "no_turns",
    ]  # fmt: skip

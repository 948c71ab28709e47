"""LiveChat: a thread is a conversation; whispers internal, welcomes automatic, edits in place, webhooks joined."""

import pytest

from ingest.connectors.livechat import CONNECTOR
from tests.ingest.files import conversations, read_files, read_folder, rejects

CUSTOMER = {"id": "345f8235-d60d", "type": "customer", "name": "Ann", "email": "ann@example.com"}
AGENT = {"id": "bo@example.com", "type": "agent", "name": "Bo", "email": "bo@example.com"}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def event(number, text, author=CUSTOMER, kind="message", **fields):
    return {"id": f"T1_{number}", "type": kind, "text": text, "author_id": author and author["id"],
            "recipients": "all", "created_at": f"2026-01-05T10:00:{number:02}.000000Z", **fields}  # fmt: skip


def chat(*events, users=(CUSTOMER, AGENT), **thread):
    return {"id": "C1", "users": list(users), "thread": {"id": "T1", "active": False, "events": list(events), **thread}}


def hook(action, **payload):
    return {"webhook_id": "w", "license_id": 1, "action": action, "payload": payload}


def test_roles_are_those_of_the_users_and_whispers_are_notes(read) -> None:
    (one,) = read(a={"chats": [chat(
        event(1, "hi"), event(2, "hello", AGENT), event(3, "difficult", AGENT, recipients="agents"),
        event(4, "new name", AGENT, recipients=None, visibility="agents"), event(5, "?", recipients="moon"),
    )]})  # fmt: skip
    assert [(turn.role, turn.kind, turn.visibility) for turn in one.turns] == [
        ("customer", "message", "public"), ("agent", "message", "public"), ("agent", "note", "internal"),
        ("agent", "note", "internal"), ("customer", "message", "unknown"),
    ]  # fmt: skip
    assert [(p.role, p.email) for p in one.participants] == [
        ("customer", "ann@example.com"), ("agent", "bo@example.com"),
    ]  # fmt: skip


def test_welcomes_and_bots_are_automatic(read) -> None:
    bot = {"id": "5c9871d5372c", "type": "agent", "name": "Helper"}
    welcome = event(1, "Hello!", AGENT, properties={"lc2": {"welcome_message": True}})
    (one,) = read(a={"chats": [chat(welcome, event(2, "Choose", bot), users=(CUSTOMER, AGENT, bot))]})
    assert [(turn.role, turn.is_automated, turn.automation) for turn in one.turns] == [
        ("bot", True, "welcome"), ("bot", True, "bot"),
    ]  # fmt: skip


def test_forms_cards_files_and_system_messages(read) -> None:
    fields = [{"label": "Name:", "value": "Ann"}, {"label": "Topics", "answers": [{"label": "Bill"}]}]
    form = event(1, None, kind="filled_form", properties={"lc2": {"form_type": "prechat"}}, fields=fields)
    card = event(2, None, AGENT, "rich_message",
                 elements=[{"title": "Which?", "buttons": [{"text": "Bill"}, {"text": "Order"}]}])  # fmt: skip
    file = event(3, None, kind="file", name="bill.pdf", content_type="application/pdf", size=9, url="https://x")
    moved = event(4, "Bo took over", None, "system_message", system_message_type="routing.assigned")
    (one,) = read(a={"chats": [chat(form, card, file, moved)]})
    assert [(turn.kind, turn.text) for turn in one.turns] == [
        ("form", "Name: Ann\nTopics: Bill"), ("message", "Which?\nBill\nOrder"), ("message", ""),
        ("event", "Bo took over"),
    ]  # fmt: skip
    assert one.turns[2].attachments[0].file_name == "bill.pdf"
    assert (one.turns[3].visibility, one.turns[3].event_type) == ("internal", "routing.assigned")


@pytest.mark.parametrize(("score", "csat", "label"), [
    (1, 1.0, "good"), (0, 0.0, "bad"), ({"value": 0}, 0.0, "bad"), (None, None, None), (True, None, None),
])  # fmt: skip
def test_ratings_are_good_or_bad(read, score, csat, label) -> None:
    rating = {"score": score, "comment": {"value": "slow"}}
    (one,) = read(a={"chats": [chat(event(1, "hi"), properties={"rating": rating}, tags=["bill"])]})
    assert (one.csat_score, one.csat_label, one.csat_comment, one.tags) == (csat, label, "slow", ("bill",))


def test_every_thread_of_a_chat_is_a_conversation_with_the_one_before_as_its_parent(read) -> None:
    threads = [{"id": name, "events": [event(1, name)], "previous_thread_id": before} for name, before in
               (("T1", None), ("T2", "T1"))]  # fmt: skip
    one, two = read(a={"chats": [{"id": "C1", "users": [CUSTOMER], "threads": threads}]})
    assert (one.external_id, two.external_id, two.parent_id) == ("T1", "T2", "T1")


def test_webhooks_go_on_with_the_chat_and_edits_replace(read) -> None:
    (one,) = read(a=hook("incoming_chat", chat=chat(event(1, "hi"), active=True)),
                  b=hook("incoming_event", chat_id="C1", thread_id="T1", event=event(2, "helo", AGENT)),
                  c=hook("event_updated", chat_id="C1", thread_id="T1", event=event(2, "hello", AGENT)),
                  d=hook("chat_deactivated", chat_id="C1", thread_id="T1"))  # fmt: skip
    assert [turn.text for turn in one.turns] == ["hi", "hello", "chat_deactivated"]
    assert (one.turns[1].custom["edited"], one.status, one.completeness) == (True, "open", "complete")


def test_webhooks_alone_have_no_start(read) -> None:
    (one,) = read(a=hook("incoming_event", chat_id="C1", thread_id="T1", event=event(2, "hello", AGENT)))
    assert (one.completeness, one.turns[0].role, one.participants[0].role_source) == (
        "truncated_head", "agent", "inferred",
    )  # fmt: skip


def test_what_holds_no_messages_is_rejected(read) -> None:
    records = read(a={"chats": [
        chat(event(1, "hi"), "odd"), chat(), "odd", {"id": "C3", "users": [], "last_thread_summary": {}},
        {"id": "C4", "users": [], "threads": [{"events": [event(1, "x")]}]},
    ]}, b=hook("incoming_event", event={}))  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "bad_record", "no_identity", "no_turns", "no_turns",
    ]  # fmt: skip


def test_the_shared_samples_are_two_threads(shared, store) -> None:
    edited, one = read_folder(CONNECTOR, shared / "formats" / "livechat", store)
    assert [(turn.kind, turn.role, turn.text) for turn in one.turns] == [
        ("form", "customer", "Name: rewrew"), ("message", "bot", "Hello. How may I help you?"),
        ("message", "customer", "14"),
    ]  # fmt: skip
    assert (edited.external_id, edited.turns[0].custom["edited"]) == ("E2WDHA8A", True)

"""Crisp: a session is a conversation; notes internal, bots automatic, edits in place, pickers with their answers."""

from pathlib import Path

import pytest

from ingest.connectors.crisp import CONNECTOR
from tests.ingest.files import conversations, read_files, read_folder, rejects

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs" / "crisp"
SITE = "8c842203"


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(number, content, who="user", kind="text", **fields):
    return {"session_id": "s1", "website_id": SITE, "type": kind, "from": who, "origin": "chat", "content": content,
            "fingerprint": number, "timestamp": 1_700_000_000_000 + number * 1000,
            "user": {"user_id": f"{who}-1", "nickname": who}, **fields}  # fmt: skip


def head(**fields):
    meta = {"nickname": "Ann", "email": "ann@example.com", "phone": None, "segments": ["bill"], "data": {"plan": "pro"}}
    return {"session_id": "s1", "website_id": SITE, "people_id": "p1", "state": "resolved", "meta": meta, **fields}


def page(*data):
    return {"error": False, "reason": "listed", "data": list(data)}


def hook(event, data, at=1_700_000_100_000):
    return {"website_id": SITE, "event": event, "data": {"session_id": "s1", **data}, "timestamp": at}


def test_messages_meet_their_conversation(read) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "hello", "operator")), b=page(head()))
    assert [(turn.role, turn.text, turn.author) for turn in one.turns] == [
        ("customer", "hi", "p1"), ("agent", "hello", "operator-1"),
    ]  # fmt: skip
    assert [(p.role, p.display_name, p.email) for p in one.participants] == [
        ("customer", "Ann", "ann@example.com"), ("agent", "operator", None),
    ]  # fmt: skip
    assert (one.status, one.tags, one.channel, one.custom["data"]) == ("closed", ("bill",), "chat", {"plan": "pro"})


def test_notes_and_events_are_internal_and_unknown_kinds_hidden(read) -> None:
    (one,) = read(a=page(
        message(1, "hi"), message(2, "rude", "operator", "note"),
        message(3, {"namespace": "state:resolved"}, "operator", "event"), message(4, "?", "operator", "hologram"),
        message(5, "?", "ghost"),
    ))  # fmt: skip
    assert [(turn.role, turn.kind, turn.visibility) for turn in one.turns] == [
        ("customer", "message", "public"), ("agent", "note", "internal"), ("system", "event", "internal"),
        ("agent", "message", "unknown"), ("system", "message", "unknown"),
    ]  # fmt: skip
    assert one.turns[2].event_type == "state:resolved"


@pytest.mark.parametrize(("fields", "automation"), [
    ({"automated": True}, "bot"), ({"origin": "urn:crisp.im:bot:0"}, "bot"),
    ({"origin": "urn:crisp.im:triggers:0"}, "trigger"), ({}, None),
])  # fmt: skip
def test_what_is_automatic_is_no_agents(read, fields, automation) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "Choose", "operator", **fields)))
    assert one.turns[1].automation == automation
    assert (one.turns[1].role, one.turns[1].is_automated) == (("bot", True) if automation else ("agent", False))


def test_pickers_fields_and_carousels_read_as_what_they_show(read) -> None:
    choices = [{"label": "Bill"}, {"label": "Order", "selected": True}]
    (one,) = read(a=page(
        message(1, {"text": "Which?", "choices": choices}, "operator", "picker"),
        message(2, {"text": "Which?", "choices": choices[:1]}, "operator", "picker"),
        message(3, {"text": "Your order:", "value": "A-1"}, "operator", "field"),
        message(4, {"text": "See", "targets": [{"title": "Tents", "description": "dry"}]}, "operator", "carousel"),
    ))  # fmt: skip
    assert [(turn.kind, turn.text) for turn in one.turns] == [
        ("form", "Which?: Order"), ("message", "Which?\nBill"), ("form", "Your order: A-1"),
        ("message", "See\nTents\ndry"),
    ]  # fmt: skip


def test_files_are_named(read) -> None:
    (one,) = read(a=page(message(1, {"name": "a.pdf", "url": "https://x", "type": "application/pdf"}, kind="file")))
    assert [(file.file_name, file.media_type) for file in one.turns[0].attachments] == [("a.pdf", "application/pdf")]


def test_webhooks_edit_and_remove_in_place(read) -> None:
    (one,) = read(a=hook("message:send", message(1, "helo")), b=hook("message:received", message(2, "hi", "operator")),
                  c=hook("message:updated", {"fingerprint": 1, "content": "hello"}),
                  d=hook("message:removed", {"fingerprint": 2}), e=hook("session:set_state", {}))  # fmt: skip
    assert [(turn.text, turn.is_deleted) for turn in one.turns] == [
        ("hello", False), ("hi", True), ("session:set_state", False),
    ]  # fmt: skip
    assert one.turns[0].edited_at == 1_700_000_100_000


def test_overlapping_pages_count_once_and_an_edited_copy_wins(read) -> None:
    (one,) = read(
        a=page(message(1, "helo"), message(2, "hi")), b=page(message(1, "hello", edited=True), message(2, "hi"))
    )
    assert [turn.text for turn in one.turns] == ["hello", "hi"]


@pytest.mark.parametrize(("stars", "score"), [(5, 1.0), (1, 0.0), (3, 0.5), (9, None), ("x", None)])
def test_stars_are_the_rating(read, stars, score) -> None:
    rating = {"session_id": "s1", "stars": stars, "comment": "fine"}
    (one,) = read(a=page(message(1, "hi")), b=page(rating))
    assert (one.csat_score, one.csat_comment) == (score, "fine")


def test_conversations_may_hold_their_messages_and_stand_alone(read) -> None:
    (one,) = read(a={"error": False, "reason": "resolved", "data": head(messages=[message(1, "hi")])})
    assert [turn.text for turn in one.turns] == ["hi"]


def test_what_is_unknown_or_says_nothing_is_rejected(read) -> None:
    records = read(a=page(message(1, "hi"), "odd", {"fingerprint": 1}, message(2, "?", session_id=None)),
                   b=page(head(session_id="s2"), head(messages=["odd"])))  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "bad_record", "no_identity", "no_turns",
    ]  # fmt: skip


def test_the_sample_keeps_what_was_said(store) -> None:
    records = read_folder(CONNECTOR, SAMPLE, store)
    found = conversations(records)
    assert len(found) == 11
    assert {turn.kind for one in found for turn in one.turns} == {"message", "note", "event", "form"}
    assert not any(turn.visibility == "public" for one in found for turn in one.turns if turn.kind == "note")

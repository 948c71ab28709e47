"""tawk.to: the webhooks of a chat are one conversation; what is sent again counts once; tickets are mails."""

import pytest

from ingest.connectors.tawkto import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

SITE = {"id": "p1", "name": "Shop"}
VISITOR = {"name": "Ann", "email": "ann@example.com", "city": "Bath", "country": "GB"}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def said(text, who="v", second=1, **fields):
    return {"sender": {"t": who}, "type": "msg", "msg": text, "time": f"2026-01-05T10:00:{second:02}.000Z", **fields}


def transcript(*messages, chat="c1", visitor=VISITOR):
    return {"event": "chat:transcript_created", "time": "2026-01-05T10:30:00.000Z", "property": SITE,
            "chat": {"id": chat, "visitor": visitor, "messages": list(messages)}}  # fmt: skip


def hook(event, **fields):
    return {"event": event, "time": "2026-01-05T10:00:00.000Z", "property": SITE, **fields}


def test_visitors_are_customers_and_the_system_is_automatic(read) -> None:
    (one,) = read(a=transcript(
        said("Welcome!", "s"), said("hi", second=2), said("hello", "a", 3, sender={"t": "a", "n": "Bo", "id": "a7"}),
        said("Bo left", "s", 4), said("?", "x", 5), said("", "v", 6, type="sticker"),
    ))  # fmt: skip
    assert [(turn.role, turn.automation, turn.visibility) for turn in one.turns] == [
        ("bot", "welcome", "public"), ("customer", None, "public"), ("agent", None, "public"),
        ("bot", "trigger", "public"), ("system", None, "unknown"), ("customer", None, "unknown"),
    ]  # fmt: skip
    assert [(p.external_id, p.role, p.display_name) for p in one.participants] == [
        ("ann@example.com", "customer", "Ann"), ("a7", "agent", "Bo"),
    ]  # fmt: skip
    assert one.custom["city"] == "Bath"


def test_a_visitor_without_a_mail_address_is_nobody_elses(read) -> None:
    one, two = read(a=transcript(said("hi"), visitor={}), b=transcript(said("hi"), chat="c2", visitor={}))
    assert one.turns[0].author != two.turns[0].author


def test_start_end_and_a_repeated_transcript_are_one_chat(read) -> None:
    start = hook("chat:start", chatId="c1", visitor=VISITOR, message={"text": "hi", "sender": {"type": "visitor"}})
    whole = transcript(said("hi"), said("hi"), said("bye", "a", 9))
    (one,) = read(a=start, b=hook("chat:end", chatId="c1"), c=whole, d=whole,
                  e=transcript(said("hi"), said("hi"), said("bye", "a", 9), said("ok", "v", 12)))  # fmt: skip
    assert [turn.text for turn in one.turns] == ["hi", "hi", "bye", "ok"]
    assert (one.status, one.closed_at, one.completeness) == ("closed", "2026-01-05T10:00:00.000Z", "complete")


def test_without_a_transcript_there_is_the_first_message_alone(read) -> None:
    start = hook("chat:start", chatId="c1", message={"text": "hi", "type": "msg", "sender": {"type": "visitor"}})
    (one,) = read(a=start)
    assert ([turn.text for turn in one.turns], one.completeness) == (["hi"], "truncated_body")


def test_tickets_are_mails_of_the_requester(read) -> None:
    ticket = {"id": "t1", "humanId": 12, "subject": "Bill", "message": "Where?\n-- \nAnn"}
    (one,) = read(a=hook("ticket:create", requester={"name": "Ann", "email": "ann@example.com"}, ticket=ticket))
    assert (one.external_id, one.subject, one.channel, one.turns[0].body_format) == ("t1", "Bill", "email", "mail")
    assert one.custom["number"] == "12"


def test_files_and_calls_are_named(read) -> None:
    file = {
        "type": "file",
        "content": {"file": {"name": "a.jpg", "mimeType": "image/jpeg", "size": 3, "url": "https://x"}},
    }
    (one,) = read(a=transcript(said("", type="file", attchs=[file]), said("call", "a", 2, type="webrtc-call")))
    assert one.turns[0].attachments[0].file_name == "a.jpg"
    assert (one.turns[1].kind, one.turns[1].visibility) == ("call", "internal")


def test_what_says_nothing_is_rejected(read) -> None:
    records = read(a=[
        transcript(said("hi"), "odd"), transcript(chat="c2"), hook("chat:end", chatId="c3"), hook("chat:end"),
        hook("chat:rated"), hook("ticket:create", ticket={"id": "t1"}), 7,
    ])  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "bad_record", "no_identity", "no_turns", "no_turns", "no_turns",
    ]  # fmt: skip

"""Front: messages by direction and author, comments internal, drafts marked, the analytics export explained."""

import pytest

from ingest.connectors.front import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

TEAMMATE = {"id": "tea_1", "email": "bo@example.com", "username": "bo", "first_name": "Bo", "last_name": "Agent"}
CUSTOMER = {"name": "Ann Lee", "handle": "ann@example.com", "role": "from"}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def links(conversation):
    return {"related": {"conversation": f"https://x.api.frontapp.com/conversations/{conversation}"}}


def message(number, text, *, inbound=True, by="user", conversation="cnv_1", **fields):
    return {"_links": links(conversation), "id": f"msg_{number}", "type": "email", "is_inbound": inbound,
            "draft_mode": None, "error_type": None, "created_at": 1_767_600_000.5 + number, "blurb": text,
            "author": None if inbound else {**TEAMMATE, "type": by}, "recipients": [CUSTOMER] if inbound else [],
            "body": f"<p>{text}</p>", "text": text, "attachments": [], **fields}  # fmt: skip


def comment(number, text, conversation="cnv_1", **fields):
    return {"_links": links(conversation), "id": f"com_{number}", "author": TEAMMATE, "body": text,
            "posted_at": 1_767_600_000.0 + number, **fields}  # fmt: skip


def head(identity="cnv_1", **fields):
    return {"id": identity, "subject": "Help", "status": "archived", "assignee": TEAMMATE, "recipient": CUSTOMER,
            "tags": [{"id": "tag_1", "name": "vip"}], "is_private": False, "created_at": 1_767_600_000.1,
            **fields}  # fmt: skip


def page(*items):
    return {"_pagination": {"next": None}, "_results": list(items)}


def told(conversation):
    return [(turn.role, turn.kind, turn.visibility, turn.text) for turn in conversation.turns]


def test_pages_are_joined_and_comments_are_notes(read) -> None:
    (one,) = read(heads=page(head()), messages=page(message(3, "done", inbound=False), message(1, "hi")),
                  comments=page(comment(2, "difficult")))  # fmt: skip
    assert told(one) == [
        ("customer", "message", "public", "<p>hi</p>"), ("agent", "note", "internal", "difficult"),
        ("agent", "message", "public", "<p>done</p>"),
    ]  # fmt: skip
    assert (one.external_id, one.subject, one.channel, one.status, one.tags) == (
        "cnv_1", "Help", "email", "closed", ("vip",),
    )  # fmt: skip
    assert {(p.external_id, p.role, p.display_name, p.email) for p in one.participants} == {
        ("ann@example.com", "customer", "Ann Lee", "ann@example.com"), ("tea_1", "agent", "Bo Agent", "bo@example.com"),
    }  # fmt: skip
    assert (one.turns[0].body_format, one.turns[0].created_at, one.completeness) == (
        "html_mail", 1_767_600_001.5, "complete",
    )  # fmt: skip


@pytest.mark.parametrize(("by", "role", "automation"), [
    ("user", "agent", None), ("macro", "agent", "macro"), ("bulk_reply", "agent", "macro"), ("ai", "bot", "ai"),
    ("rule", "bot", "trigger"), ("smart_csat", "bot", "trigger"), ("api", "agent", "workflow"),
])  # fmt: skip
def test_the_authors_type_tells_what_is_automatic(read, by, role, automation) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "x", inbound=False, by=by)))
    assert (one.turns[1].role, one.turns[1].automation, one.turns[1].is_automated) == (
        role,
        automation,
        bool(automation),
    )


def test_a_message_without_direction_is_hidden(read) -> None:
    (one,) = read(a=page(message(1, "x", is_inbound=None)))
    assert told(one) == [("system", "message", "unknown", "<p>x</p>")]


def test_drafts_and_failed_messages_are_drafts(read) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "x", inbound=False, draft_mode="private"),
                         message(3, "y", inbound=False, error_type="rejected")))  # fmt: skip
    assert [turn.is_draft for turn in one.turns] == [False, True, True]
    assert one.turns[2].custom["error_type"] == "rejected"


def test_a_discussion_is_internal_and_so_are_internal_messages(read) -> None:
    (talk, other) = read(heads=page(head(type="discussion"), head("cnv_2")), messages=page(
        message(1, "hi"), message(2, "psst", conversation="cnv_2", type="internal", inbound=False),
        message(3, "hello", conversation="cnv_2")))  # fmt: skip
    assert [turn.visibility for turn in talk.turns] == ["internal"]
    assert [(turn.kind, turn.visibility) for turn in other.turns] == [("note", "internal"), ("message", "public")]


def test_withheld_tweets_count_as_redacted(read) -> None:
    (one,) = read(a=page({**message(1, "[REDACTED]", type="tweet", body="[REDACTED]")}))
    assert (one.turns[0].text, one.turns[0].source_redaction, one.channel) == ("", "full", "twitter")


def test_events_are_internal_and_what_they_repeat_stands_once(read) -> None:
    def event(number, kind, target):
        return {"id": f"evt_{number}", "type": kind, "emitted_at": 1_767_600_000.0 + number, "conversation": head(),
                "source": {"_meta": {"type": "rule"}}, "target": {"_meta": {"type": "x"}, "data": target}}  # fmt: skip

    (one,) = read(messages=page(message(1, "hi")), events=page(
        event(1, "inbound", message(1, "hi")), event(2, "assign", TEAMMATE),
        event(3, "comment", comment(3, "note"))))  # fmt: skip
    assert told(one) == [
        ("customer", "message", "public", "<p>hi</p>"), ("system", "event", "internal", "assign"),
        ("agent", "note", "internal", "note"),
    ]  # fmt: skip


def test_a_list_pages_last_message_alone_means_a_missing_head(read) -> None:
    (one,) = read(heads=page(head(last_message=message(9, "bye"))))
    assert ([turn.text for turn in one.turns], one.completeness) == (["<p>bye</p>"], "truncated_head")


def test_a_script_may_put_messages_and_comments_into_the_conversation(read) -> None:
    records = read(a=head(messages=[message(1, "hi"), "odd"], comments=[comment(2, "note")]))
    (one,) = conversations(records)
    assert [turn.kind for turn in one.turns] == ["message", "note"]
    assert rejects(records) == [("bad_record", "no message or comment of Front's; it is text")]


def test_attachments_are_named(read) -> None:
    file = {
        "filename": "a.png",
        "content_type": "image/png",
        "size": 9,
        "url": "https://x",
        "metadata": {"is_inline": True},
    }
    (one,) = read(a=page(message(1, "hi", attachments=[file])))
    (attached,) = one.turns[0].attachments
    assert (attached.file_name, attached.bytes, attached.is_inline) == ("a.png", 9, True)


def test_the_analytics_export_is_said_to_hold_no_bodies(read) -> None:
    table = (
        "Message ID,Segment ID,Conversation ID,Direction,Status,Inbox,Message date,Extract\n"
        + "1,2,3,in,x,y,z,Hi\n" * 3
    )
    (reject,) = read(messages=table)
    assert (reject.code, reject.place) == ("no_turns", "file")
    assert "extract" in reject.detail


def test_what_cannot_be_read_is_rejected(read) -> None:
    records = read(
        a=page(message(1, "hi"), "odd", {"id": "tea_1"}, message(2, "lost", _links={})), b=page(head("cnv_9"))
    )
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "bad_record", "no_identity", "no_turns"]

"""Help Scout: threads in order, notes and forwards internal, saved replies macros, pages joined by their links."""

import pytest

from ingest.connectors.help_scout import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

CUSTOMER = {"id": 3, "type": "customer", "first": "Ann", "last": "Lee", "email": "ann@example.com"}
AGENT = {"id": 3, "type": "user", "first": "Bo", "last": "Agent", "email": "bo@example.com"}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def thread(number, body, kind="customer", by=CUSTOMER, **fields):
    return {"id": number, "type": kind, "status": "active", "state": "published", "body": body, "createdBy": by,
            "source": {"type": "email", "via": "customer"}, "action": {"type": "default"}, "savedReplyId": 0,
            "createdAt": f"2026-01-05T10:0{number}:00Z", **fields}  # fmt: skip


def conversation(*threads, identity=7, **fields):
    held = {"_embedded": {"threads": list(threads)}} if threads else {}
    return {"id": identity, "number": 1, "type": "email", "mailboxId": 5, "folderId": 6, "status": "active",
            "state": "published", "subject": "Help", "primaryCustomer": CUSTOMER, "tags": [{"id": 1, "tag": "vip"}],
            "createdAt": "2026-01-05T10:00:00Z", "userUpdatedAt": "2026-01-05T11:00:00Z", "threads": 2,
            **held, **fields}  # fmt: skip


def page(*threads, total=None, identity=7):
    return {"_embedded": {"threads": list(threads)}, "page": {"totalElements": total or len(threads), "number": 1},
            "_links": {"self": {"href": f"https://h.example.com/v2/conversations/{identity}/threads"}}}  # fmt: skip


def told(conversation):
    return [(turn.role, turn.kind, turn.visibility, turn.text) for turn in conversation.turns]


def test_threads_come_newest_first_and_are_put_in_order(read) -> None:
    (one,) = read(a=conversation(thread(2, "On its way", "message", AGENT), thread(1, "Where is it?")))
    assert told(one) == [
        ("customer", "message", "public", "Where is it?"), ("agent", "message", "public", "On its way"),
    ]  # fmt: skip
    assert (one.external_id, one.subject, one.channel, one.status, one.tags, one.completeness) == (
        "7", "Help", "email", "open", ("vip",), "complete",
    )  # fmt: skip
    assert [(p.external_id, p.role, p.display_name) for p in one.participants] == [
        ("user 3", "agent", "Bo Agent"), ("customer 3", "customer", "Ann Lee"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "as_kind"), [("note", "note"), ("forwardparent", "note"), ("forwardchild", "note"), ("phone", "call")]
)
def test_what_the_customer_does_not_see_is_internal(read, kind, as_kind) -> None:
    (one,) = read(a=conversation(thread(1, "hi"), thread(2, "difficult", kind, AGENT)))
    assert told(one)[1] == ("agent", as_kind, "internal", "difficult")


def test_saved_replies_workflows_and_ai_are_automatic(read) -> None:
    (one,) = read(a=conversation(
        thread(1, "hi"), thread(2, "macro", "message", AGENT, savedReplyId=12),
        thread(3, "run", "message", AGENT, action={"type": "manual-workflow", "text": "You ran it"}),
        thread(4, "ai", "message", {**AGENT, "type": "system_user"}), thread(5, "own", "message", AGENT)))  # fmt: skip
    assert [(turn.role, turn.automation, turn.is_automated) for turn in one.turns] == [
        ("customer", None, False), ("agent", "macro", True), ("agent", "workflow", True), ("bot", "ai", True),
        ("agent", None, False),
    ]  # fmt: skip


def test_what_has_no_body_is_an_event_in_help_scouts_words(read) -> None:
    (one,) = read(a=conversation(thread(1, "hi"), thread(2, None, "lineitem", AGENT, action={
        "type": "merged", "text": "You merged another conversation"})))  # fmt: skip
    assert told(one)[1] == ("system", "event", "internal", "You merged another conversation")
    assert one.turns[1].event_type == "merged"


@pytest.mark.parametrize(("state", "draft", "deleted", "visibility"), [
    ("draft", True, False, "internal"), ("underreview", True, False, "internal"), ("hidden", False, True, "public"),
    ("moon", False, False, "unknown"), (None, False, False, "unknown"),
])  # fmt: skip
def test_drafts_and_hidden_threads_are_marked(read, state, draft, deleted, visibility) -> None:
    (one,) = read(a=conversation(thread(1, "hi"), thread(2, "x", "message", AGENT, state=state)))
    assert (one.turns[1].is_draft, one.turns[1].is_deleted, one.turns[1].visibility) == (draft, deleted, visibility)


def test_pages_of_threads_are_joined_by_their_link_and_say_what_is_missing(read) -> None:
    (one,) = read(heads={"_embedded": {"conversations": [conversation()]}, "page": {"number": 1}},
                  threads=page(thread(2, "b", "message", AGENT), thread(1, "a"), total=27))  # fmt: skip
    assert ([turn.text for turn in one.turns], one.completeness) == (["a", "b"], "truncated_head")
    assert one.custom["threads_missing"] == 25


def test_what_a_tap_writes_is_read_too(read) -> None:
    snake = {"id": 1, "conversation_id": 7, "type": "customer", "status": "active", "state": "published", "body": "hi",
             "created_by": {"id": 3, "type": "customer", "first": "Ann"}, "created_at": "2026-01-05T10:00:00Z",
             "saved_reply_id": None, "source": {"type": "email"}, "action": {}}  # fmt: skip
    (one,) = read(threads=[snake])
    assert (one.external_id, told(one), one.turns[0].created_at) == (
        "7", [("customer", "message", "public", "hi")], "2026-01-05T10:00:00Z",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "score", "label"), [(1, 1.0, "good"), (2, 0.5, "neutral"), (3, 0.0, "bad"), (9, None, None)]
)
def test_ratings_are_mapped_from_great_to_not_good(read, given, score, label) -> None:
    rating = {"number": 1, "threadid": 2, "id": 7, "ratingId": given, "ratingComments": "ok", "ratingCreatedAt": "2026"}
    (one,) = read(a=conversation(thread(1, "hi")), ratings={"results": [rating]})
    assert (one.csat_score, one.csat_label, one.csat_comment) == (score, label, "ok")
    assert one.custom["csat_original"] == given


def test_attachments_are_named(read) -> None:
    files = {"attachments": [{"id": 1, "filename": "bill.pdf", "mimeType": "application/pdf", "size": 9}]}
    (one,) = read(a=conversation(thread(1, "hi", _embedded=files)))
    assert [(file.file_name, file.media_type, file.bytes) for file in one.turns[0].attachments] == [
        ("bill.pdf", "application/pdf", 9),
    ]  # fmt: skip


def test_what_cannot_be_read_is_rejected(read) -> None:
    rating = {"rating_id": 1, "conversation_id": 99, "rating_comments": None}
    records = read(a=[conversation(thread(1, "hi")), conversation(identity=8), {"x": 1}, thread(4, "lost"), rating])
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "no_identity", "no_turns", "orphan"]

"""Olark: the kind of an item tells who speaks, never the nickname; the fullest copy of a transcript counts."""

import pytest

from ingest.connectors.olark import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

VISITOR = {"kind": "Visitor", "id": "v1", "fullName": "Paul", "emailAddress": "paul@example.com"}
OPERATORS = {"7": {"kind": "Operator", "id": "7", "nickname": "Paul", "emailAddress": "bo@example.com"}}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def item(body, kind="MessageToOperator", at="1307116657.1", **fields):
    return {"kind": kind, "body": body, "timestamp": at, "nickname": "Paul", **fields}


def transcript(*items, **fields):
    return {"kind": "Conversation", "id": "t1", "tags": ["bill", 7], "items": list(items), "operators": OPERATORS,
            "groups": [{"kind": "Group", "name": "Sales"}], "visitor": VISITOR, **fields}  # fmt: skip


def test_the_kind_tells_who_speaks(read) -> None:
    (one,) = read(a=transcript(
        item("Hi?", "MessageToVisitor", "1307116657.1", operatorId="7"), item("yes", at="1307116661.25"),
        item("gone", "MessageToVisitor", "1307116662", operatorId="9"),
        item("!end", "CommandFromOperator", "1307116663"),
    ))  # fmt: skip
    assert [(turn.role, turn.author, turn.kind, turn.visibility) for turn in one.turns] == [
        ("agent", "7", "message", "public"), ("customer", "v1", "message", "public"),
        ("agent", "9", "message", "public"), ("system", None, "event", "internal"),
    ]  # fmt: skip
    assert [(p.external_id, p.role) for p in one.participants] == [("v1", "customer"), ("7", "agent"), ("9", "agent")]
    assert (one.tags, one.custom["groups"]) == (("bill",), ["Sales"])


def test_offline_messages_are_the_visitors(read) -> None:
    (one,) = read(a=transcript(item("Call me", "OfflineMessage")))
    assert (one.channel, one.turns[0].role) == ("email", "customer")


@pytest.mark.parametrize(("overall", "score"), [(5, 1.0), (1, 0.0), ("4", 0.75), (0, None), (None, None)])
def test_feedback_is_the_rating(read, overall, score) -> None:
    (one,) = read(a=transcript(item("hi"), visitor={**VISITOR, "chat_feedback": {"overall_chat": overall}}))
    assert one.csat_score == score


def test_of_two_copies_the_longer_one_counts(read) -> None:
    (one,) = read(a=transcript(item("hi"), item("you?", at="1307116658")), b=transcript(item("hi")))
    assert [turn.text for turn in one.turns] == ["hi", "you?"]


def test_what_is_no_transcript_or_empty_is_rejected(read) -> None:
    records = read(a=[transcript(item("hi"), "odd"), transcript(id="t2"), {"kind": "Visit"}, "odd",
                      transcript(item("no id"), id=None)])  # fmt: skip
    assert [one.external_id for one in conversations(records)] == [None, "t1"]
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "bad_record", "bad_record", "no_turns"]

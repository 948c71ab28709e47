"""Gorgias: sides by from_agent, notes not public, rules bots, unsent messages drafts, surveys the rating."""

import pytest

from ingest.connectors.gorgias import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

CUSTOMER = {"id": 3, "email": "ann@example.com", "name": "Ann Lee"}
AGENT = {"id": 3, "email": "bo@example.com", "name": "", "firstname": "Bo", "lastname": "Agent"}


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(number, text, *, ours=False, **fields):
    return {"id": number, "ticket_id": 7, "public": True, "channel": "email", "via": "email", "from_agent": ours,
            "source": {"type": "email"}, "sender": AGENT if ours else CUSTOMER, "body_text": text, "body_html": None,
            "stripped_text": text, "attachments": [], "macros": [], "failed_datetime": None,
            "created_datetime": f"2026-01-05T10:00:0{number}.000000+00:00", **fields}  # fmt: skip


def ticket(identity=7, **fields):
    return {"id": identity, "subject": "Help", "channel": "email", "via": "email", "status": "closed",
            "priority": "high", "customer": CUSTOMER, "assignee_user": AGENT, "assignee_team": None,
            "tags": [{"id": 1, "name": "vip"}],
            "created_datetime": "2026-01-05 10:00:00.000000+00:00", "closed_datetime": None, "spam": False,
            **fields}  # fmt: skip


def page(*items):
    return {"data": list(items), "object": "list", "meta": {"next_cursor": None}}


def told(conversation):
    return [(turn.role, turn.kind, turn.visibility, turn.text) for turn in conversation.turns]


def test_pages_are_joined_and_from_agent_tells_the_sides(read) -> None:
    (one,) = read(tickets=page(ticket()), messages=page(message(2, "hello", ours=True), message(1, "hi")))
    assert told(one) == [("customer", "message", "public", "hi"), ("agent", "message", "public", "hello")]
    assert (one.external_id, one.subject, one.status, one.priority, one.tags, one.completeness) == (
        "7", "Help", "closed", "high", ("vip",), "complete",
    )  # fmt: skip
    assert [(p.external_id, p.role, p.display_name) for p in one.participants] == [
        ("customer 3", "customer", "Ann Lee"), ("user 3", "agent", "Bo Agent"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fields", [{"public": False}, {"channel": "internal-note"}, {"source": {"type": "internal-note"}}]
)
def test_internal_notes_are_notes(read, fields) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "difficult", ours=True, **fields)))
    assert told(one)[1] == ("agent", "note", "internal", "difficult")


@pytest.mark.parametrize("fields", [{"public": None}, {"from_agent": None}])
def test_what_is_not_said_to_be_public_is_unknown(read, fields) -> None:
    (one,) = read(a=page(message(1, "hi", **fields)))
    assert one.turns[0].visibility == "unknown"


def test_rules_are_bots_and_macros_agents_automatic_text(read) -> None:
    (one,) = read(a=page(
        message(1, "hi"), message(2, "a", ours=True, via="rule"), message(3, "b", ours=True, rule_id=5),
        message(4, "c", ours=True, macros=[{"id": 1}]), message(5, "d", ours=True)))  # fmt: skip
    assert [(turn.role, turn.automation) for turn in one.turns] == [
        ("customer", None), ("bot", "trigger"), ("bot", "trigger"), ("agent", "macro"), ("agent", None),
    ]  # fmt: skip


def test_unsent_messages_are_drafts_and_deleted_ones_marked(read) -> None:
    (one,) = read(a=page(message(1, "hi"), message(2, "x", ours=True, failed_datetime="2026-01-05T10:00:03Z"),
                         message(3, "y", ours=True, deleted_datetime="2026-01-05T10:00:03Z")))  # fmt: skip
    assert [(turn.is_draft, turn.is_deleted) for turn in one.turns] == [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(("fields", "text", "body_format"), [
    ({"body_html": "<p>x</p>"}, "<p>x</p>", "html_mail"), ({"body_text": "x"}, "x", "mail"),
    ({"body_text": None, "stripped_html": "<b>x</b>"}, "<b>x</b>", "html_mail"),
    ({"body_text": "x", "channel": "chat"}, "x", "text"),
    ({"body_html": "<p>x</p>", "channel": "sms"}, "<p>x</p>", "html"),
])  # fmt: skip
def test_the_fullest_body_is_read(read, fields, text, body_format) -> None:
    (one,) = read(a=page(message(1, "hi", **fields)))
    assert (one.turns[0].text, one.turns[0].body_format) == (text, body_format)


def test_surveys_are_the_rating(read) -> None:
    surveys = [{"id": 1, "ticket_id": 7, "score": None, "scored_datetime": None, "sent_datetime": "2026"},
               {"id": 2, "ticket_id": 7, "score": 4, "scored_datetime": "2026-01-06", "sent_datetime": "2026",
                "body_text": "fine"}]  # fmt: skip
    (one,) = read(a=page(message(1, "hi")), surveys=page(*surveys))
    assert (one.csat_score, one.csat_scale, one.csat_label, one.csat_comment) == (0.75, "1-5", "good", "fine")
    assert one.custom["csat_original"] == 4


def test_a_ticket_holds_its_messages_and_says_how_many_there_are(read) -> None:
    (one,) = read(a=ticket(messages=[message(1, "hi")], messages_count=3))
    assert (one.completeness, one.custom["messages_missing"]) == ("truncated_body", 2)


def test_a_trashed_ticket_is_deleted(read) -> None:
    (one,) = read(a=page(ticket(trashed_datetime="2026-01-07")), b=page(message(1, "hi")))
    assert (one.status, one.status_raw) == ("deleted", "closed")


def test_what_cannot_be_read_is_rejected(read) -> None:
    survey = {"id": 1, "ticket_id": 99, "score": 5, "scored_datetime": None, "sent_datetime": None}
    records = read(a=page(message(1, "hi"), "odd", {"x": 1}, message(2, "lost", ticket_id=None), survey),
                   b=page(ticket(8)), c=page(ticket(9, messages=["odd", message(3, "x")])))  # fmt: skip
    assert len(conversations(records)) == 2
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "bad_record", "no_identity", "no_turns", "orphan",
    ]  # fmt: skip

"""Intercom's conversations: the source first and once, notes internal, texts of closings kept, tables joined."""

import json
from pathlib import Path

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.intercom import CONNECTOR
from ingest.detection import recognise
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk


@pytest.fixture
def read(tmp_path, store):
    """Write files into one folder and read them together."""

    def read_files(**files):
        folder = tmp_path / "export"
        folder.mkdir()
        for name, content in files.items():
            is_table = isinstance(content, str)
            path = folder / f"{name}.{'csv' if is_table else 'json'}"
            path.write_text(content if is_table else json.dumps(content), encoding="utf-8")
        return read_folder(folder, store)

    return read_files


def read_folder(folder: Path, store):
    found = [file for file in walk([folder]) if isinstance(file, SourceFile)]
    parts = tuple(Recognised(file, evidence.part) for file in found if (evidence := CONNECTOR.detect(file.sample)))
    return list(CONNECTOR.read(Reading(parts, spool=store.spool())))


USER = {"type": "user", "id": "u1", "name": "Ann Example", "email": "ann@example.com"}
ADMIN = {"type": "admin", "id": "7", "name": "Bo Agent", "email": "bo@example.com"}


def part(identity, body, *, kind="comment", author=ADMIN, at=10, **fields):
    return {"type": "conversation_part", "id": identity, "part_type": kind, "body": body, "author": author,
            "created_at": 1_700_000_000 + at, "attachments": [], "redacted": False, **fields}  # fmt: skip


def conversation(*parts, identity="1", total=None, source=None, **fields):
    return {
        "type": "conversation", "id": identity, "created_at": 1_700_000_000, "updated_at": 1_700_000_900,
        "state": "closed", "title": None,
        "source": {"type": "conversation", "id": "s1", "delivered_as": "customer_initiated", "subject": "",
                   "body": "<p>Where is it?</p>", "author": USER, "attachments": [], **(source or {})},
        "conversation_parts": {"conversation_parts": list(parts), "total_count": total or len(parts)},
        **fields,
    }  # fmt: skip


def test_the_source_is_the_first_turn_and_stands_once(read) -> None:
    (one,) = read(one=conversation(part(1, "<p>On its way.</p>")))
    assert [(turn.role, turn.text, turn.body_format) for turn in one.turns] == [
        ("customer", "<p>Where is it?</p>", "html"),
        ("agent", "<p>On its way.</p>", "html"),
    ]
    assert one.completeness == "complete"
    assert [(p.external_id, p.role, p.email) for p in one.participants] == [
        ("u1", "customer", "ann@example.com"),
        ("7", "agent", "bo@example.com"),
    ]


@pytest.mark.parametrize("kind", ["note", "note_and_reopen"])
def test_notes_are_internal(read, kind) -> None:
    (one,) = read(one=conversation(part(1, "<p>Difficult.</p>", kind=kind)))
    assert (one.turns[1].kind, one.turns[1].visibility, one.turns[1].role) == ("note", "internal", "agent")


@pytest.mark.parametrize("kind", ["close", "assignment", "open", "assign_and_reopen"])
def test_a_part_with_a_text_is_a_message_and_without_one_an_event(read, kind) -> None:
    (one,) = read(one=conversation(part(1, "<p>All done!</p>", kind=kind), part(2, None, kind=kind, at=20)))
    said, event = one.turns[1:]
    assert (said.kind, said.role, said.visibility, said.event_type) == ("message", "agent", "public", kind)
    assert (event.kind, event.role, event.visibility, event.text) == ("event", "system", "internal", kind)


def test_an_ai_agent_is_a_bot_whatever_name_it_speaks_under(read) -> None:
    fin = {**ADMIN, "id": "9", "from_ai_agent": True}
    bot = {"type": "bot", "id": "5", "name": "Operator", "email": None}
    (one,) = read(one=conversation(part(1, "<p>a</p>", author=fin), part(2, "<p>b</p>", author=bot, at=20)))
    assert [(turn.role, turn.automation, turn.is_automated) for turn in one.turns[1:]] == [
        ("bot", "ai", True),
        ("bot", "workflow", True),
    ]


@pytest.mark.parametrize(("given", "role"), [("team", "agent"), ("lead", "customer"), ("contact", "customer")])
def test_author_types_are_roles(read, given, role) -> None:
    (one,) = read(one=conversation(part(1, "x", author={"type": given, "id": "33"})))
    assert one.turns[1].role == role


def test_what_nobody_started_by_hand_is_automated(read) -> None:
    (one,) = read(one=conversation(part(1, "x", author=USER), source={
        "delivered_as": "operator_initiated", "author": ADMIN, "body": "<p>Welcome</p>"}))  # fmt: skip
    assert (one.turns[0].role, one.turns[0].is_automated, one.turns[0].automation) == ("bot", True, "welcome")


def test_more_parts_than_given_mean_a_cut_head(read) -> None:
    (one,) = read(one=conversation(part(1, "x"), total=501))
    assert one.completeness == "truncated_head"
    assert one.custom["parts_missing"] == 500


def test_a_list_page_has_no_parts_and_the_conversation_itself_makes_up_for_it(read) -> None:
    listed = [conversation(identity="1"), conversation(identity="2")]
    for item in listed:
        del item["conversation_parts"]
        item["updated_at"] += 500
    page = {"type": "conversation.list", "conversations": listed, "pages": {"page": 1}}
    one, two = read(page=page, single=conversation(part(1, "x"), identity="1"))
    assert (one.completeness, len(one.turns)) == ("complete", 2)
    assert (two.completeness, len(two.turns)) == ("truncated_body", 1)
    assert "without their parts" in two.custom["parts"]


def test_a_list_page_in_which_nothing_is_said_is_explained(read) -> None:
    bare = conversation(source={"body": None})
    del bare["conversation_parts"]
    (reject,) = read(one=bare)
    assert (reject.code, "each one by its id" in reject.detail) == ("no_turns", True)


def test_overlapping_exports_give_a_part_once_the_newer_version_of_it(read) -> None:
    old = conversation(part(1, "first"), part(2, "secret", at=20), updated_at=1_700_000_100)
    new = conversation(part(2, None, at=20, redacted=True), part(3, "third", at=30))
    (one,) = read(a=old, b=new)
    assert [turn.text for turn in one.turns[1:]] == ["first", "", "third"]
    assert one.turns[2].source_redaction == "full"


def test_a_mails_history_is_kept_beside_it_and_is_no_turn(read) -> None:
    mail = {"type": "email", "subject": "<p>Re: Bug &amp; query</p>",
            "email_message_metadata": {"history": "<div>On Jan 28 ...</div>"}}  # fmt: skip
    (one,) = read(one=conversation(source=mail))
    assert (one.channel, one.subject, one.turns[0].body_format) == ("email", "Re: Bug & query", "html_mail")
    assert len(one.turns) == 1
    assert one.turns[0].custom["email_message_metadata"]["history"] == "<div>On Jan 28 ...</div>"


def test_rating_tags_and_state_are_the_conversations(read) -> None:
    (one,) = read(one=conversation(
        conversation_rating={"rating": 2, "remark": "slow"}, priority="priority",
        tags={"tags": [{"name": "parcel"}, {"name": None}]}))  # fmt: skip
    assert (one.csat_score, one.csat_scale, one.csat_label, one.csat_comment) == (0.25, "1-5", "bad", "slow")
    assert one.custom["csat_original"] == 2
    assert (one.tags, one.status, one.priority) == (("parcel",), "closed", "high")


@pytest.mark.parametrize(("record", "code"), [
    ("text", "bad_record"),
    ({"type": "ticket", "id": "4"}, "bad_record"),
    ({"type": [], "id": "4"}, "bad_record"),
    ({"type": "conversation", "source": {"body": "x"}}, "no_identity"),
    (conversation(source={"body": ""}, identity="9"), "no_turns"),
])  # fmt: skip
def test_what_is_no_conversation_is_rejected_with_its_place(read, record, code) -> None:
    records = read(one=[conversation(), record])
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.code, reject.place) == (code, "record 2")
    assert sum(isinstance(record, Conversation) for record in records) == 1


def test_the_content_data_export_is_said_to_hold_no_conversations(read) -> None:
    table = (
        "user_id,user_external_id,email,name,ruleset_id,content_id,receipt_id,received_at\n" + "1,2,a,b,3,4,5,6\n" * 3
    )
    (reject,) = read(receipts=table)
    assert (reject.code, reject.place) == ("no_turns", "file")
    assert "delivered" in reject.detail


CONVERSATIONS = """id,updated_at,_fivetran_synced,created_at,state,source_author_id,source_author_type,\
source_delivered_as,source_id,source_type,source_body,source_subject,conversation_rating_value,_fivetran_active
11,2024-05-03 10:00:00,x,2024-05-03 09:00:00,open,c1,user,customer_initiated,s,conversation,Old text,,,false
11,2024-05-03 11:00:00,x,2024-05-03 09:00:00,closed,c1,user,customer_initiated,s,conversation,Where is it?,,5,true
"""
PARTS = """\
id,updated_at,_fivetran_synced,author_id,author_type,conversation_id,created_at,part_type,body,_fivetran_active
1,x,x,7,admin,11,2024-05-03 09:10:00,comment,Wrong version,false
1,x,x,7,admin,11,2024-05-03 09:10:00,comment,On its way.,true
2,x,x,7,admin,11,2024-05-03 09:20:00,note,Difficult,true
3,x,x,7,admin,12,2024-05-03 09:20:00,comment,Lost,true
"""
ADMINS = "id,_fivetran_deleted,_fivetran_synced,job_title,email,name\n7,false,x,,bo@example.com,Bo Agent\n"


def test_warehouse_tables_are_joined_and_only_active_rows_count(read) -> None:
    one, reject = read(conversations=CONVERSATIONS, parts=PARTS, admins=ADMINS)
    assert [(turn.role, turn.kind, turn.text) for turn in one.turns] == [
        ("customer", "message", "Where is it?"),
        ("agent", "message", "On its way."),
        ("agent", "note", "Difficult"),
    ]
    assert (one.status, one.csat_score, one.completeness) == ("closed", 1.0, "complete")
    assert ("7", "Bo Agent", "bo@example.com") in [(p.external_id, p.display_name, p.email) for p in one.participants]
    assert (reject.code, reject.place) == ("orphan", "line 5")


def test_conversations_without_the_table_of_parts_are_not_called_complete(read) -> None:
    (one,) = read(conversations=CONVERSATIONS)
    assert one.completeness == "truncated_body"


def test_official_examples_are_read_whole(shared, store) -> None:
    folder = shared / "formats" / "intercom"
    for file in walk([folder]):
        found = recognise(file)
        assert found is not None
        assert found[0].name == "intercom", file.uri
    records = read_folder(folder, store)
    read = {record.external_id: record for record in records if isinstance(record, Conversation)}
    assert {"503", "504", "156643300001311", "156643300001372"} <= read.keys()
    assert [turn.kind for turn in read["503"].turns] == ["message", "message", "event", "event", "event", "note"]
    assert read["504"].channel == "email"
    assert {record.code for record in records if isinstance(record, Reject)} == {"orphan"}

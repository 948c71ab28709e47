"""Intercom's conversations: the source first and once, notes internal, texts of closings kept, tables joined."""

import json
from pathlib import Path

import polars as pl
import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.intercom import CONNECTOR
from ingest.detection import recognise
from ingest.plan import plan
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


@pytest.mark.parametrize("kind", [None, "", "moon"])
def test_a_text_of_an_unknown_type_may_be_a_note_and_is_hidden(read, kind) -> None:
    (one,) = read(one=conversation(part(1, "<p>Difficult.</p>", kind=kind)))
    assert (one.turns[1].kind, one.turns[1].visibility) == ("message", "unknown")


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


def test_the_bot_called_fin_is_an_ai_also_without_a_mark(read) -> None:
    fin = {"type": "bot", "id": "278", "name": "Fin"}
    (one,) = read(one=conversation(part(1, "<p>a</p>", author=fin), ai_agent={"rating": 5, "rating_remark": "neat"}))
    assert (one.turns[1].role, one.turns[1].automation) == ("bot", "ai")
    assert (one.csat_score, one.csat_comment) == (1.0, "neat")
    assert one.custom["ai_agent"]["rating"] == 5


def test_what_a_person_rated_counts_before_what_the_ai_agent_got(read) -> None:
    (one,) = read(one=conversation(conversation_rating={"rating": 1}, ai_agent={"rating": 5}))
    assert one.csat_score == 0.0


def test_five_hundred_parts_without_a_count_may_be_the_latest_only(read) -> None:
    parts = [part(number, "x", at=number) for number in range(500)]
    cut = conversation(*parts)
    del cut["conversation_parts"]["total_count"]
    whole = conversation(*parts, identity="2")
    one, two = read(one=[cut, whole])
    assert (one.completeness, two.completeness) == ("truncated_head", "complete")


def test_an_older_dump_fills_in_what_the_newer_one_was_cut_by(read) -> None:
    old = conversation(part(1, "a"), part(2, "b", at=20), updated_at=1_700_000_100)
    new = conversation(part(2, "b", at=20), part(3, "c", at=30), total=3)
    (one,) = read(a=old, b=new)
    assert ([turn.text for turn in one.turns[1:]], one.completeness) == (["a", "b", "c"], "complete")


@pytest.mark.parametrize("header", [
    "Conversation ID,Conversation started at,Teammate assigned,First response time (seconds),Time to close",
    "conversation_id,conversation_started_at,first_response_time,handling_time,fin_involved,conversation_rating",
])  # fmt: skip
def test_reports_of_figures_are_said_to_hold_no_conversations(read, header) -> None:
    (reject,) = read(report=header + "\n" + ",".join("1" * (header.count(",") + 1)) + "\n")
    assert (reject.code, reject.place) == ("no_turns", "file")
    assert "figures" in reject.detail


@pytest.mark.parametrize("header", [
    "conversation_id,body,first_response_time,time_to_close,teammate_assigned",
    "conversation_id,agent,started,ended,tag",
])  # fmt: skip
def test_other_tables_with_a_conversation_id_are_no_reports_of_intercoms(tmp_path, header) -> None:
    (tmp_path / "a.csv").write_text(header + "\n" + "1,2,3,4,5\n" * 3)
    (file,) = walk([tmp_path])
    assert isinstance(file, SourceFile)
    assert CONNECTOR.detect(file.sample) is None


TAGS = "id,_fivetran_deleted,_fivetran_synced,name\n5,false,x,parcel\n"
TAGGED = (
    "tag_id,conversation_id,conversation_updated_at,_fivetran_synced,_fivetran_active\n5,11,x,x,true\n6,11,x,x,true\n"
)
CONTACTS = "contact_id,conversation_id,conversation_updated_at,_fivetran_synced\nc1,11,x,x\nc2,11,x,x\nc3,99,x,x\n"


def test_fivetrans_tags_and_contacts_are_joined(read) -> None:
    one, reject = read(conversations=CONVERSATIONS, parts=PARTS.replace("3,x,x,7,admin,12", "3,x,x,7,admin,11"),
                       tag=TAGS, tagged=TAGGED, contacts=CONTACTS)  # fmt: skip
    assert one.tags == ("parcel", "6")
    assert [p.external_id for p in one.participants if p.role == "customer"] == ["c1", "c2"]
    assert not any(name.startswith("_fivetran") for name in one.custom)
    assert (reject.code, reject.place) == ("orphan", "line 4")


def in_airbytes_words(record, *, raw: bool):
    if raw:
        return {"_airbyte_ab_id": "x", "_airbyte_emitted_at": 1, "_airbyte_data": record}
    return {"_airbyte_raw_id": "x", "_airbyte_extracted_at": "y", **record}


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_airbytes_streams_are_joined_however_they_are_written(tmp_path, store, kind, raw) -> None:
    chat = conversation(statistics={"count_conversation_parts": 2}, state="closed", tags={"tags": [{"name": "parcel"}]})
    del chat["conversation_parts"]
    parts = [part(number, text, kind=name, at=number * 10, conversation_id="1", conversation_total_parts=3)
             for number, text, name in ((1, "<p>On its way.</p>", "comment"), (2, "Difficult", "note"))]  # fmt: skip
    folder = tmp_path / "airbyte"
    folder.mkdir()
    for name, records in (("conversations", [chat]), ("conversation_parts", parts)):
        write(folder / f"{name}.{kind}", [in_airbytes_words(record, raw=raw) for record in records])
    (one,) = read_folder(folder, store)
    assert [(turn.role, turn.kind, turn.text) for turn in one.turns] == [
        ("customer", "message", "<p>Where is it?</p>"), ("agent", "message", "<p>On its way.</p>"),
        ("agent", "note", "Difficult"),
    ]  # fmt: skip
    assert (one.tags, one.completeness, one.custom["parts_missing"]) == (("parcel",), "truncated_head", 1)


def test_airbytes_streams_belong_together_in_folders_of_their_own(tmp_path, store) -> None:
    top = tmp_path / "bucket"
    chat = conversation()
    del chat["conversation_parts"]
    for name, record in (("conversations", chat), ("conversation_parts", part(1, "x", conversation_id="1"))):
        (top / name).mkdir(parents=True)
        write(top / name / "2026_01_05_0.parquet", [in_airbytes_words(record, raw=False)])
    (batch,) = plan([top]).batches
    (one,) = batch.connector.read(Reading(batch.files, store.spool()))
    assert (len(one.turns), one.completeness) == (2, "complete")


def write(path: Path, records) -> None:
    """Write records as a loader would: objects as JSON text in CSV, as they are elsewhere."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return
    texts = [{name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in record.items()}
             for record in records]  # fmt: skip
    frame = pl.DataFrame(texts)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


def test_a_large_parquet_table_is_told_by_its_columns_at_its_end(tmp_path, store) -> None:
    folder, many = tmp_path / "tables", 4000
    folder.mkdir()
    chat = {"_fivetran_synced": "x", "id": "1", "source_body": "Where?", "source_author_type": "user"}
    said = [{"id": str(at), "conversation_id": "1", "part_type": "comment", "author_id": "7", "author_type": "admin",
             "_fivetran_synced": "x", "body": f"{at * 7919:x}" * 20} for at in range(many)]  # fmt: skip
    pl.DataFrame([chat]).write_parquet(folder / "a.parquet")
    pl.DataFrame(said).write_parquet(folder / "b.parquet", compression="uncompressed")
    (batch,) = plan([folder]).batches
    assert [recognised.file.sample.is_whole for recognised in batch.files] == [True, False]
    assert [recognised.part for recognised in batch.files] == ["conversations", "parts"]
    (one,) = batch.connector.read(Reading(batch.files, store.spool()))
    assert len(one.turns) == many + 1

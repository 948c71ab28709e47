"""Zendesk beyond tickets and comments: audits, ratings, side conversations, messaging, XML and warehouse tables."""

import json

import polars as pl
import pytest

from ingest.connector import Reading
from ingest.connectors.zendesk import CONNECTOR
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk
from tests.ingest.zendesk_records import TALK, USERS, comment, read_export, recognised, said, ticket


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_export(tmp_path / "export", store, files)


def audit(*events, **fields):
    return {"id": 900, "ticket_id": 1, "author_id": 20, "created_at": "2024-05-03T10:02:00Z", "via": {"channel": "web"},
            "events": list(events), **fields}  # fmt: skip


def test_a_comment_sent_with_a_macro_is_marked_and_stays_the_agents(read):
    macro = {"id": 7, "type": "AgentMacroReference", "macro_id": 5, "macro_title": "On its way"}
    told = {"id": 3, "type": "Comment", "body": "It left today.", "public": True}
    [conversation] = read(tickets=[ticket(comments=TALK)], audits={"audits": [audit(told, macro)]})
    assert [turn.automation for turn in conversation.turns] == [None, None, "macro"]
    assert (conversation.turns[2].role, conversation.turns[2].is_automated) == ("agent", True)
    assert conversation.turns[2].custom == {"macro": "On its way"}


def test_a_comment_redacted_after_it_was_copied_is_kept_as_deleted(read):
    event = {"id": 8, "type": "CommentRedactionEvent", "comment_id": 1}
    [older] = read(tickets=[ticket(comments=TALK)], audits={"audits": [audit(event)]})
    assert (older.turns[0].is_deleted, older.turns[0].custom) == (True, {"redacted_later": True})
    assert not older.turns[2].is_deleted


def test_unknown_events_of_an_audit_stay_as_events_of_their_name(read):
    events = [{"id": 1, "type": "SurveyOffered"}, {"id": 2, "type": "ChatEndedEvent", "value": {"chat_id": "c"}},
              {"id": 3, "type": "Notification", "body": "{{x}}"}, {"id": 4}]  # fmt: skip
    [conversation] = read(tickets=[ticket(comments=TALK[:1])], audits={"audits": [audit(*events)]})
    assert [turn.event_type for turn in conversation.turns if turn.kind == "event"] == [
        "SurveyOffered", "ChatEndedEvent", "unknown",
    ]  # fmt: skip
    assert all(turn.visibility == "internal" for turn in conversation.turns if turn.kind == "event")


def test_incremental_events_without_comment_events_say_that_texts_are_missing(read):
    event = {"id": 7, "ticket_id": 1, "timestamp": 1714730400, "updater_id": 20, "event_type": "Audit",
             "child_events": [{"id": 71, "comment_present": True, "comment_public": True, "event_type": "Comment"},
                              {"id": 72, "event_type": "Change", "status": "open", "previous_value": "new"}],
             }  # fmt: skip
    [conversation] = read(tickets=[ticket()], events={"ticket_events": [event]})
    assert conversation.completeness == "truncated_body"
    assert conversation.custom["comments_without_text"] == 1
    assert [turn.text for turn in conversation.turns if turn.kind == "event"] == ["status: new → open"]


@pytest.mark.parametrize(
    ("score", "expected"),
    [("good", (1.0, "good")), ("good_with_comment", (1.0, "good")), ("bad", (0.0, "bad")), ("offered", (None, None)),
     (None, (None, None)), (4, (None, None))],
)  # fmt: skip
def test_a_page_of_ratings_belongs_to_its_tickets(read, score, expected):
    rating = {"id": 5, "ticket_id": 1, "requester_id": 10, "score": "offered", "created_at": "2024-05-01T00:00:00Z"}
    page = {"satisfaction_ratings": [rating, {**rating, "id": 6, "score": score, "comment": "ok",
                                              "created_at": "2024-05-04T00:00:00Z"}]}  # fmt: skip
    records = read(tickets=[ticket(comments=TALK)], ratings=page)
    conversation = next(record for record in records if isinstance(record, Conversation))
    assert (conversation.csat_score, conversation.csat_label) == expected


def test_a_recorded_call_names_its_recording_and_keeps_its_figures(read):
    data = {"transcription_text": "", "recording_url": "https://x.example.com/1.mp3", "call_duration": 61,
            "answered_by_id": 20, "from": "+15550100", "location": ""}  # fmt: skip
    call = comment(1, "Call from: +1 555 0100", type="VoiceComment", data=data)
    [conversation] = read(tickets=[ticket(comments=[call])])
    turn = conversation.turns[0]
    assert (turn.kind, turn.text, turn.attachments[0].url) == ("call", "Call from: +1 555 0100", data["recording_url"])
    assert turn.custom == {"call_duration": 61, "answered_by_id": 20, "from": "+15550100"}


SIDE = {"id": "8566255a", "ticket_id": 1, "subject": "Stock?", "state": "open", "preview_text": "Do you have it",
        "participants": [{"user_id": 20, "name": "Bo Agent", "email": "bo@example.com"},
                         {"name": "Depot", "email": "depot@example.com"}],
        "created_at": "2024-05-03T10:05:00Z", "message_added_at": "2024-05-03T10:09:00Z"}  # fmt: skip


def side_event(identity, kind, text=None, sender=None, **fields):
    message = {"subject": "Stock?", "body": text, "from": sender, "to": SIDE["participants"][1:]} if text else None
    return {"id": identity, "side_conversation_id": "8566255a", "ticket_id": 1, "type": kind, "message": message,
            "actor": SIDE["participants"][0], "via": "support", "created_at": f"2024-05-03T10:0{identity}:00Z",
            **fields}  # fmt: skip


SIDE_EVENTS = [
    side_event(5, "create", "Do you have it in stock?", SIDE["participants"][0]),
    side_event(6, "reply", "Two left.", SIDE["participants"][1]),
    side_event(7, "update", updates={"state": "closed"}),
]


@pytest.mark.parametrize("pages", [
    {"sides": {"side_conversations": [SIDE]}, "events": {"events": SIDE_EVENTS, "count": 3}},
    {"sides": {"side_conversations": [{**SIDE, "events": SIDE_EVENTS}]}},
    {"sides": {"side_conversation": {**SIDE, "events": SIDE_EVENTS}}, "events": {"events": SIDE_EVENTS}},
])  # fmt: skip
def test_a_side_conversation_is_internal_and_hangs_on_its_ticket(read, pages):
    records = read(tickets=[ticket(comments=TALK)], **pages)
    side = next(record for record in records if record.external_id == "side 8566255a")
    assert len(records) == 2
    assert (side.parent_id, side.subject, side.channel, side.status, side.completeness) == (
        "1", "Stock?", "side_conversation", "open", "complete",
    )  # fmt: skip
    assert [(turn.role, turn.kind, turn.visibility, turn.text) for turn in side.turns] == [
        ("agent", "message", "internal", "Do you have it in stock?"),
        ("customer", "message", "internal", "Two left."),
        ("system", "event", "internal", "update"),
    ]
    assert [(person.external_id, person.role) for person in side.participants] == [
        ("20", "agent"), ("depot@example.com", "third_party"),
    ]  # fmt: skip


def test_a_side_conversation_without_its_events_holds_its_preview_alone(read):
    records = read(tickets=[ticket(comments=TALK)], sides={"side_conversations": [SIDE, {**SIDE, "id": None}]})
    side = next(record for record in records if getattr(record, "external_id", "") == "side 8566255a")
    assert (side.completeness, [turn.text for turn in side.turns]) == ("truncated_body", ["Do you have it"])
    assert [record.code for record in records if isinstance(record, Reject)] == ["no_identity"]


def test_a_chat_that_two_audits_hold_is_read_once_and_machines_are_named(read):
    history = [
        {"type": "ChatMessage", "actor_id": "__trigger", "message": "Hello there", "timestamp": 1},
        {"type": "ChatMessage", "actor_id": "__system", "message": "Bo joined", "timestamp": 2},
        {"type": "ChatMessage", "actor_type": "end-user", "actor_id": "10", "message": "Hi", "timestamp": 3,
         "original_message": {"deleted": True}},
        {"type": "ChatMessage", "actor_id": "agent:77", "message": "Fin here", "timestamp": 4, "message_id": "m4",
         "original_message": {"author": {"type": "business", "subtypes": ["AI"]},
                              "content": {"type": "text", "text": "Fin here", "actions": [{"text": "Yes"}]}}},
    ]  # fmt: skip
    started = {"id": 5, "type": "ChatStartedEvent", "value": {"chat_id": "c", "history": json.dumps(history)}}
    audits = [audit(started), audit({**started, "id": 6}, id=901)]
    [conversation] = read(tickets=[ticket(via={"channel": "chat"}, description=None)], audits={"audits": audits})
    assert [(turn.role, turn.automation, turn.is_deleted) for turn in conversation.turns] == [
        ("bot", "trigger", False), ("system", "workflow", False), ("customer", None, True), ("bot", "ai", False),
    ]  # fmt: skip
    assert conversation.turns[3].custom == {"options": ["Yes"]}


def test_how_sure_a_role_is_follows_from_where_it_stands(read):
    entries = [*TALK, comment(4, "x", author=33, minute=3), comment(5, "y", author=44, public=False, minute=4)]
    [conversation] = read(tickets=[ticket(comments=entries)], users={"users": USERS["users"][1:]})
    assert {person.external_id: (person.role, person.confidence) for person in conversation.participants} == {
        "10": ("customer", 0.9), "20": ("agent", 1.0), "33": ("agent", 0.6), "44": ("agent", 0.95),
    }  # fmt: skip


XML = """<?xml version="1.0" encoding="UTF-8"?>
<tickets type="array" count="1">
  <ticket>
    <nice-id type="integer">7</nice-id><requester-id type="integer">10</requester-id>
    <submitter-id type="integer">10</submitter-id><assignee-id type="integer">20</assignee-id>
    <subject>Parcel</subject><description>Where is it?</description><status-id type="integer">3</status-id>
    <priority-id type="integer">2</priority-id><current-tags>parcel late</current-tags><via-id type="integer">4</via-id>
    <created-at type="datetime">2024-05-03T10:00:00Z</created-at>
    <comments type="array">
      <comment><author-id type="integer">10</author-id><is-public type="boolean">true</is-public>
        <value>Where is it?</value><created-at type="datetime">2024-05-03T10:00:00Z</created-at></comment>
      <comment><author-id type="integer">20</author-id><is-public type="boolean">false</is-public>
        <value>Ask the depot.</value><created-at type="datetime">2024-05-03T10:01:00Z</created-at></comment>
    </comments>
  </ticket>
</tickets>
"""


def test_the_xml_export_is_put_into_the_words_of_the_api(tmp_path, store):
    path = tmp_path / "tickets.xml"
    path.write_text(XML, encoding="utf-8")
    [conversation] = list(CONNECTOR.read(Reading((recognised(SourceFile(path)),), spool=store.spool())))
    assert said(conversation) == [
        ("message", "customer", "public", "Where is it?"), ("note", "agent", "internal", "Ask the depot."),
    ]  # fmt: skip
    assert (conversation.external_id, conversation.status, conversation.priority, conversation.tags) == (
        "7", "solved", "normal", ("parcel", "late"),
    )  # fmt: skip
    assert conversation.channel == "email"


TICKET_ROWS = (
    "ID,_FIVETRAN_SYNCED,_FIVETRAN_DELETED,DESCRIPTION,REQUESTER_ID,SUBMITTER_ID,STATUS,SUBJECT,VIA_CHANNEL,BRAND_ID,"
    "MERGED_TICKET_IDS,VIA_FOLLOWUP_SOURCE_ID,UPDATED_AT\n"
    "1,x,FALSE,Where is it?,10,10,closed,S,web,3,[2],55,2024-05-03 11:00:00\n"
    "2,x,FALSE,And mine?,10.0,10,closed,S,web,3,[],,2024-05-03 11:00:00\n"
    "3,x,TRUE,Gone,10,10,open,S,web,3,[],,2024-05-03 11:00:00\n"
)
COMMENT_ROWS = (
    "ID,_FIVETRAN_SYNCED,BODY,CREATED,FACEBOOK_COMMENT,PUBLIC,TICKET_ID,TWEET,USER_ID,VOICE_COMMENT\n"
    '1,x,"[1] Where, and when?",2024-05-03 10:00:00,FALSE,TRUE,1,FALSE,10,FALSE\n'
    "2,x,Call with Ann,2024-05-03 10:01:00,FALSE,TRUE,1,FALSE,20,TRUE\n"
)
FIVETRAN = {
    "ticket": TICKET_ROWS, "ticket_comment": COMMENT_ROWS,
    "ticket_tag": "ticket_id,tag,_fivetran_synced\n1,parcel,x\n1,late,x\n",
    "ticket_field_history": "field_name,ticket_id,updated,_fivetran_synced,user_id,value\n"
                            "status,1,2024-05-03 10:05:00,x,20,closed\n",
    "satisfaction_rating": "id,ticket_id,requester_id,score,comment,created_at,_fivetran_synced\n"
                           "9,1,10,good,Thanks,2024-05-04 00:00:00,x\n",
    "brand": "id,_fivetran_synced,brand_url,subdomain,name\n3,x,https://x.example.com,x,X\n",
}  # fmt: skip


def test_fivetrans_tables_are_joined_whatever_their_letters(read):
    records = read(**FIVETRAN)
    one, two, gone = records
    assert [(turn.kind, turn.role, turn.text) for turn in one.turns] == [
        ("message", "customer", "[1] Where, and when?"), ("call", "agent", "Call with Ann"),
        ("event", "system", "status: closed"),
    ]  # fmt: skip
    assert (one.tags, one.csat_score, one.csat_comment, one.parent_id) == (("parcel", "late"), 1.0, "Thanks", "55")
    assert (two.merged_into, two.participants[0].external_id) == ("1", "10")
    assert (gone.status, gone.turns[0].is_deleted) == ("deleted", True)


def test_airbytes_tables_hold_the_apis_records_as_columns_or_whole(read):
    quoted = json.dumps(ticket(1, comments=TALK[:1])).replace('"', '""')
    via = '{""channel"": ""email"", ""source"": {""from"": {""address"": ""ann@example.com"", ""name"": ""Ann""}}}'
    whole, columns = read(
        raw=f'_airbyte_ab_id,_airbyte_emitted_at,_airbyte_data\nx,1,"{quoted}"\n',
        tickets="_airbyte_raw_id,id,requester_id,submitter_id,status,via,tags,description\n"
                f'x,2,10,10,open,"{via}","[""a"", ""b""]",Hello\n',
        ticket_comments="_airbyte_raw_id,id,ticket_id,author_id,body,public,attachments,created_at\n"
                        'x,5,2,10,Hello,true,"[{""file_name"": ""a.png""}]",2024-05-03T10:00:00Z\n',
    )  # fmt: skip
    assert [turn.text for turn in whole.turns] == ["Where is it?"]
    assert (columns.tags, columns.channel, columns.participants[0].email) == (("a", "b"), "email", "ann@example.com")
    assert columns.turns[0].attachments[0].file_name == "a.png"


def test_a_large_parquet_table_is_told_by_its_name_and_read_by_its_columns(tmp_path, store):
    folder = tmp_path / "parquet"
    folder.mkdir()
    count = 400
    padding = [str(number) * 3_000 for number in range(count)]
    rows = {
        "id": range(count),
        "ticket_id": [1] * count,
        "body": padding,
        "public": [True] * count,
        "user_id": [10] * count,
    }
    pl.DataFrame(rows).write_parquet(folder / "ticket_comment.parquet", compression="uncompressed")
    pl.DataFrame(
        {"id": [1], "requester_id": [10], "submitter_id": [10], "status": ["open"], "brand_id": [3]}
    ).write_parquet(folder / "ticket.parquet")
    found = tuple(recognised(file) for file in walk([folder]))
    [conversation] = list(CONNECTOR.read(Reading(found, spool=store.spool())))
    assert len(conversation.turns) == count

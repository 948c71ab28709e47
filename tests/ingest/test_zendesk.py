import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.clean.pipeline import clean
from ingest.connector import Reading
from ingest.connectors.zendesk import CONNECTOR
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk
from tests.ingest.zendesk_records import TALK, TALK_SAID, USERS, comment, read_export, recognised, said, ticket


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_export(tmp_path / "export", store, files)


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(ticket(comments=TALK)) + "\n",
        json.dumps(ticket(comments=TALK)),
        json.dumps(ticket(comments=TALK), indent=1),
        [ticket(comments=TALK)],
        {"tickets": [ticket(comments=TALK)], "count": 1, "end_of_stream": True},
        {"ticket": ticket(comments=TALK)},
        {"tickets": [ticket(comments=TALK)], "users": USERS["users"]},
        json.dumps({"tickets": [ticket(comments=TALK[::-1])], "after_cursor": "x"}, indent=1),
    ],
)
def test_every_layout_of_tickets_gives_the_same_conversation(read, content):
    [conversation] = read(tickets=content)
    assert said(conversation) == TALK_SAID
    assert (conversation.external_id, conversation.subject, conversation.status) == ("1", "Parcel", "open")
    assert [turn.external_id for turn in conversation.turns] == ["1", "2", "3"]
    assert conversation.custom == {"custom_fields": [{"id": 5, "value": "blue"}, {"id": 6, "value": None}],
                                   "raw_subject": "Parcel", "submitter_id": 10, "assignee_id": 20}  # fmt: skip
    assert conversation.completeness == "complete"


def test_comments_audits_and_users_of_other_files_are_joined(read):
    rows = [{**entry, "ticket_id": 1} for entry in TALK]
    audits = {
        "audits": [
            {
                "id": 900, "ticket_id": 1, "author_id": 20, "created_at": "2024-05-03T10:02:00Z",
                "via": {"channel": "web"},
                "events": [
                    {"id": 3, "type": "Comment", "body": "It left today.", "public": True},
                    {"id": 4, "type": "Comment", "body": "Bye.", "public": True, "created_at": "2024-05-03T10:03:00Z"},
                    {"id": 5, "type": "Change", "field_name": "status", "value": "solved", "previous_value": "open"},
                    {"id": 6, "type": "Notification", "body": "{{ticket.comments_formatted}}", "subject": "x"},
                ],
            }
        ]
    }  # fmt: skip
    [conversation] = read(a_comments={"comments": rows}, b_audits=audits, c_users=USERS, d_tickets=[ticket()])
    assert said(conversation) == [
        *TALK_SAID,
        ("event", "system", "internal", "status: open → solved"),
        ("message", "agent", "public", "Bye."),
    ]
    ann = conversation.participants[0]
    assert (ann.external_id, ann.role, ann.role_source, ann.display_name, ann.email, ann.phone) == (
        "10", "customer", "users_file", "Ann Example", "ann@example.com", "+1 555 0100",
    )  # fmt: skip


def test_a_comment_made_private_later_is_a_note(read):
    audit = {
        "id": 9, "ticket_id": 1, "author_id": 20, "created_at": "2024-05-03T11:00:00Z",
        "events": [{"id": 8, "type": "CommentPrivacyChange", "comment_id": 3, "public": False}],
    }  # fmt: skip
    [conversation] = read(tickets=[ticket(comments=TALK)], audits={"audits": [audit]})
    assert [turn.kind for turn in conversation.turns] == ["message", "note", "note"]
    assert conversation.turns[2].visibility == "internal"


def test_a_comment_of_unknown_visibility_is_not_public(read):
    [conversation] = read(tickets=[ticket(comments=[comment(1, "Hm", public=None)])])
    assert conversation.turns[0].visibility == "unknown"


def test_incremental_events_with_their_comments_are_read(read):
    event = {
        "id": 7, "ticket_id": 1, "timestamp": 1714730400, "updater_id": 20,
        "child_events": [{"id": 71, "event_type": "Comment", "body": "Hello", "public": True},
                         {"id": 72, "event_type": "Change", "status": "open"}],
    }  # fmt: skip
    [conversation] = read(tickets=[ticket()], events={"ticket_events": [event], "count": 1})
    assert [(turn.text, turn.role, turn.created_at) for turn in conversation.turns if turn.kind == "message"] == [
        ("Hello", "agent", 1714730400)
    ]


def test_overlapping_pages_give_each_comment_once_and_the_newest_ticket(read):
    older = ticket(comments=TALK[:2], updated_at="2024-05-03T10:01:00Z", status="new")
    newer = ticket(comments=TALK, status="solved")
    [conversation] = read(page1={"tickets": [newer]}, page2={"tickets": [older]})
    assert said(conversation) == TALK_SAID
    assert conversation.status == "solved"


def test_of_two_versions_of_a_comment_the_one_that_hides_more_stays(read):
    open_page = ticket(comments=[comment(1, "My card is 4242424242424242")])
    redacted = ticket(comments=[comment(1, "My card is \u2587\u2587\u2587\u2587")])
    [conversation] = read(page1=[open_page], page2=[redacted])
    assert [turn.text for turn in conversation.turns] == ["My card is ▇▇▇▇"]
    assert conversation.turns[0].source_redaction == "partial"


def test_what_was_blacked_out_whole_is_marked_so(read):
    [conversation] = read(tickets=[ticket(comments=[comment(1, "x", html_body="<p>▇▇▇ ▇</p>")])])
    assert conversation.turns[0].source_redaction == "full"


def test_the_description_speaks_only_where_there_are_no_comments(read):
    with_comments, without = read(tickets=[ticket(1, comments=TALK), ticket(2)])
    assert [turn.text for turn in with_comments.turns].count("Where is it?") == 1
    assert said(without) == [("message", "customer", "public", "Where is it?")]
    assert without.custom["first_turn"] == "description"
    assert without.completeness == "truncated_body"


def test_the_description_of_a_private_ticket_is_a_note(read):
    [conversation] = read(tickets=[ticket(is_public=False, submitter_id=20)])
    assert said(conversation) == [("note", "agent", "internal", "Where is it?")]


def test_roles_without_users_are_inferred(read):
    comments = [
        comment(1, "a", author=10),
        comment(2, "b", author=20),
        comment(3, "c", author=33, minute=1),
        comment(4, "d", author=44, public=False, minute=2),
        comment(5, "e", author=-1, minute=3),
        comment(6, "f", author=55, minute=4),
    ]
    [conversation] = read(tickets=[ticket(comments=comments, email_cc_ids=[33], follower_ids=[44])])
    assert [turn.role for turn in conversation.turns] == ["customer", "agent", "customer", "agent", "bot", "agent"]
    people = {person.external_id: (person.role, person.role_source) for person in conversation.participants}
    assert people == {
        "10": ("customer", "inferred"), "20": ("agent", "inferred"), "33": ("third_party", "inferred"),
        "44": ("agent", "inferred"), "55": ("agent", "inferred"),
    }  # fmt: skip


def test_embedded_people_and_the_sender_of_a_mail_are_known(read):
    via = {"channel": "email", "source": {"from": {"address": "ann@example.com", "name": "Ann"}, "rel": None}}
    mailed, full = read(
        tickets=[
            ticket(1, via=via),
            ticket(2, requester={"id": 10, "name": "Ann Example", "email": "ann@example.com", "role": "end-user"}),
        ]
    )
    assert (mailed.participants[0].email, mailed.participants[0].display_name) == ("ann@example.com", "Ann")
    assert (full.participants[0].display_name, full.participants[0].role) == ("Ann Example", "customer")
    assert (mailed.channel, mailed.channel_raw, mailed.turns[0].body_format) == ("email", "email", "mail")


def test_a_deleted_user_stays_one(read):
    [conversation] = read(tickets=[ticket(requester_id=30)], users=USERS)
    assert conversation.participants[0].is_deleted


def test_a_trigger_speaks_as_a_bot(read):
    via = {"channel": "rule", "source": {"rel": "trigger"}}
    entries = [comment(1, "We got it.", author=20, via=via), comment(2, "Tagged.", author=20, public=False, via=via)]
    [conversation] = read(tickets=[ticket(comments=entries)])
    assert [(turn.role, turn.kind, turn.is_automated, turn.automation) for turn in conversation.turns] == [
        ("bot", "message", True, "trigger"),
        ("agent", "note", True, "trigger"),
    ]


def test_bodies_are_read_in_their_richest_form(read):
    page = '<div class="zd-comment"><p>It <b>left</b></p></div>'
    quoted = f'{page}<div class="gmail_quote">On 3 May 2024, Bo wrote:<blockquote>Hm?</blockquote></div>'
    entries = [
        comment(1, "x", html_body=page),
        comment(2, "x", html_body=quoted, via={"channel": "email"}, minute=1),
        comment(3, "plain", minute=2),
        comment(4, "x\n> y", via={"channel": "mail"}, minute=3),
    ]
    [conversation] = read(tickets=[ticket(comments=entries)])
    assert [turn.body_format for turn in conversation.turns] == ["html", "html_mail", "text", "mail"]
    cleaned = [clean(turn.text, body_format=turn.body_format).text for turn in conversation.turns]
    assert cleaned == ["It left", "It left", "plain", "x"]


def test_calls_give_their_transcript_and_attachments_their_names(read):
    call = comment(1, "Call from: +1 555 0100", type="VoiceComment", data={"transcription_text": "Hello, Ann here"})
    file = {"file_name": "a.png", "content_type": "image/png", "size": 7, "content_url": "https://x.example.com/a.png"}
    [conversation] = read(tickets=[ticket(comments=[call, comment(2, "see", attachments=[file], minute=1)])])
    assert [(turn.kind, turn.text) for turn in conversation.turns] == [("call", "Hello, Ann here"), ("message", "see")]
    [attachment] = conversation.turns[1].attachments
    assert (attachment.file_name, attachment.media_type, attachment.bytes) == ("a.png", "image/png", 7)


def test_satisfaction_merges_and_follow_ups_are_kept(read):
    closed = comment(9, "This request was closed and merged into request #77.", author=20, public=False, minute=5)
    [conversation] = read(
        tickets=[
            ticket(
                comments=[*TALK, closed],
                tags=["closed_by_merge"],
                satisfaction_rating={"id": 1, "score": "bad", "comment": "Too slow"},
                via={"channel": "web", "source": {"from": {"ticket_id": 55}, "rel": "follow_up"}},
            )
        ]
    )
    assert (conversation.csat_score, conversation.csat_scale, conversation.csat_label, conversation.csat_comment) == (
        0.0, "good/bad", "bad", "Too slow",
    )  # fmt: skip
    assert conversation.custom["csat_original"] == "bad"
    assert (conversation.merged_into, conversation.parent_id) == ("77", "55")


def test_deleted_tickets_keep_their_turns_as_deleted_or_are_explained(read):
    kept, gone = read(tickets=[ticket(1, status="deleted", comments=TALK), ticket(2, status="deleted", description="")])
    assert kept.status == "deleted"
    assert all(turn.is_deleted for turn in kept.turns)
    assert (gone.code, gone.detail) == ("no_turns", "nothing is said in it: the ticket is deleted")


def chat_item(index, text, **fields):
    return {
        "type": "ChatMessage", "chat_index": index, "message_id": f"m{index}", "message": text,
        "timestamp": 1714730400000 + index * 1000, **fields,
    }  # fmt: skip


def test_a_chat_is_read_from_its_history_rather_than_its_flat_copy(read):
    history = [
        {"type": "ChatJoin", "actor_type": "end-user", "actor_id": "10", "timestamp": 1714730400000},
        chat_item(1, "Hi", actor_type="end-user", actor_id="10"),
        chat_item(2, "Hello!", actor_type="agent", actor_id="agent:77",
                  original_message={"source": {"type": "zd:answerBot"}, "content": {"type": "text", "text": "Hello!"}}),
        chat_item(3, "Name?", actor_type="agent", actor_id="77", original_message_type="form"),
        chat_item(4, "Bo here.", actor_type="agent", actor_id="20"),
        {"type": "ChatFileAttachment", "actor_type": "end-user", "actor_id": "10", "filename": "a.png", "size": 9,
         "mime_type": "image/png", "url": "https://x.example.com/a.png", "timestamp": 1714730409000},
        chat_item(10, "The chat has ended", actor_type="system"),
    ]  # fmt: skip
    started = {"id": 5, "type": "ChatStartedEvent", "value": {"chat_id": "c", "visitor_id": "v", "history": history}}
    copy = comment(1, "(10:00) Ann: Hi\n(10:00) Bot: Hello!", author=20, via={"channel": "native_messaging"})
    audit = {"id": 9, "ticket_id": 1, "author_id": 10, "created_at": "2024-05-03T10:00:00Z", "events": [started]}
    [conversation] = read(
        tickets=[ticket(via={"channel": "native_messaging"}, comments=[copy])], audits={"audits": [audit]}
    )
    assert [(turn.kind, turn.role, turn.visibility, turn.text) for turn in conversation.turns] == [
        ("event", "customer", "internal", "ChatJoin"),
        ("message", "customer", "public", "Hi"),
        ("message", "bot", "public", "Hello!"),
        ("form", "agent", "public", "Name?"),
        ("message", "agent", "public", "Bo here."),
        ("message", "customer", "public", ""),
        ("message", "system", "public", "The chat has ended"),
    ]
    assert conversation.channel == "chat"
    assert conversation.turns[5].attachments[0].bytes == 9
    assert [turn.automation for turn in conversation.turns][2] == "bot"


def test_what_belongs_to_no_ticket_is_rejected_with_its_place(read):
    good = {**comment(1, "a"), "ticket_id": 1}
    stray = {**comment(2, "secret"), "ticket_id": 99}
    nobody = {**comment(3, "secret")}
    records = read(comments=[good, stray, nobody], tickets=[ticket(1), ticket(2)])
    rejects = {(record.place, record.code) for record in records if isinstance(record, Reject)}
    assert rejects == {("record 2", "orphan"), ("record 3", "orphan")}
    assert all("secret" not in record.detail for record in records if isinstance(record, Reject))
    assert sum(isinstance(record, Conversation) for record in records) == 2


def test_comments_that_name_no_ticket_are_the_only_tickets(read):
    [conversation] = read(ticket={"ticket": ticket()}, comments={"comments": TALK, "meta": {"has_more": False}})
    assert said(conversation) == TALK_SAID


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"something": "secret"}, "bad_record"),
        (["secret"], "bad_record"),
        ({**ticket(), "id": None}, "no_identity"),
        ({"ticket": {"id": None, "subject": "secret"}}, "no_identity"),
        ({**ticket(3), "comments": ["secret"]}, "bad_record"),
        ({**ticket(3), "description": None}, "no_turns"),
    ],
)
def test_an_odd_record_is_rejected_without_its_words_in_the_reason(read, record, code):
    records = read(tickets={"tickets": [record, ticket(1, comments=TALK)]})
    [reject] = [found for found in records if isinstance(found, Reject)]
    assert reject.code == code
    assert "secret" not in reject.detail
    assert reject.raw
    assert said(next(found for found in records if getattr(found, "external_id", None) == "1")) == TALK_SAID


def test_users_alone_give_nothing_but_are_recognised(tmp_path, read):
    assert read(users=USERS) == []
    file = SourceFile(tmp_path / "export" / "users.json")
    assert CONNECTOR.detect(file.sample).part == "users"


def test_tables_of_a_warehouse_are_read(read):
    tickets = (
        "id,_fivetran_synced,description,requester_id,submitter_id,status,subject,via_channel,via_source_from_address,"
        "is_public,created_at,updated_at\n"
        '7,x,"again, this",10,10,open,S,email,ann@example.com,TRUE,2024-05-03 10:00:00,2024-05-03 11:00:00\n'
    )
    comments = (
        "id,_fivetran_synced,body,created,facebook_comment,public,ticket_id,tweet,user_id,voice_comment\n"
        "1,x,Hello,2024-05-03 10:00:00,FALSE,TRUE,7,FALSE,10,FALSE\n"
        "2,x,Note,2024-05-03 10:01:00,FALSE,FALSE,7,FALSE,20,FALSE\n"
        "3,x,too,many,values,FALSE,FALSE,7,FALSE,20,FALSE\n"
    )
    records = read(t=tickets, c=comments)
    [conversation] = [found for found in records if isinstance(found, Conversation)]
    assert said(conversation) == [
        ("message", "customer", "public", "Hello"),
        ("note", "agent", "internal", "Note"),
    ]
    assert conversation.participants[0].email == "ann@example.com"
    assert [turn.body_format for turn in conversation.turns] == ["mail", "text"]
    assert [found.code for found in records if isinstance(found, Reject)] == ["bad_row"]


@pytest.mark.corpus
def test_every_real_sample_is_ingested_used_or_explained(shared, store):
    files = [file for file in walk([shared / "formats" / "zendesk"]) if isinstance(file, SourceFile)]
    found = tuple(recognised(file) for file in files)
    assert all(member.part for member in found)
    records = list(CONNECTOR.read(Reading(found, spool=store.spool())))
    conversations = {record.external_id: record for record in records if isinstance(record, Conversation)}
    rejects = [record for record in records if isinstance(record, Reject)]
    assert len(conversations) == 11
    assert {reject.code for reject in rejects} == {"orphan"}
    assert Counter(reject.source_uri.rpartition("__")[2] for reject in rejects)["ticket_comment_data.csv"] == 20
    mail = conversations["2"]
    assert [turn.external_id for turn in mail.turns] == ["2", "3"]  # the description repeats the first: not doubled
    assert {turn.role for turn in mail.turns} == {"customer"}
    agents = {person.external_id: person for person in conversations["11071"].participants}
    assert (agents["1111"].role, agents["2222"].role) == ("agent", "customer")
    assert all(turn.is_deleted for turn in conversations["1595"].turns)
    assert "bot" in {turn.role for turn in conversations["6605"].turns}
    assert conversations["6605"].turns[0].text == "description1"


@pytest.mark.corpus
def test_the_real_private_comment_is_a_note(shared, read):
    path = shared / "formats" / "zendesk" / "nukosuke_go-zendesk__ticket_audits.json"
    audit = json.loads(path.read_text(encoding="utf-8"))["audits"][0]
    [conversation] = read(audits={"audits": [audit]}, tickets=[ticket(audit["ticket_id"])])
    assert said(conversation) == [
        ("note", "agent", "internal", "<p>This is a new private comment</p>"),
        ("event", "system", "internal", "status: new → open"),
    ]


@pytest.mark.parametrize(
    "content",
    ["", "text", '{"messages": [{"role": "user", "content": "x"}]}', "[1]", "{}", "a,b\n1,2\n",
     '{"id": 1, "subject": "x", "description": "y", "requester_id": 2, "status": 2, "source": 1}',
     '{"id": 1, "conversation_parts": {}}', '[{"id": 1, "body": "x", "private": true, "user_id": 3}]'],
)  # fmt: skip
def test_other_files_are_not_taken_for_zendesks(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content, encoding="utf-8")
    assert CONNECTOR.detect(SourceFile(path).sample) is None


ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=4)),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=5,
)
FIELDS = ["id", "requester_id", "requester", "via", "tags", "comments", "custom_fields", "satisfaction_rating",
          "collaborator_ids", "description", "status", "updated_at", "brand_id", "submitter_id", "subject"]  # fmt: skip


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(FIELDS), ODD),
    st.dictionaries(
        st.sampled_from(["id", "body", "html_body", "author_id", "public", "via", "attachments", "data"]), ODD
    ),
)
def test_whatever_a_ticket_holds_is_stored_or_rejected(tmp_path_factory, store, fields, odd_comment):
    path = tmp_path_factory.mktemp("odd") / "tickets.json"
    record = {**ticket(), **fields}
    if isinstance(record.get("comments"), list):
        record["comments"].append(odd_comment)
    path.write_text(json.dumps({"tickets": [record]}), encoding="utf-8")
    records = list(CONNECTOR.read(Reading((recognised(SourceFile(path)),), spool=store.spool())))
    assert records
    assert all(isinstance(found, Reject) or found.turns for found in records)

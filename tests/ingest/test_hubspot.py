"""HubSpot: threads with their messages, tickets with what is logged on them; comments and unknown directions hidden."""

import json

import polars as pl
import pytest

from ingest.connectors.hubspot import CONNECTOR
from tests.ingest.files import conversations, read_files, read_folder, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def message(number, text, actor="V-1", kind="MESSAGE", **fields):
    return {"type": kind, "id": f"m{number}", "conversationsThreadId": "7", "createdAt": f"2026-01-05T10:0{number}:00Z",
            "createdBy": actor, "direction": "INCOMING" if actor[0] == "V" else "OUTGOING", "text": text,
            "richText": f"<p>{text}</p>", "senders": [{"actorId": actor, "name": "Ann"}],
            "truncationStatus": "NOT_TRUNCATED", **fields}  # fmt: skip


def thread(**fields):
    return {"id": "7", "status": "CLOSED", "createdAt": "2026-01-05T10:00:00Z", "closedAt": "2026-01-06T10:00:00Z",
            "inboxId": "3", **fields}  # fmt: skip


def inbox(*messages, **fields):
    return {"threads": {"results": [thread(**fields)]}, "messages": {"results": list(messages)}}


def ticket(identity="5", **properties):
    return {"id": identity, "archived": False, "properties": {
        "subject": "Help", "content": None, "createdate": "2026-01-05T09:00:00Z", "hs_pipeline_stage": "1",
        **properties}}  # fmt: skip


def logged(identity, ticket="5", **properties):
    links = {"tickets": {"results": [{"id": ticket, "type": "email_to_ticket"}]}} if ticket else {}
    return {"id": identity, "associations": links, "properties": {
        "hs_timestamp": f"2026-01-05T10:00:0{identity}Z", **properties}}  # fmt: skip


def mail(identity, text, direction="INCOMING_EMAIL", **fields):
    return logged(identity, hs_email_text=text, hs_email_direction=direction, **fields)


def told(conversation):
    return [(turn.role, turn.kind, turn.visibility, turn.text) for turn in conversation.turns]


def test_a_threads_actors_tell_the_roles_and_comments_are_notes(read) -> None:
    (one,) = read(**inbox(
        message(1, "Hello!", "B-2", "WELCOME_MESSAGE"), message(2, "hi"), message(3, "let me see", "L-3"),
        message(4, "done", "A-4"), message(5, "difficult", "A-4", "COMMENT"), message(6, "", "S-1", "ASSIGNMENT")),
        actors={"results": [{"id": "A-4", "type": "AGENT", "name": "Bo", "email": "bo@example.com"}]})  # fmt: skip
    assert told(one) == [
        ("bot", "message", "public", "Hello!"), ("customer", "message", "public", "hi"),
        ("bot", "message", "public", "let me see"), ("agent", "message", "public", "done"),
        ("agent", "note", "internal", "difficult"), ("system", "event", "internal", "ASSIGNMENT"),
    ]  # fmt: skip
    assert [turn.automation for turn in one.turns[:3]] == ["welcome", None, "ai"]
    assert (one.external_id, one.status, one.closed_at, one.completeness) == (
        "7", "closed", "2026-01-06T10:00:00Z", "complete",
    )  # fmt: skip
    assert [p.email for p in one.participants if p.external_id == "A-4"] == ["bo@example.com"]


def test_a_cut_message_makes_the_body_incomplete(read) -> None:
    (one,) = read(**inbox(message(1, "hi", truncationStatus="TRUNCATED"), threadAssociations={"associatedTicketId": 5}))
    assert (one.completeness, one.parent_id) == ("truncated_body", "ticket 5")


def test_a_ticket_has_what_is_logged_on_it(read) -> None:
    (one,) = read(
        tickets={"results": [ticket(content="where is it?", source_type="EMAIL", hs_ticket_priority="HIGH")]},
        logs={"results": [
            mail("1", "Hi, where is it? Ann", hs_email_from_email="ann@example.com"),
            mail("2", "On its way", "EMAIL", hubspot_owner_id="9"), logged("3", hs_note_body="<p>VIP</p>"),
            logged("4", hs_call_body="<p>called</p>"), logged("5", hs_communication_body="sms"),
            mail("6", "not sent", "EMAIL", hs_email_status="DRAFT"), mail("7", "?", None)]})  # fmt: skip
    assert told(one) == [
        ("customer", "message", "public", "Hi, where is it? Ann"), ("agent", "message", "public", "On its way"),
        ("agent", "note", "internal", "<p>VIP</p>"), ("agent", "call", "internal", "<p>called</p>"),
        ("system", "message", "unknown", "sms"), ("agent", "message", "public", "not sent"),
        ("system", "message", "unknown", "?"),
    ]  # fmt: skip
    assert (one.turns[5].is_draft, one.turns[0].body_format, one.turns[2].body_format) == (True, "mail", "html")
    assert (one.external_id, one.subject, one.priority, one.channel) == ("ticket 5", "Help", "high", "email")


@pytest.mark.parametrize(("source", "visibility"), [("EMAIL", "public"), ("FORM", "public"), (None, "unknown")])
def test_a_tickets_content_is_its_first_message_and_shown_if_the_customer_wrote_it(read, source, visibility) -> None:
    (one,) = read(a={"results": [ticket(content="where is it?", source_type=source)]},
                  b={"results": [mail("2", "On its way", "EMAIL")]})  # fmt: skip
    assert told(one) == [("customer", "message", visibility, "where is it?"),
                         ("agent", "message", "public", "On its way")]  # fmt: skip


def test_warehouse_tables_are_joined_through_their_links(read) -> None:
    (one,) = read(
        ticket="id,is_deleted,property_subject,property_content,property_createdate,property_hs_pipeline_stage\n"
        "5,TRUE,Help,,2026-01-05 09:00:00,1\n",
        ticket_engagement="_fivetran_synced,ticket_id,engagement_id\n2026-01-05,5,51\n2026-01-05,5,52\n2026-01-05,5,59\n",
        engagement="id,type,_fivetran_synced,portal_id\n51,EMAIL,2026-01-05,1\n",
        engagement_email="engagement_id,_fivetran_deleted,property_hs_email_text,property_hs_email_direction,property_hs_timestamp\n"
        "51,false,hello,EMAIL,2026-01-05 10:00:00\n",
        engagement_note="engagement_id,_fivetran_deleted,property_hs_note_body,property_hs_timestamp\n"
        "52,true,gone,2026-01-05 11:00:00\n",
    )
    assert told(one) == [("agent", "message", "public", "hello"), ("agent", "note", "internal", "gone")]
    assert (one.turns[1].is_deleted, one.status, one.completeness) == (True, "deleted", "truncated_body")
    assert one.custom["engagements_missing"] == 1


def test_engagements_of_version_1_are_read(read) -> None:
    (one,) = read(a={"results": [{"engagement": {"id": 1, "type": "INCOMING_EMAIL", "timestamp": 1_767_600_000_000},
                                  "associations": {"ticketIds": [5]},
                                  "metadata": {"text": "hi", "from": {"email": "ann@example.com"}}}]})  # fmt: skip
    assert (one.external_id, told(one)) == ("ticket 5", [("customer", "message", "public", "hi")])
    assert one.participants[0].email == "ann@example.com"


def test_mails_without_a_ticket_are_threads_and_other_things_belong_nowhere(read) -> None:
    records = read(a={"results": [
        mail("1", "a", ticket=None, hs_email_thread_id="t"),
        mail("2", "b", "EMAIL", ticket=None, hs_email_thread_id="t"),
        logged("3", ticket=None, hs_note_body="lost")]})  # fmt: skip
    (one,) = conversations(records)
    assert [turn.text for turn in one.turns] == ["a", "b"]
    assert [code for code, _ in rejects(records)] == ["orphan"]


def test_what_is_nothing_of_hubspots_or_empty_is_rejected(read) -> None:
    links = "_fivetran_synced,ticket_id,engagement_id\n2026-01-05,8,81\n2026-01-05,8,82\n"
    records = read(a={"results": [message(1, "hi"), "odd", {"x": 1}, message(2, "x", conversationsThreadId=None)]},
                   b={"results": [thread(id="9")]}, links=links)  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "no_identity", "no_turns", "orphan", "orphan",
    ]  # fmt: skip


def test_the_shared_tables_are_all_read(shared, store) -> None:
    records = read_folder(CONNECTOR, shared / "formats" / "hubspot", store)
    assert len(conversations(records)) == 26
    assert {code for code, _ in rejects(records)} == {"orphan"}


THREADS = (
    "id,inbox_id,associated_contact_id,associated_ticket_id,closed_at,created_at,spam,status,_fivetran_deleted,_fivetran_synced\n"
    "t1,i1,9,5,2024-03-15 10:00:00,2024-03-01 09:00:00,false,CLOSED,false,x\n"
)
MESSAGES = """\
id,thread_id,created_at,created_by,direction,rich_text,text,truncation_status,type,_fivetran_deleted,_fivetran_active
m1,t1,2024-03-01 09:00:00,V-1,INCOMING,<p>Helo</p>,Helo,NOT_TRUNCATED,MESSAGE,false,false
m1,t1,2024-03-01 09:00:00,V-1,INCOMING,<p>Hello</p>,Hello,NOT_TRUNCATED,MESSAGE,false,true
m2,t1,2024-03-01 09:30:00,A-1,OUTGOING,,Hi,TRUNCATED,MESSAGE,false,true
m3,t1,2024-03-01 09:40:00,A-1,OUTGOING,,difficult,NOT_TRUNCATED,COMMENT,false,true
"""
SENDERS = """\
_fivetran_id,actor_id,message_id,thread_id,name,sender_field,delivery_identifier_type,delivery_identifier_value,_fivetran_synced
a,x1,m1,t1,Ann Lee,FROM,HS_EMAIL_ADDRESS,ann@example.com,x
b,x2,m9,t9,Jane,FROM,HS_EMAIL_ADDRESS,jane@example.com,x
"""
RECIPIENTS = SENDERS.replace("sender_field", "recipient_field")
PEOPLE = "id,avatar,email,name,type,_fivetran_synced\nA-1,,bo@example.com,Bo Agent,AGENT,x\n"


def test_fivetrans_tables_of_the_inbox_are_joined(read) -> None:
    records = read(thread=THREADS, messages=MESSAGES, senders=SENDERS, recipients=RECIPIENTS, actors=PEOPLE)
    (one,) = conversations(records)
    assert told(one) == [
        ("customer", "message", "public", "Hello"), ("agent", "message", "public", "Hi"),
        ("agent", "note", "internal", "difficult"),
    ]  # fmt: skip
    assert (one.external_id, one.parent_id, one.status, one.completeness) == (
        "t1", "ticket 5", "closed", "truncated_body",
    )  # fmt: skip
    assert [(p.role, p.display_name, p.email) for p in one.participants] == [
        ("customer", "Ann Lee", "ann@example.com"), ("agent", "Bo Agent", "bo@example.com"),
    ]  # fmt: skip
    assert [code for code, _ in rejects(records)] == ["orphan"]


def test_fivetrans_older_tables_of_engagements_are_known_by_their_columns(read) -> None:
    (one,) = read(
        ticket="id,is_deleted,property_subject,property_content,property_hs_pipeline_stage,_fivetran_synced\n5,FALSE,Help,,7,x\n",
        ticket_engagement="_fivetran_synced,ticket_id,engagement_id\nx,5,1\nx,5,2\nx,5,3\n",
        engagement="id,type,owner_id,timestamp,portal_id,_fivetran_synced\n1,INCOMING_EMAIL,4,2026-01-05 10:00:00,1,x\n"
        "2,CALL,4,2026-01-05 11:00:00,1,x\n3,NOTE,4,2026-01-05 12:00:00,1,x\n",
        engagement_email="engagement_id,_fivetran_synced,html,text,subject,from_email\n1,x,<p>hi</p>,hi,Help,ann@example.com\n",
        engagement_call="engagement_id,_fivetran_synced,disposition,recording_url,body\n2,x,,,called\n",
        engagement_note="engagement_id,_fivetran_synced,body\n3,x,difficult\n",
        owner="owner_id,_fivetran_synced,email,first_name,last_name,portal_id,type\n4,x,bo@example.com,Bo,Agent,1,PERSON\n",
        stage="stage_id,_fivetran_deleted,_fivetran_synced,label,pipeline_id,ticket_state\n7,FALSE,x,Done,0,CLOSED\n",
    )
    assert told(one) == [
        ("customer", "message", "public", "hi"), ("agent", "call", "internal", "called"),
        ("agent", "note", "internal", "difficult"),
    ]  # fmt: skip
    assert (one.status, one.status_raw, one.completeness) == ("closed", "Done", "complete")
    assert [(p.role, p.display_name) for p in one.participants] == [("customer", None), ("agent", "Bo Agent")]


def airbyte(record):
    return {"_airbyte_raw_id": "x", "_airbyte_extracted_at": "y", "_airbyte_meta": "{}", **record}


def as_csv(*records):
    texts = [{name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in record.items()}
             for record in records]  # fmt: skip
    return pl.DataFrame(texts).write_csv()


def test_airbytes_streams_are_joined(read) -> None:
    note = {"_airbyte_raw_id": "x", "_airbyte_extracted_at": 1, "_airbyte_data": {
        "id": 2, "type": "NOTE", "timestamp": 1_767_614_400_000, "ownerId": 4, "metadata": {"body": "difficult"},
        "associations": {"ticketIds": [5]}}}  # fmt: skip
    first = mail("1", "hi", ticket=None) | {"tickets": ["5"]}
    del first["associations"]
    (one,) = read(
        tickets=as_csv(airbyte(ticket(content="hi", source_type="EMAIL"))),
        engagements_emails=as_csv(airbyte(first)),
        engagements=[note],
        owners=as_csv(airbyte({"id": 4, "email": "bo@example.com", "firstName": "Bo", "lastName": "A", "userId": 7})),
    )
    assert told(one) == [("customer", "message", "public", "hi"), ("agent", "note", "internal", "difficult")]
    assert (one.external_id, one.completeness) == ("ticket 5", "complete")
    assert [p.display_name for p in one.participants if p.role == "agent"] == ["Bo A"]


def test_of_several_versions_of_a_ticket_the_newest_counts(read) -> None:
    old = ticket(content="hi", hs_lastmodifieddate="2026-01-05T10:00:00Z", subject="Old")
    new = ticket(content="hi", hs_lastmodifieddate="2026-01-06T10:00:00Z", subject="New")
    (one,) = read(a=[new, old])
    assert one.subject == "New"


@pytest.mark.parametrize("kind", [None, "", "MOON"])
def test_a_message_of_an_unknown_type_may_be_a_comment_and_is_hidden(read, kind) -> None:
    (one,) = read(**inbox(message(1, "hi"), message(2, "difficult", "A-4", kind)))
    assert [turn.visibility for turn in one.turns] == ["public", "internal"]


def contact(identity, **properties):
    return {"id": identity, "createdAt": "2026-01-01T00:00:00Z", "archived": False, "properties": {
        "hs_object_id": identity, "createdate": "2026-01-01T00:00:00Z", "firstname": "Ann", "lastname": "Lee",
        "email": "ann@example.com", "phone": None, "mobilephone": "+15550100", **properties}}  # fmt: skip


def customers(conversation):
    return [(person.display_name, person.email, person.phone)
            for person in conversation.participants if person.role == "customer"]  # fmt: skip


def test_a_contact_lends_the_only_customer_what_the_messages_do_not_tell(read) -> None:
    contacts = {"results": [contact("90"), contact("91", firstname="Bo", email="bo@example.com")]}
    (one,) = read(**inbox(message(1, "hi", senders=[{"actorId": "V-1"}]), associatedContactId="91"), contacts=contacts)
    assert customers(one) == [("Bo Lee", "bo@example.com", "+15550100")]
    (named,) = read(**inbox(message(1, "hi"), associatedContactId=90), contacts=contacts)
    assert customers(named) == [("Ann", "ann@example.com", "+15550100")]
    both = inbox(message(1, "hi"), message(2, "me too", "V-2"), associatedContactId="90")
    assert [email for _, email, _ in customers(read(**both, contacts=contacts)[0])] == [None, None]


def test_a_ticket_finds_its_contact_and_a_contact_alone_is_no_conversation(read) -> None:
    associated = ticket() | {"associations": {"contacts": {"results": [{"id": "90", "type": "ticket_to_contact"}]}}}
    said = mail("1", "my parcel is lost", hs_email_from_email="ann@example.com")
    (one,) = read(tickets=[associated], emails=[said], contacts=[contact("90"), contact("92")])
    assert customers(one) == [("Ann Lee", "ann@example.com", "+15550100")]
    assert "contact" not in one.custom
